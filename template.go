package lambda

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/template"
	"unicode/utf8"
)

// templateData is what a template may use of the request, as {{ .Name }}.
type templateData struct {
	Method          string
	Scheme          string            // "http" or "https"
	Host            string            // with the port
	Path            string            // decoded
	RawPath         string            // encoded
	RawQuery        string            // as sent, without "?"
	Query           url.Values        // decoded: {{ .Query.Get "name" }}
	Header          http.Header       // {{ .Header.Get "X-Name" }}; includes hop-by-hop headers
	Cookies         map[string]string // {{ .Cookies.session }}
	Body            string            // text, or the Base64 of a body that is not UTF-8
	IsBase64Encoded bool              // whether Body is Base64
	ClientIP        string            // sourceIp of events
	RouteKey        string            // "GET /users/{id}"; "$default" for none
	PathParameters  map[string]string // decoded: {{ .PathParameters.id }}
	Stage           string
	StageVariables  map[string]string
}

// templateFunctions are the functions of templates besides text/template's own.
var templateFunctions = template.FuncMap{"json": templateJSON}

// templateJSON returns v as JSON, a string with its quotes, so that no value can break out of the
// surrounding JSON.
func templateJSON(v any) (string, error) {
	encoded, err := marshal(v)
	return string(encoded), err
}

// parseTemplate parses the template in an option. Missing values render as the empty string.
func parseTemplate(option, text string) (*template.Template, error) {
	parsed, err := template.New(option).Option("missingkey=zero").Funcs(templateFunctions).Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: want a Go text/template: %w", option, err)
	}
	err = parsed.Execute(io.Discard, emptyTemplateData())
	if err != nil && strings.Contains(err.Error(), noField) {
		return nil, templateError(option, err)
	}
	return parsed, nil
}

// emptyTemplateData is the data that New renders a template with. A field that does not exist fails for
// every request, so that is an error of the configuration. Other failures may depend on the request.
func emptyTemplateData() *templateData {
	return &templateData{
		Query:          url.Values{},
		Header:         http.Header{},
		Cookies:        map[string]string{},
		PathParameters: map[string]string{},
		StageVariables: map[string]string{},
	}
}

// The text around a field's name in text/template's error for a field that does not exist.
const (
	noField   = "can't evaluate field"
	typeOfAny = " in type "
)

// templateError returns a template's error without the Go type that text/template appends: for an
// interpreted struct, that lists all of its fields.
func templateError(option string, err error) error {
	text, _, _ := strings.Cut(err.Error(), typeOfAny)
	return fmt.Errorf("%s: %.300s", option, text)
}

// templateDataOf returns the template data of a request.
func templateDataOf(settings *eventSettings, req *request) *templateData {
	data := &templateData{
		Method:         req.http.Method,
		Scheme:         scheme(req.http),
		Host:           req.http.Host,
		Path:           req.path,
		RawPath:        escapedPath(req),
		RawQuery:       req.http.URL.RawQuery,
		Query:          parseQuery(req),
		Header:         req.http.Header,
		Cookies:        map[string]string{},
		ClientIP:       req.clientIP,
		RouteKey:       req.routeKey,
		PathParameters: req.pathParameters,
		Stage:          settings.context.stage,
		StageVariables: settings.context.stageVariables,
	}
	for _, cookie := range splitCookies(strings.Join(req.http.Header["Cookie"], ";")) {
		name, value, _ := strings.Cut(cookie, "=")
		data.Cookies[name] = value
	}
	data.IsBase64Encoded = !utf8.Valid(req.body)
	if data.IsBase64Encoded {
		data.Body = base64.StdEncoding.EncodeToString(req.body)
	} else {
		data.Body = string(req.body)
	}
	return data
}

// renderJSON renders a template whose result must be JSON.
func renderJSON(t *template.Template, data *templateData) ([]byte, error) {
	var buffer bytes.Buffer
	if err := t.Execute(&buffer, data); err != nil {
		return nil, templateError("render "+t.Name(), err)
	}
	if !json.Valid(buffer.Bytes()) {
		return nil, errors.New("render template: the result is not JSON")
	}
	return buffer.Bytes(), nil
}

// valueTemplate is an option's value that may be a template, such as that of a header.
type valueTemplate struct {
	constant string
	template *template.Template // nil for a constant
}

// parseValueTemplate parses the value of an option.
func parseValueTemplate(option, text string) (*valueTemplate, error) {
	if !strings.Contains(text, "{{") {
		return &valueTemplate{constant: text}, nil
	}
	parsed, err := parseTemplate(option, text)
	return &valueTemplate{template: parsed}, err
}

// renderValue renders a value for a request. Control characters, which clients can write into paths and
// queries, become blanks, so that the value cannot break out of a header.
func renderValue(v *valueTemplate, data *templateData) (string, error) {
	if v.template == nil {
		return v.constant, nil
	}
	var buffer bytes.Buffer
	if err := v.template.Execute(&buffer, data); err != nil {
		return "", templateError("render "+v.template.Name(), err)
	}
	return controlReplacer.Replace(buffer.String()), nil
}

var controlReplacer = newControlReplacer()

func newControlReplacer() *strings.Replacer {
	pairs := make([]string, 0, 2*len(controlCharacters))
	for _, c := range []byte(controlCharacters) {
		pairs = append(pairs, string([]byte{c}), " ")
	}
	return strings.NewReplacer(pairs...)
}

// parseEventHeaders parses option eventHeaders. The names in the result are lower case.
func parseEventHeaders(option map[string]string) (map[string]*valueTemplate, error) {
	if len(option) == 0 {
		return nil, nil
	}
	headers := make(map[string]*valueTemplate, len(option))
	for name, text := range option {
		lower, forwarded := lowerName(name)
		if !tokenPattern.MatchString(name) || !forwarded || lower == "content-length" {
			return nil, fmt.Errorf("eventHeaders: %q: want the name of a header that a proxy may set", name)
		}
		value, err := parseValueTemplate("eventHeaders."+name, text)
		if err != nil {
			return nil, err
		}
		headers[lower] = value
	}
	return headers, nil
}

// renderEventHeaders renders the headers of option eventHeaders for a request.
func renderEventHeaders(settings *eventSettings, req *request) error {
	if req.repaired {
		return nil
	}
	data := templateDataOf(settings, req)
	req.eventHeaders = make(map[string]string, len(settings.headers))
	for name, value := range settings.headers {
		rendered, err := renderValue(value, data)
		if err != nil {
			return err
		}
		req.eventHeaders[name] = rendered
	}
	return nil
}
