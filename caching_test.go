package lambda

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/seed05e46011/lambda/internal/authorizer"
	"github.com/seed05e46011/lambda/internal/cache"
	"github.com/seed05e46011/lambda/internal/credentials"
)

// cacheable is a reply that may be stored for a minute.
func cacheable(body string) string {
	return `{"statusCode":200,"headers":{"cache-control":"max-age=60"},"body":"` + body + `"}`
}

func cachedGet(handler http.Handler, target string) *http.Response {
	return serve(handler, httptest.NewRequest("GET", target, nil))
}

func wantCacheStatus(t *testing.T, what string, resp *http.Response, want string) {
	t.Helper()
	if got := resp.Header.Get("Cache-Status"); got != "traefik-lambda; "+want {
		t.Errorf("%s: got Cache-Status %q, want %q", what, got, want)
	}
}

func TestACacheInFrontOfAFunction(t *testing.T) {
	for name, set := range map[string]func(*Config){
		"a buffered reply":     func(_ *Config) {},
		"maxConcurrency":       func(c *Config) { c.MaxConcurrency = 1 },
		"an access log":        func(c *Config) { c.AccessLog = true },
		"another event format": func(c *Config) { c.EventFormat = "rest-api" },
	} {
		discardLog(t)
		target := "http://example.com/" + url.PathEscape(name)
		f := newFakeLambda(t, replies(cacheable("hello")))
		config := testConfig(f)
		config.Cache = &cache.Config{}
		set(config)
		handler := newTestHandler(t, config)
		wantCacheStatus(t, name, cachedGet(handler, target), "fwd=uri-miss; stored; ttl=60")
		again := newTestHandler(t, config) // as after a reload
		resp := cachedGet(again, target)
		wantCacheStatus(t, name, resp, "hit; ttl=60")
		if body := bodyOf(t, resp); resp.StatusCode != 200 || body != "hello" || len(f.events) != 1 {
			t.Errorf("%s: got %d %q after %d calls, want 200 %q after 1", name, resp.StatusCode, body, len(f.events), "hello")
		}
		config.Function = "other"
		other := newTestHandler(t, config)
		wantCacheStatus(t, name+", another function", cachedGet(other, target), "fwd=uri-miss; stored; ttl=60")
	}
}

func TestOptionsThatStoredResponsesDoNotDependOn(t *testing.T) {
	config := CreateConfig()
	config.Cache = &cache.Config{Redis: &cache.RedisConfig{Password: "a"}}
	config.Region = "eu-central-1"
	before, err := cacheIdentity(config)
	if err != nil {
		t.Fatal(err)
	}
	config.Cache.Redis.Password = "b"
	config.Credentials = &credentials.Config{SecretAccessKey: "c"}
	if after, _ := cacheIdentity(config); string(after) != string(before) {
		t.Errorf("got another identity for other credentials: %s, want %s", after, before)
	}
	config.EventFormat = "alb"
	if after, _ := cacheIdentity(config); string(after) == string(before) {
		t.Error("got the same identity for another event format, want another")
	}
	if strings.Contains(string(before), "secret") {
		t.Errorf("got %s, want no secret in it", before)
	}
}

func TestACacheInFrontOfTheRoutersService(t *testing.T) {
	calls := 0
	config := CreateConfig()
	config.Cache = &cache.Config{TTL: "60s"}
	next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls++
		_, _ = w.Write([]byte("service"))
	})
	handler, err := New(context.Background(), next, config, t.Name())
	if err != nil {
		t.Fatal(err)
	}
	wantCacheStatus(t, "first", cachedGet(handler, "http://example.com/"), "fwd=uri-miss; stored; ttl=60")
	wantCacheStatus(t, "second", cachedGet(handler, "http://example.com/"), "hit; ttl=60")
	if calls != 1 {
		t.Errorf("got %d calls, want 1", calls)
	}
}

