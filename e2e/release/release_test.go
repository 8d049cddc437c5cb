package release_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/internal/repo"
	"github.com/seed05e46011/lambda/e2e/release"
)

// copied are the files of this repository that a release is judged by.
var copied = []string{
	"LICENSE", "SECURITY.md", "CONTRIBUTING.md", "go.mod", ".traefik.yml", "vendor/modules.txt",
	".github/pull_request_template.md", ".github/workflows/test.yml", "docs/options.md", "docs/options.schema.json",
	".assets/icon.png", ".assets/banner.png",
}

// newRepository returns a repository with the copied files and a release, all of it committed.
func newRepository(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range copied {
		content, err := os.ReadFile(filepath.Join(repo.Root(), name))
		require.NoError(t, err)
		write(t, root, name, string(content))
	}
	write(t, root, "readme.md", "    lambda:\n      version: v0.1.0\n")
	write(t, root, "CHANGELOG.md", "# Changelog\n\n## [Unreleased]\n\n## [0.1.0] - 2026-11-21\n\n- All of it\n")
	git(t, root, "init", "-q")
	commit(t, root)
	return root
}

func write(t *testing.T, root, name, content string) {
	t.Helper()
	path := filepath.Join(root, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o750))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
}

func commit(t *testing.T, root string) {
	t.Helper()
	git(t, root, "add", "--all", "--force")
	git(t, root, "-c", "user.name=test", "-c", "user.email=test@example.com", "commit", "-q", "-m", "all")
}

func git(t *testing.T, root string, args ...string) {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), "git", append([]string{"-C", root}, args...)...).CombinedOutput()
	require.NoError(t, err, string(output))
}

func TestThisRepositoryLacksNothingButTheReleaseItself(t *testing.T) {
	verdict, err := release.Check(t.Context(), newRepository(t))
	require.NoError(t, err)
	assert.Equal(t, release.Verdict{Version: "v0.1.0"}, verdict)
}

func TestCheckSaysWhatIsMissing(t *testing.T) {
	for name, tt := range map[string]struct {
		file, content string // no content: the file is taken away
		missing       string
	}{
		"a file":                    {"SECURITY.md", "", "SECURITY.md is not there"},
		"a workflow":                {".github/workflows/test.yml", "", ".github/workflows: none calls make test"},
		"a changelog":               {"CHANGELOG.md", "", "CHANGELOG.md: no release"},
		"the date of a release":     {"CHANGELOG.md", "## [0.1.0] - soon\n", `has the date "soon"`},
		"the name of changes":       {"CHANGELOG.md", "## [Unreleased]\n\n- More\n\n## [0.1.0] - 2026-11-21\n", "there are unreleased changes"},
		"the readme's version":      {"CHANGELOG.md", "## [0.9.0] - 2026-11-21\n", "it installs v0.1.0, the changelog's newest release is v0.9.0"},
		"a picture":                 {".assets/icon.png", "", "iconPath"},
		"test data":                 {".traefik.yml", "displayName: x\n", "no testData"},
		"vendored packages":         {"vendor/modules.txt", "", "vendor: it is not there"},
		"a module":                  {"go.mod", "", "go.mod: it names no module"},
		"the schema of the options": {"docs/options.schema.json", "{}", "make schema"},
	} {
		t.Run(name, func(t *testing.T) {
			root := newRepository(t)
			if tt.content == "" {
				require.NoError(t, os.Remove(filepath.Join(root, tt.file)))
			} else {
				write(t, root, tt.file, tt.content)
			}
			commit(t, root)
			assertMissing(t, root, tt.missing)
		})
	}
}

func TestCheckLooksAtGit(t *testing.T) {
	root := newRepository(t)
	write(t, root, "more.md", "more")
	assertMissing(t, root, "git: there are changes that are not committed")
	commit(t, root)
	git(t, root, "tag", "v0.1.0")
	assertMissing(t, root, "git: the tag v0.1.0 is there already")
	git(t, root, "tag", "nightly")
	assertMissing(t, root, "git: the tag nightly is no version")
	_, err := release.Check(t.Context(), t.TempDir())
	assert.ErrorContains(t, err, "not a git repository")
}

func assertMissing(t *testing.T, root, want string) {
	t.Helper()
	verdict, err := release.Check(t.Context(), root)
	require.NoError(t, err)
	all := strings.Join(verdict.Missing, "\n")
	assert.Contains(t, all, want)
}
