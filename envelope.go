package lambda

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"sort"
	"strings"
	"sync/atomic"
	"text/template"
	"time"

	"github.com/seed05e46011/lambda/internal/authorizer"
	"github.com/seed05e46011/lambda/internal/metrics"
)

// eventFormat is one shape of events and replies: that of one of AWS's front doors, or of another
// product.
type eventFormat struct {
	name formatName //lambda:case

	// encode makes the event. It leaves invalid UTF-8 and large bodies to completeEvent.
	encode func(settings *eventSettings, req *request) (event []byte, err error)

	// replies is the way to read replies if option responseFormat is auto.
	replies *replyFormat

	// bareReplies is set if a reply without a statusCode is itself the response's body.
	bareReplies bool

	// contentType is the default for replies without a Content-Type.
	contentType string

	// failureBody returns the body, and its content type, with which the format's own front door
	// reports failures. The body contains the status text.
	failureBody func(status int, text string) (contentType, body string)

	// strict holds the checks that the format's front door at AWS makes of replies. It is nil for other
	// products' formats, whose replies are always read leniently.
	strict *strictRules

	// setContext sets the format's defaults for what events say about the API. New calls it.
	setContext func(c *eventContext)
}

// formatName identifies a format. Yaegi compares numbers ten times faster than strings.
type formatName int

const (
	formatHTTPAPIv2 formatName = iota
	formatHTTPAPIv1
	formatRESTAPI
	formatFunctionURL
	formatALB
	formatALBMultiValue
	formatHTTPJSON
	formatVmod
	formatRaw
	formatTemplate
)

// eventFormats holds the formats by their names in option eventFormat. A new format is a file of its
// own, a formatName and an entry here.
var eventFormats = map[string]*eventFormat{
	"http-api-v2": {
		name: formatHTTPAPIv2, encode: encodeHTTPAPIv2,
		replies: &objectReplies, bareReplies: true, contentType: "text/plain; charset=utf-8",
		failureBody: jsonFailureBody, strict: strictHTTPAPIv2, setContext: httpAPIContext,
	},
	"http-api-v1": {
		name: formatHTTPAPIv1, encode: encodeHTTPAPIv1,
		replies: &objectReplies, contentType: "text/plain; charset=utf-8",
		failureBody: jsonFailureBody, strict: strictHTTPAPIv1, setContext: httpAPIContext,
	},
	"rest-api": {
		name: formatRESTAPI, encode: encodeRESTAPI,
		replies: &objectReplies, contentType: "application/json",
		failureBody: jsonFailureBody, strict: strictRESTAPI, setContext: restAPIContext,
	},
	"function-url": {
		name: formatFunctionURL, encode: encodeFunctionURL,
		replies: &objectReplies, bareReplies: true, contentType: "application/json",
		failureBody: functionURLFailureBody, strict: strictFunctionURL, setContext: functionURLContext,
	},
	"alb": {
		name: formatALB, encode: encodeALB,
		replies: &objectReplies, contentType: albContentType,
		failureBody: htmlFailureBody, strict: strictALB, setContext: httpAPIContext,
	},
	"alb-multi-value": {
		name: formatALBMultiValue, encode: encodeALBMultiValue,
		replies: &objectReplies, contentType: albContentType,
		failureBody: htmlFailureBody, strict: strictALBMultiValue, setContext: httpAPIContext,
	},
	"httpjson": {
		name: formatHTTPJSON, encode: encodeHTTPJSON,
		replies: &httpJSONReplies, contentType: "application/json",
		failureBody: textFailureBody, strict: nil, setContext: httpAPIContext,
	},
	"vmod": {
		name: formatVmod, encode: encodeVmod,
		replies: &objectReplies, contentType: "application/json",
		failureBody: textFailureBody, strict: nil, setContext: httpAPIContext,
	},
	"raw": {
		name: formatRaw, encode: encodeRaw,
		replies: &objectReplies, bareReplies: true, contentType: "text/plain; charset=utf-8",
		failureBody: textFailureBody, strict: nil, setContext: httpAPIContext,
	},
	"template": {
		name: formatTemplate, encode: encodeTemplate,
		replies: &objectReplies, bareReplies: true, contentType: "text/plain; charset=utf-8",
		failureBody: textFailureBody, strict: nil, setContext: httpAPIContext,
	},
}

