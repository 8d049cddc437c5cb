package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/check"
	"github.com/seed05e46011/lambda/e2e/migrate"
)

// What is to be filled in has names that the plugin takes, so that all else can be checked.
func TestThePluginTakesWhatTranslateReturns(t *testing.T) {
	sources, err := filepath.Glob("../../migrate/testdata/*[nl]")
	require.NoError(t, err)
	require.Greater(t, len(sources), 5)
	for _, path := range sources {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		counts := map[int]bool{}
		for _, format := range migrate.Formats {
			output, err := migrate.Translate(content, migrate.Options{Format: format, Host: "example.com", Stage: "dev"})
			require.NoError(t, err)
			if format == "labels" {
				output = "services:\n  functions:\n    " + strings.ReplaceAll(output, "\n", "\n    ")
			}
			file := filepath.Join(t.TempDir(), "output.yml")
			require.NoError(t, os.WriteFile(file, []byte(output), 0o600))
			report, err := check.Paths(t.Context(), "lambda", []string{file})
			require.NoError(t, err)
			counts[report.Middlewares] = true
			for _, problem := range report.Problems {
				if strings.Contains(problem.Text, "${") { // which the output says to fill in
					continue
				}
				assert.Fail(t, "refused", "%s as %s: %s", path, format, problem)
			}
		}
		assert.Len(t, counts, 1, "%s: as many middlewares in each format", path)
	}
}

func TestRun(t *testing.T) {
	source := filepath.Join(t.TempDir(), "serverless.yml")
	require.NoError(t, os.WriteFile(source, []byte("service: s\nfunctions: {f: {events: [httpApi: GET /x]}}"), 0o600))
	var stdout bytes.Buffer
	require.NoError(t, run([]string{"-format", "labels", "-host", "example.org", "-stage", "prod", source}, &stdout, &stdout))
	assert.Contains(t, stdout.String(), `"traefik.http.routers.s.rule=Host(`+"`example.org`"+`)"`)
	assert.Contains(t, stdout.String(), `"traefik.http.middlewares.s.plugin.lambda.routes[0].function=s-prod-f"`)

	require.ErrorContains(t, run(nil, &stdout, &stdout), "want one file")
	require.ErrorContains(t, run([]string{"none.yml"}, &stdout, &stdout), "none.yml: no such file")
}
