// Package route finds the function for a request: by the option routes, in the syntax of API Gateway's HTTP APIs, or by a
// name in the path.
package route

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"github.com/seed05e46011/lambda/internal/aws"
	"github.com/seed05e46011/lambda/internal/option"
)

// Config holds the options of one entry of routes.
type Config struct {
	// RouteKey defines the requests that the route takes, in the syntax of API Gateway's HTTP APIs: a method (or ANY,
	// or none, which mean the same) and a path, or "$default" for all requests that no other route takes. In the path
	// {id} stands for one segment, and a final {proxy+} for all that follow. A path without {proxy+} matches only
	// itself: /a does not match /a/.
	// Required.
	RouteKey string `mapstructure:"routeKey"`

	// Function defines the function, as the option of the same name does.
	// Required.
	Function string `mapstructure:"function"`

	// Qualifier defines the version or the alias of Function.
	Qualifier string `mapstructure:"qualifier"`

	// Unknown collects the options that do not exist.
	Unknown map[string]any `mapstructure:",remain"`
}

// Table is the option routes. It is safe for concurrent use. http.ServeMux finds the route of a path. For a path with
// "//" or "..", or one that only lacks a slash, the mux would redirect the client. Table does not: it takes the path
// as it came, and only routes that end in {name+} match such a path.
type Table struct {
	// Routes are the routes in the order of the option.
	Routes []*Route

	mux       *http.ServeMux
	byPattern map[string]*Route // by their patterns in the mux
	greedy    []*Route          // routes that end in {name+}, the more specific first
	byDefault *Route            // of $default; nil for none
}

// Route is one entry of the option routes. Its fields must not be changed.
type Route struct {
	Key      string // the option routeKey
	Function *aws.Function

	method   string   // "" for any
	segments []string // of the path, decoded; nil for $default
	captures []capture
}

// capture is a variable of a route's path.
type capture struct {
	name    string
	segment int  // the index of the segment it stands for
	greedy  bool // it stands for all that follow, too
}

// found is the handler of every route in the mux. Its type, *http.ServeMux, distinguishes it from the mux's own
// handlers.
var found = http.NewServeMux()

// Find returns the route that matches a request best, nil for none. Every request comes here. It is a function
// because a method costs three times as much in Yaegi.
func Find(table *Table, req *http.Request) *Route {
	if req.URL.RawPath != "" {
		req = withMarkedSlashes(req)
	}
	handler, pattern := table.mux.Handler(req)
	r := table.byPattern[pattern]
	if _, ok := handler.(*http.ServeMux); !ok || r == nil {
		return otherRoute(table, req, handler)
	}
	return r
}

// otherRoute returns the route for a request that the mux answers with a handler of its own, nil for none.
func otherRoute(table *Table, req *http.Request, handler http.Handler) *Route {
	if _, none := handler.(http.HandlerFunc); none {
		return table.byDefault
	}
	if req.URL.Path == "" { // of an absolute URI, redirected to the root
		_, pattern := table.mux.Handler(&http.Request{Method: req.Method, URL: &url.URL{Path: "/"}})
		if r := table.byPattern[pattern]; r != nil {
			return r
		}
	}
	if r := findGreedy(table, req.Method, req.URL.EscapedPath()); r != nil {
		return r
	}
	return table.byDefault
}

// http.ServeMux takes an escaped slash that is a whole segment for the end of a path: to it "/%2F" is "/{$}". So that
// segment is marked before the mux sees it, in paths and in patterns.
const slashMark = "\x00"

// markSlash marks a decoded segment that is a slash. It also marks segments that look like a marked one.
func markSlash(segment string) string {
	if strings.HasPrefix(segment, "/") && strings.Trim(segment[1:], slashMark) == "" {
		return segment + slashMark
	}
	return segment
}

// withMarkedSlashes returns the request with its segments marked. Without any it returns the same request.
func withMarkedSlashes(req *http.Request) *http.Request {
	const escapedMark = "%00"
	escaped := req.URL.EscapedPath()
	segments := strings.Split(escaped, "/")
	marked := false
	for i, segment := range segments {
		decoded, err := url.PathUnescape(segment)
		if err == nil && decoded != "" && markSlash(decoded) != decoded {
			segments[i] = segment + escapedMark
			marked = true
		}
	}
	if !marked {
		return req
	}
	rawPath := strings.Join(segments, "/")
	path, err := url.PathUnescape(rawPath)
	if err != nil {
		return req
	}
	return &http.Request{Method: req.Method, Host: req.Host, URL: &url.URL{Path: path, RawPath: rawPath}}
}

