package lambda

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"
)

// invalidUTF8 is what encoding/json writes for a byte that is not UTF-8. To look for it in the
// event is far cheaper than to check every header, and a body that holds these six characters
// costs a second encoding, nothing else.
var invalidUTF8 = []byte(`\ufffd`)

// withoutInvalidUTF8 returns the request with nothing in it that JSON cannot carry: header values
// are read as ISO 8859-1 (RFC 9110 5.5), paths and queries stay percent-encoded.
func withoutInvalidUTF8(req *request) *request {
	repaired := *req
	repaired.host = latin1(req.host)
	repaired.header = make(http.Header, len(req.header))
	for name, values := range req.header {
		for _, value := range values {
			repaired.header[name] = append(repaired.header[name], latin1(value))
		}
	}
	repaired.eventHeaders = make(map[string]string, len(req.eventHeaders))
	for name, value := range req.eventHeaders {
		repaired.eventHeaders[name] = latin1(value)
	}
	repaired.pathParameters = make(map[string]string, len(req.pathParameters))
	for name, value := range req.pathParameters {
		repaired.pathParameters[name] = escapeInvalidUTF8(value)
	}
	if !utf8.ValidString(req.path) {
		repaired.path = req.rawPath
	}
	repaired.rawQuery = escapeInvalidUTF8(req.rawQuery)
	if unescaped, err := url.QueryUnescape(repairEscapes(repaired.rawQuery)); err == nil && !utf8.ValidString(unescaped) {
		repaired.undecodedQuery = escapedNonASCII.ReplaceAllString(repaired.rawQuery, "%25$1")
	}
	return &repaired
}

// escapedNonASCII is the escape of a byte that is not ASCII.
var escapedNonASCII = regexp.MustCompile("%([89A-Fa-f][0-9A-Fa-f])")

// escapeInvalidUTF8 percent-encodes all that is not ASCII in what is not UTF-8.
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

// latin1Replacer and percentReplacer go over bytes in compiled code.
var (
	latin1Replacer  = newByteReplacer(func(b byte) string { return string(rune(b)) })
	percentReplacer = newByteReplacer(func(b byte) string { return fmt.Sprintf("%%%02X", b) })
)

// newByteReplacer returns a replacer of the bytes that are not ASCII.
func newByteReplacer(replacement func(byte) string) *strings.Replacer {
	var pairs []string
	for b := 0x80; b <= 0xff; b++ {
		pairs = append(pairs, string([]byte{byte(b)}), replacement(byte(b)))
	}
	return strings.NewReplacer(pairs...)
}
