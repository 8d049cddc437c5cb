package yaegicheck

import (
	"go/ast"
	"go/token"
	"go/types"
	"maps"
)

var resultRules = []rule{resultUnassigned, returnedCall}

// returnedCall: where a return statement has several operands, Yaegi loses the result of a function that is a field:
// return s.count(), nil returns 0. A method, a variable and an element of a slice or map are right.
var returnedCall = rule{name: "returned-call", run: func(p *pass) {
	for _, stmt := range each[*ast.ReturnStmt](p.root) {
		if len(stmt.Results) < 2 {
			continue
		}
		for _, result := range stmt.Results {
			if call, ok := ast.Unparen(result).(*ast.CallExpr); ok && p.field(call.Fun) != nil {
				p.report(call, "the result is lost, the caller gets zero; assign it to a variable first")
			}
		}
	}
}}

// resultUnassigned: named results do not begin with their zero value. They are the variable that the caller assigns the
// call to, or what the last call in the same place has left: func one() (n int) { n++; return n } counts up in a loop.
var resultUnassigned = rule{name: "result-unassigned", run: func(p *pass) {
	for c := range p.root.Preorder((*ast.FuncDecl)(nil), (*ast.FuncLit)(nil)) {
		switch f := c.Node().(type) {
		case *ast.FuncDecl:
			if f.Body != nil {
				p.checkResults(f.Type, f.Body)
			}
		case *ast.FuncLit:
			p.checkResults(f.Type, f.Body)
		}
	}
}}

func (p *pass) checkResults(f *ast.FuncType, body *ast.BlockStmt) {
	if f.Results == nil {
		return
	}
	w := resultWalk{pass: p, results: map[types.Object]bool{}, reported: map[types.Object]bool{}}
	for _, field := range f.Results.List {
		for _, name := range field.Names {
			if obj := p.Info.Defs[name]; obj != nil && name.Name != "_" {
				w.results[obj] = true
			}
		}
	}
	if len(w.results) > 0 {
		w.list(body.List, assigned{})
	}
}

// assigned is the set of results that have a value of their own. nil stands for a place that is never reached.
type assigned map[types.Object]bool

// both returns what is assigned whichever of two ways was taken.
func both(a, b assigned) assigned {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	result := assigned{}
	for obj := range a {
		if b[obj] {
			result[obj] = true
		}
	}
	return result
}

// resultWalk follows the statements of one function.
type resultWalk struct {
	*pass
	results  map[types.Object]bool
	reported map[types.Object]bool // one finding a result is enough
}

func (w *resultWalk) list(stmts []ast.Stmt, in assigned) assigned {
	for _, stmt := range stmts {
		in = w.stmt(stmt, in)
	}
	return in
}

// stmt reports what a statement reads too early, and returns what is assigned after it.
func (w *resultWalk) stmt(stmt ast.Stmt, in assigned) assigned {
	if stmt == nil || in == nil {
		return in
	}
	switch s := stmt.(type) {
	case *ast.BlockStmt:
		return w.list(s.List, in)
	case *ast.LabeledStmt:
		return w.stmt(s.Stmt, in)
	case *ast.AssignStmt:
		return w.assign(s, in)
	case *ast.ReturnStmt:
		w.returned(s, in)
		return nil
	case *ast.BranchStmt:
		return nil
	case *ast.IfStmt:
		in = w.stmt(s.Init, in)
		w.reads(s.Cond, in)
		return both(w.stmt(s.Body, maps.Clone(in)), w.stmt(s.Else, maps.Clone(in)))
	case *ast.ForStmt:
		in = w.stmt(s.Init, in)
		w.reads(s.Cond, in)
		w.stmt(s.Post, w.stmt(s.Body, maps.Clone(in)))
		return in
	case *ast.RangeStmt:
		w.reads(s.X, in)
		w.stmt(s.Body, w.ranged(s, in))
		return in
	case *ast.SwitchStmt:
		in = w.stmt(s.Init, in)
		w.reads(s.Tag, in)
		return w.clauses(s.Body, in)
	case *ast.TypeSwitchStmt:
		in = w.stmt(s.Init, in)
		return w.clauses(s.Body, w.stmt(s.Assign, in))
	case *ast.SelectStmt:
		return w.clauses(s.Body, in)
	default:
		w.reads(stmt, in)
		return in
	}
}

func (w *resultWalk) assign(s *ast.AssignStmt, in assigned) assigned {
	for _, e := range s.Rhs {
		w.reads(e, in)
	}
	out := maps.Clone(in)
	for _, e := range s.Lhs {
		if obj := w.result(e); obj != nil && (s.Tok == token.ASSIGN || s.Tok == token.DEFINE) {
			out[obj] = true
		} else {
			w.reads(e, in)
		}
	}
	return out
}

// ranged returns what is assigned within a loop that sets results in each round.
func (w *resultWalk) ranged(s *ast.RangeStmt, in assigned) assigned {
	out := maps.Clone(in)
	for _, e := range []ast.Expr{s.Key, s.Value} {
		if obj := w.result(e); obj != nil {
			out[obj] = true
		}
	}
	return out
}

func (w *resultWalk) clauses(body *ast.BlockStmt, in assigned) assigned {
	var out assigned
	complete := false
	for _, stmt := range body.List {
		switch c := stmt.(type) {
		case *ast.CaseClause:
			for _, e := range c.List {
				w.reads(e, in)
			}
			complete = complete || c.List == nil
			out = both(out, w.list(c.Body, maps.Clone(in)))
		case *ast.CommClause:
			complete = true // a select waits until one of them is taken
			out = both(out, w.list(c.Body, w.stmt(c.Comm, maps.Clone(in))))
		}
	}
	if complete {
		return out
	}
	return both(out, in)
}

// returned checks a return statement: without operands it reads every result.
func (w *resultWalk) returned(s *ast.ReturnStmt, in assigned) {
	for _, e := range s.Results {
		w.reads(e, in)
	}
	for obj := range w.results {
		if len(s.Results) == 0 && !in[obj] {
			w.reportResult(s, obj)
		}
	}
}

// reads reports the results that are read before they are assigned. Func literals run at another time.
func (w *resultWalk) reads(n ast.Node, in assigned) {
	if n == nil || in == nil {
		return
	}
	ast.Inspect(n, func(n ast.Node) bool {
		if _, ok := n.(*ast.FuncLit); ok {
			return false
		}
		if id, ok := n.(*ast.Ident); ok {
			if obj := w.Info.Uses[id]; obj != nil && w.results[obj] && !in[obj] {
				w.reportResult(id, obj)
			}
		}
		return true
	})
}

// result returns the result that an expression names, nil for any other.
func (w *resultWalk) result(e ast.Expr) types.Object {
	id, ok := e.(*ast.Ident)
	if !ok || !w.results[w.Info.Uses[id]] {
		return nil
	}
	return w.Info.Uses[id]
}

func (w *resultWalk) reportResult(at ast.Node, obj types.Object) {
	if w.reported[obj] {
		return
	}
	w.reported[obj] = true
	w.report(at, "the result %s is not zero before it is assigned: it holds what the caller's variable or the last call held; assign it first", obj.Name())
}
