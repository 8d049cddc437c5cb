package edge

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

func TestGeneratedResponses(t *testing.T) {
	fits := strings.Repeat("x", 40<<10)
	cases := map[string]struct {
		reply  string
		status int
		header http.Header // a nil value for a header that must not be there
		body   string
	}{
		"a redirection with cookies": {
			redirect, 302,
			http.Header{"Location": {"/login"}, "Set-Cookie": {"a=1", "b=2"}, "Content-Length": {"0"}, "Content-Type": nil},
			"",
		},
		"only a status": {`{"status":"200"}`, 200, http.Header{"Content-Type": nil}, ""},
		"a number for a status": {
			`{"status":200,"body":"x"}`, 200, http.Header{"Content-Length": {"1"}, "Content-Type": nil}, "x",
		},
		"a description": {`{"status":"404","statusDescription":"Gone fishing","body":"x"}`, 404, nil, "x"},
		"text": {
			`{"status":"200","body":"<a>","bodyEncoding":"text","headers":{"content-type":[{"value":"text/html"}]}}`, 200,
			http.Header{"Content-Type": {"text/html"}}, "<a>",
		},
		"Base64": {
			`{"status":"200","body":"AAE=","bodyEncoding":"base64"}`, 200, http.Header{"Content-Length": {"2"}}, "\x00\x01",
		},
		"Content-Encoding": {
			`{"status":"200","body":"x","headers":{"content-encoding":[{"value":"br"}]}}`, 200,
			http.Header{"Content-Encoding": {"br"}}, "x",
		},
		"no content":                   {`{"status":"204"}`, 204, http.Header{"Content-Length": nil}, ""},
		"no content, and an empty one": {`{"status":"204","body":""}`, 204, nil, ""},
		"the largest body":             {`{"status":"200","body":"` + fits + `"}`, 200, nil, fits},
		"a byte too large":             {`{"status":"200","body":"` + fits + `x"}`, 502, nil, badGateway},
		"headers count": {
			`{"status":"200","body":"` + fits + `","headers":{"x":[{"value":""}]}}`, 502, nil, badGateway,
		},
		"a status in words":        {`{"status":"abc"}`, 502, nil, badGateway},
		"an interim status":        {`{"status":"199"}`, 502, nil, badGateway},
		"a status over 599":        {`{"status":600}`, 502, nil, badGateway},
		"a fraction":               {`{"status":200.5}`, 502, nil, badGateway},
		"a signed status":          {`{"status":"+200"}`, 502, nil, badGateway},
		"no status at all":         {`{"status":null}`, 502, nil, badGateway},
		"no content, and one":      {`{"status":"204","body":"x"}`, 502, nil, badGateway},
		"not modified, and a body": {`{"status":"304","body":"x"}`, 502, nil, badGateway},
		"bad Base64":               {`{"status":"200","body":"%","bodyEncoding":"base64"}`, 502, nil, badGateway},
		"an unknown encoding":      {`{"status":"200","body":"x","bodyEncoding":"utf-8"}`, 502, nil, badGateway},
		"an object for a body":     {`{"status":"200","body":{}}`, 502, nil, badGateway},
		"Content-Length": {
			`{"status":"200","headers":{"content-length":[{"value":"0"}]}}`, 502, nil, badGateway,
		},
		"Keep-Alive":               {`{"status":"200","headers":{"keep-alive":[{"value":"1"}]}}`, 502, nil, badGateway},
		"a header that is no list": {`{"status":"200","headers":{"location":"/x"}}`, 502, nil, badGateway},
	}
	for _, hook := range []string{"viewerRequest", "originRequest"} {
		for name, tc := range cases {
			if hook == "originRequest" && (strings.Contains(name, "large") || strings.Contains(name, "count")) {
				continue // its limit is 1 MB
			}
			s := &stage{replies: map[string]string{hook: tc.reply}}
			got := s.send(t, request("GET", "/", ""))
			if got.status != tc.status || got.body != tc.body || strings.Contains(s.called(), "origin ") {
				t.Errorf("%s: %s: got %d %.50q, calls %q, log %q, want %d %.50q",
					hook, name, got.status, got.body, s.called(), s.logged, tc.status, tc.body)
			}
			for key, want := range tc.header {
				if !equal(got.header[key], want) {
					t.Errorf("%s: %s: got %s %q, want %q", hook, name, key, got.header[key], want)
				}
			}
		}
	}
}

const badGateway = `{"message":"Bad Gateway"}`

