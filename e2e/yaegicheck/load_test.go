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

func TestLoadRefusesWhatDoesNotCompile(t *testing.T) {
	_, err := Load(module(t, map[string]string{"p.go": "package p\nfunc f() { undefined() }\n"}))
	assert.ErrorContains(t, err, "undefined")
}

func TestFindingIsOneLineForEditors(t *testing.T) {
	units, err := Load(module(t, map[string]string{"p.go": "package p\n" + wrong}))
	require.NoError(t, err)
	assert.Regexp(t, `p\.go:2:33: receive-returned: returning .*; write `, Check(units[0])[0].String())
}
