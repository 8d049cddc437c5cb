package inline

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// statements writes a list of statements. tail says that nothing of the activation follows them.
func (e *expansion) statements(a *activation, list []ast.Stmt, tail bool) error {
	for i, s := range list {
		if s, ok := s.(*ast.IfStmt); ok && s.Init == nil {
			if value, known := e.constant(a, s.Cond); known && value && ends(s.Body) {
				return e.branch(a, s.Body.List, tail) // Go refuses what would follow
			}
		}
		if i+1 < len(list) {
			if next, ok := list[i+1].(*ast.IfStmt); ok && next.Init == nil {
				e.expectCheck(a, list[:i], s, next, list[i+2:])
			}
		}
		if err := e.statement(a, s, tail && i == len(list)-1); err != nil {
			return err
		}
	}
	return nil
}

// ends reports whether a block ends with a return.
func ends(b *ast.BlockStmt) bool {
	if len(b.List) == 0 {
		return false
	}
	_, ok := b.List[len(b.List)-1].(*ast.ReturnStmt)
	return ok
}

func (e *expansion) statement(a *activation, s ast.Stmt, tail bool) error {
	switch s := s.(type) {
	case *ast.AssignStmt:
		return e.assign(a, s)
	case *ast.BlockStmt:
		return e.braces(a, "", s.List, tail)
	case *ast.DeclStmt:
		return e.declaration(a, s)
	case *ast.ExprStmt:
		return e.callStatement(a, s)
	case *ast.ForStmt:
		return e.forLoop(a, s)
	case *ast.IfStmt:
		return e.scope(a, func() error { return e.condition(a, s, tail) })
	case *ast.RangeStmt:
		return e.rangeLoop(a, s)
	case *ast.ReturnStmt:
		return e.returns(a, s, tail)
	case *ast.SwitchStmt:
		return e.scope(a, func() error { return e.choice(a, s, tail) })
	default: // break, continue, defer, go, ++, a send: nothing in them changes but names
		if err := e.prepare(a, s); err != nil {
			return err
		}
		e.line(e.render(a, s))
		return nil
	}
}

// body returns a list of statements as a block.
func (e *expansion) body(a *activation, list []ast.Stmt, tail bool) (*block, error) {
	return e.inBlock(func() error {
		return e.scope(a, func() error { return e.statements(a, list, tail) })
	})
}

// braces writes a head with a block.
func (e *expansion) braces(a *activation, head string, list []ast.Stmt, tail bool) error {
	inner, err := e.body(a, list, tail)
	e.line(head, "{\n", inner.text.String(), "}")
	return err
}

// callStatement writes a call whose results are unused.
func (e *expansion) callStatement(a *activation, s *ast.ExprStmt) error {
	call, ok := ast.Unparen(s.X).(*ast.CallExpr)
	if ok && e.expands(call) {
		return e.call(a, call, e.discarded(call), nil, false)
	}
	if err := e.prepare(a, s.X); err != nil {
		return err
	}
	e.line(e.render(a, s))
	return nil
}

// discarded returns a "_" for each result of a call.
func (e *expansion) discarded(call *ast.CallExpr) []string {
	targets := make([]string, e.results(call).Len())
	for i := range targets {
		targets[i] = "_"
	}
	return targets
}

func (e *expansion) results(call *ast.CallExpr) *types.Tuple {
	return e.pkg.info.TypeOf(call.Fun).Underlying().(*types.Signature).Results()
}

// assign writes an assignment or a := .
func (e *expansion) assign(a *activation, s *ast.AssignStmt) error {
	value := ast.Unparen(s.Rhs[0])
	if s.Tok == token.DEFINE && (isReceive(value) || e.declaresPlaced(a, s.Lhs[0])) {
		return e.place(a, s.Lhs, value)
	}
	nodes := make([]ast.Node, 0, len(s.Lhs)+1) // the calls in targets come first
	for _, target := range s.Lhs {
		nodes = append(nodes, target)
	}
	call, isCall := value.(*ast.CallExpr)
	if isCall && e.expands(call) && (s.Tok == token.ASSIGN || s.Tok == token.DEFINE) {
		if err := e.prepare(a, nodes...); err != nil {
			return err
		}
		return e.assignExpanded(a, s, call)
	}
	if err := e.prepare(a, append(nodes, value)...); err != nil {
		return err
	}
	text := e.render(a, value)
	targets := e.targets(a, s)
	operator := s.Tok.String()
	if s.Tok == token.DEFINE {
		operator = "="
	}
	if len(targets) == 2 && !isCall && targets[0] != "_" {
		e.line(targets[0], " = ", e.pkg.zero(e.pkg.info.TypeOf(s.Lhs[0]))) // else it keeps its value in Yaegi where ok is false
	}
	e.line(strings.Join(targets, ", "), " ", operator, " ", text)
	return nil
}

