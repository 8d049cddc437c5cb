package main

import (
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Closing a terminal sends SIGHUP to all that it runs.
func TestNothingIsLeftWhenTheTerminalCloses(t *testing.T) {
	program := filepath.Join(t.TempDir(), "run")
	output, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".").CombinedOutput()
	require.NoError(t, err, "%s", output)
	temporary := t.TempDir()
	cmd := exec.CommandContext(t.Context(), program, "-port", "0", "-function", "one="+writeHandlers(t)+"/one.handler", "-option", "eventFormat=rest-api")
	cmd.Env = append(os.Environ(), "TMPDIR="+temporary)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	// What ignores SIGHUP, as under nohup, hands that down to its children; a signal that is caught goes back to its default.
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGHUP)
	defer signal.Stop(caught)
	require.NoError(t, cmd.Start())
	base := announcedURL(t, stdout)
	status, _ := get(t, base)
	assert.Equal(t, 200, status)
	assert.NotEmpty(t, holders(t, temporary), "Traefik and the function know the folder")

	require.NoError(t, cmd.Process.Signal(syscall.SIGHUP))
	_ = cmd.Wait()
	assert.Equal(t, 0, cmd.ProcessState.ExitCode())
	_, err = (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(base, "http://"))
	require.Error(t, err, "nobody listens any more")
	assert.Eventually(t, func() bool { return len(holders(t, temporary)) == 0 }, time.Minute, 50*time.Millisecond)
	left, err := os.ReadDir(temporary)
	require.NoError(t, err)
	assert.Empty(t, left)
}

// holders returns the processes that have a folder in their environment or command line.
func holders(t *testing.T, folder string) []string {
	t.Helper()
	processes, err := filepath.Glob("/proc/[0-9]*")
	require.NoError(t, err)
	var all []string
	for _, process := range processes {
		environment, _ := os.ReadFile(filepath.Join(process, "environ"))
		command, _ := os.ReadFile(filepath.Join(process, "cmdline"))
		if strings.Contains(string(environment)+string(command), folder) {
			all = append(all, process)
		}
	}
	return all
}
