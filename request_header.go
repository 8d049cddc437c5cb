package lambda

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
)

// lowerHeaders returns the request's headers in the form of front doors that join values: names in
// lower case, the values of a name joined by commas, with Host and the forwarding headers, without
// hop-by-hop headers. Headers that Connection names stay: otherwise clients could remove what an
// earlier middleware has set (RFC 9110 7.6.1 is for proxies that forward).
//
//lambda:inline
func lowerHeaders(req *request) map[string]string {
	r := req.http
	headers := make(map[string]string, 14) // Go's map has room for 16 then
	rare := false
	for name, values := range r.Header {
		if lower := lowerNames[name]; lower != "" && len(values) == 1 {
			headers[lower] = values[0]
		} else if learned, known := learnedLower.known.Load(name); known && len(values) == 1 {
			headers[learned.(string)] = values[0]
		} else if !hopByHop[name] {
			rare = true
		}
	}
	if rare {
		addRareHeaders(headers, r.Header)
	}
	headers["host"] = r.Host

	// The headers that front doors add. Existing values come from Traefik or a proxy that it trusts,
	// since Traefik removes these headers from other requests.
	if headers["x-forwarded-for"] == "" {
		headers["x-forwarded-for"] = req.peerIP
	} else {
		headers["x-forwarded-for"] = withPeer(headers["x-forwarded-for"], req.peerIP)
	}
	if headers["x-forwarded-proto"] == "" || headers["x-forwarded-port"] == "" {
		addScheme(headers, r)
	}
	if headers["x-amzn-trace-id"] == "" {
		headers["x-amzn-trace-id"] = req.traceID
	}
	if req.eventHeaders != nil {
		addEventHeaders(headers, req.eventHeaders)
	}
	return headers
}

// refuseSwitch returns the failure of a request that asks for a protocol other than HTTP, which
// functions cannot speak; nil for all others. Any other Upgrade, such as h2c, is an offer that a server
// may ignore (RFC 9110 7.8).
func refuseSwitch(r *http.Request) error {
	if r.Method == http.MethodConnect {
		return failureOf(causeMethod, errors.New("functions cannot serve CONNECT"))
	}
	if hasToken(r.Header["Upgrade"], "websocket") && hasToken(r.Header["Connection"], "upgrade") {
		return failureOf(causeUpgrade, errors.New("functions cannot serve WebSockets"))
	}
	return nil
}

// allowedMethods are the methods that a 405 lists. Functions receive other methods, too.
const allowedMethods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

// hasToken reports whether a header that lists tokens contains one, in any case, among its first
// maxTokens. The limit bounds what a long list from a client can cost.
func hasToken(values []string, token string) bool {
	const maxTokens = 32
	for _, item := range strings.SplitN(strings.Join(values, ","), ",", maxTokens) {
		if strings.EqualFold(strings.TrimSpace(item), token) {
			return true
		}
	}
	return false
}

// addRareHeaders adds the headers that lowerHeaders skipped.
func addRareHeaders(headers map[string]string, header http.Header) {
	for name, values := range header {
		if _, known := lowerNames[name]; len(values) == 0 || (len(values) == 1 && known) {
			continue
		}
		if lower, forwarded := lowerName(name); forwarded {
			headers[lower] = joinValues(lower, values)
			learnLower(name, lower)
		}
	}
}

// learnLower learns the name of a header, if it is canonical. Others, which only other middlewares write,
// stay rare: added last, they replace the canonical ones.
func learnLower(name, lower string) {
	if http.CanonicalHeaderKey(name) == name {
		learn(&learnedLower, name, lower)
	}
}

// withPeer appends the peer to a list of addresses. It drops a list of commas and blanks only.
func withPeer(list, peer string) string {
	if strings.Trim(list, ", \t") == "" {
		return peer
	}
	return list + ", " + peer
}

// joinValues joins the values of a header with commas, and cookies with semicolons (RFC 6265 5.4).
func joinValues(lower string, values []string) string {
	if lower == "cookie" {
		return strings.Join(values, "; ")
	}
	return strings.Join(values, ",")
}

// addScheme adds X-Forwarded-Proto and X-Forwarded-Port if Traefik has not set them.
func addScheme(headers map[string]string, r *http.Request) {
	if headers["x-forwarded-proto"] == "" {
		headers["x-forwarded-proto"] = scheme(r)
	}
	if headers["x-forwarded-port"] == "" {
		headers["x-forwarded-port"] = port(r)
	}
}

func addEventHeaders(headers, eventHeaders map[string]string) {
	for name, value := range eventHeaders {
		headers[name] = value
	}
}

