package configuration_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/internal/repo"
)

var (
	codeBlock = regexp.MustCompile("(?s)```.*?```")
	pageLink  = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading   = regexp.MustCompile(`(?m)^#+ (.*)$`)
	notInLink = regexp.MustCompile(`[^\p{L}\p{N}_\- ]`)
)

func TestLinksBetweenPagesLeadSomewhere(t *testing.T) {
	links := 0
	for _, page := range pages(t) {
		for _, match := range pageLink.FindAllStringSubmatch(prose(t, page), -1) {
			if strings.Contains(match[1], "://") {
				continue
			}
			links++
			name, anchor, _ := strings.Cut(match[1], "#")
			target := page
			if name != "" {
				target = filepath.Join(filepath.Dir(page), name)
			}
			_, err := os.Stat(target)
			require.NoError(t, err, "%s links to %s", page, match[1])
			if anchor != "" && filepath.Ext(target) == ".md" {
				assert.Contains(t, anchors(t, target), anchor, "%s links to %s", page, match[1])
			}
		}
	}
	assert.Greater(t, links, 20, "the search has lost its way")
}

func pages(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"*.md", "docs/*.md"} {
		found, err := filepath.Glob(filepath.Join(repo.Root(), pattern))
		require.NoError(t, err)
		all = append(all, found...)
	}
	return all
}

// prose returns a page without its blocks of code.
func prose(t *testing.T, page string) string {
	t.Helper()
	content, err := os.ReadFile(page)
	require.NoError(t, err)
	return codeBlock.ReplaceAllString(string(content), "")
}

// anchors returns those of a page's headings, as GitHub makes them.
func anchors(t *testing.T, page string) []string {
	t.Helper()
	headings := heading.FindAllStringSubmatch(prose(t, page), -1)
	all := make([]string, 0, len(headings))
	for _, match := range headings {
		text := notInLink.ReplaceAllString(strings.ToLower(match[1]), "")
		all = append(all, strings.ReplaceAll(text, " ", "-"))
	}
	return all
}
