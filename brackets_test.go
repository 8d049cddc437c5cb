package lambda

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/seed05e46011/lambda/internal/cache"
	"github.com/seed05e46011/lambda/internal/edge"
	"github.com/seed05e46011/lambda/internal/logline"
)

// hookedLambda is a Lambda endpoint whose functions reply as a test defines, by name: the hooks, and
// the function "hello". A reply that is a status becomes Lambda's own error.
func hookedLambda(t *testing.T, replies map[string]string) (*fakeLambda, *Config) {
	t.Helper()
	f := &fakeLambda{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		event, _ := io.ReadAll(r.Body)
		f.mu.Lock()
		f.requests = append(f.requests, r)
		f.events = append(f.events, event)
		f.mu.Unlock()
		name := strings.Split(r.URL.Path, "/")[3]
		switch reply := replies[name]; reply {
		case "function error":
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
			_, _ = io.WriteString(w, `{"errorType":"Error","errorMessage":"secret"}`)
		case "429", "500", "404":
			w.WriteHeader(map[string]int{"429": 429, "500": 500, "404": 404}[reply])
		case "unchanged":
			_, _ = w.Write(unchangedBy(event))
		default:
			_, _ = io.WriteString(w, reply)
		}
	}))
	t.Cleanup(f.Close)
	config := testConfig(f)
	config.Edge = &edge.Config{}
	return f, config
}

// unchangedBy returns the request or the response in a hook's event.
func unchangedBy(event []byte) []byte {
	var decoded struct {
		Records []struct {
			CF struct {
				Request  json.RawMessage `json:"request"`
				Response json.RawMessage `json:"response"`
			} `json:"cf"`
		} `json:"Records"`
	}
	_ = json.Unmarshal(event, &decoded)
	if response := decoded.Records[0].CF.Response; response != nil {
		return response
	}
	return decoded.Records[0].CF.Request
}

// called returns the called functions in order.
func (f *fakeLambda) called() string {
	f.mu.Lock()
	names := ""
	for _, r := range f.requests {
		names += " " + strings.Split(r.URL.Path, "/")[3]
	}
	f.mu.Unlock()
	return strings.TrimSpace(names)
}

// allHooks sets all four hooks, by the names of their options.
func allHooks(config *Config) {
	config.Edge.ViewerRequest = &edge.RequestHookConfig{Function: "viewerRequest"}
	config.Edge.OriginRequest = &edge.RequestHookConfig{Function: "originRequest"}
	config.Edge.OriginResponse = &edge.ResponseHookConfig{Function: "originResponse"}
	config.Edge.ViewerResponse = &edge.ResponseHookConfig{Function: "viewerResponse"}
}

func TestHooksAroundTheFunction(t *testing.T) {
	discardLog(t)
	const four = "viewerRequest originRequest hello originResponse viewerResponse"
	hello := `{"statusCode":200,"headers":{"x-a":"1"},"body":"hello"}`
	cases := map[string]struct {
		replies map[string]string // of the function, and of hooks that change something
		set     func(*Config)
		status  int
		body    string
		called  string
	}{
		"all four hooks": {nil, func(_ *Config) {}, 200, "hello", four},
		"a changed response": {
			map[string]string{"originResponse": `{"status":"203","body":"new"}`}, func(_ *Config) {}, 203, "new", four,
		},
		"a hook that responds": {
			map[string]string{"viewerRequest": `{"status":"401"}`}, func(_ *Config) {}, 401, "", "viewerRequest",
		},
		"a function that fails": {
			map[string]string{"hello": "function error"}, func(_ *Config) {}, 502, `{"message":"Bad Gateway"}`,
			"viewerRequest originRequest hello",
		},
		"a function that fails, with fallback": {
			map[string]string{"hello": "500"}, func(c *Config) { c.Fallback = true }, 404, "404 page not found\n",
			"viewerRequest originRequest hello",
		},
		"a throttled function": {
			map[string]string{"hello": "429"}, func(_ *Config) {}, 503, `{"message":"Service Unavailable"}`,
			"viewerRequest originRequest hello",
		},
		"a hook that fails, with fallback and retry": {
			map[string]string{"originRequest": "500"}, func(c *Config) {
				c.Fallback = true
				c.Retry = &RetryConfig{Attempts: 3, Causes: []string{"server", "throttle"}}
			}, 503, `{"message":"Service Unavailable"}`, "viewerRequest originRequest",
		},
		"a failure in another format's shape": {
			map[string]string{"viewerRequest": "null"}, func(c *Config) { c.EventFormat = "raw" }, 502, "Bad Gateway",
			"viewerRequest",
		},
	}
	for name, tc := range cases {
		replies := map[string]string{
			"hello": hello, "viewerRequest": "unchanged", "originRequest": "unchanged", "originResponse": "unchanged",
			"viewerResponse": "unchanged",
		}
		for function, reply := range tc.replies {
			replies[function] = reply
		}
		f, config := hookedLambda(t, replies)
		allHooks(config)
		tc.set(config)
		resp := serve(newTestHandler(t, config), httptest.NewRequest("GET", "http://example.com/", nil))
		if body := bodyOf(t, resp); resp.StatusCode != tc.status || body != tc.body || f.called() != tc.called {
			t.Errorf("%s: got %d %q, called %q, want %d %q, %q",
				name, resp.StatusCode, body, f.called(), tc.status, tc.body, tc.called)
		}
	}
}

