package inline

import (
	"fmt"
	"go/types"
	"slices"
	"strings"
)

// names gives out the variables and labels of one worker. Variables whose functions have ended are used again for
// others of the same name and type: each one takes room in the frame of every idle worker.
type names struct {
	pkg  *pkg
	used map[string]bool
	free map[string][]string // names of variables that are not in use, by kind
	vars []variable          // declared at the head of the worker
}

type variable struct{ name, typ string }

// claim is a variable in use.
type claim struct{ name, kind string }

func newNames(p *pkg) *names {
	n := &names{pkg: p, used: map[string]bool{}, free: map[string][]string{}}
	for _, name := range types.Universe.Names() {
		n.used[name] = true
	}
	for _, name := range p.types.Scope().Names() {
		n.used[name] = true
	}
	for _, file := range p.files {
		for _, spec := range file.Imports {
			if imported := p.info.PkgNameOf(spec); imported != nil {
				n.used[imported.Name()] = true
			}
		}
	}
	return n
}

// unique returns the name itself if nothing has it, else the name with a number.
func (n *names) unique(name string) string {
	result := name
	for i := 2; n.used[result]; i++ {
		result = fmt.Sprintf("%s%d", name, i)
	}
	n.used[result] = true
	return result
}

// hoisted returns a variable that is declared at the head of the worker.
func (n *names) hoisted(name string, t types.Type) claim {
	typ := n.pkg.typeText(t)
	kind := name + " " + typ
	c := n.take(name, kind)
	if !slices.Contains(n.vars, variable{c.name, typ}) {
		n.vars = append(n.vars, variable{c.name, typ})
	}
	return c
}

// placed returns the name of a variable that is declared where it stands.
func (n *names) placed(name string, t types.Type) claim {
	return n.take(name, name+" := "+n.pkg.typeText(t))
}

func (n *names) take(name, kind string) claim {
	if free := n.free[kind]; len(free) > 0 {
		n.free[kind] = free[:len(free)-1]
		return claim{free[len(free)-1], kind}
	}
	return claim{n.unique(name), kind}
}

func (n *names) release(c claim) {
	n.free[c.kind] = append(n.free[c.kind], c.name)
}

// declarations returns the var block of a worker, with the variables that its body has. What a body only sets, where a
// branch that is never taken would read it, is read here once: Go wants every variable to be.
func (n *names) declarations(body string, reads map[string]int) string {
	mentioned := map[string]bool{}
	for _, name := range word.FindAllString(body, -1) {
		mentioned[name] = true
	}
	var b strings.Builder
	for _, v := range n.vars {
		if mentioned[v.name] {
			b.WriteString(v.name + " " + v.typ + "\n")
		}
	}
	if b.Len() == 0 {
		return ""
	}
	text := "var (\n" + b.String() + ")\n"
	for _, v := range n.vars {
		if mentioned[v.name] && reads[v.name] == 0 {
			text += "_ = " + v.name + "\n"
		}
	}
	return text
}

// typeText returns a type as the generated file writes it.
func (p *pkg) typeText(t types.Type) string {
	return types.TypeString(types.Default(t), func(other *types.Package) string {
		if other == p.types {
			return ""
		}
		p.imports[other.Name()] = other.Path()
		return other.Name()
	})
}

// zero returns the zero value of a type.
func (p *pkg) zero(t types.Type) string {
	switch u := t.Underlying().(type) {
	case *types.Basic:
		switch {
		case u.Info()&types.IsBoolean != 0:
			return "false"
		case u.Info()&types.IsString != 0:
			return `""`
		case u.Info()&types.IsNumeric != 0:
			return "0"
		}
		return "nil"
	case *types.Struct, *types.Array:
		return p.typeText(t) + "{}"
	default:
		return "nil"
	}
}
