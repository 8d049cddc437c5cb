package lambda

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/seed05e46011/lambda/internal/bracket"
	"github.com/seed05e46011/lambda/internal/credentials"
	"github.com/seed05e46011/lambda/internal/logline"
	"github.com/seed05e46011/lambda/internal/sigv4"
)

// maxReplyBytes bounds what is read of an answer of the Lambda API. Lambda itself lets no reply
// over 6 MB pass; the rest is room for other endpoints.
const maxReplyBytes = 8 << 20

// callSettings are what the options say of calls.
type callSettings struct {
	credentials  *credentials.Provider
	transport    *http.Transport
	proxied      bool               // calls may go through a proxy
	streamed     bool               // the reply is written while it comes (stream.go)
	invocation   *invocationOptions // nil for none
	logType      string
	retry        *retryPolicy // nil: no retry
	serverTiming bool
	xray         bool // calls carry the trace header of the request
	plain        bool // no option asks for more than one plain call
}

// newCallSettings takes valid options. region is where credentials are looked for, "" where nobody has
// said.
func newCallSettings(config *Config, logger *logline.Logger, region string) (callSettings, error) {
	s := callSettings{
		streamed:     config.InvokeMode == invokeModeStream,
		logType:      config.LogType,
		retry:        newRetryPolicy(config.Retry),
		serverTiming: config.ServerTiming,
		xray:         config.XRayTracing,
	}
	connections, err := newTransportSettings(config)
	if err != nil {
		return s, err
	}
	warnInsecure(logger, config)
	s.transport = transportFor(connections)
	s.proxied = proxied(connections)
	invocation, err := newInvocationOptions(config)
	if err != nil {
		return s, err
	}
	s.invocation = invocation
	s.plain = s.retry == nil && s.invocation == nil && !s.serverTiming && !s.proxied && config.MaxConcurrency == 0
	provider, err := credentials.New(config.Credentials, region,
		func(warning string) { warnOnce(logger, warning) }, func(line string) { logger.Error("lambda: " + line) })
	s.credentials = provider
	return s, err
}

// invoke calls the function and returns the payload that it replied.
// https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
func invoke(ctx context.Context, l *Lambda, req *request) ([]byte, error) {
	resp, err := call(ctx, l, req) //nolint:bodyclose // readPayload does
	if err != nil {
		return nil, err
	}
	return readPayload(ctx, l, req, resp)
}

// readPayload reads the function's reply out of Lambda's answer. With that the call is over.
//
//lambda:inline
func readPayload(ctx context.Context, l *Lambda, req *request, resp *http.Response) ([]byte, error) {
	payload, err := readReply(resp)
	if req.holdsSlot {
		releaseSlot(l, req)
	}
	if req.counts != nil {
		req.took = time.Since(req.began)
		req.replyBytes = len(payload)
	}
	if err != nil || resp.Header["X-Amz-Function-Error"] != nil {
		return nil, noReply(ctx, l, req, resp, payload, err)
	}
	return payload, nil
}

// noReply is the failure of a call that Lambda took and the function did not reply to.
func noReply(ctx context.Context, l *Lambda, req *request, resp *http.Response, payload []byte, err error) error {
	if err != nil {
		return interrupted(ctx, req, causeConnection, broke("read Lambda's answer", err))
	}
	logTail(l, req, resp.Header.Get("X-Amz-Log-Result"))
	return functionError(resp.Header.Get("X-Amz-Function-Error"), payload)
}

