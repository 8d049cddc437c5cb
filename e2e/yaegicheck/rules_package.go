package yaegicheck

import (
	"go/ast"
	"go/token"
	"go/types"
)

var packageRules = []rule{sharedVariable}

// sharedVariable: what one package keeps in an exported variable does not reach the others reliably. Initialised with a
// constant, it is read elsewhere as that constant for ever; a struct or an error set from elsewhere is lost; a func set
// from elsewhere panics. So an exported variable is set where it is declared, to what is no constant, and never again.
var sharedVariable = rule{name: "shared-variable", run: func(p *pass) {
	for _, spec := range each[*ast.ValueSpec](p.root) {
		for i, name := range spec.Names {
			if p.isShared(p.Info.Defs[name]) && i < len(spec.Values) && p.Info.Types[spec.Values[i]].Value != nil {
				p.report(name, "other packages read %s as its first value for ever; use a const or a function", name.Name)
			}
		}
	}
	for _, assign := range each[*ast.AssignStmt](p.root) {
		for _, target := range assign.Lhs {
			p.reportSharedWrite(target)
		}
	}
	for _, step := range each[*ast.IncDecStmt](p.root) {
		p.reportSharedWrite(step.X)
	}
	for _, address := range each[*ast.UnaryExpr](p.root) {
		if address.Op == token.AND {
			p.reportSharedWrite(address.X)
		}
	}
}}

// reportSharedWrite reports a target that is an exported variable of a package of the module.
func (p *pass) reportSharedWrite(target ast.Expr) {
	var id *ast.Ident
	switch x := ast.Unparen(target).(type) {
	case *ast.Ident:
		id = x
	case *ast.SelectorExpr:
		if p.qualifier(x) == nil {
			return
		}
		id = x.Sel
	default:
		return
	}
	if p.isShared(p.Info.Uses[id]) {
		p.report(target, "other packages may never see what is set here; keep %s to its package, behind functions", id.Name)
	}
}

// isShared reports whether obj is an exported variable on the top level of a package that Yaegi interprets.
func (p *pass) isShared(obj types.Object) bool {
	v, ok := obj.(*types.Var)
	return ok && v.Exported() && v.Pkg() != nil && v.Parent() == v.Pkg().Scope() && p.ofModule(v.Pkg())
}

// ofModule reports whether the package is this one or another one of its module.
func (p *pass) ofModule(pkg *types.Package) bool {
	return pkg == p.Pkg || p.Module.contains(pkg.Path())
}
