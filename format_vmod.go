package lambda

import (
	"strings"
	"unicode/utf8"
)

// The JSON of vmod-lambda for Varnish. The reply is that of API Gateway's proxies or, with
// responseFormat http, the bytes of an HTTP response (reply_http.go):
// https://github.com/varnish/vmod-lambda

// vmodEvent always has all of its keys.
type vmodEvent struct {
	HTTPMethod            string            `json:"httpMethod"`
	Path                  string            `json:"path"`                  // encoded
	QueryStringParameters map[string]string `json:"queryStringParameters"` // decoded, the last value of each
	Headers               map[string]string `json:"headers"`               // names in lower case, the last value of each
	Body                  any               `json:"body"`                  // string, or []byte, which is encoded as Base64
	IsBase64Encoded       bool              `json:"isBase64Encoded"`
}

//lambda:inline
func encodeVmod(settings *eventSettings, req *request) ([]byte, error) {
	headers := headerValues(req, true)
	dropMadeTraceID(headers, req)
	event := &vmodEvent{
		HTTPMethod:            req.http.Method,
		Path:                  escapedPath(req),
		QueryStringParameters: lastValues(parseQuery(req)),
		Headers:               lastValues(headers),
		Body:                  "",
	}
	if len(req.body) > 0 {
		contentType := last(headers["content-type"])
		event.IsBase64Encoded = !isVmodText(contentType, req.body) || isBinaryMediaType(settings, contentType)
		event.Body = eventBody(req.body, event.IsBase64Encoded)
	}
	return marshalEvent(req, event)
}

// isVmodText reports whether a body is sent as text. That is so for HTTP APIs' text types, except those
// ending in +json and +xml.
//
//lambda:inline
func isVmodText(contentType string, body []byte) bool {
	mediaType := mediaTypeOf(contentType)
	return (textTypes[mediaType] || strings.HasPrefix(mediaType, "text/")) && utf8.Valid(body)
}

// textFailureBody is plain text, for formats whose front door has no error format of its own.
func textFailureBody(_ int, text string) (contentType, body string) {
	return "text/plain; charset=utf-8", text
}
