package lambda

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
)

// Changing a name's case costs a call into compiled code, looking it up in a map a quarter of that. So
// the maps hold the names that most requests and replies contain, without hop-by-hop headers. They are
// read-only after init.
var (
	lowerNames     = map[string]string{} // canonical name → lower case
	canonicalNames = map[string]string{} // canonical or lower case → canonical name
)

// hopByHop holds the headers that apply to one connection only (RFC 9110 7.6.1), by canonical name.
var hopByHop = map[string]bool{
	"Connection": true, "Keep-Alive": true, "Proxy-Authenticate": true, "Proxy-Authorization": true,
	"Proxy-Connection": true, "Te": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true,
}

var wellKnown = []string{
	"Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language", "Accept-Ranges",
	"Access-Control-Allow-Credentials", "Access-Control-Allow-Headers", "Access-Control-Allow-Methods",
	"Access-Control-Allow-Origin", "Access-Control-Expose-Headers", "Access-Control-Max-Age",
	"Access-Control-Request-Headers", "Access-Control-Request-Method", "Age", "Allow",
	"Authorization", "Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language",
	"Content-Length", "Content-Location", "Content-Range", "Content-Security-Policy", "Content-Type",
	"Cookie", "Date", "Dnt", "Etag", "Expect", "Expires", "Forwarded", "From", "If-Match",
	"If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since", "Last-Modified",
	"Link", "Location", "Max-Forwards", "Origin", "Permissions-Policy", "Pragma", "Priority",
	"Range", "Referer", "Referrer-Policy", "Retry-After", "Sec-Ch-Ua", "Sec-Ch-Ua-Mobile",
	"Sec-Ch-Ua-Platform", "Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site", "Sec-Fetch-User",
	"Server", "Server-Timing", "Set-Cookie", "Strict-Transport-Security", "Traceparent",
	"Tracestate", "Upgrade-Insecure-Requests", "User-Agent", "Vary", "Via", "Warning",
	"Www-Authenticate", "X-Amzn-Trace-Id", "X-Api-Key", "X-Content-Type-Options", "X-Forwarded-For",
	"X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Proto", "X-Forwarded-Server",
	"X-Frame-Options", "X-Powered-By", "X-Real-Ip", "X-Request-Id", "X-Requested-With",
}

func init() {
	for _, name := range wellKnown {
		lower := strings.ToLower(name)
		lowerNames[name] = lower
		canonicalNames[name] = name
		canonicalNames[lower] = name
	}
}

// learnedNames holds what lowerName or canonicalName made of other names, so that it is done once for
// each. Clients and functions choose these names.
type learnedNames struct {
	known sync.Map // string → string
	count int32
}

var (
	learnedLower     learnedNames // of requests: canonical name → lower case
	learnedCanonical learnedNames // of replies: any name → canonical name
)

// The limits of a learnedNames. When it is full it forgets everything: what is in use comes back.
const (
	maxLearned    = 256
	maxLearnedLen = 64
)

func learn(l *learnedNames, name, result string) {
	if len(name) > maxLearnedLen {
		return
	}
	if _, known := l.known.LoadOrStore(name, result); known || atomic.AddInt32(&l.count, 1) <= maxLearned {
		return
	}
	atomic.StoreInt32(&l.count, 0)
	l.known.Range(func(name, _ any) bool {
		l.known.Delete(name)
		return true
	})
}

// lowerName returns a request header's name in lower case and reports whether the function may receive
// the header. Hop-by-hop headers and aliases of forwarding headers are withheld: many frameworks read
// X_Forwarded_Proto and X.Forwarded.Proto as X-Forwarded-Proto, but Traefik protects only that
// spelling.
func lowerName(name string) (lower string, forwarded bool) {
	lower = strings.ToLower(name)
	if hopByHop[http.CanonicalHeaderKey(name)] {
		return lower, false
	}
	if strings.ContainsAny(lower, "_.") {
		plain := aliasReplacer.Replace(lower)
		if strings.HasPrefix(plain, "x-forwarded-") || plain == "x-real-ip" {
			return lower, false
		}
	}
	return lower, true
}

var aliasReplacer = strings.NewReplacer("_", "-", ".", "-")

// tokenPattern matches header names (RFC 9110 5.6.2).
var tokenPattern = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

// controlCharacters are those that header values must not contain: all except the tab (RFC 9110 5.5).
const controlCharacters = "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x0a\x0b\x0c\x0d\x0e\x0f" +
	"\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f"

// canonicalName returns the canonical form of a reply header's name and reports whether the client
// receives the header. Hop-by-hop headers and invalid names are withheld.
func canonicalName(name string) (canonical string, forwarded bool) {
	canonical = http.CanonicalHeaderKey(name)
	return canonical, tokenPattern.MatchString(name) && !hopByHop[canonical]
}

// canonicalOf is canonicalName, faster for known names. It returns "" for headers that the client does
// not receive.
//
//lambda:inline
func canonicalOf(name string) string {
	canonical := canonicalNames[name]
	if canonical == "" {
		learned, known := learnedCanonical.known.Load(name)
		if known {
			return learned.(string)
		}
		other, forwarded := canonicalName(name)
		if forwarded {
			canonical = other
			learn(&learnedCanonical, name, other)
		}
	}
	return canonical
}

// replyLines collects a reply's headers, and counts lines and bytes, which are limited.
type replyLines struct {
	header http.Header // canonical names, checked
	lines  int         // including dropped ones
	bytes  int         // names and values
}

// The limits of a reply's headers. Each line costs time, here and in the client.
const (
	maxReplyLines     = 1000
	maxReplyLineBytes = 1 << 20
)

// addReplyHeader adds one header of a reply. It drops hop-by-hop headers. It refuses invalid values,
// which could end the header early, and headers beyond the limits.
func addReplyHeader(h *replyLines, name, value string) error {
	h.lines++
	h.bytes += len(name) + len(value)
	if h.lines > maxReplyLines || h.bytes > maxReplyLineBytes {
		return errTooManyLines
	}
	header := h.header
	canonical, forwarded := canonicalName(name)
	switch {
	case forwarded:
	case canonical == "Connection": // kept for dropConnection
		h.lines += strings.Count(value, ",") // dropConnection looks up each listed name
		if h.lines > maxReplyLines {
			return errTooManyLines
		}
	case !tokenPattern.MatchString(name):
		return fmt.Errorf("header %.64q: not a header's name", name)
	default:
		return nil
	}
	if strings.ContainsAny(value, controlCharacters) {
		return fmt.Errorf("header %.64q: control character in its value", name)
	}
	if prior, ok := header[canonical]; ok {
		header[canonical] = append(prior, value)
	} else {
		header[canonical] = []string{value}
	}
	return nil
}

var errTooManyLines = fmt.Errorf("headers: want at most %d lines and %d bytes", maxReplyLines, maxReplyLineBytes)

// dropConnection removes a reply's Connection header and the headers that it names: they concern the
// connection between the function and this middleware.
func dropConnection(header http.Header) {
	connection := header["Connection"]
	if connection == nil {
		return
	}
	delete(header, "Connection")
	for _, name := range strings.Split(strings.Join(connection, ","), ",") {
		header.Del(strings.TrimSpace(name))
	}
}
