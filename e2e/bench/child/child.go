// Package child runs the benchmark's servers as processes of their own, so that what each of them costs can be told
// apart. A child inherits its sockets, so that no port is chosen and lost, and ends when its standard input does: it
// cannot outlive its parent.
package child

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"time"
)

// stopTimeout bounds a child's end.
const stopTimeout = 5 * time.Second

// Process is a running child.
type Process struct {
	// Addrs are the host:port of the child's sockets, all on loopback.
	Addrs []string

	cmd   *exec.Cmd
	stdin io.Closer
}

// Start runs a program whose main function calls Listener and Wait, with as many sockets as asked for, and returns when
// it has come to Wait. env, as NAME=value, is all of its environment.
func Start(program string, sockets int, env ...string) (*Process, error) {
	cmd := exec.Command(program) //nolint:noctx // It lives until Stop.
	cmd.Env = env
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", program, err)
	}
	p := &Process{cmd: cmd, stdin: stdin}
	defer p.closeSockets() // The child has duplicates.
	for range sockets {
		if err := p.addSocket(); err != nil {
			return nil, err
		}
	}
	serving, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", program, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("run %s: %w", program, err)
	}
	_, _ = io.Copy(io.Discard, serving) // until Wait, or the child's end, closes it
	return p, nil
}

func (p *Process) addSocket() error {
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return fmt.Errorf("open a socket: %w", err)
	}
	defer l.Close()
	file, err := l.File()
	if err != nil {
		return fmt.Errorf("duplicate a socket: %w", err)
	}
	p.Addrs = append(p.Addrs, l.Addr().String())
	p.cmd.ExtraFiles = append(p.cmd.ExtraFiles, file)
	return nil
}

func (p *Process) closeSockets() {
	for _, file := range p.cmd.ExtraFiles {
		_ = file.Close()
	}
}

// PID returns the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Stop ends the child, by SIGKILL if need be.
func (p *Process) Stop() error {
	_ = p.stdin.Close()
	killer := time.AfterFunc(stopTimeout, func() { _ = p.cmd.Process.Kill() })
	defer killer.Stop()
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("end %s: %w", p.cmd.Path, err)
	}
	return nil
}

// Listener returns the child's socket of this index.
func Listener(index int) (net.Listener, error) {
	const firstExtraFile = 3 // after the standard streams
	file := os.NewFile(uintptr(firstExtraFile+index), "socket")
	defer file.Close()
	l, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("take socket %d over: %w", index, err)
	}
	return l, nil
}

// Wait tells the parent that the child serves, and returns when the parent wants it to end, or has ended itself. A Ctrl-C
// in the terminal reaches both, and is the parent's to heed.
func Wait() {
	signal.Ignore(os.Interrupt)
	_ = os.Stdout.Close()
	_, _ = io.Copy(io.Discard, os.Stdin)
}
