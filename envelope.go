package lambda

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// eventFormat is one shape of events and replies.
type eventFormat struct {
	encode func(*Lambda, *request) ([]byte, error) // the event, as JSON
	decode func(payload []byte) (*reply, error)    // the function's reply

	// failureBody is what the format's own front door answers with when it fails: the content
	// type and the body that carries the status text.
	failureBody func(status int, text string) (contentType, body string)
}

// eventFormats names the formats. One more is its own file, and a line here.
var eventFormats = map[string]*eventFormat{
	"http-api-v2": {encode: encodeHTTPAPIv2, decode: decodeHTTPAPIv2, failureBody: jsonFailureBody},
}

func eventFormatNames() []string {
	names := make([]string, 0, len(eventFormats))
	for name := range eventFormats {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// maxEventBytes is the largest event that Lambda takes in a synchronous invocation, from
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const maxEventBytes = 6 << 20

// request is an HTTP request on its way to a function, in the parts that events are made of.
type request struct {
	http     *http.Request
	time     time.Time // when it came, UTC
	peerIP   string    // the TCP peer's address, bare
	clientIP string    // the client's address, bare
	host     string    // the Host header
	header   http.Header
	path     string // decoded
	rawPath  string // escaped; both come of URL.EscapedPath, never of what the client wrote elsewhere
	rawQuery string // without "?"
	body     []byte // all of it; nil before readBody and where there is none

	// bodyTouched says that something of the body was read, bodyRead that all of it is in body.
	bodyTouched bool
	bodyRead    bool

	target   *target
	routeKey string // of the option routes, else "$default"

	called time.Time // when Lambda was called; kept with serverTiming only

	// lambdaRequestID is the id that Lambda gave to the invocation, "" before.
	lambdaRequestID string
}

// newRequest takes a request in. Its body is still unread.
func newRequest(l *Lambda, r *http.Request) *request {
	peer := peerIP(r.RemoteAddr)
	req := &request{
		http:     r,
		time:     time.Now().UTC(),
		peerIP:   peer,
		clientIP: peer,
		host:     r.Host,
		header:   r.Header,
		path:     r.URL.Path,
		rawPath:  r.URL.EscapedPath(),
		rawQuery: r.URL.RawQuery,
		routeKey: "$default",
	}
	if l.clientIP != nil {
		req.clientIP = forwardedIP(l.clientIP, req)
	}
	if req.rawPath == "" {
		req.path = "/"
		req.rawPath = "/"
	}
	return req
}

// eventContext is the part of an event that describes the API, which there is none of here: the
// same for every request.
type eventContext struct {
	accountID string
	apiID     string
	stage     string
}

func newEventContext(f *function) eventContext {
	c := eventContext{accountID: f.accountID, apiID: "traefik", stage: "$default"}
	if c.accountID == "" {
		c.accountID = "000000000000"
	}
	return c
}

// readBody reads the whole body, up to the limit. A client that stalls is not waited for longer
// than ctx lasts: hence the goroutine, since Traefik lets no middleware set a deadline for reading.
func readBody(ctx context.Context, l *Lambda, req *request) error {
	r := req.http
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return nil
	}
	if r.ContentLength > l.maxRequestBodyBytes {
		return tooLarge("request body", l.maxRequestBodyBytes)
	}
	req.bodyTouched = true
	reading := make(chan *bodyRead, 1)
	go readWholeBody(reading, r, l.maxRequestBodyBytes)
	select {
	case read := <-reading:
		return takeBody(l, req, read)
	case <-ctx.Done():
		return interrupted(ctx, req, causeUnreadable, ctx.Err())
	}
}

// bodyRead is what came of reading a body.
type bodyRead struct {
	body []byte
	err  error
}

func readWholeBody(reading chan<- *bodyRead, r *http.Request, limit int64) {
	defer recoverBody(reading)
	body, err := readAll(r.Body, r.ContentLength, limit)
	reading <- &bodyRead{body: body, err: err}
}

// recoverBody keeps a panic of a body that an earlier middleware has wrapped: in a goroutine it
// would end Traefik.
func recoverBody(reading chan<- *bodyRead) {
	if p := recover(); p != nil {
		reading <- &bodyRead{err: fmt.Errorf("panic: %v", p)}
	}
}

func takeBody(l *Lambda, req *request, read *bodyRead) error {
	if read.err != nil {
		if req.http.Context().Err() != nil {
			return failureOf(causeClientGone, read.err)
		}
		return unreadable(read.err)
	}
	if int64(len(read.body)) > l.maxRequestBodyBytes {
		return tooLarge("request body", l.maxRequestBodyBytes)
	}
	req.body = read.body
	req.bodyRead = true
	return nil
}

// readAll reads r: in one piece where its size is known, else up to one byte over limit.
func readAll(r io.Reader, size, limit int64) ([]byte, error) {
	if size >= 0 && size <= limit {
		body := make([]byte, size)
		_, err := io.ReadFull(r, body)
		return body, err
	}
	return io.ReadAll(io.LimitReader(r, limit+1))
}

// lowerHeaders returns the request's headers as the front doors that join values have them: names
// in lower case, the values of a name joined by commas, Host and the forwarding headers among
// them, hop-by-hop headers left out. Headers that Connection names stay in: with it a client
// could take away what an earlier middleware has set (RFC 9110 7.6.1 is for proxies that forward).
func lowerHeaders(req *request) map[string]string {
	headers := make(map[string]string, len(req.header)+6)
	for name, values := range req.header {
		lower, known := lowerNames[name]
		if !known {
			lower = lowerName(name)
		}
		if lower == "" {
			continue
		}
		if len(values) == 1 {
			headers[lower] = values[0]
		} else {
			headers[lower] = strings.Join(values, ",")
		}
	}
	headers["host"] = req.host
	addForwardingHeaders(headers, req)
	return headers
}

// addForwardingHeaders adds what the front doors add. What is there already was set by Traefik
// or by a proxy that it trusts: Traefik takes these headers off other requests.
func addForwardingHeaders(headers map[string]string, req *request) {
	if prior := headers["x-forwarded-for"]; prior != "" {
		headers["x-forwarded-for"] = prior + ", " + req.peerIP
	} else {
		headers["x-forwarded-for"] = req.peerIP
	}
	if headers["x-forwarded-proto"] == "" {
		headers["x-forwarded-proto"] = scheme(req.http)
	}
	if headers["x-forwarded-port"] == "" {
		headers["x-forwarded-port"] = port(req.http)
	}
	if headers["x-amzn-trace-id"] == "" {
		headers["x-amzn-trace-id"] = newTraceID(req.time)
	}
	if len(req.body) > 0 {
		headers["content-length"] = strconv.Itoa(len(req.body)) // a chunked body has none
	}
}

func scheme(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// port returns the port that the client named, else the scheme's own.
func port(r *http.Request) string {
	if i := strings.LastIndexByte(r.Host, ':'); i > strings.LastIndexByte(r.Host, ']') {
		return r.Host[i+1:]
	}
	if r.TLS != nil {
		return "443"
	}
	return "80"
}

// hostname returns the Host header without the port.
func hostname(host string) string {
	i := strings.LastIndexByte(host, ':')
	if i < 0 || strings.HasSuffix(host, "]") {
		return host
	}
	return host[:i]
}

// newTraceID returns a trace header as AWS X-Ray makes them, from
// https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
func newTraceID(now time.Time) string {
	random := make([]byte, 12)
	_, _ = rand.Read(random) // never fails (crypto/rand)
	return "Root=1-" + strconv.FormatInt(now.Unix(), 16) + "-" + hex.EncodeToString(random)
}

// newRequestID returns an id as API Gateway gives it to requests of HTTP APIs.
func newRequestID() string {
	random := make([]byte, 11)
	_, _ = rand.Read(random) // never fails (crypto/rand)
	return base64.URLEncoding.EncodeToString(random)
}

// encodeEvent returns the event for a request.
func encodeEvent(l *Lambda, req *request) ([]byte, error) {
	event, err := l.format.encode(l, req)
	if err == nil && bytes.Contains(event, invalidUTF8) {
		event, err = l.format.encode(l, withoutInvalidUTF8(req))
	}
	if err != nil {
		return nil, err
	}
	if len(event) > maxEventBytes {
		return nil, tooLarge("event", maxEventBytes)
	}
	return event, nil
}

// invalidUTF8 is what encoding/json writes for a byte that is not UTF-8. To look for it in the
// event is far cheaper than to check every header, and a body that holds these six characters
// costs a second encoding, nothing else.
var invalidUTF8 = []byte(`\ufffd`)

// withoutInvalidUTF8 returns the request with nothing in it that JSON cannot carry: header values
// are read as ISO 8859-1 (RFC 9110 5.5), paths and queries stay percent-encoded.
func withoutInvalidUTF8(req *request) *request {
	repaired := *req
	repaired.host = latin1(req.host)
	repaired.header = make(http.Header, len(req.header))
	for name, values := range req.header {
		for _, value := range values {
			repaired.header[name] = append(repaired.header[name], latin1(value))
		}
	}
	if !utf8.ValidString(req.path) {
		repaired.path = req.rawPath
	}
	if !utf8.ValidString(req.rawQuery) {
		repaired.rawQuery = percentReplacer.Replace(req.rawQuery)
	}
	return &repaired
}

func latin1(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return latin1Replacer.Replace(s)
}

// latin1Replacer and percentReplacer go over bytes in compiled code.
var (
	latin1Replacer  = newByteReplacer(func(b byte) string { return string(rune(b)) })
	percentReplacer = newByteReplacer(func(b byte) string { return fmt.Sprintf("%%%02X", b) })
)

// newByteReplacer returns a replacer of the bytes that are not ASCII.
func newByteReplacer(replacement func(byte) string) *strings.Replacer {
	var pairs []string
	for b := 0x80; b <= 0xff; b++ {
		pairs = append(pairs, string([]byte{byte(b)}), replacement(byte(b)))
	}
	return strings.NewReplacer(pairs...)
}

// parseQuery decodes a query that url.ParseQuery refuses. What cannot be decoded, or would not
// be UTF-8, stays as it was sent: nothing is lost.
func parseQuery(rawQuery string) url.Values {
	values := url.Values{}
	for _, pair := range strings.Split(rawQuery, "&") {
		if pair != "" {
			name, value, _ := strings.Cut(pair, "=")
			name = unescapeQuery(name)
			values[name] = append(values[name], unescapeQuery(value))
		}
	}
	return values
}

func unescapeQuery(s string) string {
	unescaped, err := url.QueryUnescape(s)
	if err != nil || !utf8.ValidString(unescaped) {
		return s
	}
	return unescaped
}

// marshalEvent returns v as JSON, with <, > and & as they are, as AWS writes them.
func marshalEvent(v any) ([]byte, error) {
	event, err := json.Marshal(v)
	if err != nil || bytes.Contains(event, htmlEscape) {
		return marshalUnescaped(v)
	}
	return event, nil
}

// htmlEscape begins what json.Marshal writes for <, > and &.
var htmlEscape = []byte(`\u00`)

// marshalUnescaped is json.Marshal without its escapes for HTML. It takes twice as long,
// interpreted, which is why marshalEvent tries the plain one first.
func marshalUnescaped(v any) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, fmt.Errorf("encode the event: %w", err)
	}
	event := buffer.Bytes()
	return event[:len(event)-1], nil // Encode ends with a line feed
}

