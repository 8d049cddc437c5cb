package cache

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestABodyOverTheLimitIsWholeAndNotStored(t *testing.T) {
	for what, declared := range map[string]bool{"declared": true, "chunked": false} {
		for _, function := range []bool{true, false} {
			checkLimit(t, what, declared, function)
		}
	}
}

func checkLimit(t *testing.T, what string, declared, function bool) {
	t.Helper()
	size := 1001
	x := newNamed(t, t.Name()+what+strconv.FormatBool(function), &Config{MaxEntryBytes: 1000}, function,
		func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Cache-Control", "max-age=60")
			if declared {
				w.Header().Set("Content-Length", strconv.Itoa(size))
			}
			_, _ = w.Write([]byte(strings.Repeat("a", size-1)))
			_, _ = w.Write([]byte("b"))
		})
	for i := int64(1); i <= 2; i++ {
		w := get(x, "/")
		if got := w.Body.String(); got != strings.Repeat("a", 1000)+"b" || x.calls != i {
			t.Errorf("%s: got %d bytes after %d calls, want 1001 after %d", what, len(got), x.calls, i)
		}
	}
	letPass(x, time.Minute)
	size = 1000
	get(x, "/")
	if get(x, "/"); x.calls != 3 {
		t.Errorf("%s: got %d calls for a body of 1000 bytes, want it stored by the third", what, x.calls)
	}
}

func TestStreamsReachTheClientPiecewise(t *testing.T) {
	pieces := make(chan string)
	x := newTested(t, &Config{}, false, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("Content-Type", "text/event-stream")
		for piece := range pieces {
			_, _ = w.Write([]byte(piece))
		}
	})
	server := httptest.NewServer(x.handler)
	t.Cleanup(func() { server.Close() }) // deferred, it would wait in Yaegi for a closure that waits for this function
	pieces2 := func() { pieces <- "data: one\n\n" }
	go pieces2()
	response, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	read := make([]byte, 100)
	n, _ := response.Body.Read(read)
	if got := string(read[:n]); got != "data: one\n\n" {
		t.Errorf("got %q, want the first piece before the second is written", got)
	}
	pieces <- "data: two\n\n"
	close(pieces)
	n, _ = response.Body.Read(read)
	if got := string(read[:n]); got != "data: two\n\n" {
		t.Errorf("got %q, want the second piece", got)
	}
}

func TestABrokenResponseIsNotStored(t *testing.T) {
	x := newTested(t, &Config{}, false, func(w http.ResponseWriter, r *http.Request) {
		broken := r.Header.Get("X-Broken") != ""
		w.Header().Set("Cache-Control", "max-age=60")
		if r.URL.Path == "/declared" {
			w.Header().Set("Content-Length", "5")
		}
		_, _ = w.Write([]byte("who"))
		if broken && r.URL.Path == "/chunked" {
			panic(http.ErrAbortHandler) //yaegi:ok panic-abort the connection is cut either way
		}
		if !broken {
			_, _ = w.Write([]byte("le"))
		}
	})
	server := httptest.NewServer(x.handler)
	defer server.Close()
	for _, path := range []string{"/declared", "/chunked"} {
		body(t, server.URL+path, "X-Broken", "yes")
		if got := body(t, server.URL+path); got != "whole" {
			t.Errorf("%s: got %q after a broken response, want the next one", path, got)
		}
	}
	if x.calls != 4 {
		t.Errorf("got %d calls, want 4", x.calls)
	}
}

func body(t *testing.T, url string, header ...string) string {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	setHeader(request.Header, header)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body := make([]byte, 0, 100)
	piece := make([]byte, 100)
	for {
		n, err := response.Body.Read(piece)
		body = append(body, piece[:n]...)
		if err != nil {
			return string(body)
		}
	}
}

// changing is an origin whose response has a validator, and which answers 304 to a request with that validator.
func changing(etag *string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		setHeader(w.Header(), header)
		if r.Header.Get("If-None-Match") == *etag {
			w.Header().Set("Etag", *etag)
			w.Header().Set("X-Validated", "yes")
			w.Header().Set("Content-Type", "text/plain") // of the format, not of the entry
			w.Header().Set("Set-Cookie", "a=b")
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("Etag", *etag)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte("body of " + *etag))
	}
}

