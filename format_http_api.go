package lambda

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
	AccountID    string        `json:"accountId"`
	APIID        string        `json:"apiId"`
	DomainName   string        `json:"domainName"`
	DomainPrefix string        `json:"domainPrefix"`
	HTTP         httpAPIv2HTTP `json:"http"`
	RequestID    string        `json:"requestId"`
	RouteKey     string        `json:"routeKey"`
	Stage        string        `json:"stage"`
	Time         string        `json:"time"`      // Common Log Format
	TimeEpoch    int64         `json:"timeEpoch"` // milliseconds
}

type httpAPIv2HTTP struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

// newHTTPAPIv2Event returns an event with all that does not depend on the request.
func newHTTPAPIv2Event(c eventContext) httpAPIv2Event {
	return httpAPIv2Event{
		Version:        "2.0",
		RouteKey:       defaultRouteKey,
		StageVariables: c.stageVariables,
		RequestContext: httpAPIv2Context{
			AccountID: c.accountID,
			APIID:     c.apiID,
			RouteKey:  defaultRouteKey,
			Stage:     c.stage,
		},
	}
}

func encodeHTTPAPIv2(l *Lambda, req *request) ([]byte, error) {
	event := l.httpAPIv2 // with what is the same for every request
	fillHTTPAPIv2Event(l, req, &event)
	delete(event.Headers, "cookie")
	return marshalEvent(&event)
}

// fillHTTPAPIv2Event adds what the request says, to the events of Function URLs too.
func fillHTTPAPIv2Event(l *Lambda, req *request, event *httpAPIv2Event) {
	headers := lowerHeaders(req)
	event.RawPath = req.path
	event.RawQueryString = req.rawQuery
	event.Headers = headers
	if req.rawQuery != "" {
		event.QueryStringParameters = joinedQuery(req)
	}
	if headers["cookie"] != "" {
		event.Cookies = splitCookies(headers["cookie"])
	}
	if len(req.body) > 0 {
		fillHTTPAPIv2Body(l, req, event)
	}
	if req.routeKey != defaultRouteKey {
		fillHTTPAPIv2Route(req, event)
	}
	c := &event.RequestContext
	domain, prefix := hostname(req.host)
	c.DomainName = domain
	c.DomainPrefix = prefix
	c.RequestID = newRequestID(req)
	c.Time = req.time.Format(commonLogTime)
	c.TimeEpoch = req.time.UnixMilli()
	c.HTTP = httpAPIv2HTTP{req.http.Method, req.path, req.http.Proto, req.clientIP, headers["user-agent"]}
}

func fillHTTPAPIv2Body(l *Lambda, req *request, event *httpAPIv2Event) {
	contentType := event.Headers["content-type"]
	event.IsBase64Encoded = !isText(contentType, req.body) || isBinaryMediaType(l, contentType)
	event.Body = eventBody(req.body, event.IsBase64Encoded)
}

func fillHTTPAPIv2Route(req *request, event *httpAPIv2Event) {
	event.RouteKey = req.routeKey
	event.RequestContext.RouteKey = req.routeKey
	event.PathParameters = req.pathParameters
}

// decodeHTTPAPIv2 reads a reply in format 2.0, or in any form that the lenient reader knows. What
// has no statusCode is the body itself.
func decodeHTTPAPIv2(payload []byte) (*reply, error) {
	return decodeInferred(payload, "text/plain; charset=utf-8")
}

// strictHTTPAPIv2 knows no multiValueHeaders: format 2.0 has none.
var strictHTTPAPIv2 = &strictRules{
	inferred:     true,
	headers:      []string{"headers"},
	cookies:      true,
	contentType:  "text/plain; charset=utf-8",
	badReply:     strictFailure{500, `{"message":"Internal Server Error"}`},
	notJSON:      strictFailure{500, `{"message":"Internal Server Error"}`},
	functionFail: strictFailure{500, `{"message":"Internal Server Error"}`},
	tooLarge:     strictFailure{413, `{"message":"Request Entity Too Large"}`},
	notFound:     strictFailure{404, `{"message":"Not Found"}`},
}
