package lambda

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// Payloads without an envelope, for functions that do not expect HTTP requests: the request's body, or
// the result of option template (template.go).

// encodeRaw returns the body if it is JSON, the only payload that Lambda accepts. Other text becomes a
// JSON string, and binary data a JSON string of its Base64. Without a body the payload is the query, as
// an object.
//
//lambda:inline
func encodeRaw(settings *eventSettings, req *request) ([]byte, error) {
	switch {
	case len(req.body) == 0:
		return marshalEvent(req, queryObject(req))
	case isBinaryMediaType(settings, last(req.http.Header["Content-Type"])) || !utf8.Valid(req.body):
		return marshalEvent(req, req.body)
	case json.Valid(req.body):
		return req.body, nil
	default:
		return marshalEvent(req, string(req.body))
	}
}

// queryObject returns the decoded query: a string for each name, or a list for a name with several
// values.
func queryObject(req *request) map[string]any {
	query := parseQuery(req)
	object := make(map[string]any, len(query))
	for name, values := range query {
		if len(values) == 1 {
			object[name] = values[0]
		} else {
			object[name] = values
		}
	}
	return object
}

func encodeTemplate(settings *eventSettings, req *request) ([]byte, error) {
	event, err := renderJSON(settings.template, templateDataOf(settings, req))
	if err != nil {
		return nil, err
	}
	req.lossy = bytes.Contains(event, invalidUTF8)
	return event, nil
}
