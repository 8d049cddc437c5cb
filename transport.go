package lambda

import (
	"log"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// transports keeps the pools of connections over instances and reloads: Traefik rebuilds an
// instance for each router at each change of its configuration, and never closes the old one.
var transports = struct {
	sync.Mutex
	shared *http.Transport
}{}

// idleConnections bounds the connections that are kept open between requests.
const idleConnections = 1000

// transportFor returns the pool of connections to use.
func transportFor() *http.Transport {
	transports.Lock()
	defer transports.Unlock()
	if transports.shared == nil {
		transports.shared = newTransport()
	}
	return transports.shared
}

func newTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns = idleConnections
	t.MaxIdleConnsPerHost = idleConnections
	// It would add an Accept-Encoding that is not signed, and change the reply's bytes.
	t.DisableCompression = true
	return t
}

// warned remembers what was warned of: New runs once for each router and each reload.
var warned sync.Map

// warnPlainHTTP warns of an endpoint over which events travel in clear text.
func warnPlainHTTP(endpoint string) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" || isLoopback(u.Hostname()) {
		return
	}
	if _, before := warned.LoadOrStore(endpoint, true); !before {
		log.Printf("lambda: endpoint %s: http:// sends events and replies in clear text: use https://", u.Host)
	}
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || (ip != nil && ip.IsLoopback())
}
