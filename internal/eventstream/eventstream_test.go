package eventstream

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/seed05e46011/lambda/internal/eventstream/eventstreamtest"
)

func readFrames(frames ...[]byte) *Reader {
	return NewReader(bytes.NewReader(bytes.Join(frames, nil)))
}

func TestNextSkipsHeadersOfEveryType(t *testing.T) {
	headers := "\x01a\x00" + "\x01b\x01" + "\x01c\x02\x07" + "\x01d\x03\x00\x07" + "\x01e\x04\x00\x00\x00\x07" +
		"\x01f\x05\x00\x00\x00\x00\x00\x00\x00\x07" + "\x01g\x06\x00\x02\x00\x01" + "\x01h\x07\x00\x02hi" +
		"\x01i\x08\x00\x00\x00\x00\x00\x00\x00\x07" + "\x01j\x09" + strings.Repeat("u", 16) +
		// The right name, but no string: that is another header.
		"\x0b:event-type\x06\x00\x05bytes"
	own := eventstreamtest.Headers(":message-type", "event", ":event-type", "PayloadChunk")
	for _, block := range []string{headers + string(own), string(own) + headers} {
		r := readFrames(eventstreamtest.RawFrame([]byte(block), "payload"))
		payload, err := r.Next()
		if err != nil || string(payload) != "payload" || r.MessageType != "event" || r.EventType != "PayloadChunk" {
			t.Errorf("got %q, %q, %q, %v", payload, r.MessageType, r.EventType, err)
		}
	}
}

func TestNextForgetsTheHeadersBefore(t *testing.T) {
	r := readFrames(eventstreamtest.Chunk("a"),
		eventstreamtest.Frame("", ":message-type", "exception", ":exception-type", "E"),
		eventstreamtest.RawFrame(nil, ""), eventstreamtest.Chunk("b"))
	var got []string
	for {
		_, err := r.Next()
		if errors.Is(err, ErrEnd) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, r.MessageType+"/"+r.EventType+"/"+r.Exception)
	}
	if all := strings.Join(got, " "); all != "event/PayloadChunk/ exception//E // event/PayloadChunk/" {
		t.Errorf("got %s", all)
	}
}

func TestNextBoundsItsMemory(t *testing.T) {
	r := readFrames(eventstreamtest.Head(MaxFrame+1, 0))
	if _, err := r.Next(); err == nil || cap(r.buffer) > 100 {
		t.Errorf("got %v, with %d bytes taken", err, cap(r.buffer))
	}
	largest := eventstreamtest.RawFrame(nil, strings.Repeat("x", MaxFrame-frameOverhead))
	r = readFrames(eventstreamtest.RawFrame(nil, strings.Repeat("x", MaxFrame-frameOverhead-1)), largest)
	for i := 0; i < 2; i++ {
		if _, err := r.Next(); err != nil || cap(r.buffer) > MaxFrame {
			t.Errorf("got %v, with %d bytes taken", err, cap(r.buffer))
		}
	}
}

func TestNextReadsFromAReaderOfSingleBytes(t *testing.T) {
	r := NewReader(&oneByteReader{source: bytes.NewReader(eventstreamtest.Chunk("hello"))})
	if payload, err := r.Next(); err != nil || string(payload) != "hello" {
		t.Errorf("got %q, %v", payload, err)
	}
}

// oneByteReader returns a byte a read.
type oneByteReader struct{ source io.Reader }

func (r *oneByteReader) Read(p []byte) (int, error) { return r.source.Read(p[:1]) }
