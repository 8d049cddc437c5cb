package check

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"github.com/traefik/traefik/v3/pkg/config/dynamic"
	"github.com/traefik/traefik/v3/pkg/config/label"
	"github.com/traefik/traefik/v3/pkg/provider/file"
	"go.yaml.in/yaml/v3"
)

// readFile returns the plugin's middlewares in a file of whatever kind it is: Kubernetes resources, a Compose file, an
// ECS task definition, else a file of Traefik's file provider.
func readFile(ctx context.Context, plugin, path, content string) ([]block, []Problem) {
	documents, err := parseYAML(content)
	if filepath.Ext(path) == ".toml" || err != nil || len(documents) == 0 { // Templates need not be YAML.
		return readTraefikFile(ctx, plugin, path, content)
	}
	var blocks []block
	var problems []Problem
	for _, document := range documents {
		var b []block
		var p []Problem
		switch {
		case find(document, "kind") != nil && find(document, "apiVersion") != nil:
			b, p = readResource(plugin, document)
		case find(document, "services") != nil:
			b, p = readCompose(plugin, document)
		case find(document, "containerDefinitions") != nil:
			b, p = readTaskDefinition(plugin, document)
		default:
			return readTraefikFile(ctx, plugin, path, content)
		}
		blocks, problems = append(blocks, b...), append(problems, p...)
	}
	return blocks, problems
}

func parseYAML(content string) ([]*yaml.Node, error) {
	var documents []*yaml.Node
	decoder := yaml.NewDecoder(strings.NewReader(content))
	for {
		var document yaml.Node
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return documents, nil
		}
		if err != nil {
			return nil, err
		}
		if len(document.Content) > 0 && resolve(document.Content[0]).Kind == yaml.MappingNode {
			documents = append(documents, document.Content[0])
		}
	}
}

// readTraefikFile reads as the file provider does, which takes files for templates.
func readTraefikFile(ctx context.Context, plugin, path, content string) ([]block, []Problem) {
	configuration, err := new(file.Provider).CreateConfiguration(ctx, path, template.FuncMap{}, false)
	if err != nil {
		return nil, []Problem{{Line: lineOfDecodeError(err.Error(), content), Text: err.Error()}}
	}
	at := func(middleware string) func(string) int { return textLocator(content, middleware) }
	if documents, err := parseYAML(content); err == nil && len(documents) == 1 && filepath.Ext(path) != ".toml" {
		at = func(middleware string) func(string) int {
			return nodeLocator(documents[0], "http.middlewares", middleware, "plugin", plugin)
		}
	}
	return blocksOf(plugin, configuration.HTTP.Middlewares, at)
}

// blocksOf returns the plugin's middlewares; at returns the block's line, of a middleware's name.
func blocksOf(
	plugin string, middlewares map[string]*dynamic.Middleware, at func(middleware string) func(string) int,
) (blocks []block, problems []Problem) {
	for _, name := range slices.Sorted(maps.Keys(middlewares)) {
		plugins := middlewares[name].Plugin
		for key, options := range plugins {
			if key != plugin && strings.EqualFold(key, plugin) {
				text := fmt.Sprintf("plugin.%s: Traefik takes a plugin by its exact name: did you mean plugin.%s?", key, plugin)
				problems = append(problems, Problem{Line: at(name)(""), Middleware: name, Text: text})
			}
			if key == plugin {
				blocks = append(blocks, block{middleware: name, options: options, line: at(name)})
			}
		}
	}
	return blocks, problems
}

// readResource reads a Middleware of Traefik's, or those in a List.
func readResource(plugin string, resource *yaml.Node) (blocks []block, problems []Problem) {
	for _, item := range elements(find(resource, "items")) {
		b, p := readResource(plugin, item)
		blocks, problems = append(blocks, b...), append(problems, p...)
	}
	if scalar(find(resource, "kind")) != "Middleware" || !strings.HasPrefix(scalar(find(resource, "apiVersion")), "traefik.") {
		return blocks, problems
	}
	name := scalar(find(resource, "metadata", "name"))
	if misspelt, _ := entry(find(resource, "spec"), "plugins"); misspelt != nil {
		const text = "spec.plugins: no such field: did you mean spec.plugin?"
		problems = append(problems, Problem{Line: misspelt.Line, Middleware: name, Text: text})
	}
	plugins, err := jsonOf(find(resource, "spec", "plugin"))
	if err != nil {
		return blocks, append(problems, Problem{Line: resource.Line, Middleware: name, Text: err.Error()})
	}
	at := func(string) func(string) int { return nodeLocator(resource, "spec.plugin."+plugin) }
	b, p := blocksOf(plugin, map[string]*dynamic.Middleware{name: {Plugin: plugins}}, at)
	return append(blocks, b...), append(problems, p...)
}

