package lambda

import (
	"strconv"

	"github.com/seed05e46011/lambda/internal/authorizer"
)

// Events of Lambda authorizers:
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-input.html
//
// They contain the fields of function events in another order, and no body. The same encoders fill
// them, and find the ARN and the identity in request.authorizing.

// authorizerFormats holds the events by their names in option authorizer.eventFormat. Package
// authorizer reads the replies.
var authorizerFormats = map[string]*authorizerFormat{
	authorizer.FormatHTTPAPIv2:    {encode: encodeHTTPAPIv2Authorizer, setContext: httpAPIContext},
	authorizer.FormatHTTPAPIv1:    {encode: encodeHTTPAPIv1Authorizer, setContext: httpAPIContext},
	authorizer.FormatRESTAPI:      {encode: encodeRESTAPIAuthorizer, setContext: restAPIContext},
	authorizer.FormatRESTAPIToken: {encode: encodeTokenAuthorizer, setContext: restAPIContext},
}

// authorizerFormat is an eventFormat without replies. Workers do not use it.
type authorizerFormat struct {
	encode     func(settings *eventSettings, req *request) (event []byte, err error)
	setContext func(c *eventContext)
}

// authorizerShapes holds the shapes in which an event format passes the authorizer's result to the
// function. Formats that are not listed do not pass it.
var authorizerShapes = map[string]authorizer.Shape{
	"http-api-v2":  authorizer.ShapeHTTPAPIv2,
	"function-url": authorizer.ShapeHTTPAPIv2,
	"http-api-v1":  authorizer.ShapeHTTPAPIv1,
	"rest-api":     authorizer.ShapeRESTAPI,
}

// httpAPIv2AuthorizerEvent is the event of an HTTP API's authorizer, format 2.0.
type httpAPIv2AuthorizerEvent struct {
	Version               string            `json:"version"`
	Type                  string            `json:"type"`
	RouteARN              string            `json:"routeArn"`
	IdentitySource        []string          `json:"identitySource"`
	RouteKey              string            `json:"routeKey"`
	RawPath               string            `json:"rawPath"`
	RawQueryString        string            `json:"rawQueryString"`
	Cookies               []string          `json:"cookies,omitempty"`
	Headers               map[string]string `json:"headers"`
	QueryStringParameters map[string]string `json:"queryStringParameters,omitempty"`
	RequestContext        httpAPIv2Context  `json:"requestContext"`
	PathParameters        map[string]string `json:"pathParameters,omitempty"`
	StageVariables        map[string]string `json:"stageVariables,omitempty"`
}

func encodeHTTPAPIv2Authorizer(settings *eventSettings, req *request) ([]byte, error) {
	event := newHTTPAPIv2Event(settings, req)
	if req.http.ContentLength > 0 { // the body is unread: take the length that the client declared
		event.Headers["content-length"] = strconv.FormatInt(req.http.ContentLength, 10)
	}
	return marshalEvent(req, &httpAPIv2AuthorizerEvent{
		Version:               "2.0",
		Type:                  "REQUEST",
		RouteARN:              req.authorizing.ARN,
		IdentitySource:        req.authorizing.Sources,
		RouteKey:              event.RouteKey,
		RawPath:               event.RawPath,
		RawQueryString:        event.RawQueryString,
		Cookies:               event.Cookies,
		Headers:               event.Headers,
		QueryStringParameters: event.QueryStringParameters,
		RequestContext:        event.RequestContext,
		PathParameters:        event.PathParameters,
		StageVariables:        event.StageVariables,
	})
}

// httpAPIv1AuthorizerEvent is the event of an HTTP API's authorizer, format 1.0. Missing values are
// empty, not null, as in AWS's sample, the only documentation.
type httpAPIv1AuthorizerEvent struct {
	Version                         string                     `json:"version"`
	Type                            string                     `json:"type"`
	MethodARN                       string                     `json:"methodArn"`
	IdentitySource                  string                     `json:"identitySource"`
	AuthorizationToken              string                     `json:"authorizationToken"`
	Resource                        string                     `json:"resource"`
	Path                            string                     `json:"path"`
	HTTPMethod                      string                     `json:"httpMethod"`
	Headers                         map[string]string          `json:"headers"`
	MultiValueHeaders               map[string][]string        `json:"multiValueHeaders"`
	QueryStringParameters           map[string]string          `json:"queryStringParameters"`
	MultiValueQueryStringParameters map[string][]string        `json:"multiValueQueryStringParameters"`
	PathParameters                  map[string]string          `json:"pathParameters"`
	StageVariables                  map[string]string          `json:"stageVariables"`
	RequestContext                  httpAPIv1AuthorizerContext `json:"requestContext"`
}

type httpAPIv1AuthorizerContext struct {
	AccountID         string                      `json:"accountId"`
	APIID             string                      `json:"apiId"`
	DomainName        string                      `json:"domainName"`
	DomainPrefix      string                      `json:"domainPrefix"`
	ExtendedRequestID string                      `json:"extendedRequestId"`
	HTTPMethod        string                      `json:"httpMethod"`
	Identity          httpAPIv1AuthorizerIdentity `json:"identity"`
	Path              string                      `json:"path"`
	Protocol          string                      `json:"protocol"`
	RequestID         string                      `json:"requestId"`
	RequestTime       string                      `json:"requestTime"`
	RequestTimeEpoch  int64                       `json:"requestTimeEpoch"`
	ResourcePath      string                      `json:"resourcePath"`
	Stage             string                      `json:"stage"`
}

