// Package network stands in for servers of the internet, under their own names and over HTTPS, for a process that heeds
// HTTPS_PROXY and SSL_CERT_FILE: configurations run unchanged, though nothing outside of this machine is reached.
package network

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Network is a proxy, behind which all hosts are one server. Close ends it.
type Network struct {
	dir   string
	proxy *httptest.Server
	front *httptest.Server
}

// Start serves each handler under its host name. Other names lead to an error of TLS.
func Start(hosts map[string]http.Handler) (*Network, error) {
	certificate, authority, err := newCertificate(slices.Collect(maps.Keys(hosts)))
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	dir, err := os.MkdirTemp("", "network-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the certificate: %w", err)
	}
	n := &Network{dir: dir}
	if err := os.WriteFile(n.authority(), authority, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("write the certificate: %w", err), os.RemoveAll(dir))
	}
	n.front = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hosts[r.Host].ServeHTTP(w, r)
	}))
	n.front.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	n.front.StartTLS()
	n.proxy = httptest.NewServer(http.HandlerFunc(n.connect))
	return n, nil
}

// To returns a handler that passes requests on to a base URL, with the Host header as it came: AWS's clients sign it.
func To(base string) (http.Handler, error) {
	target, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
	}}, nil
}

// Env returns what the environment of a process that is to use the network has to hold.
func (n *Network) Env() []string {
	return []string{"HTTPS_PROXY=" + n.proxy.URL, "SSL_CERT_FILE=" + n.authority()}
}

func (n *Network) authority() string { return filepath.Join(n.dir, "authority.pem") }

// Close cuts what is still connected, and removes the certificate.
func (n *Network) Close() error {
	n.front.CloseClientConnections()
	n.front.Close()
	n.proxy.Close()
	return os.RemoveAll(n.dir)
}

// connect answers CONNECT: whatever host is asked for, it is the front.
func (n *Network) connect(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		http.Error(w, "want CONNECT", http.StatusMethodNotAllowed)
		return
	}
	upstream, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", n.front.Listener.Addr().String())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer func() { _ = upstream.Close() }()
	w.WriteHeader(http.StatusOK)
	client, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = client.Close() }()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go pipe(upstream, buffered, cancel)
	go pipe(client, upstream, cancel)
	<-ctx.Done()
}

// pipe copies until either side ends.
func pipe(to io.Writer, from io.Reader, done func()) {
	_, _ = io.Copy(to, from)
	done()
}

// newCertificate makes a certificate for names, which is its own authority.
func newCertificate(names []string) (certificate tls.Certificate, authority []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "tests"},
		DNSNames:     names,
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IsCA:         true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	authority = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, authority, nil
}
