package yaegicheck

import (
	"go/ast"
	"go/build/constraint"
	"go/constant"
	"go/token"
	"go/types"
	"math"
	"reflect"

	"github.com/traefik/yaegi/stdlib"
)

var languageRules = []rule{switchList, rangeString, rangeOver, newBuiltin, generics, missingSymbol, bigConstant, buildConstraint}

// switchList: of case a, b: in a switch without a tag, b is not looked at.
var switchList = rule{name: "switch-list", run: func(p *pass) {
	for _, stmt := range each[*ast.SwitchStmt](p.root) {
		if stmt.Tag != nil {
			continue
		}
		for _, clause := range stmt.Body.List {
			if c, ok := clause.(*ast.CaseClause); ok && len(c.List) > 1 {
				p.report(c, "without a tag only the first expression of a case counts; write case a || b:")
			}
		}
	}
}}

// rangeString: every round copies the string, so the time is quadratic: 2.6 ms for 1 KB, 39 ms for 4 KB. Over a
// client's string that is a denial of service.
var rangeString = rule{name: "range-string", notInTests: true, run: func(p *pass) {
	for _, stmt := range each[*ast.RangeStmt](p.root) {
		if isString(p.Info.TypeOf(stmt.X)) {
			p.report(stmt, "ranging over a string is quadratic; use strings.Index and its kin, or range over []byte(s)")
		}
	}
}}

// rangeOver: ranging over an integer or a function does not load ("nil type").
var rangeOver = rule{name: "range-over", run: func(p *pass) {
	for _, stmt := range each[*ast.RangeStmt](p.root) {
		switch t := p.Info.TypeOf(stmt.X).Underlying().(type) {
		case *types.Signature:
			p.report(stmt, "Yaegi cannot range over a function; use a for loop")
		case *types.Basic:
			if t.Info()&types.IsInteger != 0 {
				p.report(stmt, "Yaegi cannot range over an integer; write for i := 0; i < n; i++")
			}
		}
	}
}}

// newBuiltin: min, max and clear are undefined.
var newBuiltin = rule{name: "new-builtin", run: func(p *pass) {
	for _, call := range each[*ast.CallExpr](p.root) {
		switch name := p.builtin(call); name {
		case "min", "max", "clear":
			p.report(call, "Yaegi has no %s; write it out", name)
		}
	}
}}

// builtin returns the name of the builtin that the call runs, or "".
func (p *pass) builtin(call *ast.CallExpr) string {
	if id, ok := ast.Unparen(call.Fun).(*ast.Ident); ok {
		if b, ok := p.Info.Uses[id].(*types.Builtin); ok {
			return b.Name()
		}
	}
	return ""
}

// generics: simple cases load, inference with two parameters and variadic inference do not. The standard library's
// generic functions and types are mostly missing; cmp.Compare is there.
var generics = rule{name: "generics", run: func(p *pass) {
	for _, list := range each[*ast.FuncType](p.root) {
		if list.TypeParams != nil {
			p.report(list, "Yaegi's generics are incomplete; write the types out")
		}
	}
	for _, spec := range each[*ast.TypeSpec](p.root) {
		if spec.TypeParams != nil {
			p.report(spec, "Yaegi's generics are incomplete; write the types out")
		}
	}
	for _, id := range each[*ast.Ident](p.root) {
		if obj := p.Info.Uses[id]; isInstance(p, id) && obj.Pkg().Path() != "cmp" {
			p.report(id, "Yaegi's generics are incomplete; write the types out")
		}
	}
}}

func isInstance(p *pass, id *ast.Ident) bool {
	_, ok := p.Info.Instances[id]
	return ok
}

// missingSymbol: an import that is neither of the standard library nor of this module, a package that Yaegi leaves out
// (os/exec, plugin, embed, iter, unique; unsafe and syscall need the operator's consent) or a name it lacks
// (slices.Sort, sync.OnceValue) does not load. Asked of Yaegi's own table.
var missingSymbol = rule{name: "missing-symbol", run: func(p *pass) {
	for _, spec := range each[*ast.ImportSpec](p.root) {
		pkg := p.Info.PkgNameOf(spec).Imported()
		if !p.offered(pkg) {
			p.report(spec, "Yaegi has no package %s; use what the standard library of Go 1.22 offers without it", pkg.Path())
		}
	}
	for _, sel := range each[*ast.SelectorExpr](p.root) {
		if pkg := p.qualifier(sel); pkg != nil && lacks(pkg, sel.Sel.Name) {
			p.report(sel, "Yaegi has no %s.%s; write it out", pkg.Name(), sel.Sel.Name)
		}
	}
}}

// offered tells whether Yaegi can import the package: one in its table, one of this module, or this package itself from
// its tests.
func (p *pass) offered(pkg *types.Package) bool {
	return symbols(pkg) != nil || p.Module.contains(pkg.Path()) || p.Pkg.Path() == pkg.Path()+"_test"
}

// symbols returns the names Yaegi has of a package, nil if it does not have the package.
func symbols(pkg *types.Package) map[string]reflect.Value {
	return stdlib.Symbols[pkg.Path()+"/"+pkg.Name()]
}

// lacks tells whether Yaegi has the package without the name. It has cmp as source rather than in its table.
func lacks(pkg *types.Package, name string) bool {
	names := symbols(pkg)
	return names != nil && pkg.Path() != "cmp" && !names[name].IsValid()
}

// qualifier returns the package if the selector is a qualified name, or nil.
func (p *pass) qualifier(sel *ast.SelectorExpr) *types.Package {
	if id, ok := sel.X.(*ast.Ident); ok {
		if name, ok := p.Info.Uses[id].(*types.PkgName); ok {
			return name.Imported()
		}
	}
	return nil
}

// bigConstant: 1 << 63 does not load ("overflows int64"): Yaegi shifts untyped constants as int64. Big literals load,
// and so does a shift of a typed number.
var bigConstant = rule{name: "big-constant", run: func(p *pass) {
	for _, shift := range each[*ast.BinaryExpr](p.root) {
		_, typed := ast.Unparen(shift.X).(*ast.CallExpr)
		if v := p.Info.Types[shift].Value; shift.Op == token.SHL && !typed && v != nil && overflows(v) {
			p.report(shift, "an untyped shift above math.MaxInt64 does not load; shift a typed number (uint64(1) << 63)")
		}
	}
}}

func overflows(v constant.Value) bool {
	return v.Kind() == constant.Int && constant.Compare(v, token.GTR, constant.MakeInt64(math.MaxInt64))
}

// buildConstraint: Yaegi reads a file whatever its //go:build line says. It heeds "+build" lines, even in block
// comments, where Go sees none, and file name endings.
var buildConstraint = rule{name: "build-constraint", run: func(p *pass) {
	for _, file := range p.Files {
		for _, comment := range headComments(file) {
			if constraint.IsGoBuild(comment.Text) {
				p.report(comment, "Yaegi ignores //go:build and reads this file; use a file name ending, or +build in a block comment in a file for Go alone")
			}
		}
	}
}}
