package cache

import (
	"net/http"
	"strings"
)

// verdict is the result of judge: whether a response may be stored, and how the stored one may be used.
type verdict struct {
	store    bool
	mark     bool // the response forbids it: requests need not wait for the next one
	identity bool // only the request's identity prevents it
	shared   bool
	names    []string
	fresh    freshness
	received int64
	head     bool
}

// asked holds the facts about a request and its call that decide whether the response is stored.
type asked struct {
	r          *http.Request // as the client sent it
	authorized bool          // an authorizer has let it in
	called     int64
	received   int64
}

// knownStatuses are the statuses whose meaning for a cache is implemented here, as must-understand requires.
var knownStatuses = map[int]bool{
	200: true, 203: true, 204: true, 300: true, 301: true, 302: true, 303: true, 307: true, 308: true,
	404: true, 405: true, 410: true, 414: true, 501: true,
}

// silentStatuses are the statuses to which option ttl applies (RFC 9110 15.1, without 206).
var silentStatuses = map[int]bool{
	200: true, 203: true, 204: true, 300: true, 301: true, 308: true, 404: true, 405: true, 410: true,
	414: true, 501: true,
}

// judge decides by the head of a response whether it may be stored (RFC 9111 3): first by its own directives, then by
// the identity of the request.
func judge(c *Cache, a *asked, status int, header http.Header) verdict {
	v := judgeReply(c, status, header, a.called, a.received)
	v.head = a.r.Method == http.MethodHead
	if !v.store {
		return v
	}
	switch {
	case a.authorized && !v.shared: // every request has an identity
		v.mark = true
		v.store = false
	case dirty(a.r, v.names):
		v.store = false
	case !allowed(a, &v, foreignCookie(c.settings, a.r)):
		v.identity = true
		v.store = false
	}
	return v
}

// judgeReply decides by a response's own directives. It was requested at called, and its head arrived at received.
func judgeReply(c *Cache, status int, header http.Header, called, received int64) verdict {
	control := readControl(header)
	v := verdict{received: received, mark: true}
	v.shared = control.public || control.sMaxAge.set || control.mustRevalidate
	v.fresh = freshnessOf(c.settings, &control, header, called, received)
	names, enumerable := namesOf(c.settings, header)
	v.names = names
	switch {
	case status < 200 || status > 599 || status == http.StatusPartialContent || status == http.StatusNotModified:
		v.mark = false
	case header["Set-Cookie"] != nil || !enumerable || control.private:
	case control.noStore && (!control.mustUnderstand || !knownStatuses[status]):
	case !lives(status, header, &control, &v.fresh):
	default:
		v.store = true
		v.mark = false
	}
	return v
}

// lives reports whether a response is fresh for a time, or can be validated later.
func lives(status int, header http.Header, c *control, f *freshness) bool {
	validated := header["Etag"] != nil || header["Last-Modified"] != nil
	switch {
	case c.noCache:
		return validated
	case f.explicit:
		return f.lifetime > 0 || validated
	case f.byTTL:
		return silentStatuses[status] && !strings.Contains(strings.ToLower(strings.Join(header["Pragma"], ",")), "no-cache")
	default:
		return false // no heuristics: a validator does not say whether the page is private
	}
}

// allowed reports whether the request's identity lets the response be stored (RFC 9111 3.5).
func allowed(a *asked, v *verdict, foreign bool) bool {
	if a.r.Header["Authorization"] != nil && (!v.shared || v.fresh.byTTL) {
		return false
	}
	return !v.fresh.byTTL || !foreign
}

// personal reports whether a request has an identity on which a response may depend that says nothing about caching.
func personal(c *Cache, r *http.Request) bool {
	return r.Header["Authorization"] != nil || foreignCookie(c.settings, r)
}

// usable reports whether an entry may answer a request.
func usable(c *Cache, e *entry, r *http.Request) bool {
	if e.anyone {
		return true
	}
	if !e.shared && r.Header["Authorization"] != nil {
		return false
	}
	return !e.byTTL || !personal(c, r)
}