func TestALargeBodyOfTheOriginsHook(t *testing.T) {
	for over, status := range map[int]int{0: 200, 1: 502} {
		body := strings.Repeat("x", 1<<20+over)
		s := &stage{replies: map[string]string{"originRequest": `{"status":"200","body":"` + body + `"}`}}
		if got := s.send(t, request("GET", "/", "")); got.status != status {
			t.Errorf("%d over 1 MB: got %d, want %d", over, got.status, status)
		}
	}
}

func TestResponseHooks(t *testing.T) {
	const emptied = ""
	fits := strings.Repeat("x", 40<<10)
	cases := map[string]struct {
		hook   string
		patch  string
		status int
		header http.Header // a nil value for a header that must not be there
		body   string
	}{
		"unchanged": {
			"originResponse", `{}`, 200, http.Header{"Etag": {`"1"`}, "Content-Encoding": {"gzip"}, "Content-Length": {"6"}},
			"origin",
		},
		"a number for the status": {"viewerResponse", `{"status":200}`, 200, nil, "origin"},
		"headers added and changed": {
			"viewerResponse", `{"headers":{"x-a":[{"value":"1"}],"etag":[{"value":"2"}]}}`, 200,
			http.Header{"X-A": {"1"}, "Etag": {"2"}}, "origin",
		},
		"headers deleted": {
			"viewerResponse", `{"headers":{"etag":null,"content-type":null}}`, 200,
			http.Header{"Etag": nil, "Content-Type": nil}, "origin",
		},
		"all headers missing": {
			"originResponse", `{"headers":null}`, 200, http.Header{"Etag": {`"1"`}}, "origin",
		},
		"the length is not the hook's": {
			"originResponse", `{"headers":{"content-length":null}}`, 200, http.Header{"Content-Length": {"6"}}, "origin",
		},
		"a false length": {
			"originResponse", `{"headers":{"content-length":[{"value":"3"}]}}`, 200, http.Header{"Content-Length": {"6"}},
			"origin",
		},
		"another status": {"originResponse", `{"status":"404"}`, 404, nil, "origin"},
		"another status without a body": {
			"originResponse", `{"status":"204"}`, 204, http.Header{"Content-Length": nil}, "",
		},
		"a body": {
			"originResponse", `{"body":"new"}`, 200,
			http.Header{"Content-Length": {"3"}, "Etag": nil, "Content-Encoding": nil}, "new",
		},
		"a body of the viewer's": {
			"viewerResponse", `{"body":"new"}`, 200,
			http.Header{"Content-Length": {"3"}, "Etag": nil, "Content-Encoding": nil}, "new",
		},
		"a body in Base64": {
			"originResponse", `{"body":"AAE=","bodyEncoding":"base64"}`, 200, http.Header{"Content-Length": {"2"}},
			"\x00\x01",
		},
		"an empty body": {
			"originResponse", `{"body":""}`, 200, http.Header{"Content-Length": {"0"}}, emptied,
		},
		"a body of another encoding": {
			"originResponse", `{"body":"new","headers":{"content-encoding":[{"value":"br"}],"etag":[{"value":"2"}]}}`, 200,
			http.Header{"Content-Encoding": {"br"}, "Etag": {"2"}}, "new",
		},
		"the largest body of the viewer's": {"viewerResponse", `{"body":"` + fits + `"}`, 200, nil, fits},
		"a byte too large":                 {"viewerResponse", `{"body":"` + fits + `x"}`, 502, nil, badGateway},
		"a larger one of the origin's":     {"originResponse", `{"body":"` + fits + `x"}`, 200, nil, fits + "x"},
		"bad Base64": {
			"originResponse", `{"body":"%","bodyEncoding":"base64"}`, 502, nil, badGateway,
		},
		"a body on 204":                  {"originResponse", `{"status":"204","body":"x"}`, 502, nil, badGateway},
		"a list for a body":              {"originResponse", `{"body":[]}`, 502, nil, badGateway},
		"another status of the viewer's": {"viewerResponse", `{"status":"201"}`, 502, nil, badGateway},
		"no status": {
			"originResponse", `{"status":null}`, 502, http.Header{"Etag": nil}, badGateway,
		},
		"a status of an interim response": {"originResponse", `{"status":"103"}`, 502, nil, badGateway},
		"Content-Encoding deleted": {
			"viewerResponse", `{"headers":{"content-encoding":null}}`, 502,
			http.Header{"Etag": nil, "Content-Encoding": nil}, badGateway,
		},
		"Content-Encoding deleted, origin's": {
			"originResponse", `{"headers":{"content-encoding":null}}`, 200, http.Header{"Content-Encoding": nil}, "origin",
		},
		"Content-Length changed": {
			"viewerResponse", `{"headers":{"content-length":[{"value":"3"}]}}`, 502, nil, badGateway,
		},
		"Warning added": {
			"viewerResponse", `{"headers":{"warning":[{"value":"1"}]}}`, 502, nil, badGateway,
		},
		"Warning added by the origin's": {
			"originResponse", `{"headers":{"warning":[{"value":"1"}]}}`, 200, http.Header{"Warning": {"1"}}, "origin",
		},
		"Via added": {
			"originResponse", `{"headers":{"via":[{"value":"1"}]}}`, 502, nil, badGateway,
		},
		"CDN-Loop added": {
			"viewerResponse", `{"headers":{"cdn-loop":[{"value":"1"}]}}`, 502, nil, badGateway,
		},
		"the request in place of the response": {"originResponse", `{"status":null,"uri":"/"}`, 502, nil, badGateway},
		"two cookies more": {
			"originResponse", `{"headers":{"set-cookie":[{"value":"a"},{"value":"b"}]}}`, 200,
			http.Header{"Set-Cookie": {"a", "b"}}, "origin",
		},
		"a header split by a line feed": {
			"originResponse", `{"headers":{"x-a":[{"value":"a\nb"}]}}`, 502, nil, badGateway,
		},
		"one that the event does not have stay": {
			"originResponse", `{"headers":{"etag":null}}`, 200, http.Header{"X-Amzn-Requestid": {"1"}}, "origin",
		},
	}
	for name, tc := range cases {
		s := &stage{
			replies: map[string]string{tc.hook: "~" + tc.patch},
			header: http.Header{
				"Etag": {`"1"`}, "Content-Encoding": {"gzip"}, "Content-Type": {"text/html"}, "Content-Length": {"6"},
				"X-Amzn-Requestid": {"1"},
			},
			body: "origin",
		}
		got := s.send(t, request("GET", "/", ""))
		if got.status != tc.status || got.body != tc.body {
			t.Errorf("%s: got %d %.50q, log %q, want %d %.50q", name, got.status, got.body, s.logged, tc.status, tc.body)
		}
		for key, want := range tc.header {
			if !equal(got.header[key], want) {
				t.Errorf("%s: got %s %q, want %q", name, key, got.header[key], want)
			}
		}
	}
}

