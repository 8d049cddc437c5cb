package lambdalocal

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/google/uuid"
)

// initTimeout is what a process has from its start to its first call of the Runtime API:
// https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html, "Init phase".
const initTimeout = 10 * time.Second

var errClosed = errors.New("server is closed")

// instance is one process of a function and the Runtime API that it alone talks to.
type instance struct {
	function *function
	// sources is the fingerprint of the program that it runs.
	sources uint64
	command *exec.Cmd
	api     *http.Server
	// connections is the number of those that the process has open to api.
	connections atomic.Int32
	output      *output

	// events hands an invocation to the process, when it asks for the next one.
	events chan *pending

	mu sync.Mutex
	// current is what the process works on; nil between invocations.
	current *pending
	// initError is what the process reported instead of asking for its first event.
	initError *functionError
	// killed and reaped guard the process's id, which may be another's once it is reaped.
	killed, reaped bool

	// exited is closed after the process has ended and all that it printed is read; exitErr is set before.
	exited  chan struct{}
	exitErr error
}

// pending is an invocation with the way back of its reply.
type pending struct {
	*invocation
	reply chan *reply
	// over is closed when nobody waits for a reply any more.
	over chan struct{}
}

// reply is the process's POST of a response or an error.
type reply struct {
	contentType string
	body        io.Reader
	failure     *functionError
	// verdict is the status that the process gets for its POST; sent once, when body has been consumed.
	verdict chan int
}

func startInstance(f *function) (*instance, error) {
	listener, err := (&net.ListenConfig{}).Listen(f.ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the runtime api: %w", err)
	}
	i := &instance{
		function: f,
		sources:  f.sources,
		events:   make(chan *pending),
		exited:   make(chan struct{}),
	}
	i.api = &http.Server{
		Handler:           i.runtimeAPI(),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          f.server.log,
		ConnState:         i.countConnections,
	}
	i.command = exec.CommandContext(f.ctx, f.program.command[0], f.program.command[1:]...)
	i.command.Dir = f.program.dir
	i.command.Env = f.environment(listener.Addr().String())
	// A group of its own: a Ctrl-C in the terminal reaches this process alone, which then ends the group,
	// children of the function included.
	i.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	i.command.Cancel = func() error {
		i.kill()
		return nil
	}
	i.output, err = newOutput(f.name, f.server.log)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	i.command.Stdout, i.command.Stderr = i.output.writer, i.output.writer
	if err := i.command.Start(); err != nil {
		i.output.finish()
		return nil, errors.Join(err, listener.Close())
	}
	f.server.background.Go(func() { _ = i.api.Serve(listener) })
	f.server.background.Go(i.watch)
	return i, nil
}

func (i *instance) countConnections(_ net.Conn, state http.ConnState) {
	switch state { //nolint:exhaustive // The other states are of open connections.
	case http.StateNew:
		i.connections.Add(1)
	case http.StateClosed, http.StateHijacked:
		i.connections.Add(-1)
	}
}

// environment is what AWS documents for custom runtimes:
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
func (f *function) environment(runtimeAPI string) []string {
	region := f.server.config.Region
	env := append(os.Environ(),
		"AWS_REGION="+region,
		"AWS_DEFAULT_REGION="+region,
		"AWS_LAMBDA_FUNCTION_NAME="+f.name,
		"AWS_LAMBDA_FUNCTION_VERSION="+latest,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128",
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/"+f.name,
		"AWS_LAMBDA_LOG_STREAM_NAME="+time.Now().UTC().Format("2006/01/02")+"/["+latest+"]"+uuid.NewString(),
		"TZ=:UTC",
	)
	env = append(env, f.program.env...)
	env = append(env, f.config.Env...)
	return append(env, "AWS_LAMBDA_RUNTIME_API="+runtimeAPI)
}

// watch waits for the end of the process, whatever its reason, and of its children.
func (i *instance) watch() {
	err := i.command.Wait()
	i.mu.Lock()
	i.reaped = true
	// The group lives on, under this id, as long as a child of the process does.
	_ = syscall.Kill(-i.command.Process.Pid, syscall.SIGKILL)
	i.mu.Unlock()
	i.output.finish()
	i.exitErr = err
	close(i.exited)
}

