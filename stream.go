package lambda

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/seed05e46011/lambda/internal/eventstream"
)

// stream is the reply of InvokeWithResponseStream on its way to the client.
// https://docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStream.html
type stream struct {
	exchange *exchange
	timer    *time.Timer // ends the call: limits the time to the head first, then each pause
	resp     *http.Response
	frames   *eventstream.Reader

	contentType string // of a stream without a prelude; "" if it has one
	prelude     []byte // received before its end
	head        *reply // nil until it has been received
	chunk       []byte // received, not yet written
	done        bool   // InvokeComplete was received, without an error

	// left is how much of the function's declared Content-Length is still to come; -1 if it declared
	// none. last is the final byte of such a body.
	left int64
	last []byte

	status  int                      // as sent; 0 before
	flusher *http.ResponseController // nil if the response has no body
	broken  bool                     // broke after the status was sent, not by the client
}

// streaming is the handler of a function whose replies are streamed. It uses no decoder, since a stream
// waits for Lambda between chunks.
type streaming struct {
	lambda *Lambda
}

// serve does what Lambda.serve does up to the call. ServeHTTP is generated from it, too.
//
//lambda:worker ServeHTTP
func (h *streaming) serve(w http.ResponseWriter, r *http.Request) {
	l := h.lambda
	ctx, cancel := context.WithCancel(r.Context()) // no context.WithTimeout: see stream.timer
	x := &exchange{lambda: l, w: w, r: r, ctx: ctx, cancel: cancel, done: make(chan bool, 1)}
	s := newStream(x)
	defer endStream(s)
	encode(x)
	callFunction(x)
	if x.panicked {
		raise(x)
	}
	err := writeStream(s)
	req := x.req
	endStream(s)
	if err != nil {
		fail(l, w, req, err)
	}
}

// newStream returns a stream for an exchange that can be cancelled.
func newStream(x *exchange) *stream {
	return &stream{exchange: x, timer: time.AfterFunc(x.lambda.limits.timeout, x.cancel), left: -1}
}

// endStream ends the call, once.
func endStream(s *stream) {
	x := s.exchange
	if x.cancel == nil {
		return
	}
	if s.resp != nil {
		recordStream(s)
		closeStream(s)
	}
	s.timer.Stop()
	if x.req != nil {
		releaseSlot(x.lambda, x.req)
	}
	x.cancel()
	*x = exchange{} // an idle worker still points to it
}

// writeStream writes the reply as it arrives, and flushes whenever it has to wait for more. It returns
// errors up to the head, so that they get a status. After that, all it can do is cut the connection.
//
//lambda:inline
func writeStream(s *stream) error {
	if err := openStream(s); err != nil {
		return err
	}
	if err := readHead(s); err != nil {
		return err
	}
	writeStreamHead(s)
	if s.flusher == nil {
		return nil
	}
	w := s.exchange.w
	for {
		if len(s.chunk) > 0 {
			_, err := w.Write(s.chunk)
			if err != nil {
				abort() // the client has disconnected
			}
		}
		if s.done {
			break
		}
		waits := !s.frames.Ready
		if waits {
			_ = s.flusher.Flush() // fails only if w cannot
			s.timer.Reset(s.exchange.lambda.limits.idleTimeout)
		}
		err := receive(s)
		if err != nil {
			cut(s, err)
		}
		if waits {
			s.timer.Stop()
		}
	}
	_ = s.flusher.Flush() // endStream may wait
	return nil
}

// openStream takes Lambda's response as a stream. It returns why there is none: preparing the call or
// making it failed, or Lambda refused it.
func openStream(s *stream) error {
	x := s.exchange
	if x.prepared != nil && x.resp != nil {
		x.err = accept(x.ctx, x.lambda, x.req, x.prepared, x.resp)
		if x.err == nil && x.lambda.calls.retry != nil {
			endRetries(x)
		}
	}
	retryExchange(x)
	if err := exchangeError(x); err != nil {
		return err
	}
	s.resp = x.resp
	s.frames = eventstream.NewReader(x.resp.Body)
	s.contentType = streamType(x.lambda, x.resp.Header)
	return nil
}

// The content types of streams. Lambda's HTTP response itself is always an eventStreamType;
// X-Amzn-Remapped-Content-Type carries the function's Content-Type.
const (
	eventStreamType = "application/vnd.amazon.eventstream"
	preludeType     = "application/vnd.awslambda.http-integration-response"
)

// streamType returns the content type of a stream that is all body; "" for one that begins with a
// prelude.
func streamType(l *Lambda, header http.Header) string {
	contentType := header.Get("X-Amzn-Remapped-Content-Type")
	if contentType == "" {
		contentType = header.Get("Content-Type")
	}
	mediaType, _, _ := strings.Cut(contentType, ";")
	switch {
	case l.replyFormat.name == replyRaw:
		return l.replies.rawContentType
	case mediaType == preludeType:
		return ""
	case mediaType == "" || mediaType == eventStreamType:
		return defaultStreamType
	}
	return contentType
}

// defaultStreamType is what Function URLs send for a stream without a Content-Type. It is always sent:
// otherwise Go's server would guess, and text from users could be taken as HTML.
const defaultStreamType = "application/octet-stream"

// maxPreludeLen limits the prelude with its delimiter, as API Gateway does:
// https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html
const maxPreludeLen = 16 << 10

var preludeDelimiter = make([]byte, 8)

// readHead waits for the status and the headers of the response, s.head. It leaves what follows of them
// in s.chunk.
//
//lambda:inline
func readHead(s *stream) error {
	for s.head == nil {
		if err := receive(s); err != nil {
			return err
		}
		if s.contentType == "" {
			if err := readPrelude(s); err != nil {
				return err
			}
		} else if len(s.chunk) > 0 || s.done {
			s.head = &reply{status: http.StatusOK, header: http.Header{"Content-Type": {s.contentType}}}
		}
	}
	return nil
}

