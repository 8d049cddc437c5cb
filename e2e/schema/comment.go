package schema

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/seed05e46011/lambda"
	"github.com/seed05e46011/lambda/e2e/internal/repo"
)

// typeComments has the comment of each field of a struct, on one line a paragraph.
type typeComments map[string]string

// commentsOf reads the sources of the type's package.
func (g *generator) commentsOf(t reflect.Type) (typeComments, error) {
	key := t.PkgPath() + "." + t.Name()
	if comments, found := g.comments[key]; found {
		return comments, nil
	}
	module := reflect.TypeFor[lambda.Config]().PkgPath()
	folder := filepath.Join(repo.Root(), filepath.FromSlash(strings.TrimPrefix(t.PkgPath(), module)))
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return nil, err
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		if fields := structNamed(file, t.Name()); fields != nil {
			g.comments[key] = fieldComments(fields)
			return g.comments[key], nil
		}
	}
	return nil, fmt.Errorf("no source of type %s in %s", t, folder)
}

func structNamed(file *ast.File, name string) (found *ast.StructType) {
	ast.Inspect(file, func(node ast.Node) bool {
		if spec, is := node.(*ast.TypeSpec); is && spec.Name.Name == name {
			found, _ = spec.Type.(*ast.StructType)
		}
		return found == nil
	})
	return found
}

// fieldComments gives fields without a comment that of those above them: one comment may be about several.
func fieldComments(fields *ast.StructType) typeComments {
	comments := typeComments{}
	above := ""
	for _, field := range fields.Fields.List {
		if field.Doc != nil {
			above = strings.Join(strings.Fields(field.Doc.Text()), " ")
		}
		for _, name := range field.Names {
			comments[name.Name] = above
		}
	}
	return comments
}
