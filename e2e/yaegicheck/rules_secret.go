package yaegicheck

import (
	"go/ast"
	"go/types"
	"reflect"
	"regexp"
)

var secretRules = []rule{secretPrinted}

// secretName matches the names of fields that hold what must not be seen.
var secretName = regexp.MustCompile(`(?i)secret|token|password|credential|accesskey|signingkey`)

// secretPrinted: neither String nor MarshalJSON nor an unexported field hides anything from compiled fmt, log and
// encoding/json: a struct of this package is printed with all its fields, nested ones too. A field named like a secret
// is taken for one unless it is a number or a bool.
var secretPrinted = rule{name: "secret-printed", notInTests: true, run: func(p *pass) {
	for _, call := range each[*ast.CallExpr](p.root) {
		for _, arg := range p.printed(call) {
			if f := p.findField(p.Info.TypeOf(arg), p.secretTest(call)); f != nil {
				p.report(arg, "%s would show its field %s: print the fields that may be seen", types.ExprString(arg), f.Name())
			}
		}
	}
}}

// secretTest returns what to look for: a field that JSON leaves out is no secret told by JSON.
func (p *pass) secretTest(call *ast.CallExpr) fieldTest {
	asJSON := len(p.jsonArguments(call)) > 0
	return func(f *types.Var, tag reflect.StructTag) (found, leave bool) {
		leave = asJSON && notInJSON(tag)
		return !leave && isSecret(f), leave
	}
}

func isSecret(f *types.Var) bool {
	if basic, ok := f.Type().Underlying().(*types.Basic); ok && basic.Info()&types.IsString == 0 {
		return false
	}
	return secretName.MatchString(f.Name())
}

// printed returns what the call shows to others.
func (p *pass) printed(call *ast.CallExpr) []ast.Expr {
	if b := p.builtin(call); b == "print" || b == "println" || b == "panic" {
		return call.Args
	}
	f := p.callee(call)
	if f == nil || f.Pkg() == nil {
		return nil
	}
	switch f.Pkg().Path() {
	case "fmt", "log", "log/slog", "text/template", "html/template", "testing":
		return call.Args
	case "encoding/json", "encoding/xml", "encoding/gob":
		if f.Name() == "Marshal" || f.Name() == "MarshalIndent" || f.Name() == "Encode" {
			return call.Args
		}
	}
	return nil
}
