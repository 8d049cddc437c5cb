package migrate

import (
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// pair is a key of a mapping with its value.
type pair struct {
	key   string
	value *yaml.Node
}

func resolve(node *yaml.Node) *yaml.Node {
	if node != nil && node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

// pairs returns a mapping's, in their order, those of merged mappings in the place of their key; none of anything else.
func pairs(node *yaml.Node) []pair {
	node = resolve(node)
	if node == nil || node.Kind != yaml.MappingNode {
		return nil
	}
	var all []pair
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i].Value, resolve(node.Content[i+1])
		if key == "<<" {
			all = append(all, pairs(value)...)
			continue
		}
		all = append(all, pair{key, value})
	}
	return all
}

// get returns what is below the names; nil where there is nothing.
func get(node *yaml.Node, names ...string) *yaml.Node {
	for _, name := range names {
		var below *yaml.Node
		for _, p := range pairs(node) {
			if p.key == name {
				below = p.value
			}
		}
		node = below
	}
	return node
}

// elements returns a list's, or a single value as the list of it.
func elements(node *yaml.Node) []*yaml.Node {
	node = resolve(node)
	switch {
	case node == nil || node.Tag == "!!null":
		return nil
	case node.Kind == yaml.SequenceNode && !isIntrinsic(node):
		all := make([]*yaml.Node, 0, len(node.Content))
		for _, element := range node.Content {
			all = append(all, resolve(element))
		}
		return all
	default:
		return []*yaml.Node{node}
	}
}

func isScalar(node *yaml.Node) bool { return node != nil && node.Kind == yaml.ScalarNode }

func isMapping(node *yaml.Node) bool {
	return node != nil && node.Kind == yaml.MappingNode && !isIntrinsic(node)
}

// isTrue reports whether the value is true, as YAML 1.1 writes it.
func isTrue(node *yaml.Node) bool {
	return isScalar(node) && strings.EqualFold(node.Value, "true")
}

// isIntrinsic reports whether the value is a function of CloudFormation's: !Sub text, {Ref: name}, {"Fn::Join": …}.
func isIntrinsic(node *yaml.Node) bool {
	_, _, is := intrinsic(node)
	return is
}

// intrinsic returns the function's name without "Fn::", and its argument.
func intrinsic(node *yaml.Node) (name string, argument *yaml.Node, is bool) {
	if node == nil {
		return "", nil, false
	}
	if strings.HasPrefix(node.Tag, "!") && !strings.HasPrefix(node.Tag, "!!") {
		return strings.TrimPrefix(node.Tag, "!"), node, true
	}
	if node.Kind == yaml.MappingNode && len(node.Content) == 2 {
		key := node.Content[0].Value
		if name, isFunction := strings.CutPrefix(key, "Fn::"); isFunction || key == "Ref" {
			return name, resolve(node.Content[1]), true
		}
	}
	return "", nil, false
}

// reader makes text of values.
type reader struct {
	// variable returns the value of what stands in ${…}; known is false where it has none before the deployment.
	variable func(name string) (value string, known bool)
}

// text returns a scalar, or what a function of CloudFormation's makes. What is only known to AWS stays, as ${…}.
func (r reader) text(node *yaml.Node) string {
	node = resolve(node)
	name, argument, is := intrinsic(node)
	if !is {
		if !isScalar(node) || node.Tag == "!!null" {
			return ""
		}
		return r.expand(node.Value)
	}
	switch name {
	case "Ref":
		return r.expand("${" + argument.Value + "}")
	case "GetAtt":
		if argument.Kind == yaml.ScalarNode {
			return r.expand("${" + argument.Value + "}")
		}
		return r.expand("${" + r.joined(argument, ".") + "}")
	case "Sub":
		return r.sub(argument)
	case "Join":
		if argument.Kind == yaml.SequenceNode && len(argument.Content) == 2 {
			return r.joined(resolve(argument.Content[1]), argument.Content[0].Value)
		}
	}
	return "${" + name + "}"
}

