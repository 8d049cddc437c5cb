package configuration_test

import (
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/traefik/paerser/file"

	"github.com/seed05e46011/lambda/e2e/internal/repo"
)

// manifest holds what the plugin catalogue reads of .traefik.yml.
type manifest struct {
	DisplayName string
	Type        string
	Runtime     string
	Import      string
	BasePkg     string
	Summary     string
	UseUnsafe   bool
	TestData    map[string]any
}

// readManifest decodes as the catalogue does: by the rules of Traefik's own YAML files.
func readManifest(t *testing.T) manifest {
	t.Helper()
	var m manifest
	require.NoError(t, file.DecodeContent(read(t, ".traefik.yml"), ".yml", &m))
	return m
}

// packageName is the one that Traefik looks New and CreateConfig up in.
func (m manifest) packageName() string {
	if m.BasePkg != "" {
		return m.BasePkg
	}
	return strings.ReplaceAll(path.Base(m.Import), "-", "_")
}

// read returns a file of the repository.
func read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(repo.Root(), name))
	require.NoError(t, err)
	return string(content)
}
