package lambdalocal

import (
	"context"
	"sync"
)

// maxQueuedEvents bounds the invocations of type Event that wait for a process.
const maxQueuedEvents = 1000

// function is a configured function and its processes.
type function struct {
	name   string
	config Function
	// program is what its processes run.
	program *program
	server  *Server

	// slots has a token per invocation under way, queue one per waiting invocation of type Event.
	slots, queue chan struct{}
	// ctx ends with close, and all processes with it.
	ctx    context.Context
	cancel context.CancelFunc

	mu        sync.Mutex
	instances map[*instance]struct{}
	idle      []*instance
	// sources is the fingerprint of what program was built of, with buildErr where it could not be.
	sources  uint64
	buildErr error
}

// newFunction takes a program that is ready to run.
func newFunction(name string, config Function, program *program, server *Server) *function {
	if config.Concurrency == 0 {
		config.Concurrency = DefaultConcurrency
	}
	if config.Timeout == 0 {
		config.Timeout = DefaultTimeout
	}
	// The server outlives the call that started it.
	ctx, cancel := context.WithCancel(context.Background())
	return &function{
		name:      name,
		config:    config,
		program:   program,
		sources:   fingerprint(program.sources),
		server:    server,
		slots:     make(chan struct{}, config.Concurrency),
		queue:     make(chan struct{}, maxQueuedEvents),
		ctx:       ctx,
		cancel:    cancel,
		instances: map[*instance]struct{}{},
	}
}

// invoke runs inv to its end in a free process. It refuses at once if all are busy.
func (f *function) invoke(inv *invocation) (*functionError, *apiError) {
	select {
	case f.slots <- struct{}{}:
	default:
		return nil, tooManyRequests()
	}
	defer func() { <-f.slots }()
	return f.run(inv), nil
}

// enqueue runs inv in the background, when a process is free. Unlike AWS it does not try again after an error.
func (f *function) enqueue(inv *invocation) *apiError {
	select {
	case f.queue <- struct{}{}:
	default:
		return tooManyRequests()
	}
	f.server.background.Go(func() {
		defer func() { <-f.queue }()
		select {
		case f.slots <- struct{}{}:
		case <-f.ctx.Done():
			return
		}
		defer func() { <-f.slots }()
		_ = f.run(inv)
	})
	return nil
}

// run gives inv to an instance. An idle one may turn out to be dead; the event has not been seen by anyone
// then, and a new process takes it.
func (f *function) run(inv *invocation) *functionError {
	for {
		i, isNew, err := f.take()
		if err != nil {
			return invalidEntrypoint(inv.requestID, err)
		}
		delivered, failure := i.handle(inv)
		f.give(i)
		if delivered || isNew {
			return failure
		}
	}
}

// take returns an idle instance, the last used first, or a new one.
func (f *function) take() (i *instance, isNew bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.refresh(); err != nil {
		return nil, false, err
	}
	if n := len(f.idle); n > 0 {
		i = f.idle[n-1]
		f.idle = f.idle[:n-1]
		return i, false, nil
	}
	if f.ctx.Err() != nil {
		return nil, false, errClosed
	}
	i, err = startInstance(f)
	if err != nil {
		return nil, false, err
	}
	f.instances[i] = struct{}{}
	return i, true, nil
}

// refresh puts away the idle instances of a program whose sources have changed, and builds it anew. One that could not
// be built is not tried again before its next change.
func (f *function) refresh() error {
	now := fingerprint(f.program.sources)
	if now == f.sources {
		return f.buildErr
	}
	f.sources = now
	f.server.log.Printf("%s: changed, starts anew", f.name)
	for _, i := range f.idle {
		delete(f.instances, i)
		f.server.background.Go(i.stop)
	}
	f.idle = nil
	f.buildErr = f.program.prepare(f.ctx)
	if f.buildErr != nil {
		f.server.log.Printf("%s: %v", f.name, f.buildErr)
	}
	return f.buildErr
}

// give puts the instance back for the next invocation, or away if its process is dead, dying or of an old program.
func (f *function) give(i *instance) {
	f.mu.Lock()
	if i.usable() && i.sources == f.sources {
		f.idle = append(f.idle, i)
		f.mu.Unlock()
		return
	}
	delete(f.instances, i)
	f.mu.Unlock()
	i.stop()
}

func (f *function) close() {
	f.cancel() // Also what is being built, while the lock is held.
	f.mu.Lock()
	instances := f.instances
	f.instances = map[*instance]struct{}{}
	f.idle = nil
	f.mu.Unlock()
	var stopped sync.WaitGroup
	for i := range instances {
		stopped.Go(i.stop)
	}
	stopped.Wait()
}

func (f *function) processes() []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	var pids []int
	for i := range f.instances {
		if i.usable() {
			pids = append(pids, i.command.Process.Pid)
		}
	}
	return pids
}
