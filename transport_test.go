package lambda

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"encoding/pem"
	"fmt"
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

// newTLSLambda starts an endpoint with a certificate that the system does not trust, and returns
// it with a file of that certificate. Handshakes that fail stay out of the test's output.
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

func TestTLSTrustsWhomTheOptionsName(t *testing.T) {
	logged := captureLog(t)
	protocol := ""
	endpoint, caFile := newTLSLambda(t, func(w http.ResponseWriter, r *http.Request) {
		protocol = r.Proto
		_, _ = io.WriteString(w, `{"statusCode":201}`)
	})
	config := configFor(endpoint)
	config.TLS = &TLSConfig{CAFile: caFile}
	if got := get(newTestHandler(t, config)).StatusCode; got != http.StatusCreated {
		t.Errorf("with tls.caFile: got %d", got)
	}
	if protocol != "HTTP/2.0" {
		t.Errorf("spoke %s to an endpoint that has HTTP/2", protocol)
	}
	config.TLS = &TLSConfig{InsecureSkipVerify: true}
	for i := 0; i < 2; i++ {
		if got := get(newTestHandler(t, config)).StatusCode; got != http.StatusCreated {
			t.Errorf("with tls.insecureSkipVerify: got %d", got)
		}
	}
	if got := strings.Count(logged.text(), "tls.insecureSkipVerify"); got > 1 {
		t.Errorf("warned %d times", got)
	}
}

func TestTLSOptionsThatAreWrong(t *testing.T) {
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

func TestProxyURLIsTheWayToLambda(t *testing.T) {
	asked := ""
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.String() + " " + r.Header.Get("Proxy-Authorization")
		_, _ = io.WriteString(w, `{"statusCode":201}`)
	}))
	defer proxy.Close()
	config := configFor("http://lambda.invalid")
	config.ProxyURL = strings.Replace(proxy.URL, "://", "://user:password@", 1)
	if got := get(newTestHandler(t, config)).StatusCode; got != http.StatusCreated {
		t.Errorf("got %d", got)
	}
	if want := "http://lambda.invalid/2015-03-31/functions/hello/invocations Basic dXNlcjpwYXNzd29yZA=="; asked != want {
		t.Errorf("the proxy was asked for %q, want %q", asked, want)
	}
}

func TestEqualSettingsShareOnePool(t *testing.T) {
	settings := transportSettings{maxIdle: 7}
	if transportFor(settings) != transportFor(transportSettings{maxIdle: 7}) {
		t.Error("equal settings have two pools")
	}
	if transportFor(settings) == transportFor(transportSettings{maxIdle: 7, insecureSkipVerify: true}) {
		t.Error("different settings have one pool")
	}
}

// refusingHTTP2 is an endpoint that reads each invocation whole, over HTTP/2, and answers it with
// RST_STREAM(PROTOCOL_ERROR).
type refusingHTTP2 struct {
	listener net.Listener

	mu          sync.Mutex
	invocations int
}

func (e *refusingHTTP2) accept() {
	for {
		conn, err := e.listener.Accept()
		if err != nil {
			return
		}
		go e.serve(conn)
	}
}

// The parts of HTTP/2 that it needs (RFC 9113).
const (
	http2Data, http2RSTStream, http2Settings = 0, 3, 4
	http2ProtocolError                       = 1
	http2EndStream                           = 1
	http2Preface                             = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
)

func (e *refusingHTTP2) serve(conn net.Conn) {
	_, _ = io.CopyN(io.Discard, conn, int64(len(http2Preface)))
	_, _ = conn.Write([]byte{0, 0, 0, http2Settings, 0, 0, 0, 0, 0})
	head := make([]byte, 9)
	for {
		if _, err := io.ReadFull(conn, head); err != nil {
			break
		}
		length := int64(head[0])<<16 | int64(head[1])<<8 | int64(head[2])
		if _, err := io.CopyN(io.Discard, conn, length); err != nil {
			break
		}
		if head[3] == http2Data && head[4]&http2EndStream != 0 {
			e.mu.Lock()
			e.invocations++
			e.mu.Unlock()
			frame := append([]byte{0, 0, 4, http2RSTStream, 0}, head[5:9]...)
			_, _ = conn.Write(binary.BigEndian.AppendUint32(frame, http2ProtocolError))
		}
	}
	_ = conn.Close()
}

// Go's transport would send such a request seven times.
func TestAnInvocationIsNotSentAgainOverHTTP2(t *testing.T) {
	discardLog(t)
	donor := httptest.NewUnstartedServer(http.NotFoundHandler())
	donor.StartTLS() // for its certificate
	defer donor.Close()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: donor.TLS.Certificates, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12,
	})
	if err != nil {
		t.Fatal(err)
	}
	e := &refusingHTTP2{listener: listener}
	go e.accept()
	defer listener.Close()
	config := configFor("https://" + listener.Addr().String())
	config.TLS = &TLSConfig{InsecureSkipVerify: true}
	handler := newTestHandler(t, config)
	for i := 1; i <= 2; i++ {
		resp := serve(handler, httptest.NewRequest(http.MethodPost, "http://example.com/", strings.NewReader("x")))
		e.mu.Lock()
		got := e.invocations
		e.mu.Unlock()
		if resp.StatusCode != http.StatusBadGateway || got != i {
			t.Errorf("request %d: got %d after %d invocations", i, resp.StatusCode, got)
		}
	}
}

func TestWhatAnEndpointSpeaksIsRemembered(t *testing.T) {
	for _, generated := range []bool{true, false} {
		for protocol, tc := range map[string]struct{ http2, known, want bool }{
			"HTTP/1":                    {false, false, true},
			"HTTP/1, as before":         {false, true, true},
			"HTTP/2":                    {true, false, false},
			"HTTP/2, but HTTP/1 before": {true, true, false},
		} {
			t.Run(fmt.Sprintf("%s, generated %t", protocol, generated), func(t *testing.T) {
				server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { replies(`{}`)(w, nil) }))
				server.EnableHTTP2 = tc.http2
				server.StartTLS()
				defer server.Close()
				config := configFor(server.URL)
				config.TLS = &TLSConfig{InsecureSkipVerify: true}
				l := newTestHandler(t, config).(*Lambda)
				if tc.known {
					http1Hosts.Store(l.target.host, true)
				}
				serve(handlerOf(l, generated), httptest.NewRequest(http.MethodGet, "http://example.com/", http.NoBody))
				if got := resendsSafely(l.target.host); got != tc.want {
					t.Errorf("got %t", got)
				}
			})
		}
	}
}
