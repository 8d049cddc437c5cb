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
	if _, err := r.Next(); err == nil || cap(r.buffer) > firstBuffer {
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

func TestNextJoinsFramesThatArriveTogether(t *testing.T) {
	a, b := eventstreamtest.Chunk("a"), eventstreamtest.Chunk("b")
	long := strings.Repeat("l", 2*firstBuffer)
	end := eventstreamtest.Complete("{}")
	broken := eventstreamtest.Flipped(eventstreamtest.Chunk("b"), len(b)-5)
	for name, test := range map[string]struct {
		arrived [][]byte // by read
		want    []string // payloads; with a + if the next one is ready, an error with its text
	}{
		"one by one":                      {[][]byte{a, b, end}, []string{"a", "b", "{}"}},
		"together":                        {[][]byte{a, together(a, b, b), end}, []string{"a", "abb", "{}"}},
		"together, before another kind":   {[][]byte{together(a, b, end)}, []string{"ab+", "{}"}},
		"together with an empty one":      {[][]byte{together(eventstreamtest.Chunk(""), a)}, []string{"a"}},
		"a frame and the next one's head": {[][]byte{together(a, b[:headLength]), b[headLength:]}, []string{"a", "b"}},
		"a frame and a part of the next one's head": {
			[][]byte{together(a, b[:headLength-1]), b[headLength-1:]}, []string{"a", "b"},
		},
		"one that is longer than the buffer": {[][]byte{together(eventstreamtest.Chunk(long), b)}, []string{long, "b"}},
		"a broken one behind others": {
			[][]byte{together(a, b, broken, b)},
			[]string{"ab+", "a frame does not match its checksum", "a frame does not match its checksum"},
		},
		"a broken head behind others": {
			[][]byte{together(a, b, eventstreamtest.Flipped(eventstreamtest.Chunk("b"), 3))},
			[]string{"ab+", "a frame's lengths do not match their checksum"},
		},
		"impossible lengths behind others": {
			[][]byte{together(a, b, eventstreamtest.Head(0, 0))},
			[]string{"ab+", "a frame of 0 bytes with 0 bytes of headers"},
		},
	} {
		r := NewReader(&pieceReader{pieces: test.arrived})
		for i, want := range test.want {
			payload, err := r.Next()
			got := string(payload)
			if err != nil {
				got = err.Error()
			} else if r.Ready {
				got += "+"
			}
			if got != want {
				t.Errorf("%s: %d: got %.30q, want %.30q", name, i, got, want)
			}
		}
	}
}

func together(frames ...[]byte) []byte { return bytes.Join(frames, nil) }

// pieceReader returns at most one of its pieces a read.
type pieceReader struct{ pieces [][]byte }

func (r *pieceReader) Read(p []byte) (int, error) {
	if len(r.pieces) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.pieces[0])
	r.pieces[0] = r.pieces[0][n:]
	if len(r.pieces[0]) == 0 {
		r.pieces = r.pieces[1:]
	}
	return n, nil
}
