package main

import (
	"bytes"
	"context"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/internal/traefik"
)

// built is what buildPrograms has built for all of the tests.
var built *programs

func TestMain(m *testing.M) {
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "bench-test-")
	if err != nil {
		log.Print(err)
		return 1
	}
	defer os.RemoveAll(dir)
	if built, err = buildPrograms(context.Background(), dir); err != nil {
		log.Print(err)
		return 1
	}
	return m.Run()
}

func TestBenchComparesTheContenders(t *testing.T) {
	var out bytes.Buffer
	page := filepath.Join(t.TempDir(), "page.md")
	require.NoError(t, os.WriteFile(page, []byte("before\n"+tableBegin+"\nold\n"+tableEnd+"\nafter\n"), 0o600))
	require.NoError(t, bench(t.Context(), &out, &options{
		page:        page,
		cases:       regexp.MustCompile("^TLS to Lambda$"),
		rounds:      2,
		duration:    100 * time.Millisecond,
		connections: 2,
		progress:    log.New(t.Output(), "", 0),
	}))
	for _, name := range []string{proxy, plugin, gateway, traefikGateway} {
		assert.Regexp(t, `(?m)^\| TLS to Lambda +\| `+regexp.QuoteMeta(name)+` +\|( +[0-9]+(\.[0-9]+)? \|){9}$`, out.String())
	}
	assert.Regexp(t, `reverse proxy +\| +[1-9][0-9]* \| +[0-9]+ \| +1\.00 \|`, out.String())
	written, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.Regexp(t, `(?s)^before\n`+tableBegin+`\n.*\| TLS to Lambda \|.*`+tableEnd+`\nafter\n$`, string(written))
	assert.NotContains(t, string(written), "old")
}

func TestBenchRefusesWhatItCannotMeasure(t *testing.T) {
	all := regexp.MustCompile(".")
	for name, row := range map[string]struct {
		options options
		want    string
	}{
		"no round":      {options{cases: all, connections: 1, duration: 1}, "want more than 0"},
		"no time":       {options{cases: all, connections: 1, rounds: 1}, "want more than 0"},
		"no connection": {options{cases: all, rounds: 1, duration: 1}, "want more than 0"},
		"no such page":  {options{cases: all, connections: 1, rounds: 1, duration: 1, page: "/nowhere"}, "/nowhere"},
		"a page without the place for the table": {
			options{cases: all, connections: 1, rounds: 1, duration: 1, page: "bench_test.go"}, "want a line",
		},
		"no case is meant": {options{cases: regexp.MustCompile("^$"), rounds: 1, duration: 1, connections: 1}, "no case matches"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.ErrorContains(t, bench(t.Context(), os.Stdout, &row.options), row.want)
		})
	}
}

func TestThePluginAnswersEveryCase(t *testing.T) {
	cases := benchCases()
	for _, c := range memoryCases() {
		cases = append(cases, c.benchCase)
	}
	f, err := startField(built, &cases[0])
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, f.stop()) })
	f.bench = &benchCase{refresh: true}
	instance, err := traefik.Start(t.Context(), traefik.Options{Env: f.environment()})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, instance.Stop()) })
	for i := range cases {
		t.Run(cases[i].name, func(t *testing.T) {
			f.bench = &cases[i]
			require.NoError(t, instance.Update(t.Context(), f.pluginConfig()))
			assert.NoError(t, f.check(t.Context(), &contender{name: plugin, url: instance.URL}))
		})
	}
}

func TestACheckFailsOnAnotherAnswerThanTheFunctions(t *testing.T) {
	c := get("small GET", "json", 100)
	c.replyBytes = 101
	f, err := startField(built, &c)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, f.stop()) })
	standin := &contender{name: "stand-in", url: f.endpoint()}
	require.ErrorContains(t, f.check(t.Context(), standin), "stand-in: asked once: want 200 and 101 bytes, got 200 and 100 bytes")

	c.function = "unknown"
	require.ErrorContains(t, f.check(t.Context(), standin), "got 404")
	_, err = f.measure(t.Context(), standin, load{connections: 1, requests: 1})
	assert.ErrorContains(t, err, "404")
}

func TestMemoryOfCountsThePeakForEachRequestInFlight(t *testing.T) {
	const inFlight, replyBytes = 8, megabyte
	m, err := memoryOf(t.Context(), built, &memoryCase{
		benchCase: get("reply", "binary", replyBytes).with(func(c *benchCase) { c.function += "-200ms" }),
		inFlight:  inFlight,
	}, gateway)
	require.NoError(t, err)
	assert.Greater(t, m.perRequest(), float64(replyBytes), "the gateway has all of the replies in memory")
	assert.Less(t, m.perRequest(), float64(100*replyBytes))
}

func TestStopLeavesNoProcessBehind(t *testing.T) {
	f, err := startField(built, &benchCase{name: "none"})
	require.NoError(t, err)
	c, err := f.start(t.Context(), gateway)
	require.NoError(t, err)
	pids := append([]int{f.standin.PID()}, c.pids...)
	_, err = cpuTimes([][]int{pids})
	require.NoError(t, err)
	require.NoError(t, f.stop())
	for _, pid := range pids {
		_, err = cpuTimes([][]int{{pid}})
		assert.Error(t, err)
	}
}

func TestBuildProgramsNamesTheCause(t *testing.T) {
	_, err := buildPrograms(t.Context(), filepath.Join(t.TempDir(), strings.Repeat("x", 300)))
	assert.ErrorContains(t, err, "build the gateway and the stand-in")
}
