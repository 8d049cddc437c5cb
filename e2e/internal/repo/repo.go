// Package repo knows where things are in this repository.
package repo

import (
	"path/filepath"
	"runtime"
)

// Root returns the folder of the plugin's own module, found from where this file was compiled.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..", "..")
}

// Build returns a path in the folder of what is built, which Git ignores and `make clean` removes.
func Build(name string) string { return filepath.Join(Root(), ".build", name) }
