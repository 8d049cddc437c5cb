package lambda

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

// reply is a function's reply on its way to the client.
type reply struct {
	status int
	header http.Header // canonical names, checked
	body   []byte
}

// newReply completes the reply of a function's headers.
func newReply(status int, header http.Header, body []byte, contentType string) *reply {
	reply := &reply{status: status, header: header, body: body}
	addContentType(reply, contentType)
	return reply
}

// addContentType names the type of a body whose function has not. With 304 it would change that of
// what the client has in its cache (RFC 9111 4.3.4).
func addContentType(reply *reply, contentType string) {
	if reply.header["Content-Type"] == nil && !bodyless(reply.status) {
		reply.header["Content-Type"] = []string{contentType}
	}
}

// newDecoder returns what reads the function's replies as option responseFormat says.
func newDecoder(l *Lambda) func(payload []byte) (*reply, error) {
	if l.takenStatus != http.StatusOK { // nobody has waited for the function's reply
		return func(_ []byte) (*reply, error) { return &reply{status: l.takenStatus, header: http.Header{}}, nil }
	}
	switch l.responseFormat {
	case responseStrict:
		if l.format.strict != nil {
			return func(payload []byte) (*reply, error) { return decodeStrictly(payload, l.format.strict) }
		}
	case responseRaw:
		return func(payload []byte) (*reply, error) { return rawReply(payload, l.contentType), nil }
	case responseHTTP:
		return func(payload []byte) (*reply, error) { return decodeHTTPMessage(payload) } //nolint:gocritic // Yaegi cannot return a function by its name
	}
	return l.format.decode
}

// The values of option responseFormat.
const (
	responseAuto   = "auto"
	responseStrict = "strict"
	responseRaw    = "raw"
	responseHTTP   = "http"
)

// rawReply is a payload that is the body itself; of a JSON string it is the text.
func rawReply(payload []byte, contentType string) *reply {
	return &reply{
		status: http.StatusOK,
		header: http.Header{"Content-Type": {contentType}},
		body:   unquoted(payload),
	}
}

// unquoted returns the text of a payload that is a JSON string, and any other as it is.
func unquoted(payload []byte) []byte {
	var text string
	if bytes.HasPrefix(payload, []byte{'"'}) && json.Unmarshal(payload, &text) == nil {
		return []byte(text)
	}
	return payload
}

// errNotJSON is what a reply that is no JSON fails with. Front doors tell it from other faults.
var errNotJSON = errors.New("want JSON")

// notJSON names the fault of a reply that cannot be read.
func notJSON(err error) error {
	if _, ok := err.(*json.UnmarshalTypeError); ok { //nolint:errorlint // encoding/json returns it as it is
		return errors.New("want an object")
	}
	return fmt.Errorf("%w: %.100s", errNotJSON, err.Error())
}

// decodeObject reads a reply that has to be an object with a statusCode.
func decodeObject(payload []byte, contentType string) (*reply, error) {
	object, err := unmarshalReply(payload)
	if err != nil {
		return nil, notJSON(err)
	}
	return decodeProxyReply(object, contentType)
}

// unmarshalReply returns the object that a payload is, nil for null. The body of a large one may
// be decoded already: then it is no string but bytes.
func unmarshalReply(payload []byte) (map[string]any, error) {
	if len(payload) >= minSplicedBody {
		if object := unmarshalAroundBody(payload); object != nil {
			return object, nil
		}
	}
	var object map[string]any
	err := json.Unmarshal(payload, &object)
	return object, err
}

// bodyKey finds where a body begins.
var bodyKey = regexp.MustCompile(`"body"\s*:\s*"`)

// unmarshalAroundBody reads a reply whose body is Base64 without having encoding/json look at
// each of its bytes. It returns nil where it cannot be sure that this comes to the same.
func unmarshalAroundBody(payload []byte) map[string]any {
	key := bodyKey.FindIndex(payload)
	if key == nil {
		return nil
	}
	head := payload[:key[1]]
	body, tail, closed := bytes.Cut(payload[key[1]:], []byte(`"`))
	if !closed || bytes.IndexByte(body, '\\') >= 0 || bytes.IndexByte(body, '\n') >= 0 || bytes.IndexByte(body, '\r') >= 0 {
		return nil // an escape, or no JSON; of all else that is no Base64 the decoder says so
	}
	var object map[string]any
	around := string(head) + base64Mark + `"` + string(tail)
	if json.Unmarshal([]byte(around), &object) != nil || object["body"] != base64Mark || object["isBase64Encoded"] != true {
		return nil
	}
	decoded := make([]byte, base64.StdEncoding.DecodedLen(len(body)))
	n, err := base64.StdEncoding.Decode(decoded, body)
	if err != nil {
		return nil
	}
	object["body"] = decoded[:n]
	return object
}

