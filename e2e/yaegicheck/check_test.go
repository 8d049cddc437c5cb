package yaegicheck

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/traefik/yaegi/interp"
	"github.com/traefik/yaegi/stdlib"
)

// row is one snippet: a file without its package clause and its imports.
type row struct {
	name string
	// want is the rule that the snippet breaks, once, and no other. Empty for a control: right code that resembles the
	// wrong one.
	want string
	code string
	// file is the name of the snippet's file, plugin.go by default.
	file string
}

// fset and standard are shared: reading the standard library's export data once is what takes the time.
var (
	fset     = token.NewFileSet()
	standard = importer.ForCompiler(fset, "gc", nil)
)

// imports are the standard packages that snippets use, by the name they use.
var imports = map[string]string{
	"atomic": "sync/atomic", "bytes": "bytes", "cmp": "cmp", "context": "context", "errors": "errors", "exec": "os/exec",
	"fmt": "fmt", "http": "net/http", "httptest": "net/http/httptest", "io": "io", "json": "encoding/json", "math": "math",
	"net": "net", "os": "os", "slices": "slices", "sort": "sort", "strconv": "strconv", "strings": "strings",
	"sync": "sync", "testing": "testing", "time": "time", "unicode": "unicode",
}

// source completes the row's snippet to a file.
func (r row) source() string {
	if strings.Contains(r.code, "package p\n") {
		return r.code
	}
	var b strings.Builder
	b.WriteString("package p\n")
	for _, name := range slices.Sorted(maps.Keys(imports)) {
		if regexp.MustCompile(`\b` + name + `\.[A-Z]`).MatchString(r.code) {
			b.WriteString("import \"" + imports[name] + "\"\n")
		}
	}
	return b.String() + r.code
}

// unit type-checks the row's snippet.
func (r row) unit(t *testing.T) *Unit {
	t.Helper()
	name := r.file
	if name == "" {
		name = "plugin.go"
	}
	file, err := parser.ParseFile(fset, name, r.source(), parser.ParseComments)
	require.NoError(t, err)
	info := &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{},
		Selections: map[*ast.SelectorExpr]*types.Selection{}, Instances: map[*ast.Ident]types.Instance{}, Implicits: map[ast.Node]types.Object{},
	}
	pkg, err := (&types.Config{Importer: standard}).Check("p", fset, []*ast.File{file}, info)
	require.NoError(t, err)
	return &Unit{Fset: fset, Files: []*ast.File{file}, Pkg: pkg, Info: info}
}

func allRows() []row {
	return slices.Concat(deferRows, loopRows, staleRows, channelRows, assignRows, errorRows, functionRows, resultRows, interfaceRows, promotedRows, languageRows, jsonRows, secretRows, packageRows, silenceRows)
}

func TestCheckFindsWhatYaegiGetsWrongAndNothingElse(t *testing.T) {
	for _, r := range allRows() {
		t.Run(r.name, func(t *testing.T) {
			var got, want []string
			for _, f := range Check(r.unit(t)) {
				got = append(got, f.Rule)
				assert.NotEmpty(t, f.Message)
			}
			if r.want != "" {
				want = []string{r.want}
			}
			assert.Equal(t, want, got)
		})
	}
}

// A control that Yaegi cannot even load would recommend something wrong.
func TestControlsLoadInYaegi(t *testing.T) {
	for _, r := range allRows() {
		if r.want != "" || strings.Contains(r.code, "yaegi:ok") || strings.HasSuffix(r.file, "_test.go") {
			continue
		}
		t.Run(r.name, func(t *testing.T) {
			i := interp.New(interp.Options{})
			require.NoError(t, i.Use(stdlib.Symbols))
			_, err := i.Eval(r.source())
			assert.NoError(t, err)
		})
	}
}

func TestEveryRuleHasARowThatBreaksIt(t *testing.T) {
	broken := map[string]bool{}
	for _, r := range allRows() {
		broken[r.want] = true
	}
	for _, r := range rules {
		assert.True(t, broken[r.name], r.name)
	}
}

func TestRuleNamesAreDistinct(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range rules {
		assert.False(t, seen[r.name], r.name)
		seen[r.name] = true
	}
}
