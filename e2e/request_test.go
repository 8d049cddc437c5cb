package e2e_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type event = events.APIGatewayV2HTTPRequest

// echo sends a request to a site of the function echo and returns the event that the function got.
func echo(t *testing.T, request *http.Request) event {
	t.Helper()
	reply := send(t, request)
	require.Equal(t, http.StatusOK, reply.StatusCode, reply.body)
	return decodeEvent(t, reply.body)
}

func decodeEvent(t *testing.T, text string) event {
	t.Helper()
	var got event
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&got), text)
	return got
}

func TestFunctionGetsTheRequest(t *testing.T) {
	s := newSite(t, m{"function": "echo"})
	noChange := func(*http.Request) {}
	for name, row := range map[string]struct {
		method, target, body string
		change               func(*http.Request)
		check                func(*testing.T, event)
	}{
		"the path decoded, the query as it was sent": {
			"GET", "/caf%C3%A9/a%20b?q=a%20b&q=c&empty=&%C3%BC=1", "", noChange,
			func(t *testing.T, got event) {
				assert.Equal(t, "/café/a b", got.RawPath)
				assert.Equal(t, "q=a%20b&q=c&empty=&%C3%BC=1", got.RawQueryString)
				assert.Equal(t, map[string]string{"q": "a b,c", "empty": "", "ü": "1"}, got.QueryStringParameters)
			},
		},
		"headers in lower case, several values joined": {
			"GET", "/", "", func(r *http.Request) {
				r.Header.Add("X-Custom", "one")
				r.Header.Add("X-Custom", "two")
				r.Header.Set("User-Agent", "test")
				r.Header.Set("Authorization", "Bearer of-the-client")
			},
			func(t *testing.T, got event) {
				assert.Equal(t, "one,two", got.Headers["x-custom"])
				assert.Equal(t, "Bearer of-the-client", got.Headers["authorization"])
				assert.Equal(t, "test", got.RequestContext.HTTP.UserAgent)
				assert.Equal(t, s.host, got.Headers["host"])
				assert.Equal(t, s.host, got.RequestContext.DomainName)
			},
		},
		"cookies in their own list": {
			"GET", "/", "", func(r *http.Request) {
				r.Header.Set("Cookie", "session=1; theme=dark")
			},
			func(t *testing.T, got event) {
				assert.Equal(t, []string{"session=1", "theme=dark"}, got.Cookies)
				assert.NotContains(t, got.Headers, "cookie")
			},
		},
		"the peer's address, whatever the client claims": {
			"GET", "/", "", func(r *http.Request) {
				r.Header.Set("X-Forwarded-For", "203.0.113.9")
			},
			func(t *testing.T, got event) {
				assert.Equal(t, "127.0.0.1", got.RequestContext.HTTP.SourceIP)
				assert.Equal(t, "127.0.0.1", got.Headers["x-forwarded-for"])
			},
		},
		"no hop-by-hop header": {
			"GET", "/", "", func(r *http.Request) {
				r.Header.Set("Te", "trailers")
				r.Header.Set("Proxy-Authorization", "Basic x")
				r.Header.Set("Keep-Alive", "timeout=5")
			},
			func(t *testing.T, got event) {
				for _, name := range []string{"te", "proxy-authorization", "keep-alive", "connection"} {
					assert.NotContains(t, got.Headers, name)
				}
			},
		},
		"a text body": {
			"POST", "/", `{"grüße":"<&>"}`, func(r *http.Request) {
				r.Header.Set("Content-Type", "application/json")
			},
			func(t *testing.T, got event) {
				assert.Equal(t, `{"grüße":"<&>"}`, got.Body)
				assert.False(t, got.IsBase64Encoded)
				assert.Equal(t, "17", got.Headers["content-length"])
			},
		},
		"a binary body, as Base64": {
			"POST", "/", "\x00\xff\xfe", noChange,
			func(t *testing.T, got event) {
				assert.Equal(t, base64.StdEncoding.EncodeToString([]byte("\x00\xff\xfe")), got.Body)
				assert.True(t, got.IsBase64Encoded)
			},
		},
		"a chunked body": {
			"PUT", "/", "text", func(r *http.Request) {
				r.Header.Set("Content-Type", "text/plain")
				r.ContentLength = -1
			},
			func(t *testing.T, got event) {
				assert.Equal(t, "text", got.Body)
				assert.Equal(t, "4", got.Headers["content-length"])
				assert.NotContains(t, got.Headers, "transfer-encoding")
			},
		},
		"no body": {
			"POST", "/", "", noChange,
			func(t *testing.T, got event) {
				assert.Empty(t, got.Body)
				assert.False(t, got.IsBase64Encoded)
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			request := s.request(t, row.method, row.target, strings.NewReader(row.body))
			row.change(request)
			got := echo(t, request)
			assert.Equal(t, row.method, got.RequestContext.HTTP.Method)
			row.check(t, got)
		})
	}
}

func TestFunctionGetsEveryMethod(t *testing.T) {
	s := newSite(t, m{"function": "echo"})
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"} {
		t.Run(method, func(t *testing.T) {
			got := echo(t, s.request(t, method, "/", http.NoBody))
			assert.Equal(t, method, got.RequestContext.HTTP.Method)
			assert.Equal(t, "HTTP/1.1", got.RequestContext.HTTP.Protocol)
		})
	}
}

func TestFunctionGetsBigBodiesWhole(t *testing.T) {
	s := newSite(t, m{"function": "echo"})
	text := strings.Repeat("0123456789abcde\n", 4_500_000/16)
	binary := make([]byte, 4_500_000)
	_, _ = rand.NewChaCha8([32]byte{}).Read(binary)

	request := s.request(t, "POST", "/", strings.NewReader(text))
	request.Header.Set("Content-Type", "text/plain")
	got := echo(t, request)
	if got.Body != text {
		t.Error("a text of 4.5 MB is changed")
	}

	got = echo(t, s.request(t, "POST", "/", bytes.NewReader(binary)))
	decoded, err := base64.StdEncoding.DecodeString(got.Body)
	require.NoError(t, err)
	if !bytes.Equal(binary, decoded) {
		t.Error("4.5 MB of random bytes are changed")
	}
}

func TestHTTP2ReachesTheFunction(t *testing.T) {
	s := newSite(t, m{"function": "echo"})
	request, err := http.NewRequestWithContext(t.Context(), "POST", gateway.TLSURL+"/?x=1", io.NopCloser(strings.NewReader("body")))
	require.NoError(t, err)
	request.Host = s.host
	request.Header.Set("Content-Type", "text/plain")
	reply := send(t, request)
	assert.Equal(t, 2, reply.ProtoMajor)
	got := decodeEvent(t, reply.body)
	assert.Equal(t, "HTTP/2.0", got.RequestContext.HTTP.Protocol)
	assert.Equal(t, "https", got.Headers["x-forwarded-proto"])
	assert.Equal(t, "body", got.Body)
}
