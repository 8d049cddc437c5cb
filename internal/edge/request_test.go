package edge

import (
	"encoding/base64"
	"strconv"
	"strings"
	"testing"
)

func TestURLsOfRequestHooks(t *testing.T) {
	const target = "/a%20b/c%2Fd?q=1+2"
	long := strings.Repeat("x", maxURLLen)
	cases := map[string]struct {
		patch  string
		status int
		want   string // the target that the origin gets
	}{
		"unchanged":                      {`{}`, 200, target},
		"another path":                   {`{"uri":"/new/%2F/x%20y"}`, 200, "/new/%2F/x%20y?q=1+2"},
		"another querystring":            {`{"querystring":"a=%2F&b"}`, 200, "/a%20b/c%2Fd?a=%2F&b"},
		"no querystring":                 {`{"querystring":""}`, 200, "/a%20b/c%2Fd"},
		"both":                           {`{"uri":"/x","querystring":"y=1;z"}`, 200, "/x?y=1;z"},
		"two slashes":                    {`{"uri":"//evil.example/x"}`, 200, "//evil.example/x?q=1+2"},
		"method, address as they are":    {`{"method":"GET","clientIp":"203.0.113.7"}`, 200, target},
		"method, address missing":        {`{"method":null,"clientIp":null,"uri":null,"headers":null}`, 200, target},
		"a uri without slash":            {`{"uri":"x"}`, 502, ""},
		"an empty uri":                   {`{"uri":""}`, 502, ""},
		"a question mark":                {`{"uri":"/x?y"}`, 502, ""},
		"a fragment":                     {`{"uri":"/x#y"}`, 502, ""},
		"a blank":                        {`{"uri":"/x y"}`, 502, ""},
		"a line feed":                    {`{"uri":"/x\ny"}`, 502, ""},
		"broken encoding":                {`{"uri":"/%zz"}`, 502, ""},
		"a URL":                          {`{"uri":"http://a.example/"}`, 502, ""},
		"a number":                       {`{"uri":1}`, 502, ""},
		"a long uri":                     {`{"uri":"/` + long + `"}`, 502, ""},
		"a long querystring":             {`{"querystring":"` + long + `"}`, 502, ""},
		"a blank in the querystring":     {`{"querystring":"a b"}`, 502, ""},
		"a control in the querystring":   {`{"querystring":"a\u0007b"}`, 502, ""},
		"a fragment in the querystring":  {`{"querystring":"a#b"}`, 502, ""},
		"a querystring that is an array": {`{"querystring":[]}`, 502, ""},
		"another method":                 {`{"method":"POST"}`, 502, ""},
		"another address":                {`{"clientIp":"192.0.2.1"}`, 502, ""},
	}
	for _, hook := range []string{"viewerRequest", "originRequest"} {
		for name, tc := range cases {
			s := &stage{replies: map[string]string{hook: "~" + tc.patch}}
			got := s.send(t, request("GET", target, ""))
			if got.status != tc.status {
				t.Errorf("%s: %s: got %d, log %q, want %d", hook, name, got.status, s.logged, tc.status)
			} else if got.status == 200 && s.seen.RequestURI != tc.want {
				t.Errorf("%s: %s: got %s at the origin, want %s", hook, name, s.seen.RequestURI, tc.want)
			}
		}
	}
}

func TestAChangedPathIsDecodedOnce(t *testing.T) {
	s := &stage{replies: map[string]string{"viewerRequest": `~{"uri":"/a%2Fb%20c"}`}}
	s.send(t, request("GET", "/", ""))
	if u := s.seen.URL; u.Path != "/a/b c" || u.RawPath != "/a%2Fb%20c" {
		t.Errorf("got path %q, raw path %q, want both forms", u.Path, u.RawPath)
	}
}

