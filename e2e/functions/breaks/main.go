// Command breaks is a Lambda function whose streamed reply does not come to its end: after `?chunks=` lines (3)
// it fails with an error, with `?mode=exit` its process exits, with `?mode=hang` nothing more comes.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/seed05e46011/lambda/e2e/functions/internal/event"
)

var errOnPurpose = errors.New("broke off on purpose")

func main() {
	lambda.Start(func(raw json.RawMessage) (*events.LambdaFunctionURLStreamingResponse, error) {
		e := event.Parse(raw)
		chunks := 3
		if text := e.Parameter("chunks"); text != "" {
			var err error
			if chunks, err = strconv.Atoi(text); err != nil {
				return nil, fmt.Errorf("parse chunks: %w", err)
			}
		}
		return &events.LambdaFunctionURLStreamingResponse{
			StatusCode: http.StatusOK,
			Headers:    map[string]string{"content-type": "text/plain; charset=utf-8"},
			Body:       &broken{mode: e.Parameter("mode"), chunks: chunks},
		}, nil
	})
}

// broken reads as chunks lines, one a time, and then breaks.
type broken struct {
	mode         string
	chunks, read int
}

func (b *broken) Read(p []byte) (int, error) {
	if b.read < b.chunks {
		b.read++
		return copy(p, fmt.Sprintf("line %d\n", b.read)), nil
	}
	switch b.mode {
	case "exit":
		os.Exit(3)
	case "hang":
		time.Sleep(time.Hour)
	}
	return 0, errOnPurpose
}
