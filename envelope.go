package lambda

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"sort"
	"strings"
	"time"
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
	random   string // hexadecimal, for ids
	body     []byte // all of it; nil before readBody and where there is none

	// bodyTouched says that something of the body was read, bodyRead that all of it is in body.
	bodyTouched bool
	bodyRead    bool

	target *target // nil before route has found one

	invocationHeaders http.Header // that the options ask for; nil for none

	called time.Time // when Lambda was called; zero for a plain call, which nobody times

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
		random:   randomHex(),
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

// encodeEvent returns the event for a request.
func encodeEvent(l *Lambda, req *request) ([]byte, error) {
	if l.eventHeaders != nil {
		if err := renderEventHeaders(l, req); err != nil {
			return nil, err
		}
	}
	event, err := l.format.encode(l, req)
	if err != nil || len(event)+len(req.body) >= minSplicedBody || bytes.Contains(event, invalidUTF8) {
		return completeEvent(l, req, event, err)
	}
	return event, nil
}

// completeEvent does what few events need.
func completeEvent(l *Lambda, req *request, event []byte, err error) ([]byte, error) {
	if err == nil && bytes.Contains(event, invalidUTF8) {
		event, err = l.format.encode(l, withoutInvalidUTF8(req))
	}
	if err != nil {
		return nil, err
	}
	if len(req.body) >= minSplicedBody {
		event = spliceBody(event, req.body)
	}
	if len(event) > l.maxEventBytes {
		return nil, tooLarge("event", int64(l.maxEventBytes))
	}
	return event, nil
}

// marshalEvent returns v as JSON, with <, > and & as they are, as AWS writes them.
func marshalEvent(v any) ([]byte, error) {
	event, err := json.Marshal(v)
	if err != nil || bytes.Contains(event, htmlEscape) {
		return marshalUnescaped(v, event)
	}
	return event, nil
}

// htmlEscape begins what json.Marshal writes for <, > and &, and escapedHTMLEscape what it may
// write for a text that looks so.
var (
	htmlEscape        = []byte(`\u00`)
	escapedHTMLEscape = []byte(`\\u00`)
)

var htmlEscapes = []struct{ escape, character []byte }{
	{[]byte(`\u0026`), []byte("&")}, {[]byte(`\u003c`), []byte("<")}, {[]byte(`\u003e`), []byte(">")},
}

// marshalUnescaped takes json.Marshal's escapes for HTML out of event, or, where they could be the
// client's own text, marshals v again without them. Interpreted, that takes twice as long.
func marshalUnescaped(v any, event []byte) ([]byte, error) {
	if event != nil && !bytes.Contains(event, escapedHTMLEscape) {
		for _, h := range htmlEscapes {
			event = bytes.ReplaceAll(event, h.escape, h.character)
		}
		return event, nil
	}
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, fmt.Errorf("encode the event: %w", err)
	}
	event = buffer.Bytes()
	return event[:len(event)-1], nil // Encode ends with a line feed
}

// splitCookies returns the cookies of a Cookie header.
func splitCookies(header string) []string {
	cookies := strings.Split(header, ";")
	for i, cookie := range cookies {
		cookies[i] = strings.TrimSpace(cookie)
	}
	return cookies
}

// commonLogTime is the Common Log Format's time, as time.Format wants it.
const commonLogTime = "02/Jan/2006:15:04:05 -0700"
