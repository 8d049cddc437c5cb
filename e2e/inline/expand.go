package inline

import (
	"go/ast"
	"go/types"
	"path/filepath"
	"slices"
	"strings"
)

// expansion is one worker being written.
type expansion struct {
	pkg   *pkg
	names *names
	block *block
	stack []*types.Func // the functions that are being expanded
	reads map[string]int
}

// block is the text of a list of statements.
type block struct {
	text     strings.Builder
	labels   bool // it has labels of its own, not those of inner blocks
	declares bool // … variables
}

// activation is one call of a function being expanded.
type activation struct {
	function *function
	names    map[types.Object]string
	claims   []claim
	replaced map[ast.Node]string // calls that have been made before the statement they stand in
	checks   map[ast.Node]*check // by the call, and by the if that follows it
	outcome
	exit *label // behind it; nil in the worker itself
}

// outcome tells where the results of a call go.
type outcome struct {
	targets []string // what they are assigned to, "_" for nothing
	check   *check   // the if that tests one of them; nil for none
}

func newActivation(f *function) *activation {
	return &activation{function: f, names: map[types.Object]string{}, replaced: map[ast.Node]string{}, checks: map[ast.Node]*check{}}
}

// expandWorker returns the function that is generated for a worker.
func expandWorker(p *pkg, w *worker) (string, error) {
	e := &expansion{pkg: p, names: newNames(p), reads: map[string]int{}}
	a := newActivation(w.function)
	e.names.used[w.name] = true
	receiver := ""
	if r := w.object.Type().(*types.Signature).Recv(); r != nil {
		a.names[r] = e.names.unique(r.Name())
		receiver = "(" + a.names[r] + " " + p.typeText(r.Type()) + ") "
	}
	for _, parameter := range w.params {
		a.names[parameter] = e.names.unique(parameter.Name())
	}
	body := e.push()
	if err := e.statements(a, w.decl.Body.List, false); err != nil {
		return "", err
	}
	e.block = nil
	source := filepath.Base(p.fset.Position(w.decl.Pos()).Filename)
	return "// " + w.name + " is " + w.object.Name() + " in " + source + ", with the functions that it calls written into it.\n" +
		"func " + receiver + w.name + e.parameters(a) + " {\n" + e.names.declarations(body.text.String(), e.reads) + body.text.String() + "}\n\n", nil
}

// parameters returns the parameters of the generated function.
func (e *expansion) parameters(a *activation) string {
	parts := make([]string, 0, len(a.function.params))
	for _, v := range a.function.params {
		parts = append(parts, a.names[v]+" "+e.pkg.typeText(v.Type()))
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

// push starts an inner block. pop ends it, and returns to the outer one.
func (e *expansion) push() *block {
	e.block = &block{}
	return e.block
}

func (e *expansion) line(parts ...string) {
	for _, part := range parts {
		e.block.text.WriteString(part)
	}
	e.block.text.WriteByte('\n')
}

// inBlock runs write with a block of its own, and returns that.
func (e *expansion) inBlock(write func() error) (*block, error) {
	outer := e.block
	inner := e.push()
	err := write()
	e.block = outer
	return inner, err
}

// scope runs write, and releases the variables that it has claimed.
func (e *expansion) scope(a *activation, write func() error) error {
	before := len(a.claims)
	err := write()
	for _, c := range a.claims[before:] {
		e.names.release(c)
	}
	a.claims = a.claims[:before]
	return err
}

// declare claims the variable that a local of the activation becomes.
func (e *expansion) declare(a *activation, v *types.Var) string {
	if name, ok := a.names[v]; ok && slices.Contains(a.function.facts.returned, v) {
		return name
	}
	var c claim
	if a.function.facts.placed[v] || a.function.facts.ranged[v] {
		c = e.names.placed(v.Name(), v.Type())
	} else {
		c = e.names.hoisted(v.Name(), v.Type())
	}
	a.claims = append(a.claims, c)
	a.names[v] = c.name
	return c.name
}

// temporary claims a variable for the result of a call in an expression.
func (e *expansion) temporary(a *activation, name string, t types.Type) string {
	c := e.names.hoisted(name, types.Default(t))
	a.claims = append(a.claims, c)
	return c.name
}
