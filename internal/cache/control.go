package cache

import (
	"net/http"
	"strconv"
	"strings"
)

// maxControlBytes bounds the Cache-Control that is read. A longer one means no-store.
const maxControlBytes = 4096

// maxSeconds is the longest duration of any header (RFC 9111 1.2.2).
const maxSeconds = 1 << 31

// control holds a response's directives about storing it, from Cache-Control or CDN-Cache-Control.
type control struct {
	noStore        bool
	noCache        bool
	private        bool
	public         bool
	mustRevalidate bool // or proxy-revalidate, which means the same for a shared cache
	mustUnderstand bool

	maxAge               delta
	sMaxAge              delta
	staleWhileRevalidate delta
	staleIfError         delta

	targeted bool // from CDN-Cache-Control: Expires does not count either
}

// delta is a number of seconds in a directive.
type delta struct {
	set     bool
	seconds int64
}

// readControl reads the directives that count for this cache: CDN-Cache-Control if it is valid and not empty (RFC
// 9213), else Cache-Control.
func readControl(header http.Header) control {
	if lines := header["Cdn-Cache-Control"]; len(lines) > 0 {
		if c, ok := parseTargeted(strings.Join(lines, ",")); ok {
			return c
		}
	}
	return parseControl(strings.Join(header["Cache-Control"], ","))
}

// parseControl reads a Cache-Control (RFC 9111 5.2).
func parseControl(value string) control {
	c := control{}
	if len(value) > maxControlBytes {
		c.noStore = true
		return c
	}
	for _, part := range splitList(value) {
		name, argument, _ := strings.Cut(strings.Trim(part, " \t"), "=")
		setDirective(&c, strings.ToLower(name), argument)
	}
	return c
}

// setDirective notes one directive. Unknown ones are skipped.
func setDirective(c *control, name, argument string) {
	switch name {
	case "max-age":
		setDelta(&c.maxAge, parseDelta(argument))
	case "s-maxage":
		setDelta(&c.sMaxAge, parseDelta(argument))
	case "stale-while-revalidate":
		setDelta(&c.staleWhileRevalidate, parseDelta(argument))
	case "stale-if-error":
		setDelta(&c.staleIfError, parseDelta(argument))
	default:
		setFlag(c, name)
	}
}

func setFlag(c *control, name string) {
	switch name {
	case "no-store":
		c.noStore = true
	case "no-cache":
		c.noCache = true
	case "private":
		c.private = true
	case "public":
		c.public = true
	case "must-revalidate", "proxy-revalidate":
		c.mustRevalidate = true
	case "must-understand":
		c.mustUnderstand = true
	}
}

// setDelta notes a number of seconds. If two differ, that is a mistake, and counts as 0.
func setDelta(d *delta, seconds int64) {
	if d.set && d.seconds != seconds {
		seconds = 0
	}
	d.set = true
	d.seconds = seconds
}

// parseDelta reads seconds: digits, or digits in quotes. Anything else is 0, which is safe.
func parseDelta(text string) int64 {
	if n := len(text); n > 2 && text[0] == '"' && text[n-1] == '"' {
		text = text[1 : n-1]
	}
	return parseDigits(text)
}

// parseDigits reads a number without a sign, bounded by maxSeconds. Anything else is 0.
func parseDigits(text string) int64 {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds > maxSeconds { // digits alone: too large
		return maxSeconds
	}
	return seconds
}

// splitList splits a list at its commas that are outside of quoted strings.
func splitList(value string) []string {
	if strings.IndexByte(value, '"') < 0 {
		return strings.Split(value, ",")
	}
	var parts []string
	start := 0
	at := 0
	quoted := false
	for {
		i := strings.IndexAny(value[at:], `,"\`)
		if i < 0 {
			return append(parts, value[start:])
		}
		at += i
		switch {
		case value[at] == '"':
			quoted = !quoted
		case value[at] == '\\' && quoted && at+1 < len(value):
			at++ // what is escaped
		case value[at] == ',' && !quoted:
			parts = append(parts, value[start:at])
			start = at + 1
		}
		at++
	}
}
