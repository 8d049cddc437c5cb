// Command reply is a Lambda function that answers with the payload that the request asks for, to the byte: the query's
// `?reply=`, else the body.
package main

import (
	"context"
	"errors"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/seed05e46011/lambda/e2e/functions/internal/event"
)

// handler is a lambda.Handler of its own, for the SDK would marshal what a plain function returns, and refuse what is
// not JSON.
type handler struct{}

func (handler) Invoke(_ context.Context, raw []byte) ([]byte, error) {
	e := event.Parse(raw)
	if e.Query.Has("reply") {
		return []byte(e.Query.Get("reply")), nil
	}
	if e.Body == "" {
		return nil, errors.New("neither ?reply= nor a body")
	}
	return []byte(e.Body), nil
}

func main() { lambda.Start(handler{}) }
