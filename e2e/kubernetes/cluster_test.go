package kubernetes_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/seed05e46011/lambda/e2e/internal/attached"

	"golang.org/x/sys/unix"

	"github.com/seed05e46011/lambda/e2e/internal/repo"
)

const (
	startTimeout = 2 * time.Minute
	stopTimeout  = 30 * time.Second
	// Tokens of a cluster that lives for a few seconds, on the loopback interface.
	adminToken   = "admin-token"
	traefikToken = "traefik-token"
)

// cluster is a Kubernetes API server with its store. There are no nodes: nothing runs what is applied.
type cluster struct {
	dir  string
	url  string
	etcd *process
	api  *process
}

// startCluster returns when the API is ready. Its error names what is missing.
func startCluster(ctx context.Context) (*cluster, error) {
	binary := repo.Build("kube-apiserver")
	for _, program := range []string{"etcd", "kubectl", binary} {
		if _, err := exec.LookPath(program); err != nil {
			return nil, fmt.Errorf("%w: `make test-kubernetes` builds the API server, and installs Debian's etcd-server and kubernetes-client", err)
		}
	}
	dir, err := os.MkdirTemp("", "kubernetes-")
	if err != nil {
		return nil, fmt.Errorf("make the cluster's folder: %w", err)
	}
	c := &cluster{dir: dir}
	if err := c.start(ctx, binary); err != nil {
		return nil, errors.Join(err, c.stop())
	}
	return c, nil
}

func (c *cluster) start(ctx context.Context, binary string) (err error) {
	if err := c.writeFiles(); err != nil {
		return fmt.Errorf("write the cluster's files: %w", err)
	}
	// Both work in the cluster's folder, where their sockets are: no ports of TCP to choose.
	const store, peer = "unix://store.sock:0", "unix://peer.sock:0"
	if c.etcd, err = startProcess(c.dir, "etcd",
		"--data-dir=store",
		"--listen-client-urls="+store, "--advertise-client-urls="+store,
		"--listen-peer-urls="+peer, "--initial-advertise-peer-urls="+peer, "--initial-cluster=default="+peer,
	); err != nil {
		return err
	}
	port, release, err := reservePort()
	if err != nil {
		return fmt.Errorf("reserve a port for the API server: %w", err)
	}
	defer release()
	c.url = "https://127.0.0.1:" + strconv.Itoa(port)
	if c.api, err = startProcess(c.dir, binary,
		"--etcd-servers="+store,
		"--bind-address=127.0.0.1", "--secure-port="+strconv.Itoa(port), "--permit-port-sharing",
		"--cert-dir=certificates",
		"--token-auth-file=tokens.csv", "--authorization-mode=RBAC",
		"--service-account-issuer=https://kubernetes.example.org",
		"--service-account-key-file=key.pem", "--service-account-signing-key-file=key.pem",
		"--service-cluster-ip-range=10.0.0.0/24", "--endpoint-reconciler-type=none",
		// Its tokens and default accounts come from the controller manager, which there is none of.
		"--disable-admission-plugins=ServiceAccount",
	); err != nil {
		return err
	}
	return c.await(ctx)
}

// writeFiles makes the key that the API server signs with, and its users: an administrator, and the service account that
// Traefik's own manifest of roles gives its rights to.
func (c *cluster) writeFiles() error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	users := adminToken + ",admin,admin,system:masters\n" +
		traefikToken + ",system:serviceaccount:default:traefik-ingress-controller,traefik,\n"
	return errors.Join(
		os.WriteFile(filepath.Join(c.dir, "key.pem"), block, 0o600),
		os.WriteFile(filepath.Join(c.dir, "tokens.csv"), []byte(users), 0o600),
	)
}

// reservePort finds a free port and keeps it from others until release is called, but not from a server that shares its
// port: the API server cannot choose one itself.
func reservePort() (port int, release func(), err error) {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, nil, err
	}
	release = func() { _ = unix.Close(socket) }
	if err := errors.Join(
		unix.SetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1),
		unix.Bind(socket, &unix.SockaddrInet4{Addr: [4]byte(net.IPv4(127, 0, 0, 1).To4())}),
	); err != nil {
		release()
		return 0, nil, err
	}
	address, err := unix.Getsockname(socket)
	if err != nil {
		release()
		return 0, nil, err
	}
	return address.(*unix.SockaddrInet4).Port, release, nil
}

func (c *cluster) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		out, err := c.kubectl(ctx, "get", "--raw", "/readyz")
		if err == nil && out == "ok" {
			return nil
		}
		select {
		case <-c.etcd.done:
			return fmt.Errorf("etcd has ended:\n%s", c.etcd.log.String())
		case <-c.api.done:
			return fmt.Errorf("kube-apiserver has ended:\n%s", c.api.log.String())
		case <-ctx.Done():
			return fmt.Errorf("kube-apiserver is not ready: %w", err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// authority is the file with the certificate to trust.
func (c *cluster) authority() string { return filepath.Join(c.dir, "certificates", "apiserver.crt") }

// kubectl runs a command as the administrator.
func (c *cluster) kubectl(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "kubectl",
		"--server", c.url, "--certificate-authority", c.authority(), "--token", adminToken,
		"--cache-dir", filepath.Join(c.dir, "cache"),
	)
	cmd.Args = append(cmd.Args, args...)
	// Nothing of the developer's own clusters.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + c.dir}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("kubectl %s: %w\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out), nil
}

// apply applies a file, as it is.
func (c *cluster) apply(ctx context.Context, args ...string) error {
	_, err := c.kubectl(ctx, append([]string{"apply", "-f"}, args...)...)
	return err
}

func (c *cluster) stop() error {
	return errors.Join(c.api.stop(), c.etcd.stop(), os.RemoveAll(c.dir))
}

// process is a program that runs until stop.
type process struct {
	cmd  *exec.Cmd
	done <-chan struct{}
	log  bytes.Buffer
}

func startProcess(dir, program string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(program, args...)}
	p.cmd.Dir = dir
	p.cmd.Stdout = &p.log
	p.cmd.Stderr = &p.log
	// A test that is killed takes the program along.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	done, err := attached.Start(p.cmd)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	p.done = done
	return p, nil
}

// stop asks the program to leave, and insists if it does not. A nil process has not been started.
func (p *process) stop() error {
	if p == nil {
		return nil
	}
	for _, signal := range []os.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if err := p.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("end %s: %w", p.cmd.Path, err)
		}
		select {
		case <-p.done:
			return nil
		case <-time.After(stopTimeout):
		}
	}
	return fmt.Errorf("%s, process %d, does not end", p.cmd.Path, p.cmd.Process.Pid)
}
