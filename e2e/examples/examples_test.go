// Package examples_test runs the examples that need nothing but Traefik, as they stand.
package examples_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
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
	for _, name := range []string{"redirect", "gzip", "headers", "download"} {
		built[name] = lambdalocal.Function{Handler: filepath.Join(example("edge"), name+".handler")}
	}
	for _, name := range []string{"authorizer", "blueprint"} {
		built[name] = lambdalocal.Function{Handler: filepath.Join(example("authorizer"), name+".handler")}
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

// siteFiles starts a service of static files, with a compressed copy of one.
func siteFiles(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	style := []byte("body { color: black }\n")
	var compressed bytes.Buffer
	writer := gzip.NewWriter(&compressed)
	_, err := writer.Write(style)
	require.NoError(t, err)
	require.NoError(t, writer.Close())
	for name, content := range map[string][]byte{
		"style.css": style, "style.css.gz": compressed.Bytes(), "report.pdf": []byte("%PDF-1.7\n"),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), content, 0o600))
	}
	files := httptest.NewServer(http.FileServer(http.Dir(folder)))
	t.Cleanup(files.Close)
	return files.URL
}

// ask returns the response for a target of the example edge, with its body.
func ask(t *testing.T, instance *traefik.Instance, target, encoding string) (*http.Response, string) {
	t.Helper()
	return askHost(t, instance, "www.example.com", target, "Accept-Encoding", encoding)
}

// askHost returns the response for a host and a target, with its body. header are names and values.
func askHost(t *testing.T, instance *traefik.Instance, host, target string, header ...string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, instance.URL+target, http.NoBody)
	require.NoError(t, err)
	request.Host = host
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := instance.Client().Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response, string(content)
}

func TestEdgeFunctionsAroundAServiceOfFiles(t *testing.T) {
	instance := run(t, traefik.Command{
		Args: []string{"--configfile=traefik.yml"}, Dir: example("edge"), Env: []string{"FILES_URL=" + siteFiles(t)},
	})
	awaitAnswer(t, instance, "www.example.com", "/style.css")

	plain, body := ask(t, instance, "/style.css", "identity")
	assert.Equal(t, "body { color: black }\n", body)
	assert.Empty(t, plain.Header.Get("Content-Encoding"))
	assert.Equal(t, "DENY", plain.Header.Get("X-Frame-Options"))
	assert.Equal(t, "nosniff", plain.Header.Get("X-Content-Type-Options"))

	compressed, body := ask(t, instance, "/style.css", "gzip")
	assert.Equal(t, "gzip", compressed.Header.Get("Content-Encoding"))
	assert.Equal(t, "text/css; charset=utf-8", compressed.Header.Get("Content-Type"))
	reader, err := gzip.NewReader(strings.NewReader(body))
	require.NoError(t, err)
	content, err := io.ReadAll(reader)
	require.NoError(t, err)
	assert.Equal(t, "body { color: black }\n", string(content))

	moved, _ := ask(t, instance, "/old/report.pdf?a=1", "identity")
	assert.Equal(t, http.StatusMovedPermanently, moved.StatusCode)
	assert.Equal(t, "/report.pdf?a=1", moved.Header.Get("Location"))
	assert.Empty(t, moved.Header.Get("X-Frame-Options"), "no response hook runs after a generated response")

	saved, body := ask(t, instance, "/report.pdf?download", "identity")
	assert.Equal(t, "%PDF-1.7\n", body)
	assert.Equal(t, "attachment; filename*=UTF-8''report.pdf", saved.Header.Get("Content-Disposition"))

	missing, _ := ask(t, instance, "/missing?download", "identity")
	assert.Equal(t, http.StatusNotFound, missing.StatusCode)
	assert.Equal(t, "DENY", missing.Header.Get("X-Frame-Options"))
	assert.Empty(t, missing.Header.Get("Content-Disposition"), "viewer-response is not for errors of the origin")
	assert.Empty(t, instance.Logs())
}

func TestACacheInFrontOfAFunction(t *testing.T) {
	instance := run(t, traefik.Command{Args: []string{"--configfile=traefik.yml"}, Dir: example("cache")})
	awaitAnswer(t, instance, "shop.example.com", "/other")
	first, body := askHost(t, instance, "shop.example.com", "/?id=1")
	assert.Equal(t, "traefik-lambda; fwd=uri-miss; stored; ttl=10", first.Header.Get("Cache-Status"))
	second, same := askHost(t, instance, "shop.example.com", "/?id=1&utm_source=mail")
	assert.Contains(t, second.Header.Get("Cache-Status"), "traefik-lambda; hit; ttl=")
	assert.Equal(t, body, same)
	assert.Empty(t, instance.Logs())
}