// kill ends the process group. It does not wait.
func (i *instance) kill() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.killed = true
	if !i.reaped {
		_ = syscall.Kill(-i.command.Process.Pid, syscall.SIGKILL)
	}
}

// stop ends the process group and returns when it is gone and its Runtime API closed.
func (i *instance) stop() {
	i.kill()
	<-i.exited
	_ = i.api.Close()
}

// usable tells whether the process can take another invocation, as far as is known.
func (i *instance) usable() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return !i.killed && !i.reaped
}

// handle gives inv to the process and waits for the end of its reply. It reports whether the process has seen
// the event.
func (i *instance) handle(inv *invocation) (delivered bool, failure *functionError) {
	p := &pending{invocation: inv, reply: make(chan *reply, 1), over: make(chan struct{})}
	defer close(p.over)
	i.output.start(inv.requestID)
	start := time.Now()
	failure = i.deliver(p)
	delivered = failure == nil
	if delivered {
		failure = i.await(p)
	}
	tail := i.output.end(inv.requestID, time.Since(start), i.exited)
	if inv.logTail {
		inv.log = tail
	}
	return delivered, failure
}

// deliver waits until the process asks for its next event.
func (i *instance) deliver(p *pending) *functionError {
	timer := time.NewTimer(initTimeout)
	defer timer.Stop()
	events := i.events
	if !i.usable() { // A request for the next event that outlives its sender would swallow this one.
		events = nil
	}
	select {
	case events <- p:
		return nil
	case <-i.exited:
		i.mu.Lock()
		defer i.mu.Unlock()
		if i.initError != nil {
			return i.initError
		}
		return exited(p.requestID, i.exitErr)
	case <-timer.C:
		i.kill()
		return timedOut(p.requestID, initTimeout)
	}
}

// await waits for the process's reply, and kills the process when its time is over.
func (i *instance) await(p *pending) *functionError {
	timeout := i.function.config.Timeout
	expired := make(chan struct{})
	timer := time.AfterFunc(timeout, func() {
		close(expired) // before the kill, so that the process's end is not taken for a crash
		i.kill()
	})
	defer timer.Stop()

	var failure *functionError
	select {
	case r := <-p.reply:
		failure = i.consume(p, r)
	case <-i.exited:
		failure = exited(p.requestID, i.exitErr)
		if r := i.lastReply(p); r != nil {
			failure = i.consume(p, r)
		}
	}
	select {
	case <-expired:
		return timedOut(p.requestID, timeout)
	default:
		return failure
	}
}

// lastReply is what the process wrote just before its end: it may still be on its way through the Runtime API.
func (i *instance) lastReply(p *pending) *reply {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	patience := time.After(time.Second) // A process in another group may hold a connection.
	for i.connections.Load() > 0 {
		select {
		case r := <-p.reply:
			return r
		case <-tick.C:
		case <-patience:
			return nil
		}
	}
	select {
	case r := <-p.reply:
		return r
	default:
		return nil
	}
}

// consume takes the reply in and answers the process's POST.
func (i *instance) consume(p *pending, r *reply) *functionError {
	failure := r.failure
	status := http.StatusAccepted
	if failure == nil {
		failure = p.consume(r.contentType, r.body)
	}
	if failure != nil && failure.errorType() == typeResponseTooLarge {
		status = http.StatusRequestEntityTooLarge
	}
	r.verdict <- status
	if failure == errTruncated {
		return i.brokenOff(p)
	}
	return failure
}

// brokenOff says why a response ended before its end: the process did, as a rule.
func (i *instance) brokenOff(p *pending) *functionError {
	select {
	case <-i.exited:
		return exited(p.requestID, i.exitErr)
	case <-time.After(time.Second):
		return newFunctionError("Runtime.TruncatedResponse", "RequestId: %s Error: Response of the runtime is truncated", p.requestID)
	}
}
