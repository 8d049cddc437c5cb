/*
+build compiled

Yaegi heeds the line above, in a block comment too, and leaves this file out; Go does not. The
tests here fuzz, which only needs to run compiled.
*/

package lambda

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/seed05e46011/lambda/internal/eventstream"
)

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
		lambda: &Lambda{name: "lambda@test", limits: limitSettings{idleTimeout: time.Hour}, replyFormat: &objectReplies},
		req:    &request{http: httptest.NewRequest(http.MethodGet, "/", http.NoBody)},
		ctx:    context.Background(),
		timer:  time.NewTimer(time.Hour),
		resp:   &http.Response{Header: http.Header{"Content-Type": {preludeType}}, Body: io.NopCloser(bytes.NewReader(wire))},
		left:   -1,
	}
	s.frames = eventstream.NewReader(s.resp.Body)
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
