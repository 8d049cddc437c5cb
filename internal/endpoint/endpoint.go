// Package endpoint checks and shows the URLs of services that options name.
package endpoint

import (
	"net"
	"net/url"
	"strings"
)

// IsBase reports whether text is the base URL of a service: http or https, a host and, if need be, port and path. User
// information, a query and a fragment are refused: they would be lost, or logged.
func IsBase(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https") &&
		u.User == nil && u.RawQuery == "" && u.Fragment == ""
}

// Redact returns a URL for an error or a log line: without all before its last "@", where people put passwords. It takes
// any text, since a URL that does not parse may hold a password too.
func Redact(text string) string {
	if i := strings.LastIndex(text, "@"); i >= 0 {
		return "…" + text[i:]
	}
	return text
}

// IsLoopback reports whether a host, without port and brackets, is certain to be this machine: "localhost" or an address
// of loopback. Names below ".localhost" are not certain: it depends on the resolver whether it asks others for them.
func IsLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}
