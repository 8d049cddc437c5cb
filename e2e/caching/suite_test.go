package caching_test

import (
	"bufio"
	"bytes"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/internal/repo"
	"github.com/seed05e46011/lambda/e2e/internal/traefik"
)

// The version of http-tests/cache-tests on npm. CACHE_TESTS names the folder of a checkout to run in its place.
const (
	suitePackage   = "http-cache-tests"
	suiteVersion   = "0.4.5"
	suiteIntegrity = "DjuwN9nUZXLTW+wav1LRESCZNVxl8SshwOy4z1pxuWbWt5/ay6sM9QQ1lebBaDO6P1IMBoK6mdf+PuVP/QNL8A=="
)

// runs is how often the suite is run where a result is not the expected one: its tests measure seconds, and a busy
// machine takes some longer. What changed is changed in each run.
const runs = 3

// TestCacheTests compares each result with the one of testdata. UPDATE_RESULTS=1 writes them.
func TestCacheTests(t *testing.T) {
	folder, name, released := suiteFolder(t)
	for _, origin := range []string{"service", "function"} {
		t.Run(origin, func(t *testing.T) {
			file := filepath.Join("testdata", name+"-"+origin+".txt")
			results := runSuite(t, folder, origin == "function")
			if os.Getenv("UPDATE_RESULTS") == "1" {
				require.NoError(t, os.WriteFile(file, []byte(strings.Join(results, "\n")+"\n"), 0o600))
			}
			content, err := os.ReadFile(file)
			require.NoError(t, err)
			want := strings.Split(strings.TrimSpace(string(content)), "\n")
			changed := without(results, want)
			for i := 1; i < runs && len(changed) > 0; i++ {
				t.Logf("once more, since these are new: %q", changed)
				again := runSuite(t, folder, origin == "function")
				changed = slices.DeleteFunc(changed, func(line string) bool { return !sameTest(without(again, want), line) })
			}
			assert.Empty(t, changed, "results that are not those of %s", file)
			assert.Len(t, results, len(want), "tests")
			if !released {
				assert.NotContains(t, string(content), "required fail", "required tests broken")
			}
		})
	}
}

// without returns the lines that are not in other.
func without(lines, other []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return slices.Contains(other, line) })
}

// sameTest reports whether a line is about the test of one of lines.
func sameTest(lines []string, line string) bool {
	id, _, _ := strings.Cut(line, " ")
	return slices.ContainsFunc(lines, func(other string) bool { return strings.HasPrefix(other, id+" ") })
}

// suiteFolder returns where the suite is, what its results are called, and whether it is the release on npm. 16
// required tests of that do not pass: the suite has since turned their expectation round, or made a check of them
// (rows).
func suiteFolder(t *testing.T) (folder, name string, released bool) {
	t.Helper()
	if folder := os.Getenv("CACHE_TESTS"); folder != "" {
		return folder, "results-" + filepath.Base(folder), false
	}
	folder = repo.Build(suitePackage + "-" + suiteVersion)
	if _, err := os.Stat(filepath.Join(folder, "package")); err != nil {
		download(t, folder)
	}
	return filepath.Join(folder, "package"), "results-" + suiteVersion, true
}

// download fetches the suite with npm, checks that it is the one that is meant, and unpacks it.
func download(t *testing.T, folder string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(folder, 0o750))
	run(t, folder, "npm", "pack", "--silent", suitePackage+"@"+suiteVersion)
	archive := filepath.Join(folder, suitePackage+"-"+suiteVersion+".tgz")
	content, err := os.ReadFile(archive)
	require.NoError(t, err)
	sum := sha512.Sum512(content)
	require.Equal(t, suiteIntegrity, base64.StdEncoding.EncodeToString(sum[:]), "npm sent another package")
	run(t, folder, "tar", "xzf", archive)
}

func run(t *testing.T, folder, program string, arguments ...string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), program, arguments...)
	command.Dir = folder
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s: %s", program, output)
}

// runSuite returns one line for each test.
func runSuite(t *testing.T, folder string, toFunction bool) []string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "node", "--no-warnings", "suite.mjs", folder)
	details := filepath.Join(t.TempDir(), "details")
	file, err := os.Create(details)
	require.NoError(t, err)
	defer file.Close()
	command.Stderr = file // not a buffer: that is written to while this test reads it
	input, err := command.StdinPipe()
	require.NoError(t, err)
	output, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	lines := bufio.NewScanner(output)
	require.True(t, lines.Scan(), "the suite says nothing: %s", contentOf(t, details))
	origin := lines.Text()
	options := m{"cache": m{"staleIfError": "60s"}}
	if toFunction {
		endpoint := httptest.NewServer(replay(origin))
		t.Cleanup(endpoint.Close)
		options = function(endpoint.URL, m{"eventFormat": "rest-api", "cache": options["cache"]})
		origin = ""
	}
	gateway := start(t, traefik.Options{Dynamic: cached(options, origin)})
	_, err = io.WriteString(input, gateway.URL+"\n")
	require.NoError(t, err)
	var results []string
	for lines.Scan() {
		// A function has no interim responses.
		if !toFunction || !strings.HasPrefix(lines.Text(), "interim-") {
			results = append(results, lines.Text())
		}
	}
	require.NoError(t, command.Wait(), "%s", contentOf(t, details))
	if testing.Verbose() {
		t.Log(contentOf(t, details))
	}
	return results
}

func contentOf(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(content)
}

// replay is a Lambda endpoint whose function sends the request of each event of API Gateway to a server.
func replay(origin string) http.HandlerFunc {
	client := &http.Client{
		Transport:     &http.Transport{DisableCompression: true, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return func(w http.ResponseWriter, r *http.Request) {
		reply, err := replayEvent(client, origin, r)
		if err != nil {
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
			reply = m{"errorMessage": err.Error()}
		}
		_ = json.NewEncoder(w).Encode(reply)
	}
}

func replayEvent(client *http.Client, origin string, r *http.Request) (m, error) {
	var event struct {
		Path              string              `json:"path"`
		HTTPMethod        string              `json:"httpMethod"`
		MultiValueHeaders map[string][]string `json:"multiValueHeaders"`
		Body              string              `json:"body"`
		IsBase64Encoded   bool                `json:"isBase64Encoded"`
		Query             map[string][]string `json:"multiValueQueryStringParameters"`
	}
	if err := json.NewDecoder(r.Body).Decode(&event); err != nil {
		return nil, err
	}
	body := []byte(event.Body)
	if event.IsBase64Encoded {
		body, _ = base64.StdEncoding.DecodeString(event.Body)
	}
	target := origin + event.Path
	separator := "?"
	for name, values := range event.Query {
		target += separator + name + "=" + values[0]
		separator = "&"
	}
	request, err := http.NewRequestWithContext(r.Context(), event.HTTPMethod, target, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, values := range event.MultiValueHeaders {
		request.Header[http.CanonicalHeaderKey(name)] = values
	}
	request.Header.Del("Content-Length")
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err = io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(body) {
		return nil, fmt.Errorf("%d bytes that are no text", len(body))
	}
	if length := response.Header.Get("Content-Length"); length != "" && length != strconv.Itoa(len(body)) {
		response.Header.Del("Content-Length")
	}
	return m{"statusCode": response.StatusCode, "multiValueHeaders": response.Header, "body": string(body)}, nil
}