// assignExpanded writes an assignment of a call that is written out. A result that becomes one of another type is held
// in a variable of its own first: nil is not the same in both.
func (e *expansion) assignExpanded(a *activation, s *ast.AssignStmt, call *ast.CallExpr) error {
	for _, target := range s.Lhs {
		if !e.isMade(a, target) {
			return e.pkg.refuse(target, "a target with a call in it: write the call before")
		}
	}
	targets := e.targets(a, s)
	results := e.results(call)
	held := slices.Clone(targets)
	for i := range held {
		if targets[i] != "_" && !types.Identical(e.pkg.info.TypeOf(s.Lhs[i]), results.At(i).Type()) {
			held[i] = e.temporary(a, "result", results.At(i).Type())
		}
	}
	if err := e.call(a, call, held, nil, false); err != nil {
		return err
	}
	for i := range held {
		if held[i] != targets[i] {
			e.reads[held[i]]++
			e.line(targets[i], " = ", held[i])
		}
	}
	return nil
}

func (e *expansion) declaresPlaced(a *activation, target ast.Expr) bool {
	id, ok := target.(*ast.Ident)
	if !ok {
		return false
	}
	v, ok := e.pkg.info.Defs[id].(*types.Var)
	return ok && a.function.facts.placed[v]
}

// targets returns what an assignment assigns to, and declares what it declares.
func (e *expansion) targets(a *activation, s *ast.AssignStmt) []string {
	targets := make([]string, 0, len(s.Lhs))
	for _, target := range s.Lhs {
		var text string
		id, ok := target.(*ast.Ident)
		if ok && e.pkg.info.Defs[id] != nil && id.Name != "_" {
			text = e.declare(a, e.pkg.info.Defs[id].(*types.Var))
		} else if local, found := a.names[e.pkg.info.Uses[id]]; ok && found && s.Tok == token.ASSIGN {
			text = local // not read
		} else {
			text = e.render(a, target)
		}
		targets = append(targets, text)
	}
	return targets
}

// isMade reports whether there is no call in an expression but those that have been made.
func (e *expansion) isMade(a *activation, expression ast.Expr) bool {
	return len(e.sequence(a, expression, nil)) == 0
}

// isStable reports whether there is no call in an expression.
func (p *pkg) isStable(e ast.Expr) bool {
	stable := true
	ast.Inspect(e, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && p.isCall(call) {
			stable = false
		}
		return stable
	})
	return stable
}

// place declares variables where they stand.
func (e *expansion) place(a *activation, targets []ast.Expr, value ast.Expr) error {
	if err := e.prepare(a, value); err != nil {
		return err
	}
	text := e.render(a, value)
	declared := make([]string, 0, len(targets))
	for _, target := range targets {
		if v, ok := e.pkg.info.Defs[target.(*ast.Ident)].(*types.Var); ok && v.Name() != "_" {
			declared = append(declared, e.declare(a, v))
		} else {
			declared = append(declared, "_")
		}
	}
	e.block.declares = true
	e.line(strings.Join(declared, ", "), " := ", text)
	return nil
}

// declaration writes a var.
func (e *expansion) declaration(a *activation, s *ast.DeclStmt) error {
	for _, spec := range s.Decl.(*ast.GenDecl).Specs {
		spec := spec.(*ast.ValueSpec)
		if len(spec.Values) > 0 {
			if err := e.declarationWithValue(a, spec); err != nil {
				return err
			}
			continue
		}
		for _, name := range spec.Names {
			v := e.pkg.info.Defs[name].(*types.Var)
			text := e.declare(a, v)
			if a.function.facts.placed[v] {
				e.block.declares = true
				e.line("var ", text, " ", e.pkg.typeText(v.Type()))
			} else {
				e.line(text, " = ", e.pkg.zero(v.Type()))
			}
		}
	}
	return nil
}

// declarationWithValue writes a var with a value, whose type may be another one.
func (e *expansion) declarationWithValue(a *activation, spec *ast.ValueSpec) error {
	v := e.pkg.info.Defs[spec.Names[0]].(*types.Var)
	if len(spec.Names) == 1 && a.function.facts.placed[v] {
		if err := e.prepare(a, spec.Values[0]); err != nil {
			return err
		}
		text := e.render(a, spec.Values[0])
		e.block.declares = true
		e.line("var ", e.declare(a, v), " ", e.pkg.typeText(v.Type()), " = ", text)
		return nil
	}
	targets := make([]ast.Expr, 0, len(spec.Names))
	for _, name := range spec.Names {
		targets = append(targets, name)
	}
	return e.assign(a, &ast.AssignStmt{Lhs: targets, Tok: token.DEFINE, Rhs: spec.Values})
}