func TestHooksAroundTheRoutersService(t *testing.T) {
	f, config := hookedLambda(t, map[string]string{
		"viewerRequest": "unchanged", "originRequest": "unchanged",
		"originResponse": "unchanged", "viewerResponse": "unchanged",
	})
	allHooks(config)
	config.Function = ""
	handler, err := New(context.Background(), http.HandlerFunc(nextHandler), config, "edge@test")
	if err != nil {
		t.Fatal(err)
	}
	resp := serve(handler, httptest.NewRequest("GET", "http://example.com/", nil))
	alone := serve(http.HandlerFunc(nextHandler), httptest.NewRequest("GET", "http://example.com/", nil))
	if got, want := bodyOf(t, resp), bodyOf(t, alone); resp.StatusCode != alone.StatusCode || got != want {
		t.Errorf("got %d %q, want %d %q", resp.StatusCode, got, alone.StatusCode, want)
	}
	if got, want := f.called(), "viewerRequest originRequest originResponse viewerResponse"; got != want {
		t.Errorf("got called %q, want %q", got, want)
	}
}

// TestHooksAroundACache sends two requests for each path.
func TestHooksAroundACache(t *testing.T) {
	const viewers = "viewerRequest viewerResponse"
	const request = "viewerRequest"
	const all = "viewerRequest originRequest hello originResponse viewerResponse"
	fresh := `"headers":{"cache-control":[{"value":"max-age=60"}]}`
	cases := map[string]struct {
		replies  map[string]string
		called   string // called by both requests
		statuses string
		body     string // of the second request
	}{
		"a response": {nil, all + " " + viewers, "200 200", "hello"},
		"a response that viewerResponse changes": {
			map[string]string{"viewerResponse": `{"status":"200","body":"changed"}`}, all + " " + viewers, "200 200", "changed",
		},
		"a response that viewerResponse fails on": {
			map[string]string{"viewerResponse": "[]"}, all + " " + viewers, "502 502", `{"message":"Bad Gateway"}`,
		},
		"a response that originResponse changes": {
			map[string]string{"originResponse": `{"status":"200","body":"changed",` + fresh + `}`},
			all + " " + viewers, "200 200", "changed",
		},
		"a response that originResponse fails on": {
			map[string]string{"originResponse": "[]"},
			"viewerRequest originRequest hello originResponse viewerRequest originRequest hello originResponse",
			"502 502", `{"message":"Bad Gateway"}`,
		},
		"a 404 that originResponse turns into a 200": {
			map[string]string{
				"hello":          `{"statusCode":404,"headers":{"cache-control":"max-age=60"},"body":"none"}`,
				"originResponse": `{"status":"200",` + fresh + `}`,
			},
			"viewerRequest originRequest hello originResponse viewerRequest", "200 200", "none",
		},
		"a response of originRequest": {
			map[string]string{"originRequest": `{"status":"200","body":"made",` + fresh + `}`},
			"viewerRequest originRequest viewerResponse " + viewers, "200 200", "made",
		},
		"a response of viewerRequest": {
			map[string]string{"viewerRequest": `{"status":"200","body":"made",` + fresh + `}`},
			request + " " + request, "200 200", "made",
		},
	}
	discardLog(t)
	for name, tc := range cases {
		replies := map[string]string{
			"hello":         `{"statusCode":200,"headers":{"cache-control":"max-age=60"},"body":"hello"}`,
			"viewerRequest": "unchanged", "originRequest": "unchanged",
			"originResponse": "unchanged", "viewerResponse": "unchanged",
		}
		for function, reply := range tc.replies {
			replies[function] = reply
		}
		f, config := hookedLambda(t, replies)
		allHooks(config)
		config.Cache = &cache.Config{}
		handler, err := New(context.Background(), http.NotFoundHandler(), config, name+"@test")
		if err != nil {
			t.Fatal(err)
		}
		first := serve(handler, httptest.NewRequest("GET", "http://example.com/", nil))
		second := serve(handler, httptest.NewRequest("GET", "http://example.com/", nil))
		statuses := fmt.Sprint(first.StatusCode, second.StatusCode)
		if body := bodyOf(t, second); statuses != tc.statuses || body != tc.body || f.called() != tc.called {
			t.Errorf("%s: got %s %q, called %q, want %s %q, %q", name, statuses, body, f.called(), tc.statuses, tc.body, tc.called)
		}
	}
}

