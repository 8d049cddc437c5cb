package lambda

import (
	"net/url"
	"regexp"
	"strings"
)

// parseQuery decodes a request's query. Parts that cannot be decoded, or would not be UTF-8, stay as
// sent, so that nothing is lost.
//
//lambda:inline
func parseQuery(req *request) url.Values {
	rawQuery := req.http.URL.RawQuery
	if req.undecodedQuery != "" {
		rawQuery = req.undecodedQuery
	}
	values, err := url.ParseQuery(rawQuery)
	if err == nil {
		return values
	}
	return parseInParts(repairEscapes(rawQuery))
}

// rawQueryValues returns a query's parameters as sent, not decoded.
//
//lambda:inline
func rawQueryValues(rawQuery string) url.Values {
	escaped := queryEscaper.Replace(rawQuery)
	values, err := url.ParseQuery(escaped)
	if err != nil { // too many parameters for one call
		return parseInParts(escaped)
	}
	return values
}

// queryEscaper escapes a query so that url.ParseQuery returns its parts unchanged.
var queryEscaper = strings.NewReplacer("%", "%25", "+", "%2B", ";", "%3B")

// repairEscapes escapes percent signs that begin no valid escape, and semicolons, which url.ParseQuery
// refuses as separators.
func repairEscapes(rawQuery string) string {
	const escape = "\x00" // net/http accepts no control characters in URLs
	return escapeRepairer.Replace(validEscape.ReplaceAllString(rawQuery, escape+"$1"))
}

var (
	validEscape    = regexp.MustCompile("%([0-9A-Fa-f]{2})")
	escapeRepairer = strings.NewReplacer("%", "%25", ";", "%3B", "\x00", "%")
)

// parseInParts decodes a query that repairEscapes has repaired. It handles any number of parameters,
// since url.ParseQuery refuses more than 10,000 at a time.
func parseInParts(rawQuery string) url.Values {
	const most = 10000
	values := url.Values{}
	pairs := strings.Split(rawQuery, "&")
	for len(pairs) > 0 {
		n := len(pairs)
		if n > most {
			n = most
		}
		part, _ := url.ParseQuery(strings.Join(pairs[:n], "&"))
		pairs = pairs[n:]
		if len(pairs) == 0 && len(values) == 0 {
			return part
		}
		for name, list := range part {
			values[name] = append(values[name], list...)
		}
	}
	return values
}

// joinedQuery returns the decoded query, with the values of each name joined by commas.
//
//lambda:inline
func joinedQuery(req *request) map[string]string {
	query := parseQuery(req)
	joined := make(map[string]string, len(query))
	for name, values := range query {
		if len(values) == 1 {
			joined[name] = values[0]
		} else {
			joined[name] = strings.Join(values, ",")
		}
	}
	return joined
}
