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

// eventFormat is one shape of events and replies: a front door of AWS's, or of somebody else's.
type eventFormat struct {
	name formatName //lambda:case

	// encode makes the event. It leaves invalid UTF-8 and large bodies to completeEvent.
	encode func(settings *eventSettings, req *request) (event []byte, err error)

	// replies is how replies are read where option responseFormat is auto.
	replies *replyFormat

	// bareReplies is set where a reply without a statusCode is the body itself.
	bareReplies bool

	// contentType is that of a reply that names none.
	contentType string

	// failureBody is what the format's own front door answers with when it fails: the content
	// type and the body that carries the status text.
	failureBody func(status int, text string) (contentType, body string)

	// strict is how the format's front door at AWS checks replies; nil for formats of others, whose
	// replies are read leniently.
	strict *strictRules

	// setContext sets what the events say of the API where no option does. It is called in New.
	setContext func(c *eventContext)
}

// formatName tells the formats apart. In Yaegi numbers are compared ten times faster than strings.
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

// eventFormats holds the formats by the names that option eventFormat has for them. One more is a
// file of its own, a name above, and an entry here.
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
	uuid      string // "" before requestUUID

	body  []byte // all of it; nil before readBody and where there is none
	event []byte // what the function gets, nil before encodeEvent

	// bodyTouched says that something of the body was read, bodyRead that all of it is in body.
	bodyTouched bool
	bodyRead    bool

	target *target // nil before route has found one

	invocationHeaders http.Header // that the options ask for; nil for none

	holdsSlot bool // it is counted in inFlight

	called time.Time // when Lambda was called; zero for a plain call, which nobody times

	// connecting says that a call has no connection yet, with the TLS handshake done: nothing of
	// it can have been sent. Only kept where there may be a proxy.
	connecting bool

	// lossy is set where the event may not say what the client sent: it has U+FFFD, which json.Marshal
	// writes for bytes that are not UTF-8. repaired says that withoutInvalidUTF8 has made the request
	// of one whose event was, and that eventHeaders are rendered.
	lossy    bool
	repaired bool

	// undecodedQuery stands for the query where that decodes to what is not UTF-8: the escapes of
	// bytes that are not ASCII stay as they are in what is decoded of it. "" otherwise.
	undecodedQuery string

	routeKey       string            // "GET /users/{id}"; "$default" where no route is configured
	pathParameters map[string]string // decoded; nil for none

	// eventHeaders are those of option eventHeaders, lower case, to replace the client's.
	eventHeaders map[string]string

	// authorizer is requestContext.authorizer of the event, nil where there is none.
	authorizer json.RawMessage

	// authorizing is what the event of an authorizer says beside the request. nil for other events.
	authorizing *authorizer.Identity

	// What metrics count of the call (observe.go). counts is nil where nothing is counted.
	counts     *metrics.Function
	began      time.Time
	took       time.Duration // to the last byte; 0 before
	replyBytes int
	uncounted  bool // it is a probe's

	answer http.Header // the head of Lambda's answer, nil before
}

// newRequest takes a request in where no worker does.
func newRequest(l *Lambda, r *http.Request) *request { return takeIn(l, r, &worker{}) }

// takeIn takes a request in. Its body is still unread.
//
//lambda:inline
func takeIn(l *Lambda, r *http.Request, self *worker) *request {
	now := time.Now()
	millis := now.UnixMilli()
	if self.second == nil || self.second.unix != millis/1000 {
		self.second = secondOf(millis)
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

// redate has a request signed as of now, not of when it came.
func redate(req *request) {
	req.signed = secondOf(time.Now().UnixMilli())
}

// escapedPath returns the path as it came over the wire. It comes of the URL alone, never of what
// the client wrote elsewhere.
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

// defaultRouteKey is the key of HTTP APIs' route for all that no other route takes.
const defaultRouteKey = "$default"

// eventSettings are what the options say of events.
type eventSettings struct {
	context          eventContext
	binaryMediaTypes []string                  // lower case
	headers          map[string]*valueTemplate // of option eventHeaders; nil for none
	template         *template.Template        // of option template
	maxBytes         int                       // the largest event that Lambda takes
	keepsBody        bool                      // something may need a request's body after its event is made

	httpAPIv2 atomic.Value // the *httpAPIv2Common of the host that was asked for last
}

// newEventSettings takes valid options. t is nil where the function depends on the request.
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

// eventContext is the part of an event that describes the API, which there is none of here: the
// same for every request.
type eventContext struct {
	region         string // "" where nobody has said
	accountID      string
	apiID          string
	stage          string
	stageVariables map[string]string // nil for none
	targetGroupARN string            // of ALB events
}

// newEventContext takes the options, else what the function's ARN says, else the format's own
// defaults. t is nil where the function depends on the request.
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

// encodeEvent makes the event for a request.
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

// completeEvent handles what few events have: invalid UTF-8, a large body, a size over the limit.
func completeEvent(l *Lambda, req *request) error {
	if req.lossy && !req.repaired { // what is left of U+FFFD in a repaired one is the client's own text
		repaired := withoutInvalidUTF8(req)
		err := encodeEvent(l, repaired)
		req.event = repaired.event
		req.body = repaired.body
		return err
	}
	if len(req.body) >= minSplicedBody {
		req.event = spliceBody(req.event, req.body)
	}
	if !l.events.keepsBody {
		req.body = nil // the event has it
	}
	if len(req.event) > l.events.maxBytes {
		return tooLarge("event", int64(l.events.maxBytes))
	}
	return nil
}

// marshalEvent returns the JSON of an event. AWS writes <, > and & as they are, json.Marshal escapes
// them; in most queries that have one it is &.
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

// unescapeEvent takes json.Marshal's escapes for HTML out of the event that was made of v. It sets
// req.lossy where the event may have been made of bytes that are not UTF-8.
func unescapeEvent(req *request, v any, event []byte) ([]byte, error) {
	event, err := unescaped(v, event)
	req.lossy = bytes.Contains(event, invalidUTF8)
	return event, err
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
