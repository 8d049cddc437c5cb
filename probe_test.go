package lambda

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed05e46011/lambda/internal/cache"
	"github.com/seed05e46011/lambda/internal/probe"
	"github.com/seed05e46011/lambda/internal/route"
)

// probeCallerOf returns the probes' caller for options.
func probeCallerOf(t *testing.T, config *Config) *probeCaller {
	t.Helper()
	settings, err := probe.Parse(config.Probe)
	if err != nil {
		t.Fatal(err)
	}
	l, err := newLambda(http.NotFoundHandler(), config, "lambda@test")
	if err != nil {
		t.Fatal(err)
	}
	caller, err := newProbeCaller(config, l, settings)
	if err != nil {
		t.Fatal(err)
	}
	return caller
}

func TestProbesAreEventsOfTheFormat(t *testing.T) {
	for _, format := range eventFormatNames() {
		if format == "template" {
			continue // the operator defines the event
		}
		f := newFakeLambda(t, replies(`{"statusCode":200,"body":"x"}`))
		config := testConfig(f)
		config.EventFormat = format
		config.Probe = &probe.Config{Path: "/health?deep=1"}
		result := callProbe(context.Background(), probeCallerOf(t, config))
		if !result.Good {
			t.Errorf("%s: got %+v, want a good probe", format, result)
		}
		event := string(f.events[0])
		wanted := []string{"/health", `deep`, "localhost", "traefik-lambda-probe", "127.0.0.1", `"GET"`}
		if format == "raw" { // the body, or the query where there is none
			wanted = []string{`{"deep":"1"}`}
		}
		for _, want := range wanted {
			if !strings.Contains(event, want) {
				t.Errorf("%s: got %s, want %s in it", format, event, want)
			}
		}
		if got := f.requests[0].Header.Get("X-Amz-Invocation-Type"); got != "" {
			t.Errorf("%s: got invocation type %q, want none", format, got)
		}
	}
}

func TestProbesAreJudged(t *testing.T) {
	discardLog(t)
	fails := func(w http.ResponseWriter, _ []byte) {
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		_, _ = io.WriteString(w, "{}")
	}
	answer := func(status int) func(w http.ResponseWriter, _ []byte) {
		return func(w http.ResponseWriter, _ []byte) { w.WriteHeader(status) }
	}
	cases := map[string]struct {
		function func(w http.ResponseWriter, event []byte)
		set      func(c *Config)
		want     probe.Result
	}{
		"a reply":                   {function: replies(`{"statusCode":204}`), want: probe.Result{Good: true}},
		"a reply of another status": {function: replies(`{"statusCode":404,"body":"x"}`), want: probe.Result{Reason: "answered 404"}},
		"a redirect":                {function: replies(`{"statusCode":302,"body":"x"}`), want: probe.Result{Reason: "answered 302"}},
		"a function error":          {function: fails, want: probe.Result{Reason: `the function failed (Unhandled "")`}},
		"an invalid reply":          {function: replies(`{"statusCode":"x"}`), want: probe.Result{Reason: "the function's reply: "}},
		"a throttle":                {function: answer(429), want: probe.Result{Throttled: true, Reason: "Lambda answered 429"}},
		"an error of Lambda":        {function: answer(500), want: probe.Result{Reason: "Lambda answered 500"}},
		"a missing function":        {function: answer(404), want: probe.Result{Reason: "Lambda answered 404"}},
		"events that are queued":    {function: replies(`"ok"`), set: func(c *Config) { c.InvocationType = invokeAsync }, want: probe.Result{Good: true}},
		"retries, which probes do not use": {function: answer(500), set: func(c *Config) {
			c.Retry = &RetryConfig{Attempts: 3, Causes: []string{"server"}}
		}, want: probe.Result{Reason: "Lambda answered 500"}},
		"a stream": {function: streams(preludeType, prelude(`{"statusCode":200}`)), set: func(c *Config) { c.InvokeMode = invokeModeStream },
			want: probe.Result{Good: true}},
		"a stream of another status": {function: streams(preludeType, prelude(`{"statusCode":503}`)), set: func(c *Config) { c.InvokeMode = invokeModeStream },
			want: probe.Result{Reason: "answered 503"}},
	}
	for name, tc := range cases {
		f := newFakeLambda(t, tc.function)
		config := testConfig(f)
		config.Probe = &probe.Config{}
		if tc.set != nil {
			tc.set(config)
		}
		got := callProbe(context.Background(), probeCallerOf(t, config))
		if got.Good != tc.want.Good || got.Throttled != tc.want.Throttled || !strings.HasPrefix(got.Reason, tc.want.Reason) {
			t.Errorf("%s: got %+v, want %+v", name, got, tc.want)
		}
		if f.invocations() != 1 {
			t.Errorf("%s: got %d calls, want 1", name, f.invocations())
		}
	}
}

func TestProbesEndWithTheirContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	gone := make(chan bool, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then the server sees the caller leave
		cancel()
		<-r.Context().Done()
		gone <- true
	}))
	defer server.Close()
	config := testConfig(&fakeLambda{Server: server})
	config.Probe = &probe.Config{}
	if got := callProbe(ctx, probeCallerOf(t, config)); got.Good {
		t.Errorf("got %+v, want a bad probe", got)
	}
	<-gone
}

// sickHandler returns a handler whose probe finds the function unhealthy.
func sickHandler(t *testing.T, next http.Handler, config *Config) http.Handler {
	t.Helper()
	l, err := newLambda(next, config, "lambda@test")
	if err != nil {
		t.Fatal(err)
	}
	return &probed{lambda: l, next: l, healthy: new(int32), retryAfter: "5"}
}

