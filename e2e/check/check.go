// Package check finds what is wrong with the plugin's options before Traefik does. It reads files as Traefik's
// providers read them, with Traefik's own decoders, and hands what they say to the plugin, compiled.
package check

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/mitchellh/mapstructure"

	"github.com/seed05e46011/lambda"
)

// Problem is something that Traefik or the plugin would refuse.
type Problem struct {
	File string
	// Line is where it is, counted from 1: the option's, else that of what surrounds it.
	Line int
	// Middleware is the name of the one that has it; empty for a whole file.
	Middleware string
	// Text says what is wrong, as the log would.
	Text string
}

// String returns the problem in the form that editors find places by.
func (p Problem) String() string {
	where := fmt.Sprintf("%s:%d: ", p.File, p.Line)
	if p.Middleware != "" {
		where += p.Middleware + ": "
	}
	return where + p.Text
}

// block holds the options of one middleware.
type block struct {
	middleware string
	options    map[string]any
	// line finds the line of an option by its path, such as routes[0].function, or of the block by "".
	line func(option string) int
}

// Report is what was found.
type Report struct {
	// Middlewares counts those of the plugin's, good or not.
	Middlewares int
	// Problems are in the order of the files and of their lines.
	Problems []Problem
}

// Paths checks files, and in folders all below that end in .yml, .yaml, .toml or .json. plugin is the name that
// Traefik's static configuration gives the plugin. An error is one of reading.
func Paths(ctx context.Context, plugin string, paths []string) (Report, error) {
	var report Report
	for _, path := range paths {
		files, err := list(path)
		if err != nil {
			return report, err
		}
		for _, file := range files {
			if err := report.add(ctx, plugin, file); err != nil {
				return report, err
			}
		}
	}
	return report, nil
}

func list(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	var files []string
	err = filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		if slices.Contains([]string{".yml", ".yaml", ".toml", ".json"}, filepath.Ext(name)) && !entry.IsDir() {
			files = append(files, name)
		}
		return err
	})
	return files, err
}

// add checks one file.
func (r *Report) add(ctx context.Context, plugin, path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	blocks, problems := readFile(ctx, plugin, path, string(content))
	r.Middlewares += len(blocks)
	for _, b := range blocks {
		for _, text := range b.check(ctx) {
			problems = append(problems, Problem{Line: b.line(optionIn(text)), Middleware: b.middleware, Text: text})
		}
	}
	slices.SortStableFunc(problems, func(a, b Problem) int { return a.Line - b.Line })
	for _, p := range problems {
		p.File = path
		r.Problems = append(r.Problems, p)
	}
	return nil
}

// maxProblems bounds those of one middleware.
const maxProblems = 20

// aFunction is the option that names the one function of a middleware, and comes first in the error about middlewares
// that have none.
const aFunction = "function"

// check returns what the plugin says against the options. It says one thing at a time, so each option that it refuses
// is taken out before it is asked again. What then is wrong only because that option is missing is left out.
func (b block) check(ctx context.Context) []string {
	options := clone(b.options)
	var problems, removed []string
	for range maxProblems {
		err := build(ctx, b.middleware, options)
		if err == nil {
			return problems
		}
		for _, text := range messages(err) {
			option := optionIn(text)
			if len(removed) == 0 || has(options, option) && !mentions(text, removed) {
				problems = append(problems, text)
			}
			switch {
			case remove(options, option):
			case option == aFunction: // It is missing, here or since routes were taken out: any will do to go on.
				options[aFunction] = "hello"
			default:
				return problems
			}
			removed = append(removed, option)
		}
	}
	return problems
}

func mentions(text string, options []string) bool {
	return slices.ContainsFunc(options, func(option string) bool { return strings.Contains(text, option) })
}

// build does what Traefik does with options (newYaegiMiddlewareBuilder in its pkg/plugins).
func build(ctx context.Context, name string, options map[string]any) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	config := lambda.CreateConfig()
	decoder, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		DecodeHook:       mapstructure.StringToSliceHookFunc(","),
		WeaklyTypedInput: true,
		Result:           config,
	})
	if err != nil {
		return err
	}
	if err := decoder.Decode(options); err != nil {
		return err
	}
	_, err = lambda.New(ctx, http.NotFoundHandler(), config, name)
	return err
}

// messages returns the errors that err joins, in one line each.
func messages(err error) []string {
	var list *mapstructure.Error
	if errors.As(err, &list) {
		texts := slices.Clone(list.Errors)
		slices.Sort(texts) // Go's maps have no order.
		return texts
	}
	text := strings.TrimPrefix(err.Error(), "lambda: ")
	return []string{strings.ReplaceAll(text, "\n", " ")}
}

// optionPattern finds the option in the plugin's errors, where it is first, and in mapstructure's, which quote it.
var optionPattern = regexp.MustCompile(`^(?:cannot parse |error decoding )?'?([A-Za-z][\w.\[\]-]*)`)

// optionIn returns the path of the option that an error is about.
func optionIn(text string) string {
	match := optionPattern.FindStringSubmatch(text)
	if match == nil {
		return ""
	}
	return strings.TrimSuffix(match[1], ".")
}