// findGreedy returns the first route that ends in {name+} and takes the path as it is.
func findGreedy(table *Table, method, rawPath string) *Route {
	segments := splitPath(rawPath)
	for _, r := range table.greedy {
		ofMethod := r.method == "" || r.method == method || (r.method == http.MethodGet && method == http.MethodHead)
		if ofMethod && takes(r, segments) {
			return r
		}
	}
	return nil
}

// takes reports whether a route that ends in {name+} takes a path.
func takes(r *Route, segments []string) bool {
	if len(segments) < len(r.segments) {
		return false
	}
	for i, segment := range r.segments {
		c := captureOf(r, i)
		if (c == nil && markSlash(segment) != segments[i] && segment != segments[i]) || (c != nil && !c.greedy && segments[i] == "") {
			return false
		}
	}
	return true
}

// splitPath returns the segments of an escaped path, decoded one by one. The last one is "" for a
// path that ends with a slash.
func splitPath(rawPath string) []string {
	segments := strings.Split(rawPath, "/")[1:]
	for i, segment := range segments {
		if decoded, err := url.PathUnescape(segment); err == nil {
			segments[i] = decoded
		}
	}
	return segments
}

// Parameters returns the values of a route's variables in the escaped path of a request, decoded; nil where the route has
// none. An escaped slash is part of its segment.
func Parameters(r *Route, escapedPath string) map[string]string {
	if len(r.captures) == 0 {
		return nil
	}
	segments := strings.Split(escapedPath, "/")
	parameters := make(map[string]string, len(r.captures))
	for i := range r.captures {
		c := &r.captures[i]
		if c.greedy {
			parameters[c.name] = strings.Join(segments[c.segment+1:], "/")
		} else {
			parameters[c.name] = segments[c.segment+1]
		}
	}
	if strings.IndexByte(escapedPath, '%') >= 0 {
		unescapeAll(parameters)
	}
	return parameters
}

func unescapeAll(parameters map[string]string) {
	for name, value := range parameters {
		if decoded, err := url.PathUnescape(value); err == nil {
			parameters[name] = decoded
		}
	}
}

// captureOf returns the variable that a segment of a route's path is, nil for a literal.
func captureOf(r *Route, segment int) *capture {
	for i := range r.captures {
		if r.captures[i].segment == segment {
			return &r.captures[i]
		}
	}
	return nil
}

// New parses the option routes. It refuses routes of which neither is more specific than the other. The error names the
// option that is wrong.
func New(options []Config) (*Table, error) {
	table := &Table{mux: http.NewServeMux(), byPattern: map[string]*Route{}}
	mux := http.NewServeMux()
	var routes []*Route
	for i := range options {
		r, err := parse(i, &options[i])
		if err != nil {
			return nil, err
		}
		if other := conflicting(mux, routes, r); other != nil {
			return nil, fmt.Errorf("routes: %q and %q match the same requests, and neither is more specific: want one of them", other.Key, r.Key)
		}
		routes = append(routes, r)
		addRoute(table, r)
	}
	table.Routes = routes
	table.greedy = greedyRoutes(table.byPattern)
	return table, nil
}

// parse reads routes[i].
func parse(i int, c *Config) (*Route, error) {
	group := "routes[" + strconv.Itoa(i) + "]."
	if err := option.Unknown(group, reflect.TypeOf(*c), c.Unknown); err != nil {
		return nil, err
	}
	if c.Function == "" {
		return nil, errors.New(group + "function: missing: want the name or the ARN of a Lambda function")
	}
	f, err := aws.ParseFunction(c.Function, c.Qualifier)
	if err != nil {
		return nil, fmt.Errorf("%s%w", group, err)
	}
	r, err := parseKey(i, c.RouteKey)
	if err != nil {
		return nil, err
	}
	r.Function = f
	return r, nil
}

func addRoute(table *Table, r *Route) {
	if r.segments == nil {
		table.byDefault = r
		return
	}
	pattern := muxPattern(r)
	table.mux.Handle(pattern, found)
	table.byPattern[pattern] = r
}

