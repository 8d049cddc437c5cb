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
	makeTarget = regexp.MustCompile(`^(?:\w+=\S* )*make (?:-C \S+ )?([a-z][a-z0-9-]*)`)
	goProgram  = regexp.MustCompile(`\bgo (?:run|build -o \S+) \./([\w/]+)`)
	codeSpan   = regexp.MustCompile("`([^`]+)`")
)

// Commands in blocks, and those that the prose has in code.
func TestEveryCommandExists(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(repo.Root(), "Makefile"))
	require.NoError(t, err)
	found := 0
	for _, p := range pages(t) {
		for _, command := range p.commands() {
			if match := makeTarget.FindStringSubmatch(command); match != nil {
				found++
				defined := regexp.MustCompile(`(?m)^` + match[1] + `:`).Match(makefile)
				assert.True(t, defined, "%s: %s: no such target", p.name, command)
			}
			if match := goProgram.FindStringSubmatch(command); match != nil {
				found++
				assert.DirExists(t, filepath.Join(repo.Root(), "e2e", match[1]), "%s: %s", p.name, command)
			}
		}
	}
	assert.Greater(t, found, 10)
}

func (p page) commands() []string {
	var all []string
	for _, b := range p.blocks {
		all = append(all, b.commands()...)
	}
	for _, line := range p.prose {
		for _, match := range codeSpan.FindAllStringSubmatch(line, -1) {
			all = append(all, match[1])
		}
	}
	return all
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
			require.NoError(t, err, "%s:%d:\n%s", b.page, b.line, output)
		}
	}
	assert.Positive(t, found)
}
