package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"

	"github.com/seed05e46011/lambda/e2e/internal/repo"
)

var (
	// link is one of Markdown's, or a source in HTML.
	link = regexp.MustCompile(`\]\(([^)\s]+)[^)]*\)|(?:href|src)="([^"]+)"`)
	// code is text that no link is in.
	code = regexp.MustCompile("`[^`]*`")
	// elsewhere is a link that leaves the repository.
	elsewhere = regexp.MustCompile(`^(https?|mailto):`)
)

func TestEveryLinkLeadsSomewhere(t *testing.T) {
	anchors := map[string]map[string]bool{}
	all := pages(t)
	for _, p := range all {
		anchors[p.name] = p.anchors()
	}
	for _, p := range all {
		for i, line := range p.prose {
			for _, match := range link.FindAllStringSubmatch(code.ReplaceAllString(line, ""), -1) {
				target := match[1] + match[2]
				if !elsewhere.MatchString(target) {
					assert.Empty(t, broken(anchors, p.name, target), "%s:%d: %s", p.name, i+1, target)
				}
			}
		}
	}
}

// broken says what is wrong with a link on a page; nothing if it is empty.
func broken(anchors map[string]map[string]bool, from, target string) string {
	path, anchor, hasAnchor := strings.Cut(target, "#")
	name := from
	if path != "" {
		name = filepath.Join(filepath.Dir(from), path)
	}
	if strings.HasPrefix(name, "..") {
		return "it leaves the repository"
	}
	if _, err := os.Stat(filepath.Join(repo.Root(), name)); err != nil {
		return "there is no such file"
	}
	if hasAnchor && !anchors[name][anchor] {
		return "there is no such heading"
	}
	return ""
}

var heading = regexp.MustCompile(`^#+ +(.*?) *#*$`)

// anchors returns the page's headings as GitHub names them in links.
func (p page) anchors() map[string]bool {
	all := map[string]bool{}
	for _, line := range p.prose {
		if match := heading.FindStringSubmatch(line); match != nil {
			all[slug(match[1])] = true
		}
	}
	return all
}

// slug keeps letters, digits, hyphens and underscores; a blank becomes a hyphen.
func slug(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		default:
			return -1
		}
	}, heading)
}

func TestBrokenFinds(t *testing.T) {
	anchors := map[string]map[string]bool{"docs/options.md": {"headers-and-templates": true}}
	for name, tt := range map[string]struct{ target, want string }{
		"a page":              {"options.md", ""},
		"a heading":           {"options.md#headers-and-templates", ""},
		"a folder":            {"../examples", ""},
		"a page that is not":  {"option.md", "there is no such file"},
		"a heading that's no": {"options.md#nothing", "there is no such heading"},
		"another repository":  {"../../other", "it leaves the repository"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tt.want, broken(anchors, "docs/formats.md", tt.target))
		})
	}
}
