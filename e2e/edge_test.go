package e2e_test

import (
	"bufio"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/lambdalocal"
)

// edgeLambda starts a Lambda endpoint with functions for edge, and returns its URL.
func edgeLambda(t *testing.T, all map[string]lambdalocal.Function) string {
	t.Helper()
	server, err := lambdalocal.Start(t.Context(), lambdalocal.Config{
		Functions: all, Credentials: []lambdalocal.Credential{credential},
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	return server.URL()
}

// newEdgeSite routes a host to a service behind hooks.
func newEdgeSite(t *testing.T, endpoint, service string, hooks m) *site {
	t.Helper()
	s := newSite(t, m{"endpoint": endpoint, "edge": hooks})
	name := strings.TrimSuffix(s.middleware, "@file")
	routers[name].(m)["service"] = name
	require.NoError(t, gateway.Update(t.Context(), m{"http": m{
		"routers": routers, "middlewares": middlewares,
		"services": m{name: m{"loadBalancer": m{"servers": []m{{"url": service}}}}},
	}}))
	return s
}

// edgeFaults are what the adapters lose of edge events, or add to their replies: as much on AWS as here.
var edgeFaults = []fault{
	{"edge-hono", "edge", "a reply with nothing", "Content-Type"},
}

func TestAppsBehindEdgeAdaptersSeeWhatTheySeeOverPlainHTTP(t *testing.T) {
	folder := nodeFolder(t)
	adapters := map[string]adapter{
		"edge-hono":          nodeAdapter(folder, "edge-hono", "hono"),
		"serverless-express": nodeAdapter(folder, "serverless-express", "express"),
	}
	all := map[string]lambdalocal.Function{}
	for name, a := range adapters {
		all[name] = a.function
	}
	endpoint := edgeLambda(t, all)
	for name, a := range adapters {
		t.Run(name, func(t *testing.T) {
			plain := plainServer(t, a.plain...)
			s := newSite(t, m{"endpoint": endpoint, "edge": m{"viewerRequest": m{"function": name, "includeBody": true}}})
			for _, r := range appRequests {
				differences := r.see(t, plain, s.host).differences(r.see(t, gateway.URL, s.host))
				assert.Equal(t, knownEdgeFaults(name, r.name), differences, r.name)
			}
			for _, reply := range []string{"cookies", "binary", "redirect", "nothing", "teapot"} {
				r := appRequest{"a reply with " + reply, http.MethodGet, "/reply/" + reply, "", nil}
				differences := replyDifferences(r.send(t, plain, s.host), r.send(t, gateway.URL, s.host))
				assert.Equal(t, knownEdgeFaults(name, r.name), differences, r.name)
			}
		})
	}
}

func knownEdgeFaults(adapter, request string) []string {
	var known []string
	for _, f := range edgeFaults {
		if f.adapters == adapter && f.request == request {
			known = append(known, f.difference)
		}
	}
	return known
}

// signedIn returns a token of a user of the pool in edge-cognito.js, and the pool's keys.
func signedIn(t *testing.T) (token, keys string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	encode := base64.RawURLEncoding.EncodeToString
	keySet, err := json.Marshal(m{"keys": []m{{
		"kid": "1", "kty": "RSA", "alg": "RS256", "use": "sig",
		"n": encode(key.N.Bytes()), "e": encode(big.NewInt(int64(key.E)).Bytes()),
	}}})
	require.NoError(t, err)
	header, err := json.Marshal(m{"kid": "1", "alg": "RS256"})
	require.NoError(t, err)
	claims, err := json.Marshal(m{
		"iss": "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_example", "aud": "client", "token_use": "id",
		"exp": time.Now().Add(time.Hour).Unix(), "cognito:username": "ann",
	})
	require.NoError(t, err)
	signed := encode(header) + "." + encode(claims)
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	require.NoError(t, err)
	return signed + "." + encode(signature), string(keySet)
}

// The package is AWS's own, written for viewer-request.
func TestCognitoAtEdgeLetsOnlySignedInUsersPass(t *testing.T) {
	token, keys := signedIn(t)
	function := nodeFunction(nodeFolder(t), "edge-cognito")
	function.Env = []string{"JWKS=" + keys}
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "for members")
	}))
	t.Cleanup(service.Close)
	endpoint := edgeLambda(t, map[string]lambdalocal.Function{"cognito": function})
	s := newEdgeSite(t, endpoint, service.URL, m{"viewerRequest": m{"function": "cognito"}})

	away := s.get(t, "/page?a=1")
	assert.Equal(t, http.StatusFound, away.StatusCode)
	location, err := url.Parse(away.Header.Get("Location"))
	require.NoError(t, err)
	assert.Equal(t, "example.auth.us-east-1.amazoncognito.com", location.Host)
	assert.Equal(t, "https://"+s.host, location.Query().Get("redirect_uri"))
	assert.NotContains(t, away.body, "members")

	for sent, status := range map[string]int{token: http.StatusOK, token[:len(token)-4] + "AAAA": http.StatusFound} {
		request := s.request(t, http.MethodGet, "/page", http.NoBody)
		request.Header.Set("Cookie", "CognitoIdentityServiceProvider.client.LastAuthUser=ann; "+
			"CognitoIdentityServiceProvider.client.ann.idToken="+sent)
		assert.Equal(t, status, send(t, request).StatusCode)
	}
}