type httpAPIv1AuthorizerIdentity struct {
	SourceIP  string `json:"sourceIp"`
	UserAgent any    `json:"userAgent"` // a string, or null
}

func encodeHTTPAPIv1Authorizer(settings *eventSettings, req *request) ([]byte, error) {
	event := newHTTPAPIv1Event(settings, req)
	addContentLength(event, req)
	c := &event.RequestContext
	identity := joinSources(req.authorizing)
	return marshalEvent(req, &httpAPIv1AuthorizerEvent{
		Version:                         "1.0",
		Type:                            "REQUEST",
		MethodARN:                       req.authorizing.ARN,
		IdentitySource:                  identity,
		AuthorizationToken:              identity,
		Resource:                        event.Resource,
		Path:                            event.Path,
		HTTPMethod:                      event.HTTPMethod,
		Headers:                         event.Headers,
		MultiValueHeaders:               event.MultiValueHeaders,
		QueryStringParameters:           singles(event.QueryStringParameters),
		MultiValueQueryStringParameters: lists(event.MultiValueQueryStringParameters),
		PathParameters:                  singles(event.PathParameters),
		StageVariables:                  singles(event.StageVariables),
		RequestContext: httpAPIv1AuthorizerContext{
			AccountID:         c.AccountID,
			APIID:             c.APIID,
			DomainName:        c.DomainName,
			DomainPrefix:      c.DomainPrefix,
			ExtendedRequestID: c.ExtendedRequestID,
			HTTPMethod:        c.HTTPMethod,
			Identity:          httpAPIv1AuthorizerIdentity{SourceIP: c.Identity.SourceIP, UserAgent: c.Identity.UserAgent},
			Path:              c.Path,
			Protocol:          c.Protocol,
			RequestID:         c.RequestID,
			RequestTime:       c.RequestTime,
			RequestTimeEpoch:  c.RequestTimeEpoch,
			ResourcePath:      c.ResourcePath,
			Stage:             c.Stage,
		},
	})
}

// restAPIAuthorizerEvent is the event of a REST API's REQUEST authorizer. It has empty maps where the
// function's event has null, and it has Content-Length.
type restAPIAuthorizerEvent struct {
	Type                            string              `json:"type"`
	MethodARN                       string              `json:"methodArn"`
	Resource                        string              `json:"resource"`
	Path                            string              `json:"path"`
	HTTPMethod                      string              `json:"httpMethod"`
	Headers                         map[string]string   `json:"headers"`
	MultiValueHeaders               map[string][]string `json:"multiValueHeaders"`
	QueryStringParameters           map[string]string   `json:"queryStringParameters"`
	MultiValueQueryStringParameters map[string][]string `json:"multiValueQueryStringParameters"`
	PathParameters                  map[string]string   `json:"pathParameters"`
	StageVariables                  map[string]string   `json:"stageVariables"`
	RequestContext                  proxyContext        `json:"requestContext"`
}

func encodeRESTAPIAuthorizer(settings *eventSettings, req *request) ([]byte, error) {
	event := newRESTAPIEvent(settings, req, headerValues(req, false))
	addContentLength(event, req)
	event.RequestContext.DeploymentID = settings.context.apiID
	return marshalEvent(req, &restAPIAuthorizerEvent{
		Type:                            "REQUEST",
		MethodARN:                       req.authorizing.ARN,
		Resource:                        event.Resource,
		Path:                            event.Path,
		HTTPMethod:                      event.HTTPMethod,
		Headers:                         event.Headers,
		MultiValueHeaders:               event.MultiValueHeaders,
		QueryStringParameters:           singles(event.QueryStringParameters),
		MultiValueQueryStringParameters: lists(event.MultiValueQueryStringParameters),
		PathParameters:                  singles(event.PathParameters),
		StageVariables:                  singles(event.StageVariables),
		RequestContext:                  event.RequestContext,
	})
}

// addContentLength adds the Content-Length that the client declared, since the body is unread.
func addContentLength(event *proxyEvent, req *request) {
	if req.http.ContentLength > 0 && event.Headers["content-length"] == "" { // lower-case names: HTTP/2
		length := strconv.FormatInt(req.http.ContentLength, 10)
		event.Headers["Content-Length"] = length
		event.MultiValueHeaders["Content-Length"] = []string{length}
	}
}

// tokenAuthorizerEvent is the event of a REST API's TOKEN authorizer.
type tokenAuthorizerEvent struct {
	Type               string `json:"type"`
	AuthorizationToken string `json:"authorizationToken"` // the header's whole value
	MethodARN          string `json:"methodArn"`
}

func encodeTokenAuthorizer(_ *eventSettings, req *request) ([]byte, error) {
	return marshalEvent(req, &tokenAuthorizerEvent{
		Type:               "TOKEN",
		AuthorizationToken: joinSources(req.authorizing),
		MethodARN:          req.authorizing.ARN,
	})
}
