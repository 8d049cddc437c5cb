package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"fortio.org/fortio/fhttp"
	"fortio.org/fortio/periodic"
	"fortio.org/log"
	"github.com/prometheus/procfs"
)

// requestTimeout bounds a request of the load generator.
const requestTimeout = time.Minute

// load is how hard a contender is asked: for some time, or exactly so often.
type load struct {
	connections int // each asks again as soon as it has its answer
	duration    time.Duration
	requests    int // instead of duration
}

// result is what one contender did in one round.
type result struct {
	perSecond     float64 // requests
	p50, p99      float64 // milliseconds
	cpu           float64 // microseconds of CPU time that a request costs the contender's processes
	standinCPU    float64 // … the stand-in
	generatorCPU  float64 // … the load generator
	requestsTotal int64
}

// measure puts a contender under load.
func (f *field) measure(ctx context.Context, c *contender, l load) (*result, error) {
	processes := [][]int{c.pids, {f.standin.PID()}, {os.Getpid()}}
	before, err := cpuTimes(processes)
	if err != nil {
		return nil, err
	}
	ran, err := f.bench.run(ctx, c.url, l)
	if err != nil {
		return nil, c.failed("under load", err)
	}
	after, err := cpuTimes(processes)
	if err != nil {
		return nil, err
	}
	requests := ran.DurationHistogram.Count
	cost := func(i int) float64 { return (after[i] - before[i]) * 1e6 / float64(requests) }
	return &result{
		perSecond:     ran.ActualQPS,
		p50:           ran.DurationHistogram.CalcPercentile(50) * 1e3,
		p99:           ran.DurationHistogram.CalcPercentile(99) * 1e3,
		cpu:           cost(0),
		standinCPU:    cost(1),
		generatorCPU:  cost(2),
		requestsTotal: requests,
	}, nil
}

// run asks for the case until the load's end, or ctx's. Any answer with another status than the case's is an error.
func (c *benchCase) run(ctx context.Context, base string, l load) (*fhttp.HTTPRunnerResults, error) {
	log.SetLogLevelQuiet(log.Error)
	const headRoom = 16 // kilobytes, for the head of an answer
	fhttp.BufferSizeKb = c.replyBytes/kilobyte + headRoom
	options := &fhttp.HTTPRunnerOptions{
		RunnerOptions: periodic.RunnerOptions{
			QPS:        -1, // as many as can be
			NumThreads: l.connections,
			Duration:   l.duration,
			Exactly:    int64(l.requests),
			Resolution: 1e-5,
			Out:        io.Discard,
			Stop:       periodic.NewAborter(),
		},
		HTTPOptions: fhttp.HTTPOptions{
			URL:            c.url(base),
			ContentType:    c.contentType,
			Payload:        c.body,
			HTTPReqTimeOut: requestTimeout,
			// Fortio's own client ends a connection after any status but 2xx, and contenders would pay for new ones.
			DisableFastClient: c.status != http.StatusOK,
		},
		AllowInitialErrors: true, // counted below
	}
	for name, values := range c.header {
		if err := options.AddAndValidateExtraHeader(name + ": " + values[0]); err != nil {
			return nil, err
		}
	}
	defer context.AfterFunc(ctx, func() { options.Stop.Abort(false) })()
	ran, err := fhttp.RunHTTPTest(options)
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if good := ran.RetCodes[c.status]; good == 0 || good != ran.DurationHistogram.Count {
		return nil, fmt.Errorf("want %d only, got (-1 for broken connections) %v", c.status, ran.RetCodes)
	}
	return ran, nil
}

// check makes sure that a contender answers what the function does.
func (f *field) check(ctx context.Context, c *contender) error {
	status, body, err := f.bench.ask(ctx, c.url)
	if err != nil {
		return c.failed("asked once", err)
	}
	if status != f.bench.status || len(body) != f.bench.replyBytes {
		return c.failed("asked once", fmt.Errorf("want %d and %d bytes, got %d and %d bytes: %.200q",
			f.bench.status, f.bench.replyBytes, status, len(body), body))
	}
	return nil
}

// ask asks for the case once.
func (c *benchCase) ask(ctx context.Context, base string) (status int, body []byte, err error) {
	r, err := c.newRequest(ctx, base)
	if err != nil {
		return 0, nil, fmt.Errorf("make the request: %w", err)
	}
	client := &http.Client{
		Transport:     &http.Transport{DisableCompression: true},
		Timeout:       requestTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer client.CloseIdleConnections()
	resp, err := client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	return resp.StatusCode, body, err
}

// userHZ is how many clock ticks Linux tells programs of in a second.
const userHZ = 100

// cpuTimes returns the seconds of CPU time that each group of processes has used so far, with those of their children
// that have ended.
func cpuTimes(groups [][]int) ([]float64, error) {
	times := make([]float64, len(groups))
	for i, pids := range groups {
		for _, pid := range pids {
			process, err := procfs.NewProc(pid)
			if err != nil {
				return nil, fmt.Errorf("read the CPU time of process %d: %w", pid, err)
			}
			stat, err := process.Stat()
			if err != nil {
				return nil, fmt.Errorf("read the CPU time of process %d: %w", pid, err)
			}
			times[i] += stat.CPUTime() + float64(stat.CUTime+stat.CSTime)/userHZ
		}
	}
	return times, nil
}
