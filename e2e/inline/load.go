package inline

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// The directives that mark what is expanded.
const (
	inlineDirective = "//lambda:inline"
	workerDirective = "//lambda:worker"
	caseDirective   = "//lambda:case"
)

// pkg is the package at work.
type pkg struct {
	fset    *token.FileSet
	files   []*ast.File
	types   *types.Package
	info    *types.Info
	sources map[string][]byte // by the file's name

	marked  map[*types.Func]*function
	workers []*worker
	tables  map[*types.Var]*table // by func field
	imports map[string]string     // of the generated file: path by name
}

const loadMode = packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports |
	packages.NeedTypes | packages.NeedSyntax | packages.NeedTypesInfo | packages.NeedExportFile

// load type-checks the package in dir, without its tests. For the generated file stand empty functions, so that it may
// be missing or out of date.
func load(dir string) (*pkg, error) {
	stub, err := stubOf(dir)
	if err != nil {
		return nil, err
	}
	generated, err := filepath.Abs(filepath.Join(dir, FileName))
	if err != nil {
		return nil, fmt.Errorf("load the package in %s: %w", dir, err)
	}
	loaded, err := packages.Load(&packages.Config{Mode: loadMode, Dir: dir, Overlay: map[string][]byte{generated: stub}}, ".")
	if err != nil {
		return nil, fmt.Errorf("load the package in %s: %w", dir, err)
	}
	if len(loaded) != 1 {
		return nil, fmt.Errorf("load the package in %s: got %d packages, want 1", dir, len(loaded))
	}
	if len(loaded[0].Errors) > 0 {
		errs := make([]error, 0, len(loaded[0].Errors))
		for _, e := range loaded[0].Errors {
			errs = append(errs, e)
		}
		return nil, fmt.Errorf("load the package in %s: %w", dir, errors.Join(errs...))
	}
	p := newPkg(loaded[0].Fset, loaded[0].Types, loaded[0].TypesInfo)
	for _, file := range loaded[0].Syntax {
		name := p.fset.Position(file.Pos()).Filename
		if filepath.Base(name) == FileName {
			continue
		}
		p.files = append(p.files, file)
		if p.sources[name], err = os.ReadFile(name); err != nil {
			return nil, fmt.Errorf("load the package in %s: %w", dir, err)
		}
	}
	return p, nil
}

func newPkg(fset *token.FileSet, t *types.Package, info *types.Info) *pkg {
	return &pkg{
		fset:    fset,
		types:   t,
		info:    info,
		sources: map[string][]byte{},
		marked:  map[*types.Func]*function{},
		tables:  map[*types.Var]*table{},
		imports: map[string]string{},
	}
}

// stubOf returns a file that declares the functions to be generated, with empty bodies.
func stubOf(dir string) ([]byte, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, fmt.Errorf("read the package in %s: %w", dir, err)
	}
	s := &stub{imports: map[string]bool{}}
	for _, path := range paths {
		if filepath.Base(path) == FileName || strings.HasSuffix(path, "_test.go") {
			continue
		}
		if err := s.add(path); err != nil {
			return nil, fmt.Errorf("read the package in %s: %w", dir, err)
		}
	}
	imports := slices.Sorted(maps.Keys(s.imports))
	return []byte("package " + s.name + "\n\n" + strings.Join(imports, "\n") + "\n" + s.functions.String()), nil
}

// stub is a file with empty functions.
type stub struct {
	name      string
	imports   map[string]bool // declarations
	functions strings.Builder
}

// add adds the functions that are generated of a file.
func (s *stub) add(path string) error {
	source, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, source, parser.ParseComments)
	if err != nil {
		return err
	}
	s.name = file.Name.Name
	text := func(fields *ast.FieldList) string {
		if fields == nil {
			return ""
		}
		s.importFor(file, fields)
		return string(source[fset.Position(fields.Pos()).Offset:fset.Position(fields.End()).Offset])
	}
	for _, decl := range file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok {
			if generated, ok := directive(f.Doc, workerDirective); ok && generated != "" {
				fmt.Fprintf(&s.functions, "func %s %s%s {}\n", text(f.Recv), generated, text(f.Type.Params))
			}
		}
	}
	return nil
}

