package cache

import (
	"net/http"
	"net/url"
	"strings"
)

// invalidates reports whether a response means that the stored responses for its URL are out of date (RFC 9111 4.4).
func invalidates(method string, status int) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return false
	default:
		return status >= 200 && status < 400
	}
}

// invalidate drops the stored responses for the URL of a request, and for the URLs of the same origin that its
// response names.
func invalidate(c *Cache, r *http.Request, header http.Header) {
	if c.cutsQuery {
		r = withCutQuery(&c.settings.query, r)
	}
	keys := []string{keyOf(c, r)}
	for _, name := range []string{"Location", "Content-Location"} {
		if lines := header[name]; len(lines) == 1 {
			if u, ok := sameOrigin(c, r, lines[0]); ok {
				keys = append(keys, keyOfURL(c, r, u))
			}
		}
	}
	c.store.mutex.Lock()
	for _, key := range keys {
		doom(c.store, key)
	}
	c.store.mutex.Unlock()
	if c.shares {
		for _, key := range keys {
			unpublish(c, key)
		}
	}
}

// sameOrigin returns the URL that a reference in a response stands for. ok is false if it has another scheme or host:
// a response must not drop pages of those.
func sameOrigin(c *Cache, r *http.Request, reference string) (u *url.URL, ok bool) {
	parsed, err := url.Parse(reference)
	if err != nil {
		return nil, false
	}
	u = r.URL.ResolveReference(parsed)
	scheme, _, _ := strings.Cut(keyOf(c, r), "\n")
	if parsed.Host != "" && parsed.Host != r.Host || parsed.Scheme != "" && parsed.Scheme != scheme {
		return nil, false
	}
	return u, true
}
