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
	method string // the request's: a reply to HEAD may have no body
	status int
	header http.Header // canonical names, checked
	body   []byte

	// inPlace is set if header is the ResponseWriter's own, which was empty. typeOpen is set if Traefik
	// had put a Content-Type without a value there, which keeps Go's server from guessing one.
	inPlace  bool
	typeOpen bool
}

// replyFormat is a way to read replies.
type replyFormat struct {
	name replyName //lambda:case

	// decode reads the payload into the reply, whose header is empty. After an error the reply must not
	// be used. The error's text is for the operator.
	decode func(settings *replySettings, payload []byte, reply *reply) error
}

// replyName identifies a way to read replies.
type replyName int

const (
	replyObject replyName = iota
	replyHTTPJSON
	replyStrict
	replyRaw
	replyHTTP
	replyNone
)

// The ways to read replies: an object with a statusCode, Caddy's envelope, only what a front door of
// AWS accepts, the response's body itself, the bytes of an HTTP response, and no reply if Lambda does
// not wait for the function.
var (
	objectReplies   = replyFormat{name: replyObject, decode: decodeObject}
	httpJSONReplies = replyFormat{name: replyHTTPJSON, decode: decodeHTTPJSON}
	strictReplies   = replyFormat{name: replyStrict, decode: decodeStrictly}
	rawReplies      = replyFormat{name: replyRaw, decode: decodeRaw}
	httpReplies     = replyFormat{name: replyHTTP, decode: decodeHTTPMessage}
	noReplies       = replyFormat{name: replyNone, decode: decodeNone}
)

// replySettings are the settings of replies.
type replySettings struct {
	takenStatus    int          // of Lambda's HTTP response if it accepted the call
	bare           bool         // a reply without a statusCode is the response's body
	contentType    string       // for replies without a Content-Type
	rawContentType string       // for responseFormat raw
	strict         *strictRules // nil unless responseFormat is strict and the format AWS's
}

// newReplySettings expects validated options.
func newReplySettings(config *Config, format *eventFormat) *replySettings {
	settings := &replySettings{
		takenStatus:    takenStatus(config.InvocationType),
		bare:           format.bareReplies,
		contentType:    format.contentType,
		rawContentType: config.ContentType,
	}
	if settings.rawContentType == "" {
		settings.rawContentType = "application/json"
	}
	if config.ResponseFormat == responseStrict {
		settings.strict = format.strict
	}
	return settings
}

// replyFormatOf returns the way to read replies for option responseFormat.
func replyFormatOf(responseFormat string, settings *replySettings, format *eventFormat) *replyFormat {
	switch {
	case settings.takenStatus != http.StatusOK: // Lambda does not wait for the function
		return &noReplies
	case responseFormat == responseRaw:
		return &rawReplies
	case responseFormat == responseHTTP:
		return &httpReplies
	case settings.strict != nil:
		return &strictReplies
	default:
		return format.replies
	}
}

// The values of option responseFormat.
const (
	responseAuto   = "auto"
	responseStrict = "strict"
	responseRaw    = "raw"
	responseHTTP   = "http"
)

// decodeNone responds with the status by which Lambda accepted the event.
func decodeNone(settings *replySettings, _ []byte, reply *reply) error {
	reply.status = settings.takenStatus
	reply.body = nil
	return nil
}

// decodeRaw takes the payload as the body, or the text of a JSON string.
func decodeRaw(settings *replySettings, payload []byte, reply *reply) error {
	setBody(reply, payload, settings.rawContentType)
	return nil
}

// setBody sets a reply whose payload is the body itself.
func setBody(reply *reply, payload []byte, contentType string) {
	reply.status = http.StatusOK
	reply.header["Content-Type"] = []string{contentType}
	reply.body = unquoted(payload)
}

// unquoted returns the text of a payload that is a JSON string, else the payload.
func unquoted(payload []byte) []byte {
	var text string
	if bytes.HasPrefix(payload, []byte{'"'}) && json.Unmarshal(payload, &text) == nil {
		return []byte(text)
	}
	return payload
}

