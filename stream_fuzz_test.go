/*
+build compiled

Yaegi heeds the line above, in a block comment too, and leaves this file out; Go does not. The
tests here fuzz, which only needs to run compiled.
*/

package lambda

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/seed05e46011/lambda/internal/logline"
)

// receivedStream returns the response to a stream that has arrived, cut into chunks as splits defines.
// The error is the one of its head, or errCut.
func receivedStream(whole []byte, splits ...int) (*httptest.ResponseRecorder, error) {
	var wire []byte
	for _, split := range splits {
		if split >= 0 && split <= len(whole) {
			wire = append(wire, chunkFrame(string(whole[:split]))...)
			whole = whole[split:]
		}
	}
	wire = append(append(wire, chunkFrame(string(whole))...), ends()...)
	logger, _ := logline.New(logline.FormatText) // a valid format
	l := &Lambda{name: "lambda@test", log: logger, replyFormat: &objectReplies}
	l.limits = limitSettings{timeout: time.Hour, idleTimeout: time.Hour}
	w := httptest.NewRecorder()
	ctx, cancel := context.WithCancel(context.Background())
	x := &exchange{lambda: l, w: w, r: httptest.NewRequest(http.MethodGet, "/", http.NoBody), ctx: ctx, cancel: cancel}
	x.req = &request{http: x.r}
	x.resp = &http.Response{Header: http.Header{"Content-Type": {preludeType}}, Body: io.NopCloser(bytes.NewReader(wire))}
	return w, writtenStream(newStream(x))
}

var errCut = errors.New("the connection was cut")

func writtenStream(s *stream) (err error) {
	defer func() {
		if recover() != nil {
			err = errCut
		}
	}()
	defer endStream(s)
	return writeStream(s)
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
		want, wantErr := receivedStream(whole)
		got, gotErr := receivedStream(whole, first, second)
		if (wantErr == nil) != (gotErr == nil) { // an error in the body may come only after the head
			t.Fatalf("got %v in pieces, want %v as at once", gotErr, wantErr)
		}
		if gotErr != nil {
			return
		}
		if want.Code < 200 || want.Code > 599 {
			t.Errorf("got status %d, want 200 to 599", want.Code)
		}
		if got.Code != want.Code || !bytes.Equal(got.Body.Bytes(), want.Body.Bytes()) {
			t.Errorf("got %d %q in pieces, want %d %q as at once", got.Code, got.Body, want.Code, want.Body)
		}
		_, body, _ := bytes.Cut(whole, preludeDelimiter)
		if !bodyless(got.Code) && !bytes.Equal(body, got.Body.Bytes()) {
			t.Errorf("got body %q, want the one in %q", got.Body, whole)
		}
	})
}
