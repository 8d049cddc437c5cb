package lambdalocal

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// runtimes are the programs that run handlers: node.mjs with what it imports, and python.py.
//
//go:embed runtimes
var runtimes embed.FS

// languages are those whose handlers run here. The first that has the file of a handler takes it.
var languages = []language{
	{
		name: "Node", interpreter: []string{"node"}, runtime: "node.mjs",
		extensions: []string{".mjs", ".js", ".cjs"}, watched: []string{".mjs", ".js", ".cjs", ".json"}, cut: strings.Cut,
	},
	{
		name: "Python", interpreter: []string{"python3", "-u", "-B"}, runtime: "python.py",
		extensions: []string{".py"}, watched: []string{".py"}, cut: cutLast,
	},
}

// language is how handlers of one language are found and run.
type language struct {
	name        string
	interpreter []string
	// runtime is the file in runtimes that the interpreter runs, with the handler's file and export as arguments.
	runtime string
	// extensions are those of a handler's file, watched those of files whose change starts a handler anew.
	extensions, watched []string
	// cut parts the last element of a handler, as in Lambda: Node's file ends at the first dot, Python's at the last.
	cut func(s, sep string) (before, after string, found bool)
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// find returns the handler's file and export; found is false where there is no such file of the language.
func (l language) find(handler string) (file, export string, found bool) {
	folder, base := filepath.Split(handler)
	module, export, ok := l.cut(base, ".")
	if !ok || module == "" || export == "" {
		return "", "", false
	}
	// Python's modules may be written with dots: package.module.function.
	for _, module := range []string{module, strings.ReplaceAll(module, ".", "/")} {
		for _, extension := range l.extensions {
			file := filepath.Join(folder, filepath.FromSlash(module)+extension)
			if isFile(file) {
				return file, export, true
			}
		}
	}
	return "", "", false
}

// program is how the processes of a function are started.
type program struct {
	command []string
	// dir is the working directory. Empty: that of this process.
	dir string
	// env are the variables that tell the process what it runs, as NAME=value.
	env []string
	// build makes command[0], in the folder dir, before the first start and after each change. Empty: it is there.
	build []string
	// sources are what the program is made of.
	sources []source
}

// newProgram finds out how to run the function. scratch is a folder for what has to be written for it.
func newProgram(name string, f Function, scratch string) (*program, error) {
	ways := 0
	for _, isSet := range []bool{len(f.Command) > 0, f.Handler != "", f.Package != ""} {
		if isSet {
			ways++
		}
	}
	switch {
	case ways == 0:
		return nil, errors.New("no command")
	case ways > 1:
		return nil, errors.New("want one of command, handler and package")
	case f.Handler != "":
		return handlerProgram(f.Handler, scratch)
	case f.Package != "":
		return packageProgram(f.Package, filepath.Join(scratch, name))
	default:
		return commandProgram(f.Command)
	}
}

func commandProgram(command []string) (*program, error) {
	if _, err := exec.LookPath(command[0]); err != nil {
		return nil, fmt.Errorf("find command: %w", err)
	}
	taskRoot, err := filepath.Abs(filepath.Dir(command[0]))
	if err != nil {
		return nil, fmt.Errorf("find command: %w", err)
	}
	p := &program{command: command, env: taskEnv("bootstrap", taskRoot)}
	for _, word := range command { // An interpreter's script is an argument. What is found on PATH is not under work.
		if isFile(word) {
			p.sources = append(p.sources, source{path: word})
		}
	}
	return p, nil
}

// handlerProgram takes a path below the working directory for one below the task's root, as in Lambda: code there may
// import and read what lies beside the handler's folder. Any other handler's root is its own folder.
func handlerProgram(handler, scratch string) (*program, error) {
	for _, l := range languages {
		file, export, found := l.find(handler)
		if !found {
			continue
		}
		if _, err := exec.LookPath(l.interpreter[0]); err != nil {
			return nil, fmt.Errorf("run %s: %w", file, err)
		}
		path, err := filepath.Abs(file)
		if err != nil {
			return nil, fmt.Errorf("find handler: %w", err)
		}
		root := filepath.Dir(path)
		if filepath.IsLocal(file) {
			root = strings.TrimSuffix(path, string(filepath.Separator)+filepath.Clean(file))
		}
		command := append([]string{}, l.interpreter...)
		return &program{
			command: append(command, filepath.Join(scratch, l.runtime), path, export),
			dir:     root,
			env:     taskEnv(handler, root),
			sources: []source{{path: root, extensions: l.watched}},
		}, nil
	}
	return nil, fmt.Errorf("handler %s: %w", handler, errNoHandler)
}

var errNoHandler = errors.New("want file.function with file.mjs, file.js, file.cjs or file.py there")

// packageProgram builds the Go program in the folder.
func packageProgram(folder, binary string) (*program, error) {
	root, err := filepath.Abs(folder)
	if err != nil {
		return nil, fmt.Errorf("find package: %w", err)
	}
	return &program{
		command: []string{binary},
		dir:     root,
		env:     taskEnv("bootstrap", root),
		build:   []string{"go", "build", "-o", binary, "."},
		sources: []source{{path: root}, {path: moduleRoot(root), extensions: []string{".go", ".mod", ".sum"}}},
	}, nil
}

// moduleRoot returns the nearest folder with a go.mod, else the folder itself.
func moduleRoot(folder string) string {
	for at := folder; ; at = filepath.Dir(at) {
		if isFile(filepath.Join(at, "go.mod")) {
			return at
		}
		if at == filepath.Dir(at) {
			return folder
		}
	}
}

// prepare builds the program, where it has to be. An error has what the compiler said.
func (p *program) prepare(ctx context.Context) error {
	if len(p.build) == 0 {
		return nil
	}
	build := exec.CommandContext(ctx, p.build[0], p.build[1:]...)
	build.Dir = p.dir
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", p.dir, err, output)
	}
	return nil
}

