package caching_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/internal/traefik"
)

const clients = 100

// event is what the functions of these tests read of their events.
type event struct {
	RawPath        string            `json:"rawPath"`
	RawQueryString string            `json:"rawQueryString"`
	Headers        map[string]string `json:"headers"`
}

// functionOf is a Lambda endpoint whose function replies with what a test says of an event.
func functionOf(t *testing.T, reply func(e event) m) *counting {
	t.Helper()
	c := &counting{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.calls.Add(1)
		var e event
		_ = json.NewDecoder(r.Body).Decode(&e)
		_ = json.NewEncoder(w).Encode(reply(e))
	}))
	t.Cleanup(c.Close)
	return c
}

// askedAtOnce returns the bodies of requests that are sent at the same time, each with its number in X-Client.
func askedAtOnce(t *testing.T, gateway *traefik.Instance, target string) []string {
	t.Helper()
	bodies := make([]string, clients)
	var all sync.WaitGroup
	for i := range clients {
		all.Add(1)
		go func() {
			defer all.Done()
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, gateway.URL+target, http.NoBody)
			if !assert.NoError(t, err) {
				return
			}
			request.Host = host
			request.Header.Set("X-Client", strconv.Itoa(i))
			response, err := gateway.Client().Do(request)
			if !assert.NoError(t, err) {
				return
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			assert.NoError(t, err)
			bodies[i] = string(body)
		}()
	}
	all.Wait()
	return bodies
}

func TestParallelRequests(t *testing.T) {
	open := make(chan struct{})
	lambda := functionOf(t, func(e event) m {
		headers := m{"cache-control": "max-age=60"}
		switch e.RawPath {
		case "/public":
			<-open
			return m{"statusCode": 200, "headers": headers, "body": "everybody's"}
		case "/private":
			headers["cache-control"] = "private, max-age=60"
		case "/cookie":
			headers["set-cookie"] = "session=" + e.Headers["x-client"]
		case "/variant":
			headers["vary"] = "X-Client"
		}
		return m{"statusCode": 200, "headers": headers, "body": e.Headers["x-client"]}
	})
	gateway := start(t, traefik.Options{Dynamic: cached(function(lambda.URL, m{"cache": m{"ttl": "1m"}}), "")})
	go func() {
		<-time.After(time.Second) // by then most of them wait; who comes later finds it stored
		close(open)
	}()
	for _, body := range askedAtOnce(t, gateway, "/public") {
		assert.Equal(t, "everybody's", body)
	}
	assert.Equal(t, int64(1), lambda.calls.Load(), "calls for a hundred misses")
	for _, target := range []string{"/private", "/cookie", "/variant"} {
		for i, body := range askedAtOnce(t, gateway, target) {
			assert.Equal(t, strconv.Itoa(i), body, "%s: each client its own", target)
		}
	}
}

func TestPoisoning(t *testing.T) {
	lambda := functionOf(t, func(e event) m {
		body, _ := json.Marshal(e)
		return m{"statusCode": 200, "headers": m{"cache-control": "max-age=60"}, "body": string(body)}
	})
	cache := m{"key": m{"query": []string{"*", "!utm_*", "!callback"}}}
	gateway := start(t, traefik.Options{Dynamic: cached(function(lambda.URL, m{"cache": cache}), "")})
	for what, attack := range map[string]func(r *http.Request){
		"another method":         func(r *http.Request) { r.Header.Set("X-HTTP-Method-Override", "DELETE evil") },
		"another URL":            func(r *http.Request) { r.Header.Set("X-Original-URL", "/evil") },
		"another host":           func(r *http.Request) { r.Header.Set("X-Host", "evil.test") },
		"another forwarded host": func(r *http.Request) { r.Header.Set("X-Forwarded-Host", "evil.test") },
		"Forwarded":              func(r *http.Request) { r.Header.Set("Forwarded", "host=evil.test") },
		"a body":                 func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("evil")) },
		"a semicolon":            func(r *http.Request) { r.URL.RawQuery = "utm_x=1;a=evil" },
		"a name that is left out": func(r *http.Request) {
			r.URL.RawQuery = "callback=evil"
		},
	} {
		target := "/" + strings.ReplaceAll(what, " ", "-")
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, gateway.URL+target, http.NoBody)
		require.NoError(t, err)
		request.Host = host
		attack(request)
		send(t, gateway, request)
		assert.NotContains(t, get(t, gateway, target).body, "evil", what)
	}
	get(t, gateway, "/encoded?%61=evil")
	assert.NotContains(t, get(t, gateway, "/encoded?a=good").body, "evil", "an encoded name")
}

// A server that is no Redis says what it likes.
func TestAServerThatLies(t *testing.T) {
	lambda := newCounting(t)
	for what, answer := range map[string]string{
		"a page of its own":   "$4\r\nevil\r\n",
		"another protocol":    "HTTP/1.1 200 OK\r\n\r\nevil",
		"more than was asked": "+OK\r\n$4\r\nevil\r\n+OK\r\n",
		"a length and no end": "$1000\r\nevil",
	} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		t.Cleanup(func() { _ = listener.Close() })
		go lie(listener, answer)
		options := function(lambda.URL, m{"cache": m{"redis": m{"address": listener.Addr().String(), "timeout": "200ms"}}})
		gateway := start(t, traefik.Options{Dynamic: cached(options, "")})
		var wrong atomic.Int64
		for i := range 20 {
			response := get(t, gateway, fmt.Sprintf("/%d", i))
			if response.StatusCode != http.StatusOK || !strings.HasPrefix(response.body, "call ") {
				wrong.Add(1)
			}
		}
		assert.Zero(t, wrong.Load(), what)
		assert.LessOrEqual(t, strings.Count(gateway.Logs(), "cache: redis"), 1, "%s: %s", what, gateway.Logs())
	}
}

// lie answers all that is sent with the same.
func lie(listener net.Listener, answer string) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			buffer := make([]byte, 4096)
			for {
				if _, err := conn.Read(buffer); err != nil {
					_ = conn.Close()
					return
				}
				_, _ = io.WriteString(conn, answer)
			}
		}()
	}
}
