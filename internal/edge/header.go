package edge

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// headerField is one header of an event.
type headerField struct {
	key   string   // canonical, as in http.Header
	lines []string // as they are on the wire
	shown []string // as the event has them, in UTF-8
}

// headerFields are the headers of an event by their names in lower case.
type headerFields map[string]headerField

// headerLine is one line of a header in an event.
type headerLine struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// hiddenHeaders are not in events, and no hook may add one. They stay on requests and responses.
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/edge-function-restrictions-all.html
var hiddenHeaders = map[string]bool{
	"connection":                    true,
	"expect":                        true,
	"keep-alive":                    true,
	"proxy-authenticate":            true,
	"proxy-authorization":           true,
	"proxy-connection":              true,
	"trailer":                       true,
	"upgrade":                       true,
	"x-accel-buffering":             true,
	"x-accel-charset":               true,
	"x-accel-limit-rate":            true,
	"x-accel-redirect":              true,
	"x-amzn-auth":                   true,
	"x-amzn-cf-billing":             true,
	"x-amzn-cf-id":                  true,
	"x-amzn-cf-xff":                 true,
	"x-amzn-errortype":              true,
	"x-amzn-fle-profile":            true,
	"x-amzn-header-count":           true,
	"x-amzn-header-order":           true,
	"x-amzn-lambda-integration-tag": true,
	"x-amzn-requestid":              true,
	"x-cache":                       true,
	"x-forwarded-proto":             true,
	"x-real-ip":                     true,
}

// hides reports whether a header, in lower case, is hidden from a hook.
func hides(k *hookKind, name string) bool {
	return hiddenHeaders[name] ||
		strings.HasPrefix(name, "x-") && (strings.HasPrefix(name, "x-amz-cf-") || strings.HasPrefix(name, "x-edge-")) ||
		name == "cloudfront-viewer-country" && k.onRequest && !k.atOrigin
}

// requestFields returns the headers of a request that the event shows. Go keeps Host, Content-Length and
// Transfer-Encoding apart from the others.
func requestFields(k *hookKind, r *http.Request) headerFields {
	fields := shownFields(k, r.Header)
	if r.Host != "" {
		fields["host"] = newField("Host", []string{r.Host})
	}
	if r.ContentLength > 0 {
		fields["content-length"] = newField("Content-Length", []string{strconv.FormatInt(r.ContentLength, 10)})
	}
	if len(r.TransferEncoding) > 0 {
		fields["transfer-encoding"] = newField("Transfer-Encoding", r.TransferEncoding)
	}
	return fields
}

// shownFields returns the headers that the event shows.
func shownFields(k *hookKind, header http.Header) headerFields {
	fields := make(headerFields, len(header)+3)
	for key, lines := range header {
		name := strings.ToLower(key)
		switch {
		case len(lines) == 0 || hides(k, name):
		case len(lines) == 1 && utf8.ValidString(lines[0]): // nearly all of them
			fields[name] = headerField{key: key, lines: lines, shown: lines}
		default:
			fields[name] = newField(key, lines)
		}
	}
	return fields
}

func newField(key string, lines []string) headerField {
	shown := make([]string, len(lines))
	for i, line := range lines {
		shown[i] = asUTF8(line)
	}
	return headerField{key: key, lines: lines, shown: shown}
}

// encodeHeaders returns the headers of an event. Host is the first, the rest are sorted.
func encodeHeaders(fields headerFields) (json.RawMessage, error) {
	rest := make(map[string][]headerLine, len(fields))
	for name, field := range fields {
		if len(field.shown) == 1 {
			rest[name] = []headerLine{{Key: field.key, Value: field.shown[0]}}
		} else {
			rest[name] = entries(field)
		}
	}
	host, there := rest["host"]
	delete(rest, "host")
	encoded, err := encode(rest)
	if err != nil || !there {
		return encoded, err
	}
	first, err := encode(map[string][]headerLine{"host": host})
	if err != nil || len(rest) == 0 {
		return first, err
	}
	first[len(first)-1] = ','
	return append(first, encoded[1:]...), nil
}

// entries returns the lines of a header, each with the header's name.
func entries(f headerField) []headerLine {
	list := make([]headerLine, len(f.shown))
	for i, line := range f.shown {
		list[i] = headerLine{Key: f.key, Value: line}
	}
	return list
}

// replyHeaders are the headers that a hook replied, by their names in lower case.
type replyHeaders map[string][]string

