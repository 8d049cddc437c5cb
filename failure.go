package lambda

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/seed05e46011/lambda/internal/logline"
)

// cause is why a request was not answered by the function's reply.
type cause int

const (
	causeNoRoute       cause = iota // no function for the request
	causeMethod                     // CONNECT, which no function can answer
	causeUpgrade                    // a WebSocket, which no function can answer
	causeUnreadable                 // the request's body could not be read
	causeStalled                    // the request's body has not come within option timeout
	causeTooLarge                   // the request's body, or the event, is over a limit
	causeClientGone                 // the client went away
	causeTimeout                    // option timeout ran out
	causeConnect                    // no connection: DNS, TCP, proxy, TLS; nothing was sent
	causeConnection                 // the connection broke, or the answer was not HTTP
	causeOverload                   // option maxConcurrency is reached
	causeThrottled                  // Lambda 429
	causeServer                     // Lambda 5xx
	causeCredentials                // there are none, or Lambda refused them
	causeRegion                     // there is none
	causePermission                 // Lambda 403: the credentials may not call the function
	causeNoFunction                 // Lambda 404
	causeRefused                    // any other answer of Lambda
	causeUnsendable                 // Lambda would refuse what an option's template has made
	causeFunctionError              // the function ran and failed
	causeBadReply                   // the function's reply is not in the format
	causeEncode                     // the event could not be made
	causeSick                       // option probe says that the function is sick
)

// causeNames are what the log calls the causes.
var causeNames = map[cause]string{
	causeNoRoute:       "no-route",
	causeMethod:        "method",
	causeUpgrade:       "upgrade",
	causeUnreadable:    "unreadable-body",
	causeStalled:       "stalled-body",
	causeTooLarge:      "too-large",
	causeClientGone:    "client-gone",
	causeTimeout:       "timeout",
	causeConnect:       "connect",
	causeConnection:    "connection",
	causeOverload:      "max-concurrency",
	causeThrottled:     "throttle",
	causeServer:        "server",
	causeCredentials:   "credentials",
	causeRegion:        "region",
	causePermission:    "permission",
	causeNoFunction:    "no-such-function",
	causeRefused:       "refused",
	causeUnsendable:    "unsendable",
	causeFunctionError: "function-error",
	causeBadReply:      "bad-reply",
	causeEncode:        "encode",
	causeSick:          "sick",
}

// failureSettings are what the options say of failures.
type failureSettings struct {
	functionErrorStatus int
	passUnmatched       bool // the next handler gets what no route takes
	fallback            bool // it gets what Lambda did not answer
	exposeErrors        bool
}

func newFailureSettings(config *Config) failureSettings {
	return failureSettings{
		functionErrorStatus: config.FunctionErrorStatus,
		passUnmatched:       config.Unmatched == unmatchedNext,
		fallback:            config.Fallback,
		exposeErrors:        config.ExposeErrors,
	}
}

// statusClientClosedRequest is what Traefik's own proxy logs where the client went away.
const statusClientClosedRequest = 499

// status is the one place where a cause becomes a status.
func (l *Lambda) status(c cause) int {
	switch c {
	case causeNoRoute:
		return http.StatusNotFound
	case causeMethod:
		return http.StatusMethodNotAllowed
	case causeUnreadable, causeUpgrade:
		return http.StatusBadRequest
	case causeTooLarge:
		return http.StatusRequestEntityTooLarge
	case causeClientGone:
		return statusClientClosedRequest
	case causeTimeout, causeStalled:
		return http.StatusGatewayTimeout
	case causeOverload, causeThrottled, causeSick:
		return http.StatusServiceUnavailable
	case causeFunctionError:
		return l.failures.functionErrorStatus
	case causeEncode:
		return http.StatusInternalServerError
	default: // connect, connection, and all that Lambda refuses; a bad reply
		return http.StatusBadGateway
	}
}

// failure is the error of a request. Its text is for the log: it holds no credential, signature
// or body.
type failure struct {
	cause      cause
	err        error
	timeout    bool   // the network has waited in vain
	retryAfter string // how long to stay away, as Lambda's header has it; "" where Lambda did not say
	payload    []byte // what the function says of its error; only for exposeErrors
}

func (f *failure) Error() string { return f.err.Error() }

func failureOf(c cause, err error) *failure { return &failure{cause: c, err: err} }

// asFailure returns the failure that an error of answer is.
func asFailure(err error) *failure {
	f, ok := err.(*failure) //nolint:errorlint // Yaegi: errors.As with an interpreted type panics
	if !ok {
		f = failureOf(causeEncode, err)
	}
	return f
}

func tooLarge(what string, limit int64) error {
	return failureOf(causeTooLarge, fmt.Errorf("%s over the limit of %d bytes", what, limit))
}

func badReply(err error) error {
	return failureOf(causeBadReply, fmt.Errorf("the function's reply: %w", err))
}

// interrupted says whether err came of the client's leaving or of the time running out, and
// returns that instead of c. It takes the parts of a failure, not a whole one: to hand a *failure
// that a call has just returned over as an error panics in Yaegi.
func interrupted(ctx context.Context, req *request, c cause, err error) error {
	if req.http.Context().Err() != nil {
		return failureOf(causeClientGone, errors.New("the client went away"))
	}
	if ctx.Err() != nil { // and not by the client: what else ends it is the time
		return failureOf(causeTimeout, errors.New("no complete reply within timeout"))
	}
	return failureOf(c, err)
}

