package inline

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// facts are what is known of the variables of one function.
type facts struct {
	// assigned holds those that are set after their declaration.
	assigned map[*types.Var]bool
	// placed holds those that are declared where they stand, with :=, so that each round of a worker has a new one: the
	// ones whose address is taken, and the ones that are received, which Yaegi lets nobody set.
	placed   map[*types.Var]bool
	received map[*types.Var]bool
	// ranged holds the variables of range clauses, which Yaegi sets with := alone.
	ranged map[*types.Var]bool
	// returned holds for each result the local variable that may be the target of the result itself: the first one that
	// a return gives for it, or the result where it has a name; nil where there is none.
	returned []*types.Var
}

func (p *pkg) factsOf(f *ast.FuncDecl) *facts {
	facts := &facts{assigned: map[*types.Var]bool{}, placed: map[*types.Var]bool{}, received: map[*types.Var]bool{}, ranged: map[*types.Var]bool{}}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, target := range n.Lhs {
				if id, ok := target.(*ast.Ident); !ok || p.info.Defs[id] == nil {
					mark(facts.assigned, p.root(target))
				}
				if isReceive(n.Rhs[0]) {
					mark(facts.placed, p.root(target))
					mark(facts.received, p.root(target))
				}
			}
		case *ast.IncDecStmt:
			mark(facts.assigned, p.root(n.X))
		case *ast.RangeStmt:
			mark(facts.ranged, p.root(n.Key))
			mark(facts.ranged, p.root(n.Value))
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				mark(facts.placed, p.root(n.X))
			}
		case *ast.SliceExpr:
			if _, ok := p.info.TypeOf(n.X).Underlying().(*types.Array); ok {
				mark(facts.placed, p.root(n.X))
			}
		case *ast.SelectorExpr:
			if p.takesAddress(n) {
				mark(facts.placed, p.root(n.X))
			}
		}
		return true
	})
	facts.returned = p.returned(f, facts)
	return facts
}

// returned returns for each result of a function the local variable that a target of it can stand for.
func (p *pkg) returned(f *ast.FuncDecl, facts *facts) []*types.Var {
	results := p.info.Defs[f.Name].Type().(*types.Signature).Results()
	returned := make([]*types.Var, results.Len())
	suggest := func(i int, v *types.Var) {
		if v != nil && returned[i] == nil && !slices.Contains(returned, v) && !facts.placed[v] && !facts.ranged[v] &&
			!p.isParameter(f, v) && types.Identical(v.Type(), results.At(i).Type()) {
			returned[i] = v
		}
	}
	for i := range returned {
		if result := results.At(i); result.Name() != "" && result.Name() != "_" {
			suggest(i, result)
		}
	}
	ast.Inspect(f.Body, func(n ast.Node) bool {
		if r, ok := n.(*ast.ReturnStmt); ok && len(r.Results) == len(returned) {
			for i, e := range r.Results {
				if id, isIdent := e.(*ast.Ident); isIdent {
					suggest(i, p.root(id))
				}
			}
		}
		return true
	})
	return returned
}

// isParameter reports whether a variable is a parameter of a function.
func (p *pkg) isParameter(f *ast.FuncDecl, v *types.Var) bool {
	return f.Type.Params.Pos() <= v.Pos() && v.Pos() < f.Type.Params.End()
}

func mark(set map[*types.Var]bool, v *types.Var) {
	if v != nil {
		set[v] = true
	}
}

// root returns the local variable that an expression is a part of, nil where there is none or a pointer lies between.
func (p *pkg) root(e ast.Expr) *types.Var {
	switch e := e.(type) {
	case *ast.Ident:
		object := p.info.Defs[e]
		if object == nil {
			object = p.info.Uses[e]
		}
		if v, ok := object.(*types.Var); ok && v.Parent() != p.types.Scope() {
			return v
		}
	case *ast.ParenExpr:
		return p.root(e.X)
	case *ast.SelectorExpr:
		if p.info.Selections[e] != nil && !isPointer(p.info.TypeOf(e.X)) {
			return p.root(e.X)
		}
	case *ast.IndexExpr:
		if _, ok := p.info.TypeOf(e.X).Underlying().(*types.Array); ok {
			return p.root(e.X)
		}
	}
	return nil
}

// takesAddress reports whether the selector is of a method with a pointer receiver, and its operand a variable.
func (p *pkg) takesAddress(s *ast.SelectorExpr) bool {
	selection := p.info.Selections[s]
	if selection == nil || selection.Kind() == types.FieldVal || isPointer(p.info.TypeOf(s.X)) {
		return false
	}
	method, ok := selection.Obj().(*types.Func)
	return ok && isPointer(method.Type().(*types.Signature).Recv().Type())
}

func isPointer(t types.Type) bool {
	_, ok := t.Underlying().(*types.Pointer)
	return ok
}

func isReceive(e ast.Expr) bool {
	unary, ok := ast.Unparen(e).(*ast.UnaryExpr)
	return ok && unary.Op == token.ARROW
}
