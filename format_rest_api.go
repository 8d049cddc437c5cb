package lambda

import (
	"encoding/json"
	"net/url"
	"strings"
	"unicode/utf8"
)

// REST APIs of API Gateway, and HTTP APIs with payload format 1.0, which is nearly the same:
// https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html#api-gateway-simple-proxy-for-lambda-input-format
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html

// proxyEvent is the event. Missing values are null, not absent.
type proxyEvent struct {
	Version                         string              `json:"version,omitempty"` // "1.0" for HTTP APIs, absent for REST APIs
	Resource                        string              `json:"resource"`
	Path                            string              `json:"path"` // encoded
	HTTPMethod                      string              `json:"httpMethod"`
	Headers                         map[string]string   `json:"headers"` // the last value of each
	MultiValueHeaders               map[string][]string `json:"multiValueHeaders"`
	QueryStringParameters           map[string]string   `json:"queryStringParameters"` // the last value of each
	MultiValueQueryStringParameters url.Values          `json:"multiValueQueryStringParameters"`
	PathParameters                  map[string]string   `json:"pathParameters"`
	StageVariables                  map[string]string   `json:"stageVariables"`
	RequestContext                  proxyContext        `json:"requestContext"`
	Body                            any                 `json:"body"` // string, or []byte, which is encoded as Base64
	IsBase64Encoded                 bool                `json:"isBase64Encoded"`
}

type proxyContext struct {
	AccountID         string          `json:"accountId"`
	APIID             string          `json:"apiId"`
	Authorizer        json.RawMessage `json:"authorizer,omitempty"`
	DeploymentID      string          `json:"deploymentId,omitempty"` // in authorizers' events only
	DomainName        string          `json:"domainName"`
	DomainPrefix      string          `json:"domainPrefix"`
	ExtendedRequestID string          `json:"extendedRequestId"`
	HTTPMethod        string          `json:"httpMethod"`
	Identity          proxyIdentity   `json:"identity"`
	Path              string          `json:"path"` // with the stage
	Protocol          string          `json:"protocol"`
	RequestID         string          `json:"requestId"`
	RequestTime       string          `json:"requestTime"`      // Common Log Format
	RequestTimeEpoch  int64           `json:"requestTimeEpoch"` // milliseconds
	ResourceID        string          `json:"resourceId"`
	ResourcePath      string          `json:"resourcePath"`
	Stage             string          `json:"stage"`
}

// proxyIdentity describes the caller. Only the address, the browser and the certificate are known. All
// other values come from AWS's own authentication, and are null here.
type proxyIdentity struct {
	AccessKey                     *string         `json:"accessKey"`
	AccountID                     *string         `json:"accountId"`
	Caller                        *string         `json:"caller"`
	CognitoAMR                    json.RawMessage `json:"cognitoAmr,omitempty"` // null for HTTP APIs, absent for REST APIs
	CognitoAuthenticationProvider *string         `json:"cognitoAuthenticationProvider"`
	CognitoAuthenticationType     *string         `json:"cognitoAuthenticationType"`
	CognitoIdentityID             *string         `json:"cognitoIdentityId"`
	CognitoIdentityPoolID         *string         `json:"cognitoIdentityPoolId"`
	PrincipalOrgID                *string         `json:"principalOrgId"`
	SourceIP                      string          `json:"sourceIp"`
	User                          *string         `json:"user"`
	UserAgent                     any             `json:"userAgent"` // a string, or null
	UserARN                       *string         `json:"userArn"`
	ClientCert                    *clientCert     `json:"clientCert,omitempty"` // only if the client has one
}

//lambda:inline
func encodeHTTPAPIv1(settings *eventSettings, req *request) ([]byte, error) {
	event := newHTTPAPIv1Event(settings, req)
	return marshalEvent(req, event)
}

//lambda:inline
func newHTTPAPIv1Event(settings *eventSettings, req *request) *proxyEvent {
	event := newProxyEvent(settings, req, headerValues(req, false))
	event.Version = "1.0"
	event.Resource = routePath(req.routeKey)
	event.PathParameters = req.pathParameters
	context := &event.RequestContext
	context.ResourceID = req.routeKey
	context.ResourcePath = event.Resource
	context.RequestID = req.requestID
	context.ExtendedRequestID = context.RequestID
	context.Identity.CognitoAMR = json.RawMessage("null")
	if settings.context.stage != defaultRouteKey {
		context.Path = "/" + settings.context.stage + event.Path
	}
	if len(req.body) > 0 {
		contentType := event.Headers["Content-Type"]
		event.IsBase64Encoded = !isText(contentType, req.body) || isBinaryMediaType(settings, contentType)
		event.Body = eventBody(req.body, event.IsBase64Encoded)
	}
	return event
}

//lambda:inline
func encodeRESTAPI(settings *eventSettings, req *request) ([]byte, error) {
	headers := headerValues(req, false)
	delete(headers, "Content-Length")
	isBase64 := len(req.body) > 0 && (!utf8.Valid(req.body) || isBinaryMediaType(settings, last(headers["Content-Type"])))
	event := newRESTAPIEvent(settings, req, headers)
	if len(req.body) > 0 {
		event.IsBase64Encoded = isBase64
		event.Body = eventBody(req.body, isBase64)
	}
	return marshalEvent(req, event)
}

