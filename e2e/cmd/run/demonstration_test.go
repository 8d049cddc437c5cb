package main

import (
	"html"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/internal/repo"
)

func TestPageLinksToTheOtherFunctions(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(repo.Root(), "e2e", "functions", "hello", "page.html"))
	require.NoError(t, err)
	for _, r := range routes[1:] {
		assert.Contains(t, string(page), `href="`+html.EscapeString(r.open)+`"`)
	}
}
