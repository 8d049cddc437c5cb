// Command sleep is a Lambda function that answers late: after `?ms=` milliseconds, or those that the path ends
// with. It does not watch its deadline.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/seed05e46011/lambda/e2e/functions/internal/event"
)

func main() {
	lambda.Start(func(raw json.RawMessage) (events.APIGatewayV2HTTPResponse, error) {
		e := event.Parse(raw)
		text := e.Parameter("ms")
		if text == "" {
			text = e.LastSegment()
		}
		ms, err := strconv.Atoi(text)
		if err != nil {
			return events.APIGatewayV2HTTPResponse{}, fmt.Errorf("parse milliseconds: %w", err)
		}
		log.Printf("sleep for %d ms", ms)
		time.Sleep(time.Duration(ms) * time.Millisecond)
		return events.APIGatewayV2HTTPResponse{
			StatusCode: http.StatusOK,
			Headers:    map[string]string{"content-type": "text/plain; charset=utf-8"},
			Body:       fmt.Sprintf("slept for %d ms\n", ms),
		}, nil
	})
}