// callOnce is call without a retry.
func callOnce(ctx context.Context, l *Lambda, req *request) (*http.Response, error) {
	p, err := preparedFor(ctx, l, req)
	if err != nil {
		return nil, err
	}
	if l.calls.proxied {
		ctx = traceConnecting(ctx, req)
	}
	resp, err := l.calls.transport.RoundTrip(newInvocation(ctx, l, req, p, &worker{}))
	if err != nil {
		return nil, noAnswer(ctx, req, err)
	}
	err = accept(ctx, l, req, p, resp)
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// preparedFor returns what the invocations of a request's target have in common.
//
//lambda:inline
func preparedFor(ctx context.Context, l *Lambda, req *request) (*preparedInvocation, error) {
	p := req.target.prepared.Load().(*preparedInvocation)
	if p.second != req.signed {
		return prepareInvocation(ctx, l, req)
	}
	return p, nil
}

// accept reads the head of Lambda's answer. The call may have been refused.
//
//lambda:inline
func accept(ctx context.Context, l *Lambda, req *request, p *preparedInvocation, resp *http.Response) error {
	req.answer = resp.Header
	if resp.StatusCode != l.replies.takenStatus {
		return refusedCall(ctx, l, req, resp, p)
	}
	return nil
}

// noAnswer is the failure of a call on which the transport has given up.
func noAnswer(ctx context.Context, req *request, err error) error {
	c := causeConnection
	if req.connecting || neverConnected(err) {
		c = causeConnect
	}
	f := asFailure(interrupted(ctx, req, c, broke("call Lambda", err)))
	var netErr net.Error
	f.timeout = errors.As(err, &netErr) && netErr.Timeout()
	return f
}

// setCallHeaders says on the answer which invocation it comes of, and, with serverTiming, how long
// that took. The function's own Server-Timing stays.
//
//lambda:inline
func setCallHeaders(l *Lambda, header http.Header, req *request) {
	if id := req.answer[requestIDHeader]; id != nil {
		header[requestIDHeader] = id
	}
	if l.calls.serverTiming {
		addServerTiming(l, header, req)
	}
	if l.brackets.noted {
		noteCall(req)
	}
}

// requestIDHeader is where Lambda says the id of an invocation, and we too.
const requestIDHeader = "X-Amzn-Requestid"

// addServerTiming tells how long the call took: the client, or, where rooms are timed too, them. What a
// cache stores must not tell it.
func addServerTiming(l *Lambda, header http.Header, req *request) {
	if req.called.IsZero() {
		return
	}
	timing := bracket.Timing{Name: "lambda", Took: time.Since(req.called)}
	if notes, ok := bracket.NotesIn(req.http.Context()); ok && l.brackets.roomsTimed {
		notes.Timings = append(notes.Timings, timing)
		return
	}
	header.Add("Server-Timing", timing.Entry())
}

// broke says what was done when a connection broke. The error may repeat what the other side has
// written: no more of it than a log can bear.
func broke(doing string, err error) error {
	return fmt.Errorf("%s: %.300s", doing, err.Error())
}

// refusedCall reads why Lambda did not take the call. Redirects are not followed: a signature is
// for one host, and events are for nobody else.
func refusedCall(ctx context.Context, l *Lambda, req *request, resp *http.Response, p *preparedInvocation) error {
	refused := l.calls.credentials.Refused(p.credentials, errorTypeOf(resp))
	if refused {
		req.target.prepared.Store(&preparedInvocation{})
	}
	if resp.StatusCode < http.StatusBadRequest {
		_ = resp.Body.Close() // unread: after 101 it would have no end
		return failureOf(causeRefused, fmt.Errorf("Lambda answered %d, which Invoke never does", resp.StatusCode))
	}
	payload, err := readReply(resp)
	if err != nil && ctx.Err() != nil {
		return interrupted(ctx, req, causeConnection, err)
	}
	return apiError(resp, payload, p.credentials, refused) // with half a body the status still says what happened
}

// preparedInvocation is all of a target's invocations that stays the same for a second, so that
// what is left to do for each is two hashes and an HMAC.
type preparedInvocation struct {
	second      *second // nil where nothing is prepared yet
	credentials *sigv4.Credentials
	target      *target  // with a region
	date        []string // header X-Amz-Date
	token       []string // header X-Amz-Security-Token, nil for long-term keys
	signer      *signer
}

// prepareInvocation makes what the invocations of a target have in common in this second.
func prepareInvocation(ctx context.Context, l *Lambda, req *request) (*preparedInvocation, error) {
	creds, usable, err := l.calls.credentials.Retrieve(ctx)
	if err != nil {
		return nil, interrupted(ctx, req, causeCredentials, err)
	}
	t := req.target
	if t.region == "" {
		t, err = regionalTarget(ctx, req)
		if err != nil {
			return nil, err
		}
	}
	p := newPreparedInvocation(t, creds, req.signed)
	if usable > time.Second { // to the end of the second
		req.target.prepared.Store(p)
	}
	return p, nil
}

func newPreparedInvocation(t *target, creds *sigv4.Credentials, s *second) *preparedInvocation {
	p := &preparedInvocation{
		second:      s,
		credentials: creds,
		target:      t,
		date:        []string{s.amzDate},
		signer:      newSigner(t, creds, s.amzDate),
	}
	if creds.SessionToken != "" {
		p.token = []string{creds.SessionToken}
	}
	return p
}

// newInvocation returns the signed request of the Invoke API, to be made at once. Nothing of the client's request is
// in its head: all of that is in the event.
//
//lambda:inline
func newInvocation(ctx context.Context, l *Lambda, req *request, p *preparedInvocation, self *worker) *http.Request {
	// NewRequest, not a literal: it sets GetBody, with which the transport sends the request on
	// another connection where an idle one turns out to be closed before anything was written to
	// it. That is the only case: a POST is not sent again after its first byte. NewRequest has no
	// URL to parse here, and so cannot fail.
	invocation, _ := http.NewRequestWithContext(ctx, methodPost, "", bytes.NewReader(req.event))
	invocation.URL = p.target.url
	if req.invocationHeaders != nil {
		signWithHeaders(invocation, req, p)
	} else {
		invocation.Header = http.Header{
			"X-Amz-Date":           p.date,
			"X-Amz-Security-Token": p.token,
			"Authorization":        {sign(p.signer, self, req.event)},
			"User-Agent":           userAgent,
		}
	}
	if l.calls.xray { // not signed: proxies may change it
		addTrace(invocation, req.http)
	}
	if atomic.LoadInt32(metered) != 0 {
		beginCall(req)
	}
	return invocation
}

// signWithHeaders signs an invocation with headers that the options ask for.
func signWithHeaders(invocation *http.Request, req *request, p *preparedInvocation) {
	invocation.Header = req.invocationHeaders.Clone()
	invocation.Header["User-Agent"] = userAgent
	sigv4.Sign(invocation, req.event, p.credentials, p.target.region, "lambda", time.Now())
}

// Interpreted, a constant of a package costs as much as a variable of it, one of ours nothing.
const (
	methodConnect = http.MethodConnect
	methodPost    = http.MethodPost
	methodHead    = http.MethodHead
	statusOK      = http.StatusOK
)

// userAgent names the caller in AWS's own logs. It is not signed.
var userAgent = []string{"traefik-lambda"}

// readReply reads the whole answer and gives the connection back: net/http keeps it where a body was
// read to its end, which the last byte of a known length is.
//
//lambda:inline
func readReply(resp *http.Response) ([]byte, error) {
	if resp.ContentLength < 0 || resp.ContentLength > maxReplyBytes {
		return readUnsizedReply(resp)
	}
	payload := make([]byte, resp.ContentLength)
	_, err := io.ReadFull(resp.Body, payload)
	_ = resp.Body.Close() // nothing is left to be lost
	return payload, err
}

func readUnsizedReply(resp *http.Response) ([]byte, error) {
	payload, err := io.ReadAll(io.LimitReader(resp.Body, maxReplyBytes+1))
	_ = resp.Body.Close() // nothing is left to be lost
	if err != nil {
		return nil, err
	}
	if len(payload) > maxReplyBytes {
		return nil, fmt.Errorf("over %d bytes", maxReplyBytes)
	}
	return payload, nil
}

// apiError turns an error of the Invoke API into its failure. refused says that it is about the credentials.
func apiError(resp *http.Response, payload []byte, creds *sigv4.Credentials, refused bool) error {
	text := "Lambda answered " + strconv.Itoa(resp.StatusCode) + " " + errorText(resp, payload, creds)
	f := failureOf(causeRefused, errors.New(strings.TrimSpace(text)))
	f.retryAfter = resp.Header.Get("Retry-After")
	switch {
	case resp.StatusCode == http.StatusTooManyRequests:
		f.cause = causeThrottled
	case resp.StatusCode >= http.StatusInternalServerError:
		f.cause = causeServer
	case refused:
		f.cause = causeCredentials
	case resp.StatusCode == http.StatusForbidden:
		f.cause = causePermission
	case resp.StatusCode == http.StatusNotFound:
		f.cause = causeNoFunction
	}
	return f
}

// errorTypeOf returns the type of an error of AWS that its head names, "" for none.
func errorTypeOf(resp *http.Response) string {
	errorType, _, _ := strings.Cut(resp.Header.Get("X-Amzn-Errortype"), ":")
	return errorType
}

// errorText returns the type and the message of an error of AWS, fit for a log: in one line, and
// without what AWS repeats of the request where a signature is wrong, the session token included.
func errorText(resp *http.Response, payload []byte, creds *sigv4.Credentials) string {
	var body struct {
		Type    string `json:"__type"`
		Message string `json:"message"` // "Message" too: encoding/json takes either case
	}
	_ = json.Unmarshal(payload, &body) // without a body the type in the header has to do
	errorType := resp.Header.Get("X-Amzn-Errortype")
	if errorType == "" {
		errorType = body.Type
	}
	errorType, _, _ = strings.Cut(errorType, ":")
	message, _, _ := strings.Cut(body.Message, "\n")
	for _, secret := range []string{creds.SecretAccessKey, creds.SessionToken, "Signature=", "Credential="} {
		if secret != "" && strings.Contains(message, secret) {
			message = "(message withheld: it repeats credentials)"
		}
	}
	const longest = 300
	if len(message) > longest {
		message = message[:longest]
	}
	return strings.TrimSuffix(strconv.Quote(errorType)+": "+strconv.Quote(message), `: ""`)
}

// functionError is the failure of a function that ran and failed.
func functionError(kind string, payload []byte) error {
	var body struct {
		ErrorType string `json:"errorType"`
	}
	_ = json.Unmarshal(payload, &body) // custom runtimes may answer anything
	f := failureOf(causeFunctionError, fmt.Errorf("the function failed (%s %.100q)", kind, body.ErrorType))
	f.payload = payload
	return f
}