// newRESTAPIEvent returns the event without its body.
//
//lambda:inline
func newRESTAPIEvent(settings *eventSettings, req *request, headers map[string][]string) *proxyEvent {
	if req.http.ProtoMajor >= 2 {
		headers = lowerButAWS(headers)
	}
	event := newProxyEvent(settings, req, headers)
	context := &event.RequestContext
	setResource(event, req)
	context.ResourceID = settings.context.apiID
	context.ResourcePath = event.Resource
	context.RequestID = requestUUID(req)
	context.ExtendedRequestID = req.requestID
	context.Path = "/" + settings.context.stage + event.Path
	return event
}

// newProxyEvent returns the part that both events share.
//
//lambda:inline
func newProxyEvent(settings *eventSettings, req *request, headers map[string][]string) *proxyEvent {
	r := req.http
	domain, prefix := hostname(req.http.Host)
	path := escapedPath(req)
	event := &proxyEvent{
		Path:              path,
		HTTPMethod:        r.Method,
		Headers:           lastValues(headers),
		MultiValueHeaders: headers,
		StageVariables:    settings.context.stageVariables,
		RequestContext: proxyContext{
			AccountID:        settings.context.accountID,
			APIID:            settings.context.apiID,
			Authorizer:       req.authorizer,
			DomainName:       domain,
			DomainPrefix:     prefix,
			HTTPMethod:       r.Method,
			Identity:         proxyIdentity{SourceIP: req.clientIP},
			Path:             path,
			Protocol:         r.Proto,
			RequestTime:      req.second.logTime,
			RequestTimeEpoch: req.millis,
			Stage:            settings.context.stage,
		},
	}
	if r.TLS != nil {
		event.RequestContext.Identity.ClientCert = verifiedClientCert(r)
	}
	if userAgent, ok := event.Headers["User-Agent"]; ok {
		event.RequestContext.Identity.UserAgent = userAgent
	}
	if req.http.URL.RawQuery != "" {
		query := parseQuery(req)
		event.QueryStringParameters = lastValues(query)
		event.MultiValueQueryStringParameters = query
	}
	return event
}

// restAPIContext sets the stage "prod": stages of REST APIs have names, never $default.
func restAPIContext(c *eventContext) {
	c.stage = "prod"
}

// setResource sets the resource that matches the request. REST APIs have no default route. A REST API
// for all requests consists of its root and of a greedy resource under it.
//
//lambda:inline
func setResource(event *proxyEvent, req *request) {
	switch {
	case req.routeKey != defaultRouteKey:
		event.Resource = routePath(req.routeKey)
		event.PathParameters = encodedPathParameters(event.Resource, req)
	case event.Path == "/":
		event.Resource = "/"
	default:
		event.Resource = "/{proxy+}"
		event.PathParameters = map[string]string{"proxy": event.Path[1:]}
	}
}

// routePath returns the path in a route key: "/users/{id}" in "GET /users/{id}".
//
//lambda:inline
func routePath(routeKey string) string {
	return routeKey[strings.LastIndexByte(routeKey, ' ')+1:]
}

// encodedPathParameters returns the values of the resource's parameters, escaped as the client sent
// them; nil for none.
func encodedPathParameters(resource string, req *request) map[string]string {
	if !strings.Contains(resource, "{") {
		return nil
	}
	parameters := map[string]string{}
	segments := strings.Split(escapedPath(req), "/")
	for i, part := range strings.Split(resource, "/") {
		if !strings.HasPrefix(part, "{") || i >= len(segments) {
			continue
		}
		if strings.HasSuffix(part, "+}") {
			parameters[part[1:len(part)-2]] = strings.Join(segments[i:], "/")
		} else {
			parameters[part[1:len(part)-1]] = segments[i]
		}
	}
	return parameters
}

// lowerButAWS returns the headers in the form that REST APIs use for HTTP/2 clients: names in lower
// case, except those that AWS itself adds.
func lowerButAWS(headers map[string][]string) map[string][]string {
	lower := make(map[string][]string, len(headers))
	for name, values := range headers {
		if !canonicalByAWS[name] {
			name = strings.ToLower(name)
		}
		lower[name] = values
	}
	return lower
}

var canonicalByAWS = map[string]bool{
	"Host": true, "User-Agent": true, "X-Amzn-Trace-Id": true,
	"X-Forwarded-For": true, "X-Forwarded-Host": true, "X-Forwarded-Port": true, "X-Forwarded-Proto": true,
}

var strictHTTPAPIv1 = &strictRules{
	headers:      []string{"headers", "multiValueHeaders"},
	badReply:     strictFailure{500, `{"message":"Internal Server Error"}`},
	notJSON:      strictFailure{500, `{"message":"Internal Server Error"}`},
	functionFail: strictFailure{500, `{"message":"Internal Server Error"}`},
	tooLarge:     strictFailure{413, `{"message":"Request Entity Too Large"}`},
	notFound:     strictFailure{404, `{"message":"Not Found"}`},
}

// strictRESTAPI: the blank after the colon is AWS's own.
var strictRESTAPI = &strictRules{
	fields:       []string{"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"},
	headers:      []string{"multiValueHeaders", "headers"},
	badReply:     strictFailure{502, `{"message": "Internal server error"}`},
	notJSON:      strictFailure{502, `{"message":"Internal server error"}`},
	functionFail: strictFailure{502, `{"message": "Internal server error"}`},
	tooLarge:     strictFailure{413, `{"message":"Request Too Long"}`},
	notFound:     strictFailure{403, `{"message":"Missing Authentication Token"}`},
}
