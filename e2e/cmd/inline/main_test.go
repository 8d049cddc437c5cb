package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/inline"
)

const source = `package p

//lambda:worker generated
func source() { println(double(2)) }

//lambda:inline
func double(n int) int { return 2 * n }
`

func TestRunWritesTheFileAndSeesThatItIsOld(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	write("go.mod", "module example.com/p\n\ngo 1.22\n")
	write("p.go", source)
	var stderr bytes.Buffer
	for _, step := range []struct {
		name string
		args []string
		want int
	}{
		{"the file is missing", []string{"-check", dir}, 1},
		{"it is written", []string{dir}, 0},
		{"it is what would be written", []string{"-check", dir}, 0},
	} {
		assert.Equal(t, step.want, run(step.args, &stderr), "%s: %s", step.name, &stderr)
	}
	write(inline.FileName, "package p\n\nfunc generated() {}\n")
	assert.Equal(t, 1, run([]string{"-check", dir}, &stderr), "it was changed by hand")
	assert.Contains(t, stderr.String(), "make generate")
	write("p.go", "package p\n")
	assert.Equal(t, 2, run([]string{dir}, &stderr), "nothing is marked")
	assert.Equal(t, 2, run([]string{"-wrong"}, &stderr), "an unknown flag")
}
