package lambda

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/seed05e46011/lambda/internal/endpoint"
	"github.com/seed05e46011/lambda/internal/logline"
)

// transportSettings are the settings of connections. Handlers with equal settings share one pool of
// connections.
type transportSettings struct {
	proxyURL           string // "" to use the environment's
	caFile             string // "" for the system's authorities
	ca                 string // the certificates in caFile, in PEM
	insecureSkipVerify bool
	maxIdle            int
}

// transports holds the connection pools. It outlives the instances: Traefik rebuilds an instance for
// each router at each change of its configuration, and never closes the old one. Of settings that
// differ only in the content of caFile, only the last pool is kept.
var transports = struct {
	sync.Mutex
	pools map[transportSettings]*transportPool // keyed by the settings without ca
}{pools: map[transportSettings]*transportPool{}}

// transportPool is a connection pool, and the certificates that it trusts.
type transportPool struct {
	ca        string
	transport *http.Transport
}

// maxTransportPools limits transports, since settings change with the configuration.
const maxTransportPools = 100

// transportFor returns the connection pool for valid settings.
func transportFor(s transportSettings) *http.Transport {
	key := s
	key.ca = ""
	transports.Lock()
	defer transports.Unlock()
	pool := transports.pools[key]
	if pool != nil && pool.ca == s.ca {
		return pool.transport
	}
	if pool != nil {
		forgetPool(key, pool)
	}
	for other, old := range transports.pools {
		if len(transports.pools) < maxTransportPools {
			break
		}
		forgetPool(other, old)
	}
	pool = &transportPool{ca: s.ca, transport: newTransport(s)}
	transports.pools[key] = pool
	return pool.transport
}

// forgetPool removes a pool from transports. Instances may still use it. Its new connections close by
// themselves after an idle time.
func forgetPool(key transportSettings, pool *transportPool) {
	delete(transports.pools, key)
	pool.transport.CloseIdleConnections()
}

// newTransport takes from http.DefaultTransport the timeouts for connecting, the proxy from
// HTTPS_PROXY, HTTP_PROXY and NO_PROXY, and TCP keep-alive every 30 seconds. Without keep-alive, NAT
// gateways drop a connection that waits 15 minutes for a function.
//
// It speaks HTTP/1.1 only. Over HTTP/2 all calls share one connection. When it dies, all of them fail,
// and so do the next ones until the operating system gives it up. Moreover, net/http repeats HTTP/2
// requests after errors that do not rule out that the function has run (https://go.dev/issue/42777).
func newTransport(s transportSettings) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ForceAttemptHTTP2 = false
	t.TLSNextProto = map[string]func(authority string, conn *tls.Conn) http.RoundTripper{}
	config := tlsConfig(s)
	t.TLSClientConfig = config // replaces the clone's, which may offer HTTP/2
	t.DialTLSContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		return dialTLS(ctx, network, address, config)
	}
	t.MaxIdleConns = s.maxIdle
	t.MaxIdleConnsPerHost = s.maxIdle
	t.MaxResponseHeaderBytes = maxReplyHeaderBytes
	// Compression would add an unsigned Accept-Encoding and change the reply's bytes.
	t.DisableCompression = true
	if s.proxyURL != "" {
		if proxy, err := url.Parse(s.proxyURL); err == nil { // validated in New
			t.Proxy = http.ProxyURL(proxy)
		}
	}
	return t
}

// tlsConfig returns the TLS settings: which certificates to trust.
func tlsConfig(s transportSettings) *tls.Config {
	config := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	config.InsecureSkipVerify = s.insecureSkipVerify
	if s.ca != "" {
		config.RootCAs = x509.NewCertPool()
		config.RootCAs.AppendCertsFromPEM([]byte(s.ca))
	}
	return config
}

// connectDialer has the timeouts of http.DefaultTransport.
var connectDialer = &net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}

// handshakeTimeout limits a TLS handshake, like http.DefaultTransport's.
const handshakeTimeout = 10 * time.Second

