package docker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/seed05e46011/lambda/e2e/internal/attached"
)

const (
	startTimeout = time.Minute
	// stopTimeout is more than dockerd gives its containers, which is 15 seconds.
	stopTimeout = 40 * time.Second
)

// engine is a Docker engine of these tests' own: it shares neither images nor containers nor networks with one that the
// developer may have, and is gone with all of them at its end.
type engine struct {
	dir        string
	cgroup     string
	interfaces []string
	process    *exec.Cmd
	done       <-chan struct{}
	log        bytes.Buffer
}

// startEngine returns when the engine takes commands. Its error names what is missing.
func startEngine(ctx context.Context) (*engine, error) {
	for _, program := range []string{"dockerd", "docker", "docker-compose"} {
		if _, err := exec.LookPath(program); err != nil {
			return nil, fmt.Errorf("%w: `make test-docker` installs Debian's docker.io and docker-compose", err)
		}
	}
	if os.Getuid() != 0 {
		return nil, errors.New("a Docker engine can only be started by root")
	}
	dir, err := os.MkdirTemp("", "docker-")
	if err != nil {
		return nil, fmt.Errorf("make the engine's folder: %w", err)
	}
	e := &engine{dir: dir, cgroup: filepath.Base(dir)}
	if e.interfaces, err = interfaces(); err != nil {
		return nil, err
	}
	if err := e.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start dockerd: %w", err), e.stop())
	}
	return e, nil
}

func (e *engine) start(ctx context.Context) error {
	// No default bridge and no rules of iptables: both would outlive the engine, and Compose needs neither.
	e.process = exec.Command("dockerd",
		"--host", "unix://"+e.socket(),
		"--data-root", filepath.Join(e.dir, "data"),
		"--exec-root", filepath.Join(e.dir, "exec"),
		"--pidfile", filepath.Join(e.dir, "pid"),
		"--config-file", e.emptyConfig(),
		"--cgroup-parent", "/"+e.cgroup,
		"--bridge", "none",
		"--iptables=false", "--ip6tables=false",
	)
	e.process.Stdout = &e.log
	e.process.Stderr = &e.log
	// A test that is killed takes the engine along, and the engine its containers.
	e.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := os.WriteFile(e.emptyConfig(), []byte("{}"), 0o600); err != nil {
		return err
	}
	done, err := attached.Start(e.process)
	if err != nil {
		return err
	}
	e.done = done
	return e.await(ctx)
}

// emptyConfig is a file that keeps /etc/docker/daemon.json, which may contradict the flags, out.
func (e *engine) emptyConfig() string { return filepath.Join(e.dir, "daemon.json") }

func (e *engine) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		if err := e.command(ctx, "docker", "version").Run(); err == nil {
			return nil
		}
		select {
		case <-e.done:
			return fmt.Errorf("it has ended:\n%s", e.log.String())
		case <-ctx.Done():
			return fmt.Errorf("it does not answer: %w", ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// command prepares a client of the engine, in the environment that a user of the examples has.
func (e *engine) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + os.Getenv("HOME"),
		"DOCKER_HOST=unix://" + e.socket(),
		// No settings of the developer's; and the builder that Docker has without its plugins.
		"DOCKER_CONFIG=" + filepath.Join(e.dir, "config"),
		"DOCKER_BUILDKIT=0",
		// What the examples let their users choose.
		"DOCKER_SOCKET=" + e.socket(),
		"LISTEN=127.0.0.1:",
	}
	return cmd
}

func (e *engine) socket() string { return filepath.Join(e.dir, "docker.sock") }

// do runs a client of the engine, and returns what it prints.
func (e *engine) do(ctx context.Context, name string, args ...string) (string, error) {
	cmd := e.command(ctx, name, args...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return string(out), nil
}

// build makes an image of a folder; its Dockerfile is not in the folder.
func (e *engine) build(ctx context.Context, image, dockerfile, folder string) error {
	cmd := e.command(ctx, "docker", "build", "--quiet", "--tag", image, "--file", dockerfile, folder)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the image %s: %w\n%s", image, err, out)
	}
	return nil
}

// stop ends the engine and reports what it has left behind.
func (e *engine) stop() error {
	var errs []error
	if e.process.Process != nil {
		errs = append(errs, e.end())
	}
	errs = append(errs, os.RemoveAll(e.dir), e.removeCgroups(), e.foreignInterfaces())
	return errors.Join(errs...)
}

func (e *engine) end() error {
	if err := e.process.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("end dockerd: %w", err)
	}
	select {
	case <-e.done:
		return nil
	case <-time.After(stopTimeout):
		return fmt.Errorf("dockerd, process %d, does not end", e.process.Process.Pid)
	}
}

// removeCgroups removes the groups that dockerd leaves behind, empty.
func (e *engine) removeCgroups() error {
	roots, err := filepath.Glob("/sys/fs/cgroup/*/" + e.cgroup)
	if err != nil {
		return err
	}
	var errs []error
	for _, root := range append(roots, filepath.Join("/sys/fs/cgroup", e.cgroup)) {
		errs = append(errs, removeTree(root))
	}
	return errors.Join(errs...)
}

// removeTree removes folders from the innermost out: files in a control group are no files, and cannot be removed.
func removeTree(root string) error {
	var folders []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			folders = append(folders, path)
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, folder := range slices.Backward(folders) {
		err = errors.Join(err, syscall.Rmdir(folder))
	}
	return err
}

func (e *engine) foreignInterfaces() error {
	now, err := interfaces()
	if err != nil {
		return err
	}
	for _, name := range now {
		if !slices.Contains(e.interfaces, name) {
			err = errors.Join(err, fmt.Errorf("the network interface %s is left", name))
		}
	}
	return err
}

func interfaces() ([]string, error) {
	all, err := net.Interfaces()
	names := make([]string, len(all))
	for i, one := range all {
		names[i] = one.Name
	}
	return names, err
}