// TestResponsesWithoutABody uses hooks that set a body where the wire allows none.
func TestResponsesWithoutABody(t *testing.T) {
	cases := map[string]struct {
		method string
		origin int
		patch  string
		status int
		length string
	}{
		"HEAD":                             {"HEAD", 200, `{"body":"new"}`, 200, "3"},
		"HEAD and no change":               {"HEAD", 200, `{}`, 200, "6"},
		"no content":                       {"GET", 204, `{}`, 204, ""},
		"no content, emptied":              {"GET", 204, `{"body":""}`, 204, ""},
		"not modified":                     {"GET", 304, `{}`, 304, ""},
		"not modified, and a body":         {"GET", 304, `{"body":"new"}`, 502, "25"},
		"not modified, a status and a one": {"GET", 304, `{"status":"200","body":"new"}`, 502, "25"},
	}
	for name, tc := range cases {
		s := &stage{replies: map[string]string{"originResponse": "~" + tc.patch}, status: tc.origin}
		if tc.origin == 200 {
			s.header = http.Header{"Content-Length": {"6"}}
			s.body = "origin"
		}
		got := s.send(t, request(tc.method, "/", ""))
		if got.status != tc.status || got.header.Get("Content-Length") != tc.length {
			t.Errorf("%s: got %d, Content-Length %q, log %q, want %d, %q",
				name, got.status, got.header.Get("Content-Length"), s.logged, tc.status, tc.length)
		}
		if tc.status != 502 && got.body != "" {
			t.Errorf("%s: got %q, want no body", name, got.body)
		}
		if want := `"status":"` + strconv.Itoa(tc.origin) + `"`; !strings.Contains(string(s.events["originResponse"]), want) {
			t.Errorf("%s: got %s, want %s", name, s.events["originResponse"], want)
		}
	}
}