// allMarked has all four hooks mark what they see.
func allMarked(t *testing.T) (endpoint string, hooks m) {
	t.Helper()
	mark := m{"function": "mark"}
	endpoint = edgeLambda(t, map[string]lambdalocal.Function{"mark": nodeFunction(nodeFolder(t), "edge-mark")})
	return endpoint, m{"viewerRequest": mark, "originRequest": mark, "originResponse": mark, "viewerResponse": mark}
}

func TestStreamsOfAServicePassEdgeHooksPieceByPiece(t *testing.T) {
	next := make(chan struct{})
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("X-Seen", r.Header.Get("X-Viewer-Request")+" "+r.Header.Get("X-Origin-Request"))
		for n := range 3 {
			_, _ = fmt.Fprintf(w, "data: %d\n\n", n)
			w.(http.Flusher).Flush()
			select {
			case <-next:
			case <-r.Context().Done():
			}
		}
	}))
	t.Cleanup(service.Close)
	endpoint, hooks := allMarked(t)
	s := newEdgeSite(t, endpoint, service.URL, hooks)
	response, err := gateway.Client().Do(s.request(t, http.MethodGet, "/", http.NoBody))
	require.NoError(t, err)
	defer response.Body.Close()
	lines := bufio.NewReader(response.Body)
	for n := range 3 { // a piece has come before the service goes on to the next
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprintf("data: %d\n", n), line)
		_, err = lines.ReadString('\n')
		require.NoError(t, err)
		next <- struct{}{}
	}
	id := response.Header.Get("X-Origin-Response")
	assert.NotEmpty(t, id)
	assert.Equal(t, id, response.Header.Get("X-Viewer-Response"))
	assert.Equal(t, id+" "+id, response.Header.Get("X-Seen"), "one id for all hooks of a request")
}

func TestStreamsOfAFunctionPassEdgeHooksPieceByPiece(t *testing.T) {
	folder := nodeFolder(t)
	mark := m{"function": "mark"}
	endpoint := edgeLambda(t, map[string]lambdalocal.Function{
		"mark": nodeFunction(folder, "edge-mark"), "clock": nodeFunction(folder, "clock"),
	})
	s := newSite(t, m{
		"endpoint": endpoint, "function": "clock", "invokeMode": "RESPONSE_STREAM", "eventFormat": "function-url",
		"edge": m{"originResponse": mark, "viewerResponse": mark},
	})
	s.get(t, "/?events=1") // the hooks' cold start would outlast the stream
	response, err := gateway.Client().Do(s.request(t, http.MethodGet, "/?events=3&ms=300", http.NoBody))
	require.NoError(t, err)
	defer response.Body.Close()
	var came []time.Time
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "data:") {
			came = append(came, time.Now())
		}
	}
	require.Len(t, came, 3)
	assert.Greater(t, came[2].Sub(came[0]), 300*time.Millisecond, "the pieces came together")
	assert.NotEmpty(t, response.Header.Get("X-Viewer-Response"))
	assert.Equal(t, []string{"a=1", "b=2"}, response.Header["Set-Cookie"])
}

func TestWebSocketsPassEdgeHooks(t *testing.T) {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, buffered, err := w.(http.Hijacker).Hijack()
		if !assert.NoError(t, err) {
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		line, _ := buffered.ReadString('\n')
		_, _ = fmt.Fprintf(conn, "%v %s", r.Header.Get("X-Origin-Request") != "", line)
	}))
	t.Cleanup(service.Close)
	endpoint, hooks := allMarked(t)
	s := newEdgeSite(t, endpoint, service.URL, hooks)
	address, err := url.Parse(gateway.URL)
	require.NoError(t, err)
	conn, err := net.Dial("tcp", address.Host)
	require.NoError(t, err)
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", s.host)
	require.NoError(t, err)
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusSwitchingProtocols, response.StatusCode)
	_, err = io.WriteString(conn, "hello\n")
	require.NoError(t, err)
	line, err := reader.ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, "true hello\n", line)
}

func TestRepliesForAnotherFrontDoorAreNoneOfAHook(t *testing.T) {
	s := newSite(t, m{"edge": m{"viewerRequest": m{"function": "echo"}}})
	assert.Equal(t, http.StatusBadGateway, s.get(t, "/").StatusCode)
	line := s.logLine(t, http.StatusBadGateway)
	assert.Contains(t, line, "hook=viewer-request function=echo requestId=")
	assert.Contains(t, line, "cause=LambdaValidationError: the JSON output is neither a request nor a response: it has ")
}

// The path and the cookies are sent as they are: clients of Go would change them.
func TestRequestsReachTheServiceBehindEdgeHooksAsTheyWere(t *testing.T) {
	var seen []string
	service := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen = append(slices.Clone(r.Header["Cookie"]), r.RequestURI)
	}))
	t.Cleanup(service.Close)
	endpoint, hooks := allMarked(t)
	s := newEdgeSite(t, endpoint, service.URL, hooks)
	request := s.request(t, http.MethodGet, "/a%20b/c+d?q=1+2&q=%2f", http.NoBody)
	request.Header["Cookie"] = []string{"a=1; b=2", "c=3"}
	assert.Equal(t, http.StatusOK, send(t, request).StatusCode)
	assert.Equal(t, []string{"a=1; b=2", "c=3", "/a%20b/c+d?q=1+2&q=%2f"}, seen)
}
