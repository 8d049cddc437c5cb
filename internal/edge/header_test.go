package edge

import (
	"net/http"
	"strings"
	"testing"
)

func TestHeadersOfRequestHooks(t *testing.T) {
	cases := map[string]struct {
		hook   string
		patch  string
		status int
		seen   http.Header // by the origin; a nil value for a header that must not be there
	}{
		"added": {
			"viewerRequest", `{"headers":{"x-a":[{"key":"X-A","value":"1"}]}}`, 200, http.Header{"X-A": {"1"}},
		},
		"added without key": {
			"viewerRequest", `{"headers":{"x-new-one":[{"value":"1"}]}}`, 200, http.Header{"X-New-One": {"1"}},
		},
		"changed": {
			"viewerRequest", `{"headers":{"x-client":[{"key":"X-Client","value":"2"}]}}`, 200,
			http.Header{"X-Client": {"2"}},
		},
		"deleted": {
			"viewerRequest", `{"headers":{"x-client":null}}`, 200, http.Header{"X-Client": nil},
		},
		"deleted by an empty list": {
			"viewerRequest", `{"headers":{"x-client":[]}}`, 200, http.Header{"X-Client": nil},
		},
		"a key of another case": {
			"viewerRequest", `{"headers":{"x-a":[{"key":"x-A","value":"1"}]}}`, 200, http.Header{"X-A": {"1"}},
		},
		"a name of another case": {
			"viewerRequest", `{"headers":{"X-A":[{"value":"1"}]}}`, 200, http.Header{"X-A": {"1"}},
		},
		"a name in two cases": {
			"viewerRequest", `{"headers":{"X-A":[{"value":"1"}],"x-a":[{"value":"2"}]}}`, 200,
			http.Header{"X-A": {"1", "2"}},
		},
		"a list of values": {
			"viewerRequest", `{"headers":{"x-a":[{"value":["1","2"]}]}}`, 200, http.Header{"X-A": {"1", "2"}},
		},
		"two lines stay two": {
			"viewerRequest", `{}`, 200, http.Header{"Cookie": {"a=1; b=2", "c=3"}},
		},
		"hidden ones stay": {
			"viewerRequest", `{"headers":{"x-client":null}}`, 200,
			http.Header{"X-Forwarded-Proto": {"https"}, "X-Real-Ip": {"192.0.2.1"}},
		},
		"Via unchanged": {"viewerRequest", `{}`, 200, http.Header{"Via": {"1.1 proxy"}}},
		"forwarded ones": {
			"viewerRequest", `{"headers":{"x-forwarded-for":[{"value":"1.2.3.4"}]}}`, 200,
			http.Header{"X-Forwarded-For": {"1.2.3.4"}},
		},
		"Accept-Encoding by the viewer's hook": {
			"viewerRequest", `{"headers":{"accept-encoding":[{"value":"br"}]}}`, 200, http.Header{"Accept-Encoding": {"br"}},
		},
		"a country by the origin's hook": {
			"originRequest", `{"headers":{"cloudfront-viewer-country":[{"value":"DE"}]}}`, 200,
			http.Header{"Cloudfront-Viewer-Country": {"DE"}},
		},
		"a key of another name": {
			"viewerRequest", `{"headers":{"x-a":[{"key":"X-B","value":"1"}]}}`, 502, nil,
		},
		"no list":                   {"viewerRequest", `{"headers":{"x-a":{"value":"1"}}}`, 502, nil},
		"a string for a list":       {"viewerRequest", `{"headers":{"x-a":"1"}}`, 502, nil},
		"an entry that is a string": {"viewerRequest", `{"headers":{"x-a":["1"]}}`, 502, nil},
		"no value":                  {"viewerRequest", `{"headers":{"x-a":[{"key":"X-A"}]}}`, 502, nil},
		"a number for a value":      {"viewerRequest", `{"headers":{"x-a":[{"value":1}]}}`, 502, nil},
		"a list with a number":      {"viewerRequest", `{"headers":{"x-a":[{"value":["1",2]}]}}`, 502, nil},
		"CR LF": {
			"viewerRequest", `{"headers":{"x-a":[{"value":"1\r\nX-B: 2"}]}}`, 502, nil,
		},
		"a line feed in a list": {
			"viewerRequest", `{"headers":{"x-a":[{"value":["1","2\n"]}]}}`, 502, nil,
		},
		"a blank in a name":       {"viewerRequest", `{"headers":{"x a":[{"value":"1"}]}}`, 502, nil},
		"an empty name":           {"viewerRequest", `{"headers":{"":[{"value":"1"}]}}`, 502, nil},
		"headers that are a list": {"viewerRequest", `{"headers":[]}`, 502, nil},
		"Via deleted":             {"viewerRequest", `{"headers":{"via":null}}`, 502, nil},
		"Via changed":             {"originRequest", `{"headers":{"via":[{"value":"2"}]}}`, 502, nil},
		"Content-Length added": {
			"viewerRequest", `{"headers":{"content-length":[{"value":"0"}]}}`, 502, nil,
		},
		"Transfer-Encoding added": {
			"originRequest", `{"headers":{"transfer-encoding":[{"value":"chunked"}]}}`, 502, nil,
		},
		"CDN-Loop added": {"viewerRequest", `{"headers":{"cdn-loop":[{"value":"x"}]}}`, 502, nil},
		"Host changed by the viewer's hook": {
			"viewerRequest", `{"headers":{"host":[{"value":"b.example"}]}}`, 502, nil,
		},
		"Host deleted by the viewer's hook":        {"viewerRequest", `{"headers":{"host":null}}`, 502, nil},
		"all headers deleted by the viewer's hook": {"viewerRequest", `{"headers":null}`, 200, nil},
		"Accept-Encoding by the origin's hook": {
			"originRequest", `{"headers":{"accept-encoding":[{"value":"br"}]}}`, 502, nil,
		},
		"a condition deleted by the origin's hook": {"originRequest", `{"headers":{"if-none-match":null}}`, 502, nil},
		"a condition deleted by the viewer's hook": {
			"viewerRequest", `{"headers":{"if-none-match":null}}`, 200, http.Header{"If-None-Match": nil},
		},
		"two Hosts": {
			"originRequest", `{"headers":{"host":[{"value":"a.example"},{"value":"b.example"}]}}`, 502, nil,
		},
		"a Host that is none": {
			"originRequest", `{"headers":{"host":[{"value":"b.example/x"}]}}`, 502, nil,
		},
		"a country by the viewer's hook": {
			"viewerRequest", `{"headers":{"cloudfront-viewer-country":[{"value":"DE"}]}}`, 502, nil,
		},
		"the same header, hidden from it, unchanged": {
			"viewerRequest", `{}`, 200, http.Header{"Cloudfront-Viewer-Country": {"FR"}},
		},
	}
	for name, tc := range cases {
		s := &stage{replies: map[string]string{tc.hook: "~" + tc.patch}}
		r := request("GET", "/", "")
		r.Header = http.Header{
			"X-Client": {"1"}, "Cookie": {"a=1; b=2", "c=3"}, "Via": {"1.1 proxy"}, "X-Forwarded-Proto": {"https"},
			"X-Real-Ip": {"192.0.2.1"}, "Accept-Encoding": {"gzip"}, "If-None-Match": {"x"}, "Cloudfront-Viewer-Country": {"FR"},
		}
		got := s.send(t, r)
		if got.status != tc.status {
			t.Errorf("%s: got %d, log %q, want %d", name, got.status, s.logged, tc.status)
			continue
		}
		for key, want := range tc.seen {
			if lines := s.seen.Header[key]; !equal(lines, want) {
				t.Errorf("%s: got %s %q at the origin, want %q", name, key, lines, want)
			}
		}
	}
}

