/*
+build compiled

Yaegi heeds the line above, in a block comment too, and leaves this file out; Go does not. The
tests here compare with AWS's own codec, and fuzz, both of which only need to run compiled.
*/

package eventstream

import (
	"bytes"
	"errors"
	"math/rand"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"

	"github.com/seed05e46011/lambda/internal/eventstream/eventstreamtest"
)

func pick(random *rand.Rand, choices ...string) string { return choices[random.Intn(len(choices))] }

func randomText(random *rand.Rand, length int) string {
	text := make([]byte, length)
	for i := range text {
		text[i] = byte('a' + random.Intn(26))
	}
	return string(text)
}

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

// stringHeader returns the value of a header as a Reader sees it: "" if it is missing or not a string.
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
		payload, err := r.Next()
		if err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
		if !bytes.Equal(payload, m.Payload) ||
			r.MessageType != stringHeader(m.Headers, ":message-type") ||
			r.EventType != stringHeader(m.Headers, ":event-type") ||
			r.Exception != stringHeader(m.Headers, ":exception-type") {
			t.Errorf("frame %d: got %d bytes, %q %q %q; want %d bytes, %v",
				i, len(payload), r.MessageType, r.EventType, r.Exception, len(m.Payload), m.Headers)
		}
	}
	if _, err := r.Next(); !errors.Is(err, ErrEnd) {
		t.Errorf("at the end: %v", err)
	}
}

// FuzzNext compares the reader with AWS's decoder on arbitrary input.
func FuzzNext(f *testing.F) {
	random := rand.New(rand.NewSource(1))
	f.Add(encoded(f, randomMessage(random), randomMessage(random)))
	f.Add(eventstreamtest.Chunk("hello"))
	f.Add(eventstreamtest.Flipped(eventstreamtest.Chunk("x"), 3))
	f.Add(eventstreamtest.Chunk("hello")[:20])
	for _, headers := range []string{"\x02ab", "\x01a\x0a", "\x01a\x07\x00", "\x01a\x07\x00\x05abcd", "\xffa"} {
		f.Add(eventstreamtest.RawFrame([]byte(headers), ""))
	}
	for _, lengths := range [][]uint32{{0xffffffff, 0}, {MaxFrame + 1, 0}, {0, 0}, {15, 0}, {20, 5}, {100, 0xfffffff0}} {
		f.Add(eventstreamtest.Head(lengths[0], lengths[1]))
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		ours := NewReader(&oneByteReader{source: bytes.NewReader(wire)}) // so that it joins nothing
		theirs := bytes.NewReader(wire)
		decoder := eventstream.NewDecoder()
		var payloads []byte
		for {
			payload, err := ours.Next()
			if cap(ours.buffer) > MaxFrame {
				t.Fatalf("%d bytes taken", cap(ours.buffer))
			}
			if err != nil { // theirs may take what is longer or, with lengths that contradict each other, anything
				checkJoined(t, wire, payloads, err)
				return
			}
			m, err := decoder.Decode(theirs, nil)
			if err != nil {
				t.Fatalf("AWS's decoder refuses what is taken here: %v", err)
			}
			if !bytes.Equal(payload, m.Payload) || ours.MessageType != stringHeader(m.Headers, ":message-type") {
				t.Fatalf("got %q of %q, want %q of %v", payload, ours.MessageType, m.Payload, m.Headers)
			}
			payloads = append(payloads, payload...)
		}
	})
}

// checkJoined checks that frames that arrive together have the payloads and the error that they have one by one.
func checkJoined(t *testing.T, wire, want []byte, wantErr error) {
	t.Helper()
	r := readFrames(wire)
	var got []byte
	for {
		payload, err := r.Next()
		if err == nil {
			got = append(got, payload...)
			continue
		}
		if !bytes.Equal(got, want) || err.Error() != wantErr.Error() {
			t.Fatalf("got %q, %v of frames together, want %q, %v", got, err, want, wantErr)
		}
		return
	}
}
