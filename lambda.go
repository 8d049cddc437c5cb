// Package lambda is a Traefik middleware that lets AWS Lambda functions answer a route.
//
// It is interpreted by Yaegi and imports the standard library only. A request goes a straight
// way: it is read, encoded as the event that the function understands, signed, posted to the
// Lambda API, and the function's reply is decoded and written (answer, below).
package lambda

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/seed05e46011/lambda/internal/aws"
	"github.com/seed05e46011/lambda/internal/credentials"
	"github.com/seed05e46011/lambda/internal/logline"
	"github.com/seed05e46011/lambda/internal/metrics"
	"github.com/seed05e46011/lambda/internal/option"
	"github.com/seed05e46011/lambda/internal/xray"
)

// Lambda is the handler of one middleware on one router.
type Lambda struct {
	name        string           // as Traefik qualifies it, "lambda@file"
	target      *target          // of option function; nil where
	routes      *functionsByKey  // the routes say, or, where there are none,
	byPath      *functionsByPath // the path names it
	format      *eventFormat
	events      *eventSettings
	replyFormat *replyFormat
	replies     *replySettings
	credentials *credentials.Provider
	transport   *http.Transport
	next        http.Handler
	clientIP    *clientIPStrategy // nil: the TCP peer

	streamed            bool          // the reply is written while it comes (stream.go)
	timeout             time.Duration // streamed: to the first byte
	idleTimeout         time.Duration // streamed: between two chunks
	maxRequestBodyBytes int64
	functionErrorStatus int
	logType             string
	invocation          *invocationOptions // nil for none
	maxConcurrency      int                // 0: no bound
	retry               *retryPolicy       // nil: no retry
	proxied             bool               // calls may go through a proxy
	passUnmatched       bool
	fallback            bool
	authorized          bool // option authorizer is set
	fixed               bool // one function, for clients that are the TCP peers
	plainCall           bool // no option asks for more than one plain call
	writesWait          bool // a response hook may wait for Lambda where the response is written
	serverTiming        bool
	roomsTimed          bool // a room further out writes Server-Timing
	exposeErrors        bool
	xray                bool // calls carry the trace header of the request
	noted               bool // brackets want to know what function was called
	log                 *logline.Logger
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
	if l.streamed {
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
	timeout, err := option.Duration(config.Timeout)
	if err != nil {
		return nil, err
	}
	idleTimeout := timeout
	if config.IdleTimeout != "" {
		idleTimeout, err = option.Duration(config.IdleTimeout)
		if err != nil {
			return nil, err
		}
	}
	connections, err := newTransportSettings(config)
	if err != nil {
		return nil, err
	}
	logger, err := logline.New(config.LogFormat)
	if err != nil {
		return nil, err
	}
	warnInsecure(logger, config)
	l := &Lambda{
		name:                name,
		transport:           transportFor(connections),
		next:                next,
		clientIP:            newClientIPStrategy(config.IPStrategy),
		streamed:            config.InvokeMode == invokeModeStream,
		timeout:             timeout,
		idleTimeout:         idleTimeout,
		maxRequestBodyBytes: config.MaxRequestBodyBytes,
		functionErrorStatus: config.FunctionErrorStatus,
		logType:             config.LogType,
		maxConcurrency:      config.MaxConcurrency,
		retry:               newRetryPolicy(config.Retry),
		passUnmatched:       config.Unmatched == unmatchedNext,
		fallback:            config.Fallback,
		serverTiming:        config.ServerTiming,
		roomsTimed:          config.ServerTiming && config.hasBrackets(),
		exposeErrors:        config.ExposeErrors,
		xray:                config.XRayTracing,
		noted:               config.AccessLog,
		log:                 logger,
	}
	l.proxied = proxied(connections)
	l.invocation, err = newInvocationOptions(config)
	if err != nil {
		return nil, err
	}
	l.plainCall = l.retry == nil && l.invocation == nil && !l.serverTiming && l.maxConcurrency == 0 && !l.proxied
	if err := setFunctions(l, config); err != nil {
		return nil, err
	}
	if err := setFormats(l, config); err != nil {
		return nil, err
	}
	l.fixed = l.target != nil && l.clientIP == nil
	l.writesWait = config.Edge != nil
	return l, nil
}

// setFunctions sets where the functions of the options are, and what depends on that.
func setFunctions(l *Lambda, config *Config) error {
	api := newLambdaAPI(config)
	f := &aws.Function{} // of option function; elsewhere nothing is known before a request comes
	switch {
	case config.Function != "":
		parsed, err := aws.ParseFunction(config.Function, config.Qualifier)
		if err != nil {
			return err
		}
		t, err := newTarget(parsed, api)
		if err != nil {
			return err
		}
		t.counts = metrics.ForFunction(t.label)
		f = parsed
		l.target = t
	case len(config.Routes) > 0:
		table, err := newFunctionsByKey(config.Routes, api)
		if err != nil {
			return err
		}
		l.routes = table
	case config.PathPrefix != "":
		byPath, err := newFunctionsByPath(config, api)
		if err != nil {
			return err
		}
		l.byPath = byPath
	}
	provider, err := credentials.New(config.Credentials, api.regionOf(f),
		func(warning string) { warnOnce(l.log, warning) }, func(line string) { l.log.Error("lambda: " + line) })
	l.credentials = provider
	return err
}

// setFormats sets all that events and replies are made with.
func setFormats(l *Lambda, config *Config) error {
	l.format = eventFormats[config.EventFormat]
	settings, err := newEventSettings(config, l.target, l.format)
	if err != nil {
		return err
	}
	settings.keepsBody = l.fallback || l.invocation != nil
	l.events = settings
	l.replies = newReplySettings(config, l.format)
	l.replyFormat = replyFormatOf(config.ResponseFormat, l.replies, l.format)
	return nil
}