// headerValues returns the request's headers in the form of front doors that keep every value: the same
// headers as lowerHeaders, with canonical or lower-case names.
//
//lambda:inline
func headerValues(req *request, lowerCase bool) map[string][]string {
	headers := make(map[string][]string, len(req.http.Header)+6)
	rare := false
	for name, values := range req.http.Header {
		lower := lowerNames[name]
		if lower == "" {
			learned, known := learnedLower.known.Load(name)
			if !known {
				rare = rare || !hopByHop[name]
				continue
			}
			lower = learned.(string)
		}
		if len(values) == 0 {
			continue
		}
		if lowerCase {
			headers[lower] = values
		} else {
			headers[name] = values
		}
	}
	if rare {
		addRareValues(headers, req.http.Header, lowerCase)
	}
	if lowerCase {
		addForwardingValues(headers, &lowerForwarding, req)
	} else {
		addForwardingValues(headers, &canonicalForwarding, req)
	}
	return headers
}

// addRareValues adds the headers that headerValues skipped.
func addRareValues(headers map[string][]string, header http.Header, lowerCase bool) {
	for name, values := range header {
		if _, known := lowerNames[name]; known || len(values) == 0 {
			continue
		}
		lower, forwarded := lowerName(name)
		if !forwarded {
			continue
		}
		learnLower(name, lower)
		if lowerCase {
			headers[lower] = values
		} else {
			headers[name] = values
		}
	}
}

// forwardingNames are the names of the headers that front doors add or replace.
type forwardingNames struct {
	host, forwardedFor, forwardedProto, forwardedPort, traceID, contentLength string
}

var (
	canonicalForwarding = forwardingNames{"Host", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Amzn-Trace-Id", "Content-Length"}
	lowerForwarding     = forwardingNames{"host", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-port", "x-amzn-trace-id", "content-length"}
)

// addForwardingValues adds the same headers as lowerHeaders does, as lists.
//
//lambda:inline
func addForwardingValues(headers map[string][]string, names *forwardingNames, req *request) {
	headers[names.host] = []string{req.http.Host}
	if forwarded := headers[names.forwardedFor]; forwarded == nil {
		headers[names.forwardedFor] = []string{req.peerIP}
	} else {
		headers[names.forwardedFor] = []string{withPeer(strings.Join(forwarded, ","), req.peerIP)}
	}
	if last(headers[names.forwardedProto]) == "" {
		headers[names.forwardedProto] = []string{scheme(req.http)}
	}
	if last(headers[names.forwardedPort]) == "" {
		headers[names.forwardedPort] = []string{port(req.http)}
	}
	if last(headers[names.traceID]) == "" {
		headers[names.traceID] = []string{req.traceID}
	}
	if len(req.body) > 0 {
		headers[names.contentLength] = []string{strconv.Itoa(len(req.body))} // chunked requests have no such header
	}
	if req.eventHeaders != nil {
		addEventValues(headers, req.eventHeaders, names == &canonicalForwarding)
	}
}

// addEventValues adds the headers of option eventHeaders, whose names are lower case.
func addEventValues(headers map[string][]string, eventHeaders map[string]string, canonical bool) {
	for name, value := range eventHeaders {
		if canonical {
			name = http.CanonicalHeaderKey(name)
		}
		headers[name] = []string{value}
	}
}

// dropMadeTraceID removes the trace id unless the client sent one: only AWS's own front doors create
// one.
//
//lambda:inline
func dropMadeTraceID(headers map[string][]string, req *request) {
	if last(req.http.Header["X-Amzn-Trace-Id"]) == "" && req.eventHeaders["x-amzn-trace-id"] == "" {
		delete(headers, "x-amzn-trace-id")
	}
}

// lastValues returns the last value of each name, which front doors that do not join values keep in a
// map of single values. No list may be empty.
//
//lambda:inline
func lastValues(values map[string][]string) map[string]string {
	single := make(map[string]string, len(values))
	for name, list := range values {
		single[name] = list[len(list)-1]
	}
	return single
}

// last returns the last value; "" for none.
//
//lambda:inline
func last(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}

//lambda:inline
func scheme(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// port returns the port in the Host header, else the scheme's default.
//
//lambda:inline
func port(r *http.Request) string {
	if i := strings.LastIndexByte(r.Host, ':'); i > strings.LastIndexByte(r.Host, ']') {
		return r.Host[i+1:]
	}
	if r.TLS != nil {
		return "443"
	}
	return "80"
}

// hostname returns the Host header without its port, and the first label of that name.
//
//lambda:inline
func hostname(host string) (name, firstLabel string) {
	if end := strings.IndexByte(host, ':'); end >= 0 {
		if host[0] == '[' { // an IPv6 address
			end = strings.LastIndexByte(host, ']') + 1
			return host[:end], host[:end]
		}
		host = host[:end]
	}
	if end := strings.IndexByte(host, '.'); end >= 0 {
		return host, host[:end]
	}
	return host, host
}
