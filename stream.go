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

// stream is the reply of InvokeWithResponseStream on its way to the client: an io.ReadCloser of
// the reply's body. https://docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStream.html
type stream struct {
	lambda  *Lambda
	req     *request
	ctx     context.Context // ends with the client, the timer, or the answer
	timer   *time.Timer     // ends ctx
	resp    *http.Response
	frames  *eventstream.Reader
	chunk   []byte // received, and not yet read
	done    bool   // InvokeComplete has come, without an error
	drained bool

	// left is how much of the function's own Content-Length has not been received; -1 where it
	// set none. last is the final byte of such a body.
	left int64
	last []byte

	status int  // that was sent, 0 before
	broken bool // not by the client, after the status was sent
}

// serveStreamed serves a request whose reply is streamed, in its own goroutine: it waits for Lambda
// between one chunk and the next.
func serveStreamed(l *Lambda, w http.ResponseWriter, r *http.Request) {
	req := newRequest(l, r)
	err := resolve(l, req)
	if err == nil {
		err = refuseSwitch(r)
	}
	if err == nil {
		err = answerStreamed(l, w, req)
	}
	if err != nil {
		fail(l, w, req, err)
	}
}

// answerStreamed is the way of a request whose reply is written while it comes. An error before
// the first byte is returned, and answered as any other; after it all that is left is to cut the
// connection.
func answerStreamed(l *Lambda, w http.ResponseWriter, req *request) error {
	// No context.WithTimeout: what is timed changes from the head to the pauses after it.
	ctx, cancel := context.WithCancel(req.http.Context())
	defer cancel()
	timer := time.AfterFunc(l.limits.timeout, cancel)
	defer timer.Stop()
	if err := readBody(ctx, l, req); err != nil {
		return err
	}
	if err := encodeEvent(l, req); err != nil {
		return err
	}
	resp, err := call(ctx, l, req) //nolint:bodyclose // s.Close does
	if err != nil {
		return err
	}
	s := newStream(ctx, timer, l, req, resp)
	defer releaseSlot(l, req)
	defer s.Close()
	head, err := readHead(s)
	if err != nil {
		return err
	}
	timer.Stop()
	defer recordStream(s)
	writeStream(w, s, head)
	return nil
}

func newStream(ctx context.Context, timer *time.Timer, l *Lambda, req *request, resp *http.Response) *stream {
	s := &stream{lambda: l, req: req, ctx: ctx, timer: timer, resp: resp, left: -1}
	s.frames = eventstream.NewReader(resp.Body)
	return s
}

// The content types that say what a stream is. Lambda's own answer is always of eventStreamType,
// and has the function's content type in X-Amzn-Remapped-Content-Type.
const (
	eventStreamType = "application/vnd.amazon.eventstream"
	preludeType     = "application/vnd.awslambda.http-integration-response"
)

// readHead receives as much of the stream as the status and the headers need. What follows of
// the body is left in s.chunk.
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

// defaultStreamType is what Function URLs say of a stream of which the function says nothing.
// Never left out: Go's server would guess, and what users sent to a function could become HTML.
const defaultStreamType = "application/octet-stream"

// maxPreludeLen bounds the prelude with its delimiter, as API Gateway does:
// https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html
const maxPreludeLen = 16 << 10

var preludeDelimiter = make([]byte, 8)

// readPrelude reads the JSON before the delimiter, which says status and headers.
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
		return nil, badReply(errors.New("prelude: not a JSON object")) // err repeats what the function wrote
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

// expectLength takes the function's Content-Length at its word, to hold the function to it. One
// that is no length, or is 0 and would end the answer before it began, is dropped.
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

// receive waits for a frame, and leaves its chunk in s.chunk, or sets s.done.
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

// countChunk checks a chunk against the length that the function has declared. The last byte of
// that length stays back until the function has ended well: with it the client would take the
// answer for complete.
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
	s.last = append(s.last, chunk[end]) // a copy: the next frame takes the chunk's place
	return chunk[:end], nil
}

// complete reads how the function has ended.
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

// writeStream writes the head, and then each chunk as it comes. It is compiled code that does
// so: a ReverseProxy without another server behind. It copies, flushes after each Read, and
// panics with the genuine http.ErrAbortHandler where the body fails, which interpreted code
// cannot: Traefik would take a panic of Yaegi's for a crash, and log it as one.
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

// blankRequest is what the ReverseProxy gets to forward: nothing of the client's, that it might
// refuse or obey.
var blankRequest = &http.Request{Method: http.MethodGet, URL: &url.URL{}, Header: http.Header{}}

func keepRequest(_ *httputil.ProxyRequest) {}

// receivedResponse is the transport that answers with what has been received.
type receivedResponse struct{ resp *http.Response }

// RoundTrip returns the response.
func (t *receivedResponse) RoundTrip(_ *http.Request) (*http.Response, error) { return t.resp, nil }

// Read returns what there is of the body, or waits for the next chunk of it, up to idleTimeout.
// Where the stream breaks it logs why, and returns the one error that the ReverseProxy does not
// log a second time.
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

// logBroken logs why a stream was cut, with the status that the client has got before.
func logBroken(s *stream, err error) {
	f := asFailure(err)
	s.broken = f.cause != causeClientGone
	if f.cause == causeTimeout {
		f.err = errors.New("no chunk within idleTimeout")
	}
	logFailure(s.lambda, s.req, f, s.status, " connection=aborted")
}

// drainTimeout bounds the wait for the end of a stream that is complete.
const drainTimeout = 100 * time.Millisecond

// Close ends the call. The connection can be used again where Lambda has ended the stream, which
// only shows when its end is read.
func (s *stream) Close() error {
	if s.done && !s.drained {
		s.drained = true
		s.timer.Reset(drainTimeout)
		_, _ = s.resp.Body.Read(make([]byte, 1))
		s.timer.Stop()
	}
	return s.resp.Body.Close()
}
