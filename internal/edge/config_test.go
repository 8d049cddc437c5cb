package edge

import (
	"strings"
	"testing"
)

func TestOptionsThatAreRefused(t *testing.T) {
	hook := func() *RequestHookConfig { return &RequestHookConfig{Function: "f"} }
	unknown := map[string]any{"timeuot": "5s"}
	cases := map[string]struct {
		config Config
		want   string // what the error begins with
	}{
		"no hook": {Config{}, "edge: want at least one of viewerRequest"},
		"a misspelt option": {
			Config{ViewerRequest: hook(), Unknown: map[string]any{"origin": "x"}},
			"edge.origin: no such option: did you mean edge.origins?",
		},
		"a misspelt option of a hook": {
			Config{OriginResponse: &ResponseHookConfig{Function: "f", Unknown: unknown}},
			"edge.originResponse.timeuot: no such option: did you mean edge.originResponse.timeout?",
		},
		"a hook without function": {
			Config{OriginRequest: &RequestHookConfig{}}, "edge.originRequest.function: want the name",
		},
		"a function that is no name": {
			Config{ViewerResponse: &ResponseHookConfig{Function: "bad name"}},
			`edge.viewerResponse.function: "bad name": want`,
		},
		"a body in a response hook": {
			Config{ViewerResponse: &ResponseHookConfig{Function: "f", Unknown: map[string]any{"includeBody": "true"}}},
			"edge.viewerResponse.includeBody: no such option",
		},
		"a timeout that is none": {
			Config{ViewerRequest: &RequestHookConfig{Function: "f", Timeout: "soon"}},
			`edge.viewerRequest.timeout: "soon": want a duration`,
		},
		"no time at all": {
			Config{ViewerRequest: &RequestHookConfig{Function: "f", Timeout: "0s"}},
			`edge.viewerRequest.timeout: "0s": want a duration`,
		},
		"origins without a chooser": {
			Config{ViewerRequest: hook(), Origins: []string{"a.example"}},
			"edge.origins: only of use with edge.originRequest",
		},
		"an origin with a port": {
			Config{OriginRequest: hook(), Origins: []string{"a.example:80"}}, `edge.origins: "a.example:80": want a host`,
		},
		"an origin with a scheme": {
			Config{OriginRequest: hook(), Origins: []string{"http://a.example"}},
			`edge.origins: "http://a.example": want a host`,
		},
		"all origins": {
			Config{OriginRequest: hook(), Origins: []string{"*"}}, `edge.origins: "*": want a host`,
		},
		"a star in the middle": {
			Config{OriginRequest: hook(), Origins: []string{"a.*.example"}}, `edge.origins: "a.*.example": want a host`,
		},
		"a range of addresses": {
			Config{OriginRequest: hook(), Origins: []string{"10.0.0.0/8"}}, `edge.origins: "10.0.0.0/8": want a host`,
		},
		"an empty name among the good": {
			Config{OriginRequest: hook(), Origins: []string{"a.example", ""}}, `edge.origins: "": want a host`,
		},
	}
	for name, tc := range cases {
		s := &stage{}
		config := tc.config
		_, err := New(&config, s.core())
		if err == nil || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %s", name, err, tc.want)
		}
	}
}

func TestDefaultsOfHooks(t *testing.T) {
	s := &stage{}
	e, err := New(&Config{
		ViewerRequest:  &RequestHookConfig{Function: "f"},
		OriginResponse: &ResponseHookConfig{Function: "f", Timeout: "7"},
		ViewerResponse: &ResponseHookConfig{Function: "f"},
		OriginRequest:  &RequestHookConfig{Function: "f", IncludeBody: true},
	}, s.core())
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ got, want string }{
		"viewerRequest":           {e.viewerRequest.timeout.String(), "5s"},
		"viewerResponse":          {e.viewerResponse.timeout.String(), "5s"},
		"originRequest":           {e.originRequest.timeout.String(), "30s"},
		"a bare number, seconds":  {e.originResponse.timeout.String(), "7s"},
		"the distribution's name": {e.distributionID, "TRAEFIK"},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: got %s, want %s", name, tc.got, tc.want)
		}
	}
}

func TestOriginsThatAreAllowed(t *testing.T) {
	allowed, err := parseOrigins([]string{"api.example.com", " *.Shop.example ", "192.0.2.1", "2001:db8::1"})
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]bool{
		"api.example.com":     true,
		"x.api.example.com":   false,
		"example.com":         false,
		"a.shop.example":      true,
		"a.b.shop.example":    true,
		"shop.example":        false,
		".shop.example":       false,
		"evilshop.example":    false,
		"192.0.2.1":           true,
		"192.0.2.2":           false,
		"2001:db8::1":         true,
		"2001:db8:0:0:0::1":   true,
		"":                    false,
		"a.shop.example.":     false,
		"a/../.shop.example":  false,
		"api.example.com:443": false,
	} {
		if got := allowed.allow(host); got != want {
			t.Errorf("%q: got %v, want %v", host, got, want)
		}
	}
}
