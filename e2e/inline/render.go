package inline

import (
	"go/ast"
	"go/types"
	"slices"
	"strings"
)

// edit replaces a part of a file.
type edit struct {
	from, to int
	text     string
}

// render returns the source of a node, with the activation's variables under the names that they have in the worker,
// and the calls that have been made before by what holds their results.
func (e *expansion) render(a *activation, n ast.Node) string {
	var edits []edit
	ast.Inspect(n, func(child ast.Node) bool {
		if child == nil {
			return false
		}
		if text, ok := a.replaced[child]; ok {
			e.reads[text]++
			edits = append(edits, e.edit(child, text))
			return false
		}
		if id, ok := child.(*ast.Ident); ok {
			if text, ok := e.nameOf(a, id); ok && text != id.Name {
				edits = append(edits, e.edit(id, text))
			}
		}
		return true
	})
	return e.apply(n, edits)
}

func (e *expansion) edit(n ast.Node, text string) edit {
	return edit{e.pkg.fset.Position(n.Pos()).Offset, e.pkg.fset.Position(n.End()).Offset, text}
}

func (e *expansion) apply(n ast.Node, edits []edit) string {
	slices.SortFunc(edits, func(a, b edit) int { return a.from - b.from })
	whole := e.edit(n, "")
	source := e.pkg.sources[e.pkg.fset.Position(n.Pos()).Filename]
	var b strings.Builder
	at := whole.from
	for _, edit := range edits {
		b.Write(source[at:edit.from])
		b.WriteString(edit.text)
		at = edit.to
	}
	b.Write(source[at:whole.to])
	return b.String()
}

// nameOf returns what an identifier is called in the worker, and reports whether that is a variable of the activation.
// It takes notes of what is read, and of what has to be imported.
func (e *expansion) nameOf(a *activation, id *ast.Ident) (string, bool) {
	object := e.pkg.info.Uses[id]
	if object == nil {
		object = e.pkg.info.Defs[id]
	}
	if imported, ok := object.(*types.PkgName); ok {
		e.pkg.imports[imported.Name()] = imported.Imported().Path()
		return "", false
	}
	text, ok := a.names[object]
	if ok {
		e.reads[text]++
	}
	return text, ok
}

// constant returns the value of a condition that is known: that of a parameter whose argument is true or false.
func (e *expansion) constant(a *activation, condition ast.Expr) (value, known bool) {
	switch c := condition.(type) {
	case *ast.ParenExpr:
		return e.constant(a, c.X)
	case *ast.UnaryExpr:
		value, known = e.constant(a, c.X)
		return !value, known && c.Op.String() == "!"
	case *ast.Ident:
		text := a.names[e.pkg.info.Uses[c]]
		return text == "true", text == "true" || text == "false"
	}
	return false, false
}
