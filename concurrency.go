package lambda

import (
	"fmt"
	"net/http"
	"sync"
)

// inFlight counts the requests that middlewares with maxConcurrency are busy with, by the
// middleware's name. It outlives the instances: all routers and all reloads of a middleware count
// together, and a bound that changes counts what runs already.
var inFlight = struct {
	sync.Mutex
	counts map[string]int
}{counts: map[string]int{}}

// answerBounded answers a request if no more of them than maxConcurrency are under way.
func answerBounded(l *Lambda, w http.ResponseWriter, req *request) error {
	if err := acquireSlot(l); err != nil {
		return err
	}
	defer releaseSlot(l)
	if l.streamed {
		return answerStreamed(l, w, req)
	}
	return answer(l, w, req)
}

// acquireSlot counts a request in, unless that would be one too many.
func acquireSlot(l *Lambda) error {
	inFlight.Lock()
	defer inFlight.Unlock()
	if inFlight.counts[l.name] >= l.maxConcurrency {
		f := failureOf(causeOverload, fmt.Errorf("%d requests are under way already", l.maxConcurrency))
		f.retryAfter = "1"
		return f
	}
	inFlight.counts[l.name]++
	return nil
}

// releaseSlot counts a request out.
func releaseSlot(l *Lambda) {
	inFlight.Lock()
	defer inFlight.Unlock()
	inFlight.counts[l.name]--
	if inFlight.counts[l.name] == 0 {
		delete(inFlight.counts, l.name)
	}
}
