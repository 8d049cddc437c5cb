package yaegicheck

import (
	"go/ast"
	"go/types"

	"golang.org/x/tools/go/ast/inspector"
)

var deferRules = []rule{deferLoop, deferChanged, deferLiteral}

// deferLoop: Yaegi reads the receiver and the arguments of a deferred call when the function ends. In a loop all the
// calls get the last round's values: three deferred r.Close() closed the third r three times.
var deferLoop = rule{name: "defer-loop", run: func(p *pass) {
	for c, stmt := range each[*ast.DeferStmt](p.root) {
		if inLoop(c) {
			p.report(stmt, "every round's deferred call runs with the last round's values; close it at the end of the round, or give the round a function of its own")
		}
	}
}}

// deferChanged: for the same reason, what is assigned between the defer and the end of the function is what the
// deferred call gets. After `defer r.Close(); r = next` next is closed and r is not. Arguments that are themselves
// calls or operations are evaluated in time, and a deferred func literal reads its variables late in Go too.
var deferChanged = rule{name: "defer-changed", run: func(p *pass) {
	for c, stmt := range each[*ast.DeferStmt](p.root) {
		f, ok := function(c)
		if !ok {
			continue
		}
		later := p.changesAfter(f, stmt)
		for _, operand := range p.lateOperands(stmt.Call) {
			if p.assignedAgain(operand, later) || p.copied(stmt.Call, operand) && p.partAssigned(operand, later) {
				p.report(stmt, "%s is read when the function ends, after the assignment below; use a second variable", types.ExprString(operand))
			}
		}
	}
}}

// lateOperands lists the parts of a deferred call that Yaegi reads only when it runs.
func (p *pass) lateOperands(call *ast.CallExpr) []ast.Expr {
	operands := call.Args
	switch fun := ast.Unparen(call.Fun).(type) {
	case *ast.SelectorExpr:
		operands = append([]ast.Expr{fun.X}, operands...)
		if p.field(fun) != nil {
			operands[0] = fun
		}
	case *ast.Ident:
		operands = append([]ast.Expr{fun}, operands...)
	}
	return operands
}

func (p *pass) changesAfter(f inspector.Cursor, stmt ast.Node) []change {
	var later []change
	for _, c := range p.changes(f) {
		if c.writes && c.at.Pos() > stmt.End() {
			later = append(later, c)
		}
	}
	return later
}

// assignedAgain tells whether a later assignment is to the operand or to its left side (r, of r.body).
func (p *pass) assignedAgain(operand ast.Expr, later []change) bool {
	for _, c := range later {
		if p.prefix(c.target, operand) {
			return true
		}
	}
	return false
}

// partAssigned tells whether a later assignment is to a field or an element within the operand's own memory.
func (p *pass) partAssigned(operand ast.Expr, later []change) bool {
	for _, c := range later {
		if p.rootVariable(c.target) != nil && p.prefix(operand, c.target) {
			return true
		}
	}
	return false
}

// copied tells whether Go copies the operand's fields or elements at the defer: a struct or an array that is not the
// receiver of a pointer method.
func (p *pass) copied(call *ast.CallExpr, operand ast.Expr) bool {
	for _, receiver := range p.addressed(call) {
		if receiver.target == operand {
			return false
		}
	}
	switch p.Info.TypeOf(operand).Underlying().(type) {
	case *types.Struct, *types.Array:
		return true
	}
	return false
}

// prefix tells whether the expression long is short or begins with it: a.b is a prefix of a.b, a.b.c and a.b[0].
func (p *pass) prefix(short, long ast.Expr) bool {
	if p.samePath(short, long) {
		return true
	}
	switch long := ast.Unparen(long).(type) {
	case *ast.SelectorExpr:
		return p.prefix(short, long.X)
	case *ast.IndexExpr:
		return p.prefix(short, long.X)
	case *ast.StarExpr:
		return p.prefix(short, long.X)
	}
	return false
}

func (p *pass) samePath(a, b ast.Expr) bool {
	if v := p.variable(a); v != nil || p.variable(b) != nil {
		return v != nil && v == p.variable(b)
	}
	switch a := ast.Unparen(a).(type) {
	case *ast.SelectorExpr:
		b, ok := ast.Unparen(b).(*ast.SelectorExpr)
		return ok && p.Info.ObjectOf(a.Sel) == p.Info.ObjectOf(b.Sel) && p.samePath(a.X, b.X)
	case *ast.IndexExpr:
		b, ok := ast.Unparen(b).(*ast.IndexExpr)
		return ok && p.samePath(a.X, b.X)
	case *ast.StarExpr:
		b, ok := ast.Unparen(b).(*ast.StarExpr)
		return ok && p.samePath(a.X, b.X)
	}
	return false
}

// deferLiteral: while Yaegi runs deferred calls it holds a lock that a func literal of the same function takes when it
// ends, so a deferred call that leads to one never returns, and neither does a deferred wait for a goroutine that is
// still in one. The deferred literal itself is exempt, as are function values made by other functions.
var deferLiteral = rule{name: "defer-literal", run: func(p *pass) {
	for c, stmt := range each[*ast.DeferStmt](p.root) {
		f, ok := function(c)
		if !ok {
			continue
		}
		if p.reachesLiteral(c, stmt.Call, p.literalsOf(f)) {
			p.report(stmt, "the deferred call runs a func literal of this function and hangs; make that literal a method or a named function")
		} else if p.waitsForLiteral(c, f) {
			p.report(stmt, "the deferred Wait hangs on a goroutine that runs a func literal of this function; make it a named function, or wait before the return")
		}
	}
}}

