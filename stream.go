package lambda

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/seed05e46011/lambda/internal/eventstream"
)

// stream is the reply of InvokeWithResponseStream on its way to the client. It is the io.ReadCloser of
// the response's body.
// https://docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStream.html
type stream struct {
	lambda  *Lambda
	req     *request
	ctx     context.Context // ends with the client, the timer or the request
	timer   *time.Timer     // cancels ctx
	resp    *http.Response
	frames  *eventstream.Reader
	chunk   []byte // received, not yet read
	done    bool   // InvokeComplete was received, without an error
	drained bool

	// left is how much of the function's declared Content-Length is still to come; -1 if it declared
	// none. last is the final byte of such a body.
	left int64
	last []byte

	status int  // as sent; 0 before
	broken bool // broke after the status was sent, not by the client
}

// streaming is the handler of a function whose replies are streamed. It uses no decoder, since a stream
// waits for Lambda between chunks.
type streaming struct {
	lambda *Lambda
}

// ServeHTTP does what serve does up to the call.
func (s *streaming) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l := s.lambda
	// No context.WithTimeout: the timer limits the time to the head first, then each pause.
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	timer := time.AfterFunc(l.limits.timeout, cancel)
	defer timer.Stop()
	x := &exchange{lambda: l, w: w, r: r, ctx: ctx, cancel: cancel, done: make(chan bool, 1)}
	encode(x)
	callFunction(x)
	if x.panicked {
		raise(x)
	}
	if err := answerStreamed(x, timer); err != nil {
		fail(l, w, x.req, err)
	}
	*x = exchange{} // an idle worker still points to it
}

// answerStreamed writes the reply as it arrives. It returns errors up to the first byte, so that they
// get a status. After that, all it can do is cut the connection.
func answerStreamed(x *exchange, timer *time.Timer) error {
	defer releaseSlot(x.lambda, x.req)
	resp, err := acceptedResponse(x) //nolint:bodyclose // s.Close does
	if err != nil {
		return err
	}
	s := newStream(x.ctx, timer, x.lambda, x.req, resp)
	defer s.Close()
	head, err := readHead(s)
	if err != nil {
		return err
	}
	timer.Stop()
	defer recordStream(s)
	writeStream(x.w, s, head)
	return nil
}

// acceptedResponse returns Lambda's response, or why there is none: preparing the call or making it
// failed, or Lambda refused it.
func acceptedResponse(x *exchange) (*http.Response, error) {
	if err := exchangeError(x); err != nil {
		return nil, err
	}
	if x.prepared != nil {
		if err := accept(x.ctx, x.lambda, x.req, x.prepared, x.resp); err != nil {
			return nil, err
		}
	}
	return x.resp, nil
}

func newStream(ctx context.Context, timer *time.Timer, l *Lambda, req *request, resp *http.Response) *stream {
	s := &stream{lambda: l, req: req, ctx: ctx, timer: timer, resp: resp, left: -1}
	s.frames = eventstream.NewReader(resp.Body)
	return s
}

// The content types of streams. Lambda's HTTP response itself is always an eventStreamType;
// X-Amzn-Remapped-Content-Type carries the function's Content-Type.
const (
	eventStreamType = "application/vnd.amazon.eventstream"
	preludeType     = "application/vnd.awslambda.http-integration-response"
)

// readHead receives the status and the headers of a stream. It leaves what it received of the body in
// s.chunk.
func readHead(s *stream) (*reply, error) {
	contentType := s.resp.Header.Get("X-Amzn-Remapped-Content-Type")
	if contentType == "" {
		contentType = s.resp.Header.Get("Content-Type")
	}
	mediaType, _, _ := strings.Cut(contentType, ";")
	switch {
	case s.lambda.replyFormat.name == replyRaw:
		contentType = s.lambda.replies.rawContentType
	case mediaType == preludeType:
		return readPrelude(s)
	case mediaType == "" || mediaType == eventStreamType:
		contentType = defaultStreamType
	}
	for len(s.chunk) == 0 && !s.done {
		if err := receive(s); err != nil {
			return nil, err
		}
	}
	return &reply{status: http.StatusOK, header: http.Header{"Content-Type": {contentType}}}, nil
}

