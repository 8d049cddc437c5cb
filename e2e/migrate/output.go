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
	// value is a string, an int, []string, []field or [][]field.
	value any
}

// defaultFormat is the plugin's eventFormat where none is written.
const defaultFormat = "http-api-v2"

// options returns those of the plugin for a group.
func (p *plan) options(g group) []field {
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

// hostRule matches the hosts of a front door.
func (r router) hostRule(o Options) string {
	hosts := r.hosts
	switch {
	case r.groups[0].routes[0].alone:
		hosts = []string{r.name + "." + o.Host}
	case len(hosts) == 0:
		hosts = []string{o.Host}
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

// basePriority is above the priorities that Traefik gives to routers by the length of their rules.
const basePriority = 1000

// entrance is a router of Traefik's, which leads to one group.
type entrance struct {
	group
	rule string
	// priority is 0 where there is one group alone.
	priority int
}

// entrances have priorities where there are several, so that Traefik asks for more specific routes first.
func (r router) entrances(o Options) []entrance {
	if len(r.groups) == 1 {
		return []entrance{{group: r.groups[0], rule: r.hostRule(o)}}
	}
	all := make([]entrance, 0, len(r.groups))
	for i, g := range r.groups {
		rule := "(" + r.hostRule(o) + ")" + g.pathRule()
		all = append(all, entrance{group: g, rule: rule, priority: basePriority + len(r.groups) - i})
	}
	return all
}

// pathRule narrows a rule down to the routes of the group.
func (g group) pathRule() string {
	rules := make([]string, 0, len(g.routes))
	for _, r := range g.routes {
		if r.path == pathDefault {
			return ""
		}
		rules = append(rules, r.rule())
	}
	return " && (" + strings.Join(rules, " || ") + ")"
}

// rule matches the route's requests, with HEAD for GET as the plugin does.
func (r route) rule() string {
	segments := strings.Split(r.path, "/")
	for i, segment := range segments {
		segments[i] = segmentPattern(segment)
	}
	path := "PathRegexp(`^" + strings.Join(segments, "/") + "$`)"
	switch r.method {
	case methodAny:
		return path
	case "GET":
		return "(" + path + " && (Method(`GET`) || Method(`HEAD`)))"
	default:
		return "(" + path + " && Method(`" + r.method + "`))"
	}
}

// reserved are the characters that Traefik leaves escaped where clients escape them, when it looks for a router. The
// plugin takes both for the same.
const reserved = "!#$&'()*+,:;=?@[]%"

func segmentPattern(segment string) string {
	switch {
	case strings.HasPrefix(segment, "{") && strings.HasSuffix(segment, "+}"):
		return ".*"
	case strings.HasPrefix(segment, "{") && strings.HasSuffix(segment, "}"):
		return "[^/]+"
	}
	var pattern strings.Builder
	for _, c := range segment {
		if strings.ContainsRune(reserved, c) {
			_, _ = fmt.Fprintf(&pattern, "(?:%s|(?i:%%%02x))", regexp.QuoteMeta(string(c)), c)
			continue
		}
		pattern.WriteString(regexp.QuoteMeta(string(c)))
	}
	return pattern.String()
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
	var routers, middlewares []field
	for _, r := range p.routers() {
		for _, e := range r.entrances(o) {
			router := []field{{"rule", e.rule}, {"middlewares", []string{e.name}}, {"service", "noop@internal"}}
			if e.priority > 0 {
				router = append(router, field{"priority", e.priority})
			}
			routers = append(routers, field{e.name, router})
			plugin := []field{{"lambda", p.options(e.group)}}
			middlewares = append(middlewares, field{e.name, []field{{"plugin", plugin}}})
		}
	}
	return encode(out, []field{{"http", []field{{"routers", routers}, {"middlewares", middlewares}}}})
}

func (p *plan) printResources(out *strings.Builder, o Options) error {
	for i, r := range p.routers() {
		if i > 0 {
			out.WriteString("---\n")
		}
		entrances := r.entrances(o)
		routes := make([][]field, 0, len(entrances))
		for _, e := range entrances {
			route := []field{{"match", e.rule}, {"kind", "Rule"}}
			if e.priority > 0 {
				route = append(route, field{"priority", e.priority})
			}
			routes = append(routes, append(route,
				field{"middlewares", [][]field{{{"name", e.name}}}},
				field{"services", [][]field{{{"kind", "TraefikService"}, {"name", "noop@internal"}}}},
			))
			plugin := []field{{"lambda", p.options(e.group)}}
			if err := encode(out, resource("Middleware", e.name, []field{{"plugin", plugin}})); err != nil {
				return err
			}
			out.WriteString("---\n")
		}
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
		for _, e := range r.entrances(o) {
			router := "traefik.http.routers." + e.name
			add(router+".rule", e.rule)
			add(router+".middlewares", e.name)
			add(router+".service", "noop@internal")
			if e.priority > 0 {
				add(router+".priority", strconv.Itoa(e.priority))
			}
			labels("traefik.http.middlewares."+e.name+".plugin.lambda", p.options(e.group), add)
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
	case int:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: strconv.Itoa(value)}
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
