package traefik

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/seed05e46011/lambda/e2e/internal/repo"
)

const manifestName = ".traefik.yml"

// Install puts the plugin of this repository where an interpreter of Go path goPath finds it, as Traefik has it: the
// manifest and the Go files of all its packages, no tests, no vendored packages. It returns the module's name, which is its import path.
func Install(goPath string) (module string, err error) {
	return installSources(repo.Root(), goPath)
}

// installPlugin copies what the plugin consists of at run time (manifest and Go files, no tests, no vendored packages
// that only tests need) to where Traefik, working in workDir, looks for local plugins. It returns the module's name.
func installPlugin(pluginDir, workDir string) (string, error) {
	if pluginDir == "" {
		pluginDir = repo.Root()
	}
	return installSources(pluginDir, filepath.Join(workDir, "plugins-local"))
}

func installSources(pluginDir, goPath string) (string, error) {
	module, err := moduleName(filepath.Join(pluginDir, manifestName))
	if err != nil {
		return "", err
	}
	target := filepath.Join(goPath, "src", filepath.FromSlash(module))
	err = filepath.WalkDir(pluginDir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(pluginDir, path)
		if err != nil {
			return err
		}
		switch {
		case entry.IsDir() && notThePlugin[name]:
			return fs.SkipDir
		case entry.IsDir() || !isSource(name):
			return nil
		}
		return copyFile(path, filepath.Join(target, name))
	})
	if err != nil {
		return "", fmt.Errorf("install the plugin: %w", err)
	}
	return module, nil
}

// notThePlugin are the folders of the repository that hold no package of the plugin.
var notThePlugin = map[string]bool{
	".build": true, ".ci": true, ".git": true, "docs": true, "e2e": true, "examples": true, "testdata": true, "vendor": true,
}

func isSource(name string) bool {
	return name == manifestName || (strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go"))
}

// moduleName reads the manifest's import path, which is the module's for a plugin whose package is its root.
func moduleName(path string) (string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read the plugin's manifest: %w", err)
	}
	var manifest struct {
		Import string `yaml:"import"`
	}
	if err := yaml.Unmarshal(content, &manifest); err != nil {
		return "", fmt.Errorf("read the plugin's manifest %s: %w", path, err)
	}
	if manifest.Import == "" {
		return "", fmt.Errorf("read the plugin's manifest %s: it has no import", path)
	}
	return manifest.Import, nil
}

func copyFile(source, target string) error {
	content, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o750); err != nil {
		return err
	}
	return os.WriteFile(target, content, 0o600)
}
