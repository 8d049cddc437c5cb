package yaegicheck

import (
	"go/ast"
	"go/token"
	"go/types"
	"iter"

	"golang.org/x/tools/go/ast/inspector"
	"golang.org/x/tools/go/types/typeutil"
)

// each yields the nodes of type N below the cursor together with where they stand.
func each[N ast.Node](below inspector.Cursor) iter.Seq2[inspector.Cursor, N] {
	var kind N
	return func(yield func(inspector.Cursor, N) bool) {
		for c := range below.Preorder(kind) {
			if !yield(c, c.Node().(N)) {
				return
			}
		}
	}
}

// function returns the innermost function declaration or literal around the node, itself excluded.
func function(c inspector.Cursor) (inspector.Cursor, bool) {
	for f := range c.Parent().Enclosing((*ast.FuncDecl)(nil), (*ast.FuncLit)(nil)) {
		return f, true
	}
	return inspector.Cursor{}, false
}

// inLoop tells whether a loop of the same function is around the node.
func inLoop(c inspector.Cursor) bool {
	for f := range c.Parent().Enclosing((*ast.FuncDecl)(nil), (*ast.FuncLit)(nil), (*ast.ForStmt)(nil), (*ast.RangeStmt)(nil)) {
		switch f.Node().(type) {
		case *ast.ForStmt, *ast.RangeStmt:
			return true
		}
		return false
	}
	return false
}

// signature returns the type of a function declaration or literal.
func (p *pass) signature(f ast.Node) *types.Signature {
	switch f := f.(type) {
	case *ast.FuncDecl:
		return p.Info.Defs[f.Name].Type().(*types.Signature)
	case *ast.FuncLit:
		return p.Info.TypeOf(f).(*types.Signature)
	}
	return nil
}

// variable returns the variable that the expression names, or nil.
func (p *pass) variable(e ast.Expr) *types.Var {
	if id, ok := ast.Unparen(e).(*ast.Ident); ok {
		v, _ := p.Info.ObjectOf(id).(*types.Var)
		return v
	}
	return nil
}

// field returns the struct field that the expression selects, or nil.
func (p *pass) field(e ast.Expr) *types.Var {
	sel, ok := ast.Unparen(e).(*ast.SelectorExpr)
	if !ok {
		return nil
	}
	if s := p.Info.Selections[sel]; s != nil && s.Kind() == types.FieldVal {
		return s.Obj().(*types.Var)
	}
	return nil
}

// callee returns the function or method a call names, or nil where it calls a value.
func (p *pass) callee(call *ast.CallExpr) *types.Func {
	f, _ := typeutil.Callee(p.Info, call).(*types.Func)
	return f
}

// calls tells whether the call names one of the package's functions.
func (p *pass) calls(call *ast.CallExpr, pkg string, names ...string) bool {
	f := p.callee(call)
	if f == nil || f.Pkg() == nil || f.Pkg().Path() != pkg || f.Signature().Recv() != nil {
		return false
	}
	for _, name := range names {
		if f.Name() == name {
			return true
		}
	}
	return false
}

// method returns "pkg.Type.Method" of the method a call names, pointers left out, or "".
func (p *pass) method(call *ast.CallExpr) string {
	f := p.callee(call)
	if f == nil || f.Signature().Recv() == nil {
		return ""
	}
	named := namedType(f.Signature().Recv().Type())
	if named == nil || named.Obj().Pkg() == nil {
		return ""
	}
	return named.Obj().Pkg().Path() + "." + named.Obj().Name() + "." + f.Name()
}

// compiled tells whether the call runs compiled code: a function of the standard library.
func (p *pass) compiled(call *ast.CallExpr) bool {
	f := p.callee(call)
	return f != nil && f.Pkg() != nil && !p.ownPackage(f.Pkg())
}

// converts tells whether the call is a conversion.
func (p *pass) converts(call *ast.CallExpr) bool {
	return p.Info.Types[call.Fun].IsType()
}

// declaration returns the body of a function of this package.
func (p *pass) declaration(f *types.Func) (inspector.Cursor, bool) {
	for c, decl := range each[*ast.FuncDecl](p.root) {
		if p.Info.Defs[decl.Name] == f && decl.Body != nil {
			return c, true
		}
	}
	return inspector.Cursor{}, false
}

// receives tells whether the expression is a bare channel receive.
func receives(e ast.Expr) bool {
	u, ok := ast.Unparen(e).(*ast.UnaryExpr)
	return ok && u.Op == token.ARROW
}

// rootVariable returns the variable at the left end of a selector, index or slice expression that needs no pointer to reach
// its right end: assigning to the expression changes that variable's own memory.
func (p *pass) rootVariable(e ast.Expr) *types.Var {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		return p.variable(e)
	case *ast.SelectorExpr:
		if s := p.Info.Selections[e]; s != nil && !s.Indirect() {
			return p.rootVariable(e.X)
		}
	case *ast.IndexExpr:
		if _, ok := p.Info.TypeOf(e.X).Underlying().(*types.Array); ok {
			return p.rootVariable(e.X)
		}
	}
	return nil
}

// change is a place where a variable's memory is written or its address taken.
type change struct {
	at     ast.Node
	target ast.Expr
	// value is the single expression assigned, nil for ++, & and several values from one call.
	value ast.Expr
	// writes is false where only the address is taken.
	writes bool
}

// changes lists what changes variables below the cursor, apart from their declarations.
func (p *pass) changes(below inspector.Cursor) []change {
	var list []change
	for c := range below.Preorder((*ast.AssignStmt)(nil), (*ast.IncDecStmt)(nil), (*ast.UnaryExpr)(nil), (*ast.RangeStmt)(nil), (*ast.CallExpr)(nil)) {
		switch n := c.Node().(type) {
		case *ast.AssignStmt:
			list = append(list, p.assigned(n)...)
		case *ast.IncDecStmt:
			list = append(list, change{at: n, target: n.X, writes: true})
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				list = append(list, change{at: n, target: n.X})
			}
		case *ast.RangeStmt:
			if n.Tok == token.ASSIGN {
				list = append(list, change{at: n, target: n.Key, writes: true})
			}
		case *ast.CallExpr:
			list = append(list, p.addressed(n)...)
		}
	}
	return list
}

// assigned lists what an assignment changes; a variable that := declares is not among it.
func (p *pass) assigned(n *ast.AssignStmt) []change {
	var list []change
	for i, target := range n.Lhs {
		if id, ok := target.(*ast.Ident); ok && p.Info.Defs[id] != nil {
			continue
		}
		c := change{at: n, target: target, writes: true}
		if len(n.Rhs) == len(n.Lhs) {
			c.value = n.Rhs[i]
		}
		list = append(list, c)
	}
	return list
}

// addressed lists the variable that a call of a pointer method takes the address of.
func (p *pass) addressed(call *ast.CallExpr) []change {
	sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	f := p.callee(call)
	if !ok || f == nil || f.Signature().Recv() == nil {
		return nil
	}
	if isPointer(f.Signature().Recv().Type()) && !isPointer(p.Info.TypeOf(sel.X)) {
		return []change{{at: call, target: sel.X}}
	}
	return nil
}
