package yaegicheck

import (
	"go/ast"
	"go/token"
	"go/types"
)

var errorRules = []rule{errorsAs, errorIdentity, errorArgument, resultArgument, typeSwitch, panicAbort, recoverValue}

// errorsAs: errors.As is compiled and does not see that an interpreted type has an Error method: it panics with
// "*target must be interface or implement error". With a standard type as target it works.
var errorsAs = rule{name: "errors-as", run: func(p *pass) {
	for _, call := range each[*ast.CallExpr](p.root) {
		if !p.calls(call, "errors", "As") || len(call.Args) != 2 {
			continue
		}
		if target, ok := p.Info.TypeOf(call.Args[1]).Underlying().(*types.Pointer); ok && p.own(target.Elem()) {
			p.report(call, "errors.As panics on a type of this package; walk with errors.Unwrap and assert err.(%s)", types.TypeString(target.Elem(), types.RelativeTo(p.Pkg)))
		}
	}
}}

// errorIdentity: a value of an interpreted error type is wrapped anew each time it becomes an error, so errors.Is never
// finds it, and == panics with "comparing uncomparable type". Sentinels made by errors.New compare as they should.
var errorIdentity = rule{name: "error-identity", run: func(p *pass) {
	sentinels := p.ownErrorVariables()
	isOwn := func(e ast.Expr) bool {
		return p.isOwnError(e) || p.variable(e) != nil && sentinels[p.variable(e)]
	}
	for c := range p.root.Preorder((*ast.CallExpr)(nil), (*ast.BinaryExpr)(nil)) {
		switch n := c.Node().(type) {
		case *ast.CallExpr:
			if p.calls(n, "errors", "Is") && len(n.Args) == 2 && isOwn(n.Args[1]) {
				p.report(n, "errors.Is does not find a value of a type of this package; use a sentinel made by errors.New, or assert the type and look at a field")
			}
		case *ast.BinaryExpr:
			if (n.Op == token.EQL || n.Op == token.NEQ) && p.comparesErrors(n, isOwn) {
				p.report(n, "comparing errors of a type of this package panics; use a sentinel made by errors.New, or assert the type and look at a field")
			}
		}
	}
}}

// isOwnError tells whether the expression's static type is an error type of this package.
func (p *pass) isOwnError(e ast.Expr) bool {
	t := p.Info.TypeOf(e)
	return t != nil && p.ownConcrete(t) && isError(t)
}

// comparesErrors tells whether one side is an error interface and one holds an error of this package.
func (p *pass) comparesErrors(n *ast.BinaryExpr, isOwn func(ast.Expr) bool) bool {
	if p.Info.Types[n.X].IsNil() || p.Info.Types[n.Y].IsNil() {
		return false
	}
	anyInterface := types.IsInterface(p.Info.TypeOf(n.X)) || types.IsInterface(p.Info.TypeOf(n.Y))
	return anyInterface && (isOwn(n.X) || isOwn(n.Y))
}

// ownErrorVariables returns the interface variables that are declared with a value of an interpreted error type.
func (p *pass) ownErrorVariables() map[*types.Var]bool {
	variables := map[*types.Var]bool{}
	for _, spec := range each[*ast.ValueSpec](p.root) {
		for i, value := range spec.Values {
			if len(spec.Names) == len(spec.Values) && p.isOwnError(value) {
				variables[p.variable(spec.Names[i])] = true
			}
		}
	}
	return variables
}

// errorArgument: fmt and log print an interpreted error's fields, not its text, when its static type is the concrete
// one ("&{0}"), and fmt.Errorf's %w of it wraps nothing. As a value of type error both are right.
var errorArgument = rule{name: "error-argument", run: func(p *pass) {
	for _, call := range each[*ast.CallExpr](p.root) {
		for i, arg := range call.Args {
			t, variadic := p.parameter(call, i)
			if variadic && p.compiled(call) && types.IsInterface(t) && !isMethodInterface(t) && p.isOwnError(arg) {
				p.report(arg, "%s is printed as its fields and not wrapped by %%w; pass it as a variable of type error", types.ExprString(arg))
			}
		}
	}
}}

