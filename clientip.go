package lambda

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/seed05e46011/lambda/internal/option"
)

// clientIPStrategy is the parsed IPStrategy.
type clientIPStrategy struct {
	depth    int
	excluded []netip.Prefix
}

func newClientIPStrategy(s *IPStrategy) *clientIPStrategy {
	if s == nil {
		return nil
	}
	excluded, _ := option.Prefixes("", s.ExcludedIPs) // validated
	return &clientIPStrategy{depth: s.Depth, excluded: excluded}
}

// clientAddress returns the client's address without port, found with option ipStrategy.
func clientAddress(l *Lambda, r *http.Request) string {
	peer := peerIP(r.RemoteAddr)
	if l.functions.clientIP == nil {
		return peer
	}
	return forwardedIP(l.functions.clientIP, &request{http: r, peerIP: peer})
}

// forwardedIP returns the client's address without port. If the entry of X-Forwarded-For is missing or
// not an address, that is the TCP peer's, which cannot be forged.
func forwardedIP(s *clientIPStrategy, req *request) string {
	forwarded := strings.Split(strings.Join(req.http.Header["X-Forwarded-For"], ","), ",")
	if addr := s.pick(forwarded); addr.IsValid() {
		return addr.Unmap().WithZone("").String()
	}
	return req.peerIP
}

// pick returns the entry that the strategy selects; the zero Addr for none.
func (s *clientIPStrategy) pick(forwarded []string) netip.Addr {
	if s.depth > 0 {
		if s.depth > len(forwarded) {
			return netip.Addr{}
		}
		addr, _ := netip.ParseAddr(strings.TrimSpace(forwarded[len(forwarded)-s.depth]))
		return addr
	}
	if len(s.excluded) == 0 {
		return netip.Addr{}
	}
	for i := len(forwarded) - 1; i >= 0; i-- {
		addr, err := netip.ParseAddr(strings.TrimSpace(forwarded[i]))
		if err != nil {
			return netip.Addr{}
		}
		if !s.excludes(addr) {
			return addr
		}
	}
	return netip.Addr{}
}

func (s *clientIPStrategy) excludes(addr netip.Addr) bool {
	for _, prefix := range s.excluded {
		if prefix.Contains(addr.Unmap().WithZone("")) {
			return true
		}
	}
	return false
}

// peerIP returns the TCP peer's address without port and zone. It converts IPv4-mapped addresses
// (::ffff:192.0.2.1), which sockets for both versions report, to IPv4.
//
//lambda:inline
func peerIP(remoteAddr string) string {
	i := strings.LastIndexByte(remoteAddr, ':')
	if i < 0 {
		return remoteAddr
	}
	if remoteAddr[0] == '[' {
		return bareIPv6(remoteAddr)
	}
	return remoteAddr[:i]
}

func bareIPv6(remoteAddr string) string {
	address, _ := netip.ParseAddrPort(remoteAddr)
	return address.Addr().Unmap().WithZone("").String()
}
