package inline

import (
	"go/ast"
	"go/token"
	"go/types"
	"math"
	"slices"
)

// fieldsOf returns the fields of an expression like x.a.b, and reports whether it is one, where x is a local variable
// that stays as it is while a call is written out.
func (e *expansion) fieldsOf(a *activation, expression ast.Expr) (fields []*types.Var, ok bool) {
	switch x := expression.(type) {
	case *ast.Ident:
		v := e.pkg.root(x)
		return nil, v != nil && a.names[v] != "" && (!a.function.facts.placed[v] || a.function.facts.received[v])
	case *ast.SelectorExpr:
		selection := e.pkg.info.Selections[x]
		if selection == nil || selection.Kind() != types.FieldVal || len(selection.Index()) != 1 {
			return nil, false // an embedded struct's, or a method
		}
		fields, ok = e.fieldsOf(a, x.X)
		return append(fields, selection.Obj().(*types.Var)), ok
	}
	return nil, false
}

// readsField reports whether a function may read the fields that a parameter is given wherever it reads the parameter,
// and gains by it: it reads the parameter once at most, branches that end the function aside, and before anything can
// have set the fields.
func (p *pkg) readsField(f *function, parameter *types.Var, fields []*types.Var) bool {
	var statement ast.Stmt
	var branch ast.Node = &ast.EmptyStmt{} // that ends the function
	settled := f.decl.Body.End()           // up to where nothing can have set the fields
	last, reads := token.NoPos, 0
	ast.Inspect(f.decl.Body, func(n ast.Node) bool {
		if s, ok := n.(ast.Stmt); ok {
			statement = s
			settled = min(settled, p.setsFields(s, fields))
		}
		switch n := n.(type) {
		case *ast.IfStmt:
			if ends(n.Body) && branch.End() < n.Pos() {
				branch = n.Body
			}
		case *ast.UnaryExpr:
			if n.Op == token.ARROW {
				settled = min(settled, statement.Pos())
			}
		case *ast.CallExpr:
			if isWhole(statement, n) && p.callee(n) == nil && p.dispatch(n) == nil {
				settled = min(settled, n.Rparen)
			} else if p.isCall(n) { // Go does not say whether it reads variables in the statement before the call
				settled = min(settled, statement.Pos())
			}
		case *ast.Ident:
			if p.info.Uses[n] == parameter {
				last = n.Pos()
				if n.Pos() < branch.Pos() || n.Pos() >= branch.End() {
					reads++
				}
			}
		}
		return true
	})
	return last < settled && reads <= 1
}

// isWhole reports whether a statement is a call, and at most sets variables to its results.
func isWhole(s ast.Stmt, call *ast.CallExpr) bool {
	switch s := s.(type) {
	case *ast.ExprStmt:
		return s.X == call
	case *ast.ReturnStmt:
		return len(s.Results) == 1 && s.Results[0] == call
	case *ast.AssignStmt:
		return s.Rhs[0] == call && !slices.ContainsFunc(s.Lhs, func(target ast.Expr) bool {
			_, isVariable := target.(*ast.Ident)
			return !isVariable
		})
	}
	return false
}

// setsFields returns from where on a statement may have set one of the fields, the calls in it aside: by an assignment
// to something else than a local variable and other fields, by another goroutine's, or in a loop.
func (p *pkg) setsFields(s ast.Stmt, fields []*types.Var) token.Pos {
	var targets []ast.Expr
	switch s := s.(type) {
	case *ast.AssignStmt:
		targets = s.Lhs
	case *ast.IncDecStmt:
		targets = []ast.Expr{s.X}
	case *ast.ForStmt, *ast.RangeStmt, *ast.SendStmt:
		return s.Pos()
	}
	for _, target := range targets {
		switch target := target.(type) {
		case *ast.Ident:
			if target.Name == "_" || p.root(target) != nil {
				continue
			}
		case *ast.SelectorExpr:
			field := p.info.Uses[target.Sel].(*types.Var)
			if field.IsField() && !slices.Contains(fields, field) && !hasParts(field.Type()) {
				continue
			}
		}
		return s.End()
	}
	return token.Pos(math.MaxInt)
}

// hasParts reports whether setting a variable of the type sets what is in it.
func hasParts(t types.Type) bool {
	switch t.Underlying().(type) {
	case *types.Struct, *types.Array:
		return true
	}
	return false
}
