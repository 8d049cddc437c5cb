// Command fail is a Lambda function that fails: with an error, on /panic (or `?mode=panic`) with a panic, and
// on /exit (or `?mode=exit`) by the end of its process.
package main

import (
	"encoding/json"
	"errors"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/seed05e46011/lambda/e2e/functions/internal/event"
)

var errOnPurpose = errors.New("failed on purpose")

func main() {
	lambda.Start(func(raw json.RawMessage) (any, error) {
		e := event.Parse(raw)
		mode := e.Parameter("mode")
		if mode == "" {
			mode = e.LastSegment()
		}
		switch mode {
		case "panic":
			panic("panicked on purpose")
		case "exit":
			os.Exit(3)
		}
		return nil, errOnPurpose
	})
}
