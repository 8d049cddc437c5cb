package authorizer

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"sort"
	"strings"
	"text/template"
)

// headerRule is one entry of option requestHeaders.
type headerRule struct {
	name     string // canonical
	text     string // of the template
	template *template.Template
	fields   []string // that the template may ask for
	aliases  []string // canonical names that many frameworks read as this one
	folded   string   // the name as plainName has it
	many     bool     // has more aliases than are listed
}

// forbiddenHeaders are the headers that a middleware must not set for a service: they are about the connection or the
// body.
var forbiddenHeaders = map[string]bool{
	"Connection": true, "Content-Length": true, "Host": true, "Keep-Alive": true, "Proxy-Authenticate": true,
	"Proxy-Authorization": true, "Proxy-Connection": true, "Te": true, "Trailer": true, "Transfer-Encoding": true,
	"Upgrade": true,
}

// parseHeaders reads option requestHeaders.
func parseHeaders(c *Config, s *settings) error {
	names := make([]string, 0, len(c.RequestHeaders))
	for name := range c.RequestHeaders {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		canonical := http.CanonicalHeaderKey(name)
		if !headerNamePattern.MatchString(name) || forbiddenHeaders[canonical] {
			return fmt.Errorf("authorizer.requestHeaders: %q: want the name of a header that a proxy may set", name)
		}
		rule, err := newHeaderRule(canonical, c.RequestHeaders[name])
		if err != nil {
			return fmt.Errorf("authorizer.requestHeaders.%s: want a Go text/template: %w", name, err)
		}
		s.headers = append(s.headers, *rule)
	}
	return nil
}

// fieldPattern finds the names that a template may ask for.
var fieldPattern = regexp.MustCompile(`\.([A-Za-z_][A-Za-z0-9_]*)`)

func newHeaderRule(canonical, text string) (*headerRule, error) {
	rule := &headerRule{name: canonical, text: text, folded: plainName.Replace(strings.ToLower(canonical))}
	parsed, err := template.New(canonical).Option("missingkey=zero").Funcs(templateFunctions).Parse(text)
	if err != nil {
		return nil, err
	}
	rule.template = parsed
	for _, m := range fieldPattern.FindAllStringSubmatch(text, -1) {
		rule.fields = append(rule.fields, m[1])
	}
	rule.aliases, rule.many = aliasesOf(rule.folded)
	return rule, nil
}

// templateFunctions replaces index, which prints "<no value>" for a key that a map does not have.
var templateFunctions = template.FuncMap{"index": indexField}

// indexField returns a field by its name, for names that no template can write with a dot:
// {{ index . "custom:role" }}.
func indexField(fields any, name string) any {
	if texts, isTexts := fields.(map[string]string); isTexts {
		return texts[name]
	}
	if values, isValues := fields.(map[string]any); isValues {
		if value, given := values[name]; given {
			return value
		}
	}
	return ""
}

// plainName returns a name as it is seen by frameworks that read X_User and X.User as X-User.
var plainName = strings.NewReplacer("_", "-", ".", "-")

// aliasesOf returns the canonical names that plainName maps to the same name, without the one with dashes. many is
// true if they are too many to look for one by one.
func aliasesOf(plain string) (aliases []string, many bool) {
	parts := strings.Split(plain, "-")
	if len(parts) > 4 {
		return nil, true
	}
	names := []string{parts[0]}
	for _, part := range parts[1:] {
		longer := make([]string, 0, 3*len(names))
		for _, name := range names {
			longer = append(longer, name+"-"+part, name+"_"+part, name+"."+part)
		}
		names = longer
	}
	aliases = make([]string, 0, len(names))
	for _, name := range names[1:] { // the first has dashes only
		aliases = append(aliases, http.CanonicalHeaderKey(name))
	}
	return aliases, false
}

// removeHeaders removes the headers of the rules, which only the authorizer may set, from the request. It also
// removes their names from Connection, which would make proxies drop them.
func removeHeaders(rules []headerRule, header http.Header) {
	for i := range rules {
		rule := &rules[i]
		delete(header, rule.name)
		for _, alias := range rule.aliases {
			delete(header, alias)
		}
		if rule.many {
			removeAliases(rule.folded, header)
		}
	}
	if connection, given := header["Connection"]; given {
		removeFromConnection(rules, header, strings.Join(connection, ","))
	}
}

// setHeaders sets the headers of a decision.
func setHeaders(header http.Header, headers map[string]string) {
	for name, value := range headers {
		header[name] = []string{value}
	}
}

// removeAliases removes every header whose plain name is folded.
func removeAliases(folded string, header http.Header) {
	for name := range header {
		if len(name) == len(folded) && plainName.Replace(strings.ToLower(name)) == folded {
			delete(header, name)
		}
	}
}

// removeFromConnection removes the names of the rules from Connection.
func removeFromConnection(rules []headerRule, header http.Header, connection string) {
	plain := plainName.Replace(strings.ToLower(connection))
	named := false
	for i := range rules {
		named = named || strings.Contains(plain, rules[i].folded)
	}
	if !named {
		return
	}
	ours := make(map[string]bool, len(rules))
	for i := range rules {
		ours[rules[i].folded] = true
	}
	var kept []string
	for _, token := range strings.Split(connection, ",") {
		token = strings.TrimSpace(token)
		if token != "" && !ours[plainName.Replace(strings.ToLower(token))] {
			kept = append(kept, token)
		}
	}
	delete(header, "Connection")
	if len(kept) > 0 {
		header["Connection"] = []string{strings.Join(kept, ", ")}
	}
}

// renderHeaders returns the headers that the rules make from a decision's fields. A header that renders empty is left
// out.
func renderHeaders(rules []headerRule, fields map[string]string) (map[string]string, error) {
	headers := make(map[string]string, len(rules))
	for i := range rules {
		rule := &rules[i]
		var buffer bytes.Buffer
		if err := rule.template.Execute(&buffer, templateData(rule, fields)); err != nil {
			return nil, fmt.Errorf("requestHeaders.%s: %w", rule.name, err)
		}
		value := buffer.String()
		if strings.ContainsAny(value, controlCharacters) {
			return nil, errors.New("requestHeaders." + rule.name + ": control character in its value")
		}
		value = strings.TrimSpace(value)
		if value != "" {
			headers[rule.name] = value
		}
	}
	return headers, nil
}

// controlCharacters are the characters that must not be in a header's value: all but the tab (RFC 9110 5.5).
const controlCharacters = "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x0a\x0b\x0c\x0d\x0e\x0f" +
	"\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f"

// templateData returns the fields, also as .claims, and "" for every missing name in the template: otherwise
// text/template would print "<no value>".
func templateData(rule *headerRule, fields map[string]string) map[string]any {
	data := make(map[string]any, len(fields)+len(rule.fields)+1)
	for _, name := range rule.fields {
		data[name] = ""
	}
	data["claims"] = fields
	for name, value := range fields {
		data[name] = value
	}
	return data
}
