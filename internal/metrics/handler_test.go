package metrics

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

func scrape(handler http.Handler, method string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(method, "/any/path", nil))
	return w
}

// hasLine reports whether an exposition has a line. The line is given without the prefix.
func hasLine(text, line string) bool { return strings.Contains(text, "\n"+prefix+line+"\n") }

func TestExposition(t *testing.T) {
	begin()
	handler := Handler("v0.1.0", []func() []Gauge{someGauges})
	m := ForFunction("orders:live")
	for i := 0; i < 12; i++ {
		atomic.AddInt64(&m.Begun, 1)
		Record(m, OK, 2, 125_000_000, 900, 300)
	}
	atomic.AddInt64(&m.Begun, 1)
	RecordRetry(m, Throttled, RetryThrottle, 5_000_000, 900, 0)
	atomic.AddInt64(&m.Begun, 1)
	Record(m, Timeout, NoReply, 1_000_000_000_000, 900, 0)
	RecordUncalled(m, OverCapacity)
	atomic.AddInt64(&m.Begun, 1) // under way
	Probes("orders:live")("good")
	AuthorizerResults("auth")("allow")
	want, err := os.ReadFile("testdata/exposition.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got := scrape(handler, http.MethodGet).Body.String(); got != string(want) {
		t.Errorf("got\n%s\nwant testdata/exposition.txt\n%s", got, want)
	}
}

func someGauges() []Gauge {
	return []Gauge{
		{Family: ProbeHealthy, Label: "orders:live", Value: 1},
		{Family: CredentialsExpiry, Label: "container", Value: 1763748300},
		{Family: ProbeHealthy, Label: "orders:live", Value: 0},
	}
}

func TestMethods(t *testing.T) {
	begin()
	handler := Handler("v0.1.0", nil)
	get := scrape(handler, http.MethodGet)
	head := scrape(handler, http.MethodHead)
	post := scrape(handler, http.MethodPost)
	if get.Code != 200 || get.Header().Get("Content-Type") != "text/plain; version=0.0.4; charset=utf-8" ||
		get.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("GET: got %d %v", get.Code, get.Header())
	}
	if head.Code != 200 || head.Body.Len() != 0 || head.Header().Get("Content-Length") != strconv.Itoa(get.Body.Len()) {
		t.Errorf("HEAD: got %d with %d bytes, %v, want GET's head", head.Code, head.Body.Len(), head.Header())
	}
	if post.Code != 405 || post.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: got %d, Allow %q", post.Code, post.Header().Get("Allow"))
	}
}

func TestHistogramsCountUpToTheirBounds(t *testing.T) {
	begin()
	handler := Handler("v0.1.0", nil)
	m := ForFunction("f")
	for _, took := range []float64{5e6, 51e5, 9e11, 901e9} {
		atomic.AddInt64(&m.Begun, 1)
		Record(m, OK, 2, took, 1, 1)
	}
	text := scrape(handler, http.MethodGet).Body.String()
	for le, want := range map[string]int{"0.005": 1, "0.01": 2, "300": 2, "900": 3, "+Inf": 4} {
		line := fmt.Sprintf("invocation_duration_seconds_bucket{function=\"f\",le=\"%s\"} %d", le, want)
		if !hasLine(text, line) {
			t.Errorf("got no line %s", line)
		}
	}
	if !hasLine(text, `invocation_duration_seconds_count{function="f"} 4`) {
		t.Errorf("got another count than +Inf in\n%s", text)
	}
}

func TestEachOutcomeMovesItsOwnSeries(t *testing.T) {
	for outcome, name := range outcomes {
		begin()
		handler := Handler("v0.1.0", nil)
		m := ForFunction("f")
		if outcome < callOutcomes {
			atomic.AddInt64(&m.Begun, 1)
			Record(m, outcome, NoReply, 100_000_000, 1, 1)
		} else {
			RecordUncalled(m, outcome)
		}
		text := scrape(handler, http.MethodGet).Body.String()
		for _, other := range outcomes {
			want := 0
			if other == name {
				want = 1
			}
			line := fmt.Sprintf("requests_total{function=\"f\",outcome=\"%s\"} %d", other, want)
			if !hasLine(text, line) {
				t.Errorf("after %s: got no line %s", name, line)
			}
		}
		if !hasLine(text, `in_flight{function="f"} 0`) {
			t.Errorf("after %s: got calls under way, want none", name)
		}
	}
}