func TestFallbackBehindACache(t *testing.T) {
	discardLog(t)
	reply := ""
	f := newFakeLambda(t, func(w http.ResponseWriter, _ []byte) {
		if reply == "" {
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		_, _ = w.Write([]byte(reply))
	})
	config := testConfig(f)
	config.Fallback = true
	config.Cache = &cache.Config{}
	handler, err := New(context.Background(), http.HandlerFunc(nextHandler), config, t.Name())
	if err != nil {
		t.Fatal(err)
	}
	reply = strings.Replace(cacheable("stale"), "max-age=60", "max-age=60, stale-if-error=60", 1)
	reply = strings.Replace(reply, `"headers":{`, `"headers":{"age":"70",`, 1)
	cachedGet(handler, "http://example.com/stale")
	reply = ""
	resp := cachedGet(handler, "http://example.com/stale")
	wantCacheStatus(t, "a stale response", resp, "fwd=stale; fwd-status=503; detail=stale-if-error")
	if body := bodyOf(t, resp); body != "stale" {
		t.Errorf("got %q, want the stale response before the next handler's", body)
	}
	resp = cachedGet(handler, "http://example.com/none?a=b")
	alone := serve(http.HandlerFunc(nextHandler), httptest.NewRequest("GET", "http://example.com/none?a=b", nil))
	if got, want := bodyOf(t, resp), bodyOf(t, alone); resp.StatusCode != alone.StatusCode || got != want {
		t.Errorf("got %d %q, want the next handler's %d %q", resp.StatusCode, got, alone.StatusCode, want)
	}
}

func TestFailuresBehindACache(t *testing.T) {
	discardLog(t)
	f := newFakeLambda(t, func(w http.ResponseWriter, _ []byte) { w.WriteHeader(http.StatusTooManyRequests) })
	config := testConfig(f)
	config.Cache = &cache.Config{TTL: "60s"}
	handler := newTestHandler(t, config)
	for i := 1; i <= 2; i++ {
		resp := cachedGet(handler, "http://example.com/fails")
		body := bodyOf(t, resp)
		if resp.StatusCode != 503 || body != `{"message":"Service Unavailable"}` || len(f.events) != i {
			t.Errorf("got %d %q after %d calls, want the throttle, not stored", resp.StatusCode, body, len(f.events))
		}
	}
	request := httptest.NewRequest("GET", "http://example.com/nothing", nil)
	request.Header.Set("Cache-Control", "only-if-cached")
	if resp := serve(handler, request); resp.StatusCode != 504 || bodyOf(t, resp) != `{"message":"Gateway Timeout"}` {
		t.Errorf("got %d, want 504 in the format's own shape", resp.StatusCode)
	}
}

// authorizedPage replies to events of an authorizer and to those of a function.
func authorizedPage(control string) func(w http.ResponseWriter, event []byte) {
	return func(w http.ResponseWriter, event []byte) {
		if strings.Contains(string(event), `"identitySource"`) {
			_, _ = w.Write([]byte(`{"isAuthorized":true}`))
			return
		}
		_, _ = w.Write([]byte(strings.Replace(cacheable("page"), "max-age=60", control, 1)))
	}
}

func TestACacheBehindAnAuthorizer(t *testing.T) {
	for control, want := range map[string]string{
		"max-age=60":         "fwd=uri-miss; detail=hit-for-miss",
		"public, max-age=60": "hit; ttl=60",
	} {
		f := newFakeLambda(t, authorizedPage(control))
		config := testConfig(f)
		config.Cache = &cache.Config{}
		config.Authorizer = &authorizer.Config{Function: "check"}
		handler := newTestHandler(t, config)
		for i := 0; i < 2; i++ {
			request := httptest.NewRequest("GET", "http://example.com/", nil)
			request.Header.Set("Authorization", "Bearer a")
			resp := serve(handler, request)
			if i == 1 {
				wantCacheStatus(t, control, resp, want)
			}
		}
	}
}

func TestStreamedRepliesAreStoredWhileTheyStream(t *testing.T) {
	discardLog(t)
	head := prelude(`{"statusCode":200,"headers":{"cache-control":"max-age=60"}}`)
	whole := [][]byte{head, chunkFrame("first "), chunkFrame("second")}
	for name, row := range map[string]struct {
		pieces [][]byte
		want   string // of the second request
	}{
		"a whole reply": {append(whole[:3:3], ends()), "hit; ttl=60"},
		"a stream that ends with an error": {
			append(whole[:3:3], completeFrame(`{"ErrorCode":"Runtime.Error"}`)), "fwd=uri-miss; stored; ttl=60",
		},
		"a stream that breaks": {whole[:3:3], "fwd=uri-miss; stored; ttl=60"},
	} {
		f := newFakeLambda(t, streams("application/vnd.awslambda.http-integration-response", row.pieces...))
		config := streamConfig(f)
		config.Cache = &cache.Config{}
		server := newTestServer(t, newTestHandler(t, config))
		first := fetch(t, "GET", server.URL+"/")
		if name == "a whole reply" && (first.body != "first second" || first.err != nil) {
			t.Errorf("%s: got %q, %v, want the stream", name, first.body, first.err)
		}
		second := fetch(t, "GET", server.URL+"/")
		if got := second.header.Get("Cache-Status"); got != "traefik-lambda; "+row.want {
			t.Errorf("%s: got Cache-Status %q, want %q", name, got, row.want)
		}
	}
}
