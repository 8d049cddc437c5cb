package lambda

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"unicode/utf8"
)

// The envelope of Caddy 1's directive awslambda, with the request's bodyEncoding, which its successor
// added:
// https://caddyserver.com/v1/docs/awslambda

type httpJSONEvent struct {
	Type         string       `json:"type"`
	Meta         httpJSONMeta `json:"meta"`
	Body         any          `json:"body"`         // string, or []byte, which is encoded as Base64
	BodyEncoding string       `json:"bodyEncoding"` // "" or "base64"
}

type httpJSONMeta struct {
	Method  string              `json:"method"`
	Path    string              `json:"path"`  // decoded
	Query   string              `json:"query"` // as sent, without "?"
	Host    string              `json:"host"`  // with the port
	Proto   string              `json:"proto"`
	Headers map[string][]string `json:"headers"` // names in lower case
}

//lambda:inline
func encodeHTTPJSON(settings *eventSettings, req *request) ([]byte, error) {
	headers := headerValues(req, true)
	dropMadeTraceID(headers, req)
	event := &httpJSONEvent{
		Type: "HTTPJSON-REQ",
		Meta: httpJSONMeta{
			Method:  req.http.Method,
			Path:    req.path,
			Query:   req.http.URL.RawQuery,
			Host:    req.http.Host,
			Proto:   req.http.Proto,
			Headers: headers,
		},
	}
	isBase64 := isBinaryMediaType(settings, last(headers["content-type"])) || !utf8.Valid(req.body)
	if isBase64 {
		event.BodyEncoding = "base64"
	}
	event.Body = eventBody(req.body, isBase64)
	return marshalEvent(req, event)
}

// decodeHTTPJSON reads a reply in the envelope. Any other payload is the body itself.
//
//lambda:inline
func decodeHTTPJSON(settings *replySettings, payload []byte, reply *reply) error {
	var object map[string]any
	if err := json.Unmarshal(payload, &object); err != nil && bytes.Contains(payload, httpJSONReply) {
		return notJSON(err)
	}
	if object["type"] != "HTTPJSON-REP" {
		completeReply(reply, http.StatusOK, payload, settings.contentType)
		return nil
	}
	meta, ok := object["meta"].(map[string]any)
	if !ok && object["meta"] != nil {
		return errors.New("meta: want an object")
	}
	status, err := httpJSONStatus(meta["status"])
	if err != nil {
		return err
	}
	fields := &proxyReply{
		Headers:         meta["headers"],
		Body:            object["body"],
		IsBase64Encoded: object["bodyEncoding"] == "base64",
	}
	return buildReply(fields, status, settings.contentType, payload, reply)
}

// httpJSONReply distinguishes a broken envelope from a payload without one.
var httpJSONReply = []byte(`"HTTPJSON-REP"`)

// httpJSONStatus returns the reply's status: 200 if it is missing or not above 0.
func httpJSONStatus(v any) (int, error) {
	if status, ok := v.(float64); v == nil || (ok && status <= 0) {
		return http.StatusOK, nil
	}
	return replyStatus(v)
}
