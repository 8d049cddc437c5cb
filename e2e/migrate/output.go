package migrate

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// field is one of a mapping, which keeps their order.
type field struct {
	name string
	// value is a string, []string, []field or [][]field.
	value any
}

// defaultFormat is the plugin's eventFormat where none is written.
const defaultFormat = "http-api-v2"

// options returns those of the plugin for a group. last is set for the middleware that answers what no route fits.
func (p *plan) options(g group, last bool) []field {
	first := g.routes[0]
	var all []field
	add := func(name string, value any, wanted bool) {
		if wanted {
			all = append(all, field{name, value})
		}
	}
	add("region", p.region, p.region != "")
	add("eventFormat", first.format, first.format != defaultFormat)
	add("stage", first.stage, first.stage != "")
	add("invokeMode", "RESPONSE_STREAM", first.stream)
	add("binaryMediaTypes", first.binaryMediaTypes, len(first.binaryMediaTypes) > 0)
	add("authorizer", guardOptions(first.guard), first.guard.name != "")
	if first.alone {
		add("function", first.function, true)
		add("qualifier", first.qualifier, first.qualifier != "")
		return all
	}
	add("unmatched", "next", !last)
	add("routes", routeOptions(g.routes), true)
	return all
}

func routeOptions(routes []route) [][]field {
	all := make([][]field, 0, len(routes))
	for _, r := range routes {
		entry := []field{{"routeKey", r.routeKey()}, {"function", r.function}}
		if r.qualifier != "" {
			entry = append(entry, field{"qualifier", r.qualifier})
		}
		all = append(all, entry)
	}
	return all
}

func guardOptions(g guard) []field {
	var all []field
	add := func(name string, value any, wanted bool) {
		if wanted {
			all = append(all, field{name, value})
		}
	}
	add("function", g.function, !g.isJWT())
	add("qualifier", g.qualifier, g.qualifier != "")
	add("eventFormat", g.format, g.format != "" && g.format != defaultFormat)
	add("identitySource", g.identitySource, len(g.identitySource) > 0)
	add("identityValidation", g.identityValidation, g.identityValidation != "")
	add("ttl", g.ttl, g.ttl != "")
	jwt := []field{{"issuer", g.issuer}, {"audience", g.audience}}
	if len(g.scopes) > 0 {
		jwt = append(jwt, field{"scopes", g.scopes})
	}
	add("jwt", jwt, g.isJWT())
	return all
}

// rule is a router's.
func (r router) rule(o Options) string {
	hosts := r.hosts
	if len(hosts) == 0 {
		hosts = []string{o.Host}
	}
	if len(r.groups) > 0 && r.groups[0].routes[0].alone {
		hosts = []string{r.name + "." + o.Host}
	}
	rules := make([]string, 0, len(hosts))
	for _, host := range hosts {
		rule := "Host(`" + host + "`)"
		if strings.ContainsAny(host, "*?") {
			pattern := strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(host))
			rule = "HostRegexp(`^" + pattern + "$`)"
		}
		rules = append(rules, rule)
	}
	return strings.Join(rules, " || ")
}

func (r router) middlewares() []string {
	names := make([]string, 0, len(r.groups))
	for _, g := range r.groups {
		names = append(names, g.name)
	}
	return names
}

// print writes the plan in the output's format, the notes first.
func (p *plan) print(o Options) (string, error) {
	var out strings.Builder
	for _, note := range p.notes {
		out.WriteString("# " + strings.ReplaceAll(note, "\n", " ") + "\n")
	}
	if len(p.notes) > 0 {
		out.WriteString("\n")
	}
	var err error
	switch o.Format {
	case "labels":
		p.printLabels(&out, o)
	case "crd":
		err = p.printResources(&out, o)
	default:
		err = p.printFile(&out, o)
	}
	return out.String(), err
}