func TestSickFunctionsGetNoRequests(t *testing.T) {
	discardLog(t)
	f := newFakeLambda(t, replies(`"hello"`))
	sick := sickHandler(t, http.NotFoundHandler(), testConfig(f))
	resp := serve(sick, httptest.NewRequest(http.MethodGet, "http://example.com/", nil))
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") != "5" || bodyOf(t, resp) != `{"message":"Service Unavailable"}` {
		t.Errorf("got %d, Retry-After %q, want 503, 5 and the front door's body", resp.StatusCode, resp.Header.Get("Retry-After"))
	}
	atomic.StoreInt32(sick.(*probed).healthy, 1)
	if resp := serve(sick, httptest.NewRequest(http.MethodGet, "http://example.com/", nil)); resp.StatusCode != 200 || f.invocations() != 1 {
		t.Errorf("got %d after %d calls, want 200 after 1", resp.StatusCode, f.invocations())
	}
}

func TestSickFunctionsFallBack(t *testing.T) {
	discardLog(t)
	f := newFakeLambda(t, replies(`"hello"`))
	config := testConfig(f)
	config.Fallback = true
	next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	resp := serve(sickHandler(t, next, config), httptest.NewRequest(http.MethodGet, "http://example.com/", nil))
	if resp.StatusCode != http.StatusTeapot || f.invocations() != 0 {
		t.Errorf("got %d after %d calls, want the next handler's 418 without any", resp.StatusCode, f.invocations())
	}
}

func TestProbeWantsOneFunction(t *testing.T) {
	for name, tc := range map[string]struct {
		set  func(c *Config)
		want string
	}{
		"with routes": {func(c *Config) {
			c.Function = ""
			c.Routes = []route.Config{{RouteKey: "$default", Function: "hello"}}
		}, "lambda: probe: not with routes: want"},
		"with pathPrefix": {func(c *Config) {
			c.Function = ""
			c.PathPrefix = "/"
		}, "lambda: probe: not with pathPrefix: want"},
		"with an invalid option": {func(c *Config) { c.Probe.Interval = "1ms" }, `lambda: probe.interval: "1ms": want`},
		"with an unknown option": {func(c *Config) { c.Probe.Unknown = map[string]any{"intervall": "1s"} },
			"lambda: probe.intervall: no such option: did you mean probe.interval?"},
	} {
		config := testConfig(newFakeLambda(t, replies(`""`)))
		config.Probe = &probe.Config{}
		tc.set(config)
		_, err := New(context.Background(), http.NotFoundHandler(), config, "lambda@test")
		if err == nil || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %s", name, err, tc.want)
		}
	}
}

func TestAFunctionIsProbedUntilItsContextEnds(t *testing.T) {
	logged := captureLog(t)
	f := newFakeLambda(t, func(w http.ResponseWriter, _ []byte) { w.WriteHeader(http.StatusInternalServerError) })
	config := testConfig(f)
	config.Function = "probed:live"
	config.Probe = &probe.Config{Interval: "100ms"}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	handler, err := New(ctx, http.NotFoundHandler(), config, "lambda@test")
	if err != nil {
		t.Fatal(err)
	}
	line := "lambda: probe: probed:live went sick: 2 good of the last 8, 3 needed; last: Lambda answered 500"
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(logged.text(), line); {
		if time.Now().After(deadline) {
			t.Fatalf("got %q, want %q", logged.text(), line)
		}
		time.Sleep(time.Millisecond)
	}
	calls := f.invocations()
	if resp := serve(handler, httptest.NewRequest(http.MethodGet, "http://example.com/", nil)); resp.StatusCode != 503 {
		t.Errorf("got %d after %d probes, want 503", resp.StatusCode, calls)
	}
	if !strings.Contains(logged.text(), "cause=sick") {
		t.Errorf("got %q, want a line with cause=sick", logged.text())
	}
}

func TestSickFunctionsAreReplacedByStaleResponses(t *testing.T) {
	discardLog(t)
	var failing int32
	f := newFakeLambda(t, func(w http.ResponseWriter, event []byte) {
		if strings.Contains(string(event), "traefik-lambda-probe") || atomic.LoadInt32(&failing) == 1 {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		_, _ = io.WriteString(w, `{"statusCode":200,"headers":{"age":"90","cache-control":"max-age=60, stale-if-error=600"},"body":"kept"}`)
	})
	config := testConfig(f)
	config.Function = "stale:sick"
	config.Cache = &cache.Config{}
	first := serve(newTestHandler(t, config), httptest.NewRequest(http.MethodGet, "http://example.com/", nil))
	if first.StatusCode != 200 {
		t.Fatalf("got %d, want the response that is stored", first.StatusCode)
	}
	atomic.StoreInt32(&failing, 1)
	calls := f.invocations()
	l, err := newLambda(http.NotFoundHandler(), config, "lambda@test")
	if err != nil {
		t.Fatal(err)
	}
	var sick http.Handler = &probed{lambda: l, next: l, healthy: new(int32), retryAfter: "5"}
	handler, err := addBrackets(context.Background(), l, sick, config)
	if err != nil {
		t.Fatal(err)
	}
	resp := serve(handler, httptest.NewRequest(http.MethodGet, "http://example.com/", nil))
	if resp.StatusCode != 200 || bodyOf(t, resp) != "kept" || f.invocations() != calls {
		t.Errorf("got %d after %d more calls, want what is stored, and none", resp.StatusCode, f.invocations()-calls)
	}
}
