package inline

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/traefik/yaegi/interp"
	"github.com/traefik/yaegi/stdlib"

	"github.com/seed05e46011/lambda/e2e/yaegicheck"
)

// samples returns the names of the packages in testdata.
func samples(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir("testdata")
	require.NoError(t, err)
	names := make([]string, 0, len(entries))
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// generated returns a GOPATH with the samples, a module too, in which is generated what they lack. It is made once.
func generated(t *testing.T) (goPath string) {
	t.Helper()
	makeSamples.Do(func() { samplesPath = generateSamples(t) })
	return samplesPath
}

var (
	makeSamples sync.Once
	samplesPath string
)

func TestMain(m *testing.M) {
	status := m.Run()
	_ = os.RemoveAll(samplesPath)
	os.Exit(status)
}

func generateSamples(t *testing.T) string {
	t.Helper()
	goPath, err := os.MkdirTemp("", "inline") //nolint:usetesting // it outlives the test
	require.NoError(t, err)
	root := filepath.Join(goPath, "src", "example.com", "samples")
	require.NoError(t, os.CopyFS(root, os.DirFS("testdata")))
	require.NoError(t, os.WriteFile(filepath.Join(root, "go.mod"), []byte("module example.com/samples\n\ngo 1.22\n"), 0o600))
	for _, name := range samples(t) {
		content, err := Generate(filepath.Join(root, name))
		require.NoError(t, err, name)
		require.NoError(t, os.WriteFile(filepath.Join(root, name, FileName), content, 0o600))
	}
	return goPath
}

// compiled returns what the samples note, as Go runs them: "name direct" and "name generated".
func compiled(t *testing.T, goPath string) map[string]string {
	t.Helper()
	var main strings.Builder
	main.WriteString("package main\nimport (\"fmt\"; \"strings\"\n")
	for _, name := range samples(t) {
		fmt.Fprintf(&main, "%q\n", "example.com/samples/"+name)
	}
	main.WriteString(")\nfunc main() {\n")
	for _, name := range samples(t) {
		fmt.Fprintf(&main, "fmt.Print(%q, strings.Join(%s.Direct(), \"\\n\"), \"\\x00\")\n", name+" direct\x01", name)
		fmt.Fprintf(&main, "fmt.Print(%q, strings.Join(%s.Generated(), \"\\n\"), \"\\x00\")\n", name+" generated\x01", name)
	}
	main.WriteString("}\n")
	root := filepath.Join(goPath, "src", "example.com", "samples")
	require.NoError(t, os.WriteFile(filepath.Join(root, "main.go"), []byte(main.String()), 0o600))
	command := exec.CommandContext(t.Context(), "go", "run", ".")
	command.Dir = root
	output, err := command.CombinedOutput()
	require.NoError(t, err, string(output))
	results := map[string]string{}
	for _, part := range strings.Split(string(output), "\x00") {
		name, text, _ := strings.Cut(part, "\x01")
		results[name] = text
	}
	return results
}

func TestGeneratedFunctionsDoWhatTheirSourcesDo(t *testing.T) {
	goPath := generated(t)
	results := compiled(t, goPath)
	for _, name := range samples(t) {
		t.Run(name, func(t *testing.T) {
			want := results[name+" direct"]
			require.NotEmpty(t, want)
			assert.Equal(t, want, results[name+" generated"], "compiled")

			i := interp.New(interp.Options{GoPath: goPath})
			require.NoError(t, i.Use(stdlib.Symbols))
			_, err := i.Eval(`import "example.com/samples/` + name + `"`)
			require.NoError(t, err)
			function, err := i.Eval(name + ".Generated")
			require.NoError(t, err)
			lines := function.Call(nil)[0].Interface().([]string)
			assert.Equal(t, want, strings.Join(lines, "\n"), "interpreted")
			again := function.Call(nil)[0].Interface().([]string)
			assert.True(t, reflect.DeepEqual(lines, again), "interpreted a second time")
		})
	}
}

// unit type-checks the files of a folder, or the text where it is given.
func unit(t *testing.T, dir, text string) *yaegicheck.Unit {
	t.Helper()
	fset := token.NewFileSet()
	var files []*ast.File
	if dir == "" {
		file, err := parser.ParseFile(fset, "plugin.go", text, parser.ParseComments)
		require.NoError(t, err)
		files = []*ast.File{file}
	} else {
		paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
		require.NoError(t, err)
		for _, path := range paths {
			file, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
			require.NoError(t, err)
			files = append(files, file)
		}
	}
	info := &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{},
		Selections: map[*ast.SelectorExpr]*types.Selection{}, Instances: map[*ast.Ident]types.Instance{}, Implicits: map[ast.Node]types.Object{},
	}
	checked, err := (&types.Config{Importer: importer.ForCompiler(fset, "gc", nil)}).Check("p", fset, files, info)
	require.NoError(t, err)
	return &yaegicheck.Unit{Fset: fset, Files: files, Pkg: checked, Info: info}
}

