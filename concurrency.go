package lambda

import (
	"fmt"
	"sync"
)

// inFlight counts the calls that middlewares with maxConcurrency have under way, by the
// middleware's name. It outlives the instances: all routers and all reloads of a middleware count
// together, and a bound that changes counts what runs already.
var inFlight = struct {
	sync.Mutex
	counts map[string]int
}{counts: map[string]int{}}

// acquireSlot counts a request in, unless that would be one too many. It is called when the event is
// ready: a client that is slow to send its body takes nobody's place.
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

// releaseSlot counts a request out, if it is counted in. It is called when Lambda's reply has been
// read, or has failed: nor does a client that is slow to take the response take anybody's place.
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
