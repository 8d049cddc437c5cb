package traefik

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"go.yaml.in/yaml/v3"
)

// applyTimeout bounds the wait for a configuration: interpreting the plugin takes a second or two, more on a busy machine.
const applyTimeout = time.Minute

// Update replaces the dynamic configuration, in the form of Options.Dynamic, and returns when every entry point uses it.
// Traefik applies it once.
func (i *Instance) Update(ctx context.Context, dynamic any) error {
	if err := i.writeDynamic(dynamic); err != nil {
		return err
	}
	// Traefik reads its files again. Were it to watch them it would do so once for each.
	if err := i.process.signal(syscall.SIGHUP); err != nil {
		return err
	}
	return i.awaitApplied(ctx)
}

// writeDynamic leaves two files to the file provider, which applies all of its directory or nothing: the caller's, and
// the marker by which to know that it has.
func (i *Instance) writeDynamic(dynamic any) error {
	content, err := marshalDynamic(dynamic)
	if err != nil {
		return err
	}
	i.generation++
	for name, content := range map[string][]byte{
		"dynamic.yml": content,
		"applied.yml": fmt.Appendf(nil, markerConfig, markerPath, i.marker()),
	} {
		if err := os.WriteFile(filepath.Join(i.dynamicDir(), name), content, 0o600); err != nil {
			return fmt.Errorf("write the dynamic configuration: %w", err)
		}
	}
	return nil
}

// The marker is a response header, for any router of the caller's may answer on the marker's path with any status.
const (
	markerPath   = "/.well-known/traefik-applied"
	markerHeader = "X-Traefik-Applied"
	markerConfig = `http:
  routers:
    applied:
      rule: Path("%s")
      priority: 1000000
      middlewares: [applied]
      service: ping@internal
  middlewares:
    applied:
      headers:
        customResponseHeaders:
          ` + markerHeader + `: "%s"
`
)

func (i *Instance) marker() string { return strconv.Itoa(i.generation) }

func marshalDynamic(dynamic any) ([]byte, error) {
	switch dynamic := dynamic.(type) {
	case nil:
		return nil, nil
	case string:
		return []byte(dynamic), nil
	}
	content, err := yaml.Marshal(dynamic)
	if err != nil {
		return nil, fmt.Errorf("marshal the dynamic configuration: %w", err)
	}
	return []byte(strings.ReplaceAll(string(content), "{{", `{{"{{"}}`)), nil
}

// awaitApplied returns when the marker of the latest configuration answers. Traefik switches its entry points one after
// the other, so each is asked.
func (i *Instance) awaitApplied(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, applyTimeout)
	defer cancel()
	for _, base := range []string{i.URL, i.TLSURL} {
		for !i.applied(ctx, base) {
			select {
			case <-i.Done():
				return fmt.Errorf("traefik has ended (%s):\n%s", i.process.cmd.ProcessState, i.Logs())
			default:
			}
			if err := pause(ctx); err != nil {
				return fmt.Errorf("await the dynamic configuration: %w\n%s", err, i.Logs())
			}
		}
	}
	return nil
}

func (i *Instance) applied(ctx context.Context, base string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+markerPath, http.NoBody)
	if err != nil {
		return false
	}
	response, err := i.client.Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.Header.Get(markerHeader) == i.marker()
}

// flags returns the static configuration. Traefik takes the sockets of listeners for the entry points of their names;
// the addresses are for its log.
func flags(dynamicDir, module string, options Options, listeners listeners) []string {
	level := options.LogLevel
	if level == "" {
		level = "ERROR"
	}
	args := []string{
		"--global.checknewversion=false",
		"--global.sendanonymoususage=false",
		"--log.level=" + level,
		"--log.nocolor=true",
		"--providers.file.directory=" + dynamicDir,
		"--providers.file.watch=false",
		"--providers.providersthrottleduration=0s",
		"--experimental.localplugins." + PluginName + ".modulename=" + module,
		"--experimental.abortonpluginfailure=true",
		"--ping=true",
		"--ping.manualrouting=true",
		"--entrypoints." + entryPointTLS + ".http.tls=true",
	}
	for _, l := range listeners {
		args = append(args, "--entrypoints."+l.name+".address="+l.Addr().String())
	}
	if options.Debug {
		args = append(args, "--api.insecure=true", "--api.debug=true", "--api.dashboard=false")
	}
	return append(args, options.Args...)
}
