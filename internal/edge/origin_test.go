package edge

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// told is the request that an origin got which a hook chose.
func told(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Encoding", "gzip") // that a transport would decode, if it were let
	_, _ = fmt.Fprintf(w, "%s %s custom=%s for=%s proto=%s", r.Host, r.RequestURI, r.Header.Get("X-Custom"),
		r.Header.Get("X-Forwarded-For"), r.Header.Get("X-Forwarded-Proto"))
}

func TestOriginsThatHooksChoose(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(told))
	defer other.Close()
	_, port, err := net.SplitHostPort(other.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	at := func(host, members, rest string) string {
		return `{"origin":{"custom":{"domainName":"` + host + `","port":` + port + `,"protocol":"http"` + members + `}}` +
			rest + `}`
	}
	const stayed = "router"
	cases := map[string]struct {
		patch  string
		status int
		body   string
	}{
		"unchanged": {`{}`, 200, stayed},
		"missing":   {`{"origin":null}`, 200, stayed},
		"an allowed address": {
			at("127.0.0.1", "", ""), 200, "shop.example.com:8080 /a%2Fb?q=%3b;x custom= for=1.2.3.4, 127.0.0.1 proto=https",
		},
		"an allowed name": {
			at("LOCALHOST", "", ""), 200, "shop.example.com:8080 /a%2Fb?q=%3b;x custom= for=1.2.3.4, 127.0.0.1 proto=https",
		},
		"its Host too": {
			at("127.0.0.1", "", `,"headers":{"host":[{"value":"other.example"}]}`), 200,
			"other.example /a%2Fb?q=%3b;x custom= for=1.2.3.4, 127.0.0.1 proto=https",
		},
		"its Host deleted": {
			at("127.0.0.1", "", `,"headers":{"host":null}`), 200,
			"127.0.0.1 /a%2Fb?q=%3b;x custom= for=1.2.3.4, 127.0.0.1 proto=https",
		},
		"a path": {
			at("127.0.0.1", `,"path":"/v1"`, ""), 200,
			"shop.example.com:8080 /v1/a%2Fb?q=%3b;x custom= for=1.2.3.4, 127.0.0.1 proto=https",
		},
		"a path and a uri": {
			at("127.0.0.1", `,"path":"/v1"`, `,"uri":"/c","querystring":""`), 200,
			"shop.example.com:8080 /v1/c custom= for=1.2.3.4, 127.0.0.1 proto=https",
		},
		"custom headers": {
			at("127.0.0.1", `,"customHeaders":{"x-custom":[{"key":"X-Custom","value":"1"}]}`, ""), 200,
			"shop.example.com:8080 /a%2Fb?q=%3b;x custom=1 for=1.2.3.4, 127.0.0.1 proto=https",
		},
		"timeouts are ignored": {
			`{"origin":{"custom":{"readTimeout":1,"keepaliveTimeout":60,"sslProtocols":["TLSv1"]}}}`, 200, stayed,
		},
		"not allowed":           {at("other.example", "", ""), 502, badGateway},
		"an address not listed": {at("127.0.0.2", "", ""), 502, badGateway},
		"a name with a port":    {at("x.localhost:80", "", ""), 502, badGateway},
		"no name":               {at("a/../x.localhost", "", ""), 502, badGateway},
		"a bucket":              {`{"origin":{"custom":null,"s3":{"domainName":"b.s3.amazonaws.com"}}}`, 502, badGateway},
		"none":                  {`{"origin":{"custom":null}}`, 502, badGateway},
		"a string":              {`{"origin":"x"}`, 502, badGateway},
		"a port in a string":    {`{"origin":{"custom":{"port":"443"}}}`, 502, badGateway},
		"a reserved port":       {`{"origin":{"custom":{"domainName":"127.0.0.1","port":22}}}`, 502, badGateway},
		"another protocol":      {`{"origin":{"custom":{"domainName":"127.0.0.1","protocol":"ftp"}}}`, 502, badGateway},
		"a path with a slash":   {at("127.0.0.1", `,"path":"/v1/"`, ""), 502, badGateway},
		"a path without one":    {at("127.0.0.1", `,"path":"v1"`, ""), 502, badGateway},
		"a path with a query":   {at("127.0.0.1", `,"path":"/v1?x"`, ""), 502, badGateway},
		"a long path":           {at("127.0.0.1", `,"path":"/`+strings.Repeat("x", 255)+`"`, ""), 502, badGateway},
		"no time":               {at("127.0.0.1", `,"readTimeout":0`, ""), 502, badGateway},
		"Host as a custom one":  {at("127.0.0.1", `,"customHeaders":{"host":[{"value":"1"}]}`, ""), 502, badGateway},
		"an Amazon header":      {at("127.0.0.1", `,"customHeaders":{"x-amz-a":[{"value":"1"}]}`, ""), 502, badGateway},
		"a condition":           {at("127.0.0.1", `,"customHeaders":{"if-match":[{"value":"1"}]}`, ""), 502, badGateway},
		"a hidden one":          {at("127.0.0.1", `,"customHeaders":{"x-real-ip":[{"value":"1"}]}`, ""), 502, badGateway},
		"one of the request's":  {at("127.0.0.1", `,"customHeaders":{"x-client":[{"value":"1"}]}`, ""), 502, badGateway},
		"one that is no list":   {at("127.0.0.1", `,"customHeaders":{"x-custom":"1"}`, ""), 502, badGateway},
		"a line feed in one":    {at("127.0.0.1", `,"customHeaders":{"x-custom":[{"value":"1\n"}]}`, ""), 502, badGateway},
	}
	for name, tc := range cases {
		s := &stage{
			replies: map[string]string{"originRequest": "~" + tc.patch, "originResponse": unchanged},
			config:  Config{Origins: []string{"127.0.0.1", "localhost", "*.localhost"}},
			body:    stayed,
		}
		r := request("GET", "/a%2Fb?q=%3b;x", "")
		r.Header = http.Header{"X-Client": {"1"}, "X-Forwarded-For": {"1.2.3.4"}, "X-Forwarded-Proto": {"https"}}
		got := s.send(t, r)
		if got.status != tc.status || got.body != tc.body {
			t.Errorf("%s: got %d %q, log %q, want %d %q", name, got.status, got.body, s.logged, tc.status, tc.body)
		}
		if want := tc.status == 200; strings.Contains(s.called(), "originResponse") != want {
			t.Errorf("%s: got calls %q, want originResponse: %v", name, s.called(), want)
		}
	}
}