// parseHeaders reads the member headers of a reply. Its errors name the header, never its value.
//
// In Yaegi the work for each header is the largest cost. So one loop handles headers of the usual form, and
// parseOddHeaders, which takes ten times as long, handles all others.
func parseHeaders(raw json.RawMessage) (replyHeaders, error) {
	var decoded map[string][]headerLine
	if err := json.Unmarshal(raw, &decoded); err != nil || decoded == nil || bytes.ContainsAny(raw, "\\\x7f") {
		return parseOddHeaders(raw) // a control character in JSON has a backslash, but for DEL
	}
	headers := make(replyHeaders, len(decoded))
	for name, list := range decoded {
		if len(list) != 1 || list[0].Value == "" || list[0].Key != "" && !strings.EqualFold(list[0].Key, name) ||
			!plainName.MatchString(name) {
			return parseOddHeaders(raw)
		}
		headers[name] = []string{list[0].Value}
	}
	return headers, nil
}

// plainName matches the names of headers as nearly all hooks write them.
var plainName = regexp.MustCompile(`^[0-9a-z-]+$`)

// parseOddHeaders reads headers with several lines, names in other cases, and faults.
func parseOddHeaders(raw json.RawMessage) (replyHeaders, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil || members == nil {
		return nil, errors.New("the headers object must be an object")
	}
	names := make([]string, 0, len(members))
	for name := range members {
		names = append(names, name)
	}
	sort.Strings(names)
	headers := replyHeaders{}
	for _, name := range names {
		if !tokenPattern.MatchString(name) {
			return nil, fmt.Errorf("invalid header name %.100q", name)
		}
		lines, err := parseHeader(name, members[name])
		if err != nil {
			return nil, err
		}
		if lower := strings.ToLower(name); len(lines) > 0 {
			headers[lower] = append(headers[lower], lines...)
		}
	}
	return headers, nil
}

// tokenPattern matches a header's name (RFC 9110 5.6.2).
var tokenPattern = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

// replyLine is one entry of a header in a reply.
type replyLine struct {
	Key   any `json:"key"`
	Value any `json:"value"`
}

// parseHeader reads the entries of one header.
func parseHeader(name string, raw json.RawMessage) ([]string, error) {
	var entries []json.RawMessage
	if err := json.Unmarshal(raw, &entries); err != nil || entries == nil {
		return nil, fmt.Errorf("each header entry in the headers object must be an array: header %q", name)
	}
	var lines []string
	for i := range entries {
		more, err := parseLine(name, entries[i])
		if err != nil {
			return nil, err
		}
		lines = append(lines, more...)
	}
	return lines, nil
}

// parseLine reads one entry of a header. Its value may be a list, for one line each.
func parseLine(name string, raw json.RawMessage) ([]string, error) {
	var entry *replyLine
	if err := json.Unmarshal(raw, &entry); err != nil || entry == nil {
		return nil, fmt.Errorf("each entry of a header must be an object: header %q", name)
	}
	if entry.Key != nil {
		key, isText := entry.Key.(string)
		if !isText || !strings.EqualFold(key, name) {
			return nil, fmt.Errorf("the key of a header is another name: header %q", name)
		}
	}
	values, isList := entry.Value.([]any)
	if !isList {
		values = []any{entry.Value}
	}
	lines := make([]string, 0, len(values))
	for i := range values {
		line, isText := values[i].(string)
		if !isText {
			return nil, fmt.Errorf("the value of a header is not a string: header %q", name)
		}
		if strings.ContainsAny(line, controls) {
			return nil, fmt.Errorf("invalid characters in the value of a header: header %q", name)
		}
		lines = append(lines, line)
	}
	return lines, nil
}

// controls are the characters that must not be in a header's value (RFC 9110 5.5).
const controls = "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x0a\x0b\x0c\x0d\x0e\x0f" +
	"\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f"

// check refuses changes that a hook may not make to the headers of its event.
func check(k *hookKind, fields headerFields, headers replyHeaders) error {
	for name := range headers {
		if hides(k, name) {
			return fmt.Errorf("tried to add a blacklisted header: header %q", name)
		}
	}
	for _, name := range k.readOnly {
		shown := fields[name].shown
		lines := headers[name]
		if len(shown)+len(lines) > 0 && !equal(shown, lines) {
			return fmt.Errorf("tried to add, delete, or change a read-only header: header %q", name)
		}
	}
	return nil
}

func equal(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// changeHeader applies the headers in a hook's reply. Hidden headers stay.
func changeHeader(header http.Header, fields headerFields, headers replyHeaders) {
	for name, field := range fields {
		if headers[name] == nil {
			delete(header, field.key)
		}
	}
	for name, lines := range headers {
		field := fields[name]
		switch {
		case field.key == "":
			header[http.CanonicalHeaderKey(name)] = lines
		case !equal(field.shown, lines):
			header[field.key] = lines
		}
	}
}
