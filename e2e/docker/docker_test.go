// Package docker_test runs the Compose files of examples/docker, unchanged, on a real Docker engine. Nothing can be pulled:
// the images that they name are built around Traefik and the local Lambda endpoint, from scratch.
package docker_test

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/seed05e46011/lambda/e2e/internal/suite"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/internal/repo"
	"github.com/seed05e46011/lambda/e2e/internal/traefik"
)

// patience bounds what takes a few seconds, with room for a busy machine.
const patience = time.Minute

var docker *engine

func TestMain(m *testing.M) {
	suite.Main("docker", "SKIP_DOCKER", func(ctx context.Context) (int, error) { return runTests(ctx, m) })
}

func runTests(ctx context.Context, m *testing.M) (code int, err error) {
	if docker, err = startEngine(ctx); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, docker.stop()) }()
	if err := buildTraefik(ctx); err != nil {
		return 1, err
	}
	// As docker-compose.local.yml says.
	if _, err := docker.do(ctx, "make", "-C", repo.Root(), "lambdalocal-image"); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// buildTraefik makes the image that the examples name, of what it has in common with the official one.
func buildTraefik(ctx context.Context) error {
	binary, err := traefik.Binary(ctx)
	if err != nil {
		return err
	}
	if err := checkStatic(binary); err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "traefik-image-")
	if err != nil {
		return fmt.Errorf("make a folder for Traefik's image: %w", err)
	}
	defer func() { _ = os.RemoveAll(folder) }()
	for source, name := range map[string]string{binary: "traefik", "/etc/ssl/certs/ca-certificates.crt": "ca-certificates.crt"} {
		if err := copyFile(source, filepath.Join(folder, name)); err != nil {
			return fmt.Errorf("lay out Traefik's image: %w", err)
		}
	}
	return docker.build(ctx, "traefik:v3.6", filepath.Join("testdata", "traefik.Dockerfile"), folder)
}

// checkStatic refuses a program that would not start without the C library.
func checkStatic(path string) error {
	file, err := elf.Open(path)
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	defer func() { _ = file.Close() }()
	if libraries, err := file.ImportedLibraries(); err == nil && len(libraries) > 0 {
		return fmt.Errorf("%s needs %s, which an image from scratch has not: name in TRAEFIK one that was built with CGO_ENABLED=0, "+
			"or none for `make` to build it", path, strings.Join(libraries, ", "))
	}
	return nil
}

func copyFile(source, target string) error {
	content, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	return os.WriteFile(target, content, 0o755)
}

// project is the containers of some Compose files.
type project struct {
	files []string
	url   string
}

// up starts the containers of Compose files: names in examples/docker, or paths.
func up(t *testing.T, files ...string) *project {
	t.Helper()
	p := &project{}
	for _, file := range files {
		if !strings.Contains(file, "/") {
			file = filepath.Join(repo.Root(), "examples", "docker", file)
		}
		p.files = append(p.files, "-f", file)
	}
	t.Cleanup(func() {
		_, err := p.compose(context.Background(), "down", "--volumes", "--timeout", "5")
		assert.NoError(t, err)
	})
	_, err := p.compose(t.Context(), "up", "-d")
	require.NoError(t, err)
	out, err := docker.command(t.Context(), "docker-compose", append(p.files, "port", "traefik", "80")...).Output()
	require.NoError(t, err)
	p.url = "http://" + strings.TrimSpace(string(out))
	return p
}

func (p *project) compose(ctx context.Context, args ...string) (string, error) {
	return docker.do(ctx, "docker-compose", append(p.files, args...)...)
}

// logs returns what Traefik has written.
func (p *project) logs(t *testing.T) string {
	t.Helper()
	out, err := p.compose(t.Context(), "logs", "--no-color", "traefik")
	require.NoError(t, err)
	return colours.ReplaceAllString(out, "")
}

// colours are those of Traefik's own log.
var colours = regexp.MustCompile("\x1b\\[[0-9;]*m")

// answer is a response whose body has been read.
type answer struct {
	*http.Response
	body string
}

// get returns a status 0 while nothing listens.
func (p *project) get(t *testing.T, host, target, user, password string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+target, http.NoBody)
	require.NoError(t, err)
	request.Host = host
	if user != "" {
		request.SetBasicAuth(user, password)
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		return answer{&http.Response{}, err.Error()}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return answer{response, string(body)}
}

// await returns the first answer that is of the router's making: Traefik answers 404 until it has read the labels.
func (p *project) await(t *testing.T, host, target string) answer {
	t.Helper()
	var got answer
	if !assert.Eventually(t, func() bool {
		got = p.get(t, host, target, "", "")
		return got.StatusCode != 0 && got.StatusCode != http.StatusNotFound
	}, patience, 100*time.Millisecond) {
		require.FailNow(t, "no answer", "%d %s\n%s", got.StatusCode, got.body, p.logs(t))
	}
	return got
}

func TestLabelsOfTheExampleAnswer(t *testing.T) {
	p := up(t, "docker-compose.yml", "docker-compose.local.yml")
	got := p.await(t, "hello.example.com", "/")
	require.Equal(t, http.StatusOK, got.StatusCode, p.logs(t))
	assert.Contains(t, got.body, "function:hello")

	assert.Equal(t, http.StatusUnauthorized, p.get(t, "private.example.com", "/", "", "").StatusCode, "the chain asks for a password")
	assert.Equal(t, http.StatusUnauthorized, p.get(t, "private.example.com", "/", "user", "wrong").StatusCode)
	got = p.get(t, "private.example.com", "/secret", "user", "secret")
	assert.Equal(t, http.StatusOK, got.StatusCode)
	assert.Contains(t, got.body, `"rawPath":"/secret"`)

	got = p.get(t, "api.example.com", "/users/42", "", "")
	assert.Contains(t, got.body, `"pathParameters":{"id":"42"}`)
	assert.Contains(t, p.get(t, "api.example.com", "/else", "", "").body, "function:hello")
	assertNoErrors(t, p)
}

