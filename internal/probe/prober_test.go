package probe

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// fakeClock moves only when a test or a sleep moves it.
type fakeClock struct {
	mu   sync.Mutex
	time time.Time
}

func (c *fakeClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.time
	return now
}

func (c *fakeClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.time = c.time.Add(d)
}

// stopped returns a clock that stands still, and that sleeps do not move.
func stopped() (*fakeClock, *clock) {
	fake := &fakeClock{time: time.Unix(1_700_000_000, 0)}
	now := func() time.Time { return fake.now() }
	return fake, &clock{now: now, sleep: func(_ time.Duration) {}}
}

// script is a function whose probes have the results of a text: 1 for good, 0 for bad, - for throttled.
type script struct {
	mu       sync.Mutex
	results  string
	calls    int
	lines    []string
	observed string
}

func (s *script) call(_ context.Context) Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	result := s.results[s.calls%len(s.results)]
	s.calls++
	return Result{Good: result == '1', Throttled: result == '-', Reason: "answered 404"}
}

func (s *script) target() Target {
	return Target{
		Name:     "orders:live",
		Identity: "orders:live in eu-central-1",
		Call:     func(ctx context.Context) Result { return s.call(ctx) },
		Log: func(line string) {
			s.mu.Lock()
			s.lines = append(s.lines, line)
			s.mu.Unlock()
		},
		Observe: func(result string) {
			s.mu.Lock()
			s.observed += result[:1]
			s.mu.Unlock()
		},
	}
}