// resultArgument: the result of a call, of a concrete type of this package, does not become an interface of the standard
// library on its way into a parameter: "reflect.Set: value of type *struct is not assignable to type error". As a
// variable it does.
var resultArgument = rule{name: "result-argument", run: func(p *pass) {
	for _, call := range each[*ast.CallExpr](p.root) {
		for i, arg := range call.Args {
			if _, isCall := ast.Unparen(arg).(*ast.CallExpr); !isCall || !p.ownConcrete(p.Info.TypeOf(arg)) {
				continue
			}
			if t, _ := p.parameter(call, i); isMethodInterface(t) && !p.own(t) {
				p.report(arg, "%s panics as an argument for %s; store it in a variable first", types.ExprString(arg), t)
			}
		}
	}
}}

// typeSwitch: a case with an interface never matches a compiled value (and may match a wrong one); a case with a type
// of this package takes the default branch, or the branch of another type with the same fields, where the switch is on
// any or error. Switches with standard concrete cases, and those on an interface of this package, are right.
var typeSwitch = rule{name: "type-switch", run: func(p *pass) {
	for _, stmt := range each[*ast.TypeSwitchStmt](p.root) {
		ownOperand := p.own(p.Info.TypeOf(switchOperand(stmt)))
		for _, clause := range stmt.Body.List {
			for _, e := range clause.(*ast.CaseClause).List {
				switch t := p.Info.TypeOf(e); {
				case p.Info.Types[e].IsNil():
				case types.IsInterface(t):
					p.report(e, "a case with an interface type does not match; assert it: if x, ok := v.(%s); ok", types.ExprString(e))
				case p.own(t) && !ownOperand:
					p.report(e, "a case with a type of this package may not match; assert it: if x, ok := v.(%s); ok", types.ExprString(e))
				}
			}
		}
	}
}}

// switchOperand returns x of "switch y := x.(type)".
func switchOperand(stmt *ast.TypeSwitchStmt) ast.Expr {
	var e ast.Expr
	switch assign := stmt.Assign.(type) {
	case *ast.AssignStmt:
		e = assign.Rhs[0]
	case *ast.ExprStmt:
		e = assign.X
	}
	return ast.Unparen(e).(*ast.TypeAssertExpr).X
}

// panicAbort: the value of an interpreted panic reaches compiled code as a reflect.Value, so the server does not
// recognise http.ErrAbortHandler and Traefik logs a crash with its stack.
var panicAbort = rule{name: "panic-abort", run: func(p *pass) {
	for _, call := range each[*ast.CallExpr](p.root) {
		if p.builtin(call) != "panic" {
			continue
		}
		if sel, ok := ast.Unparen(call.Args[0]).(*ast.SelectorExpr); ok && sel.Sel.Name == "ErrAbortHandler" {
			p.report(call, "the server does not recognise http.ErrAbortHandler from interpreted code; let httputil.ReverseProxy abort by a body that fails to read")
		}
	}
}}

// recoverValue: recover returns a reflect.Value for what interpreted code panicked with: assertions fail and
// comparisons with anything but nil are false. fmt.Sprint of it is right.
var recoverValue = rule{name: "recover-value", run: func(p *pass) {
	recovered := p.recovered()
	isRecovered := func(e ast.Expr) bool {
		call, ok := ast.Unparen(e).(*ast.CallExpr)
		return ok && p.builtin(call) == "recover" || p.variable(e) != nil && recovered[p.variable(e)]
	}
	for c := range p.root.Preorder((*ast.TypeAssertExpr)(nil), (*ast.BinaryExpr)(nil)) {
		switch n := c.Node().(type) {
		case *ast.TypeAssertExpr:
			if isRecovered(n.X) {
				p.report(n, "a recovered value has lost its type; use only fmt.Sprint of it")
			}
		case *ast.BinaryExpr:
			if (isRecovered(n.X) || isRecovered(n.Y)) && !p.Info.Types[n.X].IsNil() && !p.Info.Types[n.Y].IsNil() {
				p.report(n, "a recovered value equals nothing; use only fmt.Sprint of it")
			}
		}
	}
}}

// recovered returns the variables that hold a result of recover.
func (p *pass) recovered() map[*types.Var]bool {
	variables := map[*types.Var]bool{}
	for _, stmt := range each[*ast.AssignStmt](p.root) {
		if call, ok := stmt.Rhs[0].(*ast.CallExpr); ok && p.builtin(call) == "recover" {
			if v := p.variable(stmt.Lhs[0]); v != nil {
				variables[v] = true
			}
		}
	}
	return variables
}
