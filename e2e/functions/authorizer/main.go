// Command authorizer is a Lambda authorizer in the shapes that AWS's samples and blueprints have: a simple reply for
// format 2.0, a policy for the others. What it does depends on the token: "allow", "deny", "unauthorized", "fail". With the
// stage variable mode=show it tells the function behind it the event that it got.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

// calls counts the invocations of this instance, so that tests can tell a cached result.
var calls atomic.Int64

func main() {
	lambda.Start(handle)
}

func handle(_ context.Context, raw json.RawMessage) (any, error) {
	var kind struct {
		Type    string `json:"type"`
		Version string `json:"version"`
	}
	if err := json.Unmarshal(raw, &kind); err != nil {
		return nil, err
	}
	switch {
	case kind.Version == "2.0":
		return simple(raw)
	case kind.Type == "TOKEN":
		var event events.APIGatewayCustomAuthorizerRequest
		if err := json.Unmarshal(raw, &event); err != nil {
			return nil, err
		}
		return policyFor(event.AuthorizationToken, event.MethodArn)
	default:
		var event events.APIGatewayCustomAuthorizerRequestTypeRequest
		if err := json.Unmarshal(raw, &event); err != nil {
			return nil, err
		}
		if event.StageVariables["mode"] == "show" {
			return show(raw), nil
		}
		return policyFor(event.Headers["Authorization"], event.MethodArn)
	}
}

// simple replies to format 2.0.
func simple(raw json.RawMessage) (any, error) {
	var event events.APIGatewayV2CustomAuthorizerV2Request
	if err := json.Unmarshal(raw, &event); err != nil {
		return nil, err
	}
	if event.StageVariables["mode"] == "show" {
		return show(raw), nil
	}
	token := bare(event.IdentitySource[0])
	if token == "fail" {
		return nil, errors.New("no database")
	}
	return events.APIGatewayV2CustomAuthorizerSimpleResponse{
		IsAuthorized: token == "allow",
		Context:      map[string]any{"user": "u1", "call": calls.Add(1), "roles": []string{"a", "b"}},
	}, nil
}

// policyFor replies as AWS's blueprints do: with a policy for the method that was asked for.
func policyFor(token, methodARN string) (any, error) {
	effect := "Deny"
	switch bare(token) {
	case "allow":
		effect = "Allow"
	case "unauthorized":
		return nil, errors.New("Unauthorized") // the text that API Gateway wants
	case "fail":
		return nil, errors.New("no database")
	}
	return events.APIGatewayCustomAuthorizerResponse{
		PrincipalID: "user|a1b2c3d4",
		PolicyDocument: events.APIGatewayCustomAuthorizerPolicy{
			Version: "2012-10-17",
			Statement: []events.IAMPolicyStatement{
				{Action: []string{"execute-api:Invoke"}, Effect: effect, Resource: []string{methodARN}},
			},
		},
		Context: map[string]any{"stringKey": "stringval", "numberKey": 123, "booleanKey": true, "call": calls.Add(1)},
	}, nil
}

// show allows everything, and tells the function behind it the event.
func show(raw json.RawMessage) events.APIGatewayCustomAuthorizerResponse {
	return events.APIGatewayCustomAuthorizerResponse{
		PolicyDocument: events.APIGatewayCustomAuthorizerPolicy{
			Version:   "2012-10-17",
			Statement: []events.IAMPolicyStatement{{Action: []string{"*"}, Effect: "Allow", Resource: []string{"*"}}},
		},
		Context: map[string]any{"event": string(raw)},
	}
}

func bare(token string) string { return strings.TrimPrefix(token, "Bearer ") }