// errNotJSON is the error for replies that are not JSON. Front doors have a response of their own for
// it.
var errNotJSON = errors.New("want JSON")

// notJSON returns the error for a reply that encoding/json could not read.
func notJSON(err error) error {
	if numberOutOfRange(err) {
		return errors.New("want numbers that a float64 can hold")
	}
	if _, ok := err.(*json.UnmarshalTypeError); ok { //nolint:errorlint // encoding/json returns it as it is
		return errors.New("want an object")
	}
	return fmt.Errorf("%w: %.100s", errNotJSON, err.Error())
}

// numberOutOfRange reports whether err is about a number such as 1e400, which encoding/json skips. For
// those it includes the number in Value; for other type errors only the kind.
func numberOutOfRange(err error) bool {
	typeErr, ok := err.(*json.UnmarshalTypeError) //nolint:errorlint // encoding/json returns it as it is
	return ok && strings.HasPrefix(typeErr.Value, "number ")
}

// proxyReply is the object that AWS's front doors read. It is a struct because interpreted code reads a
// field in half the time of a map's entry.
//
// Front doors match the case of names, encoding/json does not. If several fields fit a name, it prefers
// the exact one, else it takes the first: that is one of the Other… fields, which are never read.
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
	Body              any `json:"body"` // []byte for a part of the payload, in Base64
	IsBase64Encoded   any `json:"isBase64Encoded"`
}

// unmarshalReply parses a payload. A large Base64 body stays in it: replyBody decodes it there.
//
//lambda:inline
func unmarshalReply(payload []byte, object *proxyReply) error {
	if len(payload) >= minSplicedBody && unmarshalAroundBody(payload, object) {
		return nil
	}
	return json.Unmarshal(payload, object)
}

// bodyKey matches where a body begins.
var bodyKey = regexp.MustCompile(`"body"\s*:\s*"`)

// unmarshalAroundBody parses a reply with a Base64 body without passing the body through encoding/json.
// It returns false, with object empty, if the result could differ from encoding/json's.
func unmarshalAroundBody(payload []byte, object *proxyReply) bool {
	key := bodyKey.FindIndex(payload)
	if key == nil {
		return false
	}
	head := payload[:key[1]]
	body, tail, closed := bytes.Cut(payload[key[1]:], []byte(`"`))
	if !closed || bytes.IndexByte(body, '\\') >= 0 || bytes.IndexByte(body, '\n') >= 0 || bytes.IndexByte(body, '\r') >= 0 {
		return false // an escape, or no JSON; the decoder detects the rest
	}
	around := string(head) + base64Mark + `"` + string(tail)
	if json.Unmarshal([]byte(around), object) != nil || object.Body != base64Mark || object.IsBase64Encoded != true {
		*object = proxyReply{}
		return false
	}
	object.Body = body
	return true
}

// decodedPiece is how many characters of Base64 are decoded at a time; a multiple of 4.
const decodedPiece = 512 << 10

// decodeInPlace decodes Base64 into the memory of its text: a large body is in memory only once. An
// error tells what DecodeString tells.
func decodeInPlace(text []byte) ([]byte, error) {
	var scratch []byte
	length := 0
	for start := 0; start < len(text); start += decodedPiece {
		piece := text[start:]
		if len(piece) > decodedPiece {
			piece = piece[:decodedPiece]
		}
		if scratch == nil {
			scratch = make([]byte, base64.StdEncoding.DecodedLen(len(piece)))
		}
		n, err := base64.StdEncoding.Decode(scratch, piece)
		if err != nil {
			var corrupt base64.CorruptInputError
			_ = errors.As(err, &corrupt) // encoding/base64 has no other error
			return nil, illegalBase64(start + int(corrupt))
		}
		end := start + len(piece)
		if n < len(scratch) && end < len(text) { // padding within the text
			return nil, illegalBase64(end)
		}
		length += copy(text[length:], scratch[:n])
	}
	return text[:length], nil
}

