package yaegicheck

import (
	"errors"
	"fmt"
	"go/ast"
	"go/build/constraint"
	"strings"

	"golang.org/x/tools/go/packages"
)

const loadMode = packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports |
	packages.NeedDeps | packages.NeedTypes | packages.NeedSyntax | packages.NeedTypesInfo | packages.NeedForTest |
	packages.NeedModule

// Load type-checks the packages in dir and in the folders below it, with their tests, and leaves out the files that
// Yaegi leaves out. Folders of other modules and vendor are not searched. A package that does not compile is an error.
func Load(dir string) ([]*Unit, error) {
	loaded, err := packages.Load(&packages.Config{Mode: loadMode, Dir: dir, Tests: true}, "./...")
	if err != nil {
		return nil, fmt.Errorf("load the packages in %s: %w", dir, err)
	}
	var units []*Unit
	for _, pkg := range widest(loaded) {
		if err := compileErrors(pkg); err != nil {
			return nil, fmt.Errorf("load the packages in %s: %w", dir, err)
		}
		unit := &Unit{Fset: pkg.Fset, Files: interpreted(pkg.Syntax), Pkg: pkg.Types, Info: pkg.TypesInfo}
		if pkg.Module != nil {
			unit.Module = Module(pkg.Module.Path)
		}
		units = append(units, unit)
	}
	if len(units) == 0 {
		return nil, fmt.Errorf("load the packages in %s: no Go files", dir)
	}
	return units, nil
}

// widest drops the generated test main, and the package without its tests where the one with them is there: the same
// files stand in both.
func widest(loaded []*packages.Package) []*packages.Package {
	tested := map[string]bool{}
	for _, pkg := range loaded {
		if pkg.ForTest == pkg.PkgPath {
			tested[pkg.PkgPath] = true
		}
	}
	var kept []*packages.Package
	for _, pkg := range loaded {
		if strings.HasSuffix(pkg.PkgPath, ".test") || (pkg.ForTest == "" && tested[pkg.PkgPath]) {
			continue
		}
		kept = append(kept, pkg)
	}
	return kept
}

func compileErrors(pkg *packages.Package) error {
	errs := make([]error, 0, len(pkg.Errors))
	for _, e := range pkg.Errors {
		errs = append(errs, e)
	}
	return errors.Join(errs...)
}

// interpreted keeps the files without an unmet "+build" line, the one kind of build constraint Yaegi honours inside a
// file. It does so in a block comment too, where Go sees none: that is how a file is kept for Go alone.
func interpreted(files []*ast.File) []*ast.File {
	var kept []*ast.File
	for _, file := range files {
		if plusBuildMet(file) {
			kept = append(kept, file)
		}
	}
	return kept
}

func plusBuildMet(file *ast.File) bool {
	for _, comment := range headComments(file) {
		for _, line := range strings.Split(comment.Text, "\n") {
			line = "// " + strings.TrimPrefix(line, "// ")
			expr, err := constraint.Parse(line)
			if constraint.IsPlusBuild(line) && err == nil && !expr.Eval(yaegiTag) {
				return false
			}
		}
	}
	return true
}

func yaegiTag(tag string) bool {
	return tag == "linux" || tag == "amd64" || strings.HasPrefix(tag, "go1.")
}

// headComments lists the comments before the package clause.
func headComments(file *ast.File) []*ast.Comment {
	var head []*ast.Comment
	for _, group := range file.Comments {
		if group.Pos() < file.Package {
			head = append(head, group.List...)
		}
	}
	return head
}
