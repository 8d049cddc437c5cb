package e2e_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/functions"
	"github.com/seed05e46011/lambda/e2e/internal/traefik"
	"github.com/seed05e46011/lambda/e2e/lambdalocal"
	"github.com/seed05e46011/lambda/e2e/lambdalocal/awslocal"
)

// cloud is a Traefik of its own in an environment of AWS, with the echo function behind every path.
type cloud struct {
	lambda  *lambdalocal.Server
	aws     *awslocal.Server
	traefik *traefik.Instance
}

// newCloud starts Traefik where only one source of credentials is set up, and these last as long as said.
func newCloud(t *testing.T, source awslocal.Source, lifetime time.Duration) *cloud {
	t.Helper()
	built, err := functions.Build(t.Context())
	require.NoError(t, err)
	c := &cloud{}
	c.lambda, err = lambdalocal.Start(t.Context(), lambdalocal.Config{Functions: built})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, c.lambda.Close()) })
	c.aws, err = awslocal.Start(t.Context(), awslocal.Config{Lambda: c.lambda, Lifetime: lifetime})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, c.aws.Close()) })
	env, err := c.aws.Environment(source, t.TempDir())
	require.NoError(t, err)
	all := m{"function": "echo", "endpoint": c.lambda.URL()}
	if source != awslocal.IMDS { // which knows the region
		all["region"] = region
	}
	c.traefik, err = traefik.Start(t.Context(), traefik.Options{
		Env: env,
		Dynamic: m{"http": m{
			"routers":     m{"all": m{"rule": "PathPrefix(`/`)", "service": "noop@internal", "middlewares": []string{"echo"}}},
			"middlewares": m{"echo": m{"plugin": m{traefik.PluginName: all}}},
		}},
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, c.traefik.Stop()) })
	return c
}

func (c *cloud) get(t *testing.T) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.traefik.URL, http.NoBody)
	require.NoError(t, err)
	return send(t, request).StatusCode
}

// signer is the scope of the last signature that Lambda saw, from the access key id on.
func (c *cloud) signer() string {
	requests := c.lambda.Requests()
	_, scope, _ := strings.Cut(requests[len(requests)-1].Header.Get("Authorization"), "Credential=")
	scope, _, _ = strings.Cut(scope, ",")
	return scope
}

func TestEverySourceOfCredentialsSigns(t *testing.T) {
	for source, key := range map[awslocal.Source]string{
		awslocal.Env:       "ASIAENV1/",
		awslocal.IRSA:      "ASIAIRSA1/",
		awslocal.Profile:   "ASIAROLE2/", // the first is the profile's own, that assumes the role
		awslocal.Container: "ASIACONTAINER1/",
		awslocal.IMDS:      "ASIAIMDS1/",
	} {
		t.Run(string(source), func(t *testing.T) {
			c := newCloud(t, source, time.Hour)
			require.Equal(t, http.StatusOK, c.get(t), c.traefik.Logs())
			assert.Regexp(t, "^"+key+`\d{8}/eu-central-1/lambda/aws4_request$`, c.signer())
			c.aws.SetOutage(true)
			assert.Equal(t, http.StatusOK, c.get(t), "an outage while they are valid")
			assert.Empty(t, c.traefik.Logs())
		})
	}
}

func TestRoleIsAssumedWithWhatWasFound(t *testing.T) {
	const arn = "arn:aws:iam::123456789012:role/traefik"
	c := newCloud(t, awslocal.Container, time.Hour)
	require.NoError(t, c.traefik.Update(t.Context(), m{"http": m{
		"routers": m{"all": m{"rule": "PathPrefix(`/`)", "service": "noop@internal", "middlewares": []string{"echo"}}},
		"middlewares": m{"echo": m{"plugin": m{traefik.PluginName: m{
			"function": "echo", "endpoint": c.lambda.URL(), "region": region,
			"credentials": m{"roleArn": arn, "externalId": "traefik", "stsEndpoint": c.aws.URL()},
		}}}},
	}}))
	require.Equal(t, http.StatusOK, c.get(t), c.traefik.Logs())
	assert.Contains(t, c.signer(), "ASIAROLE2/")
	assert.Equal(t, []awslocal.Issue{
		{Source: awslocal.Container, AccessKeyID: "ASIACONTAINER1"}, {Source: awslocal.AssumeRole, AccessKeyID: "ASIAROLE2"},
	}, c.aws.Issued())
}

// Requests follow one another while credentials that last two or three seconds are replaced, again and again: none is
// signed with what has expired.
func TestNoRequestFailsWhileCredentialsAreReplaced(t *testing.T) {
	for _, source := range []awslocal.Source{awslocal.Container, awslocal.IRSA} {
		t.Run(string(source), func(t *testing.T) {
			c := newCloud(t, source, 2*time.Second)
			signers := map[string]bool{}
			deadline := time.Now().Add(patience)
			for len(signers) < 4 && time.Now().Before(deadline) {
				require.Equal(t, http.StatusOK, c.get(t), c.traefik.Logs())
				signers[c.signer()] = true
			}
			assert.Len(t, signers, 4)
			assert.LessOrEqual(t, len(c.aws.Issued()), 6, "asked no more often than needed")
		})
	}
}

func TestSourceThatFailsIsNamedAndComesBack(t *testing.T) {
	c := newCloud(t, awslocal.Container, time.Hour)
	c.aws.SetOutage(true)
	assert.Equal(t, http.StatusBadGateway, c.get(t))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	line, err := c.traefik.AwaitLog(ctx, "echo@file: 502 ")
	require.NoError(t, err)
	assert.Regexp(t, `no credentials: .*container: 127\.0\.0\.1:\d+ answered 503`, line)
	c.aws.SetOutage(false)
	assert.Equal(t, http.StatusOK, c.get(t))
}

// As Docker's secrets are mounted, and Kubernetes' replaced.
func TestKeysInFilesAreReplacedAtOnceWhenLambdaRefusesThem(t *testing.T) {
	dir := t.TempDir()
	write := func(name, value string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(value+"\n"), 0o600))
		return path
	}
	s := newSite(t, m{"function": "echo", "credentials": m{
		"accessKeyIdFile":     write("id", accessKeyID),
		"secretAccessKeyFile": write("secret", "rotated away"),
		"sessionTokenFile":    write("token", sessionToken),
	}})
	assert.Equal(t, http.StatusBadGateway, s.get(t, "/").StatusCode)
	assert.Contains(t, s.logLine(t, http.StatusBadGateway), "InvalidSignatureException")
	write("secret", secretKey)
	assert.Eventually(t, func() bool { return s.get(t, "/").StatusCode == http.StatusOK }, patience, 10*time.Millisecond)
}
