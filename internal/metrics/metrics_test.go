package metrics

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

// begin gives a test a new registry, as if the process had just started. Without it, tests share the functions and
// vectors of this package.
func begin() {
	functions.Lock()
	functions.byLabel = map[string]*Function{}
	functions.named = 0
	functions.Unlock()
	for _, v := range vectors {
		v.mu.Lock()
		v.series = map[string]int64{}
		v.mu.Unlock()
	}
	enabled = 0
}

func TestOutcomesAreNamedInTheOrderOfTheirConstants(t *testing.T) {
	for outcome, want := range map[int]string{
		OK: "ok", FunctionError: "function_error", BadReply: "bad_reply", Timeout: "timeout", Throttled: "throttled",
		Connect: "connect", Lambda4xx: "lambda_4xx", Lambda5xx: "lambda_5xx", ClientGone: "client_gone",
		StreamBroken: "stream_broken", Credentials: "credentials", TooLarge: "too_large", BadRequest: "bad_request",
		NotFound: "not_found", OverCapacity: "over_capacity", Sick: "sick",
	} {
		if got := outcomes[outcome]; got != want {
			t.Errorf("got %q for outcome %d, want %q", got, outcome, want)
		}
	}
	if Credentials != callOutcomes {
		t.Errorf("got %d outcomes of calls, want those before Credentials (%d)", callOutcomes, Credentials)
	}
	for cause, want := range map[int]string{RetryThrottle: "throttle", RetryConnect: "connect", RetryServer: "server"} {
		if got := retryCauses[cause]; got != want {
			t.Errorf("got %q for cause %d, want %q", got, cause, want)
		}
	}
}

func TestFunctionsKeepTheirCountsOverReloads(t *testing.T) {
	begin()
	Record(ForFunction("orders:live"), OK, 2, 100_000_000, 10, 20)
	Record(ForFunction("orders:live"), OK, 2, 100_000_000, 10, 20)
	if got := countsOf(ForFunction("orders:live")).requests[OK]; got != 2 {
		t.Errorf("got %d requests after the function was asked for again, want 2", got)
	}
}

func TestNamesFromPathsAreBounded(t *testing.T) {
	begin()
	for i := 0; i < 500; i++ {
		RecordUncalled(ForPath(fmt.Sprintf("f%03d", i)), Sick)
	}
	if got := len(functions.byLabel); got != maxNamed+1 {
		t.Errorf("got %d functions, want %d and %s", got, maxNamed, otherLabel)
	}
	if got := Other().uncalled[Sick]; got != 500-maxNamed {
		t.Errorf("got %d requests of %s, want %d", got, otherLabel, 500-maxNamed)
	}
	if Find("f000") == Other() || Find("f499") != Other() {
		t.Error("got other counts, want f000's own, and for f499 those that it shares")
	}
}

func TestFunctionsOfTheConfigurationAreBounded(t *testing.T) {
	begin()
	for i := 0; i < maxFunctions+10; i++ {
		ForFunction(fmt.Sprintf("f%d", i))
	}
	if got := len(functions.byLabel); got != maxFunctions+1 {
		t.Errorf("got %d functions, want %d and %s", got, maxFunctions, otherLabel)
	}
}

func TestCountsAreExactUnderLoad(t *testing.T) {
	begin()
	m := ForFunction("orders")
	var wg sync.WaitGroup
	for i := 0; i < 8; i++ {
		wg.Add(1)
		go recordMany(&wg, m, 200)
	}
	wg.Wait()
	c := countsOf(m)
	if c.requests[OK] != 1600 || c.invocations[OK] != 1600 || c.invocations[Throttled] != 1600 ||
		c.retries[RetryThrottle] != 1600 || c.requests[NotFound] != 1600 || c.responses[2] != 1600 {
		t.Errorf("got %+v, want 1600 of each", c)
	}
	if c.eventBytes != 1600*11 || c.replyBytes != 1600*22 || c.begun != 3200 || c.took != 1600*750_000_000 {
		t.Errorf("got %d and %d bytes, %d begun, %v ns", c.eventBytes, c.replyBytes, c.begun, c.took)
	}
}

func recordMany(wg *sync.WaitGroup, m *Function, n int) {
	for i := 0; i < n; i++ {
		atomic.AddInt64(&m.Begun, 1)
		RecordRetry(m, Throttled, RetryThrottle, 250_000_000, 1, 2)
		atomic.AddInt64(&m.Begun, 1)
		Record(m, OK, 2, 500_000_000, 10, 20)
		RecordUncalled(m, NotFound)
	}
	wg.Done()
}

func TestCallsMoveToTheFunctionThatIsKnownOnlyAfterThem(t *testing.T) {
	begin()
	atomic.AddInt64(&Other().Begun, 1)
	m := ForPath("new")
	Move(Other(), m)
	Record(m, OK, 2, 100_000_000, 1, 1)
	if Other().Begun != 0 || m.Begun != 1 {
		t.Errorf("got %d calls of %s and %d of the function, want 0 and 1", Other().Begun, otherLabel, m.Begun)
	}
}

func BenchmarkRecord(b *testing.B) {
	m := newFunction()
	for i := 0; i < b.N; i++ {
		Record(m, OK, 2, 12_300_000, 900, 300)
	}
}
