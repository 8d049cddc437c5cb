package lambda

import (
	"net/http"
	"net/netip"
	"strings"
)

// clientIPStrategy is IPStrategy, parsed.
type clientIPStrategy struct {
	depth    int
	excluded []netip.Prefix
}

func newClientIPStrategy(s *IPStrategy) *clientIPStrategy {
	if s == nil {
		return nil
	}
	excluded, _ := parsePrefixes("", s.ExcludedIPs) // validated
	return &clientIPStrategy{depth: s.Depth, excluded: excluded}
}

// clientAddress returns the client's bare address, by the options' strategy.
func clientAddress(l *Lambda, r *http.Request) string {
	peer := peerIP(r.RemoteAddr)
	if l.functions.clientIP == nil {
		return peer
	}
	return forwardedIP(l.functions.clientIP, &request{http: r, peerIP: peer})
}

// forwardedIP returns the client's bare address. An entry of X-Forwarded-For that is missing or
// is no address does not count: then the TCP peer is the client, which nobody can forge.
func forwardedIP(s *clientIPStrategy, req *request) string {
	forwarded := strings.Split(strings.Join(req.http.Header["X-Forwarded-For"], ","), ",")
	if addr := s.pick(forwarded); addr.IsValid() {
		return addr.Unmap().WithZone("").String()
	}
	return req.peerIP
}

// pick returns the entry that the strategy points at, the zero Addr for none.
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

// peerIP returns the address of the TCP peer without port and zone; of one that came to a socket for
// both versions (::ffff:192.0.2.1) the IPv4 address.
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
