package inline

import (
	"go/ast"
	"go/token"
	"go/types"
)

// checkDialect refuses what a marked function must not have. Most of it could be expanded, with more code here; the
// rest is what Yaegi gets wrong in the form that it would have then.
func (p *pkg) checkDialect(f *function, isWorker bool) error {
	if err := p.checkSignature(f, isWorker); err != nil {
		return err
	}
	var err error
	ast.Inspect(f.decl.Body, func(n ast.Node) bool {
		if err == nil && n != nil {
			err = p.checkNode(f, n, isWorker)
		}
		return err == nil
	})
	return err
}

func (p *pkg) checkSignature(f *function, isWorker bool) error {
	signature := f.object.Type().(*types.Signature)
	switch {
	case signature.Recv() != nil && !isWorker:
		return p.refuse(f.decl, "%s is a method: want a function of the package", f.object.Name())
	case signature.TypeParams().Len() > 0:
		return p.refuse(f.decl, "%s has type parameters", f.object.Name())
	case signature.Variadic():
		return p.refuse(f.decl, "%s is variadic", f.object.Name())
	case isWorker && signature.Results().Len() > 0:
		return p.refuse(f.decl, "%s is a worker and has results", f.object.Name())
	}
	return nil
}

// checkNode looks at one node of a marked function's body.
func (p *pkg) checkNode(f *function, n ast.Node, isWorker bool) error {
	switch n := n.(type) {
	case *ast.FuncLit:
		return p.refuse(n, "a func literal would keep the worker's variables: write a function")
	case *ast.GoStmt, *ast.DeferStmt:
		if !isWorker {
			return p.refuse(n, "go and defer would belong to the worker: write a function that is not marked")
		}
	case *ast.SelectStmt:
		return p.refuse(n, "select: goroutines share its channels in Yaegi")
	case *ast.LabeledStmt:
		return p.refuse(n, "a label: write a function instead")
	case *ast.TypeSwitchStmt:
		return p.refuse(n, "a type switch: write assertions, or a function that is not marked")
	case *ast.BranchStmt:
		if n.Label != nil || n.Tok == token.FALLTHROUGH {
			return p.refuse(n, "%s with a label, or fallthrough", n.Tok)
		}
	case *ast.DeclStmt:
		if d := n.Decl.(*ast.GenDecl); d.Tok != token.VAR {
			return p.refuse(n, "a %s in a function: declare it in the package", d.Tok)
		}
	case *ast.ValueSpec:
		return p.checkNames(f, n, n.Names, len(n.Values))
	case *ast.AssignStmt:
		return p.checkAssign(f, n)
	case *ast.RangeStmt:
		return p.checkRange(f, n)
	case *ast.UnaryExpr:
		if n.Op == token.ARROW && !p.isReceived(f, n) {
			return p.refuse(n, "a receive: write v, ok := <-c, Yaegi lets nobody set what other receives have set")
		}
	}
	return nil
}

// isReceived reports whether the receive is the right side of v, ok := <-c, and neither is set again, or a statement.
func (p *pkg) isReceived(f *function, receive *ast.UnaryExpr) bool {
	found := false
	ast.Inspect(f.decl.Body, func(n ast.Node) bool {
		if s, ok := n.(*ast.ExprStmt); ok && s.X == receive {
			found = true
		}
		if a, ok := n.(*ast.AssignStmt); ok && a.Tok == token.DEFINE && len(a.Lhs) == 2 && a.Rhs[0] == receive {
			found = true
			for _, target := range a.Lhs {
				found = found && !f.facts.assigned[p.root(target)]
			}
		}
		return !found
	})
	return found
}

func (p *pkg) checkAssign(f *function, n *ast.AssignStmt) error {
	if len(n.Lhs) > 1 && len(n.Lhs) == len(n.Rhs) {
		return p.refuse(n, "several values in one assignment, which loses some in Yaegi: write one a line")
	}
	if len(n.Lhs) > 1 {
		for _, target := range n.Lhs {
			if _, ok := target.(*ast.Ident); !ok {
				return p.refuse(n, "one of several targets is no variable, and Yaegi may lose its value: assign to a variable first")
			}
		}
	}
	if n.Tok != token.DEFINE || isReceive(n.Rhs[0]) {
		return nil
	}
	names := make([]*ast.Ident, 0, len(n.Lhs))
	for _, target := range n.Lhs {
		names = append(names, target.(*ast.Ident))
	}
	return p.checkNames(f, n, names, len(n.Rhs))
}

// checkNames refuses to declare a variable whose address is taken together with others: it is the only one of them
// that is declared where it stands.
func (p *pkg) checkNames(f *function, at ast.Node, names []*ast.Ident, values int) error {
	if values > 1 {
		return p.refuse(at, "several values in one declaration, which loses some in Yaegi: write one a line")
	}
	for _, name := range names {
		if len(names) > 1 && f.facts.placed[p.root(name)] {
			return p.refuse(at, "the address of %s is taken: declare it alone", name.Name)
		}
	}
	return nil
}

func (p *pkg) checkRange(f *function, n *ast.RangeStmt) error {
	if n.Key != nil && n.Tok != token.DEFINE {
		return p.refuse(n, "range with =, which sets nothing in Yaegi: write :=")
	}
	for _, e := range []ast.Expr{n.Key, n.Value} {
		if v := p.root(e); v != nil && (f.facts.placed[v] || f.facts.assigned[v]) {
			return p.refuse(n, "%s of a range is set, or its address taken: copy it first", v.Name())
		}
	}
	return nil
}