// decodeInferred reads a reply that may be an object with a statusCode. What is none is the body
// itself, as HTTP APIs and Function URLs have it. A broken reply is not shown to the client,
// though, as they would.
func decodeInferred(payload []byte, contentType string) (*reply, error) {
	object, err := unmarshalReply(payload)
	if err != nil && bytes.Contains(payload, statusCodeKey) && !json.Valid(payload) {
		return nil, notJSON(err)
	}
	if object["statusCode"] == nil {
		return rawReply(payload, "application/json"), nil
	}
	return decodeProxyReply(object, contentType)
}

var statusCodeKey = []byte(`"statusCode"`)

// decodeProxyReply reads an object of statusCode, headers, multiValueHeaders, cookies, body and
// isBase64Encoded. The object is a map, not a struct, because the front doors tell cases apart
// and encoding/json does not.
func decodeProxyReply(object map[string]any, contentType string) (*reply, error) {
	if reply := decodePlainReply(object, contentType); reply != nil {
		return reply, nil
	}
	return decodeAnyReply(object, contentType)
}

// decodePlainReply reads what most functions reply: a number, a map of well-known headers, each a
// string, and a text. It returns nil for all else, be it good or bad: this is the hot path, and
// interpreted code costs even where it is not run.
func decodePlainReply(object map[string]any, contentType string) *reply {
	status, _ := object["statusCode"].(float64)
	headers, _ := object["headers"].(map[string]any)
	body, ok := object["body"].(string)
	if isBase64 := object["isBase64Encoded"]; isBase64 != nil && isBase64 != false {
		return nil
	}
	if !ok || object["multiValueHeaders"] != nil || object["cookies"] != nil {
		return nil
	}
	code := int(status)
	if code < 200 || code > 599 || float64(code) != status {
		return nil
	}
	header := make(http.Header, 8)
	for name, v := range headers {
		value, ok := v.(string)
		canonical := canonicalNames[name]
		if canonical == "" {
			canonical = canonicalName(name)
		}
		if !ok || canonical == "" || strings.ContainsAny(value, controlCharacters) {
			return nil
		}
		header[canonical] = []string{value}
	}
	if len(header) != len(headers) || header["Connection"] != nil {
		return nil
	}
	if header["Content-Type"] == nil && !bodyless(code) {
		header["Content-Type"] = []string{contentType}
	}
	return &reply{status: code, header: header, body: []byte(body)}
}

// decodeAnyReply is the lenient reader: it takes the fields of all the front doors together, null
// for every field, and what the frameworks' adapters are known to answer.
func decodeAnyReply(object map[string]any, contentType string) (*reply, error) {
	status, err := replyStatus(object["statusCode"])
	if err != nil {
		return nil, err
	}
	body, err := replyBody(object["body"], object["isBase64Encoded"])
	if err != nil {
		return nil, err
	}
	header, err := replyHeader(object)
	if err != nil {
		return nil, err
	}
	return newReply(status, header, body, contentType), nil
}

// replyStatus takes a whole number, or one written as a string.
func replyStatus(v any) (int, error) {
	status := 0
	switch v := v.(type) {
	case float64:
		status = int(v)
		if float64(status) != v {
			status = 0
		}
	case string:
		status, _ = strconv.Atoi(v)
	}
	if status < 200 || status > 599 {
		return 0, fmt.Errorf("statusCode %.64s: want a whole number from 200 to 599", fmt.Sprint(v))
	}
	return status, nil
}

func replyBody(v, isBase64 any) ([]byte, error) {
	if decoded, ok := v.([]byte); ok { // by unmarshalReply
		return decoded, nil
	}
	body, ok := v.(string)
	if !ok && v != nil {
		return nil, errors.New("body: want a string")
	}
	encoded, ok := isBase64.(bool)
	if !ok && isBase64 != nil {
		return nil, errors.New("isBase64Encoded: want true or false")
	}
	if !encoded {
		return []byte(body), nil
	}
	decoded, err := base64.StdEncoding.DecodeString(body)
	if err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	return decoded, nil
}

