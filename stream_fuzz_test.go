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
	"github.com/seed05e46011/lambda/internal/logline"
)

// newReceived returns a stream that has arrived, cut into chunks as splits defines.
func newReceived(whole []byte, splits ...int) *stream {
	var wire []byte
	for _, split := range splits {
		if split >= 0 && split <= len(whole) {
			wire = append(wire, chunkFrame(string(whole[:split]))...)
			whole = whole[split:]
		}
	}
	wire = append(append(wire, chunkFrame(string(whole))...), ends()...)
	logger, _ := logline.New(logline.FormatText) // a valid format
	s := &stream{
		lambda: &Lambda{name: "lambda@test", log: logger, limits: limitSettings{idleTimeout: time.Hour}, replyFormat: &objectReplies},
		req:    &request{http: httptest.NewRequest(http.MethodGet, "/", http.NoBody)},
		ctx:    context.Background(),
		timer:  time.NewTimer(time.Hour),
		resp:   &http.Response{Header: http.Header{"Content-Type": {preludeType}}, Body: io.NopCloser(bytes.NewReader(wire))},
		left:   -1,
	}
	s.frames = eventstream.NewReader(s.resp.Body)
	return s
}

// FuzzPrelude checks that the division of a reply into frames changes nothing, and that no head is
// accepted that cannot be written.
func FuzzPrelude(f *testing.F) {
	for _, bad := range badHeads {
		f.Add(bytes.Join(bad.pieces, nil), 5, 5)
	}
	f.Add([]byte("{\"statusCode\":404,\"headers\":{\"a\":\"b\"}}\x00\x00\x00\x00\x00\x00\x00\x00hello"), 36, 40)
	f.Add([]byte("{\"headers\":{\"content-length\":\"1\"}}\x00\x00\x00\x00\x00\x00\x00\x00"), 3, -1) // too few bytes
	f.Add([]byte("{\"headers\":{\"content-length\":\"5\"}}\x00\x00\x00\x00\x00\x00\x00\x00hello"), 3, 2)
	f.Fuzz(func(t *testing.T, whole []byte, first, second int) {
		discardLog(t)
		atOnce := newReceived(whole)
		want, wantErr := readHead(atOnce)
		inPieces := newReceived(whole, first, second)
		got, gotErr := readHead(inPieces)
		if wantErr == nil && gotErr == nil && got.status != want.status {
			t.Fatalf("got status %d in pieces, want %d as at once", got.status, want.status)
		}
		if wantErr != nil || gotErr != nil {
			if gotErr == nil { // an error in the body may appear only after the head
				if _, gotErr = io.ReadAll(inPieces); gotErr == nil {
					t.Fatalf("got no error in pieces, want %v as at once", wantErr)
				}
			}
			return
		}
		if want.status < 200 || want.status > 599 {
			t.Errorf("got status %d, want 200 to 599", want.status)
		}
		wantBody, wantErr := io.ReadAll(atOnce)
		gotBody, gotErr := io.ReadAll(inPieces)
		if (wantErr == nil) != (gotErr == nil) || (gotErr == nil && !bytes.Equal(wantBody, gotBody)) {
			t.Errorf("got %q, %v in pieces, want %q, %v as at once", gotBody, gotErr, wantBody, wantErr)
		}
		if _, body, _ := bytes.Cut(whole, preludeDelimiter); gotErr == nil && !bytes.Equal(body, gotBody) {
			t.Errorf("got body %q, want the one in %q", gotBody, whole)
		}
	})
}
