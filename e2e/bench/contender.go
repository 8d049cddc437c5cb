package main

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/seed05e46011/lambda/e2e/bench/child"
	"github.com/seed05e46011/lambda/e2e/internal/repo"
	"github.com/seed05e46011/lambda/e2e/internal/traefik"
)

// The contenders, in the order of the tables.
const (
	proxy          = "Traefik's reverse proxy"
	plugin         = "Traefik with the plugin"
	gateway        = "gateway on AWS's SDK"
	traefikGateway = "Traefik before that gateway"
)

var allContenders = []string{proxy, plugin, gateway, traefikGateway}

// programs is where the benchmark's own programs and the stand-in's certificate are.
type programs struct {
	dir string
}

// buildPrograms compiles the stand-in and the gateway.
func buildPrograms(ctx context.Context, dir string) (*programs, error) {
	build := exec.CommandContext(ctx, "go", "build", "-o", dir+string(filepath.Separator), "./bench/gateway", "./bench/standin")
	build.Dir = filepath.Join(repo.Root(), "e2e")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the gateway and the stand-in: %w\n%s", err, out)
	}
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	p := &programs{dir: dir}
	if err := os.WriteFile(p.ca(), certificate, 0o600); err != nil {
		return nil, fmt.Errorf("write the stand-in's certificate: %w", err)
	}
	return p, nil
}

func (p *programs) gateway() string { return filepath.Join(p.dir, "gateway") }
func (p *programs) standin() string { return filepath.Join(p.dir, "standin") }
func (p *programs) ca() string      { return filepath.Join(p.dir, "ca.pem") }

// contender is one way from a client to the function, as a set of running processes.
type contender struct {
	name string
	url  string // base, of what the client asks
	pids []int  // of all that is between the client and the stand-in

	logs  func() string // Traefik's, nil where there is none
	stops []func() error
}

func (c *contender) stop() error {
	errs := make([]error, len(c.stops))
	for i, stop := range c.stops {
		errs[i] = stop()
	}
	return errors.Join(errs...)
}

// failed adds to an error what Traefik has logged.
func (c *contender) failed(doing string, err error) error {
	err = fmt.Errorf("%s: %s: %w", c.name, doing, err)
	if c.logs == nil || c.logs() == "" {
		return err
	}
	const longest = 8 << 10
	logs := c.logs()
	return fmt.Errorf("%w\nTraefik's log begins:\n%s", err, logs[:min(longest, len(logs))])
}

// field is what one case is measured on: the stand-in, and the contenders before it.
type field struct {
	programs   *programs
	bench      *benchCase
	standin    *child.Process
	contenders []*contender
}

// startField starts the stand-in. The contenders are added by start.
func startField(p *programs, c *benchCase) (*field, error) {
	standin, err := child.Start(p.standin(), 2)
	if err != nil {
		return nil, err
	}
	return &field{programs: p, bench: c, standin: standin}, nil
}

func (f *field) stop() error {
	errs := make([]error, len(f.contenders))
	for i, c := range f.contenders {
		errs[i] = c.stop()
	}
	return errors.Join(errors.Join(errs...), f.standin.Stop())
}

// contenders returns the names of those that know the case.
func (c *benchCase) contenders() []string {
	if c.alone {
		return []string{proxy, plugin}
	}
	return allContenders
}

