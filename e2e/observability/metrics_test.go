package observability_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// watched serves middlewares, and the metrics as the example does but for the entry point.
func watched(t *testing.T, middlewares map[string]m) {
	t.Helper()
	content, err := os.ReadFile(example("dynamic.yml"))
	require.NoError(t, err)
	var whole struct {
		HTTP struct {
			Routers     map[string]m `yaml:"routers"`
			Middlewares map[string]m `yaml:"middlewares"`
		} `yaml:"http"`
	}
	require.NoError(t, yaml.Unmarshal(content, &whole))
	router := whole.HTTP.Routers["lambda-metrics"]
	require.Equal(t, []any{"internal"}, router["entryPoints"], "the metrics are for Prometheus alone")
	router["entryPoints"] = []string{"web"}
	all := dynamic(middlewares)
	all["http"].(m)["routers"].(m)["lambda-metrics"] = router
	all["http"].(m)["middlewares"].(m)["lambda-metrics"] = whole.HTTP.Middlewares["lambda-metrics"]
	require.NoError(t, gateway.Update(t.Context(), all))
}

// scrape returns the exposition.
func scrape(t *testing.T) string {
	t.Helper()
	status, body := get(t, "metrics.example.org", "/lambda/metrics", nil)
	require.Equal(t, http.StatusOK, status)
	return body
}

// valueOf returns the value of a series, which is given as it is written.
func valueOf(t *testing.T, series string) float64 {
	t.Helper()
	for line := range strings.Lines(scrape(t)) {
		if value, found := strings.CutPrefix(line, "traefik_lambda_"+series+" "); found {
			number, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			require.NoError(t, err)
			return number
		}
	}
	require.FailNow(t, "there is no series "+series)
	return 0
}

func TestExpositionIsWhatPrometheusReads(t *testing.T) {
	watched(t, map[string]m{"hello": function("hello", m{"probe": m{"interval": "1s"}})})
	get(t, "hello", "/", nil)
	body := scrape(t)
	var parser expfmt.TextParser
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	require.NoError(t, err)
	assert.Contains(t, families, "traefik_lambda_requests_total")
	assert.Contains(t, families, "traefik_lambda_probe_healthy")
	promtool(t, body, "check", "metrics")

	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, gateway.URL+"/lambda/metrics", http.NoBody)
	require.NoError(t, err)
	response, err := gateway.Client().Do(request)
	require.NoError(t, err)
	_ = response.Body.Close()
	assert.Equal(t, http.StatusMethodNotAllowed, response.StatusCode)
	assert.Equal(t, "GET, HEAD", response.Header.Get("Allow"))
}

func TestCountsAreExactOverParallelRequestsAndReloads(t *testing.T) {
	middlewares := map[string]m{"counted": function("hello", m{"qualifier": "counted"})}
	watched(t, middlewares)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				if status, _, err := ask(t.Context(), "counted", "/", nil); status != http.StatusOK {
					t.Errorf("got %d, %v, want 200", status, err)
				}
			}
		})
	}
	wg.Wait()
	check := func() {
		assert.InDelta(t, 1600, valueOf(t, `requests_total{function="hello:counted",outcome="ok"}`), 0)
		assert.InDelta(t, 1600, valueOf(t, `responses_total{function="hello:counted",code="2xx"}`), 0)
		assert.InDelta(t, 1600, valueOf(t, `invocation_duration_seconds_count{function="hello:counted"}`), 0)
		assert.InDelta(t, 0, valueOf(t, `in_flight{function="hello:counted"}`), 0)
	}
	check()
	middlewares["other"] = function("echo", nil)
	watched(t, middlewares)
	check()
}

