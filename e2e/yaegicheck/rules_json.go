package yaegicheck

import (
	"go/ast"
	"go/types"
	"reflect"
)

var jsonRules = []rule{jsonMethod, jsonEmbedded, jsonUnexported}

// jsonMethods are the methods that compiled encoders look for.
var jsonMethods = map[string]bool{"MarshalJSON": true, "UnmarshalJSON": true, "MarshalText": true, "UnmarshalText": true}

// jsonMethod: encoding/json does not see the methods of a nested interpreted value, and UnmarshalJSON not even of the
// outermost: the fields are written and read as they are.
var jsonMethod = rule{name: "json-method", run: func(p *pass) {
	for _, decl := range each[*ast.FuncDecl](p.root) {
		if decl.Recv != nil && jsonMethods[decl.Name.Name] {
			p.report(decl.Name, "%s is ignored for nested values; use plain types, or json.RawMessage and a function", decl.Name.Name)
		}
	}
}}

// jsonEmbedded: an embedded struct's fields are not promoted: {"Base":{"Q":1}} instead of {"Q":1}.
var jsonEmbedded = rule{name: "json-embedded", run: func(p *pass) {
	for _, call := range each[*ast.CallExpr](p.root) {
		for _, arg := range p.jsonArguments(call) {
			if f := p.findField(p.Info.TypeOf(arg), embedded); f != nil {
				p.report(arg, "the fields of the embedded %s are not promoted; write them out", f.Name())
			}
		}
	}
}}

func embedded(f *types.Var, tag reflect.StructTag) (found, leave bool) {
	return f.Embedded() && tag.Get("json") == "", notInJSON(tag)
}

func notInJSON(tag reflect.StructTag) bool {
	return tag.Get("json") == "-"
}

// jsonUnexported: Yaegi's structs have only exported fields (secret is Xsecret), so encoding/json writes the unexported
// ones too, and lets the sender set them, unless their tag is json:"-".
var jsonUnexported = rule{name: "json-unexported", run: func(p *pass) {
	for _, call := range each[*ast.CallExpr](p.root) {
		for _, arg := range p.jsonArguments(call) {
			if f := p.findField(p.Info.TypeOf(arg), unexported); f != nil {
				p.report(arg, "the unexported field %[1]s is written and read as X%[1]s; use a struct of exported fields, or tag it json:\"-\"", f.Name())
			}
		}
	}
}}

func unexported(f *types.Var, tag reflect.StructTag) (found, leave bool) {
	return !f.Exported() && !f.Embedded() && !notInJSON(tag), notInJSON(tag)
}

// jsonArguments returns what the call encodes or decodes as JSON.
func (p *pass) jsonArguments(call *ast.CallExpr) []ast.Expr {
	switch {
	case p.calls(call, "encoding/json", "Marshal", "MarshalIndent"):
		return call.Args[:1]
	case p.calls(call, "encoding/json", "Unmarshal"):
		return call.Args[1:]
	}
	switch p.method(call) {
	case "encoding/json.Encoder.Encode", "encoding/json.Decoder.Decode":
		return call.Args
	}
	return nil
}

// fieldTest tells whether a field is looked for; leave is set where the search does not go on inside it.
type fieldTest func(f *types.Var, tag reflect.StructTag) (found, leave bool)

// findField returns a field that satisfies the test, of the struct types of this package that a value of type t is
// made of, or nil. A nested standard type hides what is in it.
func (p *pass) findField(t types.Type, test fieldTest) *types.Var {
	return p.searchField(t, test, map[types.Type]bool{})
}

func (p *pass) searchField(t types.Type, test fieldTest, seen map[types.Type]bool) *types.Var {
	if t == nil || seen[t] {
		return nil
	}
	seen[t] = true
	if named, ok := types.Unalias(t).(*types.Named); ok && !p.own(named) {
		return nil
	}
	switch u := t.Underlying().(type) {
	case *types.Pointer:
		return p.searchField(u.Elem(), test, seen)
	case *types.Slice:
		return p.searchField(u.Elem(), test, seen)
	case *types.Array:
		return p.searchField(u.Elem(), test, seen)
	case *types.Map:
		return p.searchField(u.Elem(), test, seen)
	case *types.Struct:
		return p.searchStruct(u, test, seen)
	}
	return nil
}

func (p *pass) searchStruct(s *types.Struct, test fieldTest, seen map[types.Type]bool) *types.Var {
	for i := range s.NumFields() {
		hit, leave := test(s.Field(i), reflect.StructTag(s.Tag(i)))
		if hit {
			return s.Field(i)
		}
		if leave {
			continue
		}
		if found := p.searchField(s.Field(i).Type(), test, seen); found != nil {
			return found
		}
	}
	return nil
}
