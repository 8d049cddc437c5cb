package cache

import (
	"net/http"
	"strings"
	"time"
)

// freshness holds the lifetime of a response and its age on arrival, in milliseconds.
type freshness struct {
	explicit   bool  // the response sets it
	byTTL      bool  // option ttl sets it
	lifetime   int64 // 0: never fresh
	age        int64
	stale      int64 // for how long afterwards it is sent while a new one is fetched
	staleError int64 // for how long afterwards it is sent if the origin fails
}

// freshnessOf reads a response that was asked for at called and whose head came at received
// (RFC 9111 4.2).
func freshnessOf(s *settings, c *control, header http.Header, called, received int64) freshness {
	f := freshness{}
	date, dated := parseDate(header["Date"])
	if !dated {
		date = received
	}
	f.age = received - date
	if corrected := parseAge(header["Age"])*1000 + received - called; corrected > f.age {
		f.age = corrected
	}
	if f.age < 0 {
		f.age = 0
	}
	setLifetime(&f, s, c, header, date)
	if c.noCache {
		f.lifetime = 0
	}
	setStale(&f, s, c)
	return f
}

// setLifetime takes the first of s-maxage, max-age, Expires and option ttl that is set.
func setLifetime(f *freshness, s *settings, c *control, header http.Header, date int64) {
	expires := header["Expires"]
	f.explicit = true
	switch {
	case c.sMaxAge.set:
		f.lifetime = c.sMaxAge.seconds * 1000
	case c.maxAge.set:
		f.lifetime = c.maxAge.seconds * 1000
	case len(expires) > 0 && !c.targeted:
		end, ok := parseDate(expires)
		if ok && end > date {
			f.lifetime = end - date
		}
	default:
		f.explicit = false
		f.byTTL = s.ttl > 0
		f.lifetime = s.ttl
	}
	if f.lifetime > maxSeconds*1000 {
		f.lifetime = maxSeconds * 1000
	}
}

// setStale sets for how long a response may be sent after its end. The options do not apply with s-maxage, which
// implies proxy-revalidate (RFC 9111 5.2.2.10). A response's own directives do, since frameworks send both together.
func setStale(f *freshness, s *settings, c *control) {
	if c.mustRevalidate || c.noCache {
		return
	}
	if !c.sMaxAge.set {
		f.stale = s.staleWhileRevalidate
		f.staleError = s.staleIfError
	}
	if c.staleWhileRevalidate.set {
		f.stale = c.staleWhileRevalidate.seconds * 1000
	}
	if c.staleIfError.set {
		f.staleError = c.staleIfError.seconds * 1000
	}
}

// parseAge reads the first Age; what is not a number is 0 (RFC 9111 5.1).
func parseAge(lines []string) int64 {
	if len(lines) == 0 {
		return 0
	}
	first, _, _ := strings.Cut(lines[0], ",")
	return parseDigits(strings.Trim(first, " \t"))
}

// The lengths of dates: "Sun, 06 Nov 1994 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", and what
// follows the day in "Sunday, 06-Nov-94 08:49:37 GMT".
const (
	fixdateLength = 29
	asctimeLength = 24
	afterLongDay  = 24
)

// parseDate reads a Date, Expires or Last-Modified, in milliseconds since 1970. ok is false unless there is exactly
// one line in exactly one of the forms of RFC 9110 5.6.7. http.ParseTime alone accepts hours of one digit and any
// number of blanks.
func parseDate(lines []string) (millis int64, ok bool) {
	if len(lines) != 1 {
		return 0, false
	}
	text := strings.ToUpper(lines[0])
	comma := strings.IndexByte(text, ',')
	switch {
	case comma < 0 && len(text) == asctimeLength:
	case strings.Contains(text, "  "):
		return 0, false
	case comma == 3 && len(text) == fixdateLength && strings.HasSuffix(text, " GMT"):
	case comma > 3 && len(text)-comma == afterLongDay && strings.HasSuffix(text, " GMT"):
	default:
		return 0, false
	}
	t, err := http.ParseTime(text)
	if err != nil {
		return 0, false
	}
	return t.UnixMilli(), true
}

// formatDate returns a time in milliseconds as the Date header has it.
func formatDate(millis int64) string {
	return time.UnixMilli(millis).UTC().Format(http.TimeFormat)
}
