package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRunTellsByItsStatusWhatItFound(t *testing.T) {
	for name, c := range map[string]struct {
		source string
		status int
		stdout string
		stderr string
	}{
		"nothing":                            {source: "package p\n", status: 0},
		"a finding":                          {source: "package p\n\nfunc f(int) {}\n", status: 1, stdout: "p.go:3:8: unnamed-parameter: "},
		"a package that cannot be loaded":    {source: "package p\n\nvar x = y\n", status: 2, stderr: "undefined: y"},
		"a folder without Go files to check": {status: 2, stderr: "no Go files"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/p\n\ngo 1.22\n"), 0o600))
			if c.source != "" {
				require.NoError(t, os.WriteFile(filepath.Join(dir, "p.go"), []byte(c.source), 0o600))
			}
			var stdout, stderr strings.Builder
			assert.Equal(t, c.status, run([]string{dir}, &stdout, &stderr))
			assert.Contains(t, stdout.String(), c.stdout)
			assert.Contains(t, stderr.String(), c.stderr)
		})
	}
}
