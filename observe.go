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

// Version is the plugin's release, which the metrics tell.
const Version = "v0.1.0"

// metered is 1 once an instance shows metrics. All that a request costs before is to load it.
var metered = metrics.Enabled()

// outcomes are what metrics call the causes. A reset after sending is an outcome of the connection, too.
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

// retriedCauses are what metrics call the causes of option retry.
var retriedCauses = map[cause]int{
	causeThrottled: metrics.RetryThrottle,
	causeConnect:   metrics.RetryConnect,
	causeServer:    metrics.RetryServer,
}

// beginCall counts a call that begins. From here to its end req.counts is set, which says that it is
// counted.
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

// countsOf returns where to count the requests for a target. Those of a name from a path are known
// only after a call that Lambda did not refuse.
func countsOf(t *target) *metrics.Function {
	if t.counts != nil {
		return t.counts
	}
	return metrics.Find(t.label)
}

// recordReply counts a request to which the function has replied with a status.
//
//lambda:inline
func recordReply(l *Lambda, req *request, status int) {
	class := status / 100
	if l.replies.takenStatus != statusOK { // nobody has waited for the function's reply
		class = metrics.NoReply
	}
	if req.target.counts == nil {
		adoptName(req)
	}
	metrics.Record(req.counts, metrics.OK, class, float64(req.took), int64(len(req.event)), int64(req.replyBytes))
	req.counts = nil
}

// recordCall counts a request whose call has ended otherwise.
func recordCall(req *request, outcome, class int) {
	if req.took == 0 {
		req.took = time.Since(req.began)
	}
	switch outcome {
	case metrics.FunctionError, metrics.BadReply, metrics.StreamBroken: // the function has run
		adoptName(req)
	}
	metrics.Record(req.counts, outcome, class, float64(req.took), int64(len(req.event)), int64(req.replyBytes))
	req.counts = nil
}

// adoptName gives a name from a path counts of its own, once a function of that name has run.
func adoptName(req *request) {
	if req.target.counts != nil {
		return
	}
	own := metrics.ForPath(req.target.label)
	metrics.Move(req.counts, own)
	req.counts = own
}

// recordFailure counts a request that failed, whether or not Lambda was called.
func recordFailure(req *request, c cause) {
	outcome := outcomes[c]
	if c == causeCredentials && req.counts != nil { // Lambda has refused them
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

// recordRetry counts a call that failed and is made again. req.took is set.
func recordRetry(req *request, c cause) {
	metrics.RecordRetry(req.counts, outcomes[c], retriedCauses[c], float64(req.took), int64(len(req.event)), 0)
	req.counts = nil
	req.took = 0
}

// recordStream counts a request whose reply was written while it came.
func recordStream(s *stream) {
	req := s.req
	if req.counts == nil {
		return
	}
	req.took = time.Since(req.began)
	outcome := metrics.ClientGone // nobody has read it to its end
	switch {
	case s.done:
		outcome = metrics.OK
	case s.broken:
		outcome = metrics.StreamBroken
	}
	recordCall(req, outcome, s.status/100)
}

// noteCall notes for the brackets which function was called.
func noteCall(req *request) {
	notes, ok := bracket.NotesIn(req.http.Context())
	if !ok || req.target == nil {
		return
	}
	notes.Function = req.target.label
	notes.Route = req.routeKey
	notes.RequestID = req.answer.Get(requestIDHeader)
}

// validateMetrics refuses all options beside metrics, which makes an instance of its own.
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

// newMetricsHandler returns the instance with option metrics, which does nothing else.
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