// The example for AWS as it stands: here AWS cannot be reached, but all of its labels are taken.
func TestLabelsForAWSAreTaken(t *testing.T) {
	p := up(t, "docker-compose.yml")
	got := p.await(t, "hello.example.com", "/")
	assert.Equal(t, http.StatusBadGateway, got.StatusCode)
	assert.Equal(t, http.StatusUnauthorized, p.get(t, "private.example.com", "/", "", "").StatusCode)
	assert.Equal(t, http.StatusBadGateway, p.get(t, "private.example.com", "/", "user", "secret").StatusCode)
	assert.Equal(t, http.StatusBadGateway, p.get(t, "api.example.com", "/users/42", "", "").StatusCode)
	assert.NotContains(t, p.logs(t), "routerName=", "no router is refused")
}

func TestEveryOptionIsTakenFromLabels(t *testing.T) {
	p := up(t, "docker-compose.yml", "docker-compose.local.yml", "docker-compose.options.yml")
	assert.Equal(t, http.StatusOK, p.await(t, "", "/one").StatusCode)
	for target, want := range map[string]string{
		"/one":        `"rawPath":"/one"`,
		"/users/7":    `"pathParameters":{"id":"7"}`,
		"/users/7/a":  "function:hello",
		"/names/ch/x": `"rawPath":"/x"`,
		"/event":      `"X-Source":"traefik"`,
		"/payload":    "by a template",
		"/limits":     `\"rawPath\":\"/limits\"`, // Streamed, what the function returns is the body.
		"/watched":    `"x-amzn-trace-id":"Root=1-`,

		"/lambda/metrics": `traefik_lambda_probe_healthy{function="echo"} 1`,
	} {
		got := p.get(t, "", target, "", "")
		assert.Equal(t, http.StatusOK, got.StatusCode, "%s: %s", target, got.body)
		assert.Contains(t, got.body, want, target)
	}
	assert.Equal(t, http.StatusNotFound, p.get(t, "", "/names/hidden", "", "").StatusCode)
	for _, target := range []string{"/guarded", "/tokens"} {
		assert.Equal(t, http.StatusUnauthorized, p.get(t, "", target, "", "").StatusCode, "%s without a token", target)
	}
	// What echo replies is for another front door than CloudFront.
	for _, target := range []string{"/network", "/key", "/key-files", "/profile", "/token", "/edge"} {
		assert.Equal(t, http.StatusBadGateway, p.get(t, "", target, "", "").StatusCode, "%s leads nowhere", target)
	}
	assert.NotContains(t, p.logs(t), "routerName=", "no router is refused")
}

func TestWrongLabelsAreNamedAndOthersLive(t *testing.T) {
	p := up(t, "docker-compose.yml", "docker-compose.local.yml", filepath.Join("testdata", "wrong.yml"))
	require.Equal(t, http.StatusOK, p.await(t, "hello.example.com", "/").StatusCode)
	require.Equal(t, http.StatusOK, p.await(t, "", "/gap").StatusCode)
	for name, row := range map[string]struct{ host, want string }{
		"a typo":                         {"typo", "functoin: no such option: did you mean function?"},
		"a typo in a group":              {"group-typo", "ipStrategy.dept: no such option: did you mean ipStrategy.depth?"},
		"true for a group":               {"group", "'ipStrategy' expected a map, got 'string'"},
		"an empty map":                   {"map", "'eventHeaders' expected a map, got 'string'"},
		"a number where a list belongs":  {"list", "ipStrategy.excludedIPs: \\\"5\\\": want an IP address or a CIDR range"},
		"a number where routes belong":   {"routes", "'routes[0]' expected a map, got 'string'"},
		"a word where a number belongs":  {"number", "cannot parse 'maxConcurrency' as int"},
		"a word where a boolean belongs": {"boolean", "cannot parse 'stripPrefix' as bool"},
		"no unit of time":                {"duration", "timeout: \\\"soon\\\": want a duration above 0"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, http.StatusNotFound, p.get(t, "", "/"+row.host, "", "").StatusCode)
			var lines []string
			for line := range strings.Lines(p.logs(t)) {
				if strings.Contains(line, "routerName="+row.host+"@docker") {
					lines = append(lines, line)
				}
			}
			require.NotEmpty(t, lines)
			assert.Contains(t, lines[0], row.want)
		})
	}
	got := p.get(t, "", "/gap", "", "")
	assert.Contains(t, got.body, `"routeKey":"GET /gap"`, "Traefik closes the gap, and nothing is lost")
}

// assertNoErrors allows for the one warning that the examples earn: their endpoint is not encrypted.
func assertNoErrors(t *testing.T, p *project) {
	t.Helper()
	for line := range strings.Lines(p.logs(t)) {
		if strings.Contains(line, "ERR") && !strings.Contains(line, "endpoint") {
			assert.Fail(t, "an error in Traefik's log", line)
		}
	}
}

func TestMissingToolsAreNamed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := startEngine(t.Context())
	require.ErrorIs(t, err, exec.ErrNotFound)
	assert.ErrorContains(t, err, "make test-docker")
}
