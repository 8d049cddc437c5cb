// Package traefik runs real Traefik processes that load the plugin from its sources, as an operator's
// `experimental.localPlugins` does, for tests, benchmarks and `make run`.
package traefik

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// PluginName is the name under which dynamic configurations find the plugin: `plugin: {lambda: {…}}`.
const PluginName = "lambda"

// Options defines one Traefik process. The zero value is a Traefik without routers on free loopback ports.
type Options struct {
	// Dynamic defines the dynamic configuration for the file provider: a string is taken as a YAML file is (the file
	// provider expands Go templates in it), anything else is marshalled to YAML and arrives literally.
	// Default: no routers.
	Dynamic any
	// Addr defines the host:port of the plain HTTP entry point, named `web`.
	// Default: 127.0.0.1:0, a free port.
	Addr string
	// LogLevel defines Traefik's log level.
	// Default: ERROR, Traefik's own.
	LogLevel string
	// PluginDir defines the folder with the plugin's sources and its .traefik.yml.
	// Default: the root of this repository.
	PluginDir string
	// Args defines more flags of static configuration, such as `--accesslog=true`.
	Args []string
	// Env defines more environment variables, as `NAME=value`. Nothing of the caller's environment but PATH reaches
	// Traefik, so that no credential of a developer's machine decides what a test sees.
	Env []string
	// Debug defines whether DebugURL serves Traefik's API and pprof under /debug/pprof/.
	Debug bool
	// Output defines where Traefik's log goes besides Logs.
	// Default: nowhere.
	Output io.Writer
}

// Instance is a running Traefik. Its methods may be called from several goroutines, Update from one at a time.
type Instance struct {
	// URL is the base of the plain HTTP entry point, without a slash at its end.
	URL string
	// TLSURL is the base of the entry point `websecure`: HTTP/1.1 and HTTP/2 over TLS, Traefik's self-signed certificate.
	TLSURL string
	// DebugURL is the base of Traefik's API; empty without Options.Debug.
	DebugURL string

	dir        string
	generation int
	process    *process
	log        *logBuffer
	client     *http.Client
}

// Start runs Traefik and returns when its first dynamic configuration is in use. ctx bounds the start alone; Stop ends
// the process. An error carries Traefik's log: a port that is taken, a plugin that Yaegi refuses, a bad YAML file.
func Start(ctx context.Context, options Options) (*Instance, error) {
	binary, err := Binary(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "traefik-")
	if err != nil {
		return nil, fmt.Errorf("make Traefik's working directory: %w", err)
	}
	i := &Instance{dir: dir, log: &logBuffer{copyTo: options.Output}, client: newClient()}
	if err := i.start(ctx, binary, options); err != nil {
		return nil, errors.Join(fmt.Errorf("start Traefik: %w", err), i.Stop())
	}
	return i, nil
}

func (i *Instance) start(ctx context.Context, binary string, options Options) error {
	module, err := installPlugin(options.PluginDir, i.dir)
	if err != nil {
		return err
	}
	if err := os.Mkdir(i.dynamicDir(), 0o750); err != nil {
		return fmt.Errorf("make the file provider's directory: %w", err)
	}
	if err := i.writeDynamic(options.Dynamic); err != nil {
		return err
	}
	listeners, err := listen(options)
	if err != nil {
		return err
	}
	defer listeners.close()
	i.URL = "http://" + listeners.addr(entryPointWeb)
	i.TLSURL = "https://" + listeners.addr(entryPointTLS)
	if options.Debug {
		i.DebugURL = "http://" + listeners.addr(entryPointDebug)
	}
	i.process, err = startProcess(binary, flags(i.dynamicDir(), module, options, listeners), i.dir, options.Env, listeners, i.log)
	if err != nil {
		return err
	}
	// From here Traefik alone holds the sockets: were it to die, clients see refused connections, not silence.
	listeners.close()
	return i.awaitApplied(ctx)
}

// PID returns the process id, for measuring its memory.
func (i *Instance) PID() int { return i.process.cmd.Process.Pid }

// Done is closed when the process has ended, whoever ended it.
func (i *Instance) Done() <-chan struct{} { return i.process.done }

// Logs returns what Traefik and the plugin have written so far, standard output and standard error together.
func (i *Instance) Logs() string { return i.log.String() }

// AwaitLog returns the first line of the log that has want in it, or an error with the whole log when ctx ends before.
func (i *Instance) AwaitLog(ctx context.Context, want string) (string, error) {
	for {
		if line, found := i.log.lineWith(want); found {
			return line, nil
		}
		if err := pause(ctx); err != nil {
			return "", fmt.Errorf("await %q in Traefik's log: %w\n%s", want, err, i.Logs())
		}
	}
}

// Client returns a client that trusts Traefik's certificate, offers HTTP/2 over TLS, follows no redirect, asks for no
// compression and uses no proxy: what the function answered is what a test sees.
func (i *Instance) Client() *http.Client { return i.client }

// Stop ends Traefik, by SIGKILL if it has not left by itself after a few seconds, and removes its files.
// Calling it again does nothing.
func (i *Instance) Stop() error {
	i.client.CloseIdleConnections()
	var err error
	if i.process != nil {
		err = i.process.stop()
	}
	return errors.Join(err, os.RemoveAll(i.dir))
}

func (i *Instance) dynamicDir() string { return filepath.Join(i.dir, "dynamic") }

func newClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			TLSClientConfig:     &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // Traefik makes a new self-signed certificate at every start.
			ForceAttemptHTTP2:   true,
			DisableCompression:  true,
			MaxIdleConnsPerHost: 64,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// pause waits for the next poll of a state that Traefik does not announce.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(10 * time.Millisecond):
		return nil
	}
}