// isText says whether HTTP APIs and Function URLs hand a body of this content type to the
// function as text. A body that is not UTF-8 is never text, whatever it says of itself.
func isText(contentType string, body []byte) bool {
	textual, known := textTypes[contentType]
	if !known {
		textual = isTextType(contentType)
	}
	return textual && utf8.Valid(body)
}

func isTextType(contentType string) bool {
	mediaType, _, _ := strings.Cut(contentType, ";")
	mediaType = strings.ToLower(strings.TrimSpace(mediaType))
	return textTypes[mediaType] || strings.HasPrefix(mediaType, "text/") ||
		strings.HasSuffix(mediaType, "+json") || strings.HasSuffix(mediaType, "+xml")
}

// textTypes holds the media types that are text and not text/*.
var textTypes = map[string]bool{
	"application/json":                  true,
	"application/javascript":            true,
	"application/xml":                   true,
	"application/x-www-form-urlencoded": true,
}

// eventBody returns a body as an event carries it: a string, or bytes, which encoding/json writes
// as Base64.
func eventBody(body []byte, base64 bool) any {
	if base64 {
		return body
	}
	return string(body)
}

// splitCookies returns the cookies of a Cookie header.
func splitCookies(header string) []string {
	cookies := strings.Split(header, ";")
	for i, cookie := range cookies {
		cookies[i] = strings.TrimSpace(cookie)
	}
	return cookies
}

// joinedQuery returns the decoded parameters of a query, the values of a name joined by commas.
func joinedQuery(rawQuery string) map[string]string {
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		query = parseQuery(rawQuery)
	}
	joined := make(map[string]string, len(query))
	for name, values := range query {
		if len(values) == 1 {
			joined[name] = values[0]
		} else {
			joined[name] = strings.Join(values, ",")
		}
	}
	return joined
}

// commonLogTime is the Common Log Format's time, as time.Format wants it.
const commonLogTime = "02/Jan/2006:15:04:05 -0700"

// firstLabel returns a host's name up to the first dot.
func firstLabel(hostname string) string {
	label, _, _ := strings.Cut(hostname, ".")
	return label
}
