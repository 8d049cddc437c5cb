package lambda

import (
	"fmt"
	"sync"
)

// inFlight counts the running calls of middlewares with maxConcurrency, by the middleware's name. It
// outlives the instances, so that all routers and all reloads of a middleware count together, and a
// changed limit applies to calls that are running already.
var inFlight = struct {
	sync.Mutex
	counts map[string]int
}{counts: map[string]int{}}

// acquireSlot counts a call, unless the limit is reached. It is called with the finished event, so that
// a client that sends its body slowly occupies no slot.
func acquireSlot(l *Lambda, req *request) error {
	inFlight.Lock()
	defer inFlight.Unlock()
	if inFlight.counts[l.name] >= l.limits.maxConcurrency {
		return failureOf(causeOverload, fmt.Errorf("%d calls are under way already", l.limits.maxConcurrency))
	}
	inFlight.counts[l.name]++
	req.holdsSlot = true
	return nil
}

// releaseSlot ends what acquireSlot began, if that was called. It is called when Lambda's reply was
// read or has failed, so that a client that reads slowly occupies no slot.
func releaseSlot(l *Lambda, req *request) {
	if !req.holdsSlot {
		return
	}
	req.holdsSlot = false
	inFlight.Lock()
	defer inFlight.Unlock()
	inFlight.counts[l.name]--
	if inFlight.counts[l.name] == 0 {
		delete(inFlight.counts, l.name)
	}
}