func TestHostileLabelsAreEscaped(t *testing.T) {
	begin()
	handler := Handler("v\"1\\\n", nil)
	text := scrape(handler, http.MethodGet).Body.String()
	if want := `build_info{version="v\"1\\\n"} 1`; !hasLine(text, want) {
		t.Errorf("got\n%s\nwant a line %s", text, want)
	}
	if got := label("a", "b\xff"); got != "a=\"b\uFFFD\"" {
		t.Errorf("got %q, want valid UTF-8", got)
	}
}

// sampleLine and metaLine match the text format strictly, as its specification describes it.
// https://prometheus.io/docs/instrumenting/exposition_formats/
var (
	sampleLine = regexp.MustCompile(`^([a-z_]+)\{([a-z]+="(?:[^"\\\n]|\\[\\n"])*"(?:,[a-z]+="(?:[^"\\\n]|\\[\\n"])*")*)\} (\S+)$`)
	metaLine   = regexp.MustCompile(`^# (HELP|TYPE) ([a-z_]+) (.+)$`)
)

func TestExpositionIsWellFormed(t *testing.T) {
	begin()
	handler := Handler("v0.1.0", []func() []Gauge{someGauges})
	for i := 0; i < 3; i++ {
		m := ForFunction(fmt.Sprintf("f%d", i))
		atomic.AddInt64(&m.Begun, 1)
		Record(m, OK, 2, 100_000_000, 1, 1)
		BeginCache(fmt.Sprintf("c%d", i))
	}
	text := scrape(handler, http.MethodGet).Body.String()
	if !strings.HasSuffix(text, "\n") {
		t.Error("got no line feed at the end, want one")
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	described := map[string]int{}
	seen := map[string]bool{}
	family := ""
	for _, line := range lines {
		if m := metaLine.FindStringSubmatch(line); m != nil {
			family = m[2]
			described[m[1]+" "+family]++
			continue
		}
		m := sampleLine.FindStringSubmatch(line)
		if m == nil {
			t.Errorf("got %q, which is no sample", line)
			continue
		}
		base := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(m[1], "_bucket"), "_sum"), "_count")
		if m[1] != family && base != family {
			t.Errorf("got %q under %s, want it with its own family", line, family)
		}
		if seen[m[1]+m[2]] {
			t.Errorf("got series %s{%s} twice", m[1], m[2])
		}
		seen[m[1]+m[2]] = true
		if _, err := strconv.ParseFloat(m[3], 64); err != nil {
			t.Errorf("got %q, want a number at its end", line)
		}
	}
	for meta, times := range described {
		if times != 1 {
			t.Errorf("got %d times # %s, want once", times, meta)
		}
	}
}

func TestCountersDoNotFallWhenTheInstanceIsBuiltAgain(t *testing.T) {
	begin()
	Handler("v0.1.0", nil)
	m := ForFunction("f")
	atomic.AddInt64(&m.Begun, 1)
	Record(m, OK, 2, 100_000_000, 1, 1)
	Probes("f")("good")
	Probes("f")
	text := scrape(Handler("v0.1.0", nil), http.MethodGet).Body.String()
	for _, line := range []string{`requests_total{function="f",outcome="ok"} 1`, `probes_total{function="f",result="good"} 1`} {
		if !hasLine(text, line) {
			t.Errorf("got no line %s after a reload", line)
		}
	}
}

func BenchmarkScrape(b *testing.B) {
	begin()
	for i := 0; i < 20; i++ {
		ForFunction(fmt.Sprintf("f%d", i))
	}
	handler := Handler("v0.1.0", nil)
	for i := 0; i < b.N; i++ {
		scrape(handler, http.MethodGet)
	}
}
