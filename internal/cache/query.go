package cache

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// queryFilter says which parameters of a query count.
type queryFilter struct {
	set  bool // false: all of the query counts, byte for byte
	keep []namePattern
	drop []namePattern
}

// namePattern matches names that begin with prefix and end with suffix, or are exactly prefix.
type namePattern struct {
	exact  bool
	prefix string
	suffix string
}

// parseQueryFilter reads option cache.key.query. A list of names to leave out alone keeps the others.
func parseQueryFilter(names []string) (queryFilter, error) {
	f := queryFilter{set: len(names) > 0}
	for _, name := range names {
		pattern, excluded := strings.CutPrefix(strings.TrimSpace(name), "!")
		middle := strings.TrimSuffix(strings.TrimPrefix(pattern, "*"), "*")
		if pattern == "" || strings.ContainsAny(middle, "*&=") {
			return f, fmt.Errorf("cache.key.query: %q: want a parameter's name, * at one end or both, or !name", name)
		}
		p := newNamePattern(pattern)
		if excluded {
			f.drop = append(f.drop, p)
		} else {
			f.keep = append(f.keep, p)
		}
	}
	if len(f.keep) == 0 {
		f.keep = []namePattern{{}}
	}
	return f, nil
}

// newNamePattern reads a name with * at either end. With one at both ends the name only needs to
// contain the rest, which matchesName asks by a prefix of "*".
func newNamePattern(pattern string) namePattern {
	switch {
	case pattern == "*":
		return namePattern{}
	case len(pattern) > 1 && strings.HasPrefix(pattern, "*") && strings.HasSuffix(pattern, "*"):
		return namePattern{prefix: "*", suffix: strings.Trim(pattern, "*")}
	case strings.HasPrefix(pattern, "*"):
		return namePattern{suffix: pattern[1:]}
	case strings.HasSuffix(pattern, "*"):
		return namePattern{prefix: pattern[:len(pattern)-1]}
	default:
		return namePattern{exact: true, prefix: pattern}
	}
}

func matchesName(patterns []namePattern, name string) bool {
	for _, p := range patterns {
		switch {
		case p.exact:
			if name == p.prefix {
				return true
			}
		case p.prefix == "*":
			if strings.Contains(name, p.suffix) {
				return true
			}
		default:
			if strings.HasPrefix(name, p.prefix) && strings.HasSuffix(name, p.suffix) {
				return true
			}
		}
	}
	return false
}

// cutQuery returns the parameters of a raw query that count. It looks at names as they are written
// and separates at & alone: what a function might read differently, such as "%61" for "a" or a
// parameter behind a semicolon, is part of another name or value here, and stays or leaves with it.
func cutQuery(f *queryFilter, raw string) string {
	if raw == "" {
		return ""
	}
	parameters := strings.Split(raw, "&")
	kept := parameters[:0]
	for _, parameter := range parameters {
		name, _, _ := strings.Cut(parameter, "=")
		if matchesName(f.keep, name) && !matchesName(f.drop, name) {
			kept = append(kept, parameter)
		}
	}
	return strings.Join(kept, "&")
}

// withCutQuery returns the request with the query that counts. An origin must not see what the key
// does not: a stored response could depend on it.
func withCutQuery(f *queryFilter, r *http.Request) *http.Request {
	query := cutQuery(f, r.URL.RawQuery)
	if query == r.URL.RawQuery {
		return r
	}
	u := *r.URL
	cut := r.WithContext(r.Context())
	setQuery(&u, query)
	cut.URL = &u
	cut.RequestURI = u.RequestURI() // Traefik's own proxy forwards what stands here
	return cut
}

func setQuery(u *url.URL, query string) {
	u.RawQuery = query
	u.ForceQuery = false
}
