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
// A target group has single values, or all of them where lambda.multi_value_headers.enabled is
// set: events and replies then have the one kind of map or the other.

// albEvent is the event of a target group with single values, the last of each name.
type albEvent struct {
	RequestContext        albContext        `json:"requestContext"`
	HTTPMethod            string            `json:"httpMethod"`
	Path                  string            `json:"path"`                  // encoded
	QueryStringParameters map[string]string `json:"queryStringParameters"` // encoded
	Headers               map[string]string `json:"headers"`
	Body                  any               `json:"body"` // string, or []byte, which is encoded as Base64
	IsBase64Encoded       bool              `json:"isBase64Encoded"`
}

// albMultiValueEvent is the event of a target group with all values.
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

// isALBText says whether a body goes as text into the event. An encoded one, gzip for instance, is
// binary whatever its type is, and so are forms.
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

// albContentType: what a reply without a content type gets is not documented. ALB is seen to send
// this one.
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

// htmlFailureBody is the page that ALB answers with when it fails.
func htmlFailureBody(status int, text string) (contentType, body string) {
	title := html.EscapeString(text)
	if text == http.StatusText(status) {
		title = strconv.Itoa(status) + " " + title
	}
	return "text/html", "<html>\r\n<head><title>" + title + "</title></head>\r\n" +
		"<body>\r\n<center><h1>" + title + "</h1></center>\r\n</body>\r\n</html>\r\n"
}
