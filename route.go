package lambda

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
	"github.com/seed05e46011/lambda/internal/metrics"
	"github.com/seed05e46011/lambda/internal/option"
)

// resolve finds the client's address and the function where they depend on the request.
//
//lambda:inline
func resolve(l *Lambda, req *request) error {
	if l.clientIP != nil {
		req.clientIP = forwardedIP(l.clientIP, req)
	}
	if req.target == nil {
		return route(l, req)
	}
	return nil
}

// route finds the function for a request: that of the route that matches best, else the one that
// the path names.
//
//lambda:inline
func route(l *Lambda, req *request) error {
	if l.routes != nil {
		return routeByKey(l.routes, req)
	}
	return routeByName(l.namespace, req)
}

func noRoute(reason string) error { return failureOf(causeNoRoute, errors.New(reason)) }

// routeTable is the option routes. http.ServeMux finds the route of a path. Where it would redirect
// instead, since the path has "//" or ".." in it, or since only a slash is missing, no client is
// told: the path is taken as it came, and only routes that end in {name+} take such a path.
type routeTable struct {
	mux       *http.ServeMux
	byPattern map[string]*tableRoute // by what the mux calls them
	greedy    []*tableRoute          // those that end in {name+}, the more specific before the others
	byDefault *tableRoute            // of $default; nil for none
}

// tableRoute is one entry of the option routes.
type tableRoute struct {
	key      string
	method   string   // "" for any
	segments []string // of the path, decoded; nil for $default
	captures []capture
	target   *target
}

// capture is a variable of a route's path.
type capture struct {
	name    string
	segment int  // which one it stands for
	greedy  bool // and all that follow
}

// found is the handler of every route in the mux: that it is a *http.ServeMux tells it from the
// handlers that the mux has for everything else.
var found = http.NewServeMux()

// routeByKey takes the route that matches best. It is on the way of every request, and cheap
// interpreted for what it leaves to others.
//
//lambda:inline
func routeByKey(table *routeTable, req *request) error {
	handler, pattern := table.mux.Handler(req.http)
	r := table.byPattern[pattern]
	if _, ok := handler.(*http.ServeMux); !ok || r == nil {
		r = otherRoute(table, req, handler)
	}
	if r == nil {
		return noRoute("no route matches")
	}
	req.target = r.target
	req.routeKey = r.key
	if len(r.captures) > 0 {
		req.pathParameters = captured(r, escapedPath(req))
	}
	return nil
}

// otherRoute returns the route for a request that the mux answers with a handler of its own, nil
// where there is none.
func otherRoute(table *routeTable, req *request, handler http.Handler) *tableRoute {
	if _, none := handler.(http.HandlerFunc); none {
		return table.byDefault
	}
	method := req.http.Method
	if req.http.URL.Path == "" { // of an absolute URI, redirected to the root
		_, pattern := table.mux.Handler(&http.Request{Method: method, URL: &url.URL{Path: "/"}})
		if r := table.byPattern[pattern]; r != nil {
			return r
		}
	}
	if r := findGreedy(table, method, escapedPath(req)); r != nil {
		return r
	}
	return table.byDefault
}

// findGreedy returns the first route that ends in {name+} and takes the path as it is.
func findGreedy(table *routeTable, method, rawPath string) *tableRoute {
	segments := splitPath(rawPath)
	for _, r := range table.greedy {
		ofMethod := r.method == "" || r.method == method || (r.method == http.MethodGet && method == http.MethodHead)
		if ofMethod && takes(r, segments) {
			return r
		}
	}
	return nil
}

