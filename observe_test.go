package lambda

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed05e46011/lambda/internal/credentials"
	"github.com/seed05e46011/lambda/internal/eventstream/eventstreamtest"
	"github.com/seed05e46011/lambda/internal/probe"
	"github.com/seed05e46011/lambda/internal/route"
)

// newMetricsInstance returns the instance that shows the metrics of all others. From then on this
// process counts. Each test has functions with names of its own, so that it can tell its counts apart.
func newMetricsInstance(t testing.TB) http.Handler {
	t.Helper()
	config := CreateConfig()
	config.Metrics = true
	handler, err := New(context.Background(), http.NotFoundHandler(), config, "lambda-metrics@test")
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

// samplesOf returns the lines of an exposition that contain a text.
func samplesOf(handler http.Handler, text string) string {
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	found := []string{}
	for _, line := range strings.Split(w.Body.String(), "\n") {
		if !strings.HasPrefix(line, "#") && strings.Contains(line, text) {
			found = append(found, line)
		}
	}
	return strings.Join(found, "\n") + "\n"
}

// hasSample reports whether a sample exists, given without its name's prefix.
func hasSample(samples, sample string) bool {
	return strings.Contains(samples, "traefik_lambda_"+sample+"\n")
}

// nonZero returns the samples of a family that are not 0.
func nonZero(samples, family string) string {
	found := []string{}
	for _, line := range strings.Split(samples, "\n") {
		if strings.HasPrefix(line, "traefik_lambda_"+family+"{") && !strings.HasSuffix(line, " 0") {
			found = append(found, strings.TrimPrefix(line, "traefik_lambda_"+family))
		}
	}
	return strings.Join(found, " ")
}

func TestEachFailureCountsAsOneOutcome(t *testing.T) {
	discardLog(t)
	shown := newMetricsInstance(t)
	answers := func(status int, header, value, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(header, value)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	reply := func(body string) http.HandlerFunc { return answers(200, "X-Amzn-Requestid", "id", body) }
	get := func() *http.Request { return httptest.NewRequest(http.MethodGet, "http://example.com/", nil) }
	cases := []struct {
		name    string
		lambda  http.HandlerFunc
		set     func(c *Config)
		request func() *http.Request
		outcome string
		called  string // the call's result; "" for none
		class   string // "" for none
	}{
		{name: "a reply", lambda: reply(`"hello"`), outcome: "ok", called: "ok", class: "2xx"},
		{name: "a redirect", lambda: reply(`{"statusCode":302,"headers":{"location":"/"},"body":"x"}`), outcome: "ok", called: "ok", class: "3xx"},
		{name: "not found, by the function", lambda: reply(`{"statusCode":404}`), outcome: "ok", called: "ok", class: "4xx"},
		{name: "an error of the function", lambda: answers(200, "X-Amz-Function-Error", "Unhandled", `{}`),
			outcome: "function_error", called: "function_error"},
		{name: "a reply that is none", lambda: reply(`{"statusCode":"x"}`), outcome: "bad_reply", called: "bad_reply"},
		{name: "throttled", lambda: answers(429, "X-Amzn-Errortype", "TooManyRequestsException", `{}`), outcome: "throttled", called: "throttled"},
		{name: "Lambda fails", lambda: answers(500, "X-Amzn-Errortype", "ServiceException", `{}`), outcome: "lambda_5xx", called: "lambda_5xx"},
		{name: "Lambda refuses", lambda: answers(403, "X-Amzn-Errortype", "AccessDeniedException", `{}`), outcome: "lambda_4xx", called: "lambda_4xx"},
		{name: "no connection", lambda: reply(`""`), set: func(c *Config) { c.Endpoint = "http://127.0.0.1:1" }, outcome: "connect", called: "connect"},
		{name: "a timeout", lambda: func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // only then the server sees the client leave
			<-r.Context().Done()
		}, set: func(c *Config) { c.Timeout = "50ms" }, outcome: "timeout", called: "timeout"},
		{name: "no credentials", lambda: reply(`""`), set: func(c *Config) {
			c.Credentials = &credentials.Config{AccessKeyIDFile: "/nowhere", SecretAccessKeyFile: "/nowhere"}
		}, outcome: "credentials"},
		{name: "a body that is large", lambda: reply(`""`), set: func(c *Config) { c.MaxRequestBodyBytes = 1 }, request: func() *http.Request {
			return httptest.NewRequest(http.MethodPost, "http://example.com/", strings.NewReader("xx"))
		}, outcome: "too_large"},
		{name: "a body that breaks", lambda: reply(`""`), request: func() *http.Request {
			r := httptest.NewRequest(http.MethodPost, "http://example.com/", nil)
			var broken io.Reader = &brokenReader{}
			r.Body = io.NopCloser(broken)
			r.ContentLength = 5
			return r
		}, outcome: "bad_request"},
		{name: "a client that has gone", lambda: reply(`""`), request: func() *http.Request {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			return get().WithContext(ctx)
		}, outcome: "client_gone", called: "client_gone"},
	}
	for i, tc := range cases {
		server := httptest.NewServer(tc.lambda)
		config := CreateConfig()
		config.Function = fmt.Sprintf("outcome%d:live", i)
		config.Region = "eu-central-1"
		config.Endpoint = server.URL
		config.Credentials = &credentials.Config{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}
		if tc.set != nil {
			tc.set(config)
		}
		request := get
		if tc.request != nil {
			request = tc.request
		}
		serve(newTestHandler(t, config), request())
		server.Close()
		checkOutcome(t, tc.name, samplesOf(shown, `function="`+config.Function+`"`), config.Function, tc.outcome, tc.called, tc.class)
	}
}

func checkOutcome(t *testing.T, name, samples, function, outcome, called, class string) {
	t.Helper()
	label := `{function="` + function + `",`
	want := map[string]string{
		"requests_total":    label + `outcome="` + outcome + `"} 1`,
		"invocations_total": "",
		"responses_total":   "",
		"in_flight":         "",
	}
	if called != "" {
		want["invocations_total"] = label + `result="` + called + `"} 1`
	}
	if class != "" {
		want["responses_total"] = label + `code="` + class + `"} 1`
	}
	for family, samplesWanted := range want {
		if got := nonZero(samples, family); got != samplesWanted {
			t.Errorf("%s: got %s %s, want %s", name, family, got, samplesWanted)
		}
	}
	calls := 0
	if called != "" {
		calls = 1
	}
	if count := fmt.Sprintf(`invocation_duration_seconds_count{function="%s"} %d`, function, calls); !hasSample(samples, count) {
		t.Errorf("%s: got\n%swant %s", name, samples, count)
	}
}

// brokenReader is a body that breaks off.
type brokenReader struct{}

func (r *brokenReader) Read(_ []byte) (int, error) {
	err := errors.New("broken")
	return 0, err
}

func TestBytesAndRetriesAreCounted(t *testing.T) {
	discardLog(t)
	shown := newMetricsInstance(t)
	var calls int32
	f := newFakeLambda(t, func(w http.ResponseWriter, _ []byte) {
		if atomic.AddInt32(&calls, 1) == 1 {
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		_, _ = io.WriteString(w, `"hello"`)
	})
	config := testConfig(f)
	config.Function = "retried"
	config.Retry = &RetryConfig{Attempts: 3}
	serve(newTestHandler(t, config), httptest.NewRequest(http.MethodGet, "http://example.com/", nil))
	samples := samplesOf(shown, `function="retried"`)
	for _, want := range []string{
		`requests_total{function="retried",outcome="ok"} 1`,
		`requests_total{function="retried",outcome="throttled"} 0`,
		`invocations_total{function="retried",result="throttled"} 1`,
		`invocations_total{function="retried",result="ok"} 1`,
		`retries_total{function="retried",cause="throttle"} 1`,
		`in_flight{function="retried"} 0`,
		fmt.Sprintf(`event_bytes_total{function="retried"} %d`, len(f.events[0])+len(f.events[1])),
		`reply_bytes_total{function="retried"} 7`,
		`invocation_duration_seconds_count{function="retried"} 2`,
	} {
		if !hasSample(samples, want) {
			t.Errorf("got\n%swant %s", samples, want)
		}
	}
}

func TestNamesInPathsAreCountedOnceTheirFunctionRan(t *testing.T) {
	discardLog(t)
	shown := newMetricsInstance(t)
	f := newFakeLambda(t, func(w http.ResponseWriter, _ []byte) { _, _ = io.WriteString(w, `"hello"`) })
	refusing := newFakeLambda(t, func(w http.ResponseWriter, _ []byte) { w.WriteHeader(http.StatusNotFound) })
	for path, endpoint := range map[string]string{"/named-known": f.URL, "/named-unknown": refusing.URL} {
		config := testConfig(f)
		config.Function = ""
		config.PathPrefix = "/"
		config.Endpoint = endpoint
		config.Qualifier = "live"
		serve(newTestHandler(t, config), httptest.NewRequest(http.MethodGet, "http://example.com"+path, nil))
	}
	samples := samplesOf(shown, "function=")
	if !hasSample(samples, `requests_total{function="named-known:live",outcome="ok"} 1`) ||
		!hasSample(samples, `in_flight{function="named-known:live"} 0`) {
		t.Errorf("got\n%swant a request of named-known", samples)
	}
	if strings.Contains(samples, "named-unknown") || nonZero(samples, "in_flight") != "" {
		t.Errorf("got\n%swant no series of a name that Lambda refuses, and no calls under way", samples)
	}
	if !strings.Contains(samples, `requests_total{function="_other",outcome="lambda_4xx"} `) {
		t.Errorf("got\n%swant it under _other", samples)
	}
}

func TestStreamsAreCounted(t *testing.T) {
	discardLog(t)
	shown := newMetricsInstance(t)
	for name, tc := range map[string]struct {
		method, outcome, class string
		frames                 [][]byte
	}{
		"whole":  {http.MethodGet, "ok", "2xx", [][]byte{chunkFrame("hel"), chunkFrame("lo"), ends()}},
		"head":   {http.MethodHead, "ok", "2xx", [][]byte{chunkFrame("hel"), chunkFrame("lo"), ends()}},
		"broken": {http.MethodGet, "stream_broken", "2xx", [][]byte{chunkFrame("hello"), eventstreamtest.Head(0, 0)}},
		"failed": {http.MethodGet, "function_error", "", [][]byte{completeFrame(`{"ErrorCode":"Unhandled"}`)}},
	} {
		function := "stream-" + name
		config := streamConfig(newFakeLambda(t, streams("text/plain", tc.frames...)))
		config.Function = function
		fetch(t, tc.method, newTestServer(t, newTestHandler(t, config)).URL)
		samples := awaitCount(t, shown, function)
		checkOutcome(t, name, samples, function, tc.outcome, tc.outcome, tc.class)
	}
}

// awaitCount returns a function's samples once its request is counted: a client may have received the
// whole response before that.
func awaitCount(t *testing.T, shown http.Handler, function string) string {
	t.Helper()
	samples := ""
	for deadline := time.Now().Add(10 * time.Second); nonZero(samples, "requests_total") == "" && time.Now().Before(deadline); {
		samples = samplesOf(shown, `function="`+function+`"`)
	}
	return samples
}

func TestCountsAreExactUnderLoad(t *testing.T) {
	shown := newMetricsInstance(t)
	f := newFakeLambda(t, replies(`"hello"`))
	config := testConfig(f)
	config.Function = "loaded"
	handler := newTestHandler(t, config)
	var wg sync.WaitGroup
	for i := 0; i < 8; i++ {
		wg.Add(1)
		go serveMany(&wg, handler, 200)
	}
	wg.Wait()
	samples := samplesOf(shown, `function="loaded"`)
	for _, want := range []string{
		`requests_total{function="loaded",outcome="ok"} 1600`, `invocations_total{function="loaded",result="ok"} 1600`,
		`responses_total{function="loaded",code="2xx"} 1600`, `invocation_duration_seconds_count{function="loaded"} 1600`,
		`invocation_duration_seconds_bucket{function="loaded",le="+Inf"} 1600`, `reply_bytes_total{function="loaded"} 11200`,
		`in_flight{function="loaded"} 0`,
	} {
		if !hasSample(samples, want) {
			t.Errorf("got\n%swant %s", samples, want)
		}
	}
}

func serveMany(wg *sync.WaitGroup, handler http.Handler, n int) {
	for i := 0; i < n; i++ {
		serve(handler, httptest.NewRequest(http.MethodGet, "http://example.com/", nil))
	}
	wg.Done()
}

func TestMetricsStandAlone(t *testing.T) {
	for name, tc := range map[string]struct {
		set  func(c *Config)
		want string
	}{
		"a function":        {func(c *Config) { c.Function = "hello" }, "lambda: function: set with metrics"},
		"routes":            {func(c *Config) { c.Routes = []route.Config{{RouteKey: "$default"}} }, "lambda: routes: set with metrics"},
		"another timeout":   {func(c *Config) { c.Timeout = "1s" }, "lambda: timeout: set with metrics"},
		"a probe":           {func(c *Config) { c.Probe = &probe.Config{} }, "lambda: probe: set with metrics"},
		"an access log":     {func(c *Config) { c.AccessLog = true }, "lambda: accessLog: set with metrics"},
		"a misspelt option": {func(c *Config) { c.Unknown = map[string]any{"metric": true} }, "lambda: metric: no such option: did you mean metrics?"},
		"no other option":   {func(_ *Config) {}, ""},
	} {
		config := CreateConfig()
		config.Metrics = true
		tc.set(config)
		_, err := New(context.Background(), http.NotFoundHandler(), config, "lambda@test")
		if (err == nil) != (tc.want == "") || (err != nil && !strings.HasPrefix(err.Error(), tc.want)) {
			t.Errorf("%s: got %v, want %s", name, err, tc.want)
		}
	}
}

func TestMetricsHaveTheCredentialsExpiry(t *testing.T) {
	end := time.Unix(1_900_000_000, 0)
	gauges := gaugesOf([]credentials.Expiry{{Source: "container", Time: end}})
	if len(gauges) != 1 || gauges[0].Label != "container" || gauges[0].Value != 1_900_000_000 {
		t.Errorf("got %+v, want the end of container", gauges)
	}
}
