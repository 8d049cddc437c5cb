package lambda

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestClientIP(t *testing.T) {
	const peer = "192.0.2.1"
	cases := map[string]struct {
		strategy  *IPStrategy
		remote    string
		forwarded []string
		want      string
	}{
		"the peer, without its port":                     {remote: "192.0.2.1:4711", want: peer},
		"an IPv6 peer, without brackets":                 {remote: "[2001:db8::1]:4711", want: "2001:db8::1"},
		"an IPv6 peer, without its zone":                 {remote: "[fe80::1%eth0]:4711", want: "fe80::1"},
		"an IPv4 peer at a socket for both versions":     {remote: "[::ffff:192.0.2.1]:4711", want: peer},
		"an IPv4 client that a proxy names in IPv6":      {strategy: &IPStrategy{Depth: 1}, forwarded: []string{"::ffff:203.0.113.9"}, want: "203.0.113.9"},
		"the peer, whatever the client claims":           {remote: "192.0.2.1:1", forwarded: []string{"203.0.113.9"}, want: peer},
		"depth 1 is the rightmost entry":                 {strategy: &IPStrategy{Depth: 1}, forwarded: []string{"203.0.113.9, 198.51.100.7"}, want: "198.51.100.7"},
		"depth 2 passes one entry over":                  {strategy: &IPStrategy{Depth: 2}, forwarded: []string{"203.0.113.9, 198.51.100.7"}, want: "203.0.113.9"},
		"depth counts over repeated headers":             {strategy: &IPStrategy{Depth: 2}, forwarded: []string{"203.0.113.9", "198.51.100.7"}, want: "203.0.113.9"},
		"a depth beyond the list is the peer":            {strategy: &IPStrategy{Depth: 3}, forwarded: []string{"203.0.113.9, 198.51.100.7"}, want: peer},
		"no header is the peer":                          {strategy: &IPStrategy{Depth: 1}, want: peer},
		"an entry that is no address is the peer":        {strategy: &IPStrategy{Depth: 1}, forwarded: []string{"unknown"}, want: peer},
		"an entry with markup is the peer":               {strategy: &IPStrategy{Depth: 1}, forwarded: []string{"<script>"}, want: peer},
		"excluded proxies are passed over":               {strategy: &IPStrategy{ExcludedIPs: []string{"198.51.100.0/24"}}, forwarded: []string{"203.0.113.9, 198.51.100.7"}, want: "203.0.113.9"},
		"an excluded address may stand alone":            {strategy: &IPStrategy{ExcludedIPs: []string{" 198.51.100.7"}}, forwarded: []string{"203.0.113.9, 198.51.100.7"}, want: "203.0.113.9"},
		"only the first that is not excluded counts":     {strategy: &IPStrategy{ExcludedIPs: []string{"198.51.100.7"}}, forwarded: []string{"1.1.1.1, 203.0.113.9, 198.51.100.7"}, want: "203.0.113.9"},
		"a list of excluded ones alone is the peer":      {strategy: &IPStrategy{ExcludedIPs: []string{"198.51.100.7"}}, forwarded: []string{"198.51.100.7"}, want: peer},
		"an IPv4 address in IPv6 is excluded as IPv4":    {strategy: &IPStrategy{ExcludedIPs: []string{"198.51.100.7"}}, forwarded: []string{"203.0.113.9, ::ffff:198.51.100.7"}, want: "203.0.113.9"},
		"depth comes before excluded addresses":          {strategy: &IPStrategy{Depth: 1, ExcludedIPs: []string{"198.51.100.7"}}, forwarded: []string{"203.0.113.9, 198.51.100.7"}, want: "198.51.100.7"},
		"a strategy without fields is the peer":          {strategy: &IPStrategy{}, forwarded: []string{"203.0.113.9"}, want: peer},
		"garbage right of the client does not let it in": {strategy: &IPStrategy{ExcludedIPs: []string{"198.51.100.7"}}, forwarded: []string{"203.0.113.9, x, 198.51.100.7"}, want: peer},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "http://example.com/", nil)
			r.RemoteAddr = peer + ":4711"
			if tc.remote != "" {
				r.RemoteAddr = tc.remote
			}
			r.Header["X-Forwarded-For"] = tc.forwarded
			l := &Lambda{functions: functionSettings{clientIP: newClientIPStrategy(tc.strategy), target: &target{}}}
			req := newRequest(l, r)
			if err := resolve(l, req); err != nil || req.clientIP != tc.want {
				t.Errorf("got %q (%v), want %q", req.clientIP, err, tc.want)
			}
		})
	}
}
