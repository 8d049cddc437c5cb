package lambda

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"net/http"
	"net/http/httptrace"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/seed05e46011/lambda/internal/option"
	"github.com/seed05e46011/lambda/internal/wait"
)

// retryPolicy is the option retry.
type retryPolicy struct {
	attempts int
	causes   map[cause]bool
	base     time.Duration // the longest wait before the second attempt; it doubles from there
}

const (
	retryBase    = 100 * time.Millisecond
	maxRetryWait = 20 * time.Second // AWS's SDKs wait no longer either
	maxAttempts  = 10
)

// retryCauses names the causes that may be configured.
var retryCauses = map[string]cause{
	"throttle": causeThrottled,
	"connect":  causeConnect,
	"server":   causeServer,
}

// newRetryPolicy returns nil where nothing is retried.
func newRetryPolicy(c *RetryConfig) *retryPolicy {
	if c == nil || c.Attempts <= 1 {
		return nil
	}
	p := &retryPolicy{attempts: c.Attempts, causes: map[cause]bool{}, base: retryBase}
	for _, name := range c.Causes {
		p.causes[retryCauses[strings.TrimSpace(name)]] = true
	}
	if len(c.Causes) == 0 {
		p.causes[causeThrottled] = true
	}
	return p
}

func (c *RetryConfig) validate() error {
	if c == nil {
		return nil
	}
	if err := option.Unknown("retry.", reflect.TypeOf(*c), c.Unknown); err != nil {
		return err
	}
	if c.Attempts < 0 || c.Attempts > maxAttempts {
		return fmt.Errorf("retry.attempts: %d: want a whole number from 1 to %d", c.Attempts, maxAttempts)
	}
	for _, name := range c.Causes {
		if _, ok := retryCauses[strings.TrimSpace(name)]; !ok {
			return fmt.Errorf("retry.causes: %q: want throttle, connect or server", name)
		}
	}
	return nil
}

// call posts the event and returns Lambda's answer, its body unread, unless that is an error.
func call(ctx context.Context, l *Lambda, req *request) (*http.Response, error) {
	if l.calls.plain {
		return callOnce(ctx, l, req)
	}
	return callWithOptions(ctx, l, req)
}

// callWithOptions is call where an option asks for more than one plain call. With maxConcurrency the
// request holds a slot when it returns an answer, until releaseSlot.
func callWithOptions(ctx context.Context, l *Lambda, req *request) (*http.Response, error) {
	if l.calls.invocation != nil {
		headers, err := renderInvocationHeaders(l, req)
		if err != nil {
			return nil, failureOf(causeUnsendable, err)
		}
		req.invocationHeaders = headers
	}
	if l.limits.maxConcurrency == 0 {
		return callTimed(ctx, l, req)
	}
	if err := acquireSlot(l, req); err != nil {
		return nil, err
	}
	resp, err := callTimed(ctx, l, req)
	if err != nil {
		releaseSlot(l, req)
	}
	return resp, err
}

// callTimed notes when the call began, and makes it, with retries if they are asked for.
func callTimed(ctx context.Context, l *Lambda, req *request) (*http.Response, error) {
	req.called = time.Now()
	if l.calls.retry == nil {
		return callOnce(ctx, l, req)
	}
	return callWithRetries(ctx, l, req)
}

// callWithRetries tries again only for the causes of option retry, and never once a function's
// reply has begun.
func callWithRetries(ctx context.Context, l *Lambda, req *request) (*http.Response, error) {
	cost := 0 // of the retry under way
	for attempt := 1; ; attempt++ {
		redate(req)
		resp, err := callOnce(ctx, l, req)
		if err == nil {
			returnRetryTokens(req.target.endpoint, cost)
			return resp, nil
		}
		f := asFailure(err)
		delay := retryWait(l.calls.retry, attempt, f.retryAfter)
		if attempt >= l.calls.retry.attempts || !l.calls.retry.causes[f.cause] || endsWithin(l, req, delay) {
			return nil, err
		}
		cost = retryCost
		if f.timeout {
			cost = retryTimeoutCost
		}
		if !takeRetryTokens(req.target.endpoint, cost) {
			return nil, err
		}
		if req.counts != nil {
			req.took = time.Since(req.began)
		}
		if !wait.Pause(ctx, delay) {
			return nil, interrupted(ctx, req, f.cause, f.err)
		}
		if req.counts != nil {
			recordRetry(req, f.cause)
		}
	}
}

// retryWait returns how long to wait before the next attempt: a random time, so that clients that
// failed together do not come back together ("full jitter"), but what Lambda asks for at least.
// https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
func retryWait(p *retryPolicy, attempt int, retryAfter string) time.Duration {
	longest := p.base << (attempt - 1)
	if longest > maxRetryWait {
		longest = maxRetryWait
	}
	wait := time.Duration(rand.Int63n(int64(longest))) //nolint:gosec // nobody gains from guessing it
	if asked := parseRetryAfter(retryAfter); asked > wait {
		return asked
	}
	return wait
}

// parseRetryAfter reads seconds or a date (RFC 9110 10.2.3), 0 for what is neither.
func parseRetryAfter(value string) time.Duration {
	seconds, err := strconv.ParseUint(value, 10, 32)
	if err == nil || errors.Is(err, strconv.ErrRange) { // which leaves the largest
		return time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return time.Until(date)
	}
	return 0
}

// endsWithin says whether the request's time runs out before a wait is over: then Lambda's answer
// is worth more than a timeout.
func endsWithin(l *Lambda, req *request, wait time.Duration) bool {
	return wait >= l.limits.timeout-time.Since(req.time) // a sum could overflow
}

// A function's retries are paid for with tokens, which only calls that succeed give back, as in
// AWS's SDKs: in an outage, 500 tokens are 100 more calls, however many requests come.
const (
	maxRetryTokens   = 500
	retryCost        = 5
	retryTimeoutCost = 10
	noRetryRefund    = 1 // for a call that needed no retry
)

// retryTokens holds what is left, by the URL of the function, for those that do not have all of
// it. It outlives the instances: a reload in an outage must not fill the buckets.
var retryTokens = struct {
	sync.Mutex
	left map[string]int
}{left: map[string]int{}}

// maxRetryBuckets bounds retryTokens: with pathPrefix, clients choose the functions.
const maxRetryBuckets = 10000

func takeRetryTokens(function string, cost int) bool {
	retryTokens.Lock()
	defer retryTokens.Unlock()
	left, ok := retryTokens.left[function]
	if !ok {
		left = maxRetryTokens
		if len(retryTokens.left) >= maxRetryBuckets {
			retryTokens.left = map[string]int{}
		}
	}
	if left < cost {
		return false
	}
	retryTokens.left[function] = left - cost
	return true
}

// returnRetryTokens gives back what a call that succeeded had cost, 0 for one without a retry.
func returnRetryTokens(function string, cost int) {
	if cost == 0 {
		cost = noRetryRefund
	}
	retryTokens.Lock()
	defer retryTokens.Unlock()
	left, ok := retryTokens.left[function]
	if !ok {
		return
	}
	if left+cost >= maxRetryTokens {
		delete(retryTokens.left, function)
		return
	}
	retryTokens.left[function] = left + cost
}

// traceConnecting keeps req.connecting up to date for calls with the context that it returns. The
// transport calls these functions in the goroutine of the call. Interpreted they cost more than
// signing does, so only calls that may go through a proxy have them: for others, neverConnected
// knows.
func traceConnecting(ctx context.Context, req *request) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(_ string) { req.connecting = true },
		GotConn: func(_ httptrace.GotConnInfo) { req.connecting = false },
	})
}
