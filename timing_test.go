package lambda

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/seed05e46011/lambda/internal/authorizer"
	"github.com/seed05e46011/lambda/internal/cache"
	"github.com/seed05e46011/lambda/internal/edge"
)

// entries match those of Server-Timing without their durations.
var entries = regexp.MustCompile(`;dur=[0-9]+\.[0-9]`)

// roomsAndOrigin replies as an authorizer that allows, as a hook that changes nothing, or as the
// origin, depending on the event.
func roomsAndOrigin(w http.ResponseWriter, event []byte) {
	if strings.Contains(string(event), `"routeArn"`) { // an authorizer's
		_, _ = w.Write([]byte(`{"isAuthorized":true}`))
		return
	}
	var hooked struct {
		Records []struct {
			CF struct {
				Request json.RawMessage `json:"request"`
			} `json:"cf"`
		}
	}
	if err := json.Unmarshal(event, &hooked); err == nil && len(hooked.Records) > 0 {
		_, _ = w.Write(hooked.Records[0].CF.Request) // unchanged
		return
	}
	_, _ = w.Write([]byte(`{"statusCode":200,"headers":{"cache-control":"max-age=60","server-timing":"db;dur=5"},"body":"x"}`))
}

func TestServerTimingNamesTheParts(t *testing.T) {
	f := newFakeLambda(t, roomsAndOrigin)
	for name, tc := range map[string]struct {
		set  func(c *Config)
		want []string // of the first request, and of the second
	}{
		"the function alone": {func(_ *Config) {}, []string{"db;dur=5 lambda", "db;dur=5 lambda"}},
		"a cache": {func(c *Config) { c.Cache = &cache.Config{} },
			[]string{"db;dur=5 lambda cache", "db;dur=5 cache"}},
		"an authorizer": {func(c *Config) {
			c.Authorizer = &authorizer.Config{Function: "guard", IdentitySource: []string{"$request.header.Authorization"}}
		}, []string{"db;dur=5 lambda authorizer"}},
		"hooks": {func(c *Config) {
			c.Edge = &edge.Config{
				ViewerRequest: &edge.RequestHookConfig{Function: "hook"},
				OriginRequest: &edge.RequestHookConfig{Function: "hook"},
			}
		}, []string{"db;dur=5 lambda edge-origin edge-viewer"}},
	} {
		config := testConfig(f)
		config.ServerTiming = true
		tc.set(config)
		handler := newTestHandler(t, config)
		for i, want := range tc.want {
			r := httptest.NewRequest(http.MethodGet, "http://example.com/", nil)
			if config.Authorizer != nil {
				r.Header.Set("Authorization", "Bearer x")
			}
			resp := serve(handler, r)
			got := strings.Join(resp.Header["Server-Timing"], " ")
			if got = entries.ReplaceAllString(got, ""); got != want {
				t.Errorf("%s, request %d: got %s, want %s", name, i, got, want)
			}
		}
	}
}