func TestHiddenHeaders(t *testing.T) {
	hidden := []string{
		"Connection", "Expect", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Trailer",
		"Upgrade", "X-Accel-Buffering", "X-Accel-Charset", "X-Accel-Limit-Rate", "X-Accel-Redirect", "X-Amz-Cf-Id",
		"X-Amzn-Auth", "X-Amzn-Cf-Billing", "X-Amzn-Cf-Id", "X-Amzn-Cf-Xff", "X-Amzn-Errortype", "X-Amzn-Fle-Profile",
		"X-Amzn-Header-Count", "X-Amzn-Header-Order", "X-Amzn-Lambda-Integration-Tag", "X-Amzn-RequestId", "X-Cache",
		"X-Edge-A", "X-Forwarded-Proto", "X-Real-IP",
	}
	for _, hook := range []string{"viewerRequest", "originRequest", "originResponse", "viewerResponse"} {
		for _, name := range hidden {
			lower := strings.ToLower(name)
			s := &stage{replies: map[string]string{hook: `~{"headers":{"` + lower + `":[{"value":"1"}]}}`}}
			want := `tried to add a blacklisted header: header "` + lower + `"`
			got := s.send(t, request("GET", "/", ""))
			if got.status != 502 || len(s.logged) != 1 || !strings.HasSuffix(s.logged[0], want) {
				t.Errorf("%s: %s: got %d, log %q, want 502, %s", hook, name, got.status, s.logged, want)
			}
		}
	}
}

func TestHiddenHeadersAreNotInEvents(t *testing.T) {
	s := &stage{
		replies: map[string]string{"originRequest": unchanged, "originResponse": unchanged},
		header:  http.Header{"X-Cache": {"hit"}, "X-Amzn-Requestid": {"1"}, "X-Shown": {"1"}},
	}
	r := request("GET", "/", "")
	r.Header = http.Header{
		"X-Edge-Location": {"secret"}, "X-Real-Ip": {"secret"}, "Upgrade": {"secret"}, "Connection": {"Upgrade"},
	}
	got := s.send(t, r)
	for hook, asked := range s.events {
		if text := strings.ToLower(string(asked)); strings.Contains(text, "secret") || strings.Contains(text, "x-cache") {
			t.Errorf("%s: got %s, want no hidden header", hook, text)
		}
	}
	if s.seen.Header.Get("Upgrade") != "secret" || s.seen.Header.Get("X-Edge-Location") != "secret" {
		t.Errorf("got %v at the origin, want what was hidden from the hook", s.seen.Header)
	}
	header := got.header
	if header.Get("X-Cache") != "hit" || header.Get("X-Amzn-Requestid") != "1" || header.Get("X-Shown") != "1" {
		t.Errorf("got %v, want what was hidden from the hook", header)
	}
}
