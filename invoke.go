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
	"time"
)

// maxReplyBytes bounds what is read of an answer of the Lambda API. Lambda itself lets no reply
// over 6 MB pass; the rest is room for other endpoints.
const maxReplyBytes = 8 << 20

// invoke calls the function and returns the payload that it replied.
// https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
func invoke(ctx context.Context, l *Lambda, req *request, event []byte) ([]byte, error) {
	resp, err := call(ctx, l, req, event)
	if err != nil {
		return nil, err
	}
	payload, err := readReply(resp)
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
func callOnce(ctx context.Context, l *Lambda, req *request, event []byte) (*http.Response, error) {
	creds, err := retrieveCredentials(ctx, l.credentials)
	if err != nil {
		return nil, interrupted(ctx, req, causeRefused, err)
	}
	if req.target.region == "" {
		if err := findRegion(ctx, req); err != nil {
			return nil, err
		}
	}
	invocation, err := newInvocation(ctx, req.target, creds, event, req.invocationHeaders)
	if err != nil {
		return nil, failureOf(causeRefused, err)
	}
	resp, err := l.transport.RoundTrip(invocation)
	if err != nil {
		return nil, noAnswer(ctx, req, err)
	}
	if id := resp.Header["X-Amzn-Requestid"]; id != nil {
		req.lambdaRequestID = id[0]
	}
	if !req.target.plain {
		learnProtocol(req.target, resp)
	}
	if resp.StatusCode != l.takenStatus {
		return nil, refusedCall(ctx, l, req, resp, creds)
	}
	return resp, nil
}

// noAnswer is the failure of a call on which the transport has given up.
func noAnswer(ctx context.Context, req *request, err error) error {
	c := causeConnection
	if req.connecting {
		c = causeConnect
	}
	f := asFailure(interrupted(ctx, req, c, broke("call Lambda", err)))
	var netErr net.Error
	f.timeout = errors.As(err, &netErr) && netErr.Timeout()
	return f
}

// setCallHeaders says on the answer which invocation it comes of, and, with serverTiming, how long
// that took. The function's own Server-Timing stays.
func setCallHeaders(l *Lambda, header http.Header, req *request) {
	if req.lambdaRequestID != "" {
		header["X-Amzn-Requestid"] = []string{req.lambdaRequestID}
	}
	if l.serverTiming {
		addServerTiming(header, req)
	}
}

func addServerTiming(header http.Header, req *request) {
	if !req.called.IsZero() {
		milliseconds := float64(time.Since(req.called)) / float64(time.Millisecond)
		header.Add("Server-Timing", "lambda;dur="+strconv.FormatFloat(milliseconds, 'f', 1, 64))
	}
}

// broke says what was done when a connection broke. The error may repeat what the other side has
// written: no more of it than a log can bear.
func broke(doing string, err error) error {
	return fmt.Errorf("%s: %.300s", doing, err.Error())
}

// refusedCall reads why Lambda did not take the call. Redirects are not followed: a signature is
// for one host, and events are for nobody else.
func refusedCall(ctx context.Context, l *Lambda, req *request, resp *http.Response, creds *credentials) error {
	if errorType, _, _ := strings.Cut(resp.Header.Get("X-Amzn-Errortype"), ":"); refusals[errorType] {
		credentialsRefused(l.credentials, creds)
	}
	if resp.StatusCode < http.StatusBadRequest {
		_ = resp.Body.Close() // unread: after 101 it would have no end
		return failureOf(causeRefused, fmt.Errorf("Lambda answered %d, which Invoke never does", resp.StatusCode))
	}
	payload, err := readReply(resp)
	if err != nil && ctx.Err() != nil {
		return interrupted(ctx, req, causeConnection, err)
	}
	return apiError(resp, payload, creds) // with half a body the status still says what happened
}

// newInvocation returns the signed request of the Invoke API. Nothing of the client's request is
// in its head: all of that is in the event. headers are those of renderInvocationHeaders.
func newInvocation(ctx context.Context, t *target, creds *credentials, event []byte, headers http.Header) (*http.Request, error) {
	amzDate := time.Now().UTC().Format(amzDateFormat)
	s, err := signerFor(t, creds, amzDate[:8])
	if err != nil {
		return nil, err
	}
	// NewRequest, not a literal: it sets GetBody, with which the transport tries again where an
	// idle connection turns out to be closed before anything was written to it.
	invocation, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url, bytes.NewReader(event))
	if err != nil {
		return nil, err
	}
	if !t.plain && !resendsSafely(t) {
		invocation.GetBody = nil
	}
	if headers != nil {
		return signWithHeaders(invocation, headers, event, creds, t.region), nil
	}
	invocation.Header = http.Header{
		"X-Amz-Date":    {amzDate},
		"Authorization": {sign(s, event, amzDate)},
		"User-Agent":    userAgent,
	}
	if s.securityToken != nil {
		invocation.Header["X-Amz-Security-Token"] = s.securityToken
	}
	return invocation, nil
}

// signWithHeaders signs an invocation with headers that the options ask for.
func signWithHeaders(invocation *http.Request, headers http.Header, event []byte, creds *credentials, region string) *http.Request {
	invocation.Header = headers.Clone()
	invocation.Header["User-Agent"] = userAgent
	signHTTP(invocation, event, creds, region, "lambda", time.Now())
	return invocation
}

// userAgent names the caller in AWS's own logs. It is not signed.
var userAgent = []string{"traefik-lambda"}

// readReply reads the whole answer and gives the connection back.
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

// apiError turns an error of the Invoke API into its failure.
func apiError(resp *http.Response, payload []byte, creds *credentials) error {
	text := "Lambda answered " + strconv.Itoa(resp.StatusCode) + " " + errorText(resp, payload, creds)
	f := failureOf(causeRefused, errors.New(strings.TrimSpace(text)))
	f.retryAfter = resp.Header.Get("Retry-After")
	switch {
	case resp.StatusCode == http.StatusTooManyRequests:
		f.cause = causeThrottled
		if f.retryAfter == "" {
			f.retryAfter = "1"
		}
	case resp.StatusCode >= http.StatusInternalServerError:
		f.cause = causeServer
	}
	return f
}

// errorText returns the type and the message of an error of AWS, fit for a log: in one line, and
// without what AWS repeats of the request where a signature is wrong, the session token included.
func errorText(resp *http.Response, payload []byte, creds *credentials) string {
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
	for _, secret := range []string{creds.secretAccessKey, creds.sessionToken, "Signature=", "Credential="} {
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
