package lambda

import (
	"encoding/json"
	"strconv"
)

// HTTP APIs of API Gateway, payload format 2.0:
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html

// httpAPIv2Event is the event. Go's encoder sorts nothing but maps: the order is AWS's own.
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
	AccountID    string          `json:"accountId"`
	APIID        string          `json:"apiId"`
	Authorizer   json.RawMessage `json:"authorizer,omitempty"`
	DomainName   string          `json:"domainName"`
	DomainPrefix string          `json:"domainPrefix"`
	HTTP         httpAPIv2HTTP   `json:"http"`
	RequestID    string          `json:"requestId"`
	RouteKey     string          `json:"routeKey"`
	Stage        string          `json:"stage"`
	Time         string          `json:"time"`      // Common Log Format
	TimeEpoch    int64           `json:"timeEpoch"` // milliseconds
}

type httpAPIv2HTTP struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

// newHTTPAPIv2Event returns the event, that of Function URLs too.
func newHTTPAPIv2Event(l *Lambda, req *request) *httpAPIv2Event {
	r := req.http
	common := l.httpAPIv2.Load().(*httpAPIv2Common)
	if common.host != r.Host {
		common = setHTTPAPIv2Common(l, r.Host)
	}
	event := common.event
	headers := lowerHeaders(req)
	event.RawPath = req.path
	event.RawQueryString = r.URL.RawQuery
	event.Headers = headers
	context := &event.RequestContext
	context.HTTP = httpAPIv2HTTP{r.Method, req.path, r.Proto, req.clientIP, headers["user-agent"]}
	context.RequestID = req.requestID
	context.Time = req.second.logTime
	context.TimeEpoch = req.millis
	context.Authorizer = req.authorizer
	if event.RawQueryString != "" {
		event.QueryStringParameters = joinedQuery(req)
	}
	if _, found := headers["cookie"]; found {
		setHTTPAPIv2Cookies(l, &event)
	}
	if req.body != nil {
		setHTTPAPIv2Body(l, req, &event)
	}
	if req.routeKey != defaultRouteKey {
		setHTTPAPIv2Route(req, &event)
	}
	if l.format.adapt != nil {
		l.format.adapt(req, &event)
	}
	return &event
}

// httpAPIv2Common is what the events of the requests to one host have in common.
type httpAPIv2Common struct {
	host  string // the Host header
	event httpAPIv2Event
}

// setHTTPAPIv2Common makes that, and has the handler keep it for the requests that follow.
func setHTTPAPIv2Common(l *Lambda, host string) *httpAPIv2Common {
	domain, prefix := hostname(host)
	c := &httpAPIv2Common{
		host: host,
		event: httpAPIv2Event{
			Version:        "2.0",
			RouteKey:       defaultRouteKey,
			StageVariables: l.context.stageVariables,
			RequestContext: httpAPIv2Context{
				AccountID:    l.context.accountID,
				APIID:        l.context.apiID,
				DomainName:   domain,
				DomainPrefix: prefix,
				RouteKey:     defaultRouteKey,
				Stage:        l.context.stage,
			},
		},
	}
	l.httpAPIv2.Store(c)
	return c
}

// setHTTPAPIv2Cookies leaves the header where it is but in HTTP APIs.
func setHTTPAPIv2Cookies(l *Lambda, event *httpAPIv2Event) {
	if event.Headers["cookie"] != "" {
		event.Cookies = splitCookies(event.Headers["cookie"])
	}
	if l.format.adapt == nil {
		delete(event.Headers, "cookie")
	}
}

func setHTTPAPIv2Route(req *request, event *httpAPIv2Event) {
	event.RouteKey = req.routeKey
	event.RequestContext.RouteKey = req.routeKey
	event.PathParameters = req.pathParameters
}

func setHTTPAPIv2Body(l *Lambda, req *request, event *httpAPIv2Event) {
	event.Headers["content-length"] = strconv.Itoa(len(req.body)) // a chunked body has none
	contentType := event.Headers["content-type"]
	event.IsBase64Encoded = !isText(contentType, req.body) || isBinaryMediaType(l, contentType)
	event.Body = eventBody(req.body, event.IsBase64Encoded)
}

// strictHTTPAPIv2 knows no multiValueHeaders: format 2.0 has none.
var strictHTTPAPIv2 = &strictRules{
	inferred:     true,
	headers:      []string{"headers"},
	cookies:      true,
	badReply:     strictFailure{500, `{"message":"Internal Server Error"}`},
	notJSON:      strictFailure{500, `{"message":"Internal Server Error"}`},
	functionFail: strictFailure{500, `{"message":"Internal Server Error"}`},
	tooLarge:     strictFailure{413, `{"message":"Request Entity Too Large"}`},
	notFound:     strictFailure{404, `{"message":"Not Found"}`},
}
