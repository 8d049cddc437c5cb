package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/prometheus/procfs"
)

// memory is what a contender's processes take of the machine's memory.
type memory struct {
	idle, peak uint64 // resident bytes
	requests   int    // in flight
	body       int    // bytes
}

// memoryOf measures a contender that has just been started and has the machine for itself, under the load of a case,
// twice over.
func memoryOf(ctx context.Context, p *programs, c *memoryCase, name string) (m *memory, err error) {
	f, err := startField(p, &c.benchCase)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.stop()) }()
	contender, err := f.start(ctx, name)
	if err != nil {
		return nil, err
	}
	idle, _, err := resident(contender.pids)
	if err != nil {
		return nil, err
	}
	if err := f.check(ctx, contender); err != nil {
		return nil, err
	}
	if err := resetPeaks(contender.pids); err != nil {
		return nil, err
	}
	if _, err := c.run(ctx, contender.url, load{connections: c.inFlight, requests: 2 * c.inFlight}); err != nil {
		return nil, contender.failed("under load", err)
	}
	_, peak, err := resident(contender.pids)
	if err != nil {
		return nil, err
	}
	return &memory{idle: idle, peak: peak, requests: c.inFlight, body: max(len(c.body), c.replyBytes)}, nil
}

// perRequest is what each request in flight takes at the peak, in bytes.
func (m *memory) perRequest() float64 {
	return (float64(m.peak) - float64(m.idle)) / float64(m.requests)
}

// resident returns how much memory processes take now, and at most since resetPeaks.
func resident(pids []int) (now, peak uint64, err error) {
	for _, pid := range pids {
		process, err := procfs.NewProc(pid)
		if err != nil {
			return 0, 0, fmt.Errorf("read the memory of process %d: %w", pid, err)
		}
		status, err := process.NewStatus()
		if err != nil {
			return 0, 0, fmt.Errorf("read the memory of process %d: %w", pid, err)
		}
		now += status.VmRSS
		peak += status.VmHWM
	}
	return now, peak, nil
}

// resetPeaks has the kernel forget the peaks of the past (proc_pid_clear_refs(5)).
func resetPeaks(pids []int) error {
	errs := make([]error, len(pids))
	for i, pid := range pids {
		errs[i] = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
	}
	return errors.Join(errs...)
}
