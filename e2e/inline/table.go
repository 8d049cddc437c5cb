package inline

import (
	"go/ast"
	"go/token"
	"go/types"
)

// table is what a func field may hold, by the value of the field that the directive marks.
type table struct {
	key     *types.Var
	entries []*entry
}

// entry is one function of a table, with the keys of all values that have it.
type entry struct {
	function *types.Func
	keys     []ast.Expr
}

// collectTables finds the structs with a field that caseDirective marks, and reads their literals.
func (p *pkg) collectTables() error {
	for _, file := range p.files {
		var err error
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.StructType); ok && err == nil {
				err = p.collectStruct(s)
			}
			return err == nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *pkg) collectStruct(s *ast.StructType) error {
	var key *types.Var
	var fields []*types.Var // of a func type
	for _, field := range s.Fields.List {
		_, before := directive(field.Doc, caseDirective)
		_, behind := directive(field.Comment, caseDirective)
		for _, name := range field.Names {
			object := p.info.Defs[name].(*types.Var)
			if before || behind {
				key = object
			}
			if _, ok := object.Type().Underlying().(*types.Signature); ok {
				fields = append(fields, object)
			}
		}
	}
	if key == nil {
		return nil
	}
	for _, field := range fields {
		p.tables[field] = &table{key: key}
	}
	return p.readLiterals(p.info.TypeOf(s), key, fields)
}

// readLiterals reads every literal of the struct.
func (p *pkg) readLiterals(structure types.Type, key *types.Var, fields []*types.Var) error {
	for _, file := range p.files {
		var err error
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				err = p.refuseChanges(n, structure, fields)
				return false
			case *ast.CompositeLit:
				if err == nil && p.isOf(n, structure) {
					err = p.readLiteral(n, key, fields)
				}
			}
			return err == nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *pkg) isOf(literal *ast.CompositeLit, structure types.Type) bool {
	t := p.info.TypeOf(literal)
	if pointer, ok := t.Underlying().(*types.Pointer); ok {
		t = pointer.Elem()
	}
	return types.Identical(t.Underlying(), structure)
}

// refuseChanges refuses functions that make values of the struct, or set its func fields: those values would not be
// known here.
func (p *pkg) refuseChanges(f *ast.FuncDecl, structure types.Type, fields []*types.Var) error {
	var err error
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CompositeLit:
			if p.isOf(n, structure) {
				err = p.refuse(n, "a literal of a struct with %s in a function: write it into a variable of the package", caseDirective)
			}
		case *ast.AssignStmt:
			for _, target := range n.Lhs {
				if s, ok := target.(*ast.SelectorExpr); ok && p.isField(s, fields) {
					err = p.refuse(n, "%s is set: a struct with %s never changes", s.Sel.Name, caseDirective)
				}
			}
		}
		return err == nil
	})
	return err
}

func (p *pkg) isField(s *ast.SelectorExpr, fields []*types.Var) bool {
	for _, field := range fields {
		if p.info.Uses[s.Sel] == field {
			return true
		}
	}
	return false
}

// readLiteral adds one literal to the tables of the func fields.
func (p *pkg) readLiteral(literal *ast.CompositeLit, key *types.Var, fields []*types.Var) error {
	values := map[types.Object]ast.Expr{}
	for _, element := range literal.Elts {
		pair, ok := element.(*ast.KeyValueExpr)
		if !ok {
			return p.refuse(literal, "a literal of a struct with %s: name its fields", caseDirective)
		}
		values[p.info.Uses[pair.Key.(*ast.Ident)]] = pair.Value
	}
	value := values[key]
	if value == nil || p.info.Types[value].Value == nil {
		return p.refuse(literal, "%s is not set to a constant", key.Name())
	}
	for _, field := range fields {
		name, ok := values[field].(*ast.Ident)
		if !ok {
			return p.refuse(literal, "%s is not set to a function of the package", field.Name())
		}
		function, ok := p.info.Uses[name].(*types.Func)
		if !ok {
			return p.refuse(literal, "%s is not set to a function of the package", field.Name())
		}
		if err := p.tables[field].add(p, value, function); err != nil {
			return err
		}
	}
	return nil
}

func (t *table) add(p *pkg, key ast.Expr, function *types.Func) error {
	var same *entry
	for _, e := range t.entries {
		for _, other := range e.keys {
			if p.info.Types[other].Value.ExactString() == p.info.Types[key].Value.ExactString() {
				return p.refuse(key, "another value has the same %s", t.key.Name())
			}
		}
		if e.function == function {
			same = e
		}
	}
	if same == nil {
		same = &entry{function: function}
		t.entries = append(t.entries, same)
	}
	same.keys = append(same.keys, key)
	return nil
}

// dispatch returns the table of a call of a func field, nil for any other call.
func (p *pkg) dispatch(call *ast.CallExpr) *table {
	if s, ok := call.Fun.(*ast.SelectorExpr); ok && p.isPure(s) {
		if field, ok := p.info.Uses[s.Sel].(*types.Var); ok {
			return p.tables[field]
		}
	}
	return nil
}

// isPure reports whether an expression can be read any number of times: a variable, or a field of one.
func (p *pkg) isPure(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return true
	case *ast.BasicLit:
		return true
	case *ast.ParenExpr:
		return p.isPure(e.X)
	case *ast.SelectorExpr:
		return p.isPure(e.X)
	case *ast.UnaryExpr:
		return e.Op != token.ARROW && p.isPure(e.X)
	case *ast.StarExpr:
		return p.isPure(e.X)
	}
	return false
}
