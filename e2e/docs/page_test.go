// Package docs_test holds the pages to what they say: links lead somewhere, configurations load, commands exist, and
// Traefik's messages are Traefik's own.
package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/internal/repo"
)

// page is a Markdown file of the repository.
type page struct {
	// name is the path from the repository's root.
	name   string
	blocks []block
	// prose is the page without its blocks, line for line.
	prose []string
}

// block is a fenced or indented block of code.
type block struct {
	page string
	// line is the number of the first line of its text.
	line int
	// language is what stands behind the fence; empty for indented blocks.
	language string
	// run reports whether the comment `<!-- run -->` stands before the block.
	run  bool
	text string
}

// notPages are folders that hold no page of this repository's.
var notPages = map[string]bool{".build": true, ".git": true, "node_modules": true, "vendor": true, "testdata": true}

// pages returns all of the repository's.
func pages(t *testing.T) []page {
	t.Helper()
	var all []page
	err := filepath.WalkDir(repo.Root(), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() && notPages[entry.Name()] {
			return firstOf(err, fs.SkipDir)
		}
		if filepath.Ext(path) != ".md" {
			return nil
		}
		name, err := filepath.Rel(repo.Root(), path)
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		all = append(all, parsePage(name, string(content)))
		return err
	})
	require.NoError(t, err)
	require.Greater(t, len(all), 10, "the walk has lost its way")
	return all
}

func firstOf(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// fence begins and ends a block; a block in a list is indented.
var fence = regexp.MustCompile("^ *```(.*)$")

func parsePage(name, content string) page {
	p := page{name: name}
	var open *block
	last := "" // The last line that was not empty.
	for i, line := range strings.Split(content, "\n") {
		prose := ""
		match := fence.FindStringSubmatch(line)
		switch {
		case match != nil && open != nil && open.language != indented:
			p.blocks, open = append(p.blocks, *open), nil
		case match != nil:
			open = &block{page: name, line: i + 2, language: match[1], run: last == runMark}
		case open != nil && (open.language != indented || strings.HasPrefix(line, "    ")):
			open.text += line + "\n"
		case strings.HasPrefix(line, "    ") && (last == runMark || p.blank(i-1)):
			open = &block{page: name, line: i + 1, language: indented, run: last == runMark, text: line + "\n"}
		default:
			if open != nil {
				p.blocks, open = append(p.blocks, *open), nil
			}
			prose = line
		}
		p.prose = append(p.prose, prose)
		if line != "" {
			last = line
		}
	}
	return p
}

// runMark stands before blocks that a test runs.
const runMark = "<!-- run -->"

// indented is the language of blocks without a fence.
const indented = ""

// blank reports whether a line of the prose is empty.
func (p page) blank(line int) bool { return line >= 0 && line < len(p.prose) && p.prose[line] == "" }

// commands returns the lines of a block for a shell, with those that a backslash continues joined.
func (b block) commands() []string {
	if b.language != indented && b.language != "sh" {
		return nil
	}
	var all []string
	for line := range strings.SplitSeq(strings.ReplaceAll(b.text, "\\\n", " "), "\n") {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}

// readmeSection returns the lines below a heading of the readme.
func readmeSection(t *testing.T, heading string) []string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(repo.Root(), "readme.md"))
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(content), "\n## "+heading+"\n")
	require.True(t, found, "the readme has no section %s", heading)
	section, _, _ := strings.Cut(rest, "\n## ")
	return strings.Split(section, "\n")
}