func taskEnv(handler, root string) []string {
	return []string{"_HANDLER=" + handler, "LAMBDA_TASK_ROOT=" + root}
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// writeRuntimes writes the programs that run handlers into the folder.
func writeRuntimes(folder string) error {
	files, err := fs.Sub(runtimes, "runtimes")
	if err != nil {
		return fmt.Errorf("find the runtimes: %w", err)
	}
	if err := os.CopyFS(folder, files); err != nil {
		return fmt.Errorf("write the runtimes: %w", err)
	}
	return nil
}

// AddFunction adds what a flag of a command line says to functions: name=text, with a text for [ParseFunction]. A name
// can be given once.
func AddFunction(functions map[string]Function, flag string) error {
	name, text, ok := strings.Cut(flag, "=")
	if !ok || name == "" || text == "" {
		return errors.New("want name=code")
	}
	if _, taken := functions[name]; taken {
		return fmt.Errorf("function %s is given twice", name)
	}
	function, err := ParseFunction(text)
	if err != nil {
		return err
	}
	functions[name] = function
	return nil
}

// ParseFunction makes a function of the text that a command line has for it:
//
//   - a program with its arguments, parted by commas: "./bootstrap", "node,server.mjs";
//   - a folder with a Go program: "./cmd/hello";
//   - a handler in a file of Node's or Python's, as Lambda's option Handler has it: "src/app.handler".
//
// The error says what was looked for.
func ParseFunction(text string) (Function, error) {
	words := strings.Split(text, ",")
	if len(words) > 1 {
		return Function{Command: words}, nil
	}
	if sources, err := filepath.Glob(filepath.Join(text, "*.go")); text != "" && err == nil && len(sources) > 0 {
		return Function{Package: text}, nil
	}
	if _, err := exec.LookPath(text); err == nil {
		return Function{Command: words}, nil
	}
	for _, l := range languages {
		if _, _, found := l.find(text); found {
			return Function{Handler: text}, nil
		}
	}
	return Function{}, fmt.Errorf("%s: no such program, no folder with Go files, and no handler: %w", text, errNoHandler)
}
