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

// retryPolicy is the parsed option retry.
type retryPolicy struct {
	attempts int
	causes   map[cause]bool
	base     time.Duration // the longest wait before the second attempt; doubles after each
}

const (
	retryBase    = 100 * time.Millisecond
	maxRetryWait = 20 * time.Second // the limit of AWS's SDKs
	maxAttempts  = 10
)

// retryCauses are the names of the causes that can be configured.
var retryCauses = map[string]cause{
	"throttle": causeThrottled,
	"connect":  causeConnect,
	"server":   causeServer,
}

// newRetryPolicy returns nil if nothing is retried.
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

// call posts the event, with retries if option retry is set. It returns Lambda's HTTP response with its
// body unread; a response that refuses the call is an error. With maxConcurrency, a request that
// succeeds holds a slot until releaseSlot.
func call(ctx context.Context, l *Lambda, req *request) (*http.Response, error) {
	if l.calls.invocation != nil {
		headers, err := renderInvocationHeaders(l, req)
		if err != nil {
			return nil, failureOf(causeUnsendable, err)
		}
		req.invocationHeaders = headers
	}
	if !l.calls.plain {
		if err := startCall(l, req); err != nil {
			return nil, err
		}
	}
	resp, err := callOnce(ctx, l, req)
	if l.calls.retry != nil {
		if err == nil {
			returnRetryTokens(req.target.endpoint, noRetryRefund)
		} else {
			resp, err = callAgain(ctx, l, req, err)
		}
	}
	if err != nil {
		releaseSlot(l, req)
	}
	return resp, err
}

// startCall notes when a call starts, and takes a slot if maxConcurrency is set.
func startCall(l *Lambda, req *request) error {
	req.called = time.Now()
	if l.limits.maxConcurrency > 0 {
		return acquireSlot(l, req)
	}
	return nil
}

// callAgain retries a call that has failed with err, for the causes of option retry only. It returns
// Lambda's response to the attempt that succeeded, or the error of the last one.
func callAgain(ctx context.Context, l *Lambda, req *request, err error) (*http.Response, error) {
	for attempt := 1; ; attempt++ {
		f := asFailure(err)
		delay := retryWait(l.calls.retry, attempt, f.retryAfter)
		if attempt >= l.calls.retry.attempts || !l.calls.retry.causes[f.cause] || endsWithin(l, req, delay) {
			return nil, err
		}
		cost := retryCost
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
		redate(req)
		resp, attemptErr := callOnce(ctx, l, req)
		if attemptErr == nil {
			returnRetryTokens(req.target.endpoint, cost)
			return resp, nil
		}
		err = attemptErr
	}
}

// endRetries notes that Lambda has accepted the call that prepare made: what fails from here on is not
// retried.
func endRetries(x *exchange) {
	returnRetryTokens(x.req.target.endpoint, noRetryRefund)
	x.prepared = nil
}

// retryExchange retries the call that prepare made if option retry is set and Lambda has not accepted it.
// It reports whether Lambda has accepted another attempt.
func retryExchange(x *exchange) bool {
	if x.lambda.calls.retry == nil || x.prepared == nil {
		return false
	}
	resp, err := callAgain(x.ctx, x.lambda, x.req, exchangeError(x)) //nolint:bodyclose // conclude or closeStream does
	x.resp = resp
	x.callErr = nil
	x.err = err
	x.prepared = nil
	return err == nil
}

// retryWait returns the pause before the next attempt: random ("full jitter"), so that clients that
// failed together do not retry together, and at least as long as Lambda asks for.
// https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
func retryWait(p *retryPolicy, attempt int, retryAfter string) time.Duration {
	longest := p.base << (attempt - 1)
	if longest > maxRetryWait {
		longest = maxRetryWait
	}
	wait := time.Duration(rand.Int63n(int64(longest))) //nolint:gosec // guessing it gains nothing
	if asked := parseRetryAfter(retryAfter); asked > wait {
		return asked
	}
	return wait
}

// parseRetryAfter reads seconds or a date (RFC 9110 10.2.3). It returns 0 for anything else.
func parseRetryAfter(value string) time.Duration {
	seconds, err := strconv.ParseUint(value, 10, 32)
	if err == nil || errors.Is(err, strconv.ErrRange) { // out of range: seconds is the largest int64
		return time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return time.Until(date)
	}
	return 0
}

// endsWithin reports whether a request's time ends before a wait does. Then Lambda's error is more
// useful than a timeout.
func endsWithin(l *Lambda, req *request, wait time.Duration) bool {
	return wait >= l.limits.timeout-time.Since(req.time) // a sum could overflow
}

// Retries cost a function tokens, which only successful calls return, as in AWS's SDKs. In an outage,
// 500 tokens allow 100 retries, however many requests arrive.
const (
	maxRetryTokens   = 500
	retryCost        = 5
	retryTimeoutCost = 10
	noRetryRefund    = 1 // for a successful call without a retry
)

// retryTokens holds the tokens left, by the URL of the function, for functions with fewer than
// maxRetryTokens. It outlives the instances, so that a reload in an outage does not refill them.
var retryTokens = struct {
	sync.Mutex
	left map[string]int
}{left: map[string]int{}}

// maxRetryBuckets limits retryTokens: with pathPrefix, clients choose the functions.
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

// returnRetryTokens returns what a successful call cost, or noRetryRefund.
func returnRetryTokens(function string, cost int) {
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

// traceConnecting returns a context for a call that keeps req.connecting up to date. The transport runs
// these functions in the call's goroutine. Interpreted they take longer than signing, so that only
// calls that may go through a proxy use them. For other calls neverConnected is enough.
func traceConnecting(ctx context.Context, req *request) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(_ string) { req.connecting = true },
		GotConn: func(_ httptrace.GotConnInfo) { req.connecting = false },
	})
}