// start adds a contender. What it has started is stopped by stop, after an error too.
func (f *field) start(ctx context.Context, name string) (*contender, error) {
	c := &contender{name: name}
	f.contenders = append(f.contenders, c)
	var err error
	switch name {
	case proxy:
		err = f.startTraefik(ctx, c, f.proxyConfig(f.endpoint()))
	case plugin:
		err = f.startTraefik(ctx, c, f.pluginConfig())
	case gateway:
		err = f.startGateway(c)
	case traefikGateway:
		if err = f.startGateway(c); err == nil {
			err = f.startTraefik(ctx, c, f.proxyConfig(c.url))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return c, nil
}

func (f *field) startGateway(c *contender) error {
	process, err := child.Start(f.programs.gateway(), 1, f.environment()...)
	if err != nil {
		return err
	}
	c.url = "http://" + process.Addrs[0]
	c.pids = append(c.pids, process.PID())
	c.stops = append(c.stops, process.Stop)
	return nil
}

func (f *field) startTraefik(ctx context.Context, c *contender, dynamic m) error {
	instance, err := traefik.Start(ctx, traefik.Options{Dynamic: dynamic, Env: f.environment()})
	if err != nil {
		return err
	}
	c.url = instance.URL
	c.pids = append(c.pids, instance.PID())
	c.logs = instance.Logs
	c.stops = append(c.stops, instance.Stop)
	return nil
}

// endpoint is the stand-in's address.
func (f *field) endpoint() string {
	if f.bench.tls {
		return "https://" + f.standin.Addrs[1]
	}
	return "http://" + f.standin.Addrs[0]
}

// environment is what the SDK and the plugin read alike, and what the SDK alone does.
func (f *field) environment() []string {
	env := []string{
		"AWS_REGION=eu-central-1",
		"AWS_ENDPOINT_URL_LAMBDA=" + f.endpoint(),
		"AWS_CA_BUNDLE=" + f.programs.ca(),
		"AWS_EC2_METADATA_DISABLED=true",
	}
	if f.bench.refresh {
		return append(env, "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://"+f.standin.Addrs[0]+"/credentials")
	}
	return append(env, "AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=secret")
}

// proxyConfig is a Traefik that hands the requests on to a server.
func (f *field) proxyConfig(server string) m {
	routers := m{}
	for n := range max(1, f.bench.routes) {
		routers[fmt.Sprintf("route%d", n)] = m{"rule": f.bench.rule(n), "service": "server"}
	}
	return m{"http": m{
		"routers": routers,
		"services": m{"server": m{"loadBalancer": m{
			"servers":          []m{{"url": server}},
			"serversTransport": "trusting",
		}}},
		"serversTransports": m{"trusting": m{
			"rootCAs":             []string{f.programs.ca()},
			"maxIdleConnsPerHost": 200, // as much as Traefik's own default transport; the default of others is 2
		}},
	}}
}

// pluginConfig is a Traefik whose requests the plugin answers.
func (f *field) pluginConfig() m {
	routers, middlewares := m{}, m{}
	for n := range max(1, f.bench.routes) {
		name := fmt.Sprintf("route%d", n)
		routers[name] = m{"rule": f.bench.rule(n), "middlewares": []string{name}, "service": "noop@internal"}
		middlewares[name] = m{"plugin": m{traefik.PluginName: f.pluginOptions(n)}}
	}
	if f.bench.metered {
		routers["metrics"] = m{"rule": "Path(`/metrics`)", "middlewares": []string{"metrics"}, "service": "noop@internal"}
		middlewares["metrics"] = m{"plugin": m{traefik.PluginName: m{"metrics": true}}}
	}
	return m{"http": m{"routers": routers, "middlewares": middlewares}}
}

func (f *field) pluginOptions(route int) m {
	options := m{"endpoint": f.endpoint()}
	maps.Copy(options, f.bench.options)
	if options["routes"] == nil && options["pathPrefix"] == nil {
		options["function"] = f.bench.function
	}
	if f.bench.routes > 0 {
		options["qualifier"] = fmt.Sprintf("alias%d", route)
	}
	if f.bench.tls {
		options["tls"] = m{"caFile": f.programs.ca()}
	}
	return options
}

// rule matches the path of one route, or with a single router all that is asked.
func (c *benchCase) rule(route int) string {
	if c.routes == 0 {
		return "PathPrefix(`/`)"
	}
	return "Path(`" + c.route(route) + "`)"
}
