package lambda

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

func readFrames(frames ...[]byte) *frameReader {
	return &frameReader{source: bytes.NewReader(bytes.Join(frames, nil))}
}

func TestNextFrameSkipsHeadersOfEveryType(t *testing.T) {
	headers := "\x01a\x00" + "\x01b\x01" + "\x01c\x02\x07" + "\x01d\x03\x00\x07" + "\x01e\x04\x00\x00\x00\x07" +
		"\x01f\x05\x00\x00\x00\x00\x00\x00\x00\x07" + "\x01g\x06\x00\x02\x00\x01" + "\x01h\x07\x00\x02hi" +
		"\x01i\x08\x00\x00\x00\x00\x00\x00\x00\x07" + "\x01j\x09" + strings.Repeat("u", 16) +
		// The right name, but no string: that is another header.
		"\x0b:event-type\x06\x00\x05bytes"
	own := frame("", ":message-type", "event", ":event-type", "PayloadChunk")
	own = own[frameHeadLen : len(own)-4]
	for _, block := range []string{headers + string(own), string(own) + headers} {
		r := readFrames(rawFrame([]byte(block), "payload"))
		payload, err := nextFrame(r)
		if err != nil || string(payload) != "payload" || r.messageType != "event" || r.eventType != "PayloadChunk" {
			t.Errorf("got %q, %q, %q, %v", payload, r.messageType, r.eventType, err)
		}
	}
}

func TestNextFrameForgetsTheHeadersBefore(t *testing.T) {
	r := readFrames(chunkFrame("a"), frame("", ":message-type", "exception", ":exception-type", "E"), rawFrame(nil, ""), chunkFrame("b"))
	var got []string
	for {
		_, err := nextFrame(r)
		if errors.Is(err, errNoFrame) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, r.messageType+"/"+r.eventType+"/"+r.exception)
	}
	if all := strings.Join(got, " "); all != "event/PayloadChunk/ exception//E // event/PayloadChunk/" {
		t.Errorf("got %s", all)
	}
}

func TestNextFrameBoundsItsMemory(t *testing.T) {
	r := readFrames(frameHead(maxFrameLen+1, 0))
	if _, err := nextFrame(r); err == nil || cap(r.buffer) > 100 {
		t.Errorf("got %v, with %d bytes taken", err, cap(r.buffer))
	}
	largest := rawFrame(nil, strings.Repeat("x", maxFrameLen-frameOverhead))
	r = readFrames(rawFrame(nil, strings.Repeat("x", maxFrameLen-frameOverhead-1)), largest)
	for i := 0; i < 2; i++ {
		if _, err := nextFrame(r); err != nil || cap(r.buffer) > maxFrameLen {
			t.Errorf("got %v, with %d bytes taken", err, cap(r.buffer))
		}
	}
}

func TestNextFrameReadsFromAReaderOfSingleBytes(t *testing.T) {
	r := &frameReader{source: &oneByteReader{source: bytes.NewReader(chunkFrame("hello"))}}
	if payload, err := nextFrame(r); err != nil || string(payload) != "hello" {
		t.Errorf("got %q, %v", payload, err)
	}
}

// oneByteReader returns a byte a read.
type oneByteReader struct{ source io.Reader }

func (r *oneByteReader) Read(p []byte) (int, error) { return r.source.Read(p[:1]) }
