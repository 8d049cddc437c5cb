package yaegicheck

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// module writes a module of the files and returns its folder.
func module(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	files["go.mod"] = "module example.com/p\n\ngo 1.22\n"
	for name, text := range files {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o750))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return dir
}

// findings loads a module of the files and checks it.
func findings(t *testing.T, files map[string]string) []string {
	t.Helper()
	units, err := Load(module(t, files))
	require.NoError(t, err)
	var found []string
	for _, unit := range units {
		for _, f := range Check(unit) {
			found = append(found, filepath.Base(f.Pos.Filename)+" "+f.Rule)
		}
	}
	return found
}

const wrong = "func f(c chan int) int { return <-c }\n"

func TestLoadReadsEachFileOnceWithItsTests(t *testing.T) {
	found := findings(t, map[string]string{
		"p.go":          "package p\n" + wrong,
		"p_test.go":     "package p\n" + "func g(c chan int) int { return <-c }\n",
		"outer_test.go": "package p_test\nimport _ \"example.com/p\"\n" + wrong,
	})
	assert.ElementsMatch(t, []string{"p.go receive-returned", "p_test.go receive-returned", "outer_test.go receive-returned"}, found)
}

func TestLoadLeavesOutFilesForGoAlone(t *testing.T) {
	found := findings(t, map[string]string{
		"p.go":        "package p\n",
		"vendored.go": "/*\n+build never\n*/\n\npackage p\n" + wrong,
	})
	assert.Empty(t, found)
}

func TestLoadReadsThePackagesBelow(t *testing.T) {
	found := findings(t, map[string]string{
		"p.go":                    "package p\nimport _ \"example.com/p/internal/q\"\n",
		"internal/q/q.go":         "package q\n" + wrong,
		"internal/q/q_test.go":    "package q\n" + "func g(c chan int) int { return <-c }\n",
		"internal/q/r/r.go":       "package r\n" + wrong,
		"e2e/go.mod":              "module example.com/p/e2e\n",
		"e2e/e.go":                "package e2e\n" + wrong,
		"vendor/example.com/v.go": "package v\n" + wrong,
	})
	assert.ElementsMatch(t, []string{"q.go receive-returned", "q_test.go receive-returned", "r.go receive-returned"}, found)
}

func TestVariablesOfOtherPackages(t *testing.T) {
	const declared = "package q\nimport \"errors\"\ntype T struct{ N int }\nvar S = T{}\nvar ErrGone = errors.New(\"gone\")\n" +
		"var Clock = func() int { return 1 }\n"
	for name, row := range map[string]struct{ code, want string }{
		"a struct is set":      {"func f() { q.S = q.T{N: 1} }", "p.go shared-variable"},
		"an error is set":      {"func f() { q.ErrGone = nil }", "p.go shared-variable"},
		"a func is set":        {"func f() { q.Clock = func() int { return 2 } }", "p.go shared-variable"},
		"its address is taken": {"func f() *q.T { return &q.S }", "p.go shared-variable"},
		"an error is compared": {"func f(err error) bool { return err == q.ErrGone }", ""},
		"a func is called":     {"func f() int { return q.Clock() }", ""},
	} {
		found := findings(t, map[string]string{
			"p.go":            "package p\nimport \"example.com/p/internal/q\"\n" + row.code,
			"internal/q/q.go": declared,
		})
		if row.want == "" {
			assert.Empty(t, found, name)
		} else {
			assert.Equal(t, []string{row.want}, found, name)
		}
	}
}

func TestLoadRefusesWhatDoesNotCompile(t *testing.T) {
	_, err := Load(module(t, map[string]string{"p.go": "package p\nfunc f() { undefined() }\n"}))
	assert.ErrorContains(t, err, "undefined")
}

func TestFindingIsOneLineForEditors(t *testing.T) {
	units, err := Load(module(t, map[string]string{"p.go": "package p\n" + wrong}))
	require.NoError(t, err)
	assert.Regexp(t, `p\.go:2:33: receive-returned: returning .*; write `, Check(units[0])[0].String())
}
