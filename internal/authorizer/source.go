package authorizer

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// sourceKind is the place where an identity source finds its value.
type sourceKind int

const (
	sourceHeader sourceKind = iota
	sourceQuery
	sourceContext
	sourceStageVariable
)

// source is one identity source.
type source struct {
	text string // as configured
	kind sourceKind
	name string // of a header in canonical form
}

// ofRequest reports whether the client sets the value.
func (s *source) ofRequest() bool { return s.kind == sourceHeader || s.kind == sourceQuery }

// HTTP APIs write sources with a dollar sign, REST APIs with "method." instead. Path parameters cannot be identity
// sources.
var (
	requestSource     = regexp.MustCompile(`^(?:\$|method\.)request\.(header|querystring)\.(.+)$`)
	contextSource     = regexp.MustCompile(`^(\$?)context\.(.+)$`)
	stageSource       = regexp.MustCompile(`^(\$?)stageVariables\.(.+)$`)
	headerNamePattern = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
)

// contextVariables are the variables of $context that identity sources may name. The core knows
// their values (Core.Variable).
var contextVariables = map[string]bool{
	"accountId": true, "apiId": true, "domainName": true, "domainPrefix": true, "httpMethod": true, "path": true,
	"protocol": true, "requestId": true, "requestTime": true, "requestTimeEpoch": true, "routeKey": true, "stage": true,
	"identity.sourceIp": true, "identity.userAgent": true,
}

// parseSource reads one entry of option identitySource.
func parseSource(text string, f *format) (source, error) {
	text = strings.TrimSpace(text)
	if m := requestSource.FindStringSubmatch(text); m != nil {
		if m[1] == "querystring" {
			return source{text: text, kind: sourceQuery, name: m[2]}, nil
		}
		if headerNamePattern.MatchString(m[2]) {
			return source{text: text, kind: sourceHeader, name: http.CanonicalHeaderKey(m[2])}, nil
		}
	}
	if m := contextSource.FindStringSubmatch(text); m != nil && (m[1] != "" || f.rest) && contextVariables[m[2]] {
		return source{text: text, kind: sourceContext, name: m[2]}, nil
	}
	if m := stageSource.FindStringSubmatch(text); m != nil && (m[1] != "" || f.rest) {
		return source{text: text, kind: sourceStageVariable, name: m[2]}, nil
	}
	return source{}, fmt.Errorf("authorizer.identitySource: %q: want $request.header.Name, $request.querystring.name, "+
		"$context.variable (httpMethod, path, routeKey, identity.sourceIp …) or $stageVariables.name", text)
}

// identityOf returns the values of the identity sources. ok is false if one of them is missing, empty or blank: AWS
// refuses such a request without a call.
func identityOf(a *Authorizer, r *http.Request) (values []string, ok bool) {
	values = make([]string, 0, len(a.settings.sources))
	var query url.Values
	for i := range a.settings.sources {
		s := &a.settings.sources[i]
		value := ""
		switch s.kind {
		case sourceHeader:
			value = headerValue(r, s.name)
		case sourceQuery:
			if query == nil {
				query = a.core.Query(r)
			}
			value = strings.Join(query[s.name], ",")
		case sourceContext:
			value = a.core.Variable(r, s.name)
		case sourceStageVariable:
			value = a.core.StageVariables[s.name]
		}
		if strings.TrimSpace(value) == "" {
			return nil, false
		}
		values = append(values, value)
	}
	return values, true
}

// headerValue returns the values of a header, joined as events join them. Go keeps Host out of the
// header.
func headerValue(r *http.Request, canonical string) string {
	if canonical == "Host" {
		return r.Host
	}
	values := r.Header[canonical]
	if len(values) == 1 {
		return values[0]
	}
	return strings.Join(values, ",")
}