// defaultStreamType is what Function URLs send for a stream without a Content-Type. It is always sent:
// otherwise Go's server would guess, and text from users could be taken as HTML.
const defaultStreamType = "application/octet-stream"

// maxPreludeLen limits the prelude with its delimiter, as API Gateway does:
// https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html
const maxPreludeLen = 16 << 10

var preludeDelimiter = make([]byte, 8)

// readPrelude reads the JSON before the delimiter, which contains the status and the headers.
func readPrelude(s *stream) (*reply, error) {
	var received []byte
	for {
		if err := receive(s); err != nil {
			return nil, err
		}
		if s.done {
			return nil, badReply(errors.New("the stream ends within its prelude"))
		}
		room := maxPreludeLen - len(received)
		if room > len(s.chunk) {
			room = len(s.chunk)
		}
		before := len(received)
		received = append(received, s.chunk[:room]...)
		if end := bytes.Index(received, preludeDelimiter); end >= 0 {
			s.chunk = s.chunk[end+len(preludeDelimiter)-before:]
			return decodePrelude(s, received[:end])
		}
		if len(received) == maxPreludeLen {
			return nil, badReply(fmt.Errorf("no delimiter in the first %d bytes", maxPreludeLen))
		}
	}
}

func decodePrelude(s *stream, prelude []byte) (*reply, error) {
	var object *proxyReply
	if err := json.Unmarshal(prelude, &object); err != nil || object == nil {
		return nil, badReply(errors.New("prelude: not a JSON object")) // err would repeat the function's text
	}
	status := http.StatusOK
	if object.StatusCode != nil {
		given, err := replyStatus(object.StatusCode)
		if err != nil {
			return nil, badReply(err)
		}
		status = given
	}
	head := &reply{header: make(http.Header, 8)}
	err := addAllHeaders(head.header, object)
	if err != nil {
		return nil, badReply(err)
	}
	completeReply(head, status, nil, defaultStreamType)
	return head, expectLength(s, head.header)
}

// expectLength makes the stream check the Content-Length that the function declared. It drops a value
// that is not a length, and 0, which would end the response before its body.
func expectLength(s *stream, header http.Header) error {
	declared := header["Content-Length"]
	if len(declared) != 1 {
		delete(header, "Content-Length")
		return nil
	}
	length, err := strconv.ParseUint(declared[0], 10, 63)
	if err != nil || length == 0 {
		delete(header, "Content-Length")
		return nil
	}
	s.left = int64(length)
	chunk, err := countChunk(s, s.chunk)
	s.chunk = chunk
	return err
}

// receive waits for a frame. It sets s.chunk, or s.done after the last one.
func receive(s *stream) error {
	payload, err := s.frames.Next()
	if err != nil {
		return interrupted(s.ctx, s.req, causeConnection, broke("read the stream", err))
	}
	switch s.frames.MessageType {
	case "event":
		return receiveEvent(s, payload)
	case "exception", "error":
		return failureOf(causeServer, fmt.Errorf("Lambda ended the stream: %.100q", s.frames.Exception))
	default:
		return brokenStream(fmt.Errorf("unknown kind of message %.100q", s.frames.MessageType))
	}
}

func receiveEvent(s *stream, payload []byte) error {
	switch s.frames.EventType {
	case "PayloadChunk":
		s.req.replyBytes += len(payload)
		chunk, err := countChunk(s, payload)
		s.chunk = chunk
		return err
	case "InvokeComplete":
		return complete(s, payload)
	default:
		return brokenStream(fmt.Errorf("unknown kind of event %.100q", s.frames.EventType))
	}
}

func brokenStream(err error) error {
	return failureOf(causeConnection, broke("read the stream", err))
}

// countChunk checks a chunk against the declared Content-Length. It holds back the last byte until the
// function has ended without an error: with that byte the client would take the response as complete.
func countChunk(s *stream, chunk []byte) ([]byte, error) {
	if s.left < 0 || len(chunk) == 0 {
		return chunk, nil
	}
	if int64(len(chunk)) > s.left {
		return nil, badReply(errors.New("more bytes than its Content-Length"))
	}
	s.left -= int64(len(chunk))
	if s.left > 0 {
		return chunk, nil
	}
	end := len(chunk) - 1
	s.last = append(s.last, chunk[end]) // a copy: the next frame overwrites the chunk
	return chunk[:end], nil
}

