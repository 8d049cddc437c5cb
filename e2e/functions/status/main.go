// Command status is a Lambda function that answers as the query asks: `?code=` is the status, `location=` the
// Location header, each `cookie=` a Set-Cookie, each `header=Name:value` a header. 1xx, 204 and 304 have no body.
package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/seed05e46011/lambda/e2e/functions/internal/event"
)

func main() {
	lambda.Start(func(raw json.RawMessage) (events.APIGatewayV2HTTPResponse, error) {
		e := event.Parse(raw)
		code := http.StatusOK
		if text := e.Parameter("code"); text != "" {
			var err error
			if code, err = strconv.Atoi(text); err != nil {
				return events.APIGatewayV2HTTPResponse{}, fmt.Errorf("parse code: %w", err)
			}
		}
		return respond(e, code), nil
	})
}

func respond(e event.Event, code int) events.APIGatewayV2HTTPResponse {
	response := events.APIGatewayV2HTTPResponse{StatusCode: code, Headers: map[string]string{}, Cookies: e.Query["cookie"]}
	if location := e.Parameter("location"); location != "" {
		response.Headers["location"] = location
	}
	for _, header := range e.Query["header"] {
		name, value, _ := strings.Cut(header, ":")
		response.Headers[name] = value
	}
	if code >= http.StatusOK && code != http.StatusNoContent && code != http.StatusNotModified {
		response.Headers["content-type"] = "text/plain; charset=utf-8"
		response.Body = fmt.Sprintf("status %d\n", code)
	}
	return response
}
