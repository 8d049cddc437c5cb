package cache

import (
	"net/http"
	"strings"

	"github.com/seed05e46011/lambda/internal/bracket"
	"github.com/seed05e46011/lambda/internal/wait"
)

// exchange is a request on its way through the cache.
type exchange struct {
	cache    *Cache
	next     http.Handler
	w        http.ResponseWriter
	r        *http.Request // with the cut query, and notes
	original *http.Request // as it came
	notes    *bracket.Notes
	key      string // the first level; for HEAD, the key of its own entries

	// What the store has for it.
	entry  *entry
	found  bool // there is an entry, and it may answer this request
	barred bool // there is one, but not for this request's identity
	held   bool // there is one, either way
	varies bool
	marked bool // responses like its own were not storable lately
	alien  bool // likewise, but only those to requests with an identity

	// What it waits for, or leads.
	rounds     int
	flightKey  string
	flight     *flight
	leads      bool
	parallel   bool // it validates an entry that is never fresh, beside others
	failed     bool // the call that it has waited for
	background bool // no client waits for the response

	pending *pending // its own call
	call    call
	tell    tell
}

// tell holds the parts of this cache's Cache-Status.
type tell struct {
	forward   string
	detail    string // a constant token; "" for none
	collapsed bool
}

// serveOther serves every request that ServeHTTP cannot answer from a fresh entry.
func serveOther(h *handler, w http.ResponseWriter, r *http.Request) {
	c := h.cache
	next := h.next
	switch {
	case r.Header["Upgrade"] != nil:
		addStatus(w.Header(), cacheName+"; fwd=bypass; detail=upgrade")
		count(c, &c.store.stats.Bypassed)
		next.ServeHTTP(w, r) // the client's own writer: the origin may take the connection over
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		pass(c, next, w, r, cacheName+"; fwd=method")
	case r.ContentLength != 0:
		pass(c, next, w, r, cacheName+"; fwd=bypass; detail=body") // the key does not see it
	case r.Header["If-Match"] != nil || r.Header["If-Unmodified-Since"] != nil:
		pass(c, next, w, r, cacheName+"; fwd=bypass; detail=precondition") // only the origin can judge it
	default:
		x := newExchange(c, next, w, r)
		for !attempt(x) {
			x.rounds++
		}
	}
}

func count(c *Cache, counter *int64) {
	c.store.mutex.Lock()
	*counter++
	c.store.mutex.Unlock()
}

// tally counts a request by what the cache had for it. A call in the background is none: the request
// that asked for it has been counted as stale.
func tally(x *exchange, counter *int64) {
	if !x.background {
		count(x.cache, counter)
	}
}

// pass forwards a request that no entry answers, and does not store the response.
func pass(c *Cache, next http.Handler, w http.ResponseWriter, r *http.Request, line string) {
	count(c, &c.store.stats.Bypassed)
	writer := bracket.Wrap(w)
	writer.OnHead(func(head *bracket.Head) {
		addStatus(head.Header, line)
		if invalidates(r.Method, head.Status) {
			invalidate(c, r, head.Header)
		}
	})
	next.ServeHTTP(writer, r) //yaegi:ok response-writer the Writer flushes itself
	writer.Finish()
}

func newExchange(c *Cache, next http.Handler, w http.ResponseWriter, r *http.Request) *exchange {
	noted, notes := bracket.Begin(r)
	x := &exchange{cache: c, next: next, w: w, r: noted, original: noted, notes: notes}
	if c.cutsQuery {
		x.r = withCutQuery(&c.settings.query, noted)
	}
	x.key = keyOf(c, x.r)
	return x
}

// attempt answers a request. It returns false if it has waited for the call of another request instead.
func attempt(x *exchange) bool {
	now := nowMillis()
	look(x, now)
	e := x.entry
	switch {
	case x.found && now < e.freshUntil:
		answerFresh(x, now)
	case x.found && now < e.retryAt && now < e.errorUntil:
		answerStale(x, now, "stale-if-error")
	case x.found && now < e.staleUntil && serveStale(x, now):
	case onlyIfCached(x.r):
		addStatus(x.w.Header(), cacheName+"; detail=only-if-cached")
		x.cache.core.Fail(x.w, x.r, http.StatusGatewayTimeout)
	case x.failed:
		answerFailure(x, &x.flight.failure)
	default:
		return forward(x)
	}
	return true
}

// look finds the entry for a request in memory and, if that is not enough, in Redis. A response in memory is trusted
// for a while only, since another replica may have invalidated it. It is trusted for longer while Redis does not
// respond.
func look(x *exchange, now int64) {
	lookInMemory(x, now)
	if !x.cache.shares || x.rounds > 0 || x.marked || x.held && now < x.entry.hitUntil {
		return
	}
	fetch(x, x.key, false, now)
	lookInMemory(x, now)
	if x.r.Method == http.MethodHead && !x.held {
		fetch(x, headKey(x.key), true, now)
		lookInMemory(x, now)
	}
}