// fail logs why a request failed, and answers it: with the next handler where unmatched or
// fallback says so, else as the format's own front door would.
func fail(l *Lambda, w http.ResponseWriter, req *request, err error) {
	f := asFailure(err)
	if f.cause == causeNoRoute && l.failures.passUnmatched {
		l.next.ServeHTTP(w, req.http)
		return
	}
	if req.counts != nil || atomic.LoadInt32(metered) != 0 {
		recordFailure(req, f.cause)
	}
	status := l.status(f.cause)
	if fallsBack(l, req, status) {
		logFailure(l, req, f, status, " fallback=next")
		noteFailure(req.http, f.cause, true)
		if l.brackets.noted {
			noteCall(req)
		}
		l.next.ServeHTTP(w, original(req))
		return
	}
	strict := strictFailureOf(l, f)
	if strict.status != 0 {
		status = strict.status
	}
	logFailure(l, req, f, status, "")
	noteFailure(req.http, f.cause, false)
	writeFailure(l, w, req, f, status, strict.body)
}

// canFallBack says whether the next handler may answer in place of an answer of this status.
func canFallBack(status int) bool {
	return status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
}

// replayable says whether the request can still be handed on whole.
func replayable(req *request) bool { return !req.bodyTouched || req.bodyRead }

// original returns the request as it came, with the body that was read of it.
func original(req *request) *http.Request {
	if !req.bodyRead {
		return req.http
	}
	r := req.http.WithContext(req.http.Context()) // a copy: the caller's must not change
	r.Body = io.NopCloser(bytes.NewReader(req.body))
	return r
}

// logFailure writes one line: for the operator, or, where it is the client's doing, for who looks
// for it, since clients could fill the log else.
//
// What clients can cause again and again is logged at most once a second.
func logFailure(l *Lambda, req *request, f *failure, status int, note string) {
	if causedAtWill[f.cause] {
		omitted, admitted := logline.Admit(l.name+" "+causeNames[f.cause], time.Now())
		if !admitted {
			return
		}
		note += logline.Omitted(omitted)
	}
	function, route := "-", "-"
	if req.target != nil {
		function = req.target.function.Name
		route = strconv.Quote(req.routeKey)
	}
	line := fmt.Sprintf("%s: %d %s: function=%s route=%s requestId=%s duration=%s cause=%s%s: %s",
		l.name, status, statusText(status), function, route, orDash(req.answer.Get(requestIDHeader)),
		time.Since(req.time).Round(time.Millisecond), causeNames[f.cause], note, f.err.Error())
	switch f.cause {
	case causeNoRoute, causeMethod, causeUpgrade, causeUnreadable, causeTooLarge, causeClientGone:
		l.log.Debug(line)
	default:
		l.log.Error(line)
	}
}

// causedAtWill holds the causes that the log has for the operator, and that clients can bring about as
// often as they like, without a function that fails.
var causedAtWill = map[cause]bool{
	causeStalled:    true,
	causeOverload:   true,
	causeThrottled:  true,
	causePermission: true, // with pathPrefix they choose the function
	causeNoFunction: true,
	causeUnsendable: true,
	causeEncode:     true,
}

// writeFailure answers with the status text, in the shape of the format's own front door, or with
// strictBody unless that is "", and with nothing of the cause unless exposeErrors is on.
func writeFailure(l *Lambda, w http.ResponseWriter, req *request, f *failure, status int, strictBody string) {
	text := statusText(status)
	if l.failures.exposeErrors {
		text = exposed(f)
	}
	contentType, body := l.format.failureBody(status, text)
	if strictBody != "" && !l.failures.exposeErrors {
		body = strictBody
	}
	header := w.Header()
	if bodyless(status) { // functionErrorStatus may be one
		body = ""
	} else {
		header.Set("Content-Type", contentType)
		header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	if status == http.StatusServiceUnavailable && (f.cause == causeThrottled || f.cause == causeOverload || f.cause == causeSick) {
		header.Set("Retry-After", retryAfterFor(f))
	}
	if f.cause == causeMethod {
		header.Set("Allow", allowedMethods)
	}
	if req.bodyTouched && !req.bodyRead && req.http.ProtoMajor == 1 {
		header.Set("Connection", "close") // else Go's server waits for the rest of the body first
	}
	setCallHeaders(l, header, req)
	w.WriteHeader(status)
	if body != "" && req.http.Method != http.MethodHead {
		_, _ = w.Write([]byte(body)) // fails only where the client has gone
	}
}

// retryAfterFor returns how long the client is to stay away: as long as Lambda says, else a second.
func retryAfterFor(f *failure) string {
	if f.retryAfter == "" {
		return "1"
	}
	return f.retryAfter
}

func statusText(status int) string {
	if status == statusClientClosedRequest {
		return "Client Closed Request"
	}
	return http.StatusText(status)
}

// exposed returns the cause with the function's own error.
func exposed(f *failure) string {
	if len(f.payload) == 0 {
		return f.err.Error()
	}
	return f.err.Error() + ": " + string(f.payload)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// jsonFailureBody is the shape of the errors of API Gateway's HTTP APIs.
func jsonFailureBody(_ int, text string) (contentType, body string) {
	message, _ := json.Marshal(text) // a string always can be
	return "application/json", `{"message":` + string(message) + `}`
}

func init() {
	// Traefik's log dates its lines itself.
	log.SetFlags(0)
}
