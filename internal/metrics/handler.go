package metrics

import (
	"io"
	"net/http"
	"sort"
	"strconv"
	"strings"
	"sync/atomic"
)

// Gauge is a value that another part of the plugin provides when Prometheus asks.
type Gauge struct {
	Family string // one of the constants below
	Label  string // the value of the family's label
	Value  float64
}

// Families of gauges, each with the label in its comment.
const (
	CacheBytes        = "cache_bytes"                          // middleware
	CacheEntries      = "cache_entries"                        // middleware
	CacheRedisUp      = "cache_redis_up"                       // middleware
	ProbeHealthy      = "probe_healthy"                        // function
	CredentialsExpiry = "credentials_expiry_timestamp_seconds" // source
)

// gaugeFamily describes a family of gauges.
type gaugeFamily struct {
	name, label, help string
}

var gaugeFamilies = []gaugeFamily{
	{CacheBytes, "middleware", "Size of what the cache holds in memory."},
	{CacheEntries, "middleware", "Replies in the cache."},
	{CacheRedisUp, "middleware", "0 while Redis is not asked because it failed."},
	{ProbeHealthy, "function", "0 while the probe says that the function is sick."},
	{CredentialsExpiry, "source", "When the credentials of a source end."},
}

// Handler returns the handler that shows all counts to Prometheus. From the first call on, everything is counted.
// version is that of the plugin. Each of gauges is called at every scrape and returns its current values.
func Handler(version string, gauges []func() []Gauge) http.Handler {
	enable()
	return &exposition{version: version, gauges: gauges}
}

type exposition struct {
	version string
	gauges  []func() []Gauge
}

// ServeHTTP answers any path: the router selects it.
func (e *exposition) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	text := e.text()
	header.Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Length", strconv.Itoa(len(text)))
	if r.Method == http.MethodGet {
		_, _ = io.WriteString(w, text) // fails only where Prometheus has gone
	}
}

// family is one family of metrics as it is written.
type family struct {
	name, kind, help string
	samples          []string // whole lines without the prefix, in the order to write them
}

const prefix = "traefik_lambda_"

// text returns the exposition: families sorted by name, series by labels.
func (e *exposition) text() string {
	families := map[string]*family{}
	build := &family{name: "build_info", kind: "gauge", help: "Always 1."}
	build.samples = []string{sample("build_info", label("version", e.version), "1")}
	families[build.name] = build
	addFunctions(families)
	addGauges(families, e.gauges) // before the counts: what is counted elsewhere comes in with them
	for _, v := range vectors {
		addVector(families, v)
	}

	names := make([]string, 0, len(families))
	for name := range families {
		names = append(names, name)
	}
	sort.Strings(names)
	lines := []string{}
	for _, name := range names {
		f := families[name]
		lines = append(lines, "# HELP "+prefix+f.name+" "+f.help, "# TYPE "+prefix+f.name+" "+f.kind)
		lines = append(lines, f.samples...)
	}
	return strings.Join(lines, "\n") + "\n"
}

// addTo adds a sample to its family, which it creates if need be.
func addTo(families map[string]*family, name, kind, help, line string) {
	f := families[name]
	if f == nil {
		f = &family{name: name, kind: kind, help: help}
		families[name] = f
	}
	f.samples = append(f.samples, line)
}

func addVector(families map[string]*family, v *vector) {
	v.mu.Lock()
	series := make(map[string]int64, len(v.series))
	for labels, value := range v.series {
		series[labels] = value
	}
	v.mu.Unlock()
	all := make([]string, 0, len(series))
	for labels := range series {
		all = append(all, labels)
	}
	sort.Strings(all)
	for _, labels := range all {
		addTo(families, v.name, "counter", v.help, sample(v.name, labels, strconv.FormatInt(series[labels], 10)))
	}
}

// addGauges asks for the gauges. Only the first value for each label of a family is written: Prometheus refuses the
// whole exposition if there are two.
func addGauges(families map[string]*family, gauges []func() []Gauge) {
	values := map[string]map[string]float64{}
	for _, ask := range gauges {
		for _, gauge := range ask() {
			if values[gauge.Family] == nil {
				values[gauge.Family] = map[string]float64{}
			}
			if _, found := values[gauge.Family][gauge.Label]; !found {
				values[gauge.Family][gauge.Label] = gauge.Value
			}
		}
	}
	for _, f := range gaugeFamilies {
		of := values[f.name]
		labels := make([]string, 0, len(of))
		for value := range of {
			labels = append(labels, value)
		}
		sort.Strings(labels)
		for _, value := range labels {
			addTo(families, f.name, "gauge", f.help, sample(f.name, label(f.label, value), formatFloat(of[value])))
		}
	}
}

