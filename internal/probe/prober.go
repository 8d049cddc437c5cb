package probe

import (
	"context"
	"fmt"
	"math/rand"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

// clock tells the time. Tests replace it.
type clock struct {
	now   func() time.Time
	sleep func(d time.Duration)
}

var systemClock = &clock{now: time.Now, sleep: time.Sleep}

// probers holds the probers by everything that their results depend on, across instances and reloads. A prober is
// listed as long as its goroutine runs.
var probers = struct {
	sync.Mutex
	byKey map[string]*prober
}{byKey: map[string]*prober{}}

const (
	// keptFor is how long a prober outlives the last instance that uses it. Traefik ends the context of the old
	// instances before it builds new ones, and the state has to survive that.
	keptFor = 30 * time.Second

	// longestSleep limits how late a prober notices that no instance uses it any more.
	longestSleep = time.Second

	// firstJitter spreads the first probes of many functions.
	firstJitter = 250 * time.Millisecond
)

// prober probes one function in one way.
type prober struct {
	key      string
	settings *Settings
	clock    *clock
	healthy  *int32 // atomically

	// Under the lock of probers.
	target     Target            // of the instance that came last
	leases     []context.Context // of the instances that use it
	unwanted   bool              // the last look found no lease
	unwantedAt time.Time         // since when, where unwanted

	// Of the prober's goroutine alone.
	due     time.Time // of the next probe
	history []bool    // the results that count, the latest at the end
	judged  bool      // there was a first result
}

// start finds the prober of a function or starts one. It holds the lock under which probers end.
func start(ctx context.Context, s *Settings, target Target, c *clock) *int32 {
	key := fmt.Sprintf("%q %s", target.Identity, s.key())
	probers.Lock()
	defer probers.Unlock()
	p, ok := probers.byKey[key]
	if !ok {
		p = newProber(key, s, c)
		probers.byKey[key] = p
	}
	p.target = target
	p.leases = append(p.leases, ctx)
	p.unwanted = false
	if !ok {
		go proberLoop(p)
	}
	return p.healthy
}

func newProber(key string, s *Settings, c *clock) *prober {
	p := &prober{key: key, settings: s, clock: c, healthy: new(int32)}
	atomic.StoreInt32(p.healthy, 1)
	for i := 0; i < s.initial; i++ {
		p.history = append(p.history, true)
	}
	p.due = c.now().Add(time.Duration(rand.Int63n(int64(firstJitter)))) //nolint:gosec // guessing it gains nothing
	return p
}

// proberLoop is the goroutine of a prober. It makes no closures: Yaegi keeps those of a loop until
// the function returns.
func proberLoop(p *prober) {
	for {
		p.clock.sleep(untilNext(p))
		if !proceed(p) {
			return
		}
	}
}

// untilNext returns how long to sleep.
func untilNext(p *prober) time.Duration {
	wait := p.due.Sub(p.clock.now())
	if wait < 0 {
		return 0
	}
	if wait > longestSleep {
		return longestSleep
	}
	return wait
}

// proceed makes the probe if it is due, and reports whether the prober goes on.
func proceed(p *prober) bool {
	now := p.clock.now()
	target, wanted, goes := lookAround(p, now)
	if goes {
		return false
	}
	if !wanted {
		if !p.due.After(now) {
			p.due = now.Add(longestSleep) // else it would not sleep at all
		}
		return true
	}
	if p.due.After(now) {
		return true
	}
	result := probeOnce(target.Call, p.settings.timeout)
	settle(p, target, result)
	p.due = p.clock.now().Add(jittered(p.settings.interval))
	return true
}

// lookAround drops the leases that have ended. A prober without leases makes no probes, and ends after a while.
func lookAround(p *prober, now time.Time) (target Target, wanted, goes bool) {
	probers.Lock()
	defer probers.Unlock()
	left := []context.Context{}
	for _, lease := range p.leases {
		if lease.Err() == nil {
			left = append(left, lease)
		}
	}
	p.leases = left
	switch {
	case len(left) > 0:
		return p.target, true, false
	case !p.unwanted:
		p.unwanted = true
		p.unwantedAt = now
	case now.Sub(p.unwantedAt) >= keptFor:
		delete(probers.byKey, p.key)
		return p.target, false, true
	}
	return p.target, false, false
}

// jittered returns d give or take a tenth, so that a fleet does not probe in step.
func jittered(d time.Duration) time.Duration {
	return d - d/10 + time.Duration(rand.Int63n(int64(d/5)+1)) //nolint:gosec // guessing it gains nothing
}

// probeOnce makes one probe.
func probeOnce(call func(ctx context.Context) Result, timeout time.Duration) Result {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	result := &Result{}
	callSafely(ctx, call, result)
	late := ctx.Err() != nil
	cancel()
	if late && !result.Throttled {
		return Result{Reason: "timeout after " + timeout.String()}
	}
	return *result
}

// callSafely stores the outcome of call in result. A panic, which would end Traefik in the goroutine of a prober,
// counts as a bad result.
func callSafely(ctx context.Context, call func(ctx context.Context) Result, result *Result) {
	defer func() {
		if p := recover(); p != nil {
			result.Reason = "panic: " + fmt.Sprint(p)
		}
	}()
	*result = call(ctx)
}

// settle counts a result and judges the function anew. It logs a change, and a function that is sick from the start.
func settle(p *prober, target Target, result Result) {
	if result.Throttled {
		target.Observe("skipped")
		return
	}
	good := remember(p, result.Good)
	healthy := good >= p.settings.threshold
	wasHealthy := atomic.LoadInt32(p.healthy) == 1
	first := !p.judged
	p.judged = true
	if healthy {
		atomic.StoreInt32(p.healthy, 1)
	} else {
		atomic.StoreInt32(p.healthy, 0)
	}
	if result.Good {
		target.Observe("good")
	} else {
		target.Observe("bad")
	}
	switch {
	case healthy && !wasHealthy:
		target.Log(fmt.Sprintf("lambda: probe: %s is healthy again: %d good of the last %d",
			target.Name, good, p.settings.window))
	case !healthy && (wasHealthy || first):
		target.Log(fmt.Sprintf("lambda: probe: %s went sick: %d good of the last %d, %d needed; last: %s",
			target.Name, good, p.settings.window, p.settings.threshold, result.Reason))
	}
}

// remember adds a result to the history, and returns how many results in it are good.
func remember(p *prober, good bool) int {
	p.history = append(p.history, good)
	if len(p.history) > p.settings.window {
		p.history = append([]bool{}, p.history[1:]...)
	}
	count := 0
	for _, result := range p.history {
		if result {
			count++
		}
	}
	return count
}

// states returns the state of each function that has a prober.
func states() []State {
	healthy := map[string]bool{}
	probers.Lock()
	for _, p := range probers.byKey {
		if known, found := healthy[p.target.Name]; found && !known {
			continue
		}
		healthy[p.target.Name] = atomic.LoadInt32(p.healthy) == 1
	}
	probers.Unlock()
	names := make([]string, 0, len(healthy))
	for name := range healthy {
		names = append(names, name)
	}
	sort.Strings(names)
	list := make([]State, 0, len(names))
	for _, name := range names {
		list = append(list, State{Function: name, Healthy: healthy[name]})
	}
	return list
}
