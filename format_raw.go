package lambda

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// The payload without an envelope, for functions that know nothing of HTTP: the request's body,
// or what option template makes of the request (template.go).

// encodeRaw returns the body where it is JSON. Lambda takes nothing else as a payload, so that
// other text goes as a JSON string, and bytes that are no text as one of their Base64. A request
// without a body is its query, as an object.
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

// queryObject returns the decoded query: a string for a name, a list where it has several values.
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
