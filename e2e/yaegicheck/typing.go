package yaegicheck

import (
	"go/ast"
	"go/types"
	"strings"
)

// ownPackage tells whether Yaegi interprets the package: every one but the standard library, whose import paths have
// no dot in the first element.
func (p *pass) ownPackage(pkg *types.Package) bool {
	host, _, _ := strings.Cut(pkg.Path(), "/")
	return pkg == p.Pkg || strings.Contains(host, ".")
}

// namedType returns the named type behind at most one pointer, or nil.
func namedType(t types.Type) *types.Named {
	if t == nil {
		return nil
	}
	if ptr, ok := types.Unalias(t).(*types.Pointer); ok {
		t = ptr.Elem()
	}
	named, _ := types.Unalias(t).(*types.Named)
	return named
}

// own tells whether the type is an interpreted one: a type, or a pointer to one, that this package declares.
func (p *pass) own(t types.Type) bool {
	named := namedType(t)
	return named != nil && named.Obj().Pkg() != nil && p.ownPackage(named.Obj().Pkg())
}

// ownConcrete tells whether the type is an interpreted one other than an interface.
func (p *pass) ownConcrete(t types.Type) bool {
	return p.own(t) && !types.IsInterface(t)
}

func isPointer(t types.Type) bool {
	_, ok := t.Underlying().(*types.Pointer)
	return ok
}

func isString(t types.Type) bool {
	basic, ok := t.Underlying().(*types.Basic)
	return ok && basic.Info()&types.IsString != 0
}

// isMethodInterface tells whether the type is an interface with methods.
func isMethodInterface(t types.Type) bool {
	i, ok := t.Underlying().(*types.Interface)
	return ok && i.NumMethods() > 0
}

var errorType = types.Universe.Lookup("error").Type()

func isError(t types.Type) bool {
	return types.Implements(t, errorType.Underlying().(*types.Interface))
}

// parameter returns the type of the parameter that takes the call's i-th argument, and whether it is the variadic one.
func (p *pass) parameter(call *ast.CallExpr, i int) (types.Type, bool) {
	sig, ok := p.Info.TypeOf(call.Fun).Underlying().(*types.Signature)
	if !ok || sig.Params().Len() == 0 {
		return nil, false
	}
	last := sig.Params().Len() - 1
	if sig.Variadic() && i >= last {
		if call.Ellipsis.IsValid() {
			return sig.Params().At(last).Type(), false
		}
		return sig.Params().At(last).Type().(*types.Slice).Elem(), true
	}
	if i > last {
		return nil, false
	}
	return sig.Params().At(i).Type(), false
}
