package yaegicheck

import (
	"go/token"
	"slices"
	"strings"
)

// okMark begins a comment that silences one rule on its own line.
const okMark = "//yaegi:ok"

// okComment is one such comment.
type okComment struct {
	pos    token.Position
	rule   string
	reason string
	used   bool
}

// covers tells whether the comment silences the finding.
func (c *okComment) covers(f Finding) bool {
	return c.reason != "" && c.rule == f.Rule && c.pos.Filename == f.Pos.Filename && c.pos.Line == f.Pos.Line
}

// silence drops the findings that a comment covers and adds one for each comment that covers none: such a comment
// hides the next mistake on its line.
func silence(unit *Unit, findings []Finding) []Finding {
	comments := okComments(unit)
	findings = slices.DeleteFunc(findings, func(f Finding) bool { return covered(comments, f) })
	for _, c := range comments {
		switch {
		case c.reason == "":
			findings = append(findings, Finding{c.pos, "yaegi-ok", "a silence needs a rule and a reason: " + okMark + " RULE why it is right here"})
		case !c.used:
			findings = append(findings, Finding{c.pos, "yaegi-ok", "nothing on this line breaks " + c.rule + ": remove the comment"})
		}
	}
	return findings
}

func covered(comments []*okComment, f Finding) bool {
	found := false
	for _, c := range comments {
		if c.covers(f) {
			c.used, found = true, true
		}
	}
	return found
}

func okComments(unit *Unit) []*okComment {
	var comments []*okComment
	for _, file := range unit.Files {
		for _, group := range file.Comments {
			for _, comment := range group.List {
				if text, ok := strings.CutPrefix(comment.Text, okMark); ok {
					rule, reason, _ := strings.Cut(strings.TrimSpace(text), " ")
					comments = append(comments, &okComment{pos: unit.Fset.Position(comment.Pos()), rule: rule, reason: strings.TrimSpace(reason)})
				}
			}
		}
	}
	return comments
}
