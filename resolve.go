package lambda

import (
	"errors"
	"fmt"
	"net/url"
	"sync"

	"github.com/seed05e46011/lambda/internal/aws"
	"github.com/seed05e46011/lambda/internal/metrics"
	"github.com/seed05e46011/lambda/internal/route"
)

// functionSettings are what the options say of functions: one, or where they and the client are found.
type functionSettings struct {
	target   *target           // of option function; nil where
	routes   *functionsByKey   // the routes say, or, where there are none,
	byPath   *functionsByPath  // the path names it
	clientIP *clientIPStrategy // nil: the client is the TCP peer
	fixed    bool              // target is set and clientIP is not: nothing depends on the request
}

// newFunctionSettings takes valid options.
func newFunctionSettings(config *Config, api *lambdaAPI) (functionSettings, error) {
	s := functionSettings{clientIP: newClientIPStrategy(config.IPStrategy)}
	switch {
	case config.Function != "":
		function, err := aws.ParseFunction(config.Function, config.Qualifier)
		if err != nil {
			return s, err
		}
		t, err := newTarget(function, api)
		if err != nil {
			return s, err
		}
		t.counts = metrics.ForFunction(t.label)
		s.target = t
		s.fixed = s.clientIP == nil
	case len(config.Routes) > 0:
		table, err := newFunctionsByKey(config.Routes, api)
		if err != nil {
			return s, err
		}
		s.routes = table
	case config.PathPrefix != "":
		byPath, err := newFunctionsByPath(config, api)
		if err != nil {
			return s, err
		}
		s.byPath = byPath
	}
	return s, nil
}

// resolve finds the client's address and the function where they depend on the request.
//
//lambda:inline
func resolve(l *Lambda, req *request) error {
	if l.functions.clientIP != nil {
		req.clientIP = forwardedIP(l.functions.clientIP, req)
	}
	if req.target != nil {
		return nil
	}
	if l.functions.routes != nil {
		return resolveByKey(l.functions.routes, req)
	}
	return resolveByPath(l.functions.byPath, req)
}

func noRoute(reason string) error { return failureOf(causeNoRoute, errors.New(reason)) }

// functionsByKey is the option routes with the targets of its functions.
type functionsByKey struct {
	table   *route.Table
	targets map[*route.Route]*target
}

func newFunctionsByKey(options []route.Config, api *lambdaAPI) (*functionsByKey, error) {
	table, err := route.New(options)
	if err != nil {
		return nil, err
	}
	f := &functionsByKey{table: table, targets: map[*route.Route]*target{}}
	for _, r := range table.Routes {
		t, err := newTarget(r.Function, api)
		if err != nil {
			return nil, err
		}
		t.counts = metrics.ForFunction(t.label)
		f.targets[r] = t
	}
	return f, nil
}

// resolveByKey takes the function of the route that matches best.
//
//lambda:inline
func resolveByKey(f *functionsByKey, req *request) error {
	r := route.Find(f.table, req.http)
	if r == nil {
		return noRoute("no route matches")
	}
	req.target = f.targets[r]
	req.routeKey = r.Key
	req.pathParameters = route.Parameters(r, escapedPath(req))
	return nil
}

// functionsByPath is the option pathPrefix with the targets of the functions that were called.
type functionsByPath struct {
	names *route.ByPath
	strip bool // option stripPrefix
	api   *lambdaAPI

	mu      sync.Mutex
	targets map[string]*target // by the name in the path
}

// maxTargetsByPath bounds how many targets are kept: clients choose the names.
const maxTargetsByPath = 1000

func newFunctionsByPath(c *Config, api *lambdaAPI) (*functionsByPath, error) {
	names, err := route.NewByPath(route.ByPathConfig{
		PathPrefix:  c.PathPrefix,
		Include:     c.Include,
		Exclude:     c.Exclude,
		NamePrepend: c.NamePrepend,
		NameAppend:  c.NameAppend,
		Qualifier:   c.Qualifier,
	})
	if err != nil {
		return nil, err
	}
	return &functionsByPath{names: names, strip: c.StripPrefix, api: api, targets: map[string]*target{}}, nil
}

// resolveByPath takes the function that the path names.
//
//lambda:inline
func resolveByPath(f *functionsByPath, req *request) error {
	name, rest, err := route.Name(f.names, escapedPath(req))
	if err != nil {
		return failureOf(causeNoRoute, err)
	}
	t, err := targetByName(f, name)
	if err != nil {
		return failureOf(causeNoRoute, err)
	}
	req.target = t
	if f.strip {
		req.rawPath = "/" + rest
		decoded, _ := url.PathUnescape(req.rawPath) // EscapedPath escapes well
		req.path = decoded
	}
	return nil
}

func targetByName(f *functionsByPath, name string) (*target, error) {
	f.mu.Lock()
	t := f.targets[name]
	f.mu.Unlock()
	if t != nil {
		return t, nil
	}
	function, err := f.names.Function(name)
	if err != nil {
		return nil, err
	}
	t, err = newTarget(function, f.api)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.targets) >= maxTargetsByPath {
		f.targets = map[string]*target{}
	}
	f.targets[name] = t
	return t, nil
}

// validateNoPathPrefix refuses options that would do nothing.
func (c *Config) validateNoPathPrefix() error {
	if c.PathPrefix != "" {
		return nil
	}
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
