package yaegicheck

import (
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/ast/inspector"
)

var channelRules = []rule{receiveReturned, receiveStored, receiveChanged, selectShared}

// receiveReturned: the value of a bare receive cannot be set into the result's slot: "reflect.Value.Set using
// unaddressable value".
var receiveReturned = rule{name: "receive-returned", run: func(p *pass) {
	for _, stmt := range each[*ast.ReturnStmt](p.root) {
		for _, result := range stmt.Results {
			if receives(result) {
				p.report(result, "returning a bare receive panics; write v, _ := <-ch and return v")
			}
		}
	}
}}

// receiveStored: x.f = <-ch, s[i] = <-ch, *p = <-ch and result = <-ch do not store at all: the old value stays, and
// nobody is told. A package variable keeps the receive's slot for good, and the next assignment to it panics. An
// element of a map is stored.
var receiveStored = rule{name: "receive-stored", run: func(p *pass) {
	for c, stmt := range each[*ast.AssignStmt](p.root) {
		if _, clause := c.Parent().Node().(*ast.CommClause); clause || stmt.Tok != token.ASSIGN || len(stmt.Lhs) != len(stmt.Rhs) {
			continue
		}
		for i, target := range stmt.Lhs {
			if receives(stmt.Rhs[i]) && !p.receivable(c, target) {
				p.report(stmt, "the received value does not arrive in %s; receive into a new local (v, _ := <-ch) and assign that", types.ExprString(target))
			}
		}
	}
}}

// receivable tells whether a bare receive can be assigned to the target: to the blank identifier, an element of a
// map, or a local variable that is no result.
func (p *pass) receivable(at inspector.Cursor, target ast.Expr) bool {
	switch target := ast.Unparen(target).(type) {
	case *ast.IndexExpr:
		_, isMap := p.Info.TypeOf(target.X).Underlying().(*types.Map)
		return isMap
	case *ast.Ident:
		v := p.variable(target)
		return v == nil || v.Parent() != p.Pkg.Scope() && !p.isResult(at, v)
	}
	return false
}

// isResult tells whether the variable is a named result of a function around the cursor.
func (p *pass) isResult(at inspector.Cursor, v *types.Var) bool {
	for f := range at.Enclosing((*ast.FuncDecl)(nil), (*ast.FuncLit)(nil)) {
		results := p.signature(f.Node()).Results()
		for i := range results.Len() {
			if results.At(i) == v {
				return true
			}
		}
	}
	return false
}

// receiveChanged: x := <-ch makes x read-only. A later x = y, x++, &x, x.f = y or x.pointerMethod() panics with
// "unaddressable value".
var receiveChanged = rule{name: "receive-changed", run: func(p *pass) {
	for c, received := range p.receivedVariables() {
		f, ok := function(c)
		if !ok {
			continue
		}
		for _, change := range p.changes(f) {
			if p.rootVariable(change.target) == received && (change.value == nil || !receives(change.value)) {
				p.report(change.at, "%s was set by a bare receive and is read-only; receive with v, ok := <-ch, or change a copy", received.Name())
			}
		}
	}
}}

// receivedVariables returns where which local variable is set by a bare receive.
func (p *pass) receivedVariables() map[inspector.Cursor]*types.Var {
	received := map[inspector.Cursor]*types.Var{}
	for c := range p.root.Preorder((*ast.AssignStmt)(nil), (*ast.ValueSpec)(nil)) {
		if _, clause := c.Parent().Node().(*ast.CommClause); clause {
			continue
		}
		names, values := sides(c.Node())
		for i, value := range values {
			if len(names) == len(values) && receives(value) && p.variable(names[i]) != nil && p.receivable(c, names[i]) {
				received[c] = p.variable(names[i])
			}
		}
	}
	return received
}

// sides returns the left and the right side of an assignment or a variable declaration.
func sides(n ast.Node) (left, right []ast.Expr) {
	switch n := n.(type) {
	case *ast.AssignStmt:
		return n.Lhs, n.Rhs
	case *ast.ValueSpec:
		for _, name := range n.Names {
			left = append(left, name)
		}
		return left, n.Values
	}
	return nil, nil
}

// selectShared: Yaegi keeps the channels of a select in one place for all goroutines that run it: what one waits for,
// another gets, or nobody. Besides, a clause with v, ok := <-x.f is never taken, one that receives into a variable that
// was used before panics, and a bare labelled break or continue at the end of a clause does not jump. Tests run theirs one at a time.
var selectShared = rule{name: "select", notInTests: true, run: func(p *pass) {
	for _, stmt := range each[*ast.SelectStmt](p.root) {
		if len(stmt.Body.List) > 0 {
			p.report(stmt, "goroutines that run this select get each other's channels; send both events into one channel (context.AfterFunc for a context)")
		}
	}
}}