func TestPrometheusAnswersWhatWasDone(t *testing.T) {
	watched(t, map[string]m{
		"good":     function("hello", m{"qualifier": "good"}),
		"failing":  function("fail", m{"qualifier": "failing", "probe": m{"interval": "100ms", "window": 2, "threshold": 2}}),
		"narrow":   function("narrow", m{"qualifier": "slow", "retry": m{"attempts": 2}}),
		"refused":  function("nothing", nil),
		"by-paths": named(function("", m{"pathPrefix": "/", "include": "hello,echo"})),
		"rooms": function("hello", m{
			"qualifier":  "rooms",
			"cache":      m{"ttl": "1m"},
			"edge":       m{"viewerRequest": m{"function": "echo"}},
			"authorizer": m{"function": "echo"},
		}),
	})
	p := startPrometheus(t)
	p.await(t, `up{job="traefik-lambda"}`, equals("1"))
	for range 5 {
		status, _ := get(t, "good", "/", nil)
		require.Equal(t, http.StatusOK, status)
	}
	get(t, "refused", "/", nil)
	get(t, "by-paths", "/hello", nil)
	get(t, "by-paths", "/unknown", nil)
	get(t, "rooms", "/", nil)

	p.await(t, `sum(traefik_lambda_requests_total{function="hello:good"})`, equals("5"))
	p.await(t, `sum(traefik_lambda_responses_total{function="hello:good",code="2xx"})`, equals("5"))
	p.await(t, `sum(traefik_lambda_requests_total{function="nothing",outcome="lambda_4xx"})`, equals("1"))
	p.await(t, `sum(traefik_lambda_requests_total{function="hello",outcome="ok"})`, some)
	p.await(t, `sum(traefik_lambda_requests_total{function="_other",outcome="not_found"})`, equals("1"))
	p.await(t, `histogram_quantile(0.9, sum by (le) (rate(traefik_lambda_invocation_duration_seconds_bucket{function="hello:good"}[1m])))`, some)
	p.await(t, `min(traefik_lambda_probe_healthy{function="fail:failing"})`, equals("0"))
	p.await(t, `sum(traefik_lambda_edge_calls_total{hook="viewer-request",result="bad_reply"})`, equals("1"))
	p.await(t, `traefik_lambda_credentials_expiry_timestamp_seconds{source="container"} - time() > 3000`, some)
	p.await(t, `traefik_lambda_build_info{version=~"v.+"}`, equals("1"))
	status, _ := get(t, "failing", "/", nil)
	assert.Equal(t, http.StatusServiceUnavailable, status)
	p.await(t, `sum(traefik_lambda_requests_total{function="fail:failing",outcome="sick"})`, equals("1"))
	p.await(t, `ALERTS{alertname="LambdaSick",function="fail:failing"}`, some)
	checkDashboard(t, p)
}

// named takes the function away.
func named(options m) m {
	delete(options, "function")
	return options
}

// checkDashboard asks each query of the dashboard, and whether there is every metric that it names.
func checkDashboard(t *testing.T, p *prometheus) {
	t.Helper()
	content, err := os.ReadFile(example("dashboard.json"))
	require.NoError(t, err)
	var dashboard struct {
		Panels []struct {
			Title   string `json:"title"`
			Targets []struct {
				Expr string `json:"expr"`
			} `json:"targets"`
		} `json:"panels"`
	}
	require.NoError(t, json.Unmarshal(content, &dashboard))
	require.NotEmpty(t, dashboard.Panels)
	for _, panel := range dashboard.Panels {
		require.NotEmpty(t, panel.Targets, panel.Title)
		for _, target := range panel.Targets {
			query := strings.NewReplacer("$__rate_interval", "1m", "$function", ".*").Replace(target.Expr)
			_, err := p.query(t.Context(), query)
			require.NoError(t, err, panel.Title)
			for _, metric := range metricNames.FindAllString(query, -1) {
				checkMetric(t, p, panel.Title, metric)
			}
		}
	}
}

var metricNames = regexp.MustCompile(`traefik_lambda_[a-z_]+(?:\{[^}]*\})?`)

// checkMetric fails where Prometheus has no series of a metric with such labels.
func checkMetric(t *testing.T, p *prometheus, panel, metric string) {
	t.Helper()
	samples, err := p.query(t.Context(), fmt.Sprintf("count(%s)", metric))
	require.NoError(t, err)
	assert.NotEmpty(t, samples, "%s: there is no %s", panel, metric)
}

func TestReloadsLeaveOneProberAndKeepItsState(t *testing.T) {
	sick := m{"interval": "100ms", "window": 2, "threshold": 2, "initial": 0}
	middlewares := map[string]m{}
	for i := range 5 {
		middlewares[fmt.Sprintf("probed%d", i)] = function("fail", m{"qualifier": "reloaded", "probe": sick})
	}
	watched(t, middlewares)
	require.Eventually(t, func() bool { return valueOf(t, `probe_healthy{function="fail:reloaded"}`) == 0 }, patience, 50*time.Millisecond)
	goroutines := goroutinesOf(t)
	for i := range 10 {
		middlewares["other"] = function("hello", m{"qualifier": fmt.Sprint("v", i)})
		watched(t, middlewares)
		status, _ := get(t, "probed0", "/", nil)
		assert.Equal(t, http.StatusServiceUnavailable, status, "the state of before is kept")
	}
	const probes = `probes_total{function="fail:reloaded",result="bad"}`
	begin, before := time.Now(), valueOf(t, probes)
	require.Eventually(t, func() bool { return valueOf(t, probes) >= before+10 }, patience, 10*time.Millisecond)
	assert.GreaterOrEqual(t, time.Since(begin), 700*time.Millisecond, "one prober makes 11 probes a second at most")
	assert.InDelta(t, goroutines, goroutinesOf(t), 20, "goroutines")
}

// goroutinesOf returns how many goroutines Traefik has.
func goroutinesOf(t *testing.T) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, gateway.DebugURL+"/debug/pprof/goroutine?debug=1", http.NoBody)
	require.NoError(t, err)
	response, err := gateway.Client().Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	var n int
	_, err = fmt.Sscanf(string(content), "goroutine profile: total %d", &n)
	require.NoError(t, err)
	return n
}
