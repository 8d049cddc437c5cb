package lambda

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"

	"github.com/seed05e46011/lambda/internal/logline"
)

// transportSettings is all that connections may differ in. Handlers with equal settings share one
// pool of connections.
type transportSettings struct {
	proxyURL           string // "" for what the environment says
	ca                 string // certificates in PEM, "" for the system's
	insecureSkipVerify bool
	maxIdle            int
}

// transports keeps the pools of connections over instances and reloads: Traefik rebuilds an
// instance for each router at each change of its configuration, and never closes the old one.
var transports = struct {
	sync.Mutex
	pools map[transportSettings]*http.Transport
}{pools: map[transportSettings]*http.Transport{}}

// transportFor returns the pool of connections for valid settings.
func transportFor(s transportSettings) *http.Transport {
	transports.Lock()
	defer transports.Unlock()
	pool := transports.pools[s]
	if pool == nil {
		pool = newTransport(s)
		transports.pools[s] = pool
	}
	return pool
}

// newTransport takes from http.DefaultTransport the timeouts of connecting, TCP keep-alive every
// 30 seconds, without which NAT gateways forget a connection that waits for a function of 15
// minutes, the proxy of HTTPS_PROXY, HTTP_PROXY and NO_PROXY, and HTTP/2 where the endpoint has it.
func newTransport(s transportSettings) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns = s.maxIdle
	t.MaxIdleConnsPerHost = s.maxIdle
	t.MaxResponseHeaderBytes = maxReplyHeaderBytes
	// It would add an Accept-Encoding that is not signed, and change the reply's bytes.
	t.DisableCompression = true
	if s.proxyURL != "" {
		if proxy, err := url.Parse(s.proxyURL); err == nil { // validated in New
			t.Proxy = http.ProxyURL(proxy)
		}
	}
	if s.ca != "" || s.insecureSkipVerify {
		t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		t.TLSClientConfig.InsecureSkipVerify = s.insecureSkipVerify
		if s.ca != "" {
			t.TLSClientConfig.RootCAs = x509.NewCertPool()
			t.TLSClientConfig.RootCAs.AppendCertsFromPEM([]byte(s.ca))
		}
	}
	return t
}

// maxReplyHeaderBytes bounds the head of an answer. Lambda's largest header is the log tail, 4 KB
// in Base64.
const maxReplyHeaderBytes = 256 << 10

// http1Hosts holds the hosts that answered in HTTP/1 last, as keys. It outlives the instances, as the
// connections do.
var http1Hosts sync.Map

// resendsSafely says whether the transport, where it sends a request a second time, does so only
// if nothing of the first has been written. So it does with POST in HTTP/1. In HTTP/2 it also
// does after PROTOCOL_ERROR, up to six times, whatever the other side has done with the request
// by then (golang.org/issue/42777). Without TLS there is no HTTP/2, and nobody need ask.
func resendsSafely(host string) bool {
	_, safe := http1Hosts.Load(host)
	return safe
}

// learnProtocol remembers what an endpoint speaks.
func learnProtocol(p *preparedInvocation, resp *http.Response) {
	if resp.ProtoMajor == 1 {
		http1Hosts.Store(p.target.host, true)
	} else {
		http1Hosts.Delete(p.target.host)
	}
}

// newTransportSettings reads the options of connections, and the file of certificates.
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
	s.ca = string(pem)
	return s, nil
}

func (c *Config) validateProxyURL() error {
	if c.ProxyURL == "" {
		return nil
	}
	u, err := url.Parse(c.ProxyURL)
	if err != nil || u.Host == "" || !contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme) {
		return fmt.Errorf("proxyURL: %q: want a URL of scheme http, https, socks5 or socks5h and host", redactURL(c.ProxyURL))
	}
	return nil
}

// warned remembers what was warned of: New runs once for each router and each reload.
var warned sync.Map

// warnOnce logs a danger the first time that it is met.
func warnOnce(logger *logline.Logger, warning string) {
	if _, before := warned.LoadOrStore(warning, true); !before {
		logger.Error("lambda: " + warning)
	}
}

// warnInsecure warns of connections that others can read or answer.
func warnInsecure(logger *logline.Logger, c *Config) {
	u, err := url.Parse(c.Endpoint)
	if err == nil && u.Scheme == "http" && !isLoopback(u.Hostname()) {
		warnOnce(logger, "endpoint "+u.Host+": http:// sends events and replies in clear text: use https://")
	}
	if c.TLS != nil && c.TLS.InsecureSkipVerify {
		warnOnce(logger, "tls.insecureSkipVerify: anybody on the way can pose as Lambda, and gets the events: use tls.caFile")
	}
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || (ip != nil && ip.IsLoopback())
}
