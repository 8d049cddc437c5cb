package authorizer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// Shape is the form of requestContext.authorizer in the function's own event format.
type Shape int

const (
	// ShapeNone is for formats without a place for it, such as alb.
	ShapeNone Shape = iota
	// ShapeHTTPAPIv2 is {"lambda": context}, or {"jwt": {"claims": …, "scopes": …}}. Function URLs
	// have it too.
	ShapeHTTPAPIv2
	// ShapeHTTPAPIv1 is flat: the context's values as strings, and principalId. Of a JWT it is
	// {"claims": …, "scopes": …}.
	ShapeHTTPAPIv1
	// ShapeRESTAPI is ShapeHTTPAPIv1 with integrationLatency, in milliseconds.
	ShapeRESTAPI
)

// note returns requestContext.authorizer, nil for ShapeNone. latency is the time of the call, 0 for a cached result.
func note(d *decision, shape Shape, latency time.Duration) (json.RawMessage, error) {
	switch {
	case shape == ShapeNone:
		return nil, nil
	case d.isJWT && shape == ShapeHTTPAPIv2:
		return marshal(map[string]any{"jwt": jwtNote(d)})
	case d.isJWT:
		return marshal(jwtNote(d))
	case shape == ShapeHTTPAPIv2 && d.hasContext:
		return marshal(map[string]any{"lambda": d.context})
	case shape == ShapeHTTPAPIv2:
		return json.RawMessage(`{"lambda":null}`), nil
	}
	flat := make(map[string]any, len(d.fields)+2)
	for name, value := range d.fields {
		flat[name] = value
	}
	if shape == ShapeRESTAPI {
		flat["integrationLatency"] = latency.Milliseconds()
	}
	return marshal(flat)
}

func jwtNote(d *decision) map[string]any {
	about := map[string]any{"claims": d.fields}
	about["scopes"] = d.scopes
	if d.scopes == nil {
		about["scopes"] = nil
	}
	return about
}

// fieldsOf returns the context of a reply as texts, the principal among them.
func fieldsOf(r *reply) (map[string]string, error) {
	fields := make(map[string]string, len(r.context)+1)
	for name, value := range r.context {
		if value == nil {
			continue
		}
		text, err := textOf(value)
		if err != nil {
			return nil, err
		}
		fields[name] = text
	}
	if r.hasPrincipal {
		fields["principalId"] = r.principalID
	}
	return fields, nil
}

// textOf returns a value of a context as text: numbers keep their digits, nested values become JSON.
func textOf(v any) (string, error) {
	if text, isText := v.(string); isText {
		return text, nil
	}
	if number, isNumber := v.(json.Number); isNumber {
		return string(number), nil
	}
	if truth, isBool := v.(bool); isBool {
		return strconv.FormatBool(truth), nil
	}
	encoded, err := marshal(v)
	return string(encoded), err
}

// marshal returns v as JSON. Like AWS it does not escape <, > and &.
func marshal(v any) (json.RawMessage, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, fmt.Errorf("encode the context: %w", err)
	}
	encoded := buffer.Bytes()
	return json.RawMessage(encoded[:len(encoded)-1]), nil // Encode ends with a line feed
}