// TestStreamsPassResponseHooks sends a piece only when the client has the one before.
func TestStreamsPassResponseHooks(t *testing.T) {
	next := make(chan bool, 1)
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := 0; i < 3; i++ {
			<-next
			_, _ = w.Write([]byte("data: piece\n\n"))
			w.(http.Flusher).Flush()
		}
	}))
	defer service.Close()
	s := &stage{replies: map[string]string{
		"originResponse": `~{"headers":{"x-a":[{"value":"1"}]}}`, "viewerResponse": `~{"headers":{"x-b":[{"value":"2"}]}}`,
	}}
	server := httptest.NewServer(around(t, s, service.URL))
	defer server.Close()
	next <- true
	response, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	piece := make([]byte, len("data: piece\n\n"))
	for i := 0; i < 3; i++ {
		if _, err := io.ReadFull(response.Body, piece); err != nil {
			t.Fatal(err)
		}
		if i < 2 {
			next <- true
		}
	}
	if response.Header.Get("X-A") != "1" || response.Header.Get("X-B") != "2" {
		t.Errorf("got %v, want the headers of both hooks", response.Header)
	}
}

// around builds the brackets around a compiled proxy to a service.
func around(t *testing.T, s *stage, service string) http.Handler {
	t.Helper()
	s.events = map[string][]byte{}
	s.config = Config{}
	if s.replies["viewerRequest"] != "" {
		s.config.ViewerRequest = requestHook(nil, "viewerRequest")
		s.config.OriginRequest = requestHook(nil, "originRequest")
	}
	s.config.OriginResponse = responseHook(nil, "originResponse")
	s.config.ViewerResponse = responseHook(nil, "viewerResponse")
	e, err := New(&s.config, s.core())
	if err != nil {
		t.Fatal(err)
	}
	address, err := url.Parse(service)
	if err != nil {
		t.Fatal(err)
	}
	return e.Viewer(e.Origin(httputil.NewSingleHostReverseProxy(address)))
}

func TestUpgradesPassHooks(t *testing.T) {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		_, _ = conn.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"))
		line, _ := buffered.ReadString('\n')
		_, _ = conn.Write([]byte(r.Header.Get("X-A") + " " + line))
		_ = conn.Close()
	}))
	defer service.Close()
	s := &stage{replies: map[string]string{
		"viewerRequest": unchanged, "originRequest": `~{"headers":{"x-a":[{"value":"echo"}]}}`,
		"originResponse": unchanged, "viewerResponse": unchanged,
	}}
	server := httptest.NewServer(around(t, s, service.URL))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_, _ = conn.Write([]byte("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"))
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = conn.Write([]byte("hello\n"))
	line, err := reader.ReadString('\n')
	_ = conn.Close()
	if response.StatusCode != 101 || line != "echo hello\n" {
		t.Errorf("got %d, %q, %v, want 101 and an echo", response.StatusCode, line, err)
	}
	if got := s.called(); got != "viewerRequest originRequest" {
		t.Errorf("got calls %q, want no response hook", got)
	}
}

// TestAClientThatLeavesEndsItsHook uses a client that leaves while the hook runs.
func TestAClientThatLeavesEndsItsHook(t *testing.T) {
	asked := make(chan bool, 1)
	ended := make(chan error, 1)
	s := &stage{replies: map[string]string{}}
	core := s.core()
	core.Invoker = func(_, _ string) (Invoke, error) {
		return func(ctx context.Context, _ []byte) ([]byte, error) {
			asked <- true
			<-ctx.Done()
			ended <- ctx.Err()
			return nil, ctx.Err()
		}, nil
	}
	e, err := New(&Config{ViewerRequest: &RequestHookConfig{Function: "viewerRequest"}}, core)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan bool, 1)
	inner := e.Viewer(http.HandlerFunc(s.serveOrigin))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner.ServeHTTP(w, r)
		served <- true
	}))
	defer server.Close()
	ctx, leave := context.WithCancel(context.Background())
	go get(ctx, server.URL)
	<-asked
	leave()
	<-served
	if err := <-ended; err != context.Canceled { //nolint:errorlint // as it is, not wrapped
		t.Errorf("got %v, want the hook canceled", err)
	}
	if s.called() != "" || len(s.logged) != 0 || len(s.debugged) != 1 {
		t.Errorf("got calls %q, log %q, debug %q, want one line of debug", s.called(), s.logged, s.debugged)
	}
}

// get sends a request and ignores the response.
func get(ctx context.Context, address string) {
	r, err := http.NewRequestWithContext(ctx, "GET", address, nil)
	if err != nil {
		return
	}
	if response, err := http.DefaultClient.Do(r); err == nil {
		_ = response.Body.Close()
	}
}

func TestMergedPatches(t *testing.T) {
	var target any
	_ = json.Unmarshal([]byte(`{"a":{"b":1,"c":2},"d":3}`), &target)
	var patch any
	_ = json.Unmarshal([]byte(`{"a":{"b":null,"e":[1]},"d":4}`), &patch)
	got, _ := json.Marshal(merge(target, patch))
	if want := `{"a":{"c":2,"e":[1]},"d":4}`; string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
