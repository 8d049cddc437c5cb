package cache

import (
	"net/http"
	"net/url"
	"sort"
	"strings"
)

// The key of a response has two levels. The first is scheme, host, path and query as the origin sees them. Nothing is
// normalised: treating equal URLs as different costs a miss, but treating different ones as equal lets one client
// choose what others get. The second level is the values of the headers and cookies that the response depends on.

// keyOf returns the first level of a request's key. For the router's service it includes the request target, which
// Traefik's proxy forwards instead of the URL.
func keyOf(c *Cache, r *http.Request) string {
	scheme := "http"
	if proto := r.Header["X-Forwarded-Proto"]; len(proto) > 0 {
		scheme = proto[0] // Traefik strips it off requests of peers that it does not trust
	} else if r.TLS != nil {
		scheme = "https"
	}
	key := scheme + "\n" + r.Host + "\n" + r.URL.EscapedPath() + "\n" + r.URL.RawQuery
	if c.forwards {
		key += "\n" + r.RequestURI
	}
	return key
}

// headKey is the key of responses to HEAD, which have no body that could answer a GET.
func headKey(key string) string { return key + "\nHEAD" }

// markKey is the key of the mark that responses are not storable. identityKey is that of the mark that responses to
// requests with an identity are not.
func markKey(key string) string { return key + "\nmark" }

func identityKey(key string) string { return key + "\nidentity" }

// keyOfURL returns the first level of the key that a GET from the same client for another URL of the same origin
// would have.
func keyOfURL(c *Cache, r *http.Request, u *url.URL) string {
	other := r.WithContext(r.Context())
	other.URL = u
	if c.cutsQuery {
		setQuery(u, cutQuery(&c.settings.query, u.RawQuery))
	}
	other.RequestURI = u.RequestURI()
	return keyOf(c, other)
}

// cookiePrefix distinguishes cookies from headers among the names of a second level.
const cookiePrefix = "cookie:"

// namesOf returns the names that a response depends on: those in the options and in its Vary. ok is false if Vary has
// an asterisk.
func namesOf(s *settings, header http.Header) (names []string, ok bool) {
	names = append(make([]string, 0, len(s.cookies)+len(s.headers)+1), s.headers...)
	for _, name := range s.cookies {
		names = append(names, cookiePrefix+name)
	}
	vary := strings.Join(header["Vary"], ",")
	if vary != "" {
		for _, name := range strings.Split(vary, ",") {
			name = strings.Trim(name, " \t")
			if name == "*" {
				return nil, false
			}
			if name != "" {
				names = append(names, http.CanonicalHeaderKey(name))
			}
		}
	}
	sort.Strings(names)
	return withoutRepeats(names), true
}

// withoutRepeats drops the repeats of a sorted list.
func withoutRepeats(sorted []string) []string {
	kept := sorted[:0]
	last := ""
	for _, name := range sorted {
		if name != last {
			kept = append(kept, name)
		}
		last = name
	}
	return kept
}

// variantKey returns the second level of a request's key: the values of names in it. The caller holds the store's
// mutex.
func variantKey(s *store, key, generation string, names []string, r *http.Request) string {
	variant := key + "\n" + generation
	for _, name := range names {
		if strings.HasPrefix(name, cookiePrefix) {
			variant += "\n" + name + cookieValues(r, name[len(cookiePrefix):])
			continue
		}
		variant += "\n" + name
		values := r.Header[name]
		switch {
		case values == nil:
		case name == "Accept-Encoding":
			variant += "=" + normalEncoding(s, strings.Join(values, ","))
		default:
			variant += "=" + strings.Join(values, ", ")
		}
	}
	return variant
}

// cookieValues returns all values of a cookie, each behind an equals sign.
func cookieValues(r *http.Request, name string) string {
	found := ""
	for _, line := range r.Header["Cookie"] {
		for _, cookie := range strings.Split(line, ";") {
			n, value, _ := strings.Cut(strings.Trim(cookie, " \t"), "=")
			if n == name {
				found += "=" + value + ";"
			}
		}
	}
	return found
}

// maxEncodings bounds the Accept-Encodings that a store remembers.
const maxEncodings = 256

// normalEncoding returns the codings that an Accept-Encoding accepts, sorted: clients with the same set can share a
// response. The caller holds the store's mutex.
func normalEncoding(s *store, raw string) string {
	if normal, known := s.encodings[raw]; known {
		return normal
	}
	var codings []string
	for _, element := range strings.Split(strings.ToLower(raw), ",") {
		coding, weight, _ := strings.Cut(element, ";")
		coding = strings.Trim(coding, " \t")
		if coding != "" && !refused(weight) {
			codings = append(codings, coding)
		}
	}
	sort.Strings(codings)
	normal := strings.Join(withoutRepeats(codings), ",")
	if len(s.encodings) >= maxEncodings {
		s.encodings = map[string]string{}
	}
	if len(raw) <= maxControlBytes {
		s.encodings[raw] = normal
	}
	return normal
}

// refused reports whether a weight is q=0 (RFC 9110 12.4.2).
func refused(weight string) bool {
	_, q, found := strings.Cut(strings.ReplaceAll(weight, " ", ""), "q=")
	return found && strings.Trim(q, "0.") == ""
}

// overrides are headers that frameworks obey and the key does not see. The response to a request with one of them may
// belong to another resource or another method.
var overrides = []string{
	"X-Http-Method-Override", "X-Http-Method", "X-Method-Override", "X-Original-Url", "X-Rewrite-Url",
	"X-Original-Host", "X-Host", "X-Forwarded-Scheme", "Forwarded",
}

// dirty reports whether the response may depend on an override that is not among names.
func dirty(r *http.Request, names []string) bool {
	for _, name := range overrides {
		if _, present := r.Header[name]; present && !contains(names, name) {
			return true
		}
	}
	for name := range r.Header {
		if strings.Contains(name, "_") && !contains(names, name) && overridesAsCGI(name) {
			return true
		}
	}
	hosts, present := r.Header["X-Forwarded-Host"]
	if !present || contains(names, "X-Forwarded-Host") {
		return false
	}
	return len(hosts) != 1 || hosts[0] != r.Host
}

// overridesAsCGI reports whether a name with underscores is that of an override to those that know
// headers as CGI and WSGI do: there X_Host and X-Host are both HTTP_X_HOST.
func overridesAsCGI(name string) bool {
	plain := http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-"))
	return plain == "X-Forwarded-Host" || contains(overrides, plain)
}

func contains(list []string, wanted string) bool {
	for _, element := range list {
		if element == wanted {
			return true
		}
	}
	return false
}

// foreignCookie reports whether a request has a cookie that key.cookies does not name.
func foreignCookie(s *settings, r *http.Request) bool {
	lines := r.Header["Cookie"]
	if len(lines) == 0 {
		return false
	}
	for _, line := range lines {
		for _, cookie := range strings.Split(line, ";") {
			name, _, _ := strings.Cut(strings.Trim(cookie, " \t"), "=")
			if name != "" && !contains(s.cookies, name) {
				return true
			}
		}
	}
	return false
}
