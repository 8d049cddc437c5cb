// Package lambda is a Traefik middleware that lets AWS Lambda functions answer a route.
//
// It is interpreted by Yaegi and imports the standard library only. A request goes a straight
// way: it is read, encoded as the event that the function understands, signed, posted to the
// Lambda API, and the function's reply is decoded and written (serve, below).
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

// Lambda is the handler of one middleware on one router. Nothing of it changes after New.
type Lambda struct {
	name string // as Traefik qualifies it, "lambda@file"
	next http.Handler
	log  *logline.Logger

	functions functionSettings // what is called (resolve.go)
	calls     callSettings     // how it is called (invoke.go)
	limits    limitSettings
	failures  failureSettings // how failures are answered (failure.go)
	brackets  bracketSettings

	format      *eventFormat
	events      *eventSettings // how events are made (envelope.go)
	replyFormat *replyFormat
	replies     *replySettings // how replies are read (reply.go)
}

// limitSettings are what a request may take.
type limitSettings struct {
	timeout             time.Duration // for all of it; of a stream to the first byte
	idleTimeout         time.Duration // of a stream between two chunks
	maxRequestBodyBytes int64
	maxConcurrency      int // calls at a time; 0 for no bound
}

// newLimitSettings takes valid options.
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

// bracketSettings are what rooms around the function's handler need of it.
type bracketSettings struct {
	authorized bool // option authorizer is set: what it says goes into events
	writesWait bool // a response hook may wait for Lambda where the response is written
	roomsTimed bool // a room further out writes Server-Timing
	noted      bool // they want to know which function was called
}

func newBracketSettings(config *Config) bracketSettings {
	return bracketSettings{
		authorized: config.Authorizer != nil,
		writesWait: config.Edge != nil,
		roomsTimed: config.ServerTiming && config.hasBrackets(),
		noted:      config.AccessLog,
	}
}

// New builds the handler of one middleware. It works without network and credentials: those are
// looked for when the first request comes. Its errors name the option that is wrong.
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

// newHandler builds the function's handler, and around it what the options ask for.
func newHandler(ctx context.Context, next http.Handler, config *Config, name string) (http.Handler, error) {
	if config.Metrics {
		return newMetricsHandler(), config.validateMetrics()
	}
	l, err := newLambda(next, config, name)
	if err != nil {
		return nil, err
	}
	var handler http.Handler = l
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

// serve responds to a request with what the function replies, or with a failure (failure.go). A worker
// takes the request in, encodes it as an event and signs the call (prepare, in exchange.go); another
// decodes the reply and writes it (conclude). Streams wait for Lambda all the time, and go another way
// (stream.go).
//
// ServeHTTP is this, with the functions that it calls written into it (workers_generated.go).
//
//lambda:worker ServeHTTP
func (l *Lambda) serve(w http.ResponseWriter, r *http.Request) {
	if l.calls.streamed {
		serveStreamed(l, w, r)
		return
	}
	x := &exchange{lambda: l, w: w, r: r, done: make(chan bool, 1)}
	encode(x)
	callFunction(x)
	if x.resp != nil {
		decode(x)
	}
	if x.answered {
		x.cancel()
	} else {
		finish(x)
	}
	*x = exchange{} // workers that are idle still point to it
}

// newLambda builds the handler out of valid options.
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
	events.keepsBody = l.failures.fallback || l.calls.invocation != nil
	l.events = events
	l.replies = newReplySettings(config, l.format)
	l.replyFormat = replyFormatOf(config.ResponseFormat, l.replies, l.format)
	return l, nil
}