// illegalBase64 returns the error of base64.CorruptInputError as text. Yaegi returns that type itself as
// nil.
func illegalBase64(at int) error { return fmt.Errorf("illegal base64 data at input byte %d", at) }

// decodeObject reads an object with a statusCode. Without one the payload is the body if the format
// allows it, as HTTP APIs and Function URLs do.
//
//lambda:inline
func decodeObject(settings *replySettings, payload []byte, reply *reply) error {
	object := &proxyReply{}
	err := unmarshalReply(payload, object)
	number, _ := object.StatusCode.(float64)
	status := statuses[number]
	if status == 0 || err != nil {
		if object.StatusCode == nil && settings.bare {
			return decodeBare(payload, err, reply)
		}
		if err != nil {
			return notJSON(err)
		}
		status, err = textStatus(object.StatusCode)
		if err != nil {
			return err
		}
	}
	return buildReply(object, status, settings.contentType, payload, reply)
}

// decodeBare reads a reply without a statusCode as the body. err is from unmarshalReply. Front doors
// send even a broken object to the client; this does not.
func decodeBare(payload []byte, err error, reply *reply) error {
	if err != nil && bytes.Contains(payload, statusCodeKey) && (numberOutOfRange(err) || !json.Valid(payload)) {
		return notJSON(err)
	}
	setBody(reply, payload, "application/json")
	return nil
}

var statusCodeKey = []byte(`"statusCode"`)

// buildReply is lenient: it accepts the fields of all front doors, null for every field, and what
// frameworks' adapters are known to send. It writes the body over the payload, which object was made of.
//
//lambda:inline
func buildReply(object *proxyReply, status int, contentType string, payload []byte, reply *reply) error {
	var body []byte
	text, isText := object.Body.(string)
	isBase64 := object.IsBase64Encoded
	switch {
	case (!isText && object.Body != nil) || (isBase64 != false && isBase64 != nil):
		other, err := replyBody(object.Body, isBase64)
		if err != nil {
			return err
		}
		body = other
	case len(text) <= len(payload):
		body = payload[:copy(payload, text)]
	default: // U+FFFD in place of bytes that are not UTF-8
		body = []byte(text)
	}
	if err := addHeaders(reply.header, object); err != nil {
		return err
	}
	completeReply(reply, status, body, contentType)
	return nil
}

// completeReply sets the status and the body, and a default Content-Type. A 304 gets none: it would
// change the type of the response in the client's cache (RFC 9111 4.3.4).
//
//lambda:inline
func completeReply(reply *reply, status int, body []byte, contentType string) {
	reply.status = status
	if status != statusOK {
		if bodyless(status) {
			reply.body = nil
			return
		}
	}
	reply.body = body
	if reply.header["Content-Type"] == nil {
		reply.header["Content-Type"] = []string{contentType}
	}
}

// statuses holds the valid statuses by their float64, the type of encoding/json's numbers.
var statuses = map[float64]int{}

func init() {
	for status := 200; status <= 599; status++ {
		statuses[float64(status)] = status
	}
}

// replyStatus returns a status given as a whole number or as a string.
func replyStatus(v any) (int, error) {
	number, _ := v.(float64)
	status := statuses[number]
	if status == 0 {
		return textStatus(v)
	}
	return status, nil
}

// textStatus returns a status given as a string.
func textStatus(v any) (int, error) {
	text, _ := v.(string)
	status, _ := strconv.Atoi(text)
	if status < 200 || status > 599 {
		return 0, fmt.Errorf("statusCode %.64s: want a whole number from 200 to 599", fmt.Sprint(v))
	}
	return status, nil
}