// dialTLS opens a connection without a proxy, as the transport itself would, with one difference: each
// error is a *net.OpError of dialling. So neverConnected can distinguish a failed handshake from a
// missing response.
func dialTLS(ctx context.Context, network, address string, config *tls.Config) (net.Conn, error) {
	conn, err := connectDialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	host, _, _ := net.SplitHostPort(address) // the transport always adds a port
	named := config.Clone()
	named.ServerName = host
	secure := tls.Client(conn, named)
	handshake, cancel := context.WithTimeout(ctx, handshakeTimeout)
	err = secure.HandshakeContext(handshake)
	cancel()
	if err != nil {
		_ = conn.Close() // nothing was sent
		return nil, &net.OpError{Op: opDial, Net: network, Err: fmt.Errorf("TLS handshake: %w", err)}
	}
	return secure, nil
}

// The Op of a *net.OpError that occurs before there is a connection.
const (
	opDial  = "dial"
	opProxy = "proxyconnect"
	opSOCKS = "socks connect"
)

// neverConnected reports whether an error of the transport proves that there was no connection, so that
// nothing was sent. With a proxy it misses some errors; traceConnecting finds those.
func neverConnected(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && (op.Op == opDial || op.Op == opProxy || op.Op == opSOCKS)
}

// proxied reports whether connections may go through a proxy.
func proxied(s transportSettings) bool {
	if s.proxyURL != "" {
		return true
	}
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
		if os.Getenv(name) != "" {
			return true
		}
	}
	return false
}

// maxReplyHeaderBytes limits the headers of Lambda's HTTP response. The largest of Lambda's is the log
// tail, 4 KB in Base64.
const maxReplyHeaderBytes = 256 << 10

// newTransportSettings reads the options of connections, and the file with certificates.
func newTransportSettings(c *Config) (transportSettings, error) {
	s := transportSettings{proxyURL: c.ProxyURL, maxIdle: c.MaxIdleConnections}
	if c.TLS == nil {
		return s, nil
	}
	s.insecureSkipVerify = c.TLS.InsecureSkipVerify
	if c.TLS.CAFile == "" {
		return s, nil
	}
	pem, err := os.ReadFile(c.TLS.CAFile)
	if err != nil {
		return s, fmt.Errorf("tls.caFile: %w", err)
	}
	if !x509.NewCertPool().AppendCertsFromPEM(pem) {
		return s, fmt.Errorf("tls.caFile: %q: want a file of certificates in PEM", c.TLS.CAFile)
	}
	s.caFile = c.TLS.CAFile
	s.ca = string(pem)
	return s, nil
}

func (c *Config) validateProxyURL() error {
	if c.ProxyURL == "" {
		return nil
	}
	u, err := url.Parse(c.ProxyURL)
	if err != nil || u.Host == "" || !contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme) {
		return fmt.Errorf("proxyURL: %q: want a URL of scheme http, https, socks5 or socks5h and host",
			endpoint.Redact(c.ProxyURL))
	}
	return nil
}

// warned holds the warnings already logged, because New runs once for each router and each reload. It
// outlives the instances.
var warned sync.Map

// warnOnce logs a warning the first time only.
func warnOnce(logger *logline.Logger, warning string) {
	if _, before := warned.LoadOrStore(warning, true); !before {
		logger.Error("lambda: " + warning)
	}
}

// warnInsecure warns of connections that others could read or intercept, and of functions that are open
// to clients unintentionally.
func warnInsecure(logger *logline.Logger, c *Config) {
	u, err := url.Parse(c.Endpoint)
	if err == nil && u.Scheme == "http" && !isLocal(u.Hostname()) {
		warnOnce(logger, "endpoint "+u.Host+": http:// sends events and replies in clear text: use https://")
	}
	if c.TLS != nil && c.TLS.InsecureSkipVerify {
		warnOnce(logger, "tls.insecureSkipVerify: anybody on the way can pose as Lambda, and gets the events: use tls.caFile")
	}
	if c.PathPrefix != "" && len(c.Include) == 0 {
		warnOnce(logger, "pathPrefix "+c.PathPrefix+": clients can call every function that the credentials may call: set include")
	}
}

// isLocal reports whether data for a host stays on this machine or in its containers' network:
// loopback, and names that no public DNS has, such as `lambdalocal` and `host.docker.internal`.
func isLocal(host string) bool {
	ip := net.ParseIP(host)
	if ip != nil {
		return ip.IsLoopback()
	}
	return !strings.Contains(host, ".") || strings.HasSuffix(host, ".localhost") || strings.HasSuffix(host, ".docker.internal")
}