// lookInMemory finds the entry for a request in memory. The response to a GET may answer a HEAD.
func lookInMemory(x *exchange, now int64) {
	s := x.cache.store
	key := x.key
	s.mutex.Lock()
	e, found, varies := find(s, key, x.r)
	if x.r.Method == http.MethodHead && (!found || now >= e.freshUntil) {
		own, ok, _ := find(s, headKey(key), x.r)
		if ok && (!found || own.freshUntil > e.freshUntil) {
			e = own
			found = true
		}
	}
	x.marked = marked(s, markKey(key), now)
	x.alien = marked(s, identityKey(key), now)
	s.mutex.Unlock()
	x.entry = e
	x.varies = varies
	x.held = found
	x.barred = found && !usable(x.cache, e, x.r)
	x.found = found && !x.barred
}

// onlyIfCached reports whether a client wants no call of the origin (RFC 9111 5.2.1.7). No other directive of a
// request counts: the others are advice, and following them would cost an invocation each.
func onlyIfCached(r *http.Request) bool {
	lines := r.Header["Cache-Control"]
	if len(lines) == 0 {
		return false
	}
	for _, part := range splitList(strings.ToLower(strings.Join(lines, ","))) {
		if strings.Trim(part, " \t") == "only-if-cached" {
			return true
		}
	}
	return false
}

// forward sends a request to the origin, alone or as the call that others wait for. It returns false if it has waited
// for another call instead.
func forward(x *exchange) bool {
	x.tell.forward = "uri-miss"
	switch {
	case x.found:
		x.tell.forward = "stale"
	case x.varies:
		x.tell.forward = "vary-miss"
	}
	if alone(x) {
		callAlone(x)
		return true
	}
	s := x.cache.store
	s.mutex.Lock()
	joined := join(x)
	s.mutex.Unlock()
	switch {
	case !joined:
		return false
	case x.leads:
		lead(x)
		return true
	default:
		return waitFor(x)
	}
}

// alone reports whether a request is forwarded alone, without waiting and without others that wait for it. It notes
// why.
func alone(x *exchange) bool {
	switch {
	case x.barred || x.alien && personal(x.cache, x.r):
		x.tell.forward = "bypass"
		x.tell.detail = "identity"
	case x.marked:
		x.tell.detail = "hit-for-miss"
	case x.r.Header["Range"] != nil:
		x.tell.detail = "range"
	case dirty(x.r, keyNames(x)):
		x.tell.detail = "override"
	case x.found && x.entry.freshUntil <= x.entry.received:
		x.parallel = true // requests that waited for it would have to ask anyway
	case x.rounds >= maxRounds:
	default:
		return false
	}
	return true
}

// keyNames returns the headers that the key of a request is known to depend on.
func keyNames(x *exchange) []string {
	names := x.cache.settings.headers
	if x.found {
		names = append(names[:len(names):len(names)], x.entry.dependsOn...)
	}
	return names
}

// join finds the call under way for a request, or registers the request's own. It returns false if the store has
// changed since the request looked. The caller holds the store's mutex.
func join(x *exchange) bool {
	s := x.cache.store
	key := x.key
	if x.r.Method == http.MethodHead {
		key = headKey(key)
	}
	e, found, _ := find(s, key, x.r)
	if found && nowMillis() < e.freshUntil && usable(x.cache, e, x.r) {
		return false
	}
	x.flightKey = flightKey(s, key, x.r)
	f, known := flightOf(s, x.flightKey)
	if !known {
		f = newFlight(s, x.flightKey, x.key)
		x.pending = f.pending
	} else {
		f.interested++
	}
	x.leads = !known
	x.flight = f
	return true
}

// flightKey returns the key under which calls are registered. It is the second level if that is known, so that the
// variants of a resource do not wait for each other. The caller holds the store's mutex.
func flightKey(s *store, key string, r *http.Request) string {
	rec, known := s.records[key]
	if known && rec.kind == recordIndex {
		return variantKey(s, key, rec.index.generation, rec.index.lists[0], r)
	}
	return key
}

// waitFor waits for the call of another request. It returns true if the client has gone.
func waitFor(x *exchange) bool {
	s := x.cache.store
	x.tell.collapsed = true
	if !wait.For(x.r.Context(), x.flight.done) {
		leave(s, x.flight)
		return true
	}
	s.mutex.Lock()
	x.failed = x.flight.failed
	s.mutex.Unlock()
	return false
}
