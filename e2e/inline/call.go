package inline

import (
	"go/ast"
	"go/token"
	"go/types"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// isCall reports whether the expression is a call of a function, not a conversion or a builtin's.
func (p *pkg) isCall(call *ast.CallExpr) bool {
	fun := p.info.Types[call.Fun]
	return !fun.IsType() && !fun.IsBuiltin()
}

// callee returns the marked function that is called by its name, nil for any other call.
func (p *pkg) callee(call *ast.CallExpr) *function {
	id, ok := ast.Unparen(call.Fun).(*ast.Ident)
	if !ok {
		return nil
	}
	object, _ := p.info.Uses[id].(*types.Func)
	return p.marked[object]
}

// expands reports whether a call is written out.
func (e *expansion) expands(call *ast.CallExpr) bool {
	return e.pkg.callee(call) != nil || e.pkg.dispatch(call) != nil
}

// prepare makes the calls of nodes that are written out, before the statement that the nodes are in, and keeps their
// results for it. The calls that Go makes before the last of these are made before it too, so that the order stays.
func (e *expansion) prepare(a *activation, nodes ...ast.Node) error {
	var calls []*ast.CallExpr
	last := -1
	for _, n := range nodes {
		switch n.(type) {
		case *ast.GoStmt, *ast.DeferStmt:
			continue
		}
		calls = e.sequence(a, n, calls)
	}
	for i, call := range calls {
		if e.expands(call) {
			last = i
		}
	}
	for _, call := range calls[:last+1] {
		if e.results(call).Len() != 1 {
			return e.pkg.refuse(call, "a call with several results as arguments of another one: write an assignment before it")
		}
		text := e.temporary(a, "result", e.results(call).At(0).Type())
		if e.expands(call) {
			if err := e.call(a, call, []string{text}, nil, false); err != nil {
				return err
			}
		} else {
			e.line(text, " = ", e.render(a, call))
		}
		a.replaced[call] = text
	}
	return nil
}

// sequence adds the calls in a node that are certain to be made and have not been, in the order in which Go makes them.
func (e *expansion) sequence(a *activation, n ast.Node, calls []*ast.CallExpr) []*ast.CallExpr {
	if a.replaced[n] != "" {
		return calls
	}
	if binary, ok := n.(*ast.BinaryExpr); ok && (binary.Op.String() == "&&" || binary.Op.String() == "||") {
		return e.sequence(a, binary.X, calls)
	}
	ast.Inspect(n, func(child ast.Node) bool {
		if child == n {
			return true
		}
		if child != nil {
			calls = e.sequence(a, child, calls)
		}
		return false
	})
	if call, ok := n.(*ast.CallExpr); ok && e.pkg.isCall(call) {
		calls = append(calls, call)
	}
	return calls
}

// argument is what a parameter is given: a text to stand for it, or to be assigned to it.
type argument struct {
	text     string
	fixed    bool // the text may stand wherever the parameter does
	stable   bool // nothing happens where it is evaluated
	sameType bool
}

// call writes a call out. The results go to targets. exit is where the calling function returns to, where it returns
// what this call does; otherwise nil.
func (e *expansion) call(a *activation, call *ast.CallExpr, targets []string, exit *label, tail bool) error {
	return e.scope(a, func() error {
		nodes := make([]ast.Node, 0, len(call.Args))
		for _, arg := range call.Args {
			nodes = append(nodes, arg)
		}
		if err := e.prepare(a, nodes...); err != nil {
			return err
		}
		signature := e.pkg.info.TypeOf(call.Fun).Underlying().(*types.Signature)
		if signature.Params().Len() != len(call.Args) {
			return e.pkg.refuse(call, "a call with several results as arguments of another one: write an assignment before it")
		}
		arguments := make([]argument, 0, len(call.Args))
		for i, arg := range call.Args {
			arguments = append(arguments, e.argument(a, arg, signature.Params().At(i).Type()))
		}
		to := outcome{targets, a.checks[call]}
		if exit != nil {
			to.check = a.check
		}
		if table := e.pkg.dispatch(call); table != nil {
			return e.choose(a, call, table, arguments, to, exit, tail)
		}
		return e.activate(call, e.pkg.callee(call), arguments, to, exit, tail)
	})
}

// argument looks at one argument of a call that is written out.
func (e *expansion) argument(a *activation, arg ast.Expr, parameter types.Type) argument {
	text := e.render(a, arg)
	result := argument{text: text, stable: e.pkg.isStable(arg), sameType: types.Identical(e.pkg.info.TypeOf(arg), parameter)}
	if held, ok := a.replaced[arg]; ok {
		return argument{text: held, fixed: result.sameType, stable: true, sameType: result.sameType}
	}
	switch arg := ast.Unparen(arg).(type) {
	case *ast.UnaryExpr:
		id, isVariable := arg.X.(*ast.Ident) // of the package, and without fields: &v.f is the address of a field
		result.fixed = arg.Op == token.AND && isVariable && e.pkg.root(id) == nil && isBasic(e.pkg.info.TypeOf(id))
	case *ast.BasicLit:
		result.fixed = types.Identical(types.Default(e.pkg.info.TypeOf(arg)), parameter) && isPlain(parameter)
	case *ast.Ident:
		switch object := e.pkg.info.Uses[arg].(type) {
		case *types.Var:
			_, local := a.names[object]
			facts := a.function.facts
			result.fixed = local && result.sameType && (!facts.placed[object] || facts.received[object])
		case *types.Const:
			result.fixed = types.Identical(types.Default(object.Type()), parameter)
		}
	}
	return result
}

func isBasic(t types.Type) bool {
	_, ok := t.Underlying().(*types.Basic)
	return ok
}

// isPlain reports whether constants have the type without being told so.
func isPlain(t types.Type) bool {
	return types.Identical(t, types.Typ[types.String]) || types.Identical(t, types.Typ[types.Bool]) || types.Identical(t, types.Typ[types.Int])
}

// activate writes the body of a function.
func (e *expansion) activate(call *ast.CallExpr, f *function, arguments []argument, to outcome, exit *label, tail bool) error {
	if slices.Contains(e.stack, f.object) {
		return e.pkg.refuse(call, "%s calls itself", f.object.Name())
	}
	e.stack = append(e.stack, f.object)
	defer func() { e.stack = e.stack[:len(e.stack)-1] }()
	a := newActivation(f)
	a.outcome = to
	a.exit = exit
	if exit == nil {
		a.exit = &label{base: f.object.Name() + "Done"}
		tail = true
	}
	for i, v := range f.facts.returned {
		if v != nil && e.isOwn(to.targets[i], arguments) {
			a.names[v] = to.targets[i]
		}
	}
	before := make([]int, len(f.params))
	for i, parameter := range f.params {
		if arguments[i].fixed && !f.facts.assigned[parameter] && !f.facts.placed[parameter] {
			a.names[parameter] = arguments[i].text
		} else if parameter.Name() != "_" && parameter.Name() != "" {
			before[i] = e.reads[e.declare(a, parameter)]
		}
	}
	body, err := e.inBlock(func() error {
		for _, result := range f.results {
			if result.Name() == "_" {
				continue
			}
			name := e.declare(a, result)
			if !e.pkg.isUnread(f, result, f.decl.Body.List) {
				e.line(name, " = ", e.pkg.zero(result.Type()))
			}
		}
		return e.statements(a, f.decl.Body.List, tail)
	})
	if err != nil {
		return err
	}
	bindings, err := e.inBlock(func() error { return e.bind(a, arguments, before) })
	if err != nil {
		return err
	}
	for _, c := range a.claims {
		e.names.release(c)
	}
	body.declares = body.declares || bindings.declares
	e.write(a, bindings.text.String()+body.text.String(), body, exit == nil)
	return nil
}

// isOwn reports whether a target is a variable declared at the head of the worker, so that nothing points to it, that
// none of the arguments is made of.
func (e *expansion) isOwn(target string, arguments []argument) bool {
	for _, argument := range arguments {
		if slices.Contains(word.FindAllString(argument.text, -1), target) {
			return false
		}
	}
	return slices.ContainsFunc(e.names.vars, func(v variable) bool { return v.name == target })
}

// bind writes what the parameters begin with. A parameter that nothing reads must not be declared.
func (e *expansion) bind(a *activation, arguments []argument, before []int) error {
	for i, parameter := range a.function.params {
		name, ok := a.names[parameter]
		switch {
		case name == arguments[i].text:
		case ok && a.function.facts.placed[parameter]:
			e.block.declares = true
			e.line("var ", name, " ", e.pkg.typeText(parameter.Type()), " = ", arguments[i].text)
		case ok && e.reads[name] > before[i]:
			e.line(name, " = ", arguments[i].text)
		case !arguments[i].stable:
			e.line("_ = ", arguments[i].text)
		}
	}
	return nil
}

// write adds the text of an activation under a heading that says whose it is.
func (e *expansion) write(a *activation, text string, body *block, ends bool) {
	source := filepath.Base(e.pkg.fset.Position(a.function.decl.Pos()).Filename)
	e.line("\n// ", a.function.object.Name(), ", ", source)
	if body.declares {
		text = "{\n" + text + "}\n"
	} else {
		e.block.labels = e.block.labels || body.labels
	}
	e.block.text.WriteString(text)
	if ends {
		e.mark(a.exit)
	}
}

// choose writes a call of a func field as a switch. Other values than those of the table are called as they are. All
// cases end behind the switch.
func (e *expansion) choose(a *activation, call *ast.CallExpr, t *table, arguments []argument, to outcome, exit *label, tail bool) error {
	field := call.Fun.(*ast.SelectorExpr)
	for i := range arguments {
		if !arguments[i].fixed { // it is evaluated once, before the switch
			held := e.temporary(a, "argument", e.pkg.info.TypeOf(call.Fun).Underlying().(*types.Signature).Params().At(i).Type())
			e.line(held, " = ", arguments[i].text)
			arguments[i] = argument{text: held, fixed: true, stable: true, sameType: true}
		}
	}
	end := &label{base: field.Sel.Name + "Done"}
	if exit == nil {
		exit = end
		tail = true
	}
	e.line("switch ", e.render(a, field.X), ".", t.key.Name(), " {")
	for _, entry := range t.entries {
		inner, err := e.inBlock(func() error {
			if f := e.pkg.marked[entry.function]; f != nil {
				return e.activate(call, f, arguments, to, exit, tail)
			}
			return e.plainCall(entry.function.Name(), arguments, to.targets, exit, tail)
		})
		if err != nil {
			return err
		}
		keys := make([]string, 0, len(entry.keys))
		for _, key := range entry.keys {
			keys = append(keys, e.render(a, key))
		}
		e.clause(keys, inner)
	}
	inner, err := e.inBlock(func() error { return e.plainCall(e.render(a, field), arguments, to.targets, exit, tail) })
	if err != nil {
		return err
	}
	e.clause(nil, inner)
	e.line("}")
	e.mark(end)
	return nil
}

// plainCall writes a call that stays one.
func (e *expansion) plainCall(function string, arguments []argument, targets []string, exit *label, tail bool) error {
	texts := make([]string, 0, len(arguments))
	for _, argument := range arguments {
		e.reads[argument.text]++
		texts = append(texts, argument.text)
	}
	e.assignCall(targets, function+"("+strings.Join(texts, ", ")+")")
	if !tail {
		e.leave(exit)
	}
	return nil
}

func (e *expansion) assignCall(targets []string, call string) {
	if len(strings.Trim(strings.Join(targets, ""), "_")) == 0 {
		e.line(call)
		return
	}
	e.line(strings.Join(targets, ", "), " = ", call)
}

// returns writes a return: an assignment of the results, and a jump unless nothing follows.
func (e *expansion) returns(a *activation, s *ast.ReturnStmt, tail bool) error {
	if a.exit == nil {
		e.line("return")
		return nil
	}
	if len(s.Results) == 1 {
		if call, ok := ast.Unparen(s.Results[0]).(*ast.CallExpr); ok && e.expands(call) {
			return e.returnCall(a, call, tail)
		}
	}
	nodes := make([]ast.Node, 0, len(s.Results))
	for _, result := range s.Results {
		nodes = append(nodes, result)
	}
	if err := e.prepare(a, nodes...); err != nil {
		return err
	}
	targets := a.targets
	passes := a.check.isPassed(e.pkg, s.Results)
	if passes && a.check.alone {
		targets = slices.Clone(targets)
		targets[a.check.result] = "_"
	}
	switch {
	case len(s.Results) == 1 && len(a.targets) > 1:
		e.assignCall(a.targets, e.render(a, s.Results[0]))
	case len(s.Results) == 0:
		values := make([]string, 0, len(a.function.results))
		for _, result := range a.function.results {
			values = append(values, a.names[result])
			e.reads[a.names[result]]++
		}
		e.assignValues(a, targets, values)
	default:
		values := make([]string, 0, len(s.Results))
		for i, result := range s.Results {
			if targets[i] == "_" && (e.pkg.isStable(result) || a.replaced[result] != "") {
				values = append(values, "_") // the caller discards this result
			} else {
				values = append(values, e.render(a, result))
			}
		}
		e.assignValues(a, targets, values)
	}
	if passes {
		e.leave(&a.check.behind)
	} else if !tail {
		e.leave(a.exit)
	}
	return nil
}

// returnCall writes a return of what another expanded call returns.
func (e *expansion) returnCall(a *activation, call *ast.CallExpr, tail bool) error {
	wanted := a.function.object.Type().(*types.Signature).Results()
	got := e.results(call)
	for i := range got.Len() {
		if !types.Identical(wanted.At(i).Type(), got.At(i).Type()) {
			return e.returnConverted(a, call, tail)
		}
	}
	return e.call(a, call, a.targets, a.exit, tail)
}

// returnConverted is returnCall where a result becomes one of another type.
func (e *expansion) returnConverted(a *activation, call *ast.CallExpr, tail bool) error {
	got := e.results(call)
	held := make([]string, 0, got.Len())
	for i := range got.Len() {
		held = append(held, e.temporary(a, "result", got.At(i).Type()))
	}
	if err := e.call(a, call, held, nil, false); err != nil {
		return err
	}
	for _, name := range held {
		e.reads[name]++
	}
	e.assignValues(a, a.targets, held)
	if !tail {
		e.leave(a.exit)
	}
	return nil
}

var word = regexp.MustCompile(`[\pL_][\pL\pN_]*`)

// assignValues assigns results one by one. Where one of them is made of a target that was set before it, all are made
// first.
func (e *expansion) assignValues(a *activation, targets, values []string) {
	set := map[string]bool{}
	conflict := false
	for i, value := range values {
		for _, name := range word.FindAllString(value, -1) {
			conflict = conflict || set[name]
		}
		set[word.FindString(targets[i])] = targets[i] != "_"
	}
	if conflict {
		results := a.function.object.Type().(*types.Signature).Results()
		for i := range values {
			if values[i] == "_" {
				continue
			}
			held := e.temporary(a, "result", results.At(i).Type())
			e.line(held, " = ", values[i])
			values[i] = held
			e.reads[held]++
		}
	}
	for i, value := range values {
		if value == targets[i] || (targets[i] == "_" && word.FindString(value) == value) {
			e.reads[value]-- // it is not written
		} else {
			e.line(targets[i], " = ", value)
		}
	}
}
