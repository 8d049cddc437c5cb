package lambda

import (
	"net/http"
	"strconv"
	"strings"
)

// lowerHeaders returns the request's headers as the front doors that join values have them: names
// in lower case, the values of a name joined by commas, Host and the forwarding headers among
// them, hop-by-hop headers left out. Headers that Connection names stay in: with it a client
// could take away what an earlier middleware has set (RFC 9110 7.6.1 is for proxies that forward).
func lowerHeaders(req *request) map[string]string {
	headers := make(map[string]string, len(req.header)+6)
	for name, values := range req.header {
		lower := lowerNames[name]
		if lower == "" {
			lower = lowerName(name)
			if lower == "" {
				continue
			}
		}
		if len(values) == 1 {
			headers[lower] = values[0]
		} else {
			headers[lower] = strings.Join(values, separator(lower))
		}
	}
	headers["host"] = req.host
	addForwardingHeaders(headers, req)
	return headers
}

// separator is what joins the values of a header: cookies come apart at semicolons (RFC 6265 5.4).
func separator(lower string) string {
	if lower == "cookie" {
		return "; "
	}
	return ","
}

// addForwardingHeaders adds what the front doors add. What is there already was set by Traefik
// or by a proxy that it trusts: Traefik takes these headers off other requests.
func addForwardingHeaders(headers map[string]string, req *request) {
	forwarded := req.peerIP
	if prior := headers["x-forwarded-for"]; prior != "" {
		forwarded = prior + ", " + forwarded
	}
	headers["x-forwarded-for"] = forwarded
	if headers["x-forwarded-proto"] == "" || headers["x-forwarded-port"] == "" {
		addScheme(headers, req.http)
	}
	if headers["x-amzn-trace-id"] == "" {
		headers["x-amzn-trace-id"] = newTraceID(req)
	}
	if len(req.body) > 0 {
		headers["content-length"] = strconv.Itoa(len(req.body)) // a chunked body has none
	}
	if len(req.eventHeaders) > 0 {
		addEventHeaders(headers, req.eventHeaders)
	}
}

// addScheme adds what Traefik adds itself where it serves the request.
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

// headerValues returns the request's headers as the front doors that keep every value have them:
// the same headers as lowerHeaders, with canonical names or with names in lower case.
func headerValues(req *request, lowerCase bool) map[string][]string {
	headers := make(map[string][]string, len(req.header)+6)
	for name, values := range req.header {
		lower, known := lowerNames[name]
		if !known {
			lower = lowerName(name)
		}
		if lower == "" {
			continue
		}
		if lowerCase {
			name = lower
		}
		headers[name] = values
	}
	names := &canonicalForwarding
	if lowerCase {
		names = &lowerForwarding
	}
	addForwardingValues(headers, names, req)
	return headers
}

// forwardingNames are the names of what the front doors add or replace.
type forwardingNames struct {
	host, forwardedFor, forwardedProto, forwardedPort, traceID, contentLength string
}

var (
	canonicalForwarding = forwardingNames{"Host", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Amzn-Trace-Id", "Content-Length"}
	lowerForwarding     = forwardingNames{"host", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-port", "x-amzn-trace-id", "content-length"}
)

// addForwardingValues is addForwardingHeaders for headers with all values.
func addForwardingValues(headers map[string][]string, names *forwardingNames, req *request) {
	headers[names.host] = []string{req.host}
	if prior := headers[names.forwardedFor]; len(prior) > 0 {
		headers[names.forwardedFor] = []string{strings.Join(prior, ",") + ", " + req.peerIP}
	} else {
		headers[names.forwardedFor] = []string{req.peerIP}
	}
	if len(headers[names.forwardedProto]) == 0 {
		headers[names.forwardedProto] = []string{scheme(req.http)}
	}
	if len(headers[names.forwardedPort]) == 0 {
		headers[names.forwardedPort] = []string{port(req.http)}
	}
	if len(headers[names.traceID]) == 0 {
		headers[names.traceID] = []string{newTraceID(req)}
	}
	if len(req.body) > 0 {
		headers[names.contentLength] = []string{strconv.Itoa(len(req.body))} // a chunked body has none
	}
	for name, value := range req.eventHeaders {
		if names == &canonicalForwarding {
			name = http.CanonicalHeaderKey(name)
		}
		headers[name] = []string{value}
	}
}

// dropMadeTraceID takes away the trace id unless the request came with one: only AWS's own front
// doors make them.
func dropMadeTraceID(headers map[string][]string, req *request) {
	if req.header["X-Amzn-Trace-Id"] == nil && req.eventHeaders["x-amzn-trace-id"] == "" {
		delete(headers, "x-amzn-trace-id")
	}
}

// lastValues returns the last value of each name: that is the one that the front doors without
// joined values keep in a map of single values.
func lastValues(values map[string][]string) map[string]string {
	single := make(map[string]string, len(values))
	for name, list := range values {
		if len(list) > 0 {
			single[name] = list[len(list)-1]
		}
	}
	return single
}

// last returns the last value, "" for none.
func last(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}

func scheme(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// port returns the port that the client named, else the scheme's own.
func port(r *http.Request) string {
	if i := strings.LastIndexByte(r.Host, ':'); i > strings.LastIndexByte(r.Host, ']') {
		return r.Host[i+1:]
	}
	if r.TLS != nil {
		return "443"
	}
	return "80"
}

// hostname returns the Host header without the port, and its first label.
func hostname(host string) (name, firstLabel string) {
	if strings.HasPrefix(host, "[") { // an IPv6 address
		i := strings.LastIndexByte(host, ']')
		return host[:i+1], host[:i+1]
	}
	name, _, _ = strings.Cut(host, ":")
	firstLabel, _, _ = strings.Cut(name, ".")
	return name, firstLabel
}
