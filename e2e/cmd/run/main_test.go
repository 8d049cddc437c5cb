package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/lambdalocal"
	"github.com/seed05e46011/lambda/e2e/lambdalocal/awslocal"
)

var wantStatus = map[string]int{"hello": 200, "echo": 200, "binary": 200, "status": 418, "sleep": 200, "sse": 200, "bigfile": 200, "breaks": 200, "fail": 502}

func TestRunServesEveryRouteUntilItIsTold(t *testing.T) {
	for name, source := range map[string]awslocal.Source{"keys in the options": "", "a role from STS": awslocal.Profile} {
		t.Run(name, func(t *testing.T) { testRun(t, source) })
	}
}

func TestRunRefusesAnotherSource(t *testing.T) {
	assert.ErrorContains(t, run(t.Context(), options{source: "other"}, io.Discard), "want one of [env irsa profile container imds]")
}

func testRun(t *testing.T, source awslocal.Source) {
	t.Helper()
	base, stop := startRun(t, options{source: source})
	for _, r := range routes {
		status, _ := get(t, base+r.open)
		assert.Equal(t, wantStatus[r.function], status, r.open)
	}
	stop()
	_, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(base, "http://"))
	assert.Error(t, err, "nobody listens any more")
}

// get returns what the stream has of a body so far, or all of one that ends.
func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	start := make([]byte, 4096)
	n, _ := io.ReadAtLeast(response.Body, start, 1)
	return response.StatusCode, string(start[:n])
}

// startRun returns the address of Traefik, and a function that ends all and waits for that.
func startRun(t *testing.T, o options) (base string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, o, writer)
		_ = writer.Close()
	}()
	t.Cleanup(cancel)
	return announcedURL(t, reader), func() { awaitEnd(t, cancel, ended) }
}

func awaitEnd(t *testing.T, cancel func(), ended <-chan error) {
	t.Helper()
	cancel()
	select {
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(time.Minute):
		t.Fatal("it still runs")
	}
}

func TestRunServesAFunctionOfTheUsersOwn(t *testing.T) {
	folder := writeHandlers(t)
	o, err := parse([]string{"-port", "0", "-function", "one=" + folder + "/one.handler", "-option", "eventFormat=rest-api"}, io.Discard)
	require.NoError(t, err)
	base, stop := startRun(t, o)
	defer stop()
	status, body := get(t, base+"/a/path?q=1")
	assert.Equal(t, 200, status)
	assert.Equal(t, "one /a/path", body)
}

func TestRunServesFunctionsOfTheUsersOwnBelowTheirNames(t *testing.T) {
	folder := writeHandlers(t)
	o, err := parse([]string{
		"-port", "0", "-function", "one=" + folder + "/one.handler", "-function", "two=" + folder + "/two.handler",
		"-option", "eventFormat=rest-api",
	}, io.Discard)
	require.NoError(t, err)
	base, stop := startRun(t, o)
	defer stop()
	for path, want := range map[string]string{"/one/x": "one /x", "/two/x": "two /x"} {
		_, body := get(t, base+path)
		assert.Equal(t, want, body)
	}
	status, _ := get(t, base+"/three")
	assert.Equal(t, 404, status)
}

// writeHandlers returns a folder with the functions one, in Node, and two, in Python.
func writeHandlers(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for name, content := range map[string]string{
		"one.mjs": "export const handler = async (event) => ({ statusCode: 200, body: 'one ' + event.path });\n",
		"two.py":  "def handler(event, context):\n    return {'statusCode': 200, 'body': 'two ' + event['path']}\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600))
	}
	return folder
}

func TestParseRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		args    []string
		message string
	}{
		"an option without a value":    {[]string{"-option", "stage"}, "want name=value"},
		"a function that is not there": {[]string{"-function", "a=./x"}, "no such program"},
		"an argument too many":         {[]string{"more"}, `unexpected argument "more"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse(tt.args, io.Discard)
			require.ErrorContains(t, err, tt.message)
		})
	}
}

// announcedURL returns the address that run prints, and goes on reading what it prints afterwards.
func announcedURL(t *testing.T, output io.Reader) string {
	t.Helper()
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if fields := strings.Fields(lines.Text()); len(fields) > 0 && fields[0] == "Traefik" {
			go func() { _, _ = io.Copy(io.Discard, output) }()
			return fields[len(fields)-1]
		}
	}
	t.Fatal("run printed no address")
	return ""
}

func TestRunNamesThePortThatIsTaken(t *testing.T) {
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	o := options{port: taken.Addr().(*net.TCPAddr).Port, functions: map[string]lambdalocal.Function{"f": {Command: []string{"sh"}}}}
	err = run(t.Context(), o, io.Discard)
	assert.ErrorContains(t, err, "is taken: choose another one (make run PORT=")
}