// complete reads whether the function ended well.
func complete(s *stream, payload []byte) error {
	var end struct {
		ErrorCode    string `json:"ErrorCode"`
		ErrorDetails string `json:"ErrorDetails"`
		LogResult    string `json:"LogResult"`
	}
	if len(payload) > 0 {
		if err := json.Unmarshal(payload, &end); err != nil {
			return brokenStream(errors.New("InvokeComplete is not JSON"))
		}
	}
	if end.ErrorCode != "" {
		logTail(s.lambda, s.req, end.LogResult)
		f := failureOf(causeFunctionError, fmt.Errorf("the function failed (%.100q)", end.ErrorCode))
		f.payload = []byte(end.ErrorDetails)
		return f
	}
	if s.left > 0 {
		return badReply(fmt.Errorf("%d bytes fewer than its Content-Length", s.left))
	}
	s.done = true
	s.chunk = s.last
	return nil
}

// writeStream writes the head, then each chunk as it arrives, with a ReverseProxy that has no server
// behind it. It copies, flushes after each Read, and panics with the genuine http.ErrAbortHandler if
// the body fails. Interpreted code cannot do that: Traefik would report a panic from Yaegi as a crash.
func writeStream(w http.ResponseWriter, s *stream, head *reply) {
	r := s.req.http
	s.status = head.status
	if r.Method == http.MethodHead || bodyless(head.status) {
		s.req.took = time.Since(s.req.began)
		writeReply(s.lambda, w, w.Header(), s.req, head)
		return
	}
	setCallHeaders(s.lambda, head.header, s.req)
	resp := &http.Response{StatusCode: head.status, Header: head.header, ContentLength: -1}
	resp.Body = s
	proxy := &httputil.ReverseProxy{Rewrite: keepRequest, FlushInterval: -1}
	proxy.Transport = &receivedResponse{resp}
	proxy.ServeHTTP(w, blankRequest.WithContext(r.Context()))
}

// blankRequest is the request that the ReverseProxy forwards. It contains nothing of the client's that
// a ReverseProxy could refuse or act on.
var blankRequest = &http.Request{Method: http.MethodGet, URL: &url.URL{}, Header: http.Header{}}

func keepRequest(_ *httputil.ProxyRequest) {}

// receivedResponse is a transport that returns a response received before.
type receivedResponse struct{ resp *http.Response }

// RoundTrip returns the response.
func (t *receivedResponse) RoundTrip(_ *http.Request) (*http.Response, error) { return t.resp, nil }

// Read returns available bytes of the body, or waits up to idleTimeout for the next chunk. If the
// stream breaks it logs the reason, and returns the one error that the ReverseProxy does not log again.
func (s *stream) Read(p []byte) (int, error) {
	for len(s.chunk) == 0 {
		if s.done {
			return 0, io.EOF
		}
		s.timer.Reset(s.lambda.limits.idleTimeout)
		err := receive(s)
		s.timer.Stop()
		if err != nil {
			logBroken(s, err)
			return 0, context.Canceled
		}
	}
	n := copy(p, s.chunk)
	s.chunk = s.chunk[n:]
	return n, nil
}

// logBroken logs why a stream was cut, with the status sent before.
func logBroken(s *stream, err error) {
	f := asFailure(err)
	s.broken = f.cause != causeClientGone
	if f.cause == causeTimeout {
		f.err = errors.New("no chunk within idleTimeout")
	}
	logFailure(s.lambda, s.req, f, s.status, " connection=aborted")
}

// drainTimeout limits the wait for the end of a complete stream.
const drainTimeout = 100 * time.Millisecond

// Close ends the call. The connection can be used again if Lambda has ended the stream, which shows
// only when its end is read.
func (s *stream) Close() error {
	if s.done && !s.drained {
		s.drained = true
		s.timer.Reset(drainTimeout)
		_, _ = s.resp.Body.Read(make([]byte, 1))
		s.timer.Stop()
	}
	return s.resp.Body.Close()
}
