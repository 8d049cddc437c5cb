package lambda

import (
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Application Load Balancers with a Lambda target group:
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
//
// Events and replies contain maps of single values or, if the target group's attribute
// lambda.multi_value_headers.enabled is set, maps of all values.

// albEvent is the event with single values: the last one of each name.
type albEvent struct {
	RequestContext        albContext        `json:"requestContext"`
	HTTPMethod            string            `json:"httpMethod"`
	Path                  string            `json:"path"`                  // encoded
	QueryStringParameters map[string]string `json:"queryStringParameters"` // encoded
	Headers               map[string]string `json:"headers"`
	Body                  any               `json:"body"` // string, or []byte, which is encoded as Base64
	IsBase64Encoded       bool              `json:"isBase64Encoded"`
}

// albMultiValueEvent is the event with all values.
type albMultiValueEvent struct {
	RequestContext                  albContext          `json:"requestContext"`
	HTTPMethod                      string              `json:"httpMethod"`
	Path                            string              `json:"path"`                            // encoded
	MultiValueQueryStringParameters url.Values          `json:"multiValueQueryStringParameters"` // encoded
	MultiValueHeaders               map[string][]string `json:"multiValueHeaders"`
	Body                            any                 `json:"body"` // string, or []byte, which is encoded as Base64
	IsBase64Encoded                 bool                `json:"isBase64Encoded"`
}

type albContext struct {
	ELB albTargetGroup `json:"elb"`
}

type albTargetGroup struct {
	TargetGroupARN string `json:"targetGroupArn"`
}

//lambda:inline
func encodeALB(settings *eventSettings, req *request) ([]byte, error) {
	headers := headerValues(req, true)
	isBase64 := !isALBText(settings, headers, req.body)
	event := &albEvent{
		RequestContext:        albContext{ELB: albTargetGroup{TargetGroupARN: settings.context.targetGroupARN}},
		HTTPMethod:            req.http.Method,
		Path:                  escapedPath(req),
		QueryStringParameters: lastValues(rawQueryValues(req.http.URL.RawQuery)),
		Headers:               lastValues(headers),
		Body:                  eventBody(req.body, isBase64),
		IsBase64Encoded:       isBase64,
	}
	return marshalEvent(req, event)
}

//lambda:inline
func encodeALBMultiValue(settings *eventSettings, req *request) ([]byte, error) {
	headers := headerValues(req, true)
	isBase64 := !isALBText(settings, headers, req.body)
	event := &albMultiValueEvent{
		RequestContext:                  albContext{ELB: albTargetGroup{TargetGroupARN: settings.context.targetGroupARN}},
		HTTPMethod:                      req.http.Method,
		Path:                            escapedPath(req),
		MultiValueQueryStringParameters: rawQueryValues(req.http.URL.RawQuery),
		MultiValueHeaders:               headers,
		Body:                            eventBody(req.body, isBase64),
		IsBase64Encoded:                 isBase64,
	}
	return marshalEvent(req, event)
}

// isALBText reports whether the event contains a body as text. Forms are binary, and so are bodies with
// a Content-Encoding such as gzip, whatever their type.
//
//lambda:inline
func isALBText(settings *eventSettings, headers map[string][]string, body []byte) bool {
	if len(body) == 0 {
		return true
	}
	contentType := last(headers["content-type"])
	mediaType := mediaTypeOf(contentType)
	return (albTextTypes[mediaType] || strings.HasPrefix(mediaType, "text/")) &&
		len(headers["content-encoding"]) == 0 && utf8.Valid(body) && !isBinaryMediaType(settings, contentType)
}

var albTextTypes = map[string]bool{
	"application/json":       true,
	"application/javascript": true,
	"application/xml":        true,
}

// albContentType is the Content-Type for replies without one. AWS does not document it; ALB was seen to
// send this one.
const albContentType = "application/octet-stream"

var strictALB = &strictRules{
	headers:      []string{"headers"},
	badReply:     strictFailure{http.StatusBadGateway, ""},
	notJSON:      strictFailure{http.StatusBadGateway, ""},
	functionFail: strictFailure{http.StatusBadGateway, ""},
}

var strictALBMultiValue = &strictRules{
	headers:      []string{"multiValueHeaders"},
	badReply:     strictFailure{http.StatusBadGateway, ""},
	notJSON:      strictFailure{http.StatusBadGateway, ""},
	functionFail: strictFailure{http.StatusBadGateway, ""},
}

// htmlFailureBody is ALB's own error page.
func htmlFailureBody(status int, text string) (contentType, body string) {
	title := html.EscapeString(text)
	if text == http.StatusText(status) {
		title = strconv.Itoa(status) + " " + title
	}
	return "text/html", "<html>\r\n<head><title>" + title + "</title></head>\r\n" +
		"<body>\r\n<center><h1>" + title + "</h1></center>\r\n</body>\r\n</html>\r\n"
}
