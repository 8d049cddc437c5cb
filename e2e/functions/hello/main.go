// Command hello is a Lambda function that answers with a page which shows the event it got.
package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/seed05e46011/lambda/e2e/functions/internal/event"
)

//go:embed page.html
var pageHTML string

var page = template.Must(template.New("page").Parse(pageHTML))

// view is what page.html shows.
type view struct {
	event.Event
	Function, ARN, RequestID string
	// Shown is the body if it is text.
	Shown string
	Text  bool
	// JSON is the whole event, indented.
	JSON string
}

func main() {
	lambda.Start(handle)
}

func handle(ctx context.Context, raw json.RawMessage) (events.APIGatewayV2HTTPResponse, error) {
	v := view{Event: event.Parse(raw), Function: lambdacontext.FunctionName}
	v.Shown, v.Text = v.TextBody()
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		v.ARN, v.RequestID = lc.InvokedFunctionArn, lc.AwsRequestID
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, raw, "", "  "); err != nil {
		return events.APIGatewayV2HTTPResponse{}, fmt.Errorf("indent event: %w", err)
	}
	v.JSON = indented.String()

	var body bytes.Buffer
	if err := page.Execute(&body, v); err != nil {
		return events.APIGatewayV2HTTPResponse{}, fmt.Errorf("render page: %w", err)
	}
	return events.APIGatewayV2HTTPResponse{
		StatusCode: http.StatusOK,
		Headers:    map[string]string{"content-type": "text/html; charset=utf-8", "cache-control": "no-store"},
		Body:       body.String(),
	}, nil
}