func TestA304MakesAnEntryFreshAgain(t *testing.T) {
	for _, function := range []bool{true, false} {
		etag := `"a"`
		name := t.Name() + strconv.FormatBool(function)
		x := newNamed(t, name, &Config{}, function, changing(&etag, "Cache-Control", "max-age=60"))
		get(x, "/")
		letPass(x, 70*time.Second)
		w := get(x, "/")
		wantStatus(t, "validated", w, "; fwd=stale; fwd-status=304; stored; ttl=60")
		for name, want := range map[string]string{
			"Content-Type": "application/json", "X-Validated": "yes", "Set-Cookie": "", "Content-Length": "11", "Etag": `"a"`,
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
		if w.Code != 200 || w.Body.String() != `body of "a"` {
			t.Errorf("got %d %q, want the entry", w.Code, w.Body)
		}
		wantStatus(t, "hit", get(x, "/"), "; hit; ttl=60")
		letPass(x, 70*time.Second)
		etag = `"b"`
		w = get(x, "/")
		wantStatus(t, "changed", w, "; fwd=stale; fwd-status=200; stored; ttl=60")
	}
}

func TestA304OfAnotherResponseIsNotMerged(t *testing.T) {
	calls := 0
	x := newTested(t, &Config{}, true, func(w http.ResponseWriter, r *http.Request) {
		calls++
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("Etag", `"`+strconv.Itoa(calls)+`"`)
		if r.Header.Get("If-None-Match") != "" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = w.Write([]byte(strconv.Itoa(calls)))
	})
	get(x, "/")
	letPass(x, 70*time.Second)
	w := get(x, "/")
	if w.Code != 200 || w.Body.String() != "3" {
		t.Errorf("got %d %q, want what the third call sends, which is unconditional", w.Code, w.Body)
	}
	wantStatus(t, "hit", get(x, "/"), "; hit; ttl=60")
}

func TestConditionsAndRangesAreJudgedOnTheEntry(t *testing.T) {
	for what, row := range map[string]struct {
		header []string
		status int
		body   string
	}{
		"its ETag":                {[]string{"If-None-Match", `"a"`}, 304, ""},
		"another ETag":            {[]string{"If-None-Match", `"b"`}, 200, "0123456789"},
		"its date":                {[]string{"If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"}, 304, ""},
		"an earlier date":         {[]string{"If-Modified-Since", "Sun, 06 Nov 1994 08:49:36 GMT"}, 200, "0123456789"},
		"a range":                 {[]string{"Range", "bytes=2-4"}, 206, "234"},
		"a range from the end":    {[]string{"Range", "bytes=-2"}, 206, "89"},
		"a range that is not":     {[]string{"Range", "bytes=20-"}, 416, "invalid range: failed to overlap\n"},
		"a range of this ETag":    {[]string{"Range", "bytes=2-4", "If-Range", `"a"`}, 206, "234"},
		"a range of another ETag": {[]string{"Range", "bytes=2-4", "If-Range", `"b"`}, 200, "0123456789"},
	} {
		x := newNamed(t, t.Name()+what, &Config{}, true, func(w http.ResponseWriter, _ *http.Request) {
			setHeader(w.Header(), []string{
				"Cache-Control", "max-age=60", "Etag", `"a"`, "Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT",
				"Content-Type", "text/x-own",
			})
			_, _ = w.Write([]byte("0123456789"))
		})
		for i, want := range []string{"miss", "hit"} {
			w := get(x, "/", row.header...)
			if w.Code != row.status || w.Body.String() != row.body {
				t.Errorf("%s, %s: got %d %q, want %d %q", what, want, w.Code, w.Body, row.status, row.body)
			}
			if hit := strings.Contains(w.Header().Get("Cache-Status"), "; hit"); hit != (i == 1) {
				t.Errorf("%s, %s: got Cache-Status %q", what, want, w.Header().Get("Cache-Status"))
			}
		}
	}
}

func TestRangesOfAnEncodedEntry(t *testing.T) {
	x := newTested(t, &Config{}, true, respond(200, "Cache-Control", "max-age=60", "Content-Encoding", "gzip"))
	get(x, "/")
	for what, row := range map[string][3]string{
		"a range": {"Range", "bytes=0-1", "2"},
		"a date":  {"If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT", "6"},
	} {
		w := get(x, "/", row[0], row[1])
		if w.Header().Get("Content-Length") != row[2] || strconv.Itoa(w.Body.Len()) != row[2] {
			t.Errorf("%s: got %q with Content-Length %q, want %s bytes", what, w.Body, w.Header().Get("Content-Length"), row[2])
		}
		if _, typed := w.Header()["Content-Type"]; typed && w.Header().Get("Content-Type") != "" {
			t.Errorf("%s: got Content-Type %q, want none guessed", what, w.Header().Get("Content-Type"))
		}
	}
}

// bridgeRow is a row of TestStaleResponsesBridgeAFailure.
type bridgeRow struct {
	control string
	option  string
	failure http.HandlerFunc
	bridged bool
}

func TestStaleResponsesBridgeAFailure(t *testing.T) {
	for what, row := range map[string]bridgeRow{
		"a throttle":                     {"max-age=60, stale-if-error=60", "", failing(503), true},
		"a timeout":                      {"max-age=60, stale-if-error=60", "", failing(504), true},
		"an error of the function":       {"max-age=60, stale-if-error=60", "", respond(500), true},
		"a page that is gone":            {"max-age=60, stale-if-error=60", "", respond(404), false},
		"the option":                     {"max-age=60", "60s", failing(502), true},
		"the option beside s-maxage":     {"s-maxage=60", "60s", failing(502), false},
		"the directive beside s-maxage":  {"s-maxage=60, stale-if-error=60", "", failing(502), true},
		"a directive against the option": {"max-age=60, stale-if-error=0", "60s", failing(502), false},
		"must-revalidate":                {"max-age=60, must-revalidate", "60s", failing(502), false},
		"proxy-revalidate":               {"max-age=60, proxy-revalidate, stale-if-error=60", "60s", failing(502), false},
		"neither":                        {"max-age=60", "", failing(502), false},
	} {
		for _, function := range []bool{true, false} {
			checkBridge(t, what, row, function)
		}
	}
}

func checkBridge(t *testing.T, what string, row bridgeRow, function bool) {
	t.Helper()
	failed := false
	origin := respond(200, "Cache-Control", row.control)
	config := &Config{StaleIfError: row.option}
	x := newNamed(t, what+strconv.FormatBool(function), config, function, func(w http.ResponseWriter, r *http.Request) {
		if failed {
			row.failure(w, r)
			return
		}
		origin(w, r)
	})
	get(x, "/")
	failed = true
	letPass(x, 70*time.Second)
	w := get(x, "/")
	if bridged := w.Code == 200; bridged != row.bridged {
		t.Errorf("%s: got %d %q, want the stale response %v", what, w.Code, w.Body, row.bridged)
	}
	if !row.bridged {
		return
	}
	if got := w.Header().Get("Cache-Status"); !strings.HasPrefix(got, cacheName+"; fwd=stale; fwd-status=5") ||
		!strings.HasSuffix(got, "; detail=stale-if-error") {
		t.Errorf("%s: got Cache-Status %q, want fwd=stale with the status", what, got)
	}
	wantStatus(t, what+", within a second", get(x, "/"), "; hit; ttl=-10; detail=stale-if-error")
	if x.calls != 2 {
		t.Errorf("%s: got %d calls, want none within a second of the failure", what, x.calls)
	}
	letPass(x, 2*time.Second)
	failed = false
	wantStatus(t, what+", recovered", get(x, "/"), "; fwd=stale; fwd-status=200; stored; ttl=60")
}

func TestOriginStatusStaysWithTheEntry(t *testing.T) {
	x := newTested(t, &Config{}, true, respond(404, "Cache-Control", "max-age=60"))
	get(x, "/")
	r, notes := begun("/")
	x.handler.ServeHTTP(httptest.NewRecorder(), r)
	if notes.OriginStatus != 404 || notes.CacheResult != "hit" {
		t.Errorf("got %+v, want the origin's status 404 and a hit", notes)
	}
}
