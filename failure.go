package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"strconv"
	"time"
)

// cause is why a request was not answered by the function's reply.
type cause int

const (
	causeUnreadable    cause = iota // the request's body could not be read
	causeTooLarge                   // the request's body, or the event, is over a limit
	causeClientGone                 // the client went away
	causeTimeout                    // option timeout ran out
	causeConnect                    // no connection: DNS, TCP, TLS
	causeConnection                 // the connection broke
	causeThrottled                  // Lambda 429
	causeServer                     // Lambda 5xx
	causeRefused                    // Lambda 4xx; credentials or region missing
	causeFunctionError              // the function ran and failed
	causeBadReply                   // the function's reply is not in the format
	causeEncode                     // the event could not be made
)

// statusClientClosedRequest is what Traefik's own proxy logs where the client went away.
const statusClientClosedRequest = 499

// status is the one place where a cause becomes a status.
func (l *Lambda) status(c cause) int {
	switch c {
	case causeUnreadable:
		return http.StatusBadRequest
	case causeTooLarge:
		return http.StatusRequestEntityTooLarge
	case causeClientGone:
		return statusClientClosedRequest
	case causeTimeout:
		return http.StatusGatewayTimeout
	case causeThrottled:
		return http.StatusServiceUnavailable
	case causeFunctionError:
		return l.functionErrorStatus
	case causeEncode:
		return http.StatusInternalServerError
	default: // connect, connection, server, refused, bad reply
		return http.StatusBadGateway
	}
}

// failure is the error of a request. Its text is for the log: it holds no credential, signature
// or body.
type failure struct {
	cause      cause
	err        error
	retryAfter string // for the client, "" for none
	payload    []byte // what the function says of its error; only for exposeErrors
}

func (f *failure) Error() string { return f.err.Error() }

func failureOf(c cause, err error) *failure { return &failure{cause: c, err: err} }

func tooLarge(what string, limit int64) error {
	return failureOf(causeTooLarge, fmt.Errorf("%s over the limit of %d bytes", what, limit))
}

func unreadable(err error) error {
	return failureOf(causeUnreadable, fmt.Errorf("read the request body: %w", err))
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
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return failureOf(causeTimeout, errors.New("no complete reply within timeout"))
	}
	return failureOf(c, err)
}

// fail logs why a request failed, in one line, and answers it as the format's own front door
// would, with nothing of the cause unless exposeErrors is on.
func fail(l *Lambda, w http.ResponseWriter, req *request, err error) {
	f, ok := err.(*failure) //nolint:errorlint // Yaegi: errors.As with an interpreted type panics
	if !ok {
		f = failureOf(causeEncode, err)
	}
	status := l.status(f.cause)
	text := http.StatusText(status)
	if status == statusClientClosedRequest {
		text = "Client Closed Request"
	}
	log.Printf("%s: %d %s: function=%s requestId=%s duration=%s: %v",
		l.name, status, text, l.target.name, orDash(req.lambdaRequestID), time.Since(req.time).Round(time.Millisecond), f.err)
	if l.exposeErrors {
		text = exposed(f)
	}
	contentType, body := l.format.failureBody(status, text)
	header := w.Header()
	header.Set("Content-Type", contentType)
	header.Set("Content-Length", strconv.Itoa(len(body)))
	if f.retryAfter != "" {
		header.Set("Retry-After", f.retryAfter)
	}
	w.WriteHeader(status)
	if req.http.Method != http.MethodHead {
		_, _ = w.Write([]byte(body)) // fails only where the client has gone
	}
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
