package lambda

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sort"
	"strings"
	"time"
)

// eventFormat is one shape of events and replies.
type eventFormat struct {
	// encode returns what to make JSON of for the event, or sets the event, and returns errEncoded.
	// nil is for the event of HTTP APIs, format 2.0: interpreted, a function is called faster by its
	// name.
	encode func(*Lambda, *request) (any, error)

	// adapt changes an event of format 2.0; nil for no changes.
	adapt func(*request, *httpAPIv2Event)

	// decode reads the function's reply, leniently. contentType is that of a reply that names none.
	// nil is for decodeReply's own way.
	decode      func(payload []byte, contentType string) (*reply, error)
	contentType string

	// plainReply says that decodePlainReply makes of what it reads the same as decode.
	plainReply bool

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
	"http-api-v2":     {nil, nil, nil, "text/plain; charset=utf-8", true, jsonFailureBody, strictHTTPAPIv2, nil},
	"http-api-v1":     {encodeHTTPAPIv1, nil, decodeObject, "text/plain; charset=utf-8", true, jsonFailureBody, strictHTTPAPIv1, nil},
	"rest-api":        {encodeRESTAPI, nil, decodeObject, "application/json", true, jsonFailureBody, strictRESTAPI, restAPIContext},
	"function-url":    {nil, adaptFunctionURL, nil, "application/json", true, functionURLFailureBody, strictFunctionURL, functionURLContext},
	"alb":             {encodeALB, nil, decodeObject, albContentType, true, htmlFailureBody, strictALB, nil},
	"alb-multi-value": {encodeALBMultiValue, nil, decodeObject, albContentType, true, htmlFailureBody, strictALBMultiValue, nil},
	"httpjson":        {encodeHTTPJSON, nil, decodeHTTPJSON, "application/json", false, textFailureBody, nil, nil},
	"vmod":            {encodeVmod, nil, decodeObject, "application/json", true, textFailureBody, nil, nil},
	"raw":             {encodeRaw, nil, nil, "text/plain; charset=utf-8", true, textFailureBody, nil, nil},
	"template":        {encodeTemplate, nil, nil, "text/plain; charset=utf-8", true, textFailureBody, nil, nil},
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
	time     time.Time // when it came
	millis   int64     // the same, since 1970
	second   *second   // the same
	signed   *second   // as of when it is signed
	peerIP   string    // the TCP peer's address, bare
	clientIP string    // the client's address, bare
	path     string    // decoded, "/" at least
	rawPath  string    // escaped; "" before escapedPath

	// Ids as AWS makes them (ids.go), whether or not the event has them.
	traceID   string
	requestID string

	body  []byte // all of it; nil before readBody and where there is none
	event []byte // what the function gets, nil before encodeEvent

	// bodyTouched says that something of the body was read, bodyRead that all of it is in body.
	bodyTouched bool
	bodyRead    bool

	target *target // nil before route has found one

	invocationHeaders http.Header // that the options ask for; nil for none

	called time.Time // when Lambda was called; zero for a plain call, which nobody times

	// connecting says that a call has no connection yet, with the TLS handshake done: nothing of
	// it can have been sent. Kept only where such calls are retried.
	connecting bool

	// repaired says that withoutInvalidUTF8 has made it, and eventHeaders are rendered.
	repaired bool

	// undecodedQuery stands for the query where that decodes to what is not UTF-8: the escapes of
	// bytes that are not ASCII stay as they are in what is decoded of it. "" otherwise.
	undecodedQuery string

	routeKey       string            // "GET /users/{id}"; "$default" where no route is configured
	pathParameters map[string]string // decoded; nil for none

	// eventHeaders are those of option eventHeaders, lower case, to replace the client's.
	eventHeaders map[string]string

	answer http.Header // the head of Lambda's answer, nil before
}

// newRequest takes a request in. Its body is still unread.
func newRequest(l *Lambda, r *http.Request) *request {
	now := time.Now()
	millis := now.UnixMilli()
	second := secondOf(millis)
	random := randomHex()
	peer := peerIP(r.RemoteAddr)
	req := &request{
		http:      r,
		time:      now,
		millis:    millis,
		second:    second,
		signed:    second,
		peerIP:    peer,
		clientIP:  peer,
		path:      r.URL.Path,
		traceID:   "Root=1-" + second.traceTime + "-" + random[:24],
		requestID: random[24:39] + "=",
		routeKey:  defaultRouteKey,
		target:    l.target,
	}
	if req.path == "" {
		req.path = "/"
	}
	return req
}

