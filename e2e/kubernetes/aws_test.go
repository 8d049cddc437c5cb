package kubernetes_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"time"
)

// aws stands in for the network to AWS: a proxy that leads https://lambda.*.amazonaws.com to a local Lambda endpoint. The
// examples name no endpoint, and need none.
type aws struct {
	// proxy is what HTTPS_PROXY has to be.
	proxy *httptest.Server
	// front has the name and a certificate of AWS's.
	front *httptest.Server
	// authority is the certificate to trust.
	authority []byte
}

func startAWS(lambdaURL string) (*aws, error) {
	target, err := url.Parse(lambdaURL)
	if err != nil {
		return nil, err
	}
	certificate, authority, err := newCertificate("lambda.eu-central-1.amazonaws.com")
	if err != nil {
		return nil, err
	}
	a := &aws{authority: authority}
	a.front = httptest.NewUnstartedServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // It is signed.
	}})
	a.front.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	a.front.StartTLS()
	a.proxy = httptest.NewServer(http.HandlerFunc(a.connect))
	return a, nil
}

func (a *aws) close() {
	a.proxy.CloseClientConnections()
	a.proxy.Close()
	a.front.Close()
}

// connect answers CONNECT: whatever host is asked for, it is the front.
func (a *aws) connect(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		http.Error(w, "want CONNECT", http.StatusMethodNotAllowed)
		return
	}
	upstream, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", a.front.Listener.Addr().String())
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
	go pipe(upstream, buffered, cancel)
	go pipe(client, upstream, cancel)
	<-ctx.Done()
}

// pipe copies until either side ends.
func pipe(to io.Writer, from io.Reader, done func()) {
	_, _ = io.Copy(to, from)
	done()
}

// newCertificate makes a certificate for a name, which is its own authority.
func newCertificate(name string) (certificate tls.Certificate, authority []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: name},
		DNSNames:     []string{name},
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