// replyBody returns the body given as text, Base64 or null, which is empty.
func replyBody(v, isBase64 any) ([]byte, error) {
	if text, ok := v.([]byte); ok { // from unmarshalReply
		decoded, err := decodeInPlace(text)
		if err != nil {
			return nil, fmt.Errorf("body: %w", err)
		}
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

// addHeaders adds headers, multiValueHeaders and cookies.
//
//lambda:inline
func addHeaders(header http.Header, object *proxyReply) error {
	if !addPlainHeaders(header, object) {
		return addAllHeaders(header, object)
	}
	return nil
}

// addPlainHeaders adds what most functions reply: maps of differently named headers whose values are
// strings, numbers, true, false or null, or lists of strings, and a list of cookies. It returns false for
// anything else, valid or not. Then header may contain a part, and addAllHeaders must start over.
//
//lambda:inline
func addPlainHeaders(header http.Header, object *proxyReply) bool {
	single, isMap := object.Headers.(map[string]any)
	if (!isMap && object.Headers != nil) || len(single) > maxPlainLines {
		return false
	}
	values := "" // joined, to search them for control characters only once
	for name, v := range single {
		value, isText := v.(string)
		if !isText {
			if !addPlainScalar(header, single, name, v) {
				return false
			}
			continue
		}
		canonical := canonicalOf(name)
		if canonical == "" {
			return false
		}
		header[canonical] = []string{value}
		values += value
	}
	if len(header) != len(single) { // names that differ only in case
		return false
	}
	if object.MultiValueHeaders != nil {
		joined, plain := addPlainLists(header, object.MultiValueHeaders)
		if !plain {
			return false
		}
		values += joined
	}
	if object.Cookies != nil {
		cookies := plainTexts(object.Cookies)
		if cookies == nil {
			return false
		}
		if len(cookies) > 0 {
			if header["Set-Cookie"] != nil {
				return false
			}
			header["Set-Cookie"] = cookies
			values += strings.Join(cookies, "")
		}
	}
	return len(values) <= maxPlainBytes && !strings.ContainsAny(values, controlCharacters)
}

// The limits of what addPlainHeaders takes: headers of one map or values of one list, since joining many
// would take quadratic time, and bytes of all values.
const (
	maxPlainLines = 64
	maxPlainBytes = maxReplyLineBytes / 2
)

// addPlainScalar is the part of addPlainHeaders for values that are no strings. It removes those that are
// null from headers. Numbers and booleans have no control characters.
//
//lambda:inline
func addPlainScalar(header http.Header, headers map[string]any, name string, v any) bool {
	if v == nil {
		delete(headers, name)
		return true
	}
	value, isScalar := scalarText(v)
	canonical := canonicalOf(name)
	if !isScalar || canonical == "" {
		return false
	}
	header[canonical] = []string{value}
	return true
}

// addPlainLists adds what addPlainHeaders takes of multiValueHeaders. It returns all values, joined, and
// false for anything else.
//
//lambda:inline
func addPlainLists(header http.Header, v any) (string, bool) {
	multi, isMap := v.(map[string]any)
	if !isMap || len(multi) > maxPlainLines {
		return "", false
	}
	values := ""
	for name, v := range multi {
		texts := plainTexts(v)
		canonical := canonicalOf(name)
		if len(texts) == 0 || canonical == "" || header[canonical] != nil {
			return "", false
		}
		header[canonical] = texts
		values += strings.Join(texts, "")
	}
	return values, true
}

// plainTexts returns the texts of a list of strings that is not long, and nil for anything else.
//
//lambda:inline
func plainTexts(v any) []string {
	list, isList := v.([]any)
	if !isList || len(list) > maxPlainLines {
		return nil
	}
	texts := make([]string, len(list))
	for i, item := range list {
		text, isText := item.(string)
		if !isText {
			return nil
		}
		texts[i] = text
	}
	return texts
}

// addAllHeaders empties header and adds headers, multiValueHeaders and cookies. For a name in both maps
// the multiple values win.
func addAllHeaders(header http.Header, object *proxyReply) error {
	empty(header)
	lines := &replyLines{header: header}
	if err := addReplyHeaders(lines, "multiValueHeaders", object.MultiValueHeaders, nil); err != nil {
		return err
	}
	var multi http.Header
	if len(header) > 0 {
		multi = header.Clone()
	}
	if err := addReplyHeaders(lines, "headers", object.Headers, multi); err != nil {
		return err
	}
	if err := addCookies(lines, object.Cookies); err != nil {
		return err
	}
	dropConnection(header)
	return nil
}

func empty(header http.Header) {
	for name := range header {
		delete(header, name)
	}
}

// headerObject returns the headers of one map and their names in order; none for null.
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

// addReplyHeaders adds the headers of one map, except those in except. Names that differ only in case
// are values of one header, in the order of the names: functions limited to single values send several
// cookies in this way.
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

// addReplyValues adds a header whose value is not a string: a list, a number, true or false. null adds
// nothing.
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
		default:
			text, isScalar := scalarText(item)
			if !isScalar {
				return fmt.Errorf("header %.64q: want a string, a number, true or false, or a list of them", name)
			}
			err = addReplyHeader(lines, name, text)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// scalarText returns the text of a number or a boolean in a header, and reports whether v is one.
func scalarText(v any) (text string, isScalar bool) {
	if number, ok := v.(float64); ok {
		return strconv.FormatFloat(number, 'f', -1, 64), true
	}
	if value, ok := v.(bool); ok {
		return strconv.FormatBool(value), true
	}
	return "", false
}

// addCookies adds the list cookies. It skips cookies that the headers already contain: adapters for
// several formats send them in both.
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

// newReply returns an empty reply. If the ResponseWriter's header is empty, the reply uses it directly,
// which saves copying.
//
//lambda:inline
func newReply(header http.Header, method string) *reply {
	reply := &reply{method: method}
	contentType, typed := header["Content-Type"]
	if typed && contentType == nil {
		delete(header, "Content-Type")
		reply.typeOpen = true
	}
	if len(header) == 0 {
		reply.header = header
		reply.inPlace = true
	} else {
		reply.header = make(http.Header, 8)
	}
	return reply
}

// dropReply restores the ResponseWriter's header to its state before newReply.
func dropReply(header http.Header, reply *reply) {
	if reply.inPlace {
		empty(header)
	}
	leaveTypeOpen(header, reply)
}

// leaveTypeOpen keeps the server from guessing a Content-Type if the reply has none.
func leaveTypeOpen(header http.Header, reply *reply) {
	if reply.typeOpen && header["Content-Type"] == nil {
		header["Content-Type"] = nil
	}
}

// addResponseHeaders adds the reply's headers and those of the call to a response.
//
//lambda:inline
func addResponseHeaders(l *Lambda, header http.Header, req *request, reply *reply) {
	if !reply.inPlace {
		for name, values := range reply.header {
			header[name] = append(header[name], values...)
		}
	}
	setCallHeaders(l, header, req)
}

// writeReply writes a decoded reply. header is w's. It fails only if the client has disconnected.
//
//lambda:inline
func writeReply(l *Lambda, w http.ResponseWriter, header http.Header, req *request, reply *reply) error {
	addResponseHeaders(l, header, req, reply)
	if req.counts != nil {
		recordReply(l, req, reply.status)
	}
	body := reply.body
	if len(body) == 0 || req.http.Method == methodHead {
		writeHead(w, header, req, reply)
		return nil
	}
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	if reply.status != statusOK {
		w.WriteHeader(reply.status)
	}
	_, err := w.Write(body)
	return err
}

// writeHead writes a reply without a body.
func writeHead(w http.ResponseWriter, header http.Header, req *request, reply *reply) {
	leaveTypeOpen(header, reply)
	if req.http.Method == methodHead || bodyless(reply.status) {
		setContentLength(header, reply)
	} else {
		header["Content-Length"] = []string{"0"}
	}
	w.WriteHeader(reply.status)
}

// bodyless reports whether responses of this status have no body (RFC 9110 6.4.1).
//
//lambda:inline
func bodyless(status int) bool {
	return status == http.StatusNoContent || status == http.StatusNotModified
}

// setContentLength sets the length of a body that is not written. The function's own value counts only
// if it replied to HEAD without a body: it is the length that GET would have (RFC 9110 8.6).
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