// condition writes an if. What its header does comes before it, since the calls there are expanded.
func (e *expansion) condition(a *activation, s *ast.IfStmt, tail bool) error {
	e.expectCheckOf(a, s)
	if s.Init != nil {
		e.expectCheck(a, nil, s.Init, s, nil)
		if err := e.statement(a, s.Init, false); err != nil {
			return err
		}
	}
	if value, known := e.constant(a, s.Cond); known {
		return e.knownCondition(a, s, value, tail)
	}
	if err := e.prepare(a, s.Cond); err != nil {
		return err
	}
	head := "if " + e.render(a, s.Cond) + " "
	then, err := e.body(a, s.Body.List, tail)
	if err != nil {
		return err
	}
	if s.Else == nil {
		text := head + "{\n" + then.text.String() + "}\n"
		if c := a.checks[s]; c != nil {
			e.writeCheck(c, text)
		} else {
			e.block.text.WriteString(text)
		}
		return nil
	}
	if next, ok := s.Else.(*ast.IfStmt); ok && e.isChained(a, next) {
		otherwise, err := e.inBlock(func() error { return e.condition(a, next, tail) })
		e.line(head, "{\n", then.text.String(), "} else ", strings.TrimSuffix(otherwise.text.String(), "\n"))
		return err
	}
	list := []ast.Stmt{s.Else}
	if braces, ok := s.Else.(*ast.BlockStmt); ok {
		list = braces.List
	}
	otherwise, err := e.body(a, list, tail)
	e.line(head, "{\n", then.text.String(), "} else {\n", otherwise.text.String(), "}")
	return err
}

// isChained reports whether an if behind else may stand there without braces: nothing comes before it.
func (e *expansion) isChained(a *activation, s *ast.IfStmt) bool {
	if _, known := e.constant(a, s.Cond); known || s.Init != nil {
		return false
	}
	return !slices.ContainsFunc(e.sequence(a, s.Cond, nil), e.expands)
}

// knownCondition writes the branch of an if that is taken.
func (e *expansion) knownCondition(a *activation, s *ast.IfStmt, value, tail bool) error {
	switch {
	case value:
		return e.branch(a, s.Body.List, tail)
	case s.Else == nil:
		return nil
	}
	if braces, ok := s.Else.(*ast.BlockStmt); ok {
		return e.branch(a, braces.List, tail)
	}
	return e.statement(a, s.Else, tail)
}

// branch writes the statements of a block without its braces, if it can do without.
func (e *expansion) branch(a *activation, list []ast.Stmt, tail bool) error {
	inner, err := e.body(a, list, tail)
	if inner.declares {
		e.line("{\n", inner.text.String(), "}")
	} else {
		e.block.text.WriteString(inner.text.String())
		e.block.labels = e.block.labels || inner.labels
	}
	return err
}

// choice writes a switch.
func (e *expansion) choice(a *activation, s *ast.SwitchStmt, tail bool) error {
	if s.Init != nil {
		if err := e.statement(a, s.Init, false); err != nil {
			return err
		}
	}
	head := "switch "
	if s.Tag != nil {
		if err := e.prepare(a, s.Tag); err != nil {
			return err
		}
		head += e.render(a, s.Tag) + " "
	}
	e.line(head, "{")
	for _, clause := range s.Body.List {
		clause := clause.(*ast.CaseClause)
		keys := make([]string, 0, len(clause.List))
		for _, key := range clause.List {
			keys = append(keys, e.render(a, key))
		}
		inner, err := e.body(a, clause.Body, tail)
		if err != nil {
			return err
		}
		e.clause(keys, inner)
	}
	e.line("}")
	return nil
}

// clause writes a case. A label directly in it is none that Yaegi finds: then it gets a block.
func (e *expansion) clause(keys []string, inner *block) {
	if len(keys) == 0 {
		e.line("default:")
	} else {
		e.line("case ", strings.Join(keys, ", "), ":")
	}
	text := inner.text.String()
	if inner.labels {
		text = "{\n" + text + "}\n"
	}
	e.block.text.WriteString(text)
}

// forLoop writes a for. The calls in its header are made once a round: they stay calls.
func (e *expansion) forLoop(a *activation, s *ast.ForStmt) error {
	return e.scope(a, func() error {
		if s.Init != nil {
			if err := e.statement(a, s.Init, false); err != nil {
				return err
			}
		}
		head := "for "
		switch {
		case s.Post != nil && s.Cond != nil:
			head += "; " + e.render(a, s.Cond) + "; " + e.render(a, s.Post) + " "
		case s.Post != nil:
			head += "; ; " + e.render(a, s.Post) + " "
		case s.Cond != nil:
			head += e.render(a, s.Cond) + " "
		}
		return e.braces(a, head, s.Body.List, false)
	})
}

// rangeLoop writes a range, with variables of its own.
func (e *expansion) rangeLoop(a *activation, s *ast.RangeStmt) error {
	if err := e.prepare(a, s.X); err != nil {
		return err
	}
	over := e.render(a, s.X)
	return e.scope(a, func() error {
		var declared []string
		for _, variable := range []ast.Expr{s.Key, s.Value} {
			if variable == nil {
				continue
			}
			if v, ok := e.pkg.info.Defs[variable.(*ast.Ident)].(*types.Var); ok && v.Name() != "_" {
				declared = append(declared, e.declare(a, v))
			} else {
				declared = append(declared, "_")
			}
		}
		head := "for range " + over + " "
		if len(declared) > 0 {
			head = "for " + strings.Join(declared, ", ") + " := range " + over + " "
		}
		return e.braces(a, head, s.Body.List, false)
	})
}
