package lambda

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/seed05e46011/lambda/internal/bracket"
	"github.com/seed05e46011/lambda/internal/logline"
	"github.com/seed05e46011/lambda/internal/metrics"
	"github.com/seed05e46011/lambda/internal/probe"
	"github.com/seed05e46011/lambda/internal/xray"
)

// validateProbe checks the group probe. A probe needs one fixed function.
func (c *Config) validateProbe() error {
	if c.Probe == nil {
		return nil
	}
	switch {
	case len(c.Routes) > 0:
		return errors.New("probe: not with routes: want a middleware of its own for each function that is probed")
	case c.PathPrefix != "":
		return errors.New("probe: not with pathPrefix: want a middleware of its own for each function that is probed")
	case c.Function == "":
		return errors.New("probe: set without function, which it probes")
	}
	_, err := probe.Parse(c.Probe)
	return err
}

// probed keeps requests from a function while its probe finds it unhealthy.
type probed struct {
	lambda     *Lambda
	next       http.Handler
	healthy    *int32
	retryAfter string
}

// newProbed starts probing the function of l, which was made from config, until ctx ends. The handler
// that it returns calls next only while the function is healthy.
func newProbed(ctx context.Context, l *Lambda, next http.Handler, config *Config) (http.Handler, error) {
	settings, err := probe.Parse(config.Probe)
	if err != nil {
		return nil, err
	}
	caller, err := newProbeCaller(config, l, settings)
	if err != nil {
		return nil, err
	}
	target := probe.Target{
		Name:     l.functions.target.label,
		Identity: fmt.Sprintf("%s %s %d", l.functions.target.endpoint, config.EventFormat, l.calls.credentials.ID()),
		Call:     func(ctx context.Context) probe.Result { return callProbe(ctx, caller) },
		Log:      func(line string) { l.log.Error(line) },
		Observe:  metrics.Probes(l.functions.target.label),
	}
	healthy, err := probe.Start(ctx, settings, target)
	if err != nil {
		return nil, err
	}
	return &probed{lambda: l, next: next, healthy: healthy, retryAfter: settings.RetryAfter()}, nil
}

// ServeHTTP calls the function, or responds with a failure while it is unhealthy.
func (p *probed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if atomic.LoadInt32(p.healthy) == 1 {
		p.next.ServeHTTP(w, r)
		return
	}
	f := failureOf(causeSick, errors.New("the probe says that the function is sick"))
	f.retryAfter = p.retryAfter
	var err error = f
	fail(p.lambda, w, newRequest(p.lambda, r), err)
}

// probeCaller makes the probes of a function.
type probeCaller struct {
	lambda *Lambda // without retries, maxConcurrency and the probe itself
	path   string
	query  string
	xray   bool
}

// newProbeCaller returns the caller for a function. It uses the settings of config, except that it
// waits for the reply whatever invocationType is, never retries, and ignores maxConcurrency.
func newProbeCaller(config *Config, l *Lambda, settings *probe.Settings) (*probeCaller, error) {
	plain := *config
	plain.InvocationType = invokeSync
	plain.Retry = nil
	plain.MaxConcurrency = 0
	plain.Probe = nil
	lambda, err := newLambda(l.next, &plain, l.name)
	if err != nil {
		return nil, err
	}
	lambda.calls.transport = l.calls.transport
	path, query := settings.Path()
	return &probeCaller{lambda: lambda, path: path, query: query, xray: config.XRayTracing}, nil
}

// callProbe makes one probe. The function is healthy if its reply arrives in time, decodes, and has a
// status from 200 to 299.
func callProbe(ctx context.Context, p *probeCaller) probe.Result {
	status, err := probeStatus(ctx, p)
	if err != nil {
		f := asFailure(err)
		return probe.Result{Throttled: f.cause == causeThrottled, Reason: logline.OneLine(f.Error())}
	}
	if status < 200 || status > 299 {
		return probe.Result{Reason: "answered " + strconv.Itoa(status)}
	}
	return probe.Result{Good: true}
}

// probeStatus returns the status of the function's reply to a probe.
func probeStatus(ctx context.Context, p *probeCaller) (int, error) {
	l := p.lambda
	req := newRequest(l, newProbeRequest(ctx, p))
	req.uncounted = true
	if err := encodeEvent(l, req); err != nil {
		return 0, err
	}
	if l.calls.streamed {
		return probeStream(ctx, l, req)
	}
	payload, err := invoke(ctx, l, req)
	if err != nil {
		return 0, err
	}
	answered := newReply(http.Header{}, http.MethodGet)
	err = decodeReply(l, payload, answered)
	if err != nil {
		return 0, badReply(err)
	}
	return answered.status, nil
}

// probeStream returns the status of a streamed reply, with its body unread.
func probeStream(ctx context.Context, l *Lambda, req *request) (int, error) {
	ctx, cancel := context.WithCancel(ctx)
	s := newStream(&exchange{lambda: l, ctx: ctx, cancel: cancel, req: req})
	defer endStream(s)
	callFunction(s.exchange)
	if err := openStream(s); err != nil {
		return 0, err
	}
	if err := readHead(s); err != nil {
		return 0, err
	}
	return s.head.status, nil
}

// newProbeRequest returns the HTTP request whose event a probe sends.
func newProbeRequest(ctx context.Context, p *probeCaller) *http.Request {
	r := &http.Request{
		Method:     http.MethodGet,
		URL:        &url.URL{Path: p.path, RawQuery: p.query},
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: 1,
		Header:     http.Header{"User-Agent": {"traefik-lambda-probe"}},
		Host:       "localhost",
		RemoteAddr: "127.0.0.1:0",
		Body:       http.NoBody,
	}
	r.RequestURI = r.URL.RequestURI()
	r = r.WithContext(ctx)
	if p.xray {
		traced, notes := bracket.Begin(r)
		notes.TraceHeader = xray.NewHeader(time.Now())
		traced.Header[xray.HeaderName] = []string{notes.TraceHeader}
		return traced
	}
	return r
}
