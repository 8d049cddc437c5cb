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

// maxReplyBytes limits how much is read of a response of the Lambda API. Lambda limits replies to 6 MB;
// other endpoints may allow more.
const maxReplyBytes = 8 << 20

// callSettings are the settings of calls.
type callSettings struct {
	credentials  *credentials.Provider
	transport    *http.Transport
	proxied      bool               // calls may go through a proxy
	streamed     bool               // replies are written as they arrive (stream.go)
	invocation   *invocationOptions // nil for none
	logType      string
	retry        *retryPolicy // nil: no retry
	serverTiming bool
	xray         bool // calls carry the request's trace header

	// single is set if prepare can sign the first attempt of a call: there are no headers from options, and
	// no proxy. plain is set if calls need no more than that: they are not timed, and take no slot.
	single bool
	plain  bool
}

// newCallSettings expects validated options. region is where sources of credentials call AWS; "" if
// unknown.
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
	s.single = s.invocation == nil && !s.proxied
	s.plain = s.single && !s.serverTiming && config.MaxConcurrency == 0
	provider, err := credentials.New(config.Credentials, region,
		func(warning string) { warnOnce(logger, warning) }, func(line string) { logger.Error("lambda: " + line) })
	s.credentials = provider
	return s, err
}

// invoke calls the function and returns its reply.
// https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
func invoke(ctx context.Context, l *Lambda, req *request) ([]byte, error) {
	resp, err := call(ctx, l, req) //nolint:bodyclose // readPayload does
	if err != nil {
		return nil, err
	}
	return readPayload(ctx, l, req, resp, nil)
}

// readPayload reads the function's reply from Lambda's HTTP response, which ends the call. It uses memory
// if that is large enough.
//
//lambda:inline
func readPayload(ctx context.Context, l *Lambda, req *request, resp *http.Response, memory []byte) ([]byte, error) {
	payload, err := readReply(resp, memory)
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

// noReply returns the failure of a call that Lambda accepted: reading the reply failed with err or, if
// err is nil, the function failed.
func noReply(ctx context.Context, l *Lambda, req *request, resp *http.Response, payload []byte, err error) error {
	if err != nil {
		return interrupted(ctx, req, causeConnection, broke("read Lambda's answer", err))
	}
	logTail(l, req, resp.Header.Get("X-Amz-Log-Result"))
	return functionError(resp.Header.Get("X-Amz-Function-Error"), payload)
}

// callOnce calls Lambda once, without retries.
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

// preparedFor returns the parts that all invocations of the request's target share.
//
//lambda:inline
func preparedFor(ctx context.Context, l *Lambda, req *request) (*preparedInvocation, error) {
	p := req.target.prepared.Load().(*preparedInvocation)
	if p.unix != req.signed.unix {
		return prepareInvocation(ctx, l, req)
	}
	return p, nil
}

// accept checks the status of Lambda's HTTP response, and returns a failure if Lambda refused the call.
//
//lambda:inline
func accept(ctx context.Context, l *Lambda, req *request, p *preparedInvocation, resp *http.Response) error {
	req.answer = resp.Header
	if resp.StatusCode != l.replies.takenStatus {
		return refusedCall(ctx, l, req, resp, p)
	}
	return nil
}

// noAnswer returns the failure of a call for which the transport returned err.
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

// setCallHeaders adds Lambda's request id to the response headers, and the call's duration if
// serverTiming is set. The function's own Server-Timing stays.
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

// requestIDHeader carries the id of an invocation: in Lambda's HTTP response, and in the client's.
const requestIDHeader = "X-Amzn-Requestid"

// addServerTiming reports how long the call took, as a response header. If bracket.ServerTiming writes
// that header, it notes the duration for it instead, so that a cache does not store it.
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

// broke returns the error of a broken connection: what was attempted, and err, truncated to 300
// characters, since it may quote the peer.
func broke(doing string, err error) error {
	return fmt.Errorf("%s: %.300s", doing, err.Error())
}

// refusedCall reads why Lambda refused the call. Redirects are not followed: a signature is valid for
// one host, and no other host should receive the event.
func refusedCall(ctx context.Context, l *Lambda, req *request, resp *http.Response, p *preparedInvocation) error {
	refused := l.calls.credentials.Refused(p.credentials, errorTypeOf(resp))
	if refused {
		req.target.prepared.Store(&preparedInvocation{})
	}
	if resp.StatusCode < http.StatusBadRequest {
		_ = resp.Body.Close() // unread: after a 101 it would never end
		return failureOf(causeRefused, fmt.Errorf("Lambda answered %d, which Invoke never does", resp.StatusCode))
	}
	payload, err := readReply(resp, nil)
	if err != nil && ctx.Err() != nil {
		return interrupted(ctx, req, causeConnection, err)
	}
	return apiError(resp, payload, p.credentials, refused) // even without the whole body the status tells the cause
}

// preparedInvocation holds the parts that all invocations of a target share for one second. That leaves
// two hashes and an HMAC for each call.
type preparedInvocation struct {
	unix        int64 // the second; 0 if nothing is prepared
	credentials *sigv4.Credentials
	target      *target  // with a region
	date        []string // header X-Amz-Date
	token       []string // header X-Amz-Security-Token, nil for long-term keys
	signer      *signer
}

// prepareInvocation makes the parts that the target's invocations share for the current second.
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
	if usable > time.Second { // until the second ends
		req.target.prepared.Store(p)
	}
	return p, nil
}

