package inline

import (
	"go/ast"
	"go/token"
	"go/types"
	"regexp"
	"slices"
	"strings"
)

// check is an if without else that directly follows a call which is written out, and tests one of its results:
//
//	v, err := f()
//	if err != nil {
//		…
//	}
//
// A return of f whose operand for that result is a literal that does not enter the if, here nil, jumps behind the if.
type check struct {
	result int    // its index
	passed string // the literal: nil, true or false
	alone  bool   // nothing else reads what the call gives, so that the literal need not be assigned
	behind label
}

// isPassed reports whether a return with these operands does not enter the if.
func (c *check) isPassed(p *pkg, operands []ast.Expr) bool {
	return c != nil && c.result < len(operands) && p.isLiteral(operands[c.result], c.passed)
}

// isLiteral reports whether an expression is the nil, true or false of Go.
func (p *pkg) isLiteral(e ast.Expr, name string) bool {
	id, ok := ast.Unparen(e).(*ast.Ident)
	return ok && id.Name == name && p.info.Uses[id] == types.Universe.Lookup(name)
}

// expectCheck takes a note of an assignment of a call that is followed by a check. Both are in a list: before it is what
// precedes them there, behind it what follows.
func (e *expansion) expectCheck(a *activation, before []ast.Stmt, s ast.Stmt, next *ast.IfStmt, behind []ast.Stmt) {
	assignment, ok := s.(*ast.AssignStmt)
	if !ok || next.Else != nil {
		return
	}
	call, ok := ast.Unparen(assignment.Rhs[0]).(*ast.CallExpr)
	if !ok || !e.expands(call) || !e.isDirect(a, assignment, call) {
		return
	}
	v, passed := e.pkg.tested(next.Cond)
	for i, target := range assignment.Lhs {
		if v != nil && e.pkg.root(target) == v {
			alone := e.pkg.declares(append(slices.Clone(before), s), v) && e.pkg.isUnread(a.function, v, behind)
			e.noteCheck(a, call, next, &check{result: i, passed: passed, alone: alone})
		}
	}
}

// expectCheckOf is expectCheck for a call that is the condition of the if.
func (e *expansion) expectCheckOf(a *activation, s *ast.IfStmt) {
	condition, passed := ast.Unparen(s.Cond), "false"
	if not, ok := condition.(*ast.UnaryExpr); ok && not.Op == token.NOT {
		condition, passed = ast.Unparen(not.X), "true"
	}
	if call, ok := condition.(*ast.CallExpr); ok && s.Else == nil && e.expands(call) {
		e.noteCheck(a, call, s, &check{passed: passed, alone: true})
	}
}

func (e *expansion) noteCheck(a *activation, call *ast.CallExpr, s *ast.IfStmt, c *check) {
	name := ""
	switch fun := ast.Unparen(call.Fun).(type) {
	case *ast.Ident:
		name = fun.Name
	case *ast.SelectorExpr:
		name = fun.Sel.Name
	}
	c.behind.base = name + "Passed"
	a.checks[call] = c
	a.checks[s] = c
}

// writeCheck writes the if of a check. Where all returns but one jump behind it, it stands at that one.
func (e *expansion) writeCheck(c *check, text string) {
	here := e.block.lastLabel()
	toHere, behind := "goto "+here+"\n", "goto "+c.behind.name+"\n"
	before, alwaysJumps := strings.CutSuffix(e.block.text.String(), behind+here+":\n")
	if c.behind.used && alwaysJumps && strings.Count(before, toHere) == 1 && !loopJump.MatchString(text) {
		e.block.text.Reset()
		e.block.text.WriteString(strings.Replace(before, toHere, text+behind, 1))
	} else {
		e.block.text.WriteString(text)
	}
	e.mark(&c.behind)
}

// loopJump matches what means another loop or switch elsewhere.
var loopJump = regexp.MustCompile(`\b(break|continue)\b`)

// isDirect reports whether the results of a call go to the targets themselves, so that nothing is left to do behind it.
func (e *expansion) isDirect(a *activation, s *ast.AssignStmt, call *ast.CallExpr) bool {
	for i, target := range s.Lhs {
		id, ok := target.(*ast.Ident)
		if !ok || a.function.facts.placed[e.pkg.root(id)] {
			return false
		}
		if id.Name != "_" && !types.Identical(e.pkg.info.TypeOf(id), e.results(call).At(i).Type()) {
			return false
		}
	}
	return s.Tok == token.ASSIGN || s.Tok == token.DEFINE
}

// tested returns the local variable that a condition tests, alone, and the literal that does not fulfil it; nil for any
// other condition.
func (p *pkg) tested(condition ast.Expr) (v *types.Var, passed string) {
	switch c := ast.Unparen(condition).(type) {
	case *ast.Ident:
		return p.root(c), "false"
	case *ast.UnaryExpr:
		if id, ok := ast.Unparen(c.X).(*ast.Ident); ok && c.Op == token.NOT {
			return p.root(id), "true"
		}
	case *ast.BinaryExpr:
		if id, ok := c.X.(*ast.Ident); ok && c.Op == token.NEQ && p.isLiteral(c.Y, "nil") {
			return p.root(id), "nil"
		}
	}
	return nil, ""
}

// declares reports whether one of the statements is v := … .
func (p *pkg) declares(list []ast.Stmt, v *types.Var) bool {
	return slices.ContainsFunc(list, func(s ast.Stmt) bool { return p.hasTarget(s, v, p.info.Defs) })
}

// isUnread reports whether a list of statements sets a variable before anything in it reads the variable, or does not
// mention it. The variable must not live on behind the list, nor have its address taken.
func (p *pkg) isUnread(f *function, v *types.Var, list []ast.Stmt) bool {
	for _, s := range list {
		mentions := p.mentions(f, v, s)
		if mentions == 1 && p.hasTarget(s, v, p.info.Uses) {
			return true
		}
		if branch, ok := s.(*ast.IfStmt); ok && p.isUnread(f, v, branch.Body.List) {
			mentions -= p.mentions(f, v, branch.Body) // they do no harm
		}
		if mentions > 0 {
			return false
		}
	}
	return true
}

// mentions counts how often a statement names a variable. A return without operands names the results.
func (p *pkg) mentions(f *function, v *types.Var, s ast.Stmt) int {
	count := 0
	ast.Inspect(s, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			if p.info.Uses[n] == v || p.info.Defs[n] == v {
				count++
			}
		case *ast.ReturnStmt:
			if n.Results == nil && slices.Contains(f.results, v) {
				count++
			}
		}
		return true
	})
	return count
}

// hasTarget reports whether a statement is v = … or v := …, as objects tells.
func (p *pkg) hasTarget(s ast.Stmt, v *types.Var, objects map[*ast.Ident]types.Object) bool {
	assignment, ok := s.(*ast.AssignStmt)
	if !ok || (assignment.Tok != token.ASSIGN && assignment.Tok != token.DEFINE) {
		return false
	}
	return slices.ContainsFunc(assignment.Lhs, func(target ast.Expr) bool {
		id, ok := target.(*ast.Ident)
		return ok && objects[id] == v
	})
}
