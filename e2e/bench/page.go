package main

import (
	"fmt"
	"os"
	"strings"
)

// Between these lines of a page stands what bench has written.
const (
	tableBegin = "<!-- bench: written by `make bench` -->"
	tableEnd   = "<!-- bench: end -->"
)

// page is a Markdown page with a place for the tables. The zero page has none.
type page struct {
	path          string
	before, after string // the tables
}

// readPage finds the place first, so that a long run is not made for a page that cannot be written. No path means no page.
func readPage(path string) (*page, error) {
	if path == "" {
		return &page{}, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the page for the table: %w", err)
	}
	before, rest, begun := strings.Cut(string(text), tableBegin+"\n")
	_, after, ended := strings.Cut(rest, tableEnd+"\n")
	if !begun || !ended {
		return nil, fmt.Errorf("%s: want a line %q and below it a line %q", path, tableBegin, tableEnd)
	}
	return &page{path: path, before: before + tableBegin + "\n", after: tableEnd + "\n" + after}, nil
}

// write puts the tables into the page, in place of those of another time.
func (p *page) write(tables string) error {
	if p.path == "" {
		return nil
	}
	text := p.before + "\n" + strings.TrimSpace(tables) + "\n\n" + p.after
	if err := os.WriteFile(p.path, []byte(text), 0o644); err != nil { //nolint:gosec // a page of the documentation
		return fmt.Errorf("write the table: %w", err)
	}
	return nil
}