// literalsOf lists the variables and fields that the function itself (not one nested in it) sets to a func literal.
func (p *pass) literalsOf(f inspector.Cursor) map[types.Object]bool {
	holders := map[types.Object]bool{}
	for c, lit := range each[*ast.FuncLit](f) {
		if owner, ok := function(c); !ok || owner != f {
			continue
		}
		for _, holder := range p.holders(c, lit) {
			holders[holder] = true
		}
	}
	return holders
}

// holders returns the variable or field that the literal is stored in, if it is stored.
func (p *pass) holders(c inspector.Cursor, lit *ast.FuncLit) []types.Object {
	for parent := range c.Parent().Enclosing() {
		switch n := parent.Node().(type) {
		case *ast.CompositeLit, *ast.ParenExpr, *ast.UnaryExpr:
			continue
		case *ast.KeyValueExpr:
			if field, ok := p.fieldKey(n); ok {
				return []types.Object{field}
			}
			continue
		case *ast.CallExpr:
			if p.converts(n) {
				continue
			}
		case *ast.ValueSpec:
			return p.specHolders(n, lit)
		case *ast.AssignStmt:
			return p.assignHolders(n, lit)
		}
		return nil
	}
	return nil
}

func (p *pass) fieldKey(n *ast.KeyValueExpr) (types.Object, bool) {
	if key, ok := n.Key.(*ast.Ident); ok {
		if v, ok := p.Info.Uses[key].(*types.Var); ok && v.IsField() {
			return v, true
		}
	}
	return nil, false
}

func (p *pass) specHolders(n *ast.ValueSpec, lit *ast.FuncLit) []types.Object {
	for i, value := range n.Values {
		if i < len(n.Names) && contains(value, lit) {
			return []types.Object{p.Info.Defs[n.Names[i]]}
		}
	}
	return nil
}

func (p *pass) assignHolders(n *ast.AssignStmt, lit *ast.FuncLit) []types.Object {
	for i, value := range n.Rhs {
		if len(n.Lhs) != len(n.Rhs) || !contains(value, lit) {
			continue
		}
		if f := p.field(n.Lhs[i]); f != nil {
			return []types.Object{f}
		}
		if v := p.variable(n.Lhs[i]); v != nil {
			return []types.Object{v}
		}
	}
	return nil
}

func contains(outer, inner ast.Node) bool {
	return outer.Pos() <= inner.Pos() && inner.End() <= outer.End()
}

// reachesLiteral tells whether the deferred call mentions one of the holders, is given a literal by an interpreted
// function, or runs functions of this package that call a holder field.
func (p *pass) reachesLiteral(c inspector.Cursor, call *ast.CallExpr, holders map[types.Object]bool) bool {
	if p.mentions(c, holders) || p.passesLiteral(call) {
		return true
	}
	for _, inner := range each[*ast.CallExpr](c) {
		if f := p.callee(inner); f != nil && p.callsField(f, holders, map[*types.Func]bool{}) {
			return true
		}
	}
	return false
}

func (p *pass) mentions(below inspector.Cursor, objects map[types.Object]bool) bool {
	for _, id := range each[*ast.Ident](below) {
		if objects[p.Info.Uses[id]] {
			return true
		}
	}
	return false
}

// passesLiteral tells whether an interpreted function is deferred with a func literal as argument; compiled ones
// (once.Do) run it safely.
func (p *pass) passesLiteral(call *ast.CallExpr) bool {
	f := p.callee(call)
	if f == nil || p.compiled(call) {
		return false
	}
	for _, arg := range call.Args {
		if _, ok := ast.Unparen(arg).(*ast.FuncLit); ok {
			return true
		}
	}
	return false
}

// callsField tells whether the function, or one of this package that it calls, calls one of the fields.
func (p *pass) callsField(f *types.Func, fields map[types.Object]bool, seen map[*types.Func]bool) bool {
	body, ok := p.declaration(f)
	if !ok || seen[f] || len(fields) == 0 {
		return false
	}
	seen[f] = true
	for _, call := range each[*ast.CallExpr](body) {
		if field := p.field(call.Fun); field != nil && fields[field] {
			return true
		}
		if next := p.callee(call); next != nil && p.callsField(next, fields, seen) {
			return true
		}
	}
	return false
}

// waitsForLiteral tells whether the statement defers a WaitGroup's Wait in a function whose goroutines run a literal.
func (p *pass) waitsForLiteral(c, f inspector.Cursor) bool {
	waits := false
	for _, call := range each[*ast.CallExpr](c) {
		waits = waits || p.method(call) == "sync.WaitGroup.Wait"
	}
	if !waits {
		return false
	}
	literals := p.literalsOf(f)
	for goStmt := range each[*ast.GoStmt](f) {
		if p.mentions(goStmt, literals) {
			return true
		}
	}
	return false
}