func newPreparedInvocation(t *target, creds *sigv4.Credentials, s *second) *preparedInvocation {
	p := &preparedInvocation{
		unix:        s.unix,
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

// newInvocation returns the signed request to the Invoke API, to be sent at once. None of the client's
// headers are in its head: they are in the event.
//
//lambda:inline
func newInvocation(ctx context.Context, l *Lambda, req *request, p *preparedInvocation, self *worker) *http.Request {
	// NewRequest sets GetBody, which a literal would lack. With it the transport sends the request on
	// another connection if an idle one turns out to be closed before anything was written. Once the
	// first byte is written, a POST is never sent again. NewRequest cannot fail, since it has no URL to
	// parse.
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
	if l.calls.xray { // unsigned: proxies may change it
		addTrace(invocation, req.http)
	}
	if atomic.LoadInt32(metered) != 0 {
		beginCall(req)
	}
	return invocation
}

// signWithHeaders signs an invocation that has headers from the options.
func signWithHeaders(invocation *http.Request, req *request, p *preparedInvocation) {
	invocation.Header = req.invocationHeaders.Clone()
	invocation.Header["User-Agent"] = userAgent
	sigv4.Sign(invocation, req.event, p.credentials, p.target.region, "lambda", time.Now())
}

// To Yaegi, another package's constant costs as much as a variable, one of this package nothing.
const (
	methodConnect = http.MethodConnect
	methodPost    = http.MethodPost
	methodHead    = http.MethodHead
	statusOK      = http.StatusOK
)

// userAgent identifies this plugin in AWS's logs. It is not signed.
var userAgent = []string{"traefik-lambda"}

// readReply reads the whole body and frees the connection. net/http reuses a connection once the body
// is read to its end, and the last byte of a known length is the end. It uses memory if that is large
// enough.
//
//lambda:inline
func readReply(resp *http.Response, memory []byte) ([]byte, error) {
	if resp.ContentLength < 0 || resp.ContentLength > maxReplyBytes {
		return readUnsizedReply(resp, memory)
	}
	payload := sized(memory, resp.ContentLength)
	_, err := io.ReadFull(resp.Body, payload)
	_ = resp.Body.Close() // the body is read, or reading it has failed
	return payload, err
}

func readUnsizedReply(resp *http.Response, memory []byte) ([]byte, error) {
	payload, err := readUnsized(resp.Body, maxReplyBytes, memory)
	_ = resp.Body.Close() // the body is read, or reading it has failed
	if err != nil {
		return nil, err
	}
	if len(payload) > maxReplyBytes {
		return nil, fmt.Errorf("over %d bytes", maxReplyBytes)
	}
	return payload, nil
}

// apiError turns an error of the Invoke API into a failure. refused is set if Lambda refused the
// credentials.
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

// errorTypeOf returns the type of AWS's error in the response headers; "" for none.
func errorTypeOf(resp *http.Response) string {
	errorType, _, _ := strings.Cut(resp.Header.Get("X-Amzn-Errortype"), ":")
	return errorType
}

// errorText returns the type and the message of AWS's error on one line, fit for a log. If a signature
// is wrong, AWS's message may repeat the request with its session token: such messages are withheld.
func errorText(resp *http.Response, payload []byte, creds *sigv4.Credentials) string {
	var body struct {
		Type    string `json:"__type"`
		Message string `json:"message"` // encoding/json reads "Message" too
	}
	_ = json.Unmarshal(payload, &body) // without a body there is the type in the header
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
	_ = json.Unmarshal(payload, &body) // custom runtimes may send anything
	f := failureOf(causeFunctionError, fmt.Errorf("the function failed (%s %.100q)", kind, body.ErrorType))
	f.payload = payload
	return f
}
