package awslocal_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/lambdalocal"
	"github.com/seed05e46011/lambda/e2e/lambdalocal/awslocal"
)

func start(t *testing.T, lifetime time.Duration) (*lambdalocal.Server, *awslocal.Server) {
	t.Helper()
	endpoint, err := lambdalocal.Start(t.Context(), lambdalocal.Config{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, endpoint.Close()) })
	server, err := awslocal.Start(t.Context(), awslocal.Config{Lambda: endpoint, Lifetime: lifetime})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	return endpoint, server
}

// sdk returns the configuration that AWS's SDK finds in the environment of a source.
func sdk(t *testing.T, server *awslocal.Server, source awslocal.Source) aws.Config {
	t.Helper()
	env, err := server.Environment(source, t.TempDir())
	require.NoError(t, err)
	t.Setenv("HOME", t.TempDir())
	t.Setenv("AWS_REGION", "eu-central-1")
	for _, variable := range env {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}
	found, err := config.LoadDefaultConfig(t.Context())
	require.NoError(t, err)
	return found
}

func dryRun(t *testing.T, found aws.Config, endpoint *lambdalocal.Server) error {
	t.Helper()
	client := lambda.NewFromConfig(found, func(o *lambda.Options) {
		o.BaseEndpoint = aws.String(endpoint.URL())
		o.RetryMaxAttempts = 1
	})
	_, err := client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("none"), InvocationType: "DryRun"})
	return err
}

func TestSDKFindsEverySource(t *testing.T) {
	for _, source := range awslocal.Sources {
		t.Run(string(source), func(t *testing.T) {
			endpoint, server := start(t, 0)
			err := dryRun(t, sdk(t, server, source), endpoint)
			require.ErrorContains(t, err, "ResourceNotFoundException", "signed well, for a function that does not exist")
			assert.NotEmpty(t, server.Issued())
		})
	}
}

func TestCredentialsExpire(t *testing.T) {
	endpoint, server := start(t, -time.Minute)
	err := dryRun(t, sdk(t, server, awslocal.Env), endpoint)
	require.ErrorContains(t, err, "ExpiredTokenException")
}

func TestSTSRefuses(t *testing.T) {
	role, other := "arn:aws:iam::123456789012:role/traefik", "arn:aws:iam::123456789012:role/other"
	for name, row := range map[string]struct {
		lifetime         time.Duration
		role, externalID string
		want             string
	}{
		"an unknown role":        {0, other, "traefik", "AccessDenied"},
		"another external id":    {0, role, "else", "AccessDenied"},
		"credentials that ended": {-time.Minute, role, "traefik", "ExpiredToken"},
	} {
		t.Run(name, func(t *testing.T) {
			_, server := start(t, row.lifetime)
			client := sts.NewFromConfig(sdk(t, server, awslocal.Env), func(o *sts.Options) { o.BaseEndpoint = aws.String(server.URL()) })
			_, err := client.AssumeRole(t.Context(), &sts.AssumeRoleInput{
				RoleArn: &row.role, ExternalId: &row.externalID, RoleSessionName: aws.String("test"),
			})
			assert.ErrorContains(t, err, row.want)
		})
	}
}

func TestTokensAreAskedFor(t *testing.T) {
	_, server := start(t, 0)
	for path, want := range map[string]int{
		"/v2/credentials": http.StatusForbidden,
		"/latest/meta-data/iam/security-credentials/": http.StatusUnauthorized,
	} {
		assert.Equal(t, want, status(t, server.URL()+path), path)
	}
	server.SetOutage(true)
	assert.Equal(t, http.StatusServiceUnavailable, status(t, server.URL()+"/v2/credentials"))
	assert.Empty(t, server.Issued())
}

func status(t *testing.T, url string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode
}
