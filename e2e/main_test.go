// Package e2e_test sends requests through a real Traefik, with the plugin interpreted from its sources, to real
// functions behind a local Lambda endpoint that verifies signatures.
package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/seed05e46011/lambda/e2e/internal/suite"

	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/functions"
	"github.com/seed05e46011/lambda/e2e/internal/traefik"
	"github.com/seed05e46011/lambda/e2e/lambdalocal"
)

// m is a piece of dynamic configuration.
type m = map[string]any

// What every site's options hold unless the test says otherwise.
const (
	region       = "eu-central-1"
	accessKeyID  = "AKIDEXAMPLE"
	secretKey    = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	sessionToken = "IQoJb3JpZ2luX2VjEXAMPLETOKEN//"
)

var credential = lambdalocal.Credential{AccessKeyID: accessKeyID, SecretAccessKey: secretKey, SessionToken: sessionToken}

// patience bounds what takes milliseconds, with room for a busy machine.
const patience = 20 * time.Second

// All tests share one Traefik and one Lambda endpoint: starting them takes longer than most tests.
var (
	gateway *traefik.Instance
	lambda  *lambdalocal.Server
)

func TestMain(m *testing.M) {
	suite.Main("e2e", "", func(ctx context.Context) (int, error) { return runTests(ctx, m) })
}

func runTests(ctx context.Context, m *testing.M) (code int, err error) {
	built, err := functions.Build(ctx)
	if err != nil {
		return 1, err
	}
	// A function that is slow, and has room for one invocation at a time.
	slow := built["sleep"]
	slow.Concurrency = 1
	built["narrow"] = slow
	lambda, err = lambdalocal.Start(ctx, lambdalocal.Config{
		Functions:   built,
		Credentials: []lambdalocal.Credential{credential},
	})
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, lambda.Close()) }()
	gateway, err = traefik.Start(ctx, traefik.Options{
		// Nobody answers at that address here, and the search would wait for it.
		Env: []string{"AWS_EC2_METADATA_DISABLED=true"},
		// The status for a client that has gone is seen in the access log alone.
		Args: []string{"--accesslog.addinternals=true", "--accesslog.filters.statuscodes=499"},
	})
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, gateway.Stop()) }()
	return m.Run(), nil
}

// site is a host of its own, with one router and one middleware.
type site struct {
	host string
	// middleware is the name that the plugin's log lines begin with.
	middleware string
}

// The sites that Traefik serves; tests run one after the other.
var (
	routers     = m{}
	middlewares = m{}
	sites       int
)

// newSite routes a host to the plugin. options are set over those that reach the local endpoint; nil takes one away.
func newSite(t *testing.T, options m) *site {
	t.Helper()
	sites++
	name := fmt.Sprintf("site%d", sites)
	s := &site{host: name + ".example.org", middleware: name + "@file"}
	all := m{
		"endpoint": lambda.URL(),
		"region":   region,
		"credentials": m{
			"accessKeyId": accessKeyID, "secretAccessKey": secretKey, "sessionToken": sessionToken,
		},
	}
	maps.Copy(all, options)
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	routers[name] = m{"rule": "Host(`" + s.host + "`)", "service": "noop@internal", "middlewares": []string{name}}
	middlewares[name] = m{"plugin": m{traefik.PluginName: all}}
	t.Cleanup(func() {
		delete(routers, name)
		delete(middlewares, name)
	})
	require.NoError(t, gateway.Update(t.Context(), m{"http": m{"routers": routers, "middlewares": middlewares}}))
	return s
}

// request returns a request to the site; the test may change it before it sends it.
func (s *site) request(t *testing.T, method, target string, body io.Reader) *http.Request {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, gateway.URL+target, body)
	require.NoError(t, err)
	request.Host = s.host
	return request
}

// answer is a response whose body has been read.
type answer struct {
	*http.Response
	body string
}

func send(t *testing.T, request *http.Request) answer {
	t.Helper()
	response, err := gateway.Client().Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return answer{response, string(body)}
}

// get sends a GET request without anything else.
func (s *site) get(t *testing.T, target string) answer {
	t.Helper()
	return send(t, s.request(t, http.MethodGet, target, http.NoBody))
}

// logLine returns the one line that the plugin logged for the site and a status.
func (s *site) logLine(t *testing.T, status int) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	line, err := gateway.AwaitLog(ctx, fmt.Sprintf("%s: %d ", s.middleware, status))
	require.NoError(t, err)
	return line
}

func countLines(log, want string) int {
	n := 0
	for line := range strings.Lines(log) {
		if strings.Contains(line, want) {
			n++
		}
	}
	return n
}
