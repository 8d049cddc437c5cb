package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/lambdalocal/awslocal"
)

var wantStatus = map[string]int{"hello": 200, "echo": 200, "binary": 200, "status": 418, "sleep": 200, "sse": 200, "bigfile": 200, "breaks": 200, "fail": 502}

func TestRunServesEveryRouteUntilItIsTold(t *testing.T) {
	for name, source := range map[string]awslocal.Source{"keys in the options": "", "a role from STS": awslocal.Profile} {
		t.Run(name, func(t *testing.T) { testRun(t, source) })
	}
}

func TestRunRefusesAnotherSource(t *testing.T) {
	assert.ErrorContains(t, run(t.Context(), 0, "other", io.Discard), "want one of [env irsa profile container imds]")
}

func testRun(t *testing.T, source awslocal.Source) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, 0, source, writer)
		_ = writer.Close()
	}()

	base := announcedURL(t, reader)
	for _, r := range routes {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+r.open, http.NoBody)
		require.NoError(t, err)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		_ = response.Body.Close()
		assert.Equal(t, wantStatus[r.function], response.StatusCode, r.open)
	}

	stop()
	select {
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(time.Minute):
		t.Fatal("it still runs")
	}
	_, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(base, "http://"))
	assert.Error(t, err, "nobody listens any more")
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
	err = run(t.Context(), taken.Addr().(*net.TCPAddr).Port, "", io.Discard)
	assert.ErrorContains(t, err, "is taken: choose another one (make run PORT=")
}