func TestTheOriginThatStays(t *testing.T) {
	s := &stage{replies: map[string]string{
		"originRequest": `~{"origin":{"custom":{"path":"/v1","customHeaders":{"x-custom":[{"value":"1"}]}}}}`,
	}}
	got := s.send(t, request("GET", "/a%2Fb?q", ""))
	if got.status != 200 || s.seen.RequestURI != "/v1/a%2Fb?q" || s.seen.URL.Path != "/v1/a/b" ||
		s.seen.Header.Get("X-Custom") != "1" {
		t.Errorf("got %d, log %q, %v at the origin, want its path and its header", got.status, s.logged, s.seen)
	}
}

func TestAnOriginFromTheViewersHook(t *testing.T) {
	s := &stage{replies: map[string]string{"viewerRequest": `~{"origin":{"custom":{"path":"/v1"}}}`}}
	if got := s.send(t, request("GET", "/", "")); got.status != 502 || s.called() != "viewerRequest" {
		t.Errorf("got %d, calls %q, want 502 without an origin", got.status, s.called())
	}
}

// TestAnOriginThatIsDown sends the request to an address where nothing listens.
func TestAnOriginThatIsDown(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	_ = listener.Close()
	s := &stage{
		replies: map[string]string{
			"originRequest":  `~{"origin":{"custom":{"domainName":"localhost","port":` + port + `}}}`,
			"originResponse": unchanged, "viewerResponse": unchanged,
		},
		config: Config{Origins: []string{"localhost"}},
	}
	got := s.send(t, request("GET", "/", ""))
	if got.status != 502 || got.body != badGateway || s.called() != "originRequest" {
		t.Errorf("got %d %q, calls %q, want 502, no response hook", got.status, got.body, s.called())
	}
	if len(s.logged) != 1 || !strings.Contains(s.logged[0], "cause=connection: origin localhost") ||
		strings.Contains(s.logged[0], "127.0.0.1") {
		t.Errorf("got log %q, want one line without the address", s.logged)
	}
}
