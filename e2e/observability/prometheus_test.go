package observability_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/internal/attached"
	"github.com/seed05e46011/lambda/e2e/internal/repo"
)

// The programs of Prometheus: those of `make prometheus`, else those on PATH.
var prometheusPath, promtoolPath string

func findPrometheus() error {
	for name, found := range map[string]*string{"prometheus": &prometheusPath, "promtool": &promtoolPath} {
		built := repo.Build(name)
		if _, err := os.Stat(built); err == nil {
			*found = built
			continue
		}
		path, err := exec.LookPath(name)
		if err != nil {
			return errors.New("no " + name + " found: run `make prometheus`")
		}
		*found = path
	}
	return nil
}

// example returns the path of a file of examples/observability.
func example(name string) string {
	return filepath.Join(repo.Root(), "examples", "observability", name)
}

// prometheus is a Prometheus that scrapes the gateway.
type prometheus struct{ url string }

// startPrometheus runs Prometheus as the example does, but every half second.
func startPrometheus(t *testing.T) *prometheus {
	t.Helper()
	dir := t.TempDir()
	config, err := os.ReadFile(example("prometheus.yml"))
	require.NoError(t, err)
	target := strings.TrimPrefix(gateway.URL, "http://")
	for was, is := range map[string]string{
		"15s":            "500ms",
		"alerts.yml":     example("alerts.yml"),
		"127.0.0.1:8082": target,
	} {
		require.Contains(t, string(config), was)
		config = bytes.ReplaceAll(config, []byte(was), []byte(is))
	}
	path := filepath.Join(dir, "prometheus.yml")
	require.NoError(t, os.WriteFile(path, config, 0o600))
	address := freeAddress(t)
	process := exec.Command(prometheusPath, "--config.file="+path, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+address, "--log.level=warn")
	var log bytes.Buffer
	process.Stdout = &log
	process.Stderr = &log
	process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // a test that is killed takes it along
	done, err := attached.Start(process)
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = process.Process.Kill()
		<-done
		if t.Failed() {
			t.Log(log.String())
		}
	})
	return &prometheus{url: "http://" + address}
}

// freeAddress returns an address that is not in use. Prometheus takes no socket that is open already.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

// sampleOf is one series of an answer.
type sampleOf struct {
	Metric map[string]string `json:"metric"`
	Value  [2]any            `json:"value"`
}

func (s sampleOf) value() string { return fmt.Sprint(s.Value[1]) }

// query asks Prometheus. An error says what is wrong with the query, or that nobody answers.
func (p *prometheus) query(ctx context.Context, query string) ([]sampleOf, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/api/v1/query?query="+url.QueryEscape(query), http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var answer struct {
		Status string `json:"status"`
		Error  string `json:"error"`
		Data   struct {
			Result []sampleOf `json:"result"`
		} `json:"data"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return nil, err
	}
	if answer.Status != "success" {
		return nil, fmt.Errorf("query %s: %s", query, answer.Error)
	}
	return answer.Data.Result, nil
}

// await returns the answer to a query once it is as wanted.
func (p *prometheus) await(t *testing.T, query string, wanted func(samples []sampleOf) bool) []sampleOf {
	t.Helper()
	var samples []sampleOf
	var err error
	deadline := time.Now().Add(patience)
	for {
		samples, err = p.query(t.Context(), query)
		if err == nil && wanted(samples) {
			return samples
		}
		if time.Now().After(deadline) {
			require.FailNow(t, "Prometheus does not answer as wanted", "%s: got %v, %v", query, samples, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// equals says that an answer is one value.
func equals(want string) func(samples []sampleOf) bool {
	return func(samples []sampleOf) bool { return len(samples) == 1 && samples[0].value() == want }
}

func some(samples []sampleOf) bool { return len(samples) > 0 }

// promtool runs promtool, which has to find no fault.
func promtool(t *testing.T, input string, arguments ...string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), promtoolPath, arguments...)
	command.Stdin = strings.NewReader(input)
	out, err := command.CombinedOutput()
	assert.NoError(t, err, "promtool %s:\n%s", strings.Join(arguments, " "), out)
}

func TestExampleConfigurationAndAlertsAreValid(t *testing.T) {
	promtool(t, "", "check", "config", example("prometheus.yml"))
	promtool(t, "", "test", "rules", filepath.Join("testdata", "alerts_test.yml"))
}