// replyHeader returns the headers of headers, multiValueHeaders and cookies. For a name that is
// in both maps the multiple values stand.
func replyHeader(object map[string]any) (http.Header, error) {
	header := make(http.Header, 8)
	if err := addReplyHeaders(header, "multiValueHeaders", object["multiValueHeaders"], nil); err != nil {
		return nil, err
	}
	var multi http.Header
	if len(header) > 0 {
		multi = header.Clone()
	}
	if err := addReplyHeaders(header, "headers", object["headers"], multi); err != nil {
		return nil, err
	}
	if err := addCookies(header, object["cookies"]); err != nil {
		return nil, err
	}
	dropConnection(header)
	return header, nil
}

// headerObject returns the headers of one map and their names in order; none of null.
func headerObject(field string, v any) (object map[string]any, names []string, err error) {
	if v == nil {
		return nil, nil, nil
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, nil, errors.New(field + ": want an object")
	}
	names = make([]string, 0, len(object))
	for name := range object {
		names = append(names, name)
	}
	sort.Strings(names)
	return object, names, nil
}

// addReplyHeaders adds the headers of one map, but for the names that except has. Names that
// differ in case alone are values of one header, in the order of the names: that is how
// functions behind single-valued maps send several cookies.
func addReplyHeaders(header http.Header, field string, v any, except http.Header) error {
	object, names, err := headerObject(field, v)
	if err != nil {
		return err
	}
	for _, name := range names {
		if len(except) > 0 && except[http.CanonicalHeaderKey(name)] != nil {
			continue
		}
		if value, ok := object[name].(string); ok {
			if err := addReplyHeader(header, name, value); err != nil {
				return err
			}
		} else if err := addReplyValues(header, name, object[name]); err != nil {
			return err
		}
	}
	return nil
}

// addReplyValues adds a header whose value is no string: a list, a number, true or false. null
// is no value.
func addReplyValues(header http.Header, name string, v any) error {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	for _, item := range list {
		var err error
		switch value := item.(type) {
		case nil:
		case string:
			err = addReplyHeader(header, name, value)
		case float64:
			err = addReplyHeader(header, name, strconv.FormatFloat(value, 'f', -1, 64))
		case bool:
			err = addReplyHeader(header, name, strconv.FormatBool(value))
		default:
			err = fmt.Errorf("header %.64q: want a string, a number, true or false, or a list of them", name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// addCookies adds the list cookies. A cookie that the headers carry already is not sent twice:
// adapters that serve several formats put it in both.
func addCookies(header http.Header, v any) error {
	if v == nil {
		return nil
	}
	cookies, ok := v.([]any)
	if !ok {
		return errors.New("cookies: want a list of strings")
	}
	inHeaders := header["Set-Cookie"]
	for _, item := range cookies {
		cookie, ok := item.(string)
		if !ok {
			return errors.New("cookies: want a list of strings")
		}
		if contains(inHeaders, cookie) {
			continue
		}
		if err := addReplyHeader(header, "Set-Cookie", cookie); err != nil {
			return err
		}
	}
	return nil
}

func contains(list []string, s string) bool {
	for _, item := range list {
		if item == s {
			return true
		}
	}
	return false
}

// writeReply writes a reply that decode has found good.
func writeReply(l *Lambda, w http.ResponseWriter, req *request, reply *reply) {
	header := w.Header()
	for name, values := range reply.header {
		header[name] = append(header[name], values...)
	}
	setCallHeaders(l, header, req)
	if req.http.Method == http.MethodHead || bodyless(reply.status) {
		setContentLength(header, reply)
		w.WriteHeader(reply.status)
		return
	}
	header["Content-Length"] = []string{strconv.Itoa(len(reply.body))}
	w.WriteHeader(reply.status)
	_, _ = w.Write(reply.body) // fails only where the client has gone
}

// bodyless says whether answers of this status have no body (RFC 9110 6.4.1).
func bodyless(status int) bool {
	return status == http.StatusNoContent || status == http.StatusNotModified
}

// setContentLength says how long the body would be that is not written. The function's own count
// is believed only where it answered HEAD without a body: it says what a GET would get (RFC 9110
// 8.6).
func setContentLength(header http.Header, reply *reply) {
	declared := header["Content-Length"]
	delete(header, "Content-Length")
	if bodyless(reply.status) {
		return
	}
	if len(reply.body) > 0 {
		header["Content-Length"] = []string{strconv.Itoa(len(reply.body))}
	} else if len(declared) == 1 {
		if _, err := strconv.ParseUint(declared[0], 10, 63); err == nil {
			header["Content-Length"] = declared
		}
	}
}
