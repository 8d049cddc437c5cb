package lambda

import (
	"net/url"
	"regexp"
	"strings"
)

// parseQuery decodes the query of a request. What cannot be decoded, or would not be UTF-8, stays
// as it was sent: nothing is lost.
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

// rawQueryValues returns the parameters of a query as they were sent, undecoded.
func rawQueryValues(rawQuery string) url.Values {
	return parseInParts(queryEscaper.Replace(rawQuery))
}

// queryEscaper makes a query that decodes to the one that it was made of.
var queryEscaper = strings.NewReplacer("%", "%25", "+", "%2B", ";", "%3B")

// repairEscapes makes escapes of the percent signs that begin none, and of semicolons, which
// url.ParseQuery refuses as separators.
func repairEscapes(rawQuery string) string {
	const escape = "\x00" // net/http lets no control character into a URL
	return escapeRepairer.Replace(validEscape.ReplaceAllString(rawQuery, escape+"$1"))
}

var (
	validEscape    = regexp.MustCompile("%([0-9A-Fa-f]{2})")
	escapeRepairer = strings.NewReplacer("%", "%25", ";", "%3B", "\x00", "%")
)

// parseInParts decodes a query without faults, however many parameters it has: url.ParseQuery
// refuses more than 10,000 at a time.
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

// joinedQuery returns the decoded parameters of a query, the values of a name joined by commas.
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