func TestGeneratedFunctionsPassTheStaticCheck(t *testing.T) {
	root := filepath.Join(generated(t), "src", "example.com", "samples")
	for _, name := range samples(t) {
		for _, finding := range yaegicheck.Check(unit(t, filepath.Join(root, name), "")) {
			if filepath.Base(finding.Pos.Filename) == FileName {
				t.Errorf("%s: got %s, want nothing", name, finding)
			}
		}
	}
}

func TestTheSameSourcesMakeTheSameFile(t *testing.T) {
	want, err := os.ReadFile(filepath.Join(generated(t), "src", "example.com", "samples", "calls", FileName))
	require.NoError(t, err)
	got, err := Generate(filepath.Join("testdata", "calls"))
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got))
}

func TestVariablesOfFunctionsThatHaveEndedAreUsedAgain(t *testing.T) {
	got, err := generateText(t, `
//lambda:worker written
func source() { one(); other() }

//lambda:inline
func one() { n := 1; println(n) }

//lambda:inline
func other() { n := 2; println(n) }
`)
	require.NoError(t, err)
	assert.Contains(t, got, "var (\n\t\tn int\n\t)")
}

func TestWhatNothingNeedsIsNotWritten(t *testing.T) {
	const worker = "//lambda:worker written\nfunc source() {\n\tn := 0\n\tvar err error\n\tx := &box{}\n\t"
	const rest = "\n\tprintln(n, err, x)\n}\ntype box struct {\n\tn int\n\tb *box\n}\nfunc call(n int) error { return nil }\n"
	const fails = "//lambda:inline\nfunc f(n int) error {\n\tif n > 1 { return call(n) }\n\treturn nil\n}"
	const decides = "//lambda:inline\nfunc f(n int) bool {\n\tif n > 1 { return n > 2 }\n\treturn true\n}"
	const divides = "//lambda:inline\nfunc f(n int) (int, error) {\n\tm := n / 2\n\treturn m, call(m)\n}"
	for _, tc := range []struct{ name, body, function, want, wantNot string }{
		{"nil for a check jumps", "if err := f(n); err != nil { return }", fails, "goto fPassed", "err2 = nil"},
		{"one error for a check is checked where it is made", "if err := f(n); err != nil { return }", fails, "err2 = call(n)\n\t\tif err2", "fDone"},
		{"break stays in its loop", "for {\n\t\tif err := f(n); err != nil { break }\n\t}", fails, "goto fDone", "err2 = nil"},
		{"nil that is read later is set", "later := f(n)\n\tif later != nil { n = 2 }\n\tprintln(later)", fails, "later = nil", "fDone"},
		{"nil that is set later is not", "later := f(n)\n\tif later != nil { n = 2 }\n\tlater = call(1)\n\tprintln(later)", fails, "goto fPassed", "later = nil"},
		{"nil that a branch sets later is not", "later := f(n)\n\tif later != nil { n = 2 }\n\tif n > 1 {\n\t\tlater = call(1)\n\t\tprintln(later)\n\t}", fails, "goto fPassed", "later = nil"},
		{"nil for a variable of an outer block is set", "if n > 0 {\n\t\terr = f(n)\n\t\tif err != nil { n = 2 }\n\t}", fails, "err = nil", "fDone"},
		{"nil is set where an else follows", "if err := f(n); err != nil { n = 2 } else { n = 3 }", fails, "err2 = nil", "fPassed"},
		{"nil is set where something comes between", "other := f(n)\n\tn = 2\n\tif other != nil { n = 3 }", fails, "other = nil", "fPassed"},
		{"nil is set for a condition of two", "if other := f(n); other != nil && n > 3 { n = 3 }", fails, "other = nil", "fPassed"},
		{"true for a check jumps", "if !f(n) { n = 2 }", decides, "goto fPassed", "= true"},
		{"true that enters is set", "if f(n) { n = 2 }", decides, "result = true", "fPassed"},
		{"a returned variable is the target", "n, err = f(5)", divides, "n = 5 / 2", "m"},
		{"but not where it is an argument", "n, err = f(n)", divides, "m = n / 2", "n = n / 2"},
		{"two labels at one place are one", "if err := g(n); err != nil { return }", "//lambda:inline\nfunc g(n int) error {\n\tif n > 5 { return call(5) }\n\terr := f(n)\n\treturn err\n}\n" + fails, "goto gDone", "fDone"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := generateText(t, worker+tc.body+rest+tc.function)
			require.NoError(t, err)
			_, got, _ = strings.Cut(got, "x = &box{}")
			assert.Contains(t, got, tc.want)
			assert.NotContains(t, got, tc.wantNot)
		})
	}
}