// takes says whether a route that ends in {name+} takes a path.
func takes(r *tableRoute, segments []string) bool {
	if len(segments) < len(r.segments) {
		return false
	}
	for i, segment := range r.segments {
		c := captureOf(r, i)
		if (c == nil && segment != segments[i]) || (c != nil && !c.greedy && segments[i] == "") {
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

// captured returns the values of a route's variables, decoded. An escaped slash is no border.
func captured(r *tableRoute, rawPath string) map[string]string {
	segments := strings.Split(rawPath, "/")
	parameters := make(map[string]string, len(r.captures))
	for i := range r.captures {
		c := &r.captures[i]
		if c.greedy {
			parameters[c.name] = strings.Join(segments[c.segment+1:], "/")
		} else {
			parameters[c.name] = segments[c.segment+1]
		}
	}
	if strings.IndexByte(rawPath, '%') >= 0 {
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
func captureOf(r *tableRoute, segment int) *capture {
	for i := range r.captures {
		if r.captures[i].segment == segment {
			return &r.captures[i]
		}
	}
	return nil
}

// newRouteTable builds the table of valid options.
func newRouteTable(options []RouteConfig, api *lambdaAPI) (*routeTable, error) {
	table := &routeTable{mux: http.NewServeMux(), byPattern: map[string]*tableRoute{}}
	for i, option := range options {
		r, err := parseRoute(i, option)
		if err != nil {
			return nil, err
		}
		f, err := aws.ParseFunction(option.Function, option.Qualifier)
		if err != nil {
			return nil, fmt.Errorf("routes[%d].%w", i, err)
		}
		t, err := newTarget(f, api)
		if err != nil {
			return nil, err
		}
		t.counts = metrics.ForFunction(t.label)
		r.target = t
		addRoute(table, r)
	}
	table.greedy = greedyRoutes(table.byPattern)
	return table, nil
}

func addRoute(table *routeTable, r *tableRoute) {
	if r.segments == nil {
		table.byDefault = r
		return
	}
	pattern := muxPattern(r)
	table.mux.Handle(pattern, found)
	table.byPattern[pattern] = r
}

// greedyRoutes returns the routes that end in {name+}, the more specific before the others. If two
// of them take the same path, and do not conflict, one takes all that the other takes, and more:
// that one has fewer segments, or fewer literals among as many, or no method.
func greedyRoutes(byPattern map[string]*tableRoute) []*tableRoute {
	byRank := map[string]*tableRoute{}
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
	routes := make([]*tableRoute, 0, len(ranks))
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

// parseRoute reads the key of routes[i].
func parseRoute(i int, option RouteConfig) (*tableRoute, error) {
	if option.RouteKey == defaultRouteKey {
		return &tableRoute{key: option.RouteKey}, nil
	}
	m := routeKeyPattern.FindStringSubmatch(option.RouteKey)
	if m == nil {
		return nil, fmt.Errorf("routes[%d].routeKey: %q: want a key such as %s", i, option.RouteKey, routeKeyExamples)
	}
	r := &tableRoute{key: option.RouteKey, method: m[1]}
	if r.method == anyMethod {
		r.method = ""
	}
	if reason := parsePath(r, m[2]); reason != "" {
		return nil, fmt.Errorf("routes[%d].routeKey: %q: %s", i, option.RouteKey, reason)
	}
	return r, nil
}

// parsePath reads a route's path, and returns what is wrong with it, "" for nothing.
func parsePath(r *tableRoute, path string) string {
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

// muxPattern writes a route as http.ServeMux has it. Variables get names of its kind.
func muxPattern(r *tableRoute) string {
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
			pattern += "/" + url.PathEscape(segment) // { and } too
		}
	}
	return strings.TrimSpace(pattern)
}

// validateRoutes refuses what newRouteTable could not build, and routes of which neither is more
// specific than the other.
func (c *Config) validateRoutes() error {
	mux := http.NewServeMux()
	var routes []*tableRoute
	for i, option := range c.Routes {
		if err := option.validate(i); err != nil {
			return err
		}
		r, err := parseRoute(i, option)
		if err != nil {
			return err
		}
		if other := conflicting(mux, routes, r); other != nil {
			return fmt.Errorf("routes: %q and %q match the same requests, and neither is more specific: want one of them", other.key, r.key)
		}
		routes = append(routes, r)
	}
	return nil
}

// conflicting adds a route to the mux, which holds routes, and returns the one that it conflicts
// with, nil for none.
func conflicting(mux *http.ServeMux, routes []*tableRoute, r *tableRoute) *tableRoute {
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
	return r // the mux does not like it for itself
}

// registers says whether http.ServeMux takes a pattern: it panics where it does not.
func registers(mux *http.ServeMux, pattern string) (ok bool) {
	defer func() {
		if p := recover(); p != nil {
			ok = false
		}
	}()
	mux.Handle(pattern, found)
	return true
}

func (r *RouteConfig) validate(i int) error {
	group := "routes[" + strconv.Itoa(i) + "]."
	if err := option.Unknown(group, reflect.TypeOf(*r), r.Unknown); err != nil {
		return err
	}
	if r.Function == "" {
		return errors.New(group + "function: missing: want the name or the ARN of a Lambda function")
	}
	if _, err := aws.ParseFunction(r.Function, r.Qualifier); err != nil {
		return fmt.Errorf("routes[%d].%w", i, err)
	}
	return nil
}
