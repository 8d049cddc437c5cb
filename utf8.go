package lambda

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"
)

// invalidUTF8 is what encoding/json writes for a byte that is not UTF-8. Searching the event for it is
// far cheaper than checking every header. A body that contains these six characters only costs a second
// encoding.
var invalidUTF8 = []byte(`\ufffd`)

// withoutInvalidUTF8 returns the request without bytes that JSON cannot represent: header values are
// read as ISO 8859-1 (RFC 9110 5.5), paths and queries stay percent-encoded.
func withoutInvalidUTF8(req *request) *request {
	r := req.http.Clone(req.http.Context())
	r.Host = latin1(r.Host)
	for _, values := range r.Header {
		for i, value := range values {
			values[i] = latin1(value)
		}
	}
	r.URL.RawQuery = escapeInvalidUTF8(r.URL.RawQuery)
	repaired := *req
	repaired.http = r
	repaired.lossy = false
	repaired.repaired = true
	repaired.eventHeaders = make(map[string]string, len(req.eventHeaders))
	for name, value := range req.eventHeaders {
		repaired.eventHeaders[name] = latin1(value)
	}
	repaired.pathParameters = make(map[string]string, len(req.pathParameters))
	for name, value := range req.pathParameters {
		repaired.pathParameters[name] = escapeInvalidUTF8(value)
	}
	if !utf8.ValidString(req.path) {
		repaired.path = escapedPath(req)
	}
	if unescaped, err := url.QueryUnescape(repairEscapes(r.URL.RawQuery)); err == nil && !utf8.ValidString(unescaped) {
		repaired.undecodedQuery = escapedNonASCII.ReplaceAllString(r.URL.RawQuery, "%25$1")
	}
	return &repaired
}

// escapedNonASCII matches the escape of a byte that is not ASCII.
var escapedNonASCII = regexp.MustCompile("%([89A-Fa-f][0-9A-Fa-f])")

// escapeInvalidUTF8 percent-encodes the bytes that are not ASCII, if s is not UTF-8.
func escapeInvalidUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return percentReplacer.Replace(s)
}

func latin1(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return latin1Replacer.Replace(s)
}

// latin1Replacer and percentReplacer process bytes in compiled code.
var (
	latin1Replacer  = newByteReplacer(func(b byte) string { return string(rune(b)) })
	percentReplacer = newByteReplacer(func(b byte) string { return fmt.Sprintf("%%%02X", b) })
)

// newByteReplacer returns a replacer for the bytes that are not ASCII.
func newByteReplacer(replacement func(byte) string) *strings.Replacer {
	var pairs []string
	for b := 0x80; b <= 0xff; b++ {
		pairs = append(pairs, string([]byte{byte(b)}), replacement(byte(b)))
	}
	return strings.NewReplacer(pairs...)
}
