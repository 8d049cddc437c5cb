package yaegicheck

import (
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/ast/inspector"
)

var loopRules = []rule{goLoop, loopVariable, loopLiteral, staleValue}

// goLoop: several goroutines started from one func literal share its slot in the frame while they start, so the wrong
// closure runs now and then: "negative WaitGroup counter", and Traefik is gone.
var goLoop = rule{name: "go-loop", run: func(p *pass) {
	for c, stmt := range each[*ast.GoStmt](p.root) {
		if _, literal := ast.Unparen(stmt.Call.Fun).(*ast.FuncLit); literal && inLoop(c) {
			p.report(stmt, "goroutines of one func literal in a loop may run each other's closure; start a named function or a method with arguments")
		}
	}
}}

// loopVariable: Yaegi keeps the loop variables of before Go 1.22: one for all rounds. A literal or an address that
// outlives its round sees the last value (3 3 3 instead of 0 1 2). A literal called on the spot is right, and so is
// one given to a function known to call it before it returns.
var loopVariable = rule{name: "loop-variable", run: func(p *pass) {
	for _, l := range p.loops() {
		if len(l.variables) == 0 {
			continue
		}
		for c, lit := range each[*ast.FuncLit](l.body) {
			if p.mentions(c, l.variables) && !p.withinAnother(c, l) && !p.calledAtOnce(c, lit) {
				p.report(lit, "the func literal uses a loop variable that all rounds share; copy it first (v := v) or pass it to a function")
			}
		}
		p.reportLoopAddresses(l)
	}
}}

// loopLiteral: a literal that is converted to a function type or handed to compiled code gets the last round's frame,
// so even variables declared inside the round (v := v) hold the last round's value: http.HandlerFunc(func…) and
// time.AfterFunc in a loop answered 2 2 2. The same in subtests that call t.Parallel.
var loopLiteral = rule{name: "loop-literal", run: func(p *pass) {
	for _, l := range p.loops() {
		inner := p.declaredIn(l.body)
		for c, lit := range each[*ast.FuncLit](l.body) {
			if p.mentionsOutside(c, lit, inner) && p.leavesInterpreter(c) && !p.withinAnother(c, l) && !p.calledAtOnce(c, lit) {
				p.report(lit, "the func literal gets the last round's variables, even those declared in the round; make it in a function that takes them as parameters")
			}
		}
	}
}}

// staleValue: where an assertion or a map index with two results fails, v keeps what it was instead of becoming zero:
// what the round before has left in it, even in v, ok := x.(T), or what was assigned before. Right is a value that is
// used where ok is true only, and one that the statement before has set. Elements of maps are assignMap's.
var staleValue = rule{name: "stale-value", run: func(p *pass) {
	for c, stmt := range each[*ast.AssignStmt](p.root) {
		if len(stmt.Lhs) != 2 || len(stmt.Rhs) != 1 || !p.mayFail(stmt.Rhs[0]) || p.mapElement(stmt.Lhs[0]) != nil {
			continue
		}
		id, ok := stmt.Lhs[0].(*ast.Ident)
		if ok && (id.Name == "_" || (p.Info.Defs[id] != nil && !inLoop(c)) || p.setBefore(c, id) || p.usedIfOK(c, stmt)) {
			continue
		}
		p.report(stmt, "where this fails, %s keeps its earlier value; set it in the statement before, or use it where ok is true only", types.ExprString(stmt.Lhs[0]))
	}
}}

// mayFail tells whether the expression is an assertion or an element of a map.
func (p *pass) mayFail(e ast.Expr) bool {
	_, assertion := ast.Unparen(e).(*ast.TypeAssertExpr)
	return assertion || p.mapElement(e) != nil
}

// setBefore tells whether the statement before declares or assigns the variable.
func (p *pass) setBefore(c inspector.Cursor, id *ast.Ident) bool {
	before, ok := c.PrevSibling()
	if !ok {
		return false
	}
	node := before.Node()
	if labeled, isLabeled := node.(*ast.LabeledStmt); isLabeled {
		node = labeled.Stmt
	}
	switch stmt := node.(type) {
	case *ast.AssignStmt:
		return len(stmt.Lhs) == 1 && stmt.Tok != token.ADD_ASSIGN && p.variable(stmt.Lhs[0]) == p.variable(id)
	case *ast.DeclStmt:
		spec, ok := stmt.Decl.(*ast.GenDecl).Specs[0].(*ast.ValueSpec)
		return ok && len(spec.Names) == 1 && p.variable(spec.Names[0]) == p.variable(id)
	}
	return false
}

// usedIfOK tells whether the value is for the branch of an if only that asks for ok, or for what follows an if that
// leaves without ok.
func (p *pass) usedIfOK(c inspector.Cursor, stmt *ast.AssignStmt) bool {
	ok := p.variable(stmt.Lhs[1])
	value := map[types.Object]bool{p.variable(stmt.Lhs[0]): true}
	if branch, isIf := c.Parent().Node().(*ast.IfStmt); isIf && branch.Init == stmt {
		return ok != nil && p.variable(firstOperand(branch.Cond)) == ok && !p.mentionedIn(c.Parent(), branch.Else, value)
	}
	next, found := c.NextSibling()
	if !found {
		return false
	}
	branch, isIf := next.Node().(*ast.IfStmt)
	if !isIf || branch.Init != nil || branch.Else != nil {
		return false
	}
	not, isNot := branch.Cond.(*ast.UnaryExpr)
	if !isNot || not.Op != token.NOT || p.variable(not.X) != ok || p.mentionedIn(next, branch.Body, value) {
		return false
	}
	switch branch.Body.List[len(branch.Body.List)-1].(type) {
	case *ast.ReturnStmt, *ast.BranchStmt:
		return true
	}
	return false
}

