// Package lambda is a Traefik middleware plugin that serves HTTP requests with AWS Lambda functions.
//
// A request is encoded as the event that the function expects: that of an API Gateway, a Function URL,
// an Application Load Balancer and others. The event is signed and posted to the Lambda API. The
// function's reply is decoded and written as the client's response. A failure becomes a 4xx or 5xx
// response in one place, failure.go.
//
// serve, below, is that path as source code. What runs is ServeHTTP in workers_generated.go, which
// `make generate` writes from serve and the functions that it calls. The reason is Yaegi, which
// interprets this package: a function call usually costs more there than the body that it runs.
//
// The function is the origin; without one, it is the next handler of the router. Options put handlers
// around the origin, called brackets: Lambda@Edge hooks, an authorizer and a cache (brackets.go), a
// health probe, tracing and the access log (newHandler).
//
// The package imports only the standard library and the packages under internal/. docs/contributing.md
// describes all of them, the path of a request through the brackets, and the rules that interpreted
// code has to keep.
package lambda

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/seed05e46011/lambda/internal/logline"
	"github.com/seed05e46011/lambda/internal/option"
	"github.com/seed05e46011/lambda/internal/xray"
)

// Lambda is the handler of one middleware on one router. Its settings do not change after New, so that
// it is safe for concurrent use.
type Lambda struct {
	name string // the middleware's name with its provider: "lambda@file"
	next http.Handler
	log  *logline.Logger

	functions functionSettings // which function to call (resolve.go)
	calls     callSettings     // how to call it (invoke.go)
	limits    limitSettings
	failures  failureSettings // how to respond to failures (failure.go)
	brackets  bracketSettings

	format      *eventFormat
	events      *eventSettings // how to make events (envelope.go)
	replyFormat *replyFormat
	replies     *replySettings // how to read replies (reply.go)
}

// limitSettings bound the time and the size of a request, and the number of calls.
type limitSettings struct {
	timeout             time.Duration // of the whole request; of a stream, up to its first byte
	idleTimeout         time.Duration // between two chunks of a stream
	maxRequestBodyBytes int64
	maxConcurrency      int // calls at the same time; 0 is no limit
}

// newLimitSettings expects validated options.
func newLimitSettings(config *Config) (limitSettings, error) {
	s := limitSettings{maxRequestBodyBytes: config.MaxRequestBodyBytes, maxConcurrency: config.MaxConcurrency}
	timeout, err := option.Duration(config.Timeout)
	if err != nil {
		return s, err
	}
	s.timeout = timeout
	s.idleTimeout = timeout
	if config.IdleTimeout != "" {
		idleTimeout, err := option.Duration(config.IdleTimeout)
		if err != nil {
			return s, err
		}
		s.idleTimeout = idleTimeout
	}
	return s, nil
}

// bracketSettings say what the brackets need from the function's handler.
type bracketSettings struct {
	authorized bool // option authorizer is set: events carry its result
	writesWait bool // option edge is set: writing the response may wait for a hook
	roomsTimed bool // bracket.ServerTiming writes Server-Timing, for the function too
	noted      bool // option accessLog is set: note which function was called
}

func newBracketSettings(config *Config) bracketSettings {
	return bracketSettings{
		authorized: config.Authorizer != nil,
		writesWait: config.Edge != nil,
		roomsTimed: config.ServerTiming && config.hasBrackets(),
		noted:      config.AccessLog,
	}
}

// New builds the handler of one middleware. It needs neither the network nor credentials: the first
// request looks for those. An error names the option that is wrong.
func New(ctx context.Context, next http.Handler, config *Config, name string) (handler http.Handler, err error) {
	// A panic here would end the goroutine that applies Traefik's configuration, for good.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("lambda: %v", p)
		}
	}()
	handler, err = newHandler(ctx, next, config, name)
	if err != nil {
		return nil, fmt.Errorf("lambda: %w", err)
	}
	return handler, nil
}

// newHandler builds the function's handler, and around it the brackets that the options ask for. The
// last one added sees a request first.
func newHandler(ctx context.Context, next http.Handler, config *Config, name string) (http.Handler, error) {
	if config.Metrics {
		return newMetricsHandler(), config.validateMetrics()
	}
	l, err := newLambda(next, config, name)
	if err != nil {
		return nil, err
	}
	var handler http.Handler = l
	if l.calls.streamed {
		handler = &streaming{l}
	}
	if !config.hasFunction() {
		handler = next
	}
	if config.Probe != nil {
		handler, err = newProbed(ctx, l, handler, config)
		if err != nil {
			return nil, err
		}
	}
	if config.hasBrackets() {
		handler, err = addBrackets(ctx, l, handler, config)
		if err != nil {
			return nil, err
		}
	}
	if config.XRayTracing {
		tracer, err := xray.New(config.XRayTrustedIPs)
		if err != nil {
			return nil, err
		}
		handler = tracer.Bracket(handler)
	}
	if config.AccessLog {
		handler = l.log.AccessLog(name, handler)
	}
	return handler, nil
}

// serve responds to a request with the function's reply, or with a failure (failure.go).
//
// An encoder, one kind of worker (workers.go), reads the request, encodes it as an event and signs the
// call: prepare, in exchange.go. The request's own goroutine calls Lambda. A decoder, the other kind,
// decodes the reply and writes the response: conclude. Streams use no decoder, since they wait for
// Lambda between chunks (stream.go).
//
// ServeHTTP is generated from this function (workers_generated.go).
//
//lambda:worker ServeHTTP
func (l *Lambda) serve(w http.ResponseWriter, r *http.Request) {
	x := &exchange{lambda: l, w: w, r: r, done: make(chan bool, 1)}
	encode(x)
	callFunction(x)
	if x.resp != nil {
		decode(x)
	}
	if !x.answered {
		finish(x)
	}
	*x = exchange{} // idle workers still point to it: let the request be collected
}

// newLambda validates the options and builds the function's handler.
func newLambda(next http.Handler, config *Config, name string) (*Lambda, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	logger, err := logline.New(config.LogFormat)
	if err != nil {
		return nil, err
	}
	l := &Lambda{name: name, next: next, log: logger}
	l.failures = newFailureSettings(config)
	l.brackets = newBracketSettings(config)
	limits, err := newLimitSettings(config)
	if err != nil {
		return nil, err
	}
	l.limits = limits
	api := newLambdaAPI(config)
	functions, err := newFunctionSettings(config, api)
	if err != nil {
		return nil, err
	}
	l.functions = functions
	calls, err := newCallSettings(config, logger, regionOf(l.functions.target, api))
	if err != nil {
		return nil, err
	}
	l.calls = calls
	l.format = eventFormats[config.EventFormat]
	events, err := newEventSettings(config, l.functions.target, l.format)
	if err != nil {
		return nil, err
	}
	events.keepsBody = l.failures.fallback || l.calls.invocation != nil || l.format.name == formatRaw
	l.events = events
	l.replies = newReplySettings(config, l.format)
	l.replyFormat = replyFormatOf(config.ResponseFormat, l.replies, l.format)
	return l, nil
}
