package cache

import (
	"context"
	"net/http"
)

// flight is a call of the origin that requests for the same key wait for. They never take over its response: when it
// has ended they look into the store again, so that nothing private can reach them. Only a failure of this middleware
// is shared: a throttle must not become a hundred calls. All fields but done belong to the store, under its mutex.
type flight struct {
	done       context.Context
	land       context.CancelFunc
	interested int // clients that have not gone
	detached   bool
	cancelCall context.CancelFunc // of a call that is detached from its client
	pending    *pending

	failed  bool
	failure failure
}

// failure is a response that this middleware made because the origin failed.
type failure struct {
	cause     string
	status    int
	header    http.Header
	body      []byte
	fallsBack bool // the next handler responds in its place
}

// maxRounds is how often a request waits for another one's call before it makes its own.
const maxRounds = 3

// newFlight registers a call under a key, and as pending under its first level. The caller holds the store's mutex.
func newFlight(s *store, key, first string) *flight {
	f := &flight{interested: 1, pending: begin(s, first)}
	done, land := context.WithCancel(context.Background())
	f.done = done
	f.land = land
	s.flights[key] = f
	return f
}

// flightOf returns the call under way for a key. A call that all its clients have left, or that began before an
// invalidation, does not count. The caller holds the store's mutex.
func flightOf(s *store, key string) (f *flight, found bool) {
	known, ok := s.flights[key]
	if !ok || known.interested == 0 || known.pending.doomed {
		return nil, false
	}
	return known, true
}

// leave notes that a client has gone. The last one ends the call.
func leave(s *store, f *flight) {
	s.mutex.Lock()
	f.interested--
	last := f.interested == 0 && f.detached
	s.mutex.Unlock()
	if last {
		f.cancelCall()
	}
}

// land ends the wait for a flight. Further calls do nothing.
func land(s *store, key string, f *flight) {
	s.mutex.Lock()
	if s.flights[key] == f {
		delete(s.flights, key)
	}
	s.mutex.Unlock()
	f.land()
}

// detach returns the context of a call that outlives its client for as long as others wait for it.
// release gives it back.
func detach(ctx context.Context, s *store, f *flight) (detached context.Context, release func()) {
	detached, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.mutex.Lock()
	f.detached = true
	f.cancelCall = cancel
	s.mutex.Unlock()
	stop := context.AfterFunc(ctx, func() { leave(s, f) })
	return detached, func() {
		stop()
		cancel()
	}
}