func settingsOf(t *testing.T, c *Config) *Settings {
	t.Helper()
	s, err := Parse(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// proberOf returns a prober without a goroutine, with a lease that does not end.
func proberOf(t *testing.T, s *Settings, c *clock, target Target) *prober {
	t.Helper()
	p := newProber("test", s, c)
	p.target = target
	p.leases = []context.Context{context.Background()}
	return p
}

// flags returns the states after each result of a script.
func flags(t *testing.T, c *Config, results string) (states string, s *script) {
	t.Helper()
	fake, clk := stopped()
	scripted := &script{results: results}
	p := proberOf(t, settingsOf(t, c), clk, scripted.target())
	got := ""
	for range []byte(results) {
		fake.advance(10 * time.Second)
		if !proceed(p) {
			t.Fatal("got an end, want the prober to go on")
		}
		if atomic.LoadInt32(p.healthy) == 1 {
			got += "1"
		} else {
			got += "0"
		}
	}
	return got, scripted
}

func TestResultsBecomeAState(t *testing.T) {
	cases := map[string]struct {
		config        Config
		results, want string
	}{
		"one good probe makes it healthy":           {Config{}, "1", "1"},
		"a bad first probe makes it sick":           {Config{}, "0", "0"},
		"all good, then sick after 6 bad ones":      {Config{}, "11111111000000", "11111111111110"},
		"sick, then healthy after 3 good ones":      {Config{}, "00000000111", "00000000001"},
		"a window of 1 follows each result":         {Config{Window: number(1), Threshold: number(1)}, "10110", "10110"},
		"a good start of all that are needed":       {Config{Initial: number(3)}, "00000011", "11111000"},
		"no good start":                             {Config{Initial: number(0)}, "111", "001"},
		"throttled probes do not count":             {Config{}, "1-----", "111111"},
		"before the first result it counts healthy": {Config{Initial: number(0)}, "--0", "110"},
		"a window of 64": {Config{Window: number(64), Threshold: number(64), Initial: number(64)},
			"0" + strings.Repeat("1", 64), strings.Repeat("0", 64) + "1"},
	}
	for name, tc := range cases {
		config := tc.config
		if got, _ := flags(t, &config, tc.results); got != tc.want {
			t.Errorf("%s: got %s, want %s", name, got, tc.want)
		}
	}
}

func TestChangesAreToldOnce(t *testing.T) {
	_, s := flags(t, &Config{}, "111111110000000000111111")
	want := []string{
		"lambda: probe: orders:live went sick: 2 good of the last 8, 3 needed; last: answered 404",
		"lambda: probe: orders:live is healthy again: 3 good of the last 8",
	}
	if strings.Join(s.lines, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q, want %q", s.lines, want)
	}
	_, atStart := flags(t, &Config{}, "00")
	if len(atStart.lines) != 1 || !strings.HasSuffix(atStart.lines[0], "went sick: 2 good of the last 8, 3 needed; last: answered 404") {
		t.Errorf("got %q of one that is sick from the start, want one line", atStart.lines)
	}
	if _, healthy := flags(t, &Config{}, "1111"); len(healthy.lines) != 0 {
		t.Errorf("got %q of one that is healthy, want no line", healthy.lines)
	}
}

func TestProbesAreCounted(t *testing.T) {
	if _, s := flags(t, &Config{}, "10-1"); s.observed != "gbsg" {
		t.Errorf("got %s, want good, bad, skipped, good", s.observed)
	}
}

func TestLateProbesAreCancelledAndBad(t *testing.T) {
	result := probeOnce(func(ctx context.Context) Result {
		<-ctx.Done()
		return Result{Good: true}
	}, time.Millisecond)
	if result.Good || result.Reason != "timeout after 1ms" {
		t.Errorf("got %+v, want a bad one that says timeout", result)
	}
}

func TestPanicsAreBadResults(t *testing.T) {
	result := probeOnce(func(_ context.Context) Result { panic(errors.New("decode")) }, time.Second)
	if result.Good || !strings.HasPrefix(result.Reason, "panic: ") {
		t.Errorf("got %+v, want a bad one that says panic", result)
	}
}

func TestTheNextProbeIsDueAnIntervalAfterTheEndOfTheLast(t *testing.T) {
	fake, clk := stopped()
	target := (&script{results: "1"}).target()
	target.Call = func(_ context.Context) Result {
		fake.advance(1500 * time.Millisecond)
		return Result{Good: true}
	}
	p := proberOf(t, settingsOf(t, &Config{}), clk, target)
	if wait := p.due.Sub(fake.now()); wait < 0 || wait > firstJitter {
		t.Errorf("got the first probe after %v, want up to %v", wait, firstJitter)
	}
	for i := 0; i < 100; i++ {
		fake.advance(5500 * time.Millisecond)
		proceed(p)
		if wait := p.due.Sub(fake.now()); wait < 4500*time.Millisecond || wait > 5500*time.Millisecond {
			t.Fatalf("got the next probe after %v, want 5s give or take a tenth", wait)
		}
	}
	if wait := untilNext(p); wait != longestSleep {
		t.Errorf("got a sleep of %v, want %v", wait, longestSleep)
	}
}

func TestProbersEndWithoutInstances(t *testing.T) {
	fake, clk := stopped()
	s := &script{results: "1"}
	p := proberOf(t, settingsOf(t, &Config{}), clk, s.target())
	lease, end := context.WithCancel(context.Background())
	p.leases = []context.Context{lease}
	end()
	fake.advance(10 * time.Second)
	for i := 0; i < 30; i++ {
		if !proceed(p) {
			t.Fatalf("got an end after %d s, want it kept for 30", i)
		}
		fake.advance(time.Second)
	}
	if s.calls != 0 {
		t.Errorf("got %d probes without a lease, want none", s.calls)
	}
	if proceed(p) {
		t.Error("got a prober after 30 s without a lease, want none")
	}
}

func TestProbersSurviveAReload(t *testing.T) {
	fake, clk := stopped()
	s := &script{results: "0"}
	p := proberOf(t, settingsOf(t, &Config{}), clk, s.target())
	fake.advance(time.Second)
	proceed(p)
	lease, end := context.WithCancel(context.Background())
	p.leases = []context.Context{lease}
	end()
	proceed(p)
	fake.advance(29 * time.Second)
	proceed(p)
	p.leases = []context.Context{context.Background()}
	p.unwanted = false
	fake.advance(time.Second)
	if !proceed(p) || s.calls != 2 {
		t.Errorf("got %d probes, want the second one after the new lease", s.calls)
	}
	if atomic.LoadInt32(p.healthy) != 0 || len(p.history) != 4 {
		t.Errorf("got healthy %d with %d results, want the state of before", atomic.LoadInt32(p.healthy), len(p.history))
	}
}

// running is a clock whose sleeps move the fake time only. Each sleep first lets other goroutines run in real time,
// so that a loop does not starve them.
func running() *clock {
	fake := &fakeClock{time: time.Unix(1_700_000_000, 0)}
	now := func() time.Time { return fake.now() }
	sleep := func(d time.Duration) {
		fake.advance(d)
		time.Sleep(time.Millisecond)
	}
	return &clock{now: now, sleep: sleep}
}

func TestInstancesAndReloadsShareOneProber(t *testing.T) {
	clk := running()
	s := &script{results: "0"}
	settings := settingsOf(t, &Config{})
	first := startMany(context.Background(), settings, s.target(), clk, 1)
	waitFor(t, "a sick function", func() bool { return atomic.LoadInt32(first) == 0 })
	for reload := 0; reload < 20; reload++ {
		ctx, end := context.WithCancel(context.Background())
		flag := startMany(ctx, settings, s.target(), clk, 50)
		end()
		if flag != first || atomic.LoadInt32(flag) != 0 {
			t.Fatalf("reload %d: got a flag that says %d, want the same one, sick", reload, atomic.LoadInt32(flag))
		}
	}
	probers.Lock()
	n := len(probers.byKey)
	probers.Unlock()
	if n != 1 {
		t.Errorf("got %d probers, want 1", n)
	}
	if list := States(); len(list) != 1 || list[0].Function != "orders:live" || list[0].Healthy {
		t.Errorf("got %+v, want orders:live, sick", list)
	}
	endAll()
	waitFor(t, "end of the prober", func() bool { return len(States()) == 0 })
}

func startMany(ctx context.Context, s *Settings, target Target, c *clock, n int) *int32 {
	var flag *int32
	for i := 0; i < n; i++ {
		flag = start(ctx, s, target, c)
	}
	return flag
}

// endAll ends all leases.
func endAll() {
	ended, end := context.WithCancel(context.Background())
	end()
	probers.Lock()
	defer probers.Unlock()
	for _, p := range probers.byKey {
		p.leases = []context.Context{ended}
	}
}

// waitFor waits until a goroutine has done its part.
func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); {
		if time.Now().After(deadline) {
			t.Fatalf("got no %s in 10s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestOtherSettingsAndFunctionsHaveProbersOfTheirOwn(t *testing.T) {
	clk := running()
	healthy := &script{results: "1"}
	ctx, end := context.WithCancel(context.Background())
	a := start(ctx, settingsOf(t, &Config{}), healthy.target(), clk)
	b := start(ctx, settingsOf(t, &Config{Path: "/other"}), healthy.target(), clk)
	other := healthy.target()
	other.Identity = "orders:live in us-east-1"
	c := start(ctx, settingsOf(t, &Config{}), other, clk)
	if a == b || a == c || b == c {
		t.Error("got one flag for different probes, want one for each")
	}
	end()
	waitFor(t, "end of all probers", func() bool { return len(States()) == 0 })
}
