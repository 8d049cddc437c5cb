package lambda

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"github.com/seed05e46011/lambda/internal/aws"
)

var (
	// nameSegmentPattern is what a path may name: Lambda's own pattern of a bare name, without the
	// dot. A colon would add a qualifier, a slash another resource of the Lambda API.
	nameSegmentPattern = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

	pathPrefixPattern = regexp.MustCompile(`^/[^?#]*$`)
)

// namespace is the option pathPrefix with those that belong to it.
type namespace struct {
	prefix    string // escaped, with a slash at its end
	include   []namePattern
	exclude   []namePattern
	prepend   string
	append    string
	qualifier string
	strip     bool
	api       *lambdaAPI

	mu      sync.Mutex
	targets map[string]*target // by the name in the path
}

// maxNamedTargets bounds how many targets a namespace keeps: clients choose the names.
const maxNamedTargets = 1000

// routeByName takes the function that the path names. The name is checked before anything is
// made of it.
//
//lambda:inline
func routeByName(n *namespace, req *request) error {
	rest, ok := strings.CutPrefix(escapedPath(req), n.prefix)
	if !ok {
		return noRoute("the path is not under pathPrefix")
	}
	name, path, _ := strings.Cut(rest, "/")
	if !nameSegmentPattern.MatchString(name) {
		return noRoute("no function can have the name in the path")
	}
	if (len(n.include) > 0 && !matchesName(n.include, name)) || matchesName(n.exclude, name) {
		return noRoute("include and exclude do not allow the name in the path")
	}
	t, err := namedTarget(n, name)
	if err != nil {
		return failureOf(causeNoRoute, err)
	}
	req.target = t
	if n.strip {
		req.rawPath = "/" + path
		decoded, _ := url.PathUnescape(req.rawPath) // EscapedPath escapes well
		req.path = decoded
	}
	return nil
}

func namedTarget(n *namespace, name string) (*target, error) {
	n.mu.Lock()
	t := n.targets[name]
	n.mu.Unlock()
	if t != nil {
		return t, nil
	}
	f, err := aws.ParseFunction(n.prepend+name+n.append, n.qualifier)
	if err != nil {
		return nil, err
	}
	t, err = newTarget(f, n.api)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.targets) >= maxNamedTargets {
		n.targets = map[string]*target{}
	}
	n.targets[name] = t
	return t, nil
}

// newNamespace takes valid options.
func newNamespace(c *Config, api *lambdaAPI) *namespace {
	include, _ := parseNamePatterns("include", c.Include)
	exclude, _ := parseNamePatterns("exclude", c.Exclude)
	prefix := (&url.URL{Path: c.PathPrefix}).EscapedPath()
	if !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	return &namespace{
		prefix:    prefix,
		include:   include,
		exclude:   exclude,
		prepend:   c.NamePrepend,
		append:    c.NameAppend,
		qualifier: c.Qualifier,
		strip:     c.StripPrefix,
		api:       api,
		targets:   map[string]*target{},
	}
}

// namePattern is a name with * as its prefix, its suffix, or both.
type namePattern struct {
	text        string // without *
	start, stop bool   // whether names may start, stop otherwise
}

func matchesName(patterns []namePattern, name string) bool {
	for _, p := range patterns {
		switch {
		case p.start && p.stop:
			if strings.Contains(name, p.text) {
				return true
			}
		case p.start:
			if strings.HasSuffix(name, p.text) {
				return true
			}
		case p.stop:
			if strings.HasPrefix(name, p.text) {
				return true
			}
		case name == p.text:
			return true
		}
	}
	return false
}

func parseNamePatterns(option string, list []string) ([]namePattern, error) {
	var patterns []namePattern
	for _, s := range list {
		s = strings.TrimSpace(s)
		rest, start := strings.CutPrefix(s, "*")
		text, stop := strings.CutSuffix(rest, "*")
		if s == "" || (text != "" && !nameSegmentPattern.MatchString(text)) {
			return nil, fmt.Errorf("%s: %q: want the name of a function, with * as its prefix, its suffix or both", option, s)
		}
		patterns = append(patterns, namePattern{text: text, start: start, stop: stop})
	}
	return patterns, nil
}

// validateNamespace checks what belongs to pathPrefix.
func (c *Config) validateNamespace() error {
	if c.PathPrefix == "" {
		return c.validateNoNamespace()
	}
	if !pathPrefixPattern.MatchString(c.PathPrefix) {
		return fmt.Errorf("pathPrefix: %q: want a path that starts with /", c.PathPrefix)
	}
	if _, err := parseNamePatterns("include", c.Include); err != nil {
		return err
	}
	if _, err := parseNamePatterns("exclude", c.Exclude); err != nil {
		return err
	}
	if _, err := aws.ParseFunction(c.NamePrepend+"x"+c.NameAppend, c.Qualifier); err != nil {
		return fmt.Errorf("namePrepend, nameAppend, qualifier: %q, %q, %q: want what makes a function's name around one",
			c.NamePrepend, c.NameAppend, c.Qualifier)
	}
	return nil
}

// validateNoNamespace refuses options that would do nothing.
func (c *Config) validateNoNamespace() error {
	for option, set := range map[string]bool{
		"include":     len(c.Include) > 0,
		"exclude":     len(c.Exclude) > 0,
		"namePrepend": c.NamePrepend != "",
		"nameAppend":  c.NameAppend != "",
		"stripPrefix": c.StripPrefix,
	} {
		if set {
			return fmt.Errorf("%s: set without pathPrefix, which it belongs to", option)
		}
	}
	return nil
}
