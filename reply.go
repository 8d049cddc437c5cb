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
	if bodyless(status) {
		body = nil
	}
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

// newDecoder returns what reads the function's replies as option responseFormat says, nil for
// decodeReply's own way. contentType is that of a reply that names none.
func newDecoder(l *Lambda) func(payload []byte, contentType string) (*reply, error) {
	if l.takenStatus != http.StatusOK { // nobody has waited for the function's reply
		return func(_ []byte, _ string) (*reply, error) {
			return &reply{status: l.takenStatus, header: http.Header{}}, nil
		}
	}
	switch l.responseFormat {
	case responseStrict:
		if l.format.strict != nil {
			return func(payload []byte, contentType string) (*reply, error) {
				return decodeStrictly(payload, contentType, l.format.strict)
			}
		}
	case responseRaw:
		return func(payload []byte, _ string) (*reply, error) { return rawReply(payload, l.contentType), nil }
	case responseHTTP:
		return func(payload []byte, _ string) (*reply, error) { return decodeHTTPMessage(payload, http.MethodGet) }
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
	if numberOutOfRange(err) {
		return errors.New("want numbers that a float64 can hold")
	}
	if _, ok := err.(*json.UnmarshalTypeError); ok { //nolint:errorlint // encoding/json returns it as it is
		return errors.New("want an object")
	}
	return fmt.Errorf("%w: %.100s", errNotJSON, err.Error())
}

// numberOutOfRange reports whether err says that a number such as 1e400 was left out of what was read.
// encoding/json names the number then, and only its kind where it wants something else.
func numberOutOfRange(err error) bool {
	typeErr, ok := err.(*json.UnmarshalTypeError) //nolint:errorlint // encoding/json returns it as it is
	return ok && strings.HasPrefix(typeErr.Value, "number ")
}

// proxyReply is the object that the front doors of AWS read. It is a struct, since interpreted code
// reads a field in half the time of a map's entry. The front doors heed the case of a name, and
// encoding/json does not, unless there are several fields for it: then what has none of their
// cases falls to the first, and that is one that nobody looks at.
type proxyReply struct {
	OtherStatusCode        any `json:"STATUSCODE"`
	OtherHeaders           any `json:"HEADERS"`
	OtherMultiValueHeaders any `json:"MULTIVALUEHEADERS"`
	OtherCookies           any `json:"COOKIES"`
	OtherBody              any `json:"BODY"`
	OtherIsBase64Encoded   any `json:"ISBASE64ENCODED"`

	StatusCode        any `json:"statusCode"`
	Headers           any `json:"headers"`
	MultiValueHeaders any `json:"multiValueHeaders"`
	Cookies           any `json:"cookies"`
	Body              any `json:"body"` // []byte where unmarshalReply has decoded it
	IsBase64Encoded   any `json:"isBase64Encoded"`
}

// decodeObject reads a reply that has to be an object with a statusCode.
func decodeObject(payload []byte, contentType string) (*reply, error) {
	object := &proxyReply{}
	if err := unmarshalReply(payload, object); err != nil {
		return nil, notJSON(err)
	}
	return decodePlainReply(object, contentType)
}

// unmarshalReply reads a payload. The body of a large one may be decoded already.
func unmarshalReply(payload []byte, object *proxyReply) error {
	if len(payload) >= minSplicedBody && unmarshalAroundBody(payload, object) {
		return nil
	}
	return json.Unmarshal(payload, object)
}

// bodyKey finds where a body begins.
var bodyKey = regexp.MustCompile(`"body"\s*:\s*"`)

// unmarshalAroundBody reads a reply whose body is Base64 without having encoding/json look at
// each of its bytes. It says no where it cannot be sure that this comes to the same.
func unmarshalAroundBody(payload []byte, object *proxyReply) bool {
	key := bodyKey.FindIndex(payload)
	if key == nil {
		return false
	}
	head := payload[:key[1]]
	body, tail, closed := bytes.Cut(payload[key[1]:], []byte(`"`))
	if !closed || bytes.IndexByte(body, '\\') >= 0 || bytes.IndexByte(body, '\n') >= 0 || bytes.IndexByte(body, '\r') >= 0 {
		return false // an escape, or no JSON; of all else that is no Base64 the decoder says so
	}
	around := string(head) + base64Mark + `"` + string(tail)
	if json.Unmarshal([]byte(around), object) != nil || object.Body != base64Mark || object.IsBase64Encoded != true {
		*object = proxyReply{}
		return false
	}
	decoded := make([]byte, base64.StdEncoding.DecodedLen(len(body)))
	n, err := base64.StdEncoding.Decode(decoded, body)
	if err != nil {
		*object = proxyReply{}
		return false
	}
	object.Body = decoded[:n]
	return true
}

// decodeReply reads the function's reply to a request of this method. Unless the format or option responseFormat says otherwise,
// that may be an object with a statusCode, and what is none is the body itself, as HTTP APIs and
// Function URLs have it.
func decodeReply(l *Lambda, method string, payload []byte) (*reply, error) {
	if l.decode != nil {
		if method == methodHead && l.responseFormat == responseHTTP && l.takenStatus == http.StatusOK {
			return decodeHTTPMessage(payload, method)
		}
		return l.decode(payload, l.format.contentType)
	}
	object := &proxyReply{}
	err := unmarshalReply(payload, object)
	if object.StatusCode == nil {
		return decodeBare(payload, err)
	}
	if err != nil {
		return nil, notJSON(err)
	}
	return decodePlainReply(object, l.format.contentType)
}

// decodeBare reads a reply without a statusCode. A broken one is not shown to the client, though,
// as the front doors would: err is that of unmarshalReply.
func decodeBare(payload []byte, err error) (*reply, error) {
	if err != nil && bytes.Contains(payload, statusCodeKey) && (numberOutOfRange(err) || !json.Valid(payload)) {
		return nil, notJSON(err)
	}
	return rawReply(payload, "application/json"), nil
}

var statusCodeKey = []byte(`"statusCode"`)

// decodePlainReply reads what most functions reply: a number, a map of headers of different names,
// each a text, and a text. All else, be it good or bad, is left to decodeAnyReply: this is the
// hot path, and interpreted code costs even where it is not run.
func decodePlainReply(object *proxyReply, contentType string) (*reply, error) {
	number, _ := object.StatusCode.(float64)
	headers, _ := object.Headers.(map[string]any)
	body, _ := object.Body.(string)
	status := statuses[number]
	if status == 0 || body == "" || object.MultiValueHeaders != nil || object.Cookies != nil {
		return decodeAnyReply(object, contentType)
	}
	if object.IsBase64Encoded != nil && object.IsBase64Encoded != false {
		return decodeAnyReply(object, contentType)
	}
	if (headers == nil && object.Headers != nil) || len(headers) > maxPlainHeaders {
		return decodeAnyReply(object, contentType)
	}
	header := make(http.Header, 8)
	values := ""
	for name, v := range headers {
		canonical := canonicalNames[name]
		if canonical == "" {
			canonical = canonicalName(name)
		}
		var value string
		value, _ = v.(string)
		if value == "" {
			return decodeAnyReply(object, contentType)
		}
		header[canonical] = []string{value}
		values += value
	}
	if len(header) != len(headers) || header[""] != nil || len(values) > maxReplyLineBytes/2 ||
		strings.ContainsAny(values, controlCharacters) {
		return decodeAnyReply(object, contentType)
	}
	if header["Content-Type"] == nil {
		header["Content-Type"] = []string{contentType}
	}
	return &reply{status: status, header: header, body: []byte(body)}, nil
}

// maxPlainHeaders bounds what decodePlainReply reads: it joins values one after the other, which would
// take quadratic time for many.
const maxPlainHeaders = 64

// statuses holds the statuses that replies with a body may have, as encoding/json reads numbers.
var statuses = map[float64]int{}

func init() {
	for status := 200; status <= 599; status++ {
		if !bodyless(status) {
			statuses[float64(status)] = status
		}
	}
}

// decodeAnyReply is the lenient reader: it takes the fields of all the front doors together, null
// for every field, and what the frameworks' adapters are known to answer.
func decodeAnyReply(object *proxyReply, contentType string) (*reply, error) {
	status, err := replyStatus(object.StatusCode)
	if err != nil {
		return nil, err
	}
	body, err := replyBody(object.Body, object.IsBase64Encoded)
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
func replyHeader(object *proxyReply) (http.Header, error) {
	lines := newReplyLines()
	if err := addReplyHeaders(lines, "multiValueHeaders", object.MultiValueHeaders, nil); err != nil {
		return nil, err
	}
	var multi http.Header
	if len(lines.header) > 0 {
		multi = lines.header.Clone()
	}
	if err := addReplyHeaders(lines, "headers", object.Headers, multi); err != nil {
		return nil, err
	}
	if err := addCookies(lines, object.Cookies); err != nil {
		return nil, err
	}
	dropConnection(lines.header)
	return lines.header, nil
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
	if len(object) > maxReplyLines {
		return nil, nil, errTooManyLines
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
func addReplyHeaders(lines *replyLines, field string, v any, except http.Header) error {
	object, names, err := headerObject(field, v)
	if err != nil {
		return err
	}
	for _, name := range names {
		if len(except) > 0 && except[http.CanonicalHeaderKey(name)] != nil {
			continue
		}
		if value, ok := object[name].(string); ok {
			if err := addReplyHeader(lines, name, value); err != nil {
				return err
			}
		} else if err := addReplyValues(lines, name, object[name]); err != nil {
			return err
		}
	}
	return nil
}

// addReplyValues adds a header whose value is no string: a list, a number, true or false. null
// is no value.
func addReplyValues(lines *replyLines, name string, v any) error {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	for _, item := range list {
		var err error
		switch value := item.(type) {
		case nil:
		case string:
			err = addReplyHeader(lines, name, value)
		case float64:
			err = addReplyHeader(lines, name, strconv.FormatFloat(value, 'f', -1, 64))
		case bool:
			err = addReplyHeader(lines, name, strconv.FormatBool(value))
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
func addCookies(lines *replyLines, v any) error {
	if v == nil {
		return nil
	}
	cookies, ok := v.([]any)
	if !ok {
		return errors.New("cookies: want a list of strings")
	}
	sent := map[string]bool{}
	for _, cookie := range lines.header["Set-Cookie"] {
		sent[cookie] = true
	}
	for _, item := range cookies {
		cookie, ok := item.(string)
		if !ok {
			return errors.New("cookies: want a list of strings")
		}
		if sent[cookie] {
			lines.lines++
			if lines.lines > maxReplyLines {
				return errTooManyLines
			}
			continue
		}
		if err := addReplyHeader(lines, "Set-Cookie", cookie); err != nil {
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
	if req.counts != nil {
		recordReply(l, req, reply.status)
	}
	if len(reply.body) == 0 || req.http.Method == methodHead {
		writeHead(w, header, req, reply)
		return
	}
	header["Content-Length"] = []string{strconv.Itoa(len(reply.body))}
	if reply.status != statusOK {
		w.WriteHeader(reply.status)
	}
	_, _ = w.Write(reply.body) // fails only where the client has gone
}

// writeHead writes a reply without its body.
func writeHead(w http.ResponseWriter, header http.Header, req *request, reply *reply) {
	if req.http.Method == methodHead || bodyless(reply.status) {
		setContentLength(header, reply)
	} else {
		header["Content-Length"] = []string{"0"}
	}
	w.WriteHeader(reply.status)
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
