package lambda

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/seed05e46011/lambda/internal/credentials"
)

// newTLSLambda starts an endpoint with a certificate that the system does not trust, and returns it
// with a file of that certificate. Failed handshakes are not logged to the test's output.
func newTLSLambda(t *testing.T, handler http.HandlerFunc) (endpoint, caFile string) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(caFile, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	return server.URL, caFile
}

func configFor(endpoint string) *Config {
	config := CreateConfig()
	config.Function = "hello"
	config.Region = "eu-central-1"
	config.Endpoint = endpoint
	config.Credentials = &credentials.Config{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}
	return config
}

func get(handler http.Handler) *http.Response {
	return serve(handler, httptest.NewRequest(http.MethodGet, "http://example.com/", nil))
}

func TestTLSTrustsTheConfiguredAuthorities(t *testing.T) {
	logged := captureLog(t)
	protocol := ""
	endpoint, caFile := newTLSLambda(t, func(w http.ResponseWriter, r *http.Request) {
		protocol = r.Proto
		_, _ = io.WriteString(w, `{"statusCode":201}`)
	})
	config := configFor(endpoint)
	config.TLS = &TLSConfig{CAFile: caFile}
	if got := get(newTestHandler(t, config)).StatusCode; got != http.StatusCreated {
		t.Errorf("with tls.caFile: got %d, want 201", got)
	}
	if protocol != "HTTP/1.1" {
		t.Errorf("got %s at an endpoint with HTTP/2, want HTTP/1.1", protocol)
	}
	config.TLS = &TLSConfig{InsecureSkipVerify: true}
	for i := 0; i < 2; i++ {
		if got := get(newTestHandler(t, config)).StatusCode; got != http.StatusCreated {
			t.Errorf("with tls.insecureSkipVerify: got %d, want 201", got)
		}
	}
	if got := strings.Count(logged.text(), "tls.insecureSkipVerify"); got > 1 {
		t.Errorf("got %d warnings, want at most 1", got)
	}
}

func TestClearTextEndpointsAreWarnedOfOnceUnlessLocal(t *testing.T) {
	for host, want := range map[string]int{
		"127.0.0.1":            0,
		"[::1]":                0,
		"localhost":            0,
		"lambda.localhost":     0,
		"lambdalocal":          0,
		"host.docker.internal": 0,
		"lambda.internal":      1, // a name as in EC2
		"10.0.0.1":             1,
		"[fd00::1]":            1,
		"lambda.example.com":   1,
	} {
		logged := captureLog(t)
		config := configFor("http://" + host + ":9001")
		for i := 0; i < 2; i++ {
			newTestHandler(t, config)
		}
		if got := strings.Count(logged.text(), "in clear text"); got != want {
			t.Errorf("%s: got %d warnings, want %d", host, got, want)
		}
	}
}

func TestPathPrefixWithoutIncludeIsWarnedOfOnce(t *testing.T) {
	logged := captureLog(t)
	config := configFor("https://127.0.0.1:1")
	config.Function = ""
	for _, prefix := range []string{"/warned/", "/warned/", "/silent/"} {
		config.PathPrefix = prefix
		if prefix == "/silent/" {
			config.Include = []string{"a*"}
		}
		newTestHandler(t, config)
	}
	if got := logged.text(); strings.Count(got, "/warned/: ") != 1 || strings.Contains(got, "/silent/") {
		t.Errorf("got %q, want one warning", got)
	}
}

func TestInvalidTLSOptions(t *testing.T) {
	noCertificate := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(noCertificate, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{noCertificate, filepath.Join(t.TempDir(), "missing.pem")} {
		config := configFor("https://127.0.0.1:1")
		config.TLS = &TLSConfig{CAFile: file}
		_, err := New(context.Background(), http.NotFoundHandler(), config, "lambda@test")
		if err == nil || !strings.Contains(err.Error(), "tls.caFile") || !strings.Contains(err.Error(), file) {
			t.Errorf("got %v, want an error that names tls.caFile and %s", err, file)
		}
	}
}

func TestCallsGoThroughTheProxyURL(t *testing.T) {
	asked := ""
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.String() + " " + r.Header.Get("Proxy-Authorization")
		_, _ = io.WriteString(w, `{"statusCode":201}`)
	}))
	defer proxy.Close()
	config := configFor("http://lambda.invalid")
	config.ProxyURL = strings.Replace(proxy.URL, "://", "://user:password@", 1)
	if got := get(newTestHandler(t, config)).StatusCode; got != http.StatusCreated {
		t.Errorf("got %d, want 201", got)
	}
	if want := "http://lambda.invalid/2015-03-31/functions/hello/invocations Basic dXNlcjpwYXNzd29yZA=="; asked != want {
		t.Errorf("got a proxy request for %q, want %q", asked, want)
	}
}

func TestEqualSettingsShareOnePool(t *testing.T) {
	settings := transportSettings{maxIdle: 7}
	if transportFor(settings) != transportFor(transportSettings{maxIdle: 7}) {
		t.Error("got two pools for equal settings, want one")
	}
	if transportFor(settings) == transportFor(transportSettings{maxIdle: 7, insecureSkipVerify: true}) {
		t.Error("got one pool for different settings, want two")
	}
}

