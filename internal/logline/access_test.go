package logline

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/seed05e46011/lambda/internal/bracket"
)

// logged returns the lines for one request that next serves.
func logged(t *testing.T, next http.HandlerFunc) []string {
	t.Helper()
	var written []string
	now := time.Unix(1_700_000_000, 0)
	h := &accessLog{source: "lambda@file", next: next}
	h.write = func(line string) { written = append(written, line) }
	h.now = func() time.Time {
		now = now.Add(12 * time.Millisecond)
		return now
	}
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/secret?token=x", nil))
	for _, line := range written {
		if !linePattern.MatchString(line) {
			t.Errorf("got %q, which Pattern does not match", line)
		}
	}
	return written
}

func TestRequestsAreLogged(t *testing.T) {
	got := logged(t, func(w http.ResponseWriter, r *http.Request) {
		notes, _ := bracket.NotesIn(r.Context())
		notes.Function = "orders:live"
		notes.Route = "GET /users/{id}"
		notes.RequestID = "7f1c2a90-5a3e"
		notes.CacheResult = "miss"
		notes.AuthorizerResult = "allow"
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write([]byte("hello "))
		_, _ = w.Write([]byte("world"))
	})
	want := `lambda@file: request: function=orders:live route="GET /users/{id}" status=201 requestId=7f1c2a90-5a3e duration=12ms ` +
		`bytes=11 cache=miss authorizer=allow`
	if strings.Join(got, "\n") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRequestsThatNoFunctionAnsweredAreLogged(t *testing.T) {
	got := logged(t, func(_ http.ResponseWriter, _ *http.Request) {})
	want := `lambda@file: request: function=- route=- status=200 requestId=- duration=12ms bytes=0 cache=- authorizer=-`
	if strings.Join(got, "\n") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCutResponsesAreLogged(t *testing.T) {
	var written []string
	h := &accessLog{source: "lambda@file", now: time.Now}
	h.write = func(line string) { written = append(written, line) }
	h.next = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("half"))
		panic(http.ErrAbortHandler) //yaegi:ok panic-abort the test recovers it
	})
	serveAborted(h)
	if len(written) != 1 || !strings.Contains(written[0], "status=200") || !strings.Contains(written[0], "bytes=4") {
		t.Errorf("got %q, want one line with status=200 and bytes=4", written)
	}
}

func serveAborted(h http.Handler) {
	defer func() { _ = recover() }()
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
}