func TestBodiesOfRequestHooks(t *testing.T) {
	fits := strings.Repeat("x", 40<<10)
	encoded := base64.StdEncoding.EncodeToString([]byte("new"))
	cases := map[string]struct {
		patch  string
		status int
		body   string // that the origin gets
	}{
		"as it is":              {`{}`, 200, "item=42"},
		"read-only":             {`{"body":{"data":"bmV3"}}`, 200, "item=42"},
		"no action":             {`{"body":{"action":null,"data":"bmV3"}}`, 200, "item=42"},
		"no body":               {`{"body":null}`, 200, "item=42"},
		"replaced by text":      {`{"body":{"action":"replace","encoding":"text","data":"new"}}`, 200, "new"},
		"replaced by Base64":    {`{"body":{"action":"replace","encoding":"base64","data":"` + encoded + `"}}`, 200, "new"},
		"Base64 is the default": {`{"body":{"action":"replace","encoding":null,"data":"` + encoded + `"}}`, 200, "new"},
		"emptied":               {`{"body":{"action":"replace","encoding":"text","data":""}}`, 200, ""},
		"of the largest size":   {`{"body":{"action":"replace","encoding":"text","data":"` + fits + `"}}`, 200, fits},
		"a byte too large":      {`{"body":{"action":"replace","encoding":"text","data":"` + fits + `x"}}`, 502, ""},
		"bad Base64":            {`{"body":{"action":"replace","encoding":"base64","data":"%"}}`, 502, ""},
		"an unknown encoding":   {`{"body":{"action":"replace","encoding":"hex","data":"00"}}`, 502, ""},
		"an unknown action":     {`{"body":{"action":"drop"}}`, 502, ""},
		"no data":               {`{"body":{"action":"replace","data":null}}`, 502, ""},
		"a number for data":     {`{"body":{"action":"replace","data":1}}`, 502, ""},
		"a string":              {`{"body":"new"}`, 502, ""},
	}
	for name, tc := range cases {
		s := &stage{
			replies: map[string]string{"viewerRequest": "~" + tc.patch},
			config:  Config{ViewerRequest: &RequestHookConfig{IncludeBody: true}},
		}
		got := s.send(t, request("POST", "/", "item=42"))
		if got.status != tc.status {
			t.Errorf("%s: got %d, log %q, want %d", name, got.status, s.logged, tc.status)
			continue
		}
		if got.status != 200 {
			continue
		}
		length := strconv.Itoa(len(tc.body))
		if s.seenBody != tc.body || s.seen.Header.Get("Content-Length") != length ||
			int(s.seen.ContentLength) != len(tc.body) {
			t.Errorf("%s: got %d bytes, Content-Length %q, %d at the origin, want %d of them",
				name, len(s.seenBody), s.seen.Header.Get("Content-Length"), s.seen.ContentLength, len(tc.body))
		}
	}
}

func TestABodyIsReplacedOnlyWhereTheHookSeesIt(t *testing.T) {
	const replaced = `~{"body":{"action":"replace","encoding":"text","data":"new"}}`
	s := &stage{replies: map[string]string{"viewerRequest": replaced}}
	if got := s.send(t, request("POST", "/", "item=42")); got.status != 200 || s.seenBody != "item=42" {
		t.Errorf("got %d, %q at the origin, want 200, item=42", got.status, s.seenBody)
	}
}

func TestAReplacedBodyIsChunkedNoMore(t *testing.T) {
	s := &stage{
		replies: map[string]string{"originRequest": `~{"body":{"action":"replace","encoding":"text","data":"new"}}`},
		config:  Config{OriginRequest: &RequestHookConfig{IncludeBody: true}},
	}
	r := request("POST", "/", "item=42")
	r.ContentLength = -1
	s.send(t, r)
	if s.seenBody != "new" || len(s.seen.TransferEncoding) != 0 || s.seen.ContentLength != 3 {
		t.Errorf("got %q, %v, length %d, want new, none, 3", s.seenBody, s.seen.TransferEncoding, s.seen.ContentLength)
	}
}

func TestTheHostThatTheOriginGets(t *testing.T) {
	cases := map[string]struct{ patch, want string }{
		"unchanged": {`{}`, "shop.example.com:8080"},
		"changed":   {`{"headers":{"host":[{"value":"b.example"}]}}`, "b.example"},
		"a port":    {`{"headers":{"host":[{"value":"b.example:81"}]}}`, "b.example:81"},
		"deleted":   {`{"headers":{"host":null}}`, "shop.example.com:8080"},
	}
	for name, tc := range cases {
		s := &stage{replies: map[string]string{"originRequest": "~" + tc.patch, "originResponse": unchanged}}
		s.send(t, request("GET", "/", ""))
		if s.seen == nil || s.seen.Host != tc.want || s.seen.Header.Get("Host") != "" {
			t.Errorf("%s: got %v, log %q, want Host %s", name, s.seen, s.logged, tc.want)
		}
		want := `"distributionDomainName":"shop.example.com"`
		if !strings.Contains(string(s.events["originResponse"]), want) {
			t.Errorf("%s: got %s, want %s whatever the Host", name, s.events["originResponse"], want)
		}
	}
}