// greedyRoutes returns the routes that end in {name+}, the more specific first. If two of them take the same path and
// do not conflict, one takes everything that the other takes, and more. That one has fewer segments, or as many with
// fewer literals, or no method.
func greedyRoutes(byPattern map[string]*Route) []*Route {
	byRank := map[string]*Route{}
	var ranks []string
	for pattern, r := range byPattern {
		last := captureOf(r, len(r.segments)-1)
		if last == nil || !last.greedy {
			continue
		}
		method := 0
		if r.method == "" {
			method = 1
		}
		rank := fmt.Sprintf("%05d %05d %d %s", 99999-len(r.segments), len(r.captures), method, pattern)
		ranks = append(ranks, rank)
		byRank[rank] = r
	}
	sort.Strings(ranks)
	routes := make([]*Route, 0, len(ranks))
	for _, rank := range ranks {
		routes = append(routes, byRank[rank])
	}
	return routes
}

// The grammar of a route key, as in
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
// The method may be left out, which means the same as ANY.
var (
	routeKeyPattern  = regexp.MustCompile(`^(?:([A-Z][A-Z-]*) )?(/[^?#\s]*)$`)
	variablePattern  = regexp.MustCompile(`^\{([a-zA-Z0-9._:-]+)(\+)?\}$`)
	anyMethod        = "ANY"
	routeKeyExamples = `"GET /users/{id}", "ANY /files/{proxy+}", "/about" or "$default"`
)

// defaultKey is the key of the route for all requests that no other route takes.
const defaultKey = "$default"

// parseKey reads the key of routes[i].
func parseKey(i int, key string) (*Route, error) {
	if key == defaultKey {
		return &Route{Key: key}, nil
	}
	m := routeKeyPattern.FindStringSubmatch(key)
	if m == nil {
		return nil, fmt.Errorf("routes[%d].routeKey: %q: want a key such as %s", i, key, routeKeyExamples)
	}
	r := &Route{Key: key, method: m[1]}
	if r.method == anyMethod {
		r.method = ""
	}
	if reason := parsePath(r, m[2]); reason != "" {
		return nil, fmt.Errorf("routes[%d].routeKey: %q: %s", i, key, reason)
	}
	return r, nil
}

// parsePath reads a route's path, and returns what is wrong with it, "" for nothing.
func parsePath(r *Route, path string) string {
	segments := strings.Split(path, "/")[1:]
	names := map[string]bool{}
	for i, segment := range segments {
		last := i == len(segments)-1
		variable := variablePattern.FindStringSubmatch(segment)
		decoded, err := url.PathUnescape(segment)
		switch {
		case variable != nil && variable[2] != "" && !last:
			return "want {" + variable[1] + "+} at the end only"
		case variable != nil && names[variable[1]]:
			return "want each variable once: {" + variable[1] + "}"
		case variable != nil:
			names[variable[1]] = true
			r.captures = append(r.captures, capture{name: variable[1], segment: i, greedy: variable[2] != ""})
		case strings.ContainsAny(segment, "{}"):
			return "want a variable to be a whole segment: {name}, or {name+} at the end"
		case segment == "." || segment == ".." || (segment == "" && !last) || err != nil:
			return "want a path that needs no cleaning"
		}
		r.segments = append(r.segments, decoded)
	}
	return ""
}

// muxPattern returns a route as a pattern of http.ServeMux. Variables get names that are valid there.
func muxPattern(r *Route) string {
	pattern := r.method + " "
	for i, segment := range r.segments {
		c := captureOf(r, i)
		switch {
		case c != nil && c.greedy:
			pattern += "/{v" + strconv.Itoa(i) + "...}"
		case c != nil:
			pattern += "/{v" + strconv.Itoa(i) + "}"
		case segment == "":
			pattern += "/{$}"
		default:
			pattern += "/" + url.PathEscape(markSlash(segment)) // { and } too
		}
	}
	return strings.TrimSpace(pattern)
}

// conflicting adds a route to the mux, which holds routes, and returns the one that it conflicts
// with, nil for none.
func conflicting(mux *http.ServeMux, routes []*Route, r *Route) *Route {
	if r.segments == nil {
		for _, other := range routes {
			if other.segments == nil {
				return other
			}
		}
		return nil
	}
	if registers(mux, muxPattern(r)) {
		return nil
	}
	for _, other := range routes {
		if other.segments == nil {
			continue
		}
		two := http.NewServeMux()
		registers(two, muxPattern(other))
		if !registers(two, muxPattern(r)) {
			return other
		}
	}
	return r // the mux refuses the pattern itself
}

// registers reports whether http.ServeMux accepts a pattern: it panics if it does not.
func registers(mux *http.ServeMux, pattern string) (ok bool) {
	defer func() {
		if p := recover(); p != nil {
			ok = false
		}
	}()
	mux.Handle(pattern, found)
	return true
}
