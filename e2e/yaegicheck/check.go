// Package yaegicheck finds Go that compiles and tests well but does something else when Yaegi v0.16.1 interprets it.
//
// Traefik runs the plugin's sources with Yaegi. Part of what Yaegi gets wrong fails at load time and is found by any
// interpreted test; the rest hangs, loses a value or prints a secret only on the day the line runs. Every rule here
// stands for one such construct that was seen to go wrong with Yaegi v0.16.1, and its message says what to write
// instead. A line that is right nevertheless says so:
//
//	sort.Slice(names, byLength) //yaegi:ok callback once, when the configuration is read
//
// The reason is required, and a comment that silences nothing is a finding itself.
package yaegicheck

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/ast/inspector"
)

// Finding is one construct that Yaegi gets wrong.
type Finding struct {
	// Pos is where it stands.
	Pos token.Position
	// Rule is the name that a yaegi:ok comment uses.
	Rule string
	// Message says what goes wrong and what to write instead.
	Message string
}

// String gives the finding in the form editors jump to: "file:line:col: rule: message".
func (f Finding) String() string {
	return fmt.Sprintf("%s: %s: %s", f.Pos, f.Rule, f.Message)
}

// Unit is one type-checked package: what Load returns and Check reads.
type Unit struct {
	// Fset holds the positions of Files.
	Fset *token.FileSet
	// Module is the module of the package, all of whose packages Yaegi interprets.
	Module Module
	// Files are the files Yaegi reads, parsed with their comments.
	Files []*ast.File
	// Pkg and Info are the type checker's results; Info needs Types, Defs, Uses, Selections and Instances.
	Pkg  *types.Package
	Info *types.Info
}

// Module is the path of a module; empty where there is none.
type Module string

// contains reports whether a package is part of the module.
func (m Module) contains(path string) bool {
	return m != "" && (path == string(m) || strings.HasPrefix(path, string(m)+"/"))
}

// rule is one construct to refuse.
type rule struct {
	// name is a few words joined by hyphens.
	name string
	// notInTests is set where the construct is slow or careless rather than wrong, or wrong between goroutines only: an
	// interpreted test may use it.
	notInTests bool
	run        func(*pass)
}

// rules lists all rules by family, one family a file.
var rules = slices.Concat(deferRules, loopRules, channelRules, assignRules, errorRules, functionRules, resultRules, interfaceRules, promotedRules, languageRules, jsonRules, secretRules, packageRules)

// pass is one rule at work on one unit.
type pass struct {
	*Unit
	rule     rule
	root     inspector.Cursor
	findings *[]Finding
}

// report adds a finding at the node, unless the rule does not apply to the file it is in.
func (p *pass) report(at ast.Node, format string, args ...any) {
	pos := p.Fset.Position(at.Pos())
	if p.rule.notInTests && strings.HasSuffix(pos.Filename, "_test.go") {
		return
	}
	*p.findings = append(*p.findings, Finding{Pos: pos, Rule: p.rule.name, Message: fmt.Sprintf(format, args...)})
}

// Check runs every rule on the unit and returns what is left after its yaegi:ok comments, in the order of the files.
func Check(unit *Unit) []Finding {
	var findings []Finding
	root := inspector.New(unit.Files).Root()
	for _, r := range rules {
		r.run(&pass{Unit: unit, rule: r, root: root, findings: &findings})
	}
	findings = silence(unit, findings)
	slices.SortFunc(findings, compareFindings)
	return slices.Compact(findings)
}

func compareFindings(a, b Finding) int {
	return cmp.Or(
		strings.Compare(a.Pos.Filename, b.Pos.Filename),
		cmp.Compare(a.Pos.Line, b.Pos.Line),
		cmp.Compare(a.Pos.Column, b.Pos.Column),
		strings.Compare(a.Rule, b.Rule),
	)
}