// firstOperand returns what a condition of operands joined by && asks first.
func firstOperand(cond ast.Expr) ast.Expr {
	and, ok := cond.(*ast.BinaryExpr)
	if !ok || and.Op != token.LAND {
		return cond
	}
	return firstOperand(and.X)
}

// mentionedIn tells whether a part of the node at the cursor, nil for none, uses one of the variables.
func (p *pass) mentionedIn(c inspector.Cursor, part ast.Stmt, objects map[types.Object]bool) bool {
	if part == nil {
		return false
	}
	below, _ := c.FindNode(part)
	return p.mentions(below, objects)
}

// loopNode is a loop with the variables its header declares.
type loopNode struct {
	node, body inspector.Cursor
	variables  map[types.Object]bool
}

func (p *pass) loops() []loopNode {
	var list []loopNode
	for c := range p.root.Preorder((*ast.ForStmt)(nil), (*ast.RangeStmt)(nil)) {
		switch n := c.Node().(type) {
		case *ast.ForStmt:
			body, _ := c.FindNode(n.Body)
			list = append(list, loopNode{c, body, p.headerVariables(n.Init)})
		case *ast.RangeStmt:
			body, _ := c.FindNode(n.Body)
			list = append(list, loopNode{c, body, p.defined(n.Key, n.Value)})
		}
	}
	return list
}

func (p *pass) headerVariables(init ast.Stmt) map[types.Object]bool {
	if assign, ok := init.(*ast.AssignStmt); ok {
		return p.defined(assign.Lhs...)
	}
	return nil
}

// defined returns the variables that the identifiers among the expressions declare.
func (p *pass) defined(exprs ...ast.Expr) map[types.Object]bool {
	objects := map[types.Object]bool{}
	for _, e := range exprs {
		if id, ok := e.(*ast.Ident); ok && p.Info.Defs[id] != nil {
			objects[p.Info.Defs[id]] = true
		}
	}
	return objects
}

// declaredIn returns the variables declared in the loop's round itself, not in the literals within.
func (p *pass) declaredIn(body inspector.Cursor) map[types.Object]bool {
	objects := map[types.Object]bool{}
	for _, id := range each[*ast.Ident](body) {
		if v, ok := p.Info.Defs[id].(*types.Var); ok && !v.IsField() {
			objects[v] = true
		}
	}
	return objects
}

// mentionsOutside tells whether the literal uses one of the variables, its own parameters and locals left out.
func (p *pass) mentionsOutside(c inspector.Cursor, lit *ast.FuncLit, objects map[types.Object]bool) bool {
	for _, id := range each[*ast.Ident](c) {
		if obj := p.Info.Uses[id]; objects[obj] && (obj.Pos() < lit.Pos() || obj.Pos() > lit.End()) {
			return true
		}
	}
	return false
}

// withinAnother tells whether a literal stands inside another one of the same loop: the outer one decides.
func (p *pass) withinAnother(c inspector.Cursor, l loopNode) bool {
	f, ok := function(c)
	return ok && contains(l.body.Node(), f.Node())
}

// leavesInterpreter tells whether the literal is converted to a named function type or is an argument of compiled
// code.
func (p *pass) leavesInterpreter(c inspector.Cursor) bool {
	call, ok := c.Parent().Node().(*ast.CallExpr)
	if !ok || call.Fun == c.Node() {
		return false
	}
	return p.converts(call) || p.compiled(call)
}

// calledAtOnce tells whether the literal is over when its statement is: it is called where it stands, or given to a
// function that calls it before it returns.
func (p *pass) calledAtOnce(c inspector.Cursor, lit *ast.FuncLit) bool {
	call, ok := c.Parent().Node().(*ast.CallExpr)
	if !ok {
		return false
	}
	if call.Fun == lit {
		switch c.Parent().Parent().Node().(type) {
		case *ast.GoStmt, *ast.DeferStmt:
			return false
		}
		return true
	}
	return p.synchronous(call) && !p.parallel(c)
}

// synchronous lists the compiled functions that call their argument before they return.
func (p *pass) synchronous(call *ast.CallExpr) bool {
	switch p.method(call) {
	case "testing.T.Run", "testing.B.Run", "sync.Once.Do", "sync.Map.Range":
		return true
	}
	f := p.callee(call)
	if f == nil || f.Pkg() == nil {
		return false
	}
	switch f.Pkg().Path() {
	case "sort", "strings", "bytes", "regexp":
		return true
	}
	return false
}

// parallel tells whether a subtest calls t.Parallel: it then runs after the loop.
func (p *pass) parallel(c inspector.Cursor) bool {
	for _, call := range each[*ast.CallExpr](c) {
		if p.method(call) == "testing.T.Parallel" || p.method(call) == "testing.common.Parallel" {
			return true
		}
	}
	return false
}

// reportLoopAddresses reports &v, &v.field and v[:] of an array, where v is the loop's variable.
func (p *pass) reportLoopAddresses(l loopNode) {
	for c := range l.body.Preorder((*ast.UnaryExpr)(nil), (*ast.SliceExpr)(nil)) {
		var operand ast.Expr
		switch n := c.Node().(type) {
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				operand = n.X
			}
		case *ast.SliceExpr:
			if _, ok := p.Info.TypeOf(n.X).Underlying().(*types.Array); ok {
				operand = n.X
			}
		}
		if operand == nil {
			continue
		}
		if v := p.rootVariable(operand); v != nil && l.variables[v] {
			p.report(c.Node(), "all rounds share the loop variable this points to; copy it first (v := v)")
		}
	}
}
