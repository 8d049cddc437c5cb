package lambdalocal

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream/eventstreamapi"
)

const (
	// maxStream is what a function may stream: 200 MB, and the 16 KB that its prelude may have.
	maxStream = 200<<20 + 16<<10
	// streamBuffer is the most that goes into one PayloadChunk.
	streamBuffer = 64 << 10

	contentTypeEventStream = "application/vnd.amazon.eventstream"
	contentTypeOctetStream = "application/octet-stream"
)

// stream is the reply to InvokeWithResponseStream:
// https://docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStream.html
type stream struct {
	w          http.ResponseWriter
	controller *http.ResponseController
	encoder    *eventstream.Encoder
	version    string
	// generic is [Config.GenericStreamType].
	generic bool
	started bool
}

// invokeAndStream runs the function and passes its reply on while it is written. Whatever happens to the
// function after it was called is told by the event at the end: the status is 200.
func (s *Server) invokeAndStream(w http.ResponseWriter, r *http.Request, f *function, c *call) (string, *apiError) {
	out := &stream{
		w: w, controller: http.NewResponseController(w), encoder: eventstream.NewEncoder(),
		version: c.id.executedVersion(), generic: s.config.GenericStreamType,
	}
	c.invocation.consume = out.copy
	callerIsThere := context.AfterFunc(r.Context(), func() { s.records.cancel(f.name) })
	failure, refusal := f.invoke(c.invocation)
	if !callerIsThere() {
		return "caller gone", nil
	}
	if refusal != nil {
		return "", refusal
	}
	out.complete(failure, c.invocation)
	if failure != nil {
		return "200 InvokeComplete " + failure.errorType(), nil
	}
	return "200 InvokeComplete", nil
}

// copy makes a PayloadChunk of every read from the function. It reads on when the caller is gone: the function
// does not notice, as in AWS.
func (s *stream) copy(contentType string, body io.Reader) *functionError {
	s.start(contentType)
	buffer := make([]byte, streamBuffer)
	callerGone := false
	for total := 0; ; {
		n, err := body.Read(buffer)
		total += n
		if total > maxStream {
			return responseTooLarge(maxStream)
		}
		if n > 0 && !callerGone {
			callerGone = s.send("PayloadChunk", contentTypeOctetStream, buffer[:n]) != nil
		}
		if failure := (*functionError)(nil); errors.As(err, &failure) {
			return failure
		}
		if err != nil {
			return nil
		}
	}
}

// start sends the head. The function's content type travels as that of the reply, which AWS's service model
// names ResponseStreamContentType: it tells the caller whether there is a prelude.
func (s *stream) start(contentType string) {
	s.started = true
	if contentType == "" {
		contentType = contentTypeOctetStream
	}
	if s.generic {
		contentType = contentTypeEventStream
	}
	h := s.w.Header()
	h.Set("Content-Type", contentType)
	h.Set("X-Amz-Executed-Version", s.version)
	s.w.WriteHeader(http.StatusOK)
	_ = s.controller.Flush()
}

// complete ends the stream with the function's error, if there is one, and its log, if it was asked for.
func (s *stream) complete(failure *functionError, inv *invocation) {
	if !s.started {
		s.start(contentTypeEventStream)
	}
	var end struct {
		ErrorCode    string `json:",omitempty"`
		ErrorDetails string `json:",omitempty"`
		LogResult    string `json:",omitempty"`
	}
	if failure != nil {
		end.ErrorCode = failure.errorType()
		end.ErrorDetails = string(failure.payload)
	}
	if inv.logTail {
		end.LogResult = base64.StdEncoding.EncodeToString(inv.log)
	}
	payload, err := json.Marshal(end)
	if err != nil {
		panic(err) // Three strings always marshal.
	}
	_ = s.send("InvokeComplete", "application/json", payload)
}

// send writes an event and flushes it.
func (s *stream) send(eventType, contentType string, payload []byte) error {
	message := eventstream.Message{Payload: payload}
	message.Headers.Set(eventstreamapi.MessageTypeHeader, eventstream.StringValue(eventstreamapi.EventMessageType))
	message.Headers.Set(eventstreamapi.EventTypeHeader, eventstream.StringValue(eventType))
	message.Headers.Set(eventstreamapi.ContentTypeHeader, eventstream.StringValue(contentType))
	if err := s.encoder.Encode(s.w, message); err != nil {
		return fmt.Errorf("write %s: %w", eventType, err)
	}
	return s.controller.Flush()
}
