package route

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/seed05e46011/lambda/internal/aws"
)

var (
	// nameSegmentPattern matches a name in a path: Lambda's own pattern of a bare name, without the dot. A colon
	// would add a qualifier, a slash another resource of the Lambda API.
	nameSegmentPattern = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

	pathPrefixPattern = regexp.MustCompile(`^/[^?#]*$`)
)

// ByPathConfig holds the option pathPrefix and the options that belong to it, under the same names.
type ByPathConfig struct {
	PathPrefix  string
	Include     []string
	Exclude     []string
	NamePrepend string
	NameAppend  string
	Qualifier   string
}

// ByPath finds functions by a name in the path. It is safe for concurrent use.
type ByPath struct {
	prefix   string   // escaped as usual, with a slash at its end
	segments []string // of the prefix, decoded
	include  []namePattern
	exclude  []namePattern
	config   ByPathConfig
}

// NewByPath parses the options. The error names the option that is wrong.
func NewByPath(c ByPathConfig) (*ByPath, error) {
	if !pathPrefixPattern.MatchString(c.PathPrefix) {
		return nil, fmt.Errorf("pathPrefix: %q: want a path that starts with /", c.PathPrefix)
	}
	include, err := parseNamePatterns("include", c.Include)
	if err != nil {
		return nil, err
	}
	exclude, err := parseNamePatterns("exclude", c.Exclude)
	if err != nil {
		return nil, err
	}
	if _, err := aws.ParseFunction(c.NamePrepend+"x"+c.NameAppend, c.Qualifier); err != nil {
		return nil, fmt.Errorf("namePrepend, nameAppend, qualifier: %q, %q, %q: want what makes a function's name around one",
			c.NamePrepend, c.NameAppend, c.Qualifier)
	}
	path := strings.TrimSuffix(c.PathPrefix, "/") + "/"
	segments := strings.Split(path, "/")
	return &ByPath{
		prefix:   (&url.URL{Path: path}).EscapedPath(),
		segments: segments[:len(segments)-1],
		include:  include,
		exclude:  exclude,
		config:   c,
	}, nil
}

// Name returns the name after the prefix in an escaped path, and the rest behind the name and its slash, still
// escaped. The error says why the path names no function: the name is checked before anything is made of it. Every
// request comes here. Name is a function because a method costs three times as much in Yaegi.
func Name(b *ByPath, escapedPath string) (name, rest string, err error) {
	rest, ok := strings.CutPrefix(escapedPath, b.prefix)
	if !ok {
		rest, ok = cutSegments(escapedPath, b.segments)
	}
	if !ok {
		return "", "", errors.New("the path is not under pathPrefix")
	}
	name, rest, _ = strings.Cut(rest, "/")
	if !nameSegmentPattern.MatchString(name) {
		return "", "", errors.New("no function can have the name in the path")
	}
	if (len(b.include) > 0 && !matchesName(b.include, name)) || matchesName(b.exclude, name) {
		return "", "", errors.New("include and exclude do not allow the name in the path")
	}
	return name, rest, nil
}

// Function returns the function that a name stands for, with what the options put around it.
func (b *ByPath) Function(name string) (*aws.Function, error) {
	return aws.ParseFunction(b.config.NamePrepend+name+b.config.NameAppend, b.config.Qualifier)
}

// cutSegments returns the rest of an escaped path behind the segments. The path may escape them in any way.
func cutSegments(escapedPath string, segments []string) (rest string, ok bool) {
	parts := strings.SplitN(escapedPath, "/", len(segments)+1)
	if len(parts) <= len(segments) {
		return "", false
	}
	for i, segment := range segments {
		decoded, err := url.PathUnescape(parts[i])
		if err != nil || decoded != segment {
			return "", false
		}
	}
	return parts[len(segments)], true
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
