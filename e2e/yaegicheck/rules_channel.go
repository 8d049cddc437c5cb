package yaegicheck

import (
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/ast/inspector"
)

var channelRules = []rule{receiveReturned, receiveStored, receiveChanged, receiveSelected, selectField, selectJump}

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

// receiveSelected: a select clause that receives into an existing variable was seen to panic ("Select: invalid Dir")
// where the variable had been used before.
var receiveSelected = rule{name: "receive-selected", run: func(p *pass) {
	for _, clause := range each[*ast.CommClause](p.root) {
		if assign, ok := clause.Comm.(*ast.AssignStmt); ok && assign.Tok == token.ASSIGN {
			p.report(assign, "a select clause must not receive into an existing variable; write case v := <-ch: and assign v")
		}
	}
}}

// selectField: a select clause v, ok := <-x.f is never taken, whatever the channel holds. With a local variable of the
// channel it is, and so is v := <-x.f.
var selectField = rule{name: "select-field", run: func(p *pass) {
	for _, clause := range each[*ast.CommClause](p.root) {
		assign, ok := clause.Comm.(*ast.AssignStmt)
		if !ok || len(assign.Lhs) != 2 {
			continue
		}
		if receive, ok := ast.Unparen(assign.Rhs[0]).(*ast.UnaryExpr); ok {
			if _, plain := ast.Unparen(receive.X).(*ast.Ident); !plain {
				p.report(assign, "this clause is never taken; put the channel into a local variable first, or leave the second value out")
			}
		}
	}
}}

// selectJump: a labelled break, or a continue, that stands bare at the end of a select clause does not jump: the loop
// goes on behind the select, or never ends. The same inside an if works.
var selectJump = rule{name: "select-jump", run: func(p *pass) {
	for _, clause := range each[*ast.CommClause](p.root) {
		if len(clause.Body) == 0 {
			continue
		}
		jump, ok := clause.Body[len(clause.Body)-1].(*ast.BranchStmt)
		if ok && (jump.Tok == token.CONTINUE || jump.Tok == token.BREAK && jump.Label != nil) {
			p.report(jump, "%s at the end of a select clause does not jump; return, set a flag that is read after the select, or jump inside an if", jump.Tok)
		}
	}
}}