func TestCallsOfHooks(t *testing.T) {
	f, config := hookedLambda(t, map[string]string{"check": "unchanged", "hello": `"x"`})
	config.Edge.ViewerRequest = &edge.RequestHookConfig{Function: "check", Qualifier: "live"}
	config.InvocationType = "Event"
	config.TenantID = "t1"
	serve(newTestHandler(t, config), httptest.NewRequest("GET", "http://example.com/", nil))
	call := f.requests[0]
	if got, want := call.URL.RequestURI(), "/2015-03-31/functions/check/invocations?Qualifier=live"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := call.Header.Get("Authorization"); !strings.Contains(got, "/eu-central-1/lambda/aws4_request") {
		t.Errorf("got Authorization %q, want a signature", got)
	}
	for _, key := range []string{"X-Amz-Invocation-Type", "X-Amz-Tenant-Id"} {
		if got := call.Header.Get(key); got != "" {
			t.Errorf("got %s %q, want only the function's calls to have it", key, got)
		}
	}
}

func TestFailuresOfHooksInTheLog(t *testing.T) {
	logline.AdmitAll()
	for reply, tc := range map[string]struct{ status, cause string }{
		"429":            {"503 Service Unavailable", "LambdaLimitExceeded: throttle: "},
		"500":            {"503 Service Unavailable", "LambdaExecutionError: server: "},
		"404":            {"503 Service Unavailable", "LambdaExecutionError: no-such-function: "},
		"function error": {"503 Service Unavailable", "LambdaExecutionError: function-error: "},
		"[]":             {"502 Bad Gateway", "LambdaValidationError: the JSON output must be"},
	} {
		want := "lambda@test: " + tc.status + ": hook=viewer-request function=check requestId=ID duration=D cause=" + tc.cause
		logged := captureLog(t)
		_, config := hookedLambda(t, map[string]string{"check": reply})
		config.Edge.ViewerRequest = &edge.RequestHookConfig{Function: "check"}
		serve(newTestHandler(t, config), httptest.NewRequest("GET", "http://example.com/", nil))
		got := variable.ReplaceAllString(logged.text(), "requestId=ID duration=D")
		if !strings.HasPrefix(got, want) || strings.Count(got, "\n") != 1 || strings.Contains(got, "secret") {
			t.Errorf("%s: got %q, want one line %s…", reply, got, want)
		}
	}
}

var variable = regexp.MustCompile(`requestId=\S+ duration=\S+`)

// TestThrottledHooksDoNotFillTheLog sends two requests, of which only one is logged.
func TestThrottledHooksDoNotFillTheLog(t *testing.T) {
	logline.AdmitAll()
	logged := captureLog(t)
	_, config := hookedLambda(t, map[string]string{"check": "429"})
	config.Edge.ViewerRequest = &edge.RequestHookConfig{Function: "check"}
	handler := newTestHandler(t, config)
	for i := 0; i < 2; i++ {
		if got := serve(handler, httptest.NewRequest("GET", "http://example.com/", nil)).StatusCode; got != 503 {
			t.Errorf("got %d, want 503", got)
		}
	}
	if got := strings.Count(logged.text(), "\n"); got != 1 {
		t.Errorf("got %d lines, want 1: %s", got, logged.text())
	}
}

func TestAPlainConfigurationHasNoBracket(t *testing.T) {
	f := newFakeLambda(t, replies(`"x"`))
	if _, plain := newTestHandler(t, testConfig(f)).(*Lambda); !plain {
		t.Error("got a bracket, want the function's own handler")
	}
}

func TestHookOptionsAreValidated(t *testing.T) {
	config := CreateConfig()
	config.Edge = &edge.Config{ViewerRequest: &edge.RequestHookConfig{Function: "a b"}}
	_, err := New(context.Background(), http.NotFoundHandler(), config, "lambda@test")
	if want := `lambda: edge.viewerRequest.function: "a b": want`; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %s…", err, want)
	}
}
