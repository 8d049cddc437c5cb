package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRunTellsByItsStatus(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, content := range map[string]string{
		"good.yml":  "http: {middlewares: {a: {plugin: {lambda: {function: hello}}}}}",
		"wrong.yml": "http: {middlewares: {a: {plugin: {lambda: {function: hello, stage: a b}}}}}",
		"none.yml":  "http: {middlewares: {a: {headers: {frameDeny: true}}}}",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(".", name), []byte(content), 0o600))
	}
	for name, tt := range map[string]struct {
		args           []string
		status         int
		stdout, stderr string
	}{
		"no errors":        {[]string{"good.yml", "none.yml"}, 0, "middlewares checked: 1, no errors\n", ""},
		"an error":         {[]string{"good.yml", "wrong.yml"}, 1, "wrong.yml:1: a: stage: ", ""},
		"no middleware":    {[]string{"none.yml"}, 1, "", "no middleware with plugin.lambda in these files"},
		"another plugin":   {[]string{"-plugin", "faas", "good.yml"}, 1, "", "no middleware with plugin.faas in these files"},
		"a file not there": {[]string{"gone.yml"}, 2, "", "gone.yml: no such file"},
		"no file":          {nil, 2, "", "usage: check"},
		"a flag not there": {[]string{"-fast"}, 2, "", "flag provided but not defined"},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			assert.Equal(t, tt.status, run(t.Context(), tt.args, &stdout, &stderr))
			assert.Contains(t, stdout.String(), tt.stdout)
			assert.Contains(t, stderr.String(), tt.stderr)
		})
	}
}
