// Package release tells whether a commit can be tagged as a release.
package release

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/traefik/paerser/file"
	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"github.com/seed05e46011/lambda/e2e/schema"
)

// Verdict is what [Check] found.
type Verdict struct {
	// Version is that of the changelog's newest release, v0.1.0 for instance; empty where it has none.
	Version string
	// Missing are the reasons not to tag it, a line each.
	Missing []string
}

func (v *Verdict) miss(format string, args ...any) {
	v.Missing = append(v.Missing, fmt.Sprintf(format, args...))
}

// Check looks at the repository at root. Whether the tests pass is for make test to say. An error is one of reading.
func Check(ctx context.Context, root string) (Verdict, error) {
	var v Verdict
	v.checkFiles(root)
	v.checkChangelog(root)
	v.checkManifest(root)
	v.checkModule(root)
	return v, v.checkGit(ctx, root)
}

// required are the files that users, contributors and the catalogue look for.
var required = []string{
	"readme.md", "LICENSE", "SECURITY.md", "CONTRIBUTING.md", ".github/pull_request_template.md", "docs/options.md",
}

func (v *Verdict) checkFiles(root string) {
	for _, name := range required {
		if info, err := os.Stat(filepath.Join(root, name)); err != nil || info.Size() == 0 {
			v.miss("%s is not there", name)
		}
	}
	workflows, err := filepath.Glob(filepath.Join(root, ".github", "workflows", "*.yml"))
	if err != nil || !slices.ContainsFunc(workflows, func(name string) bool { return strings.Contains(read(name), "make test") }) {
		v.miss(".github/workflows: none calls make test")
	}
}

// read returns a file's content, nothing of one that is not there.
func read(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(content)
}

var (
	changelogRelease = regexp.MustCompile(`(?m)^## \[(\d+\.\d+\.\d+)\] - (\S+)$`)
	changelogDate    = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)
	readmeVersion    = regexp.MustCompile(`(?m)^ *version: (v\S+)$`)
)

func (v *Verdict) checkChangelog(root string) {
	changelog := read(filepath.Join(root, "CHANGELOG.md"))
	match := changelogRelease.FindStringSubmatch(changelog)
	if match == nil {
		v.miss("CHANGELOG.md: no release: want a line such as ## [0.1.0] - 2026-11-21")
		return
	}
	v.Version = "v" + match[1]
	if !changelogDate.MatchString(match[2]) {
		v.miss("CHANGELOG.md: %s has the date %q: want 2026-11-21", v.Version, match[2])
	}
	_, unreleased, found := strings.Cut(changelog, "## [Unreleased]")
	unreleased, _, _ = strings.Cut(unreleased, "\n## ")
	if found && strings.TrimSpace(unreleased) != "" {
		v.miss("CHANGELOG.md: there are unreleased changes: name their version")
	}
	for _, match := range readmeVersion.FindAllStringSubmatch(read(filepath.Join(root, "readme.md")), -1) {
		if match[1] != v.Version {
			v.miss("readme.md: it installs %s, the changelog's newest release is %s", match[1], v.Version)
		}
	}
}

func (v *Verdict) checkManifest(root string) {
	var m struct {
		DisplayName, Type, Import, Summary, IconPath, BannerPath string
		TestData                                                 map[string]any
	}
	if err := file.DecodeContent(read(filepath.Join(root, ".traefik.yml")), ".yml", &m); err != nil {
		v.miss(".traefik.yml: %v", err)
		return
	}
	for name, value := range map[string]string{
		"displayName": m.DisplayName, "type": m.Type, "import": m.Import, "summary": m.Summary,
	} {
		if value == "" {
			v.miss(".traefik.yml: no %s", name)
		}
	}
	if len(m.TestData) == 0 {
		v.miss(".traefik.yml: no testData")
	}
	for name, path := range map[string]string{"iconPath": m.IconPath, "bannerPath": m.BannerPath} {
		if _, err := png.DecodeConfig(bytes.NewReader([]byte(read(filepath.Join(root, path))))); err != nil {
			v.miss(".traefik.yml: %s: %q is no picture: %v", name, path, err)
		}
	}
	slices.Sort(v.Missing)
}

func (v *Verdict) checkModule(root string) {
	mod, err := modfile.Parse("go.mod", []byte(read(filepath.Join(root, "go.mod"))), nil)
	switch {
	case err != nil || mod.Module == nil:
		v.miss("go.mod: it names no module")
		return
	case len(mod.Replace) > 0:
		v.miss("go.mod: it replaces modules, which does not count for those who load the plugin")
	}
	if len(mod.Require) > 0 && read(filepath.Join(root, "vendor", "modules.txt")) == "" {
		v.miss("vendor: it is not there, and the module requires others")
	}
	if v.Version != "" && module.CheckPathMajor(v.Version, "") != nil {
		v.miss("go.mod: the path does not fit %s", v.Version)
	}
	if want, err := schema.Generate(); err != nil || read(filepath.Join(root, "docs", "options.schema.json")) != string(want) {
		v.miss("docs/options.schema.json: it is not that of the options: make schema")
	}
}

func (v *Verdict) checkGit(ctx context.Context, root string) error {
	changes, err := git(ctx, root, "status", "--porcelain")
	if err != nil {
		return err
	}
	if changes != "" {
		v.miss("git: there are changes that are not committed")
	}
	tags, err := git(ctx, root, "tag")
	if err != nil {
		return err
	}
	for tag := range strings.FieldsSeq(tags) {
		if tag == v.Version {
			v.miss("git: the tag %s is there already", tag)
		}
		// One tag that is no version keeps the whole repository out of the catalogue.
		if !semver.IsValid(tag) {
			v.miss("git: the tag %s is no version", tag)
		}
	}
	return nil
}

func git(ctx context.Context, root string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, "git", append([]string{"-c", "safe.directory=*", "-C", root}, args...)...)
	output, err := command.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, exit.Stderr)
	}
	return string(output), err
}