func (p *plan) printFile(out *strings.Builder, o Options) error {
	doors := p.routers()
	routers, middlewares := make([]field, 0, len(doors)), []field{}
	for _, r := range doors {
		routers = append(routers, field{r.name, []field{
			{"rule", r.rule(o)}, {"middlewares", r.middlewares()}, {"service", "noop@internal"},
		}})
		for i, g := range r.groups {
			plugin := []field{{"lambda", p.options(g, i == len(r.groups)-1)}}
			middlewares = append(middlewares, field{g.name, []field{{"plugin", plugin}}})
		}
	}
	return encode(out, []field{{"http", []field{{"routers", routers}, {"middlewares", middlewares}}}})
}

func (p *plan) printResources(out *strings.Builder, o Options) error {
	for i, r := range p.routers() {
		if i > 0 {
			out.WriteString("---\n")
		}
		names := make([][]field, 0, len(r.groups))
		for i, g := range r.groups {
			names = append(names, []field{{"name", g.name}})
			plugin := []field{{"lambda", p.options(g, i == len(r.groups)-1)}}
			if err := encode(out, resource("Middleware", g.name, []field{{"plugin", plugin}})); err != nil {
				return err
			}
			out.WriteString("---\n")
		}
		services := field{"services", [][]field{{{"kind", "TraefikService"}, {"name", "noop@internal"}}}}
		routes := [][]field{{{"match", r.rule(o)}, {"kind", "Rule"}, {"middlewares", names}, services}}
		if err := encode(out, resource("IngressRoute", r.name, []field{{"routes", routes}})); err != nil {
			return err
		}
	}
	return nil
}

func resource(kind, name string, spec []field) []field {
	return []field{
		{"apiVersion", "traefik.io/v1alpha1"}, {"kind", kind}, {"metadata", []field{{"name", name}}}, {"spec", spec},
	}
}

// printLabels writes labels for a Compose file, which takes a $ for the begin of a variable.
func (p *plan) printLabels(out *strings.Builder, o Options) {
	out.WriteString("labels:\n")
	add := func(key, value string) {
		// In double quotes, for backquotes and #.
		_, _ = fmt.Fprintf(out, "  - %s\n", strconv.Quote(strings.ReplaceAll(key+"="+value, "$", "$$")))
	}
	for _, r := range p.routers() {
		router := "traefik.http.routers." + r.name
		add(router+".rule", r.rule(o))
		add(router+".middlewares", strings.Join(r.middlewares(), ","))
		add(router+".service", "noop@internal")
		for i, g := range r.groups {
			labels("traefik.http.middlewares."+g.name+".plugin.lambda", p.options(g, i == len(r.groups)-1), add)
		}
	}
}

func labels(key string, value any, add func(key, value string)) {
	switch value := value.(type) {
	case string:
		add(key, value)
	case []string:
		add(key, strings.Join(value, ","))
	case []field:
		for _, f := range value {
			labels(key+"."+f.name, f.value, add)
		}
	case [][]field:
		for i, element := range value {
			labels(key+"["+strconv.Itoa(i)+"]", element, add)
		}
	}
}

func encode(out *strings.Builder, document []field) error {
	encoder := yaml.NewEncoder(out)
	encoder.SetIndent(2)
	if err := encoder.Encode(node(document)); err != nil {
		return fmt.Errorf("write the output: %w", err)
	}
	return encoder.Close()
}

// node makes YAML of a value. Lists and their small mappings stand on one line each.
func node(value any) *yaml.Node {
	switch value := value.(type) {
	case []field:
		mapping := &yaml.Node{Kind: yaml.MappingNode}
		for _, f := range value {
			mapping.Content = append(mapping.Content, node(f.name), node(f.value))
		}
		return mapping
	case [][]field:
		list := &yaml.Node{Kind: yaml.SequenceNode}
		for _, element := range value {
			mapping := node(element)
			if isFlat(element) {
				mapping.Style = yaml.FlowStyle
			}
			list.Content = append(list.Content, mapping)
		}
		return list
	case []string:
		list := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
		for _, element := range value {
			list.Content = append(list.Content, node(element))
		}
		return list
	default:
		text := &yaml.Node{}
		text.SetString(fmt.Sprint(value))
		return text
	}
}

func isFlat(fields []field) bool {
	for _, f := range fields {
		if _, is := f.value.(string); !is {
			return false
		}
	}
	return true
}
