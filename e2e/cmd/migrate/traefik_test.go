package main

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/seed05e46011/lambda/e2e/internal/traefik"
	"github.com/seed05e46011/lambda/e2e/lambdalocal"
	"github.com/seed05e46011/lambda/e2e/migrate"
)

const guardedSource = `
service: s
provider: {region: us-east-1, httpApi: {authorizers: {keys: {type: request, functionName: keys, enableSimpleResponses: true,
  identitySource: [$request.header.X-Key]}}}}
functions:
  site: {name: site, events: [httpApi: "*", httpApi: "GET /orders/open"]}
  order: {name: order, events: [httpApi: {method: get, path: "/orders/{id}", authorizer: {name: keys}}]}
  colon: {name: order, events: [httpApi: {method: get, path: "/a:b", authorizer: {name: keys}}]}
  admin: {name: admin, events: [httpApi: {method: "*", path: "/admin/{proxy+}", authorizer: {type: aws_iam}}]}
  keys: {name: keys}
`

const guardedHandlers = `
export const site = async () => 'site';
export const order = async () => 'order';
export const admin = async () => 'admin';
export const keys = async (event) => ({ isAuthorized: event.headers['x-key'] === 'good' });
`

// startTranslated runs Traefik with what is made of the source, in front of local functions.
func startTranslated(t *testing.T, source, handlers string, names ...string) *traefik.Instance {
	t.Helper()
	app := filepath.Join(t.TempDir(), "app.mjs")
	require.NoError(t, os.WriteFile(app, []byte(handlers), 0o600))
	functions := map[string]lambdalocal.Function{}
	for _, name := range names {
		functions[name] = lambdalocal.Function{Handler: filepath.Join(filepath.Dir(app), "app."+name), Timeout: 20 * time.Second}
	}
	server, err := lambdalocal.Start(t.Context(), lambdalocal.Config{Functions: functions})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })

	output, err := migrate.Translate([]byte(source), migrate.Options{Format: "file", Host: "127.0.0.1"})
	require.NoError(t, err)
	var dynamic map[string]map[string]map[string]map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(output), &dynamic))
	for _, middleware := range dynamic["http"]["middlewares"] {
		options := middleware["plugin"].(map[string]any)["lambda"].(map[string]any)
		options["endpoint"] = server.URL()
		options["credentials"] = map[string]any{"accessKeyId": "test", "secretAccessKey": "test"}
	}
	instance, err := traefik.Start(t.Context(), traefik.Options{Dynamic: dynamic})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, instance.Stop()) })
	return instance
}

func TestNoWayLeadsAroundAGuard(t *testing.T) {
	instance := startTranslated(t, guardedSource, guardedHandlers, "site", "order", "admin", "keys")
	for name, tt := range map[string]struct {
		method, path, key string
		status            int
	}{
		"a route without a guard":           {"GET", "/anything", "", 200},
		"one beside a guarded one":          {"GET", "/orders/open", "", 200},
		"a guarded one, without a key":      {"GET", "/orders/1", "", 401},
		"a guarded one, with a bad key":     {"GET", "/orders/1", "bad", 403},
		"a guarded one, with its key":       {"GET", "/orders/1", "good", 200},
		"with HEAD":                         {"HEAD", "/orders/1", "", 401},
		"with a slash that is escaped":      {"GET", "/orders/a%2Fb", "", 401},
		"with letters that are escaped":     {"GET", "/%6frders/1", "", 401},
		"with a colon":                      {"GET", "/a:b", "", 401},
		"with a colon that is escaped":      {"GET", "/a%3ab", "", 401},
		"with two slashes":                  {"GET", "//orders/1", "", 401},
		"with dots":                         {"GET", "/x/../orders/1", "", 401},
		"another method of a guarded route": {"POST", "/orders/1", "", 200},
		"a route that is left out":          {"GET", "/admin/users", "", 502},
		"it, with a slash that is escaped":  {"PUT", "/admin/a%2Fb", "", 502},
		"what is beside a route left out":   {"GET", "/administration", "", 200},
	} {
		t.Run(name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), tt.method, instance.URL+tt.path, http.NoBody)
			require.NoError(t, err)
			if tt.key != "" {
				request.Header.Set("X-Key", tt.key)
			}
			client := *instance.Client()
			client.CheckRedirect = nil
			response, err := client.Do(request)
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			assert.Equal(t, tt.status, response.StatusCode, "%s %s", tt.method, tt.path)
		})
	}
}
