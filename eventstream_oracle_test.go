/*
+build compiled

Yaegi heeds the line above, in a block comment too, and leaves this file out; Go does not. The
tests here compare with AWS's own codec, and fuzz, both of which only need to run compiled.
*/

package lambda

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
)

// encoded returns messages as AWS's encoder writes them.
func encoded(tb testing.TB, messages ...eventstream.Message) []byte {
	tb.Helper()
	var wire bytes.Buffer
	encoder := eventstream.NewEncoder()
	for _, m := range messages {
		if err := encoder.Encode(&wire, m); err != nil {
			tb.Fatal(err)
		}
	}
	return wire.Bytes()
}

// randomMessage returns a message with headers of every type, in any order, and a payload.
func randomMessage(random *rand.Rand) eventstream.Message {
	values := map[string]eventstream.Value{
		":message-type":   eventstream.StringValue(pick(random, "event", "exception", "error")),
		":event-type":     eventstream.StringValue(pick(random, "PayloadChunk", "InvokeComplete", "")),
		":exception-type": eventstream.StringValue(randomText(random, random.Intn(300))),
		"true":            eventstream.BoolValue(true),
		"false":           eventstream.BoolValue(false),
		"byte":            eventstream.Int8Value(int8(random.Intn(256) - 128)),
		"i16":             eventstream.Int16Value(int16(random.Intn(1 << 15))),
		"i32":             eventstream.Int32Value(random.Int31()),
		"i64":             eventstream.Int64Value(random.Int63()),
		"bytes":           eventstream.BytesValue([]byte(randomText(random, random.Intn(2000)))),
		"time":            eventstream.TimestampValue(time.UnixMilli(random.Int63n(1 << 40))),
		"uuid":            eventstream.UUIDValue{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
	}
	m := eventstream.Message{Payload: []byte(randomText(random, random.Intn(70000)))}
	for name, value := range values { // a map: the order differs each time
		if random.Intn(4) > 0 {
			m.Headers.Set(name, value)
		}
	}
	return m
}

// stringHeader returns a header as a frameReader has it: "" for none, and for one of another type.
func stringHeader(h eventstream.Headers, name string) string {
	last := ""
	for _, header := range h { // not Get: the last one counts
		if text, ok := header.Value.(eventstream.StringValue); ok && header.Name == name {
			last = string(text)
		}
	}
	return last
}

func TestFramesOfAWSsEncoderAreRead(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	var messages []eventstream.Message
	for i := 0; i < 500; i++ {
		messages = append(messages, randomMessage(random))
	}
	r := readFrames(encoded(t, messages...))
	for i, m := range messages {
		payload, err := nextFrame(r)
		if err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
		if !bytes.Equal(payload, m.Payload) ||
			r.messageType != stringHeader(m.Headers, ":message-type") ||
			r.eventType != stringHeader(m.Headers, ":event-type") ||
			r.exception != stringHeader(m.Headers, ":exception-type") {
			t.Errorf("frame %d: got %d bytes, %q %q %q; want %d bytes, %v",
				i, len(payload), r.messageType, r.eventType, r.exception, len(m.Payload), m.Headers)
		}
	}
	if _, err := nextFrame(r); !errors.Is(err, errNoFrame) {
		t.Errorf("at the end: %v", err)
	}
}

// FuzzNextFrame reads what anybody may send, and holds it against AWS's decoder.
func FuzzNextFrame(f *testing.F) {
	random := rand.New(rand.NewSource(1))
	f.Add(encoded(f, randomMessage(random), randomMessage(random)))
	f.Add(chunkFrame("hello"))
	for _, bad := range badFrames {
		f.Add(bytes.Join(bad.pieces, nil))
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		ours := readFrames(wire)
		theirs := bytes.NewReader(wire)
		decoder := eventstream.NewDecoder()
		for {
			payload, err := nextFrame(ours)
			if cap(ours.buffer) > maxFrameLen {
				t.Fatalf("%d bytes taken", cap(ours.buffer))
			}
			if err != nil {
				return // theirs may take what is longer or, with lengths that contradict each other, anything
			}
			m, err := decoder.Decode(theirs, nil)
			if err != nil {
				t.Fatalf("AWS's decoder refuses what is taken here: %v", err)
			}
			if !bytes.Equal(payload, m.Payload) || ours.messageType != stringHeader(m.Headers, ":message-type") {
				t.Fatalf("got %q of %q, want %q of %v", payload, ours.messageType, m.Payload, m.Headers)
			}
		}
	})
}

// newReceived returns a stream that has arrived, of chunks that end where splits says.
func newReceived(whole []byte, splits ...int) *stream {
	var wire []byte
	for _, split := range splits {
		if split >= 0 && split <= len(whole) {
			wire = append(wire, chunkFrame(string(whole[:split]))...)
			whole = whole[split:]
		}
	}
	wire = append(append(wire, chunkFrame(string(whole))...), ends()...)
	s := &stream{
		lambda: &Lambda{name: "lambda@test", idleTimeout: time.Hour},
		req:    &request{http: httptest.NewRequest(http.MethodGet, "/", http.NoBody)},
		ctx:    context.Background(),
		timer:  time.NewTimer(time.Hour),
		resp:   &http.Response{Header: http.Header{"Content-Type": {preludeType}}, Body: io.NopCloser(bytes.NewReader(wire))},
		left:   -1,
	}
	s.frames.source = s.resp.Body
	return s
}

// FuzzPrelude checks that how a reply is cut into frames changes nothing, and that no head passes
// that cannot be written.
func FuzzPrelude(f *testing.F) {
	for _, bad := range badHeads {
		f.Add(bytes.Join(bad.pieces, nil), 5, 5)
	}
	f.Add([]byte("{\"statusCode\":404,\"headers\":{\"a\":\"b\"}}\x00\x00\x00\x00\x00\x00\x00\x00hello"), 36, 40)
	f.Add([]byte("{\"headers\":{\"content-length\":\"5\"}}\x00\x00\x00\x00\x00\x00\x00\x00hello"), 3, 2)
	f.Fuzz(func(t *testing.T, whole []byte, first, second int) {
		discardLog(t)
		atOnce := newReceived(whole)
		want, wantErr := readHead(atOnce)
		inPieces := newReceived(whole, first, second)
		got, gotErr := readHead(inPieces)
		if wantErr == nil && gotErr == nil && got.status != want.status {
			t.Fatalf("status %d in pieces, %d at once", got.status, want.status)
		}
		if wantErr != nil || gotErr != nil {
			if gotErr == nil { // what is wrong with the body may only show after the head
				if _, gotErr = io.ReadAll(inPieces); gotErr == nil {
					t.Fatalf("taken in pieces, refused at once: %v", wantErr)
				}
			}
			return
		}
		if want.status < 200 || want.status > 599 {
			t.Errorf("status %d", want.status)
		}
		wantBody, wantErr := io.ReadAll(atOnce)
		gotBody, gotErr := io.ReadAll(inPieces)
		if (wantErr == nil) != (gotErr == nil) || (gotErr == nil && !bytes.Equal(wantBody, gotBody)) {
			t.Errorf("got %q, %v in pieces, %q, %v at once", gotBody, gotErr, wantBody, wantErr)
		}
		if _, body, _ := bytes.Cut(whole, preludeDelimiter); gotErr == nil && !bytes.Equal(body, gotBody) {
			t.Errorf("got %q of %q", gotBody, whole)
		}
	})
}