// importFor imports the packages that parameters need, as their file does.
func (s *stub) importFor(file *ast.File, fields *ast.FieldList) {
	ast.Inspect(fields, func(n ast.Node) bool {
		if selector, ok := n.(*ast.SelectorExpr); ok {
			if id, ok := selector.X.(*ast.Ident); ok {
				for _, spec := range file.Imports {
					path := strings.Trim(spec.Path.Value, `"`)
					if (spec.Name != nil && spec.Name.Name == id.Name) || (spec.Name == nil && filepath.Base(path) == id.Name) {
						s.imports[fmt.Sprintf("import %s %q", id.Name, path)] = true
					}
				}
			}
		}
		return true
	})
}

// directive returns what follows a directive in a comment, and reports whether it is there.
func directive(doc *ast.CommentGroup, name string) (string, bool) {
	if doc == nil {
		return "", false
	}
	for _, comment := range doc.List {
		rest, ok := strings.CutPrefix(comment.Text, name)
		if ok && (rest == "" || rest[0] == ' ') {
			return strings.TrimSpace(rest), true
		}
	}
	return "", false
}

// function is a marked function.
type function struct {
	object *types.Func
	decl   *ast.FuncDecl
	// params and results are the objects in order; results are named ones alone.
	params, results []*types.Var
	facts           *facts
}

// worker is a function to be written anew as a function named name, or a method to be written as a method.
type worker struct {
	*function
	name string
}

// collect finds what the directives mark, and refuses what is outside of the dialect.
func (p *pkg) collect() error {
	for _, file := range p.files {
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if err := p.collectFunction(f); err != nil {
				return err
			}
		}
	}
	if len(p.workers) == 0 {
		return fmt.Errorf("no function is marked with %s", workerDirective)
	}
	slices.SortFunc(p.workers, func(a, b *worker) int { return strings.Compare(p.place(a.decl), p.place(b.decl)) })
	return p.collectTables()
}

func (p *pkg) collectFunction(decl *ast.FuncDecl) error {
	_, isMarked := directive(decl.Doc, inlineDirective)
	generated, isWorker := directive(decl.Doc, workerDirective)
	if !isMarked && !isWorker {
		return nil
	}
	object := p.info.Defs[decl.Name].(*types.Func)
	f := &function{object: object, decl: decl, facts: p.factsOf(decl)}
	signature := object.Type().(*types.Signature)
	for i := range signature.Params().Len() {
		f.params = append(f.params, signature.Params().At(i))
	}
	for i := range signature.Results().Len() {
		if result := signature.Results().At(i); result.Name() != "" {
			f.results = append(f.results, result)
		}
	}
	if err := p.checkDialect(f, isWorker); err != nil {
		return err
	}
	if isMarked {
		p.marked[object] = f
		return nil
	}
	if !token.IsIdentifier(generated) {
		return p.refuse(decl, "%s wants the name of the function to be written", workerDirective)
	}
	p.workers = append(p.workers, &worker{function: f, name: generated})
	return nil
}

// place returns where a node stands, as "file.go:12", for headings and for a stable order.
func (p *pkg) place(n ast.Node) string {
	pos := p.fset.Position(n.Pos())
	return fmt.Sprintf("%s:%06d", filepath.Base(pos.Filename), pos.Line)
}

// refuse returns the error for what cannot be expanded.
func (p *pkg) refuse(at ast.Node, format string, args ...any) error {
	pos := p.fset.Position(at.Pos())
	return fmt.Errorf("%s:%d: %s", filepath.Base(pos.Filename), pos.Line, fmt.Sprintf(format, args...))
}

// importBlock returns the imports of the generated file.
func (p *pkg) importBlock() string {
	if len(p.imports) == 0 {
		return ""
	}
	lines := make([]string, 0, len(p.imports))
	for name, path := range p.imports {
		line := fmt.Sprintf("%q", path)
		if name != path[strings.LastIndexByte(path, '/')+1:] {
			line = name + " " + line
		}
		lines = append(lines, line)
	}
	slices.SortFunc(lines, func(a, b string) int {
		return strings.Compare(a[strings.IndexByte(a, '"'):], b[strings.IndexByte(b, '"'):])
	})
	return "import (\n" + strings.Join(lines, "\n") + "\n)\n\n"
}
