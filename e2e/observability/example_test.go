package observability_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/internal/traefik"
)

func TestExampleRunsAsItStands(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(example(""))))
	static, err := os.ReadFile(filepath.Join(dir, "traefik.yml"))
	require.NoError(t, err)
	address := freeAddress(t)
	changed := bytes.Replace(static, []byte("127.0.0.1:8082"), []byte(address), 1)
	require.NotEqual(t, static, changed)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "traefik.yml"), changed, 0o600))
	key := lambda.Credentials()[0]
	instance, err := traefik.Run(t.Context(), traefik.Command{
		Args: []string{"--configfile=traefik.yml"},
		Dir:  dir,
		Env: []string{
			"LAMBDA_ENDPOINT=" + lambda.URL(),
			"AWS_ACCESS_KEY_ID=" + key.AccessKeyID,
			"AWS_SECRET_ACCESS_KEY=" + key.SecretAccessKey,
		},
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, instance.Stop()) })

	status, _ := awaitStatus(t, instance, instance.URL+"/", "hello.example.com")
	assert.Equal(t, http.StatusOK, status)
	_, exposition := awaitStatus(t, instance, "http://"+address+"/lambda/metrics", "")
	assert.Contains(t, exposition, `traefik_lambda_requests_total{function="hello",outcome="ok"} 1`)
	assert.Contains(t, exposition, `traefik_lambda_probe_healthy{function="hello"} 1`)
	status, _ = awaitStatus(t, instance, instance.URL+"/lambda/metrics", "")
	assert.Equal(t, http.StatusNotFound, status, "clients do not see the metrics")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err = instance.AwaitLog(ctx, `{"source":"hello@file","topic":"request","function":"hello"`)
	require.NoError(t, err)
}

// awaitStatus returns the first answer, while Traefik comes up.
func awaitStatus(t *testing.T, instance *traefik.Instance, url, host string) (status int, body string) {
	t.Helper()
	require.Eventually(t, func() bool {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
		require.NoError(t, err)
		request.Host = host
		response, err := instance.Client().Do(request)
		if err != nil {
			return false
		}
		defer response.Body.Close()
		content, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		status, body = response.StatusCode, string(content)
		return host == "" || status != http.StatusNotFound // before the configuration is in use
	}, patience, 50*time.Millisecond, "%s does not answer", url)
	return status, body
}
