package lambda

import (
	"fmt"
	"net/http"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/seed05e46011/lambda/internal/bracket"
	"github.com/seed05e46011/lambda/internal/credentials"
	"github.com/seed05e46011/lambda/internal/metrics"
	"github.com/seed05e46011/lambda/internal/option"
	"github.com/seed05e46011/lambda/internal/probe"
)

// Version is the plugin's release. Metrics report it.
const Version = "v0.1.0"

// metered is 1 once an instance shows metrics. Until then metrics cost a request one atomic load.
var metered = metrics.Enabled()

// outcomes map causes to metrics. A connection that is reset after the request was sent counts as a
// connection failure, too.
var outcomes = map[cause]int{
	causeNoRoute:       metrics.NotFound,
	causeMethod:        metrics.BadRequest,
	causeUpgrade:       metrics.BadRequest,
	causeUnreadable:    metrics.BadRequest,
	causeStalled:       metrics.Timeout,
	causeTooLarge:      metrics.TooLarge,
	causeClientGone:    metrics.ClientGone,
	causeTimeout:       metrics.Timeout,
	causeConnect:       metrics.Connect,
	causeConnection:    metrics.Connect,
	causeOverload:      metrics.OverCapacity,
	causeThrottled:     metrics.Throttled,
	causeServer:        metrics.Lambda5xx,
	causeCredentials:   metrics.Credentials,
	causeRegion:        metrics.Credentials,
	causePermission:    metrics.Lambda4xx,
	causeNoFunction:    metrics.Lambda4xx,
	causeRefused:       metrics.Lambda4xx,
	causeUnsendable:    metrics.BadRequest,
	causeFunctionError: metrics.FunctionError,
	causeBadReply:      metrics.BadReply,
	causeEncode:        metrics.BadRequest,
	causeSick:          metrics.Sick,
}

// retriedCauses map the causes of option retry to metrics.
var retriedCauses = map[cause]int{
	causeThrottled: metrics.RetryThrottle,
	causeConnect:   metrics.RetryConnect,
	causeServer:    metrics.RetryServer,
}

// beginCall starts counting a call. req.counts is set from here to the call's end.
//
//lambda:inline
func beginCall(req *request) {
	if req.uncounted {
		return
	}
	req.counts = req.target.counts
	if req.counts == nil {
		req.counts = countsOf(req.target)
	}
	req.began = time.Now()
	atomic.AddInt64(&req.counts.Begun, 1)
}

// countsOf returns the counters of a target. Those of a name from a path exist only after a call that
// Lambda accepted.
func countsOf(t *target) *metrics.Function {
	if t.counts != nil {
		return t.counts
	}
	return metrics.Find(t.label)
}

// recordReply counts a request with the status of the function's reply.
//
//lambda:inline
func recordReply(l *Lambda, req *request, status int) {
	class := status / 100
	if l.replies.takenStatus != statusOK { // Lambda does not wait for the function
		class = metrics.NoReply
	}
	if req.target.counts == nil {
		adoptName(req)
	}
	metrics.Record(req.counts, metrics.OK, class, float64(req.took), int64(len(req.event)), int64(req.replyBytes))
	req.counts = nil
}

// recordCall counts a request without a usable reply.
func recordCall(req *request, outcome, class int) {
	if req.took == 0 {
		req.took = time.Since(req.began)
	}
	switch outcome {
	case metrics.FunctionError, metrics.BadReply, metrics.StreamBroken: // the function ran
		adoptName(req)
	}
	metrics.Record(req.counts, outcome, class, float64(req.took), int64(len(req.event)), int64(req.replyBytes))
	req.counts = nil
}

// adoptName gives a name from a path its own counters once a function of that name has run.
func adoptName(req *request) {
	if req.target.counts != nil {
		return
	}
	own := metrics.ForPath(req.target.label)
	metrics.Move(req.counts, own)
	req.counts = own
}

// recordFailure counts a failed request, whether or not Lambda was called.
func recordFailure(req *request, c cause) {
	outcome := outcomes[c]
	if c == causeCredentials && req.counts != nil { // Lambda refused them
		outcome = metrics.Lambda4xx
	}
	switch {
	case req.counts != nil:
		recordCall(req, outcome, metrics.NoReply)
	case req.target != nil:
		metrics.RecordUncalled(countsOf(req.target), outcome)
	default:
		metrics.RecordUncalled(metrics.Other(), outcome)
	}
}

// recordRetry counts a failed call that is retried. req.took is set.
func recordRetry(req *request, c cause) {
	metrics.RecordRetry(req.counts, outcomes[c], retriedCauses[c], float64(req.took), int64(len(req.event)), 0)
	req.counts = nil
	req.took = 0
}

// recordStream counts a request whose streamed reply has begun.
func recordStream(s *stream) {
	req := s.exchange.req
	if req.counts == nil || s.status == 0 {
		return
	}
	req.took = time.Since(req.began)
	outcome := metrics.ClientGone // the default: the client has not read it to the end
	switch {
	case s.done:
		outcome = metrics.OK
	case s.broken:
		outcome = metrics.StreamBroken
	}
	recordCall(req, outcome, s.status/100)
}

// noteCall notes the called function for the brackets.
func noteCall(req *request) {
	notes, ok := bracket.NotesIn(req.http.Context())
	if !ok || req.target == nil {
		return
	}
	notes.Function = req.target.label
	notes.Route = req.routeKey
	notes.RequestID = req.answer.Get(requestIDHeader)
}

// validateMetrics refuses all options besides metrics, because an instance with metrics does nothing
// else.
func (c *Config) validateMetrics() error {
	if err := option.Unknown("", reflect.TypeOf(*c), c.Unknown); err != nil {
		return err
	}
	set := reflect.ValueOf(*c)
	defaults := reflect.ValueOf(*CreateConfig())
	for i := 0; i < set.NumField(); i++ {
		name := set.Type().Field(i).Tag.Get("mapstructure")
		if name == "metrics" || name == ",remain" {
			continue
		}
		if !reflect.DeepEqual(set.Field(i).Interface(), defaults.Field(i).Interface()) {
			return fmt.Errorf("%s: set with metrics: want an instance with metrics alone", name)
		}
	}
	return nil
}

// newMetricsHandler returns the handler of an instance with option metrics, which only serves the
// metrics.
func newMetricsHandler() http.Handler {
	return metrics.Handler(Version, []func() []metrics.Gauge{probeGauges, credentialGauges, cacheGauges})
}

func probeGauges() []metrics.Gauge {
	states := probe.States()
	gauges := make([]metrics.Gauge, 0, len(states))
	for _, state := range states {
		healthy := 0.0
		if state.Healthy {
			healthy = 1
		}
		gauges = append(gauges, metrics.Gauge{Family: metrics.ProbeHealthy, Label: state.Function, Value: healthy})
	}
	return gauges
}

func credentialGauges() []metrics.Gauge { return gaugesOf(credentials.Expiries()) }

func gaugesOf(expiries []credentials.Expiry) []metrics.Gauge {
	gauges := make([]metrics.Gauge, 0, len(expiries))
	for _, expiry := range expiries {
		end := float64(expiry.Time.Unix())
		gauges = append(gauges, metrics.Gauge{Family: metrics.CredentialsExpiry, Label: expiry.Source, Value: end})
	}
	return gauges
}
