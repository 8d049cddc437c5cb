// Command httpadapter is a Lambda function: an application behind AWS's aws-lambda-go-api-proxy.
package main

import (
	"context"
	"encoding/json"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/awslabs/aws-lambda-go-api-proxy/httpadapter"

	"github.com/seed05e46011/lambda/e2e/functions/internal/app"
)

func main() {
	app.ServePlain()
	v1 := httpadapter.New(app.Handler())
	v2 := httpadapter.NewV2(app.Handler())
	alb := httpadapter.NewALB(app.Handler())
	lambda.Start(func(ctx context.Context, raw json.RawMessage) (any, error) {
		var kind struct {
			Version        string `json:"version"`
			RequestContext struct {
				ELB *events.ELBContext `json:"elb"`
			} `json:"requestContext"`
		}
		if err := json.Unmarshal(raw, &kind); err != nil {
			return nil, err
		}
		switch {
		case kind.RequestContext.ELB != nil:
			return proxy(ctx, raw, alb.ProxyWithContext)
		case kind.Version == "2.0":
			return proxy(ctx, raw, v2.ProxyWithContext)
		default:
			return proxy(ctx, raw, v1.ProxyWithContext)
		}
	})
}

// proxy hands an event to the adapter of its kind.
func proxy[E, R any](ctx context.Context, raw json.RawMessage, handle func(context.Context, E) (R, error)) (any, error) {
	var event E
	if err := json.Unmarshal(raw, &event); err != nil {
		return nil, err
	}
	return handle(ctx, event)
}