// addFunctions adds the counts of functions, by their labels.
func addFunctions(families map[string]*family) {
	functions.Lock()
	all := make(map[string]*Function, len(functions.byLabel))
	for name, m := range functions.byLabel {
		all[name] = m
	}
	functions.Unlock()
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		addFunction(families, label("function", name), countsOf(all[name]))
	}
}

// counts are the counts of a function at one moment.
type counts struct {
	requests, responses, invocations, retries, buckets []int
	took                                               float64
	eventBytes, replyBytes, begun                      int64
}

// countsOf copies the counts under their lock, and derives the rest. Calls that have begun are read
// last: there are at least as many of them as have ended.
func countsOf(m *Function) *counts {
	m.mu.Lock()
	called := append([]int{}, m.called...)
	c := &counts{
		requests:    append([]int{}, m.uncalled...),
		responses:   make([]int, classCount),
		invocations: append([]int{}, m.repeated...),
		retries:     append([]int{}, m.retries...),
		buckets:     append([]int{}, m.buckets...),
		took:        m.took,
		eventBytes:  m.eventBytes,
		replyBytes:  m.replyBytes,
	}
	m.mu.Unlock()
	c.begun = atomic.LoadInt64(&m.Begun)
	for place, n := range called {
		c.requests[place/classCount] += n
		c.invocations[place/classCount] += n
		c.responses[place%classCount] += n
	}
	return c
}

func addFunction(families map[string]*family, labels string, c *counts) {
	addEach(families, "requests_total", "Requests by how they ended.", labels, "outcome", outcomes, c.requests)
	addEach(families, "responses_total", "Replies by class: 2xx 3xx 4xx 5xx.", labels, "code", classes, c.responses)
	addEach(families, "invocations_total", "Calls, retries included.", labels, "result", outcomes[:callOutcomes], c.invocations)
	addEach(families, "retries_total", "Repeated calls.", labels, "cause", retryCauses, c.retries)
	addTo(families, "event_bytes_total", "counter", "Bytes sent.", sample("event_bytes_total", labels, strconv.FormatInt(c.eventBytes, 10)))
	addTo(families, "reply_bytes_total", "counter", "Bytes received.", sample("reply_bytes_total", labels, strconv.FormatInt(c.replyBytes, 10)))
	addDurations(families, labels, c)
}

// addEach adds one counter for each value of a label, in the order of the values.
func addEach(families map[string]*family, name, help, labels, of string, values []string, counts []int) {
	lines := []string{}
	for i, value := range values {
		if value != "" {
			lines = append(lines, sample(name, labels+","+label(of, value), strconv.Itoa(counts[i])))
		}
	}
	sort.Strings(lines)
	for _, line := range lines {
		addTo(families, name, "counter", help, line)
	}
}

// addDurations adds the histogram, whose buckets are cumulated only here, and the calls under way.
func addDurations(families map[string]*family, labels string, c *counts) {
	const name, help = "invocation_duration_seconds", "Time of a call to its last byte."
	ended := 0
	for i, n := range c.buckets {
		ended += n
		bound := "+Inf"
		if i < len(bounds) {
			bound = formatFloat(inSeconds(bounds[i]))
		}
		line := sample(name+"_bucket", labels+","+label("le", bound), strconv.Itoa(ended))
		addTo(families, name, "histogram", help, line)
	}
	addTo(families, name, "histogram", help, sample(name+"_sum", labels, formatFloat(inSeconds(c.took))))
	addTo(families, name, "histogram", help, sample(name+"_count", labels, strconv.Itoa(ended)))
	addTo(families, "in_flight", "gauge", "Calls under way.",
		sample("in_flight", labels, strconv.FormatInt(c.begun-int64(ended), 10)))
}

func sample(name, labels, value string) string { return prefix + name + "{" + labels + "} " + value }

// escapes are the escapes of label values in the text format.
// https://prometheus.io/docs/instrumenting/exposition_formats/#comments-help-text-and-type-information
var escapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

func label(name, value string) string {
	return name + `="` + escapes.Replace(strings.ToValidUTF8(value, "\uFFFD")) + `"`
}

func inSeconds(nanoseconds float64) float64 { return nanoseconds / 1e9 }

func formatFloat(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
