package e2e_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/internal/traefik"
)

// slowness is how many times longer than a build without the race detector these tests may take.
var slowness = 1

// standIn is an endpoint that replies without a function: what is measured is Traefik.
type standIn struct {
	*httptest.Server
	invocations atomic.Int64
	inFlight    atomic.Int64
}

// newStandIn starts an endpoint. busy is what its function does, nil for nothing.
func newStandIn(t *testing.T, status int, busy func()) *standIn {
	t.Helper()
	s := &standIn{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		s.invocations.Add(1)
		s.inFlight.Add(1)
		defer s.inFlight.Add(-1)
		if busy != nil {
			busy()
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"statusCode":200,"headers":{"content-type":"text/plain"},"body":"hello"}`)
	}))
	t.Cleanup(s.Close)
	return s
}

// newTraefik starts a Traefik for one test, with more flags than others. Its routers have the middleware of the options.
func newTraefik(t *testing.T, routers int, options m, flags ...string) (*traefik.Instance, m) {
	t.Helper()
	all := m{"region": region, "credentials": m{"accessKeyId": accessKeyID, "secretAccessKey": secretKey}}
	for name, value := range options {
		all[name] = value
	}
	byName := m{}
	for i := range routers {
		byName[fmt.Sprintf("r%d", i)] = m{
			"rule": fmt.Sprintf("PathPrefix(`/%d`)", i), "service": "noop@internal", "middlewares": []string{"lambda"},
		}
	}
	dynamic := m{"http": m{"routers": byName, "middlewares": m{"lambda": m{"plugin": m{traefik.PluginName: all}}}}}
	instance, err := traefik.Start(t.Context(), traefik.Options{
		Dynamic: dynamic, Debug: true, Args: flags, Env: []string{"AWS_EC2_METADATA_DISABLED=true"},
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, instance.Stop()) })
	return instance, dynamic
}

// manyConnections returns a client that keeps as many connections as there are requests at the same time.
func manyConnections(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 5000}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: time.Minute}
}

// fetch returns the status of the answer to a GET request, 0 for none.
func fetch(ctx context.Context, client *http.Client, url string) int {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0
	}
	response, err := client.Do(request)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return 0
	}
	return response.StatusCode
}

// fetchAll sends n requests at the same time, and returns how often each status came.
func fetchAll(ctx context.Context, client *http.Client, url string, n int) map[int]int {
	var mu sync.Mutex
	var wg sync.WaitGroup
	statuses := map[int]int{}
	for range n {
		wg.Go(func() {
			status := fetch(ctx, client, url)
			mu.Lock()
			defer mu.Unlock()
			statuses[status]++
		})
	}
	wg.Wait()
	return statuses
}

// thousands is how many requests are in flight at the same time where that matters.
const thousands = 2000

func TestTwoThousandRequestsTakeLittleMoreThanTheirFunction(t *testing.T) {
	const takes, limit = time.Second, 3 * time.Second
	endpoint := newStandIn(t, http.StatusOK, func() { <-time.After(takes) })
	instance, _ := newTraefik(t, 1, m{"function": "hello", "endpoint": endpoint.URL})
	start := time.Now()
	statuses := fetchAll(t.Context(), manyConnections(t), instance.URL+"/0", thousands)
	took := time.Since(start)
	t.Log(took)
	assert.Equal(t, map[int]int{http.StatusOK: thousands}, statuses)
	assert.Less(t, took, limit*time.Duration(slowness))
}

func TestRequestInFlightTakesLittleMemory(t *testing.T) {
	instance, dynamic := newTraefik(t, 1, m{"function": "hello"})
	each := memoryInFlight(t, instance, func(endpoint string) {
		options(dynamic)["endpoint"] = endpoint
	}, dynamic)

	// Traefik's own proxy, in a process of its own, is what such requests cost without the plugin.
	own, dynamic := newTraefik(t, 1, m{"function": "hello"})
	ownEach := memoryInFlight(t, own, func(endpoint string) {
		dynamic["http"] = m{
			"routers":  m{"own": m{"rule": "PathPrefix(`/`)", "service": "own"}},
			"services": m{"own": m{"loadBalancer": m{"servers": []m{{"url": endpoint}}}}},
		}
	}, dynamic)
	t.Logf("%d KB a request in flight, %d KB with Traefik's own proxy", each, ownEach)
	assert.Less(t, each-ownEach, int64(40), "KB a request in flight beyond what Traefik needs")
}

// memoryInFlight returns how many KB of Traefik's memory each of thousands of requests takes that are all waiting for
// their function. route sends them to an endpoint.
func memoryInFlight(t *testing.T, instance *traefik.Instance, route func(endpoint string), dynamic m) int64 {
	t.Helper()
	release := make(chan struct{})
	endpoint := newStandIn(t, http.StatusOK, func() { <-release })
	route(endpoint.URL)
	require.NoError(t, instance.Update(t.Context(), dynamic))
	client := manyConnections(t)
	idle := residentKB(t, instance.PID())
	statuses := make(chan map[int]int, 1)
	go func() { statuses <- fetchAll(t.Context(), client, instance.URL+"/0", thousands) }()
	deadline := time.Now().Add(patience)
	for endpoint.inFlight.Load() < thousands && time.Now().Before(deadline) {
		<-time.After(10 * time.Millisecond)
	}
	peak := residentKB(t, instance.PID())
	close(release)
	assert.Equal(t, map[int]int{http.StatusOK: thousands}, <-statuses)
	return (peak - idle) / thousands
}

// options returns the plugin's options in a dynamic configuration of newTraefik.
func options(dynamic m) m {
	return dynamic["http"].(m)["middlewares"].(m)["lambda"].(m)["plugin"].(m)[traefik.PluginName].(m)
}

func TestReloadsUnderTrafficLoseNothing(t *testing.T) {
	const (
		reloads = 200
		clients = 4
		routers = 5
	)
	endpoint := newStandIn(t, http.StatusOK, nil)
	instance, dynamic := newTraefik(t, routers, m{"function": "hello", "endpoint": endpoint.URL, "maxConcurrency": 100})
	client := manyConnections(t)

	warmUp := fetchAll(t.Context(), client, instance.URL+"/0", clients)
	require.Equal(t, map[int]int{http.StatusOK: clients}, warmUp)
	goroutines, sockets := goroutineCount(t, instance), socketCount(t, instance.PID())

	traffic, stop := context.WithCancel(t.Context())
	var failed, answered atomic.Int64
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			url := instance.URL + "/" + strconv.Itoa(i%routers)
			for traffic.Err() == nil {
				// The request itself goes on where traffic ends: it would count as failed.
				if fetch(context.WithoutCancel(traffic), client, url) == http.StatusOK {
					answered.Add(1)
				} else {
					failed.Add(1)
				}
			}
		})
	}
	for i := range reloads {
		options(dynamic)["timeout"] = strconv.Itoa(60+i) + "s"
		require.NoError(t, instance.Update(t.Context(), dynamic))
	}
	stop()
	wg.Wait()
	t.Logf("%d requests answered during %d reloads", answered.Load(), reloads)
	assert.Zero(t, failed.Load())
	assert.Greater(t, answered.Load(), int64(reloads))
	// What Traefik starts for each configuration ends a moment after the next one is in use.
	const slack = 30
	deadline := time.Now().Add(patience)
	for goroutineCount(t, instance) > goroutines+slack && time.Now().Before(deadline) {
		<-time.After(100 * time.Millisecond)
	}
	assert.LessOrEqual(t, goroutineCount(t, instance), goroutines+slack, "goroutines; %d before", goroutines)
	assert.LessOrEqual(t, socketCount(t, instance.PID()), sockets+slack, "sockets; %d before", sockets)
}

func TestOutageCostsAHundredRetries(t *testing.T) {
	const (
		requests = 1000
		atATime  = 100
	)
	endpoint := newStandIn(t, http.StatusServiceUnavailable, nil)
	instance, _ := newTraefik(t, 1, m{
		"function": "hello", "endpoint": endpoint.URL, "retry": m{"attempts": 3, "causes": []string{"throttle", "server"}},
	})
	client := manyConnections(t)
	for range requests / atATime {
		assert.Equal(t, map[int]int{http.StatusBadGateway: atATime}, fetchAll(t.Context(), client, instance.URL+"/0", atATime))
	}
	extra := endpoint.invocations.Load() - requests
	assert.Positive(t, extra)
	assert.LessOrEqual(t, extra, int64(110))
}

// goroutineCount returns how many goroutines a Traefik has.
func goroutineCount(t *testing.T, instance *traefik.Instance) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, instance.DebugURL+"/debug/pprof/goroutine?debug=1", http.NoBody)
	require.NoError(t, err)
	response, err := instance.Client().Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	profile, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	var count int
	_, err = fmt.Sscanf(string(profile), "goroutine profile: total %d", &count)
	require.NoError(t, err)
	return count
}

// socketCount returns how many sockets a process has open.
func socketCount(t *testing.T, pid int) int {
	t.Helper()
	folder := filepath.Join("/proc", strconv.Itoa(pid), "fd")
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	count := 0
	for _, file := range files {
		if target, err := os.Readlink(filepath.Join(folder, file.Name())); err == nil && strings.HasPrefix(target, "socket:") {
			count++
		}
	}
	return count
}

// residentKB returns how much memory a process has.
func residentKB(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	require.NoError(t, err)
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			require.NoError(t, err)
			return kb
		}
	}
	t.Error("no VmRSS in /proc/PID/status")
	return 0
}
