package yaegicheck

import (
	"go/ast"
	"go/types"
	"slices"
)

var promotedRules = []rule{promotedField}

// promotedField: Yaegi looks for a promoted field in all fields of a struct that are structs or point to one, embedded
// or not, in their order. It takes the first of the name, or panics where a pointer on the way is nil.
var promotedField = rule{name: "promoted-field", run: func(p *pass) {
	for _, s := range each[*ast.SelectorExpr](p.root) {
		selection := p.Info.Selections[s]
		if selection == nil || selection.Kind() != types.FieldVal || len(selection.Index()) < 2 || !p.own(selection.Recv()) {
			continue
		}
		if path := yaegiPath(selection.Recv(), s.Sel.Name, nil); !slices.Equal(path, selection.Index()) {
			p.report(s, "Yaegi finds another %s first, in a field that is not embedded; name the field that it is promoted from", s.Sel.Name)
		}
	}
}}

// yaegiPath returns the path of a field as Yaegi looks for it, nil for none.
func yaegiPath(t types.Type, name string, seen []types.Type) []int {
	if pointer, ok := t.Underlying().(*types.Pointer); ok {
		t = pointer.Elem()
	}
	structure, ok := t.Underlying().(*types.Struct)
	if !ok || slices.Contains(seen, t) {
		return nil
	}
	for i := range structure.NumFields() {
		if structure.Field(i).Name() == name {
			return []int{i}
		}
	}
	for i := range structure.NumFields() {
		if path := yaegiPath(structure.Field(i).Type(), name, append(seen, t)); path != nil {
			return append([]int{i}, path...)
		}
	}
	return nil
}
