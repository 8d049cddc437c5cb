package yaegicheck

import (
	"go/ast"
	"go/token"
	"go/types"
)

var assignRules = []rule{assignCall, assignMap, assignNil}

// assignCall: in a, b = f(), 2 one of the values is lost: a, n = one(), 2 left n at its old value and n, a = 2, one()
// set n to a. New variables (a, b := f(), 2) get theirs, and so do the targets of a single call (a, err = f()).
var assignCall = rule{name: "assign-call", run: func(p *pass) {
	for c, stmt := range each[*ast.AssignStmt](p.root) {
		if stmt.Tok != token.ASSIGN || len(stmt.Rhs) < 2 {
			continue
		}
		for _, call := range each[*ast.CallExpr](c) {
			if p.onRight(stmt, call) {
				p.report(stmt, "an assignment of several values with a call among them loses values; one assignment a line")
				break
			}
		}
	}
}}

// onRight tells whether the call stands on the assignment's right side, outside func literals.
func (p *pass) onRight(stmt *ast.AssignStmt, call *ast.CallExpr) bool {
	for _, value := range stmt.Rhs {
		if _, literal := ast.Unparen(value).(*ast.FuncLit); !literal && contains(value, call) {
			return true
		}
	}
	return false
}

// assignMap: m[k], err = f() does not store the element, and neither does m[k], ok = v.(T) nor m[k], ok = other[k].
// Variables and fields are stored.
var assignMap = rule{name: "assign-map", run: func(p *pass) {
	for _, stmt := range each[*ast.AssignStmt](p.root) {
		if len(stmt.Lhs) < 2 || len(stmt.Rhs) != 1 {
			continue
		}
		for _, target := range stmt.Lhs {
			if p.mapElement(target) != nil {
				p.report(stmt, "the value for %s is lost; take it into a new local (v, err := …) and store that", types.ExprString(target))
			}
		}
	}
}}

// assignNil: m["a"], m["b"] = nil, nil on a map of interfaces panics with "reflect: New(nil)".
var assignNil = rule{name: "assign-nil", run: func(p *pass) {
	for _, stmt := range each[*ast.AssignStmt](p.root) {
		if len(stmt.Rhs) < 2 || len(stmt.Lhs) != len(stmt.Rhs) {
			continue
		}
		for _, target := range stmt.Lhs {
			if elem := p.mapElement(target); elem != nil && types.IsInterface(elem) {
				p.report(stmt, "an assignment of several values to elements of a map of interfaces may panic; one assignment a line")
				break
			}
		}
	}
}}

// mapElement returns the element type if the expression is an element of a map, or nil.
func (p *pass) mapElement(e ast.Expr) types.Type {
	index, ok := ast.Unparen(e).(*ast.IndexExpr)
	if !ok {
		return nil
	}
	if m, ok := p.Info.TypeOf(index.X).Underlying().(*types.Map); ok {
		return m.Elem()
	}
	return nil
}
