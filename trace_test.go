package lambda

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/seed05e46011/lambda/internal/authorizer"
	"github.com/seed05e46011/lambda/internal/edge"
)

const (
	traceRoot   = "Root=1-5759e988-bd862e3fe1be46a994272793"
	traceHeader = traceRoot + ";Parent=53995c3f42cd8ad8;Sampled=1"
)

// traced sends a request with the client's trace header to a function. It returns the header on the
// wire and the one in the event.
func traced(t *testing.T, config *Config, f *fakeLambda) (wire, event string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "http://example.com/", nil) // its peer is 192.0.2.1
	r.Header.Set("X-Amzn-Trace-Id", traceHeader)
	serve(newTestHandler(t, config), r)
	headers, _ := f.lastEvent(t)["headers"].(map[string]any)
	inEvent, _ := headers["x-amzn-trace-id"].(string)
	f.mu.Lock()
	defer f.mu.Unlock()
	onWire := f.requests[len(f.requests)-1].Header.Get("X-Amzn-Trace-Id")
	return onWire, inEvent
}

func TestTheTraceIsOnTheCallAndInTheEvent(t *testing.T) {
	for name, tc := range map[string]struct {
		set         func(c *Config)
		wire, event string
	}{
		"off":                         {func(_ *Config) {}, "", traceHeader},
		"on":                          {func(c *Config) { c.XRayTracing = true }, traceRoot, traceRoot},
		"on, from a trusted peer":     {trustPeer, traceHeader, traceHeader},
		"on, with retries":            {func(c *Config) { trustPeer(c); c.Retry = &RetryConfig{Attempts: 2} }, traceHeader, traceHeader},
		"on, with options of Invoke":  {func(c *Config) { trustPeer(c); c.TenantID = "blue" }, traceHeader, traceHeader},
		"on, with a REST API's event": {func(c *Config) { trustPeer(c); c.EventFormat = "function-url" }, traceHeader, traceHeader},
	} {
		f := newFakeLambda(t, replies(`"hello"`))
		config := testConfig(f)
		tc.set(config)
		wire, event := traced(t, config, f)
		if wire != tc.wire || event != tc.event {
			t.Errorf("%s: got %q on the wire and %q in the event, want %q and %q", name, wire, event, tc.wire, tc.event)
		}
		if signed := f.requests[0].Header.Get("Authorization"); strings.Contains(signed, "trace") {
			t.Errorf("%s: got %s, want the trace header unsigned", name, signed)
		}
	}
}

func trustPeer(c *Config) {
	c.XRayTracing = true
	c.XRayTrustedIPs = []string{"192.0.2.0/24"}
}

func TestRetriesAreInTheSameTrace(t *testing.T) {
	discardLog(t)
	f := newFakeLambda(t, func(w http.ResponseWriter, _ []byte) { w.WriteHeader(http.StatusTooManyRequests) })
	config := testConfig(f)
	config.XRayTracing = true
	config.Retry = &RetryConfig{Attempts: 2}
	serve(newTestHandler(t, config), httptest.NewRequest(http.MethodGet, "http://example.com/", nil))
	if len(f.requests) != 2 {
		t.Fatalf("got %d calls, want 2", len(f.requests))
	}
	first := f.requests[0].Header.Get("X-Amzn-Trace-Id")
	if second := f.requests[1].Header.Get("X-Amzn-Trace-Id"); first == "" || first != second {
		t.Errorf("got %q and %q, want the same trace", first, second)
	}
}

func TestRoomsAndFunctionAreInTheSameTrace(t *testing.T) {
	f := newFakeLambda(t, roomsAndOrigin)
	config := testConfig(f)
	trustPeer(config)
	config.Authorizer = &authorizer.Config{Function: "guard", IdentitySource: []string{"$request.header.Authorization"}}
	config.Edge = &edge.Config{
		ViewerRequest: &edge.RequestHookConfig{Function: "hook"},
		OriginRequest: &edge.RequestHookConfig{Function: "hook"},
	}
	r := httptest.NewRequest(http.MethodGet, "http://example.com/", nil)
	r.Header.Set("X-Amzn-Trace-Id", traceHeader)
	r.Header.Set("Authorization", "Bearer x")
	serve(newTestHandler(t, config), r)
	if len(f.requests) != 4 {
		t.Fatalf("got %d calls, want those of two hooks, an authorizer and the function", len(f.requests))
	}
	for _, call := range f.requests {
		if got := call.Header.Get("X-Amzn-Trace-Id"); got != traceHeader {
			t.Errorf("%s: got %q, want %q", call.URL.Path, got, traceHeader)
		}
	}
}

func TestXRayOptions(t *testing.T) {
	for want, set := range map[string]func(c *Config){
		"lambda: xrayTrustedIPs: set without xrayTracing": func(c *Config) { c.XRayTrustedIPs = []string{"192.0.2.1"} },
		`lambda: xrayTrustedIPs: "x": want an IP address`: func(c *Config) { c.XRayTracing = true; c.XRayTrustedIPs = []string{"x"} },
	} {
		config := testConfig(newFakeLambda(t, replies(`""`)))
		set(config)
		_, err := New(context.Background(), http.NotFoundHandler(), config, "lambda@test")
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
