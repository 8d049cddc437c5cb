package migrate

import (
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

// serverless reads a serverless.yml: https://www.serverless.com/framework/docs/providers/aws/guide/serverless.yml
type serverless struct {
	reader
	plan  *plan
	root  *yaml.Node
	stage string
}

func readServerless(root *yaml.Node, stage string) *plan {
	s := &serverless{plan: &plan{}, root: root}
	s.variable = s.lookUp
	s.stage = s.text(get(root, "provider", "stage"))
	if s.stage == "" || strings.Contains(s.stage, "${") {
		s.stage = stage
	}
	s.plan.name = s.text(get(root, "service"))
	if s.plan.name == "" {
		s.plan.name = s.text(get(root, "service", "name"))
	}
	s.plan.region = known(s.text(get(root, "provider", "region")))
	for _, list := range elements(get(root, "functions")) {
		if isScalar(list) {
			s.plan.note("not read: functions in %s", list.Value)
		}
		for _, function := range pairs(list) {
			s.function(function)
		}
	}
	return s.plan
}

// known returns the text, or nothing where a part of it is only known to AWS.
func known(text string) string {
	if strings.Contains(text, "${") {
		return ""
	}
	return text
}

// lookUp knows self:, opt:, env: and sls:stage, with the default that may stand behind a comma.
func (s *serverless) lookUp(name string) (string, bool) {
	name, fallback, hasFallback := strings.Cut(name, ",")
	value, found := "", false
	source, path, _ := strings.Cut(strings.TrimSpace(name), ":")
	switch {
	case source == "self":
		if node := get(s.root, strings.Split(path, ".")...); isScalar(node) {
			value, found = node.Value, true
		}
		if path == "provider.stage" && s.stage != "" { // also where nothing sets it
			value, found = s.stage, true
		}
	case source == "env":
		value, found = os.LookupEnv(path)
	case (source == "opt" || source == "sls") && path == "stage" && s.stage != "":
		value, found = s.stage, true
	}
	if !found && hasFallback {
		return strings.Trim(strings.TrimSpace(fallback), `'"`), true
	}
	return value, found
}

func (s *serverless) function(f pair) {
	name := s.text(get(f.value, "name"))
	if name == "" {
		name = s.plan.name + "-" + s.stage + "-" + f.key
	}
	function, complete := named(name)
	if !complete {
		s.plan.note("fill in the name of the function %s, %q in the source", f.key, name)
	}
	for _, event := range elements(get(f.value, "events")) {
		if isScalar(event) {
			s.plan.note("no counterpart: event %s of %s", event.Value, f.key)
		}
		for _, e := range pairs(event) {
			s.event(f.key, function, e)
		}
	}
	if url := get(f.value, "url"); url != nil && (isTrue(url) || isMapping(url)) {
		s.url(function, url)
	}
}

func (s *serverless) event(key string, function lambda, event pair) {
	switch event.key {
	case "http":
		s.http(function, event.value)
	case "httpApi":
		s.httpAPI(function, event.value)
	case "alb":
		s.alb(function, event.value)
	case "websocket":
		s.plan.note("no counterpart: WebSocket API, event websocket of %s", key)
	default:
		s.plan.note("no request: event %s of %s stays with AWS", event.key, key)
	}
}

// http is an event of a REST API.
func (s *serverless) http(function lambda, event *yaml.Node) {
	r := route{lambda: function, format: "rest-api", stage: s.stage}
	r.method, r.path = s.place(event)
	r.binaryMediaTypes = s.texts(get(s.root, "provider", "apiGateway", "binaryMediaTypes"))
	switch integration := strings.ToLower(s.text(get(event, "integration"))); integration {
	case "", "lambda-proxy", "lambda_proxy", "aws_proxy", "aws-proxy":
	default:
		s.plan.leaveOut(r, "integration "+integration+" has templates of its own (eventFormat: template could do it)")
		return
	}
	if isTrue(get(event, "private")) {
		s.plan.leaveOut(r, reasonKeyed)
		return
	}
	if isTrue(get(event, "async")) {
		s.plan.note("asynchronous in the source: %s; invocationType: Event, in a middleware of its own", r.routeKey())
	}
	s.noteCORS(get(event, "cors"))
	if authorizer := get(event, "authorizer"); authorizer != nil {
		g, reason := s.restGuard(authorizer)
		if reason != "" {
			s.plan.leaveOut(r, reason)
			return
		}
		r.guard = g
	}
	s.plan.routes = append(s.plan.routes, r)
}

// place reads "GET path", or method and path.
func (s *serverless) place(event *yaml.Node) (method, path string) {
	if isMapping(event) {
		method, path = s.text(get(event, "method")), s.text(get(event, "path"))
	} else {
		method, path, _ = strings.Cut(s.text(event), " ")
	}
	return apiMethod(method), apiPath(strings.TrimSpace(path))
}

func (s *serverless) noteCORS(node *yaml.Node) {
	if node != nil && !strings.EqualFold(node.Value, "false") {
		s.plan.noteCORS()
	}
}

// restGuard reads an authorizer of a REST API: the name of a function here, aws_iam, or a mapping.
func (s *serverless) restGuard(node *yaml.Node) (g guard, reason string) {
	name := s.text(node)
	kind := strings.ToLower(s.text(get(node, "type")))
	if isMapping(node) {
		name = s.text(get(node, "name"))
		if arn := s.text(get(node, "arn")); arn != "" {
			name = arn
		}
	}
	switch {
	case strings.EqualFold(name, "aws_iam") || kind == "aws_iam":
		return g, reasonIAM
	case get(node, "authorizerId") != nil:
		return g, "its authorizer is not in the file"
	case strings.Contains(name, ":cognito-idp:") || kind == "cognito_user_pools":
		return g, reasonCognito
	}
	g = guard{format: "rest-api-token", ttl: "300s"}
	g.lambda = s.functionNamed(name)
	g.name = g.function
	if kind == "request" {
		g.format = "rest-api"
	}
	if ttl := get(node, "resultTtlInSeconds"); ttl != nil {
		g.ttl = seconds(s.text(ttl))
	}
	g.identitySource = identitySources(s.texts(get(node, "identitySource")))
	g.identityValidation = s.text(get(node, "identityValidationExpression"))
	return g, ""
}

// functionNamed finds a function by its key in this file, else takes the text for its name or ARN.
func (s *serverless) functionNamed(text string) lambda {
	if f := get(s.root, "functions", text); f != nil {
		if name := s.text(get(f, "name")); name != "" {
			text = name
		} else {
			text = s.plan.name + "-" + s.stage + "-" + text
		}
	}
	f, complete := named(text)
	if !complete {
		s.plan.note("fill in the name of the authorizer's function, %q in the source", text)
	}
	return f
}

// httpAPI is an event of an HTTP API.
func (s *serverless) httpAPI(function lambda, event *yaml.Node) {
	api := get(s.root, "provider", "httpApi")
	r := route{lambda: function, format: "http-api-v2"}
	if s.text(get(api, "payload")) == "1.0" {
		r.format = "http-api-v1"
	}
	if text := s.text(event); text != "" {
		r.method, r.path = routeOfKey(text)
	} else {
		r.method, r.path = routeOfKey(strings.TrimSpace(s.text(get(event, "method")) + " " + s.text(get(event, "path"))))
	}
	s.noteCORS(get(api, "cors"))
	if authorizer := get(event, "authorizer"); authorizer != nil {
		name := s.text(authorizer)
		if isMapping(authorizer) {
			name = s.text(get(authorizer, "name"))
		}
		definition := get(api, "authorizers", name)
		if strings.EqualFold(s.text(get(authorizer, "type")), "aws_iam") {
			s.plan.leaveOut(r, reasonIAM)
			return
		}
		if definition == nil {
			s.plan.leaveOut(r, "its authorizer is not among provider.httpApi.authorizers")
			return
		}
		r.guard = s.httpGuard(name, definition, s.texts(get(authorizer, "scopes")))
	}
	s.plan.routes = append(s.plan.routes, r)
}

func (s *serverless) httpGuard(name string, definition *yaml.Node, scopes []string) guard {
	g := guard{name: name, identitySource: identitySources(s.texts(get(definition, "identitySource")))}
	if s.text(get(definition, "type")) != "request" {
		g.issuer = s.text(get(definition, "issuerUrl"))
		g.audience, g.scopes = s.texts(get(definition, "audience")), scopes
		return g
	}
	g.format = "http-api-v" + payloadVersion(s.text(get(definition, "payloadVersion")))
	g.ttl = seconds(s.text(get(definition, "resultTtlInSeconds")))
	name = s.text(get(definition, "functionName"))
	if name == "" {
		name = s.text(get(definition, "functionArn"))
	}
	g.lambda = s.functionNamed(name)
	return g
}

// payloadVersion returns 1 or 2, of "1.0" or "2.0".
func payloadVersion(text string) string {
	if text == "1.0" || text == "1" {
		return "1"
	}
	return "2"
}

// alb is a rule of a load balancer's listener.
func (s *serverless) alb(function lambda, event *yaml.Node) {
	conditions := get(event, "conditions")
	r := route{lambda: function, format: "alb", hosts: s.texts(get(conditions, "host"))}
	if isTrue(get(event, "multiValueHeaders")) {
		r.format = "alb-multi-value"
	}
	if get(event, "authorizer") != nil {
		r.method, r.path = methodAny, pathDefault
		s.plan.leaveOut(r, "an authorizer of a load balancer (OIDC, Cognito) has no counterpart")
		return
	}
	for _, name := range []string{"header", "query", "ip"} {
		if get(conditions, name) != nil {
			s.plan.note("condition %s of a load balancer's rule: add it to the router's rule", name)
		}
	}
	s.plan.addListenerRule(r, s.texts(get(conditions, "path")), s.texts(get(conditions, "method")))
}

// url is a Function URL, which has a host of its own.
func (s *serverless) url(function lambda, url *yaml.Node) {
	r := route{method: methodAny, path: pathDefault, lambda: function, format: "function-url", alone: true}
	r.stream = s.text(get(url, "invokeMode")) == "RESPONSE_STREAM"
	if authorizer := s.text(get(url, "authorizer")); strings.EqualFold(authorizer, "aws_iam") {
		s.plan.leaveOut(r, reasonIAM)
		return
	}
	s.noteCORS(get(url, "cors"))
	s.plan.routes = append(s.plan.routes, r)
}

// addListenerRule adds routes for each path and method of a load balancer's rule.
func (p *plan) addListenerRule(r route, paths, methods []string) {
	if len(paths) == 0 {
		paths = []string{"*"}
	}
	if len(methods) == 0 {
		methods = []string{"*"}
	}
	for _, path := range paths {
		for _, method := range methods {
			r.method, r.path = apiMethod(method), apiPath(path)
			if path == "*" || path == "/*" {
				r.method, r.path = methodAny, pathDefault
			}
			if strings.ContainsAny(r.path, "*?") {
				p.leaveOut(r, "wildcards inside of a path have no counterpart in routes (PathRegexp in the router's rule has)")
				continue
			}
			p.routes = append(p.routes, r)
		}
	}
}

// identitySources writes those of REST APIs (method.request.header.Name) as the plugin has them.
func identitySources(sources []string) []string {
	all := make([]string, 0, len(sources))
	for _, source := range sources {
		if rest, is := strings.CutPrefix(source, "method.request."); is {
			source = "$request." + rest
		} else if strings.HasPrefix(source, "context.") || strings.HasPrefix(source, "stageVariables.") {
			source = "$" + source
		}
		all = append(all, source)
	}
	return all
}
