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

// cause is the reason why a request was not served with the function's reply.
type cause int

const (
	causeNoRoute       cause = iota // no function for the request
	causeMethod                     // CONNECT, which functions cannot serve
	causeUpgrade                    // a WebSocket, which functions cannot serve
	causeUnreadable                 // the request's body could not be read
	causeStalled                    // the request's body did not arrive within option timeout
	causeTooLarge                   // the request's body, or the event, is over a limit
	causeClientGone                 // the client disconnected
	causeTimeout                    // option timeout passed
	causeConnect                    // no connection: DNS, TCP, proxy, TLS; nothing was sent
	causeConnection                 // the connection broke, or the response was not HTTP
	causeOverload                   // option maxConcurrency is reached
	causeThrottled                  // Lambda 429
	causeServer                     // Lambda 5xx
	causeCredentials                // none were found, or Lambda refused them
	causeRegion                     // none was found
	causePermission                 // Lambda 403: the credentials may not call the function
	causeNoFunction                 // Lambda 404
	causeRefused                    // any other response of Lambda
	causeUnsendable                 // Lambda would refuse the result of an option's template
	causeFunctionError              // the function ran and failed
	causeBadReply                   // the function's reply is not valid in its format
	causeEncode                     // the event could not be made
	causeSick                       // option probe found the function unhealthy
)

// causeNames are the causes' names in the log.
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

// failureSettings are the settings of failures.
type failureSettings struct {
	functionErrorStatus int
	passUnmatched       bool // requests without a route go to the next handler
	fallback            bool // failed requests go to the next handler
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

// statusClientClosedRequest is what Traefik's own proxy logs if the client disconnected.
const statusClientClosedRequest = 499

// status is the only place that maps causes to statuses.
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
	default: // no connection, refused by Lambda, a bad reply
		return http.StatusBadGateway
	}
}

// failure is the error of a request. Its text is for the log: it contains no credential, signature or
// body.
type failure struct {
	cause      cause
	err        error
	timeout    bool   // a timeout of the network
	retryAfter string // Lambda's Retry-After; "" for none
	payload    []byte // the function's error; only for exposeErrors
}

func (f *failure) Error() string { return f.err.Error() }

func failureOf(c cause, err error) *failure { return &failure{cause: c, err: err} }

// asFailure returns err as a *failure. Any other error comes from making the event.
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

// interrupted returns the failure for err: it replaces c if the client disconnected or the deadline
// passed. It does not take a *failure as err, because Yaegi panics when one that a call has just
// returned is passed as an error.
func interrupted(ctx context.Context, req *request, c cause, err error) error {
	if req.http.Context().Err() != nil {
		return failureOf(causeClientGone, errors.New("the client went away"))
	}
	if ctx.Err() != nil { // not by the client, so by the deadline
		return failureOf(causeTimeout, errors.New("no complete reply within timeout"))
	}
	return failureOf(c, err)
}

// fail logs a failed request and responds. With unmatched or fallback the next handler responds,
// otherwise this middleware, as the format's own front door would.
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

// canFallBack reports whether the next handler may respond in place of a failure with this status.
func canFallBack(status int) bool {
	return status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
}

// replayable reports whether the request can still be passed on complete.
func replayable(req *request) bool { return !req.bodyTouched || req.bodyRead }

// original returns the request as it arrived, with the body that was read from it.
func original(req *request) *http.Request {
	if !req.bodyRead {
		return req.http
	}
	r := req.http.WithContext(req.http.Context()) // a copy: the caller's request must not change
	r.Body = io.NopCloser(bytes.NewReader(req.body))
	return r
}

// logFailure logs one line. Failures that the client caused are logged at level DEBUG, so that clients
// cannot fill the log.
//
// Other failures that clients can cause repeatedly are logged at most once a second.
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

// causedAtWill holds causes that are logged as errors, but that clients can cause as often as they like
// without a failing function.
var causedAtWill = map[cause]bool{
	causeStalled:    true,
	causeOverload:   true,
	causeThrottled:  true,
	causePermission: true, // with pathPrefix clients choose the function
	causeNoFunction: true,
	causeUnsendable: true,
	causeEncode:     true,
}

// writeFailure responds with the status text in the shape of the format's own front door, or with
// strictBody unless it is "". The response reveals the cause only with exposeErrors.
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
	if bodyless(status) { // possible with functionErrorStatus
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
		header.Set("Connection", "close") // otherwise Go's server first waits for the rest of the body
	}
	setCallHeaders(l, header, req)
	w.WriteHeader(status)
	if body != "" && req.http.Method != http.MethodHead {
		_, _ = w.Write([]byte(body)) // fails only if the client has disconnected
	}
}

// retryAfterFor returns the value of Retry-After: Lambda's own, else a second.
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

// exposed returns the cause and the function's own error.
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

// jsonFailureBody is the shape of errors of API Gateway's HTTP APIs.
func jsonFailureBody(_ int, text string) (contentType, body string) {
	message, _ := json.Marshal(text) // strings can always be encoded
	return "application/json", `{"message":` + string(message) + `}`
}

func init() {
	// Traefik's log adds its own timestamps.
	log.SetFlags(0)
}