func TestAPoolForgetsOldCertificates(t *testing.T) {
	settings := transportSettings{caFile: "/ca.pem", ca: "old", maxIdle: 11}
	old := transportFor(settings)
	before := len(transports.pools)
	settings.ca = "new"
	if transportFor(settings) == old {
		t.Error("got the old pool for new certificates, want another")
	}
	if got := len(transports.pools); got != before {
		t.Errorf("got %d pools, want %d as before", got, before)
	}
	for i := 0; i < 2*maxTransportPools; i++ {
		transportFor(transportSettings{maxIdle: 1000 + i})
	}
	if got := len(transports.pools); got > maxTransportPools {
		t.Errorf("got %d pools, want at most %d", got, maxTransportPools)
	}
}

// bothWays returns the handlers of a configuration: one with the generated workers, one with their
// sources.
func bothWays(t *testing.T, config *Config) map[string]http.Handler {
	t.Helper()
	l := newTestHandler(t, config).(*Lambda)
	return map[string]http.Handler{"generated": handlerOf(l, true), "source": handlerOf(l, false)}
}

func TestConnectionsAreHTTP1AndUsedAgain(t *testing.T) {
	t.Run("a reply of known length", func(t *testing.T) { testOneConnection(t, false) })
	t.Run("a reply of unknown length", func(t *testing.T) { testOneConnection(t, true) })
}

// testOneConnection sends requests one after the other to an endpoint with HTTP/2.
func testOneConnection(t *testing.T, flushed bool) {
	t.Helper()
	var mu sync.Mutex
	opened := map[string]bool{}
	protocols := map[string]bool{}
	endpoint, caFile := newTLSLambda(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		opened[r.RemoteAddr] = true
		protocols[r.Proto] = true
		mu.Unlock()
		if flushed {
			_ = http.NewResponseController(w).Flush()
		}
		_, _ = io.WriteString(w, `{"statusCode":201}`)
	})
	config := configFor(endpoint)
	config.TLS = &TLSConfig{CAFile: caFile}
	for way, l := range bothWays(t, config) {
		for i := 0; i < 20; i++ {
			if got := get(l).StatusCode; got != http.StatusCreated {
				t.Fatalf("%s: got %d, want 201", way, got)
			}
		}
	}
	if len(opened) != 1 || !protocols["HTTP/1.1"] || len(protocols) != 1 {
		t.Errorf("got connections from %v that speak %v, want one that speaks HTTP/1.1", opened, protocols)
	}
}

// Lambda closes connections now and then. Over HTTP/2, calls were lost that had never run.
func TestClosedConnectionsLoseNoCall(t *testing.T) {
	var mu sync.Mutex
	calls := 0
	endpoint, caFile := newTLSLambda(t, func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		calls++
		if calls%10 == 0 {
			w.Header().Set("Connection", "close") // GOAWAY, over HTTP/2
		}
		mu.Unlock()
		_, _ = io.WriteString(w, `{"statusCode":201}`)
	})
	config := configFor(endpoint)
	config.TLS = &TLSConfig{CAFile: caFile}
	const clients, each = 8, 50
	failed := make(chan int, clients)
	for _, l := range bothWays(t, config) {
		calls = 0
		for i := 0; i < clients; i++ {
			go countFailures(l, each, failed)
		}
		for i := 0; i < clients; i++ {
			if n := <-failed; n != 0 {
				t.Errorf("got %d failures of %d requests, want none", n, each)
			}
		}
		if calls != clients*each {
			t.Errorf("got %d calls, want %d", calls, clients*each)
		}
	}
}

// countFailures sends n requests and returns how many were not served by the function.
func countFailures(h http.Handler, n int, failed chan<- int) {
	failures := 0
	for i := 0; i < n; i++ {
		if resp := serve(h, httptest.NewRequest(http.MethodPost, "http://example.com/", strings.NewReader("x"))); resp.StatusCode != http.StatusCreated {
			failures++
		}
	}
	failed <- failures
}

// The endpoint closed the connection while it was idle, without notice.
func TestADeadPooledConnectionIsReplaced(t *testing.T) {
	donor := httptest.NewTLSServer(http.NotFoundHandler()) // for its certificate
	defer donor.Close()
	settings := &tls.Config{Certificates: donor.TLS.Certificates, MinVersion: tls.VersionTLS12}
	answered := make(chan bool)
	gone := make(chan bool)
	var mu sync.Mutex
	calls := 0
	e := newRawEndpoint(t, func(conn net.Conn, _ func() bool) {
		secure := tls.Server(conn, settings)
		r, err := http.ReadRequest(bufio.NewReader(secure))
		if err == nil {
			_, err = io.Copy(io.Discard, r.Body)
		}
		if err == nil {
			mu.Lock()
			calls++
			mu.Unlock()
			_, _ = io.WriteString(secure, wireOK)
		}
		<-answered
		reset(conn)
		_ = conn.Close()
		gone <- true
	})
	config := e.config()
	config.Endpoint = strings.Replace(config.Endpoint, "http:", "https:", 1)
	config.TLS = &TLSConfig{InsecureSkipVerify: true}
	for way, l := range bothWays(t, config) {
		for i := 1; i <= 3; i++ {
			mu.Lock()
			calls = 0
			mu.Unlock()
			resp := serve(l, httptest.NewRequest(http.MethodPost, "http://example.com/", strings.NewReader("x")))
			mu.Lock()
			if resp.StatusCode != http.StatusCreated || calls != 1 {
				t.Errorf("%s, request %d: got %d after %d calls, want 201 after 1", way, i, resp.StatusCode, calls)
			}
			mu.Unlock()
			answered <- true
			<-gone
		}
	}
}
