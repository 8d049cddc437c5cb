// Command lambdaurl is a Lambda function: an application behind the adapter of aws-lambda-go, which streams.
package main

import (
	"github.com/aws/aws-lambda-go/lambdaurl"

	"github.com/seed05e46011/lambda/e2e/functions/internal/app"
)

func main() {
	app.ServePlain()
	lambdaurl.Start(app.Handler())
}
