package inline

import (
	"regexp"
	"strings"
)

// label is a place further on that is jumped to.
type label struct {
	base, name string // name is base, with a number where other labels have it
	used       bool
}

// leave writes the jump to a label.
func (e *expansion) leave(to *label) {
	if !to.used {
		to.used = true
		to.name = e.names.unique(to.base)
	}
	if here := e.block.lastLabel(); here != "" { // what jumps here may as well jump on
		e.block.redirect(here, to.name)
	}
	e.line("goto ", to.name)
}

// mark writes a label, if something jumps to it. Of two labels at one place Yaegi finds none, so there is only the one.
func (e *expansion) mark(l *label) {
	if !l.used {
		return
	}
	if here := e.block.lastLabel(); here != "" {
		e.block.redirect(here, l.name)
	}
	e.block.labels = true
	e.line(l.name, ":")
}

var lastLabel = regexp.MustCompile(`(?:^|\n)([\pL_][\pL\pN_]*):\n$`)

// lastLabel returns the label that a block ends with; "" where there is none.
func (b *block) lastLabel() string {
	if match := lastLabel.FindStringSubmatch(b.text.String()); match != nil && match[1] != "default" {
		return match[1]
	}
	return ""
}

// redirect replaces a label at the end of a block by another one: whatever jumps to it is in that block.
func (b *block) redirect(from, to string) {
	text := strings.TrimSuffix(b.text.String(), from+":\n")
	b.text.Reset()
	b.text.WriteString(strings.ReplaceAll(text, "goto "+from+"\n", "goto "+to+"\n"))
}