// redate has a request signed as of now, not of when it came.
func redate(req *request) {
	req.signed = secondOf(time.Now().UnixMilli())
}

// escapedPath returns the path as it came over the wire. It comes of the URL alone, never of what
// the client wrote elsewhere.
func escapedPath(req *request) string {
	if req.rawPath == "" {
		req.rawPath = req.http.URL.EscapedPath()
	}
	if req.rawPath == "" {
		req.rawPath = "/"
	}
	return req.rawPath
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
		if t.function.AccountID != "" {
			c.accountID = t.function.AccountID
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

// errEncoded is the error of encoders that have set the event themselves.
var errEncoded = errors.New("encoded already")

// encodeEvent makes the event for a request.
func encodeEvent(l *Lambda, req *request) (err error) {
	if l.eventHeaders != nil {
		err = renderEventHeaders(l, req)
		if err != nil {
			return err
		}
	}
	var v any
	if l.format.encode == nil {
		v = newHTTPAPIv2Event(l, req)
	} else {
		v, err = l.format.encode(l, req)
		if err != nil {
			return completeEvent(l, req, err)
		}
	}
	event, err := json.Marshal(v)
	req.event = event
	if bytes.Contains(event, unicodeEscape) {
		err = unescapeEvent(req, v)
	}
	if err != nil || len(event)+len(req.body) >= minSplicedBody {
		return completeEvent(l, req, err)
	}
	return nil
}

// completeEvent does what few events need, those among them that could not simply be made.
func completeEvent(l *Lambda, req *request, err error) error {
	if err == errInvalidUTF8 && !req.repaired { //nolint:errorlint // never wrapped
		repaired := withoutInvalidUTF8(req)
		err = encodeEvent(l, repaired)
		req.event = repaired.event
		req.body = repaired.body
		return err
	}
	// What is left of errInvalidUTF8 is the client's own text.
	if err != nil && err != errInvalidUTF8 && err != errEncoded { //nolint:errorlint // never wrapped
		return err
	}
	if len(req.body) >= minSplicedBody {
		req.event = spliceBody(req.event, req.body)
	}
	if !l.keepsBody {
		req.body = nil // the event has it
	}
	if len(req.event) > l.maxEventBytes {
		return tooLarge("event", int64(l.maxEventBytes))
	}
	return nil
}

// unescapeEvent takes json.Marshal's escapes for HTML out of the event that was made of v: AWS
// writes <, > and & as they are. Its error is errInvalidUTF8 where that may hold what is not UTF-8.
func unescapeEvent(req *request, v any) error {
	event, err := unescaped(v, req.event)
	req.event = event
	if err == nil && bytes.Contains(event, invalidUTF8) {
		err = errInvalidUTF8
	}
	return err
}

// marshal returns v as JSON, with <, > and & as they are.
func marshal(v any) ([]byte, error) {
	encoded, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return unescaped(v, encoded)
}

// The escapes of json.Marshal begin with unicodeEscape, but for some control characters. A text
// that looks like one begins with escapedEscape.
var (
	unicodeEscape = []byte(`\u`)
	escapedEscape = []byte(`\\u`)

	ampersandEscape, ampersand = []byte(`\u0026`), []byte("&")
	lessEscape, less           = []byte(`\u003c`), []byte("<")
	greaterEscape, greater     = []byte(`\u003e`), []byte(">")
)

// unescaped takes the escapes for HTML out of what json.Marshal has made of v, or, where they
// could be the client's own text, marshals v again without them. Interpreted, that takes twice as
// long.
func unescaped(v any, encoded []byte) ([]byte, error) {
	if bytes.Contains(encoded, escapedEscape) {
		return marshalUnescaped(v)
	}
	encoded = bytes.ReplaceAll(encoded, ampersandEscape, ampersand)
	if !bytes.Contains(encoded, unicodeEscape) { // what most queries have is &
		return encoded, nil
	}
	encoded = bytes.ReplaceAll(encoded, lessEscape, less)
	return bytes.ReplaceAll(encoded, greaterEscape, greater), nil
}

func marshalUnescaped(v any) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, fmt.Errorf("encode the event: %w", err)
	}
	encoded := buffer.Bytes()
	return encoded[:len(encoded)-1], nil // Encode ends with a line feed
}

// splitCookies returns the cookies of a Cookie header.
func splitCookies(header string) []string {
	cookies := strings.Split(header, ";")
	for i, cookie := range cookies {
		cookies[i] = strings.TrimSpace(cookie)
	}
	return cookies
}
