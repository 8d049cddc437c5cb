package cache

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// tested is a cache in front of a test's origin.
type tested struct {
	cache   *Cache
	handler http.Handler
	calls   int64

	mutex sync.Mutex
	log   []string
}

// lines returns what the cache has logged.
func (x *tested) lines() []string {
	x.mutex.Lock()
	defer x.mutex.Unlock()
	return append([]string{}, x.log...)
}

func (x *tested) write(line string) {
	x.mutex.Lock()
	x.log = append(x.log, line)
	x.mutex.Unlock()
}

// newTested returns a new cache for a test, in front of a function or of the next handler.
func newTested(t testing.TB, config *Config, function bool, origin http.HandlerFunc) *tested {
	t.Helper()
	return newNamed(t, t.Name(), config, function, origin)
}

func newNamed(t testing.TB, name string, config *Config, function bool, origin http.HandlerFunc) *tested {
	t.Helper()
	life, end := context.WithCancel(context.Background())
	t.Cleanup(end)
	x := &tested{}
	c, err := New(life, config, Core{
		Name:     name,
		Function: function,
		Noted:    true,
		Timeout:  time.Minute,
		Fail:     failWith,
		FallBack: neverFallBack,
		Log:      func(line string) { x.write(line) },
	})
	if err != nil {
		t.Fatal(err)
	}
	x.cache = c
	x.handler = c.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		atomic.AddInt64(&x.calls, 1)
		origin(w, r)
	}))
	return x
}

func failWith(w http.ResponseWriter, _ *http.Request, status int) {
	w.WriteHeader(status)
	_, _ = w.Write([]byte(http.StatusText(status)))
}

func neverFallBack(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusTeapot)
}

// get sends a GET with headers of alternating names and values.
func get(x *tested, target string, header ...string) *httptest.ResponseRecorder {
	return send(x, "GET", target, header...)
}

func send(x *tested, method, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	setHeader(r.Header, header)
	w := httptest.NewRecorder()
	x.handler.ServeHTTP(w, r)
	return w
}

func setHeader(header http.Header, pairs []string) {
	for i := 0; i+1 < len(pairs); i += 2 {
		header.Add(pairs[i], pairs[i+1])
	}
}

// respond returns an origin that sends a status, headers of alternating names and values, and a body
// that counts its calls.
func respond(status int, header ...string) http.HandlerFunc {
	calls := new(int64)
	return func(w http.ResponseWriter, _ *http.Request) {
		n := atomic.AddInt64(calls, 1)
		setHeader(w.Header(), header)
		w.WriteHeader(status)
		if hasBody(status) {
			_, _ = w.Write([]byte("body " + strconv.FormatInt(n, 10)))
		}
	}
}

// letPass makes everything in a cache older.
func letPass(x *tested, d time.Duration) {
	s := x.cache.store
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.hits = map[string]*hit{}
	for _, r := range s.records {
		r.until -= d.Milliseconds()
		if r.kind == recordEntry {
			r.entry.received -= d.Milliseconds()
			r.entry.born -= d.Milliseconds()
			r.entry.freshUntil -= d.Milliseconds()
			r.entry.staleUntil -= d.Milliseconds()
			r.entry.errorUntil -= d.Milliseconds()
			r.entry.retryAt -= d.Milliseconds()
			trust(r.entry, r.entry.trustedUntil-d.Milliseconds())
		}
	}
}

func wantStatus(t *testing.T, what string, w *httptest.ResponseRecorder, want string) {
	t.Helper()
	got := strings.Join(w.Header()["Cache-Status"], ", ")
	if got != cacheName+want && got != cacheName+aSecondLater(want) {
		t.Errorf("%s: got Cache-Status %q, want %q", what, got, cacheName+want)
	}
}

// aSecondLater returns a status as it is where the clock ticks between storing and asking.
func aSecondLater(status string) string {
	before, rest, _ := strings.Cut(status, "ttl=")
	digits, after, more := strings.Cut(rest, ";")
	ttl, err := strconv.Atoi(digits)
	if err != nil {
		return status
	}
	if more {
		after = ";" + after
	}
	return before + "ttl=" + strconv.Itoa(ttl-1) + after
}

func TestAHitIsTheResponseToTheByte(t *testing.T) {
	for _, function := range []bool{true, false} {
		body := strings.Repeat("b\x00\xff", 1000)
		name := t.Name() + strconv.FormatBool(function)
		x := newNamed(t, name, &Config{}, function, func(w http.ResponseWriter, _ *http.Request) {
			header := w.Header()
			header.Set("Cache-Control", "max-age=60")
			header.Set("Content-Type", "application/x-own")
			header["X-Two"] = []string{"one", "two"}
			header.Set("Connection", "X-Hop")
			header.Set("X-Hop", "dropped")
			w.WriteHeader(http.StatusOK)
			_, _ = w.Write([]byte(body))
		})
		first := get(x, "/a?b=c")
		wantStatus(t, "miss", first, "; fwd=uri-miss; stored; ttl=60")
		second := get(x, "/a?b=c")
		wantStatus(t, "hit", second, "; hit; ttl=60")
		if first.Body.String() != body || second.Body.String() != body {
			t.Errorf("got bodies of %d and %d bytes, want %d", first.Body.Len(), second.Body.Len(), len(body))
		}
		for name, want := range map[string]string{
			"Content-Type": "application/x-own", "X-Two": "one,two", "Age": "0", "Content-Length": "3000", "X-Hop": "",
		} {
			if got := strings.Join(second.Header()[name], ","); got != want {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
		if x.calls != 1 {
			t.Errorf("got %d calls of the origin, want 1", x.calls)
		}
		letPass(x, 10*time.Second)
		third := get(x, "/a?b=c")
		wantStatus(t, "later", third, "; hit; ttl=50")
		if got := third.Header().Get("Age"); got != "10" {
			t.Errorf("got Age %q after 10 s, want 10", got)
		}
	}
}

// BenchmarkHit serves a response with ten headers, to a compiled ResponseWriter as Traefik's are.
func BenchmarkHit(b *testing.B) {
	x := newTested(b, &Config{}, true, respond(200,
		"Cache-Control", "public, max-age=60", "Content-Type", "application/json",
		"X-One", "1", "X-Two", "2", "X-Three", "3", "X-Four", "4", "Vary", ""))
	get(x, "/path?a=b", "X-Forwarded-Proto", "https")
	r := httptest.NewRequest("GET", "/path?a=b", nil)
	setHeader(r.Header, []string{"User-Agent", "bench", "Accept", "*/*", "X-Forwarded-Proto", "https"})
	x.cache.core.Noted = false
	w := httptest.NewRecorder()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		w.Body.Reset()
		x.handler.ServeHTTP(w, r)
	}
	if x.calls > 1 { // the store outlives a round of the benchmark
		b.Fatalf("got %d calls, want no more than 1", x.calls)
	}
}

type empty struct{}

func (e *empty) ServeHTTP(_ http.ResponseWriter, _ *http.Request) {}

// BenchmarkEmptyHandler is the baseline of BenchmarkHit.
func BenchmarkEmptyHandler(b *testing.B) {
	var handler http.Handler = &empty{}
	r := httptest.NewRequest("GET", "/path?a=b", nil)
	w := httptest.NewRecorder()
	for i := 0; i < b.N; i++ {
		w.Body.Reset()
		handler.ServeHTTP(w, r)
	}
}
