package edge

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// golden returns an event in testdata as one line. These events have the members that AWS documents, in its order,
// with the values of this middleware:
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/lambda-event-structure.html
func golden(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var line bytes.Buffer
	if err := json.Compact(&line, content); err != nil {
		t.Fatal(err)
	}
	return line.String()
}

var requestID = regexp.MustCompile(`"requestId":"([A-Za-z0-9_-]{54}==)"`)

func TestEventsMatchAWSsDocumentation(t *testing.T) {
	s := &stage{
		replies: map[string]string{
			"viewerRequest": unchanged, "originRequest": unchanged, "originResponse": unchanged, "viewerResponse": unchanged,
		},
		header: http.Header{"Content-Type": {"image/png"}, "Set-Cookie": {"a=1", "b=2; Path=/"}},
	}
	handler := s.handler(t)
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "https://shop.example.com/img/1.png", nil))
	ids := map[string]bool{}
	for hook, want := range map[string]string{
		"viewerRequest":  "",
		"originRequest":  golden(t, "origin-request"),
		"originResponse": golden(t, "origin-response"),
		"viewerResponse": golden(t, "viewer-response"),
	} {
		got := string(s.events[hook])
		match := requestID.FindStringSubmatch(got)
		if match == nil {
			t.Fatalf("%s: got %s, want a request id of 40 bytes in Base64", hook, got)
		}
		ids[match[1]] = true
		if got := requestID.ReplaceAllString(got, `"requestId":"ID"`); want != "" && got != want {
			t.Errorf("%s: got\n%s, want\n%s", hook, got, want)
		}
	}
	if len(ids) != 1 {
		t.Errorf("got request ids %v, want one for all hooks", ids)
	}
}

func TestTheEventOfABody(t *testing.T) {
	s := &stage{
		replies: map[string]string{"viewerRequest": unchanged},
		config:  Config{ViewerRequest: &RequestHookConfig{IncludeBody: true}},
	}
	const target = "https://shop.example.com/a%20b/c%2Fd?q=1+2&tag=x&tag=y"
	r := httptest.NewRequest("POST", target, strings.NewReader("item=42"))
	r.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Cookie": {"a=1; b=2", "c=3"}}
	s.handler(t).ServeHTTP(httptest.NewRecorder(), r)
	got := requestID.ReplaceAllString(string(s.events["viewerRequest"]), `"requestId":"ID"`)
	if want := golden(t, "viewer-request"); got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
	if s.seenBody != "item=42" {
		t.Errorf("got %q at the origin, want item=42", s.seenBody)
	}
}

func TestWhatEventsShow(t *testing.T) {
	cases := map[string]struct {
		config Config
		change func(r *http.Request)
		want   string // a part of the event of viewerRequest
	}{
		"markup, as it is": {
			Config{}, func(r *http.Request) { r.Header.Set("X-A", "<a>&'\"") }, `{"key":"X-A","value":"<a>&'\""}`,
		},
		"ISO-8859-1 as UTF-8": {
			Config{}, func(r *http.Request) { r.Header["X-A"] = []string{"caf\xe9"} }, `"value":"café"`,
		},
		"a path of ISO-8859-1": {
			Config{}, func(r *http.Request) { *r.URL = url.URL{Path: "/caf\xe9", RawPath: "/caf\xe9"} }, `"uri":"/café"`,
		},
		"a plus in a path": {Config{}, func(r *http.Request) { r.URL.Path = "/a+b" }, `"uri":"/a+b"`},
		"a path that was rewritten": {
			Config{}, func(r *http.Request) { *r.URL = url.URL{Path: "/new path", RawPath: "/old%2F"} },
			`"uri":"/new%20path"`,
		},
		"a chunked body": {
			Config{}, func(r *http.Request) { r.TransferEncoding = []string{"chunked"} },
			`"transfer-encoding":[{"key":"Transfer-Encoding","value":"chunked"}]`,
		},
		"the distribution's id": {Config{DistributionID: "E1"}, func(_ *http.Request) {}, `"distributionId":"E1"`},
		"the distribution's name": {
			Config{DistributionDomainName: "d1.example"}, func(_ *http.Request) {}, `"distributionDomainName":"d1.example"`,
		},
		"the host without its port": {
			Config{}, func(r *http.Request) { r.Host = "a.example:8443" }, `"distributionDomainName":"a.example"`,
		},
		"an address without its port": {
			Config{}, func(r *http.Request) { r.Host = "[2001:db8::1]:80" }, `"distributionDomainName":"2001:db8::1"`,
		},
	}
	for name, tc := range cases {
		s := &stage{replies: map[string]string{"viewerRequest": unchanged}, config: tc.config}
		r := httptest.NewRequest("GET", "http://shop.example.com/", nil)
		tc.change(r)
		s.handler(t).ServeHTTP(httptest.NewRecorder(), r)
		if got := string(s.events["viewerRequest"]); !strings.Contains(got, tc.want) {
			t.Errorf("%s: got %s, want %s", name, got, tc.want)
		}
	}
}

func TestBodiesOverTheLimit(t *testing.T) {
	for hook, limit := range map[string]int{"viewerRequest": 40 << 10, "originRequest": 1 << 20} {
		for over := 0; over < 2; over++ {
			s := &stage{replies: map[string]string{hook: `~{"body":{"data":"changed"}}`}}
			if hook == "viewerRequest" {
				s.config.ViewerRequest = &RequestHookConfig{IncludeBody: true}
			} else {
				s.config.OriginRequest = &RequestHookConfig{IncludeBody: true}
			}
			sent := strings.Repeat("x", limit+over)
			s.send(t, request("POST", "/", sent))
			if s.seenBody != sent {
				t.Errorf("%s, %d over: got %d bytes at the origin, want all %d", hook, over, len(s.seenBody), len(sent))
			}
			want := `"data":"` + base64.StdEncoding.EncodeToString([]byte(sent[:limit])) + `","encoding":"base64",`
			want += `"inputTruncated":` + map[int]string{0: "false", 1: "true"}[over]
			if !strings.Contains(string(s.events[hook]), want) {
				t.Errorf("%s, %d over: got no %d bytes and inputTruncated in the event", hook, over, limit)
			}
		}
	}
}

func TestTheEventWithoutABody(t *testing.T) {
	s := &stage{
		replies: map[string]string{"viewerRequest": unchanged},
		config:  Config{ViewerRequest: &RequestHookConfig{IncludeBody: true}},
	}
	s.send(t, request("GET", "/", ""))
	want := `"body":{"action":"read-only","data":"","encoding":"base64","inputTruncated":false}`
	if got := string(s.events["viewerRequest"]); !strings.Contains(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestABodyThatBreaksOff uses a client that leaves in the middle of its body.
func TestABodyThatBreaksOff(t *testing.T) {
	s := &stage{
		replies: map[string]string{"viewerRequest": unchanged},
		config:  Config{ViewerRequest: &RequestHookConfig{IncludeBody: true}},
	}
	r := httptest.NewRequest("POST", "/", io.MultiReader(strings.NewReader("it"), broken()))
	client := httptest.NewRecorder()
	s.handler(t).ServeHTTP(client, r)
	if client.Code != 400 || s.called() != "" || len(s.logged) != 0 || len(s.debugged) != 1 {
		t.Errorf("got %d, calls %q, log %q, want 400, no calls, one line of debug", client.Code, s.called(), s.logged)
	}
}

// broken returns a reader that fails.
func broken() io.Reader {
	reader, writer := io.Pipe()
	_ = writer.CloseWithError(io.ErrUnexpectedEOF)
	return reader
}