// generateText returns what is generated of a file without its package clause.
func generateText(t *testing.T, text string) (string, error) {
	t.Helper()
	text = "package p\n" + text
	u := unit(t, "", text)
	p := newPkg(u.Fset, u.Pkg, u.Info)
	p.files = u.Files
	p.sources["plugin.go"] = []byte(text)
	content, err := p.generate()
	return string(content), err
}

func TestWhatIsOutsideOfTheDialectIsRefused(t *testing.T) {
	const worker = "//lambda:worker written\nfunc source() { f(1) }\n"
	const table = "//lambda:worker written\nfunc source() { t[0].f() }\nfunc f() {}\nfunc g() {}\ntype row struct {\n\tkey int //lambda:case\n\tf func()\n}\n"
	for _, tc := range []struct{ name, code, want string }{
		{"a method", worker + "func f(n int) { t{}.m() }\ntype t struct{}\n//lambda:inline\nfunc (t) m() {}", "plugin.go:7: m is a method"},
		{"type parameters", worker + "//lambda:inline\nfunc f[T any](n T) {}", "plugin.go:5: f has type parameters"},
		{"a variadic function", worker + "//lambda:inline\nfunc f(n ...int) {}", "f is variadic"},
		{"a worker with a result", "//lambda:worker written\nfunc source() int { return 1 }", "is a worker and has results"},
		{"a worker without a name", "//lambda:worker\nfunc source() {}", "wants the name"},
		{"no worker", "func f() {}", "no function is marked"},
		{"a func literal", worker + "//lambda:inline\nfunc f(n int) {\n\tg := func() {}\n\tg()\n}", "plugin.go:6: a func literal"},
		{"go", worker + "//lambda:inline\nfunc f(n int) { go f(n) }", "go and defer"},
		{"defer", worker + "//lambda:inline\nfunc f(n int) { defer f(n) }", "go and defer"},
		{"select", worker + "//lambda:inline\nfunc f(n int) { select {} }", "select"},
		{"a label", worker + "//lambda:inline\nfunc f(n int) {\nl:\n\tfor {\n\t\tbreak l\n\t}\n}", "plugin.go:6: a label"},
		{"fallthrough", worker + "//lambda:inline\nfunc f(n int) { switch n { case 1: fallthrough; default: } }", "fallthrough"},
		{"a type switch", worker + "//lambda:inline\nfunc f(n any) { switch n.(type) { case int: } }", "a type switch"},
		{"a type", worker + "//lambda:inline\nfunc f(n int) { type t int }", "a type in a function"},
		{"a constant", worker + "//lambda:inline\nfunc f(n int) { const c = iota }", "a const in a function"},
		{"two values in one assignment", worker + "//lambda:inline\nfunc f(n int) { a, b := n, 2; println(a, b) }", "several values in one assignment"},
		{"two values in one var", worker + "//lambda:inline\nfunc f(n int) { var a, b = n, 2; println(a, b) }", "several values in one declaration"},
		{"a field among targets", worker + "//lambda:inline\nfunc f(n int) { x := &struct{ a int }{}; x.a, _ = g() }\nfunc g() (int, int) { return 1, 2 }", "one of several targets"},
		{"range with =", worker + "//lambda:inline\nfunc f(n int) { var k int; for k = range []int{1} { println(k) } }", "range with ="},
		{"a range variable that is set", worker + "//lambda:inline\nfunc f(n int) { for k := range []int{1} { k++ } }", "k of a range is set"},
		{"the address of a range variable", worker + "//lambda:inline\nfunc f(n int) { for k := range []int{1} { println(&k) } }", "k of a range is set, or its address taken"},
		{"an address beside another variable", worker + "//lambda:inline\nfunc f(n int) { a, b := g(); println(&a, b) }\nfunc g() (int, int) { return 1, 2 }", "the address of a is taken"},
		{"a receive", worker + "//lambda:inline\nfunc f(n int) { c := make(chan int); n = <-c }", "a receive"},
		{"a received value that is set", worker + "//lambda:inline\nfunc f(n int) { c := make(chan int); v, ok := <-c; v++; println(v, ok) }", "a receive"},
		{"recursion", worker + "//lambda:inline\nfunc f(n int) { f(n - 1) }", "plugin.go:5: f calls itself"},
		{"recursion by way of another", worker + "//lambda:inline\nfunc f(n int) { g(n) }\n//lambda:inline\nfunc g(n int) { f(n) }", "f calls itself"},
		{"arguments of one call", worker + "//lambda:inline\nfunc f(n int) { g(h()) }\n//lambda:inline\nfunc g(a, b int) {}\nfunc h() (int, int) { return 1, 2 }", "a call with several results"},
		{"a call in the target of a call", worker + "//lambda:inline\nfunc f(n int) { l := []int{0}; l[h()] = g() }\n//lambda:inline\nfunc g() int { return 1 }\nfunc h() int { return 0 }", "a target with a call"},
		{"a table without a key", table + "var t = []row{{f: f}}", "key is not set to a constant"},
		{"a table without a function", table + "var t = []row{{key: 1}}", "f is not set to a function"},
		{"a table with nil", table + "var t = []row{{key: 1, f: nil}}", "f is not set to a function"},
		{"a table without names", table + "var t = []row{{1, f}}", "name its fields"},
		{"a table with a key twice", table + "var t = []row{{key: 1, f: f}, {key: 1, f: g}}", "another value has the same key"},
		{"a table's field that is set", table + "var t = []row{{key: 1, f: f}}\nfunc h() { t[0].f = g }", "f is set"},
		{"a literal of a table in a function", table + "var t = []row{{key: 1, f: f}}\nfunc h() { t[0] = row{} }", "a literal of a struct"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := generateText(t, tc.code)
			assert.ErrorContains(t, err, tc.want)
		})
	}
}
