package yaegicheck

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

var interfaceRules = []rule{literalField, interfaceConversion, variadicInterface, responseWriter, unaryInterface, contextKey}

// literalField: &http.Client{Transport: &mine{}} panics ("value of type *struct {} is not assignable"), because the
// literal does not wrap the value. A variable of the interface's type, or an assignment to the field, does.
var literalField = rule{name: "literal-field", run: func(p *pass) {
	for _, lit := range each[*ast.CompositeLit](p.root) {
		if _, isStruct := p.Info.TypeOf(lit).Underlying().(*types.Struct); !isStruct || namedType(p.Info.TypeOf(lit)) == nil || p.own(p.Info.TypeOf(lit)) {
			continue
		}
		for _, elt := range lit.Elts {
			if kv, ok := elt.(*ast.KeyValueExpr); ok && types.IsInterface(p.Info.TypeOf(kv.Key)) && p.ownConcrete(p.Info.TypeOf(kv.Value)) {
				p.report(kv, "a value of a type of this package in a standard struct's literal panics; assign the field afterwards, or go through a variable of type %s", types.TypeString(p.Info.TypeOf(kv.Key), nil))
			}
		}
	}
}}

// interfaceConversion: http.RoundTripper(&mine{}) panics for the same reason.
var interfaceConversion = rule{name: "interface-conversion", run: func(p *pass) {
	for _, call := range each[*ast.CallExpr](p.root) {
		if t := p.Info.TypeOf(call); p.converts(call) && isMethodInterface(t) && !p.own(t) && p.ownConcrete(p.Info.TypeOf(call.Args[0])) {
			p.report(call, "converting a value of a type of this package to an interface panics; declare a variable: var x %s = …", types.ExprString(call.Fun))
		}
	}
}}

// variadicInterface: io.MultiWriter(&mine{}) panics: variadic arguments are not wrapped.
var variadicInterface = rule{name: "variadic-interface", run: func(p *pass) {
	for _, call := range each[*ast.CallExpr](p.root) {
		for i, arg := range call.Args {
			t, variadic := p.parameter(call, i)
			if variadic && p.compiled(call) && isMethodInterface(t) && p.ownConcrete(p.Info.TypeOf(arg)) {
				p.report(arg, "a value of a type of this package as variadic argument panics; put it in a variable of type %s first", types.TypeString(t, nil))
			}
		}
	}
}}

// responseWriter: of an interpreted ResponseWriter the compiled side sees the three methods and nothing else: no
// Flusher, no Unwrap, no ReaderFrom. Streaming behind it stops.
var responseWriter = rule{name: "response-writer", run: func(p *pass) {
	for _, call := range each[*ast.CallExpr](p.root) {
		for i, arg := range call.Args {
			t, _ := p.parameter(call, i)
			if isNamed(t, "net/http", "ResponseWriter") && p.compiled(call) && p.own(p.Info.TypeOf(arg)) {
				p.report(arg, "compiled handlers cannot flush through a ResponseWriter of this package; pass the original on, or use httputil.ReverseProxy's ModifyResponse")
			}
		}
	}
}}

func isNamed(t types.Type, pkg, name string) bool {
	named := namedType(t)
	return named != nil && named.Obj().Pkg() != nil && named.Obj().Pkg().Path() == pkg && named.Obj().Name() == name
}

// unaryInterface: v = -x, m[k] = !ok or return !ok into an interface panics ("SetBool on interface Value"), ends the
// goroutine without a word, or returns nil; return a < b into one panics. Arguments, literals and := are right.
var unaryInterface = rule{name: "unary-interface", run: func(p *pass) {
	for _, stmt := range each[*ast.AssignStmt](p.root) {
		if stmt.Tok != token.ASSIGN || len(stmt.Lhs) != len(stmt.Rhs) {
			continue
		}
		for i, value := range stmt.Rhs {
			if t := p.Info.TypeOf(stmt.Lhs[i]); t != nil && types.IsInterface(t) && isUnary(value) {
				p.report(value, "the result of %s does not fit in an interface; put it in a variable of its own type first", types.ExprString(value))
			}
		}
	}
	for c, stmt := range each[*ast.ReturnStmt](p.root) {
		f, _ := function(c)
		results := p.signature(f.Node()).Results()
		for i, value := range stmt.Results {
			if len(stmt.Results) == results.Len() && types.IsInterface(results.At(i).Type()) && (isUnary(value) || isComparison(value)) {
				p.report(value, "the result of %s does not fit in an interface; put it in a variable of its own type first", types.ExprString(value))
			}
		}
	}
}}

func isUnary(e ast.Expr) bool {
	u, ok := ast.Unparen(e).(*ast.UnaryExpr)
	return ok && (u.Op == token.NOT || u.Op == token.SUB || u.Op == token.XOR || u.Op == token.ADD)
}

func isComparison(e ast.Expr) bool {
	b, ok := ast.Unparen(e).(*ast.BinaryExpr)
	return ok && slices.Contains([]token.Token{token.EQL, token.NEQ, token.LSS, token.LEQ, token.GTR, token.GEQ}, b.Op)
}

// contextKey: types with equal underlying types are one type to compiled code, so a context key of type struct{} or
// string here equals any other plugin's or any other key type's: c.Value(other{}) found key{}'s value. A pointer to a
// variable is unlike all others.
var contextKey = rule{name: "context-key", run: func(p *pass) {
	for _, call := range each[*ast.CallExpr](p.root) {
		if p.calls(call, "context", "WithValue") && !isPointer(p.Info.TypeOf(call.Args[1])) {
			p.report(call, "a key of one type equals the same value of every type with its shape; use a pointer: var key = new(int)")
		}
	}
}}
