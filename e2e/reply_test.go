package e2e_test

import (
	"net/http"
	"net/url"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestClientGetsTheReply(t *testing.T) {
	s := newSite(t, m{"function": "reply"})
	for name, row := range map[string]struct {
		method, reply string
		status        int
		header        http.Header
		body          string
	}{
		"text": {
			"GET", `{"statusCode":200,"headers":{"content-type":"text/plain"},"body":"grüße"}`,
			200, http.Header{"Content-Type": {"text/plain"}, "Content-Length": {"7"}}, "grüße",
		},
		"bytes": {
			"GET", `{"statusCode":200,"headers":{"content-type":"image/png"},"body":"AP/+","isBase64Encoded":true}`,
			200, http.Header{"Content-Type": {"image/png"}, "Content-Length": {"3"}}, "\x00\xff\xfe",
		},
		"a value without a status code is JSON": {
			"GET", `{"plain":true}`,
			200, http.Header{"Content-Type": {"application/json"}}, `{"plain":true}`,
		},
		"two cookies": {
			"GET", `{"statusCode":200,"cookies":["a=1; Path=/","b=2; Secure"],"body":"x"}`,
			200, http.Header{"Set-Cookie": {"a=1; Path=/", "b=2; Secure"}}, "x",
		},
		"a redirect is the client's to follow": {
			"GET", `{"statusCode":302,"headers":{"location":"https://example.org/next"}}`,
			302, http.Header{"Location": {"https://example.org/next"}, "Content-Length": {"0"}}, "",
		},
		"no content": {
			"DELETE", `{"statusCode":204}`,
			204, http.Header{"Content-Length": nil}, "",
		},
		"a client error of the function's own": {
			"GET", `{"statusCode":404,"headers":{"content-type":"text/html"},"body":"<h1>no</h1>"}`,
			404, http.Header{"Content-Type": {"text/html"}}, "<h1>no</h1>",
		},
		"a server error of the function's own": {
			"GET", `{"statusCode":503,"headers":{"retry-after":"7"},"body":"later"}`,
			503, http.Header{"Retry-After": {"7"}}, "later",
		},
		"to HEAD no body, but its length": {
			"HEAD", `{"statusCode":200,"body":"four"}`,
			200, http.Header{"Content-Length": {"4"}}, "",
		},
		"a wrong length is corrected, hop-by-hop headers are dropped": {
			"GET", `{"statusCode":200,"headers":{"content-length":"999","connection":"close","transfer-encoding":"chunked"},"body":"four"}`,
			200, http.Header{"Content-Length": {"4"}, "Connection": nil, "Transfer-Encoding": nil}, "four",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := send(t, s.request(t, row.method, "/?reply="+url.QueryEscape(row.reply), http.NoBody))
			assert.Equal(t, row.status, got.StatusCode)
			assert.Equal(t, row.body, got.body)
			for name, values := range row.header {
				assert.Equal(t, values, got.Header[name], name)
			}
		})
	}
}

func TestClientGetsABadGatewayForABadReply(t *testing.T) {
	for name, reply := range map[string]string{
		"status 99":            `{"statusCode":99}`,
		"status 101":           `{"statusCode":101}`,
		"status 600":           `{"statusCode":600}`,
		"status 200.5":         `{"statusCode":200.5}`,
		"broken Base64":        `{"statusCode":200,"isBase64Encoded":true,"body":"***"}`,
		"a header of an array": `{"statusCode":200,"headers":[1]}`,
		"a header injected":    `{"statusCode":200,"headers":{"x":"a\r\nSet-Cookie: b=1"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, m{"function": "reply"})
			got := s.get(t, "/?reply="+url.QueryEscape(reply))
			assert.Equal(t, 502, got.StatusCode)
			assert.JSONEq(t, `{"message":"Bad Gateway"}`, got.body)
			assert.Equal(t, strconv.Itoa(len(got.body)), got.Header.Get("Content-Length"))
			assert.Empty(t, got.Cookies())
			assert.Contains(t, s.logLine(t, 502), "the function's reply")
		})
	}
}
