// Command sse is a Lambda function that streams server-sent events: `?events=` of them (10), one each `?ms=`
// milliseconds (100). The data of an event is {"n":1,"at":1767225600000000000}, the time at which it was written
// in nanoseconds.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/seed05e46011/lambda/e2e/functions/internal/event"
)

func main() {
	lambda.Start(func(ctx context.Context, raw json.RawMessage) (*events.LambdaFunctionURLStreamingResponse, error) {
		e := event.Parse(raw)
		count, err := number(e.Parameter("events"), 10)
		if err != nil {
			return nil, fmt.Errorf("parse events: %w", err)
		}
		ms, err := number(e.Parameter("ms"), 100)
		if err != nil {
			return nil, fmt.Errorf("parse ms: %w", err)
		}
		reader, writer := io.Pipe()
		go func() {
			writer.CloseWithError(tick(ctx, writer, count, time.Duration(ms)*time.Millisecond))
		}()
		return &events.LambdaFunctionURLStreamingResponse{
			StatusCode: http.StatusOK,
			Headers:    map[string]string{"content-type": "text/event-stream", "cache-control": "no-cache"},
			Body:       reader,
		}, nil
	})
}

func number(text string, byDefault int) (int, error) {
	if text == "" {
		return byDefault, nil
	}
	return strconv.Atoi(text)
}

// tick writes the first event at once, the others at their time.
func tick(ctx context.Context, w io.Writer, count int, pause time.Duration) error {
	for n := 1; n <= count; n++ {
		if _, err := fmt.Fprintf(w, "id: %d\ndata: {\"n\":%d,\"at\":%d}\n\n", n, n, time.Now().UnixNano()); err != nil {
			return err
		}
		if n == count {
			break
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
