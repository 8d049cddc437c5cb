// Package event reads what the test functions need from an event of any format, or from raw JSON.
package event

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"path"
	"strings"
	"unicode/utf8"
)

// Event is the HTTP request in an event, as far as the event has one.
type Event struct {
	Method, Path string
	Query        url.Values
	Headers      map[string]string
	Cookies      []string
	// Body is decoded from base64 if the event says so.
	Body string
	// fields are the values at the top of the event, for functions called with raw JSON.
	fields map[string]json.RawMessage
}

// wire has the names of all formats: they do not contradict each other.
type wire struct {
	HTTPMethod     string `json:"httpMethod"`
	Path           string `json:"path"`
	RawPath        string `json:"rawPath"`
	RawQueryString string `json:"rawQueryString"`
	RequestContext struct {
		HTTP struct {
			Method string `json:"method"`
		} `json:"http"`
	} `json:"requestContext"`
	Query           map[string]string   `json:"queryStringParameters"`
	MultiQuery      map[string][]string `json:"multiValueQueryStringParameters"`
	Headers         map[string]string   `json:"headers"`
	MultiHeaders    map[string][]string `json:"multiValueHeaders"`
	Cookies         []string            `json:"cookies"`
	Body            string              `json:"body"`
	IsBase64Encoded bool                `json:"isBase64Encoded"`
}

// Parse never fails: what is not there, or not of the expected type, stays empty.
func Parse(raw json.RawMessage) Event {
	var w wire
	_ = json.Unmarshal(raw, &w)
	e := Event{
		Method:  first(w.RequestContext.HTTP.Method, w.HTTPMethod),
		Path:    first(w.RawPath, w.Path),
		Query:   w.query(),
		Headers: w.Headers,
		Cookies: w.Cookies,
		Body:    w.Body,
	}
	if len(e.Headers) == 0 {
		e.Headers = joined(w.MultiHeaders)
	}
	if body, err := base64.StdEncoding.DecodeString(w.Body); w.IsBase64Encoded && err == nil {
		e.Body = string(body)
	}
	_ = json.Unmarshal(raw, &e.fields)
	return e
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func joined(multi map[string][]string) map[string]string {
	single := make(map[string]string, len(multi))
	for name, values := range multi {
		single[name] = strings.Join(values, ", ")
	}
	return single
}

func (w wire) query() url.Values {
	if w.RawQueryString != "" {
		values, _ := url.ParseQuery(w.RawQueryString)
		return values
	}
	if len(w.MultiQuery) > 0 {
		return w.MultiQuery
	}
	values := url.Values{}
	for name, value := range w.Query {
		values.Set(name, value)
	}
	return values
}

// Parameter is the query's, else the value at the top of the event: `?ms=5` or `{"ms":5}` or `{"ms":"5"}`.
func (e Event) Parameter(name string) string {
	if e.Query.Has(name) {
		return e.Query.Get(name)
	}
	var text string
	if json.Unmarshal(e.fields[name], &text) == nil {
		return text
	}
	return string(e.fields[name])
}

// LastSegment is what follows the last slash of the path.
func (e Event) LastSegment() string {
	return path.Base(e.Path)
}

// TextBody is the body if it can be shown, and whether it can.
func (e Event) TextBody() (string, bool) {
	return e.Body, utf8.ValidString(e.Body)
}