// readPrelude reads the JSON before the delimiter, which contains the status and the headers.
func readPrelude(s *stream) error {
	if s.done {
		return badReply(errors.New("the stream ends within its prelude"))
	}
	before := len(s.prelude)
	room := maxPreludeLen - before
	if room > len(s.chunk) {
		room = len(s.chunk)
	}
	s.prelude = append(s.prelude, s.chunk[:room]...)
	end := bytes.Index(s.prelude, preludeDelimiter)
	if end < 0 {
		s.chunk = nil
		if before+room == maxPreludeLen {
			return badReply(fmt.Errorf("no delimiter in the first %d bytes", maxPreludeLen))
		}
		return nil
	}
	s.chunk = s.chunk[end+len(preludeDelimiter)-before:]
	head, err := decodePrelude(s.prelude[:end])
	s.prelude = nil
	if err != nil {
		return badReply(err)
	}
	s.head = head
	return expectLength(s)
}

func decodePrelude(prelude []byte) (*reply, error) {
	var object *proxyReply
	if err := json.Unmarshal(prelude, &object); err != nil || object == nil {
		return nil, errors.New("prelude: not a JSON object") // err would repeat the function's text
	}
	status := http.StatusOK
	if object.StatusCode != nil {
		given, err := replyStatus(object.StatusCode)
		if err != nil {
			return nil, err
		}
		status = given
	}
	head := &reply{header: make(http.Header, 8)}
	if err := addHeaders(head.header, object); err != nil {
		return nil, err
	}
	completeReply(head, status, nil, defaultStreamType)
	return head, nil
}

// expectLength makes the stream check the Content-Length that the function declared. It drops a value
// that is not a length, and 0, which would end the response before its body.
func expectLength(s *stream) error {
	header := s.head.header
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
	return countChunk(s)
}

// receive waits for a frame. It sets s.chunk, or s.done after the last one.
//
//lambda:inline
func receive(s *stream) error {
	payload, err := s.frames.Next()
	if err != nil {
		x := s.exchange
		return interrupted(x.ctx, x.req, causeConnection, broke("read the stream", err))
	}
	if s.frames.EventType != "PayloadChunk" || s.frames.MessageType != "event" {
		return receiveOther(s, payload)
	}
	s.exchange.req.replyBytes += len(payload)
	s.chunk = payload
	if s.left >= 0 {
		return countChunk(s)
	}
	return nil
}

// receiveOther takes a frame that is no chunk.
func receiveOther(s *stream, payload []byte) error {
	switch {
	case s.frames.MessageType == "event" && s.frames.EventType == "InvokeComplete":
		return complete(s, payload)
	case s.frames.MessageType == "event":
		return brokenStream(fmt.Errorf("unknown kind of event %.100q", s.frames.EventType))
	case s.frames.MessageType == "exception" || s.frames.MessageType == "error":
		return failureOf(causeServer, fmt.Errorf("Lambda ended the stream: %.100q", s.frames.Exception))
	default:
		return brokenStream(fmt.Errorf("unknown kind of message %.100q", s.frames.MessageType))
	}
}

func brokenStream(err error) error {
	return failureOf(causeConnection, broke("read the stream", err))
}

// countChunk checks s.chunk against the declared Content-Length. It holds back the last byte until the
// function has ended without an error: with that byte the client would take the response as complete.
func countChunk(s *stream) error {
	if len(s.chunk) == 0 {
		return nil
	}
	if int64(len(s.chunk)) > s.left {
		return badReply(errors.New("more bytes than its Content-Length"))
	}
	s.left -= int64(len(s.chunk))
	if s.left == 0 {
		end := len(s.chunk) - 1
		s.last = append(s.last, s.chunk[end]) // a copy: the next frame overwrites the chunk
		s.chunk = s.chunk[:end]
	}
	return nil
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
		logTail(s.exchange.lambda, s.exchange.req, end.LogResult)
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

// writeStreamHead writes the status and the headers. If the response has no body, this is all of it.
func writeStreamHead(s *stream) {
	x := s.exchange
	s.timer.Stop()
	s.status = s.head.status
	header := x.w.Header()
	if x.r.Method == http.MethodHead || bodyless(s.status) {
		x.req.took = time.Since(x.req.began)
		_ = writeReply(x.lambda, x.w, header, x.req, s.head)
		return
	}
	addResponseHeaders(x.lambda, header, x.req, s.head)
	x.w.WriteHeader(s.status)
	s.flusher = http.NewResponseController(x.w)
}

// cut logs why a stream ends before its time, with the status sent before, and cuts the connection behind
// what was written: without a head the client might send the request again.
func cut(s *stream, err error) {
	_ = s.flusher.Flush()
	f := asFailure(err)
	s.broken = f.cause != causeClientGone
	if f.cause == causeTimeout {
		f.err = errors.New("no chunk within idleTimeout")
	}
	logFailure(s.exchange.lambda, s.exchange.req, f, s.status, " connection=aborted")
	abort()
}

// drainTimeout limits the wait for the end of a complete stream.
const drainTimeout = 100 * time.Millisecond

// closeStream frees the connection. It can be used again if Lambda has ended the stream, which shows
// only when its end is read.
func closeStream(s *stream) {
	if s.done {
		s.timer.Reset(drainTimeout)
		_, _ = s.resp.Body.Read(make([]byte, 1))
	}
	_ = s.resp.Body.Close() // the call is over
}