func eventFormatNames() []string {
	names := make([]string, 0, len(eventFormats))
	for name := range eventFormats {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// maxEventBytes is the largest event of a synchronous invocation:
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const maxEventBytes = 6 << 20

// request is an HTTP request on its way to a function, with the parts that events are made from.
type request struct {
	http     *http.Request
	time     time.Time // of arrival
	millis   int64     // the same in milliseconds since 1970
	second   *second   // the same, formatted
	signed   *second   // the time to sign the call with
	peerIP   string    // the TCP peer's, without port
	clientIP string    // the client's, without port
	path     string    // decoded, never empty
	rawPath  string    // escaped; set by escapedPath

	// Ids in AWS's shapes (ids.go), made whether or not the format's events contain them.
	traceID   string
	requestID string
	uuid      string // set by requestUUID

	body  []byte // set by readBody; nil for none
	event []byte // set by encodeEvent
	large bool   // the event or the body is: maxHeld or more

	// bodyTouched is set once any of the body was read, bodyRead once body holds all of it.
	bodyTouched bool
	bodyRead    bool

	target *target // set by resolve, or fixed by option function

	invocationHeaders http.Header // from the options; nil for none

	holdsSlot bool // counted in inFlight

	called time.Time // when Lambda was called; zero for plain calls, which are not timed

	// connecting is set while a call has no connection yet, TLS handshake included: nothing can have
	// been sent. It is kept up to date only for calls that may go through a proxy.
	connecting bool

	// lossy is set if the event contains U+FFFD, which json.Marshal writes for bytes that are not
	// UTF-8: the event may differ from what the client sent. repaired is set on requests made by
	// withoutInvalidUTF8. Their eventHeaders are rendered already.
	lossy    bool
	repaired bool

	// undecodedQuery replaces a query that does not decode to UTF-8: in it, the escapes of bytes that
	// are not ASCII stay escaped when it is decoded. It is "" for all other queries.
	undecodedQuery string

	routeKey       string            // "GET /users/{id}"; "$default" without routes
	pathParameters map[string]string // decoded; nil for none

	// eventHeaders are the rendered headers of option eventHeaders, lower case. They replace the
	// client's.
	eventHeaders map[string]string

	// authorizer is the event's requestContext.authorizer; nil for none.
	authorizer json.RawMessage

	// authorizing is what an authorizer's event contains in addition to the request; nil for other
	// events.
	authorizing *authorizer.Identity

	// For the metrics of the call (observe.go). counts is nil if the call is not counted.
	counts     *metrics.Function
	began      time.Time
	took       time.Duration // up to the reply's last byte; 0 before
	replyBytes int
	uncounted  bool // calls of probes and brackets

	answer http.Header // the headers of Lambda's HTTP response; nil before
}

// newRequest is takeIn for callers that are not workers.
func newRequest(l *Lambda, r *http.Request) *request { return takeIn(l, r, &worker{}) }

// takeIn returns the request for r, with its body unread.
//
//lambda:inline
func takeIn(l *Lambda, r *http.Request, self *worker) *request {
	now := time.Now()
	millis := now.UnixMilli()
	if self.unix != millis/1000 {
		self.unix = millis / 1000
		self.second = secondOf(self.unix)
	}
	current := self.second
	random := randomHex(self)
	peer := peerIP(r.RemoteAddr)
	req := &request{
		http:      r,
		time:      now,
		millis:    millis,
		second:    current,
		signed:    current,
		peerIP:    peer,
		clientIP:  peer,
		path:      r.URL.Path,
		traceID:   "Root=1-" + current.traceTime + "-" + random[:24],
		requestID: random[24:39] + "=",
		routeKey:  defaultRouteKey,
		target:    l.functions.target,
	}
	if req.path == "" {
		req.path = "/"
	}
	if l.brackets.authorized {
		adoptNotes(req)
	}
	return req
}

// redate makes a request's call signed with the current time instead of the request's arrival.
func redate(req *request) {
	req.signed = secondOf(time.Now().Unix())
}

// escapedPath returns the path as sent, percent-encoded. Derived from r.URL only, never from RequestURI
// or URL.Opaque.
//
//lambda:inline
func escapedPath(req *request) string {
	if req.rawPath == "" {
		req.rawPath = req.http.URL.EscapedPath()
	}
	if req.rawPath == "" {
		req.rawPath = "/"
	}
	return req.rawPath
}

// defaultRouteKey is the key of an HTTP API's route for requests that match no other route.
const defaultRouteKey = "$default"

// eventSettings are the settings of events.
type eventSettings struct {
	context          eventContext
	binaryMediaTypes []string                  // lower case
	headers          map[string]*valueTemplate // option eventHeaders; nil for none
	template         *template.Template        // option template
	maxBytes         int                       // Lambda's limit for events
	keepsBody        bool                      // the body is the event, or may be needed after that is made

	httpAPIv2 atomic.Value // the *httpAPIv2Common of the last request's host
}

// newEventSettings expects validated options. t is nil if the function depends on the request.
func newEventSettings(config *Config, t *target, format *eventFormat) (*eventSettings, error) {
	settings := &eventSettings{context: newEventContext(config, t, format.setContext), maxBytes: eventLimit(config.InvocationType)}
	for _, mediaType := range config.BinaryMediaTypes {
		settings.binaryMediaTypes = append(settings.binaryMediaTypes, strings.ToLower(strings.TrimSpace(mediaType)))
	}
	rendered, err := parseTemplate("template", config.Template)
	if err != nil {
		return nil, err
	}
	settings.template = rendered
	headers, err := parseEventHeaders(config.EventHeaders)
	if err != nil {
		return nil, err
	}
	settings.headers = headers
	setHTTPAPIv2Common(settings, "")
	return settings, nil
}

// eventContext is the part of an event that describes the API. There is no API here, so it is made up,
// and the same for every request.
type eventContext struct {
	region         string // "" if unknown
	accountID      string
	apiID          string
	stage          string
	stageVariables map[string]string // nil for none
	targetGroupARN string            // for ALB events
}

// newEventContext takes each value from the options, else from the function's ARN, else from the
// format's defaults. t is nil if the function depends on the request.
func newEventContext(config *Config, t *target, setContext func(c *eventContext)) eventContext {
	c := eventContext{accountID: "000000000000", apiID: "traefik", stage: "$default"}
	region := config.Region
	if t != nil {
		region = t.region
		if t.function.AccountID != "" {
			c.accountID = t.function.AccountID
		}
	}
	c.region = region
	setContext(&c)
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

// encodeEvent sets req.event.
//
//lambda:inline
func encodeEvent(l *Lambda, req *request) error {
	if l.events.headers != nil {
		if err := renderEventHeaders(l.events, req); err != nil {
			return err
		}
	}
	event, err := l.format.encode(l.events, req)
	if err != nil {
		return err
	}
	req.event = event
	if req.lossy || len(event)+len(req.body) >= minSplicedBody {
		return completeEvent(l, req)
	}
	return nil
}

// completeEvent handles invalid UTF-8, large bodies and size limits.
func completeEvent(l *Lambda, req *request) error {
	if req.lossy && !req.repaired { // U+FFFD in a repaired request is the client's own text
		repaired := withoutInvalidUTF8(req)
		err := encodeEvent(l, repaired)
		req.event = repaired.event
		req.large = repaired.large
		req.body = repaired.body
		return err
	}
	if len(req.body) >= minSplicedBody {
		req.event = spliceBody(req.event, req.body, len(req.body) >= minOwnArray && !l.events.keepsBody)
	}
	req.large = len(req.event) >= maxHeld || len(req.body) >= maxHeld
	if !l.events.keepsBody {
		req.body = nil // the event contains it
	}
	if len(req.event) > l.events.maxBytes {
		return tooLarge("event", int64(l.events.maxBytes))
	}
	return nil
}

// marshalEvent returns an event as JSON. AWS writes <, > and & unescaped, but json.Marshal escapes
// them. The one that most queries contain is &.
//
//lambda:inline
func marshalEvent(req *request, v any) ([]byte, error) {
	event, err := json.Marshal(v)
	if err != nil || !bytes.Contains(event, unicodeEscape) {
		return event, err
	}
	if !bytes.Contains(event, escapedEscape) {
		event = bytes.ReplaceAll(event, ampersandEscape, ampersand)
		if !bytes.Contains(event, unicodeEscape) {
			return event, nil
		}
	}
	return unescapeEvent(req, v, event)
}

// unescapeEvent removes json.Marshal's HTML escapes from an event. It sets req.lossy if v may contain
// bytes that are not UTF-8.
func unescapeEvent(req *request, v any, event []byte) ([]byte, error) {
	event, err := unescaped(v, event)
	req.lossy = bytes.Contains(event, invalidUTF8)
	return event, err
}

// marshal returns v as JSON, with <, > and & unescaped.
func marshal(v any) ([]byte, error) {
	encoded, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return unescaped(v, encoded)
}

// json.Marshal's escapes begin with unicodeEscape, except for some control characters. Text that looks
// like an escape begins with escapedEscape.
var (
	unicodeEscape = []byte(`\u`)
	escapedEscape = []byte(`\\u`)

	ampersandEscape, ampersand = []byte(`\u0026`), []byte("&")
	lessEscape, less           = []byte(`\u003c`), []byte("<")
	greaterEscape, greater     = []byte(`\u003e`), []byte(">")
)

// unescaped removes the HTML escapes from the JSON of v. If some could be the client's own text, it
// marshals v again without them, which takes twice as long when interpreted.
func unescaped(v any, encoded []byte) ([]byte, error) {
	if bytes.Contains(encoded, escapedEscape) {
		return marshalUnescaped(v)
	}
	encoded = bytes.ReplaceAll(encoded, ampersandEscape, ampersand)
	if !bytes.Contains(encoded, unicodeEscape) { // true for most queries, which contain & only
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
//
//lambda:inline
func splitCookies(header string) []string {
	cookies := strings.Split(header, ";")
	for i, cookie := range cookies {
		cookies[i] = strings.TrimSpace(cookie)
	}
	return cookies
}
