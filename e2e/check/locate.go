package check

import (
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// resolve returns what an alias stands for.
func resolve(node *yaml.Node) *yaml.Node {
	if node != nil && node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

// entry returns a mapping's key, in any case, and its value; nil where it has none.
func entry(node *yaml.Node, name string) (key, value *yaml.Node) {
	node = resolve(node)
	if node == nil || node.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if strings.EqualFold(node.Content[i].Value, name) {
			return node.Content[i], resolve(node.Content[i+1])
		}
	}
	return nil, nil
}

// find returns what is below the names; nil where there is nothing.
func find(node *yaml.Node, names ...string) *yaml.Node {
	for _, name := range names {
		_, node = entry(node, name)
	}
	return node
}

func scalar(node *yaml.Node) string {
	if node == nil {
		return ""
	}
	return node.Value
}

func elements(node *yaml.Node) []*yaml.Node {
	node = resolve(node)
	if node == nil || node.Kind != yaml.SequenceNode {
		return nil
	}
	return node.Content
}

func values(node *yaml.Node) []*yaml.Node {
	node = resolve(node)
	if node == nil || node.Kind != yaml.MappingNode {
		return nil
	}
	var all []*yaml.Node
	for i := 1; i < len(node.Content); i += 2 {
		all = append(all, node.Content[i])
	}
	return all
}

// nodeLocator finds lines in YAML, below names that are joined with dots, but for those that are given apart.
func nodeLocator(document *yaml.Node, joined string, apart ...string) func(option string) int {
	return func(option string) int {
		line := document.Line
		node := document
		var path []step
		for name := range strings.SplitSeq(joined, ".") {
			path = append(path, step{name: name})
		}
		for _, name := range apart {
			path = append(path, step{name: name})
		}
		for _, s := range append(path, steps(option)...) {
			key, value := entry(node, s.name)
			if list := elements(node); s.name == "" && s.index < len(list) {
				key, value = list[s.index], resolve(list[s.index])
			}
			if value == nil {
				break
			}
			line, node = key.Line, value
		}
		return line
	}
}

// labelLocator finds the label whose key has the longest part of the option behind the prefix.
func labelLocator(labels []labelled, prefix string) func(option string) int {
	return func(option string) int {
		wanted := strings.ToLower(prefix + "." + option)
		line, longest := 1, 0
		for _, l := range labels {
			key := strings.ToLower(l.key)
			if n := commonPrefix(key, wanted); n > longest && n >= len(prefix) {
				line, longest = l.line, n
			}
		}
		return line
	}
}

func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// textLocator finds lines in TOML, and in templates that are no YAML: the first line behind the middleware's name that
// has the option's own name as a key.
func textLocator(content, middleware string) func(option string) int {
	return func(option string) int {
		line := lineOfKey(content, middleware, 0)
		for _, s := range steps(option) {
			if s.name == "" {
				continue
			}
			if next := lineOfKey(content, s.name, line-1); next > line {
				line = next
			}
		}
		return line
	}
}

// lineOfKey returns the first line at or behind the index from that has the name as a key or in a table's header; 1
// where there is none.
func lineOfKey(content, name string, from int) int {
	quoted := regexp.QuoteMeta(name)
	pattern, err := regexp.Compile(`(?i)^\s*(?:- *)?"?` + quoted + `"?\s*[:=]|^\s*\[.*\b` + quoted + `\b.*\]`)
	if err != nil || name == "" {
		return 1
	}
	for i, line := range strings.Split(content, "\n") {
		if i >= from && pattern.MatchString(line) {
			return i + 1
		}
	}
	return 1
}
