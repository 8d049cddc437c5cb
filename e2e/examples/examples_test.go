// Package examples_test runs the examples that need nothing but Traefik, as they stand.
package examples_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/seed05e46011/lambda/e2e/internal/suite"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/functions"
	"github.com/seed05e46011/lambda/e2e/internal/repo"
	"github.com/seed05e46011/lambda/e2e/internal/traefik"
	"github.com/seed05e46011/lambda/e2e/lambdalocal"
)

// patience bounds what takes a second or two, with room for a busy machine.
const patience = time.Minute

// lambda is the Lambda endpoint of all examples.
var lambda *lambdalocal.Server

func TestMain(m *testing.M) {
	suite.Main("examples", "", func(ctx context.Context) (int, error) { return runTests(ctx, m) })
}

func runTests(ctx context.Context, m *testing.M) (code int, err error) {
	built, err := functions.Build(ctx)
	if err != nil {
		return 1, err
	}
	lambda, err = lambdalocal.Start(ctx, lambdalocal.Config{Functions: built})
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, lambda.Close()) }()
	return m.Run(), nil
}

func example(name string) string { return filepath.Join(repo.Root(), "examples", name) }

// run starts Traefik as the example's first comment says to.
func run(t *testing.T, command traefik.Command) *traefik.Instance {
	t.Helper()
	key := lambda.Credentials()[0]
	command.Env = append(command.Env,
		"LAMBDA_ENDPOINT="+lambda.URL(),
		"AWS_ACCESS_KEY_ID="+key.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY="+key.SecretAccessKey,
	)
	instance, err := traefik.Run(t.Context(), command)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, instance.Stop()) })
	return instance
}

// awaitAnswer returns the body of the first answer 200.
func awaitAnswer(t *testing.T, instance *traefik.Instance, host, target string) string {
	t.Helper()
	var body string
	require.Eventually(t, func() bool {
		status, content := get(t, instance, host, target)
		body = content
		return status == http.StatusOK
	}, patience, 50*time.Millisecond, "%s does not answer", target)
	return body
}

// get returns status 0 while Traefik does not listen.
func get(t *testing.T, instance *traefik.Instance, host, target string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, instance.URL+target, http.NoBody)
	require.NoError(t, err)
	request.Host = host
	response, err := instance.Client().Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(content)
}

func TestFileAnswersAndIsReadAgainWhenItChanges(t *testing.T) {
	instance := run(t, traefik.Command{Args: []string{"--configfile=traefik.yml"}, Dir: example("file")})
	assert.Contains(t, awaitAnswer(t, instance, "hello.example.com", "/"), "arn:aws:lambda:eu-central-1:123456789012:function:hello")

	dynamic := filepath.Join(instance.Dir(), "dynamic.yml")
	content, err := os.ReadFile(dynamic)
	require.NoError(t, err)
	changed := bytes.Replace(content, []byte("function:hello\n"), []byte("function:echo\n"), 1)
	require.NotEqual(t, content, changed)
	require.NoError(t, os.WriteFile(dynamic, changed, 0o600))
	require.Eventually(t, func() bool {
		_, body := get(t, instance, "hello.example.com", "/changed")
		return bytes.Contains([]byte(body), []byte(`"rawPath":"/changed"`))
	}, patience, 50*time.Millisecond, "the function's new name is not used")
	assert.Empty(t, instance.Logs())
}

func TestFlagsAnswer(t *testing.T) {
	instance := run(t, traefik.Command{Path: filepath.Join(example("cli"), "traefik.sh")})
	assert.Contains(t, awaitAnswer(t, instance, "", "/hello"), "function:hello")
	assert.Contains(t, awaitAnswer(t, instance, "", "/echo/path"), `"rawPath":"/echo/path"`)
	assert.Empty(t, instance.Logs())
}
