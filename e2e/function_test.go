package e2e_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/functions"
	"github.com/seed05e46011/lambda/e2e/internal/traefik"
	"github.com/seed05e46011/lambda/e2e/lambdalocal"
)

func TestFunctionIsFoundByEveryWayToNameIt(t *testing.T) {
	const arn = "arn:aws:lambda:eu-central-1:123456789012:function:echo"
	for name, row := range map[string]struct {
		options m
		target  string
	}{
		"its name":                       {m{"function": "echo"}, "/2015-03-31/functions/echo/invocations"},
		"a name with an alias":           {m{"function": "echo:live"}, "/2015-03-31/functions/echo/invocations?Qualifier=live"},
		"an alias apart":                 {m{"function": "echo", "qualifier": "live"}, "/2015-03-31/functions/echo/invocations?Qualifier=live"},
		"the latest version":             {m{"function": "echo", "qualifier": "$LATEST"}, "/2015-03-31/functions/echo/invocations?Qualifier=%24LATEST"},
		"a partial ARN with a version":   {m{"function": "123456789012:function:echo:7"}, "/2015-03-31/functions/123456789012%3Afunction%3Aecho/invocations?Qualifier=7"},
		"an ARN, which holds the region": {m{"function": arn, "region": nil}, "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-central-1%3A123456789012%3Afunction%3Aecho/invocations"},
		"an ARN with an alias":           {m{"function": arn + ":live"}, "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-central-1%3A123456789012%3Afunction%3Aecho/invocations?Qualifier=live"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, row.options)
			assert.Equal(t, 200, s.get(t, "/").StatusCode)
			requests := lambda.Requests()
			assert.Equal(t, row.target, requests[len(requests)-1].Target)
		})
	}
}

// With https and credentials in the environment, as on AWS itself.
func TestEndpointOverTLSWithTheEnvironmentsCredentials(t *testing.T) {
	built, err := functions.Build(t.Context())
	require.NoError(t, err)
	server, err := lambdalocal.Start(t.Context(), lambdalocal.Config{
		TLS: true, Functions: built, Credentials: []lambdalocal.Credential{credential},
	})
	require.NoError(t, err)
	defer func() { assert.NoError(t, server.Close()) }()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(ca, server.CAPEM(), 0o600))

	for name, row := range map[string]struct {
		env    []string
		status int
		logged string
	}{
		"a certificate that the system trusts":  {[]string{"SSL_CERT_FILE=" + ca}, 200, ""},
		"a certificate of an unknown authority": {nil, 502, "certificate signed by unknown authority"},
	} {
		t.Run(name, func(t *testing.T) {
			instance, err := traefik.Start(t.Context(), traefik.Options{
				Env: append(row.env, "AWS_ACCESS_KEY_ID="+accessKeyID, "AWS_SECRET_ACCESS_KEY="+secretKey,
					"AWS_SESSION_TOKEN="+sessionToken, "AWS_REGION="+region),
				Dynamic: m{"http": m{
					"routers":     m{"all": m{"rule": "PathPrefix(`/`)", "service": "noop@internal", "middlewares": []string{"echo"}}},
					"middlewares": m{"echo": m{"plugin": m{traefik.PluginName: m{"function": "echo", "endpoint": server.URL()}}}},
				}},
			})
			require.NoError(t, err)
			defer func() { assert.NoError(t, instance.Stop()) }()
			request, err := http.NewRequestWithContext(t.Context(), "GET", instance.URL, http.NoBody)
			require.NoError(t, err)
			assert.Equal(t, row.status, send(t, request).StatusCode)
			if row.logged != "" {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				_, err := instance.AwaitLog(ctx, row.logged)
				assert.NoError(t, err)
			}
		})
	}
}
