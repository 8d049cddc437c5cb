package cache

import (
	"context"
	"fmt"
	"net/http"

	"github.com/seed05e46011/lambda/internal/bracket"
)

// maxRefreshes bounds the calls in the background of one cache.
const maxRefreshes = 64

// serveStale answers from a stale entry, and lets one request fetch a new response. It returns false if that is this
// request: Traefik's access log and metrics write into maps in the request's context, so the router's service may
// only be called in the goroutine and with the context of a request.
func serveStale(x *exchange, now int64) bool {
	switch {
	case x.r.Method == http.MethodHead || x.r.Header["Range"] != nil || onlyIfCached(x.r) || dirty(x.r, keyNames(x)):
	case x.cache.core.Function:
		startRefresh(x)
	case !underWay(x):
		return false
	}
	answerStale(x, now, "stale-while-revalidate")
	return true
}

// underWay reports whether a call for the key of a request is under way.
func underWay(x *exchange) bool {
	s := x.cache.store
	s.mutex.Lock()
	defer s.mutex.Unlock()
	_, known := flightOf(s, flightKey(s, x.key, x.r))
	return known
}

// startRefresh calls the function in the background, unless a call is under way or the entry was renewed already.
func startRefresh(x *exchange) {
	s := x.cache.store
	s.mutex.Lock()
	key := flightKey(s, x.key, x.r)
	_, known := flightOf(s, key)
	e, _, _ := find(s, x.key, x.r)
	if known || e != x.entry || s.refreshes >= maxRefreshes {
		s.mutex.Unlock()
		return
	}
	s.refreshes++
	f := newFlight(s, key, x.key)
	s.mutex.Unlock()
	go refresh(inBackground(x, key, f))
}

// inBackground returns the exchange of a call that outlives its request. It copies the request before the handler
// returns.
func inBackground(x *exchange, key string, f *flight) *exchange {
	r, notes := bracket.BeginAnew(x.r.Clone(context.WithoutCancel(x.r.Context())))
	delete(r.Header, "If-Range")
	y := &exchange{cache: x.cache, next: x.next, r: r, original: r, notes: notes, key: x.key}
	y.w = &discard{header: http.Header{}}
	y.entry = x.entry
	y.found = true
	y.flightKey = key
	y.flight = f
	y.pending = f.pending
	y.leads = true
	y.background = true
	y.tell.forward = "stale"
	return y
}

// refresh calls the function, and stores its response.
func refresh(x *exchange) {
	s := x.cache.store
	ctx, cancel := context.WithTimeout(x.r.Context(), x.cache.core.Timeout)
	defer cancel()
	defer endCall(s, x.key, x.pending)
	defer land(s, x.flightKey, x.flight)
	defer func() {
		// A panic in a goroutine would end Traefik.
		if p := recover(); p != nil {
			x.cache.core.Log("cache: refresh: " + fmt.Sprint(p))
		}
		endRefresh(s)
	}()
	ask(x, ctx)
	conclude(x)
}

func endRefresh(s *store) {
	s.mutex.Lock()
	s.refreshes--
	s.mutex.Unlock()
}

// discard is the ResponseWriter of a call in the background.
type discard struct {
	header http.Header
}

// Header returns a header that is not sent.
func (d *discard) Header() http.Header { return d.header }

// WriteHeader does nothing.
func (d *discard) WriteHeader(_ int) {}

// Write does nothing.
func (d *discard) Write(piece []byte) (int, error) { return len(piece), nil }
