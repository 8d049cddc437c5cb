package configuration_test

import (
	"context"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"github.com/seed05e46011/lambda/e2e/internal/repo"
)

// analysisTimeout is what the plugin catalogue's analyzer gives to the loading of a plugin and to its New together.
const analysisTimeout = 10 * time.Second

// The catalogue lists a plugin only if its analyzer finds nothing wrong: https://github.com/traefik/piceus, pkg/core.

func TestCatalogueFindsTheManifestComplete(t *testing.T) {
	m := readManifest(t)
	assert.Equal(t, "middleware", m.Type)
	assert.Contains(t, []string{"", "yaegi"}, m.Runtime)
	assert.NotEmpty(t, m.DisplayName)
	assert.NotEmpty(t, m.Summary)
	assert.NotEmpty(t, m.TestData)
	assert.False(t, m.UseUnsafe, "operators would have to allow it")
}

func TestCatalogueFindsThePackageUnderItsName(t *testing.T) {
	m := readManifest(t)
	parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(repo.Root(), "lambda.go"), nil, parser.PackageClauseOnly)
	require.NoError(t, err)
	assert.Equal(t, m.packageName(), parsed.Name.Name)
}

func TestCatalogueAcceptsTheModule(t *testing.T) {
	mod, err := modfile.Parse("go.mod", []byte(read(t, "go.mod")), nil)
	require.NoError(t, err)
	path := mod.Module.Mod.Path
	require.NoError(t, module.CheckPath(path))
	assert.Equal(t, path, readManifest(t).Import, "the package is the module's root")
	parts := strings.Split(path, "/")
	require.Len(t, parts, 3, "it is the repository's name, owner and host")
	assert.Equal(t, "github.com", parts[0])
	for _, required := range mod.Require {
		owner, _, _ := strings.Cut(strings.TrimPrefix(required.Mod.Path, "github.com/"), "/")
		assert.NotContains(t, []string{"traefik", "containous"}, owner, "the analyzer refuses %s", required.Mod.Path)
	}
	assert.Empty(t, mod.Replace, "they do not count for who loads the plugin")
}

func TestCatalogueFindsAReadme(t *testing.T) {
	assert.NotEmpty(t, read(t, "readme.md"))
}

// One tag that is no version keeps the whole repository out of the catalogue.
func TestCatalogueReadsEveryTagAsAVersion(t *testing.T) {
	versions := append(tags(t), releaseInReadme(t))
	for _, tag := range versions {
		assert.True(t, semver.IsValid(tag) && semver.Canonical(tag) == strings.SplitN(tag, "+", 2)[0], "tag %s", tag)
		assert.NoError(t, module.CheckPathMajor(tag, ""), "tag %s does not fit the module's path", tag)
	}
}

func tags(t *testing.T) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", "-c", "safe.directory=*", "-C", repo.Root(), "tag")
	out, err := cmd.Output()
	require.NoError(t, err)
	return strings.Fields(string(out))
}

// releaseInReadme returns the version that the readme tells users to install.
func releaseInReadme(t *testing.T) string {
	t.Helper()
	_, after, found := strings.Cut(read(t, "readme.md"), "\n      version: ")
	require.True(t, found)
	version, _, _ := strings.Cut(after, "\n")
	return version
}

func TestCatalogueBuildsTheMiddlewareOffline(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), analysisTimeout)
	defer cancel()
	p := loadPlugin(t)
	config, err := p.decode(readManifest(t).TestData)
	require.NoError(t, err)
	handler, err := p.build(ctx, config)
	require.NoError(t, err)
	assert.NotNil(t, handler)
	assert.NoError(t, ctx.Err(), "it took longer than the analyzer waits")
}