// jsonOf decodes as the provider for Kubernetes does, from JSON.
func jsonOf(node *yaml.Node) (map[string]dynamic.PluginConf, error) {
	if node == nil {
		return nil, nil
	}
	var value any
	if err := node.Decode(&value); err != nil {
		return nil, err
	}
	content, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	var plugins map[string]dynamic.PluginConf
	if err := json.Unmarshal(content, &plugins); err != nil {
		return nil, fmt.Errorf("spec.plugin: %w", err)
	}
	return plugins, nil
}

// readCompose reads the labels of each service, those of Swarm too. Each container's labels stand for themselves.
func readCompose(plugin string, document *yaml.Node) (blocks []block, problems []Problem) {
	services := find(document, "services")
	for _, service := range values(services) {
		for _, node := range []*yaml.Node{find(service, "labels"), find(service, "deploy", "labels")} {
			b, p := readLabels(plugin, labelsOf(node, interpolate))
			blocks, problems = append(blocks, b...), append(problems, p...)
		}
	}
	return blocks, problems
}

func readTaskDefinition(plugin string, document *yaml.Node) (blocks []block, problems []Problem) {
	for _, container := range elements(find(document, "containerDefinitions")) {
		b, p := readLabels(plugin, labelsOf(find(container, "dockerLabels"), func(s string) string { return s }))
		blocks, problems = append(blocks, b...), append(problems, p...)
	}
	return blocks, problems
}

// labelled is a label with its line.
type labelled struct {
	key, value string
	line       int
}

// labelsOf returns labels written as a map or as a list of key=value.
func labelsOf(node *yaml.Node, expand func(string) string) []labelled {
	var all []labelled
	add := func(key, value string, line int) { all = append(all, labelled{expand(key), expand(value), line}) }
	node = resolve(node)
	switch {
	case node == nil:
	case node.Kind == yaml.SequenceNode:
		for _, element := range elements(node) {
			key, value, _ := strings.Cut(element.Value, "=")
			add(key, value, element.Line)
		}
	case node.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			key, value := node.Content[i], node.Content[i+1]
			if key.Value == "<<" {
				all = append(all, labelsOf(value, expand)...)
				continue
			}
			add(key.Value, resolve(value).Value, key.Line)
		}
	}
	return all
}

var composeVariable = regexp.MustCompile(`\$\$|\$\{(\w+)(?::?-([^}]*))?[^}]*\}|\$(\w+)`)

// interpolate replaces variables as Compose does: with the environment's, else the default behind "-", else nothing.
func interpolate(s string) string {
	return composeVariable.ReplaceAllStringFunc(s, func(found string) string {
		if found == "$$" {
			return "$"
		}
		match := composeVariable.FindStringSubmatch(found)
		if value := os.Getenv(match[1] + match[3]); value != "" {
			return value
		}
		return match[2]
	})
}

func readLabels(plugin string, labels []labelled) ([]block, []Problem) {
	values := map[string]string{}
	for _, l := range labels {
		values[l.key] = l.value
	}
	configuration, err := label.DecodeConfiguration(values)
	if err != nil {
		return nil, []Problem{{Line: lineOfLabelError(err.Error(), labels), Text: err.Error()}}
	}
	return blocksOf(plugin, configuration.HTTP.Middlewares, func(middleware string) func(string) int {
		return labelLocator(labels, "traefik.http.middlewares."+middleware+".plugin."+plugin)
	})
}

var lineInError = regexp.MustCompile(`line (\d+)`)

// lineOfDecodeError returns the line that a decoder names, else that of the field that it does not know, else 1.
func lineOfDecodeError(message, content string) int {
	if match := lineInError.FindStringSubmatch(message); match != nil {
		if line, err := strconv.Atoi(match[1]); err == nil {
			return line
		}
	}
	_, field, _ := strings.Cut(message, "node: ")
	return lineOfKey(content, field, 0)
}

func lineOfLabelError(message string, labels []labelled) int {
	_, field, _ := strings.Cut(message, "node: ")
	for _, l := range labels {
		if field != "" && strings.Contains(strings.ToLower(l.key), "."+strings.ToLower(field)) {
			return l.line
		}
	}
	for _, l := range labels {
		return l.line
	}
	return 1
}
