package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/internal/repo"
)

var (
	makeTarget = regexp.MustCompile("(?:^|`|\\b\\w+=\\S* )make (?:-C \\S+ )?([a-z][a-z-]*)")
	goProgram  = regexp.MustCompile(`\bgo (?:run|build -o \S+) \./([\w/]+)`)
)

// Commands in blocks, and those that the prose names in code.
func TestEveryCommandExists(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(repo.Root(), "Makefile"))
	require.NoError(t, err)
	found := 0
	for _, p := range pages(t) {
		lines := p.prose
		for _, b := range p.blocks {
			lines = append(lines, b.commands()...)
		}
		for _, line := range lines {
			for _, match := range makeTarget.FindAllStringSubmatch(line, -1) {
				found++
				assert.Regexp(t, `(?m)^`+match[1]+`:`, string(makefile), "%s: %s", p.name, line)
			}
			for _, match := range goProgram.FindAllStringSubmatch(line, -1) {
				found++
				assert.DirExists(t, filepath.Join(repo.Root(), "e2e", match[1]), "%s: %s", p.name, line)
			}
		}
	}
	assert.Greater(t, found, 10)
}

// Blocks behind the comment `<!-- run -->` are run in the repository's folder, as they stand.
func TestMarkedBlocksRun(t *testing.T) {
	found := 0
	for _, p := range pages(t) {
		for _, b := range p.blocks {
			if !b.run {
				continue
			}
			found++
			cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", b.text)
			cmd.Dir = repo.Root()
			output, err := cmd.CombinedOutput()
			assert.NoError(t, err, "%s:%d:\n%s", b.page, b.line, output)
		}
	}
	assert.Positive(t, found)
}