// sub expands a text, or the first element of a list whose second has variables of its own.
func (r reader) sub(argument *yaml.Node) string {
	if argument.Kind != yaml.SequenceNode || len(argument.Content) == 0 {
		return r.expand(argument.Value)
	}
	text := argument.Content[0].Value
	if len(argument.Content) > 1 {
		for _, p := range pairs(argument.Content[1]) {
			text = strings.ReplaceAll(text, "${"+p.key+"}", r.text(p.value))
		}
	}
	return r.expand(text)
}

func (r reader) joined(list *yaml.Node, separator string) string {
	if list.Kind != yaml.SequenceNode {
		return r.text(list)
	}
	var parts []string
	for _, element := range list.Content {
		parts = append(parts, r.text(element))
	}
	return strings.Join(parts, separator)
}

// innermost finds variables without variables in them.
var innermost = regexp.MustCompile(`\$\{([^${}]*)\}`)

// maxExpansions bounds how deep variables may be nested, and ends those that contain themselves.
const maxExpansions = 20

func (r reader) expand(text string) string {
	// What stays is put aside with other brackets, so that what it is in can be expanded.
	const left, right = "\x01", "\x02"
	for range maxExpansions {
		if !innermost.MatchString(text) {
			break
		}
		text = innermost.ReplaceAllStringFunc(text, func(found string) string {
			name := found[2 : len(found)-1]
			if value, known := r.variable(strings.TrimSpace(name)); known {
				return value
			}
			return left + name + right
		})
	}
	return strings.NewReplacer(left, "${", right, "}").Replace(text)
}

// texts returns the elements of a list, or of one text that is parted by commas.
func (r reader) texts(node *yaml.Node) []string {
	var all []string
	for _, element := range elements(node) {
		for text := range strings.SplitSeq(r.text(element), ",") {
			if text = strings.TrimSpace(text); text != "" {
				all = append(all, text)
			}
		}
	}
	return all
}

// functionInARN finds name and qualifier.
var functionInARN = regexp.MustCompile(`:function:([a-zA-Z0-9_-]+)(?::([a-zA-Z0-9_$-]+))?`)

var plainName = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)

var notInName = regexp.MustCompile(`[^a-zA-Z0-9_-]+`)

// named makes a function of its name or its ARN, in an integration's URI too. complete is false where a part of it is
// only known to AWS: the name then has to be filled in.
func named(text string) (f lambda, complete bool) {
	if match := functionInARN.FindStringSubmatch(text); match != nil && !strings.Contains(match[0], "${") {
		return lambda{match[1], match[2]}, true
	}
	if name, qualifier, _ := strings.Cut(text, ":"); plainName.MatchString(name) && !strings.Contains(text, "/") {
		return lambda{name, qualifier}, true
	}
	name := strings.Trim(notInName.ReplaceAllString(text, "-"), "-")
	if len(name) > 64 || name == "" {
		name = "FILL-IN"
	}
	return lambda{function: name}, false
}

// seconds writes a time to live as the plugin's option has it; empty for none.
func seconds(text string) string {
	if text == "" || text == "0" || strings.Contains(text, "$") {
		return ""
	}
	return text + "s"
}

// apiPath writes a path as the plugin's routes have it.
func apiPath(path string) string {
	path = "/" + strings.TrimLeft(path, "/")
	// As in API Gateway's console, a path that ends in /* stands for all below.
	if before, is := strings.CutSuffix(path, "/*"); is {
		return before + "/{proxy+}"
	}
	return path
}

func apiMethod(method string) string {
	method = strings.ToUpper(method)
	switch method {
	case "", "*", "X-AMAZON-APIGATEWAY-ANY-METHOD":
		return methodAny
	default:
		return method
	}
}

// routeOfKey reads an HTTP API's route key: $default, *, GET /path.
func routeOfKey(key string) (method, path string) {
	if key == pathDefault || key == "*" {
		return methodAny, pathDefault
	}
	method, path, found := strings.Cut(strings.TrimSpace(key), " ")
	if !found {
		return methodAny, apiPath(key)
	}
	return apiMethod(method), apiPath(strings.TrimSpace(path))
}
