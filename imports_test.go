package lambda

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const (
	modulePath = "github.com/seed05e46011/lambda"
	roomsPath  = modulePath + "/internal/"
)

// sharedPackages are the small packages under internal/ that rooms may import. They import no room
// themselves.
var sharedPackages = map[string]bool{
	"aws":      true,
	"bracket":  true,
	"endpoint": true,
	"option":   true,
	"sigv4":    true,
	"wait":     true,
}

// importFault returns the rule that an import breaks; "" for none. folder is "." for the core.
func importFault(folder, imported string) string {
	first, _, _ := strings.Cut(imported, "/")
	switch {
	case imported == modulePath:
		return "only the core's users import the core"
	case strings.HasPrefix(imported, roomsPath):
		other := strings.TrimPrefix(imported, roomsPath)
		own := strings.TrimPrefix(folder, "internal/")
		if folder == "." || sharedPackages[other] || strings.HasPrefix(other, own+"/") {
			return ""
		}
		return "rooms do not import each other"
	case strings.Contains(first, "."):
		return "the plugin imports the standard library only"
	}
	return ""
}

func TestImports(t *testing.T) {
	files := 0
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (name == "vendor" || name == "e2e" || name == "examples" || name == ".build" || name == ".git"):
			return fs.SkipDir
		case entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		files++
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			if fault := importFault(path.Dir(filepath.ToSlash(name)), imported); fault != "" {
				t.Errorf("%s imports %s: %s", name, imported, fault)
			}
		}
		return nil
	})
	if err != nil || files < 50 {
		t.Errorf("got %d files, %v, want all of the plugin's", files, err)
	}
}

func TestImportFault(t *testing.T) {
	for name, row := range map[string]struct{ folder, imported, want string }{
		"the standard library":                      {".", "net/http", ""},
		"the core imports a room":                   {".", roomsPath + "credentials", ""},
		"a room imports a shared package":           {"internal/credentials", roomsPath + "sigv4", ""},
		"a room imports its own sub-package":        {"internal/cache", roomsPath + "cache/redis", ""},
		"a room imports another room":               {"internal/credentials", roomsPath + "route", "rooms do not import each other"},
		"a room imports another room's sub-package": {"internal/route", roomsPath + "cache/redis", "rooms do not import each other"},
		"a shared package imports a room":           {"internal/option", roomsPath + "route", "rooms do not import each other"},
		"a room imports the core":                   {"internal/route", modulePath, "only the core's users import the core"},
		"the core imports another module":           {".", "github.com/aws/aws-sdk-go-v2/aws", "the plugin imports the standard library only"},
		"a room imports another module":             {"internal/route", "example.com/x", "the plugin imports the standard library only"},
		"a room imports a room with a similar name": {"internal/route", roomsPath + "router", "rooms do not import each other"},
	} {
		if got := importFault(row.folder, row.imported); got != row.want {
			t.Errorf("%s: got %q, want %q", name, got, row.want)
		}
	}
}
