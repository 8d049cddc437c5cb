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
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// eventFormat is one shape of events and replies.
type eventFormat struct {
	encode func(*Lambda, *request) ([]byte, error) // the event, as JSON
	decode func(payload []byte) (*reply, error)    // the function's reply, read leniently

	// failureBody is what the format's own front door answers with when it fails: the content
	// type and the body that carries the status text.
	failureBody func(status int, text string) (contentType, body string)

	// strict is how the format's front door at AWS checks replies; nil for formats of others,
	// whose decode is all that there is.
	strict *strictRules

	context func(*eventContext) // changes what the events say of the API; nil for no changes
}

// eventFormats names the formats. One more is its own file, and a line here.
var eventFormats = map[string]*eventFormat{
	"http-api-v2":     {encode: encodeHTTPAPIv2, decode: decodeHTTPAPIv2, failureBody: jsonFailureBody, strict: strictHTTPAPIv2},
	"http-api-v1":     {encode: encodeHTTPAPIv1, decode: decodeHTTPAPIv1, failureBody: jsonFailureBody, strict: strictHTTPAPIv1},
	"rest-api":        {encode: encodeRESTAPI, decode: decodeRESTAPI, failureBody: jsonFailureBody, strict: strictRESTAPI, context: restAPIContext},
	"function-url":    {encode: encodeFunctionURL, decode: decodeFunctionURL, failureBody: functionURLFailureBody, strict: strictFunctionURL, context: functionURLContext},
	"alb":             {encode: encodeALB, decode: decodeALB, failureBody: htmlFailureBody, strict: strictALB},
	"alb-multi-value": {encode: encodeALBMultiValue, decode: decodeALB, failureBody: htmlFailureBody, strict: strictALBMultiValue},
	"httpjson":        {encode: encodeHTTPJSON, decode: decodeHTTPJSON, failureBody: textFailureBody},
	"vmod":            {encode: encodeVmod, decode: decodeVmod, failureBody: textFailureBody},
	"raw":             {encode: encodeRaw, decode: decodeHTTPAPIv2, failureBody: textFailureBody},
	"template":        {encode: encodeTemplate, decode: decodeHTTPAPIv2, failureBody: textFailureBody},
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

	target *target // nil before route has found one

	invocationHeaders http.Header // that the options ask for; nil for none

	called time.Time // when Lambda was called; kept with serverTiming only

	// connecting says that a call has no connection yet, with the TLS handshake done: nothing of
	// it can have been sent. Kept only where such calls are retried.
	connecting bool

	// undecodedQuery stands for rawQuery where that decodes to what is not UTF-8: the escapes of
	// bytes that are not ASCII stay as they are in what is decoded of it. "" otherwise.
	undecodedQuery string

	routeKey       string            // "GET /users/{id}"; "$default" where no route is configured
	pathParameters map[string]string // decoded; nil for none

	// eventHeaders are those of option eventHeaders, lower case, to replace the client's.
	eventHeaders map[string]string

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
		routeKey: defaultRouteKey,
		target:   l.target,
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

// defaultRouteKey is the key of HTTP APIs' route for all that no other route takes.
const defaultRouteKey = "$default"

// eventContext is the part of an event that describes the API, which there is none of here: the
// same for every request.
type eventContext struct {
	accountID      string
	apiID          string
	stage          string
	stageVariables map[string]string // nil for none
	targetGroupARN string            // of ALB events
}

// newEventContext takes the options, else what the function's ARN says, else the format's own
// defaults. t is nil where the function depends on the request.
func newEventContext(config *Config, t *target, format *eventFormat) eventContext {
	c := eventContext{accountID: "000000000000", apiID: "traefik", stage: "$default"}
	region := config.Region
	if t != nil {
		region = t.region
		if t.accountID != "" {
			c.accountID = t.accountID
		}
	}
	if format.context != nil {
		format.context(&c)
	}
	if config.AccountID != "" {
		c.accountID = config.AccountID
	}
	if config.APIID != "" {
		c.apiID = config.APIID
	}
	if config.Stage != "" {
		c.stage = config.Stage
	}
	if len(config.StageVariables) > 0 {
		c.stageVariables = config.StageVariables
	}
	c.targetGroupARN = "arn:aws:elasticloadbalancing:" + region + ":" + c.accountID + ":targetgroup/" + c.apiID + "/0000000000000000"
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
	outcome := make(chan *bodyRead, 2) // room for both: neither waits to be received
	stop := context.AfterFunc(ctx, func() { outcome <- &bodyRead{err: ctx.Err()} })
	go readWholeBody(outcome, r, l.maxRequestBodyBytes)
	read := <-outcome
	stop()
	return takeBody(ctx, l, req, read)
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

func takeBody(ctx context.Context, l *Lambda, req *request, read *bodyRead) error {
	if read.err != nil {
		return interrupted(ctx, req, causeUnreadable, fmt.Errorf("read the request body: %w", read.err))
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
		lower := lowerNames[name]
		if lower == "" {
			lower = lowerName(name)
			if lower == "" {
				continue
			}
		}
		if len(values) == 1 {
			headers[lower] = values[0]
		} else {
			headers[lower] = strings.Join(values, separator(lower))
		}
	}
	headers["host"] = req.host
	addForwardingHeaders(headers, req)
	return headers
}

// separator is what joins the values of a header: cookies come apart at semicolons (RFC 6265 5.4).
func separator(lower string) string {
	if lower == "cookie" {
		return "; "
	}
	return ","
}

// addForwardingHeaders adds what the front doors add. What is there already was set by Traefik
// or by a proxy that it trusts: Traefik takes these headers off other requests.
func addForwardingHeaders(headers map[string]string, req *request) {
	forwarded := req.peerIP
	if prior := headers["x-forwarded-for"]; prior != "" {
		forwarded = prior + ", " + forwarded
	}
	headers["x-forwarded-for"] = forwarded
	if headers["x-forwarded-proto"] == "" || headers["x-forwarded-port"] == "" {
		addScheme(headers, req.http)
	}
	if headers["x-amzn-trace-id"] == "" {
		headers["x-amzn-trace-id"] = newTraceID(req.time)
	}
	if len(req.body) > 0 {
		headers["content-length"] = strconv.Itoa(len(req.body)) // a chunked body has none
	}
	if len(req.eventHeaders) > 0 {
		addEventHeaders(headers, req.eventHeaders)
	}
}

// addScheme adds what Traefik adds itself where it serves the request.
func addScheme(headers map[string]string, r *http.Request) {
	if headers["x-forwarded-proto"] == "" {
		headers["x-forwarded-proto"] = scheme(r)
	}
	if headers["x-forwarded-port"] == "" {
		headers["x-forwarded-port"] = port(r)
	}
}

func addEventHeaders(headers, eventHeaders map[string]string) {
	for name, value := range eventHeaders {
		headers[name] = value
	}
}

// headerValues returns the request's headers as the front doors that keep every value have them:
// the same headers as lowerHeaders, with canonical names or with names in lower case.
func headerValues(req *request, lowerCase bool) map[string][]string {
	headers := make(map[string][]string, len(req.header)+6)
	for name, values := range req.header {
		lower, known := lowerNames[name]
		if !known {
			lower = lowerName(name)
		}
		if lower == "" {
			continue
		}
		if lowerCase {
			name = lower
		}
		headers[name] = values
	}
	names := &canonicalForwarding
	if lowerCase {
		names = &lowerForwarding
	}
	addForwardingValues(headers, names, req)
	return headers
}

// forwardingNames are the names of what the front doors add or replace.
type forwardingNames struct {
	host, forwardedFor, forwardedProto, forwardedPort, traceID, contentLength string
}

var (
	canonicalForwarding = forwardingNames{"Host", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Amzn-Trace-Id", "Content-Length"}
	lowerForwarding     = forwardingNames{"host", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-port", "x-amzn-trace-id", "content-length"}
)

// addForwardingValues is addForwardingHeaders for headers with all values.
func addForwardingValues(headers map[string][]string, names *forwardingNames, req *request) {
	headers[names.host] = []string{req.host}
	if prior := headers[names.forwardedFor]; len(prior) > 0 {
		headers[names.forwardedFor] = []string{strings.Join(prior, ",") + ", " + req.peerIP}
	} else {
		headers[names.forwardedFor] = []string{req.peerIP}
	}
	if len(headers[names.forwardedProto]) == 0 {
		headers[names.forwardedProto] = []string{scheme(req.http)}
	}
	if len(headers[names.forwardedPort]) == 0 {
		headers[names.forwardedPort] = []string{port(req.http)}
	}
	if len(headers[names.traceID]) == 0 {
		headers[names.traceID] = []string{newTraceID(req.time)}
	}
	if len(req.body) > 0 {
		headers[names.contentLength] = []string{strconv.Itoa(len(req.body))} // a chunked body has none
	}
	for name, value := range req.eventHeaders {
		if names == &canonicalForwarding {
			name = http.CanonicalHeaderKey(name)
		}
		headers[name] = []string{value}
	}
}

// dropMadeTraceID takes away the trace id unless the request came with one: only AWS's own front
// doors make them.
func dropMadeTraceID(headers map[string][]string, req *request) {
	if req.header["X-Amzn-Trace-Id"] == nil && req.eventHeaders["x-amzn-trace-id"] == "" {
		delete(headers, "x-amzn-trace-id")
	}
}

// lastValues returns the last value of each name: that is the one that the front doors without
// joined values keep in a map of single values.
func lastValues(values map[string][]string) map[string]string {
	single := make(map[string]string, len(values))
	for name, list := range values {
		if len(list) > 0 {
			single[name] = list[len(list)-1]
		}
	}
	return single
}

// last returns the last value, "" for none.
func last(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
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

// hostname returns the Host header without the port, and its first label.
func hostname(host string) (name, firstLabel string) {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	firstLabel, _, _ = strings.Cut(host, ".")
	return host, firstLabel
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

// uuidOf returns 16 random bytes as an id as API Gateway gives it to requests of REST APIs, and
// Lambda to those of Function URLs: a random UUID (RFC 9562 5.4).
func uuidOf(random []byte) string {
	random[6] = random[6]&0x0f | 0x40
	random[8] = random[8]&0x3f | 0x80
	id := hex.EncodeToString(random)
	return id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]
}

func randomBytes(n int) []byte {
	random := make([]byte, n)
	_, _ = rand.Read(random) // never fails (crypto/rand)
	return random
}

// encodeEvent returns the event for a request.
func encodeEvent(l *Lambda, req *request) ([]byte, error) {
	if len(l.eventHeaders) > 0 {
		if err := renderEventHeaders(l, req); err != nil {
			return nil, err
		}
	}
	event, err := l.format.encode(l, req)
	if err == nil && bytes.Contains(event, invalidUTF8) {
		event, err = l.format.encode(l, withoutInvalidUTF8(req))
	}
	if err == nil && len(event) > l.maxEventBytes {
		err = tooLarge("event", int64(l.maxEventBytes))
	}
	return event, err
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
	repaired.eventHeaders = make(map[string]string, len(req.eventHeaders))
	for name, value := range req.eventHeaders {
		repaired.eventHeaders[name] = latin1(value)
	}
	repaired.pathParameters = make(map[string]string, len(req.pathParameters))
	for name, value := range req.pathParameters {
		repaired.pathParameters[name] = escapeInvalidUTF8(value)
	}
	if !utf8.ValidString(req.path) {
		repaired.path = req.rawPath
	}
	repaired.rawQuery = escapeInvalidUTF8(req.rawQuery)
	if unescaped, err := url.QueryUnescape(repairEscapes(repaired.rawQuery)); err == nil && !utf8.ValidString(unescaped) {
		repaired.undecodedQuery = escapedNonASCII.ReplaceAllString(repaired.rawQuery, "%25$1")
	}
	return &repaired
}

// escapedNonASCII is the escape of a byte that is not ASCII.
var escapedNonASCII = regexp.MustCompile("%([89A-Fa-f][0-9A-Fa-f])")

// escapeInvalidUTF8 percent-encodes all that is not ASCII in what is not UTF-8.
func escapeInvalidUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return percentReplacer.Replace(s)
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

// parseQuery decodes the query of a request. What cannot be decoded, or would not be UTF-8, stays
// as it was sent: nothing is lost.
func parseQuery(req *request) url.Values {
	rawQuery := req.rawQuery
	if req.undecodedQuery != "" {
		rawQuery = req.undecodedQuery
	}
	values, err := url.ParseQuery(rawQuery)
	if err == nil {
		return values
	}
	return parseInParts(repairEscapes(rawQuery))
}

// rawQueryValues returns the parameters of a query as they were sent, undecoded.
func rawQueryValues(rawQuery string) url.Values {
	return parseInParts(queryEscaper.Replace(rawQuery))
}

// queryEscaper makes a query that decodes to the one that it was made of.
var queryEscaper = strings.NewReplacer("%", "%25", "+", "%2B", ";", "%3B")

// repairEscapes makes escapes of the percent signs that begin none, and of semicolons, which
// url.ParseQuery refuses as separators.
func repairEscapes(rawQuery string) string {
	const escape = "\x00" // net/http lets no control character into a URL
	return escapeRepairer.Replace(validEscape.ReplaceAllString(rawQuery, escape+"$1"))
}

var (
	validEscape    = regexp.MustCompile("%([0-9A-Fa-f]{2})")
	escapeRepairer = strings.NewReplacer("%", "%25", ";", "%3B", "\x00", "%")
)

// parseInParts decodes a query without faults, however many parameters it has: url.ParseQuery
// refuses more than 10,000 at a time.
func parseInParts(rawQuery string) url.Values {
	const most = 10000
	values := url.Values{}
	pairs := strings.Split(rawQuery, "&")
	for len(pairs) > 0 {
		n := len(pairs)
		if n > most {
			n = most
		}
		part, _ := url.ParseQuery(strings.Join(pairs[:n], "&"))
		pairs = pairs[n:]
		if len(pairs) == 0 && len(values) == 0 {
			return part
		}
		for name, list := range part {
			values[name] = append(values[name], list...)
		}
	}
	return values
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

// mediaTypeOf returns a content type without its parameters, in lower case.
func mediaTypeOf(contentType string) string {
	mediaType, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(mediaType))
}

func isTextType(contentType string) bool {
	mediaType := mediaTypeOf(contentType)
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

// isBinaryMediaType says whether option binaryMediaTypes names a content type.
func isBinaryMediaType(l *Lambda, contentType string) bool {
	if len(l.binaryMediaTypes) == 0 {
		return false
	}
	mediaType := mediaTypeOf(contentType)
	for _, pattern := range l.binaryMediaTypes {
		if pattern == "*/*" || pattern == mediaType {
			return true
		}
		if prefix := strings.TrimSuffix(pattern, "*"); prefix != pattern && strings.HasPrefix(mediaType, prefix) {
			return true
		}
	}
	return false
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
func joinedQuery(req *request) map[string]string {
	query := parseQuery(req)
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
