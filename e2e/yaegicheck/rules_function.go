package yaegicheck

import (
	"go/ast"
	"go/types"

	"golang.org/x/tools/go/ast/inspector"
)

var functionRules = []rule{unnamedParameter, methodExpression, compiledMethodValue, methodValueRebound, functionReturned, callback}

// unnamedParameter: parameters without a name get no slots of their own and land in those of the locals: "value of type
// string is not assignable to type int", or a variable of the function around a literal is overwritten.
var unnamedParameter = rule{name: "unnamed-parameter", run: func(p *pass) {
	for c := range p.root.Preorder((*ast.FuncDecl)(nil), (*ast.FuncLit)(nil)) {
		var params *ast.FieldList
		switch f := c.Node().(type) {
		case *ast.FuncDecl:
			params = f.Type.Params
		case *ast.FuncLit:
			params = f.Type.Params
		}
		if params.NumFields() > 0 && len(params.List[0].Names) == 0 {
			p.report(params.List[0], "parameters without names overwrite other variables; name each one, _ is enough")
		}
	}
}}

// methodExpression: calling (*T).Method as a function panics: "reflect: Call with too many input arguments".
var methodExpression = rule{name: "method-expression", run: func(p *pass) {
	for _, sel := range each[*ast.SelectorExpr](p.root) {
		if s := p.Info.Selections[sel]; s != nil && s.Kind() == types.MethodExpr {
			p.report(sel, "a method expression panics when called; write a function that calls the method")
		}
	}
}}

// compiledMethodValue: a method of a standard type as a value mostly does not load ("cannot use type func(*net.Dialer,
// …)") or panics when assigned, the receiver being taken for a parameter. Those without parameters work as arguments of
// compiled functions (t.Cleanup(server.Close)) if the receiver is a local that a call set, and fail at load time if not;
// methods of interfaces work.
var compiledMethodValue = rule{name: "compiled-method-value", run: func(p *pass) {
	for c, sel := range p.methodValues() {
		recv := p.Info.Selections[sel].Recv()
		if p.own(recv) || types.IsInterface(recv) || p.compiledCallback(c, sel) {
			continue
		}
		p.report(sel, "a method of a standard type cannot be used as a value; write a func literal that calls it")
	}
}}

// compiledCallback tells whether the value is a func() that is an argument of a compiled function.
func (p *pass) compiledCallback(c inspector.Cursor, sel *ast.SelectorExpr) bool {
	call, ok := c.Parent().Node().(*ast.CallExpr)
	sig := p.Info.TypeOf(sel).(*types.Signature)
	return ok && p.compiled(call) && sig.Params().Len() == 0 && sig.Results().Len() == 0
}

// functionReturned: a function of the package that is returned by its name panics: "reflect.Set: value of type
// *interp.node is not assignable to type func". A func literal that calls it does not.
var functionReturned = rule{name: "function-returned", run: func(p *pass) {
	for _, stmt := range each[*ast.ReturnStmt](p.root) {
		for _, e := range stmt.Results {
			name, ok := ast.Unparen(e).(*ast.Ident)
			if !ok {
				continue
			}
			if f, ok := p.Info.Uses[name].(*types.Func); ok && f.Pkg() == p.Pkg {
				p.report(e, "returning %s by its name panics; return a func literal that calls it", name.Name)
			}
		}
	}
}}

// methodValueRebound: a method value reads its receiver when it is called: after f := s.Handle; s = other, f calls
// other's. So do method values of a loop variable: all call the last round's.
var methodValueRebound = rule{name: "method-value-rebound", run: func(p *pass) {
	loopVariables := map[types.Object]bool{}
	for _, l := range p.loops() {
		for v := range l.variables {
			loopVariables[v] = true
		}
	}
	for c, sel := range p.methodValues() {
		v := p.rootVariable(sel.X)
		f, ok := function(c)
		if v == nil || !ok {
			continue
		}
		if loopVariables[v] || p.assignedAgain(sel.X, p.changesAfter(f, sel)) {
			p.report(sel, "the method value reads %s only when it is called, and it has changed by then; use a variable that is never assigned again", types.ExprString(sel.X))
		}
	}
}}

// methodValues returns the selectors that take a method as a value.
func (p *pass) methodValues() map[inspector.Cursor]*ast.SelectorExpr {
	values := map[inspector.Cursor]*ast.SelectorExpr{}
	for c, sel := range each[*ast.SelectorExpr](p.root) {
		if s := p.Info.Selections[sel]; s == nil || s.Kind() != types.MethodVal {
			continue
		}
		if call, ok := c.Parent().Node().(*ast.CallExpr); ok && call.Fun == sel {
			continue
		}
		values[c] = sel
	}
	return values
}

// callbacks are the functions that call their argument for each element.
var callbacks = map[string]bool{
	"sort.Slice": true, "sort.SliceStable": true, "sort.Search": true, "sort.Sort": true, "sort.Stable": true,
	"strings.Map": true, "strings.FieldsFunc": true, "strings.IndexFunc": true, "strings.LastIndexFunc": true, "strings.ContainsFunc": true,
	"strings.TrimFunc": true, "strings.TrimLeftFunc": true, "strings.TrimRightFunc": true,
	"bytes.Map": true, "bytes.FieldsFunc": true, "bytes.IndexFunc": true, "bytes.LastIndexFunc": true, "bytes.ContainsFunc": true,
	"bytes.TrimFunc": true, "bytes.TrimLeftFunc": true, "bytes.TrimRightFunc": true,
	"regexp.ReplaceAllFunc": true, "regexp.ReplaceAllStringFunc": true,
}

// callback: each call from compiled into interpreted code costs 1.3 µs: sorting ten names takes 48 µs with sort.Slice
// and 0.9 µs with sort.Strings.
var callback = rule{name: "callback", notInTests: true, run: func(p *pass) {
	for _, call := range each[*ast.CallExpr](p.root) {
		f := p.callee(call)
		if f == nil || f.Pkg() == nil || !callbacks[f.Pkg().Name()+"."+f.Name()] {
			continue
		}
		for _, arg := range call.Args {
			if p.interpretedCallback(arg) {
				p.report(call, "%s.%s calls interpreted code for every element, 1.3 µs each; use a compiled function (sort.Strings, strings.NewReplacer) or precompute", f.Pkg().Name(), f.Name())
			}
		}
	}
}}

// interpretedCallback tells whether the argument is interpreted code: a literal, a function or a type of this package.
func (p *pass) interpretedCallback(arg ast.Expr) bool {
	switch arg := ast.Unparen(arg).(type) {
	case *ast.FuncLit:
		return true
	case *ast.Ident:
		return p.interpretedObject(arg)
	case *ast.SelectorExpr:
		return p.interpretedObject(arg.Sel)
	}
	return p.ownConcrete(p.Info.TypeOf(arg))
}

func (p *pass) interpretedObject(id *ast.Ident) bool {
	obj := p.Info.ObjectOf(id)
	if obj == nil || obj.Pkg() == nil {
		return false
	}
	_, isFunc := obj.Type().Underlying().(*types.Signature)
	return isFunc && p.ownPackage(obj.Pkg()) || p.ownConcrete(obj.Type())
}
