// Package metrics counts what happens to requests, and writes the counts as Prometheus reads them.
//
// Traefik's own registry is closed to plugins. So the counts are kept here, for all middlewares of
// the plugin together, and an instance with the option metrics shows them (Handler). Nothing is
// counted before there is such an instance.
//
// Labels are names from the configuration and constants. They never come from a request, whose
// values are without end; a function that a path names counts only as ForPath says.
package metrics

import (
	"sort"
	"sync"
	"sync/atomic"
)

// How a request can end: well, or as a row of the table of failures says.
const (
	OK = iota
	FunctionError
	BadReply
	Timeout
	Throttled
	Connect
	Lambda4xx
	Lambda5xx
	ClientGone
	StreamBroken
	Credentials // from here on: Lambda was not called
	TooLarge
	BadRequest
	NotFound
	OverCapacity
	Sick
)

// outcomes are the values of the labels outcome and result, in the order of the constants.
var outcomes = []string{"ok", "function_error", "bad_reply", "timeout", "throttled", "connect", "lambda_4xx",
	"lambda_5xx", "client_gone", "stream_broken", "credentials", "too_large", "bad_request", "not_found",
	"over_capacity", "sick"}

// callOutcomes is how many of outcomes, from the first one, a call can have.
const callOutcomes = Credentials

// Causes of a repeated call, as the option retry names them.
const (
	RetryThrottle = iota
	RetryConnect
	RetryServer
)

var retryCauses = []string{"throttle", "connect", "server"}

// NoReply is the class of a request to which no function has replied.
const NoReply = 0

// classes are the values of the label code, by the first digit of the status. The first two are not used for final
// replies.
var classes = []string{"", "", "2xx", "3xx", "4xx", "5xx"}

const classCount = 6

// bounds are the upper bounds of the histogram, in nanoseconds, from 5 ms to the longest run of a function. Whole
// numbers add up without an error.
var bounds = []float64{5e6, 1e7, 25e6, 5e7, 1e8, 25e7, 5e8, 1e9, 25e8, 5e9, 1e10, 3e10, 6e10, 3e11, 9e11}

// Function holds the counts of one function. They never fall, and outlive the instances that count.
type Function struct {
	// Begun counts the calls that have begun. Add 1 to it atomically before each call. Record or RecordRetry counts
	// the end.
	Begun int64

	mu         sync.Mutex
	called     []int   // requests with a call, by place
	uncalled   []int   // requests without one, by outcome
	repeated   []int   // calls that were made again, by outcome
	retries    []int   // the same, by cause
	buckets    []int   // calls by bound; the last one is for what is above all of them
	took       float64 // nanoseconds of all calls
	eventBytes int64
	replyBytes int64
}

func newFunction() *Function {
	return &Function{
		called:   make([]int, callOutcomes*classCount),
		uncalled: make([]int, len(outcomes)),
		repeated: make([]int, callOutcomes),
		retries:  make([]int, len(retryCauses)),
		buckets:  make([]int, len(bounds)+1),
	}
}

// Record counts a request with its last call, which took so many nanoseconds, and on which in bytes
// were sent and out received. class is the first digit of the status that the function replied, or
// NoReply.
//
// Every request passes here, and in Yaegi each variable and each conversion of a function costs 45 ns
// a call, used or not: so there are few, and the scrape derives what it can.
func Record(m *Function, outcome, class int, nanoseconds float64, in, out int64) {
	m.mu.Lock()
	m.called[outcome*classCount+class]++
	m.buckets[sort.SearchFloat64s(bounds, nanoseconds)]++
	m.took += nanoseconds
	m.eventBytes += in
	m.replyBytes += out
	m.mu.Unlock()
}

// RecordRetry counts a call that is repeated, and its cause.
func RecordRetry(m *Function, outcome, cause int, nanoseconds float64, in, out int64) {
	m.mu.Lock()
	m.repeated[outcome]++
	m.retries[cause]++
	m.buckets[sort.SearchFloat64s(bounds, nanoseconds)]++
	m.took += nanoseconds
	m.eventBytes += in
	m.replyBytes += out
	m.mu.Unlock()
}

// RecordUncalled counts a request that ended without a call.
func RecordUncalled(m *Function, outcome int) {
	m.mu.Lock()
	m.uncalled[outcome]++
	m.mu.Unlock()
}

// Move counts the end of a call under to, although it began under from: a name from a path is known only after the
// call.
func Move(from, to *Function) {
	atomic.AddInt64(&to.Begun, 1)
	atomic.AddInt64(&from.Begun, -1)
}

// functions holds the counts by the label function, across instances and reloads.
var functions = struct {
	sync.Mutex
	byLabel map[string]*Function
	named   int // how many of them are from ForPath
}{byLabel: map[string]*Function{}}

// otherLabel stands for requests without a function, for names that Lambda refused, and for all
// beyond the bounds below.
const otherLabel = "_other"

const (
	maxFunctions = 1000 // by configuration; reloads could bring new ones for ever
	maxNamed     = 100  // by the paths of requests
)

// ForFunction returns the counts of a function that the configuration names: "name" or
// "name:qualifier".
func ForFunction(label string) *Function {
	functions.Lock()
	defer functions.Unlock()
	if m, ok := functions.byLabel[label]; ok {
		return m
	}
	if len(functions.byLabel)-functions.named >= maxFunctions {
		label = otherLabel
	}
	return add(label)
}

// ForPath returns the counts of a function that a path names (pathPrefix). Clients choose such names: use Find before
// the call, and ForPath only after a call that Lambda did not refuse. The first 100 names get their own counts, all
// others share Other's.
func ForPath(label string) *Function {
	functions.Lock()
	defer functions.Unlock()
	if m, ok := functions.byLabel[label]; ok {
		return m
	}
	if functions.named >= maxNamed {
		return add(otherLabel)
	}
	functions.named++
	return add(label)
}

// Find returns the counts of a function if it has any, else Other's.
func Find(label string) *Function {
	functions.Lock()
	defer functions.Unlock()
	if m, ok := functions.byLabel[label]; ok {
		return m
	}
	return add(otherLabel)
}

// Other returns the counts of requests without a known function.
func Other() *Function {
	functions.Lock()
	defer functions.Unlock()
	return add(otherLabel)
}

// add returns the counts of a label, and creates them if need be. The caller holds the lock of functions.
func add(label string) *Function {
	m, ok := functions.byLabel[label]
	if !ok {
		m = newFunction()
		functions.byLabel[label] = m
	}
	return m
}

// enabled is 1 once an instance shows the counts.
var enabled int32

// Enabled returns a flag to load atomically before anything is counted: 1 once an instance shows the
// counts, 0 before. It stays 1 when that instance goes, since counters must not pause over a reload.
func Enabled() *int32 { return &enabled }

// enable starts the counting.
func enable() { atomic.StoreInt32(&enabled, 1) }
