package traefik

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/seed05e46011/lambda/e2e/internal/attached"
)

// The entry points' names. Traefik serves its API and pprof on the one named `traefik`.
const (
	entryPointWeb   = "web"
	entryPointTLS   = "websecure"
	entryPointDebug = "traefik"
)

// stopTimeout bounds Traefik's orderly end: it gives requests in flight ten seconds by default.
const stopTimeout = 12 * time.Second

// listener is the socket of one entry point. Traefik inherits it (systemd's socket activation), so that no port is
// chosen, given up and lost to another process before Traefik opens it.
type listener struct {
	*net.TCPListener
	name string
}

type listeners []listener

func listen(options Options) (listeners, error) {
	web := options.Addr
	if web == "" {
		web = "127.0.0.1:0"
	}
	wanted := [][2]string{{entryPointWeb, web}, {entryPointTLS, "127.0.0.1:0"}}
	if options.Debug {
		wanted = append(wanted, [2]string{entryPointDebug, "127.0.0.1:0"})
	}
	var all listeners
	for _, w := range wanted {
		l, err := listenTCP(w[1])
		if err != nil {
			all.close()
			return nil, fmt.Errorf("open entry point %s: %w", w[0], err)
		}
		all = append(all, listener{l, w[0]})
	}
	return all, nil
}

func listenTCP(addr string) (*net.TCPListener, error) {
	resolved, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return nil, err
	}
	return net.ListenTCP("tcp", resolved)
}

func (all listeners) close() {
	for _, l := range all {
		_ = l.Close()
	}
}

func (all listeners) addr(name string) string {
	for _, l := range all {
		if l.name == name {
			return l.Addr().String()
		}
	}
	return ""
}

// files returns duplicates of the sockets, for a child process to inherit.
func (all listeners) files() ([]*os.File, error) {
	files := make([]*os.File, 0, len(all))
	for _, l := range all {
		f, err := l.File()
		if err != nil {
			closeFiles(files)
			return nil, fmt.Errorf("duplicate the socket of entry point %s: %w", l.name, err)
		}
		files = append(files, f)
	}
	return files, nil
}

func closeFiles(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}

func (all listeners) names() string {
	names := make([]string, len(all))
	for i, l := range all {
		names[i] = l.name
	}
	return strings.Join(names, ":")
}

type process struct {
	cmd  *exec.Cmd
	done <-chan struct{}
}

func startProcess(binary string, args []string, dir string, env []string, listeners listeners, output io.Writer) (*process, error) {
	files, err := listeners.files()
	if err != nil {
		return nil, err
	}
	defer closeFiles(files)
	// Socket activation wants LISTEN_PID to be Traefik's own: the shell knows it, and hands it on by exec.
	cmd := exec.Command("/bin/sh", append([]string{"-c", `LISTEN_PID=$$ exec "$0" "$@"`, binary}, args...)...) //nolint:noctx // It lives until stop.
	cmd.Dir = dir
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"),
		"LISTEN_FDS=" + strconv.Itoa(len(files)),
		"LISTEN_FDNAMES=" + listeners.names(),
	}, env...)
	cmd.ExtraFiles = files
	cmd.Stdout = output
	cmd.Stderr = output
	cmd.SysProcAttr = childAttributes()

	done, err := attached.Start(cmd)
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", binary, err)
	}
	return &process{cmd: cmd, done: done}, nil
}

// stop asks the process to leave, and insists if it does not.
func (p *process) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	if err := p.signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
	}
	if err := p.signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-p.done
	return errors.New("traefik did not end by itself and was killed")
}

func (p *process) signal(signal os.Signal) error {
	if err := p.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("send %s to Traefik: %w", signal, err)
	}
	return nil
}
