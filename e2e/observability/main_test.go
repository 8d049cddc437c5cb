// Package observability_test watches a real Traefik with a real Prometheus, and with the files of examples/observability.
package observability_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/functions"
	"github.com/seed05e46011/lambda/e2e/internal/suite"
	"github.com/seed05e46011/lambda/e2e/internal/traefik"
	"github.com/seed05e46011/lambda/e2e/lambdalocal"
	"github.com/seed05e46011/lambda/e2e/lambdalocal/awslocal"
)

// m is a piece of dynamic configuration.
type m = map[string]any

// patience bounds what takes a second or two, with room for a busy machine.
const patience = time.Minute

// What all tests share.
var (
	lambda  *lambdalocal.Server
	spans   *sink
	gateway *traefik.Instance
)

func TestMain(m *testing.M) {
	suite.Main("observability", "SKIP_OBSERVABILITY", func(ctx context.Context) (int, error) { return runTests(ctx, m) })
}

func runTests(ctx context.Context, m *testing.M) (code int, err error) {
	if err := findPrometheus(); err != nil {
		return 1, err
	}
	built, err := functions.Build(ctx)
	if err != nil {
		return 1, err
	}
	narrow := built["sleep"]
	narrow.Concurrency = 1
	built["narrow"] = narrow
	lambda, err = lambdalocal.Start(ctx, lambdalocal.Config{Functions: built})
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, lambda.Close()) }()
	env, stop, err := credentials(ctx)
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	spans = startSink()
	defer spans.server.Close()
	gateway, err = traefik.Start(ctx, traefik.Options{
		Env:   env,
		Debug: true,
		Args: []string{
			"--tracing.otlp.http.endpoint=" + spans.server.URL + "/v1/traces",
			"--tracing.serviceName=traefik",
			"--tracing.addinternals=true", // routers whose service is noop@internal among them
		},
	})
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, gateway.Stop()) }()
	return m.Run(), nil
}

// credentials starts what gives Traefik credentials that end after an hour, and returns the environment to find it with.
func credentials(ctx context.Context) (env []string, stop func() error, err error) {
	aws, err := awslocal.Start(ctx, awslocal.Config{Lambda: lambda})
	if err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp("", "credentials-")
	if err != nil {
		return nil, nil, errors.Join(err, aws.Close())
	}
	env, err = aws.Environment(awslocal.Container, dir)
	return env, func() error { return errors.Join(aws.Close(), os.RemoveAll(dir)) }, err
}

// function returns the options of a middleware for a function.
func function(name string, options m) m {
	all := m{"function": name, "endpoint": lambda.URL(), "region": "eu-central-1"}
	for option, value := range options {
		all[option] = value
	}
	return all
}

// serve has the gateway serve each middleware of the plugin under a host of its name.
func serve(t *testing.T, middlewares map[string]m) {
	t.Helper()
	require.NoError(t, gateway.Update(t.Context(), dynamic(middlewares)))
}

func dynamic(middlewares map[string]m) m {
	routers := m{}
	plugins := m{}
	for name, options := range middlewares {
		routers[name] = m{"rule": "Host(`" + name + "`)", "service": "noop@internal", "middlewares": []string{name}}
		plugins[name] = m{"plugin": m{traefik.PluginName: options}}
	}
	return m{"http": m{"routers": routers, "middlewares": plugins}}
}

// get asks a host of the gateway, and returns the status and the body.
func get(t *testing.T, host, target string, header http.Header) (status int, body string) {
	t.Helper()
	status, body, err := ask(t.Context(), host, target, header)
	require.NoError(t, err)
	return status, body
}

// ask is get for goroutines that are not the test's.
func ask(ctx context.Context, host, target string, header http.Header) (status int, body string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, gateway.URL+target, http.NoBody)
	if err != nil {
		return 0, "", err
	}
	request.Host = host
	for name, values := range header {
		request.Header[name] = values
	}
	response, err := gateway.Client().Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, "", fmt.Errorf("read the response: %w", err)
	}
	return response.StatusCode, string(content), nil
}
