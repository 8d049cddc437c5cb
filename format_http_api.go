package lambda

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// HTTP APIs of API Gateway, payload format 2.0:
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html

// httpAPIv2Event is the event. Its fields are in AWS's order, which Go's encoder keeps.
type httpAPIv2Event struct {
	Version               string            `json:"version"`
	RouteKey              string            `json:"routeKey"`
	RawPath               string            `json:"rawPath"`        // decoded, in spite of its name
	RawQueryString        string            `json:"rawQueryString"` // as sent, without "?"
	Cookies               []string          `json:"cookies,omitempty"`
	Headers               map[string]string `json:"headers"`
	QueryStringParameters map[string]string `json:"queryStringParameters,omitempty"`
	RequestContext        httpAPIv2Context  `json:"requestContext"`
	Body                  any               `json:"body,omitempty"` // string, or []byte, which is encoded as Base64
	PathParameters        map[string]string `json:"pathParameters,omitempty"`
	IsBase64Encoded       bool              `json:"isBase64Encoded"`
	StageVariables        map[string]string `json:"stageVariables,omitempty"`
}

type httpAPIv2Context struct {
	AccountID      string                   `json:"accountId"`
	APIID          string                   `json:"apiId"`
	Authentication *httpAPIv2Authentication `json:"authentication,omitempty"`
	Authorizer     json.RawMessage          `json:"authorizer,omitempty"`
	DomainName     string                   `json:"domainName"`
	DomainPrefix   string                   `json:"domainPrefix"`
	HTTP           httpAPIv2HTTP            `json:"http"`
	RequestID      string                   `json:"requestId"`
	RouteKey       string                   `json:"routeKey"`
	Stage          string                   `json:"stage"`
	Time           string                   `json:"time"`      // Common Log Format
	TimeEpoch      int64                    `json:"timeEpoch"` // milliseconds
}

// httpAPIv2Authentication is present only if the client has a certificate.
type httpAPIv2Authentication struct {
	ClientCert *clientCert `json:"clientCert"`
}

type httpAPIv2HTTP struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

//lambda:inline
func encodeHTTPAPIv2(settings *eventSettings, req *request) ([]byte, error) {
	event := newHTTPAPIv2Event(settings, req)
	delete(event.Headers, "cookie") // its values are in event.Cookies
	return marshalEvent(req, event)
}

// newHTTPAPIv2Event returns the event, which Function URLs use too.
//
//lambda:inline
func newHTTPAPIv2Event(settings *eventSettings, req *request) *httpAPIv2Event {
	r := req.http
	common := settings.httpAPIv2.Load().(*httpAPIv2Common)
	if common.host != r.Host {
		common = setHTTPAPIv2Common(settings, r.Host)
	}
	event := &httpAPIv2Event{}
	*event = common.event
	headers := lowerHeaders(req)
	event.RawPath = req.path
	event.RawQueryString = r.URL.RawQuery
	event.Headers = headers
	context := &event.RequestContext
	context.HTTP = httpAPIv2HTTP{
		Method: r.Method, Path: req.path, Protocol: r.Proto, SourceIP: req.clientIP, UserAgent: headers["user-agent"],
	}
	context.RequestID = req.requestID
	context.Time = req.second.logTime
	context.TimeEpoch = req.millis
	context.Authorizer = req.authorizer
	if r.TLS != nil {
		setHTTPAPIv2ClientCert(r, context)
	}
	if event.RawQueryString != "" {
		event.QueryStringParameters = joinedQuery(req)
	}
	if headers["cookie"] != "" {
		event.Cookies = splitCookies(headers["cookie"])
	}
	if req.body != nil {
		setHTTPAPIv2Body(settings, req, event)
	}
	if req.routeKey != defaultRouteKey {
		event.RouteKey = req.routeKey
		context.RouteKey = req.routeKey
		event.PathParameters = req.pathParameters
	}
	return event
}

// httpAPIv2Common is the part that the events of all requests to one host share.
type httpAPIv2Common struct {
	host  string // the Host header
	event httpAPIv2Event
}

// setHTTPAPIv2Common makes the common part for a host, and keeps it for the requests that follow.
func setHTTPAPIv2Common(settings *eventSettings, host string) *httpAPIv2Common {
	domain, prefix := hostname(host)
	c := &httpAPIv2Common{
		host: host,
		event: httpAPIv2Event{
			Version:        "2.0",
			RouteKey:       defaultRouteKey,
			StageVariables: settings.context.stageVariables,
			RequestContext: httpAPIv2Context{
				AccountID:    settings.context.accountID,
				APIID:        settings.context.apiID,
				DomainName:   domain,
				DomainPrefix: prefix,
				RouteKey:     defaultRouteKey,
				Stage:        settings.context.stage,
			},
		},
	}
	settings.httpAPIv2.Store(c)
	return c
}

// httpAPIContext changes nothing: newEventContext starts with the defaults of HTTP APIs.
func httpAPIContext(_ *eventContext) {}

func setHTTPAPIv2ClientCert(r *http.Request, context *httpAPIv2Context) {
	if certificate := verifiedClientCert(r); certificate != nil {
		context.Authentication = &httpAPIv2Authentication{ClientCert: certificate}
	}
}

//lambda:inline
func setHTTPAPIv2Body(settings *eventSettings, req *request, event *httpAPIv2Event) {
	event.Headers["content-length"] = strconv.Itoa(len(req.body)) // chunked requests have no such header
	contentType := event.Headers["content-type"]
	event.IsBase64Encoded = !isText(contentType, req.body) || isBinaryMediaType(settings, contentType)
	event.Body = eventBody(req.body, event.IsBase64Encoded)
}

// strictHTTPAPIv2 ignores multiValueHeaders, which format 2.0 does not have.
var strictHTTPAPIv2 = &strictRules{
	headers:      []string{"headers"},
	cookies:      true,
	badReply:     strictFailure{500, `{"message":"Internal Server Error"}`},
	notJSON:      strictFailure{500, `{"message":"Internal Server Error"}`},
	functionFail: strictFailure{500, `{"message":"Internal Server Error"}`},
	tooLarge:     strictFailure{413, `{"message":"Request Entity Too Large"}`},
	notFound:     strictFailure{404, `{"message":"Not Found"}`},
}
