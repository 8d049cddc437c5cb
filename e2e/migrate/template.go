package migrate

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// template reads a SAM or CloudFormation template.
// https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification.html
type template struct {
	reader
	plan *plan
	root *yaml.Node
}

func readTemplate(root *yaml.Node) *plan {
	t := &template{plan: &plan{name: "functions"}, root: root}
	t.variable = t.lookUp
	for _, resource := range pairs(get(root, "Resources")) {
		properties := get(resource.value, "Properties")
		switch kind := t.text(get(resource.value, "Type")); kind {
		case "AWS::Serverless::Function":
			t.function(resource.key, properties)
		case "AWS::Serverless::Api", "AWS::Serverless::HttpApi", "AWS::ApiGatewayV2::Api", "AWS::ApiGateway::RestApi":
			t.api(properties)
		case "AWS::ApiGatewayV2::Route":
			t.route(properties)
		case "AWS::ApiGateway::Method":
			t.method(properties)
		case "AWS::ElasticLoadBalancingV2::ListenerRule":
			t.listenerRule(properties)
		case "AWS::Lambda::Url":
			t.url(t.functionIn(get(properties, "TargetFunctionArn")), properties)
		}
	}
	return t.plan
}

// lookUp knows parameters with a default.
func (t *template) lookUp(name string) (string, bool) {
	node := get(t.root, "Parameters", name, "Default")
	if !isScalar(node) || strings.HasPrefix(t.text(get(t.root, "Parameters", name, "Type")), "AWS::SSM::") {
		return "", false
	}
	return node.Value, true
}

// resource returns a resource's properties; nil where it is not in the template.
func (t *template) resource(name string) *yaml.Node {
	return get(t.root, "Resources", name, "Properties")
}

var resourceInText = regexp.MustCompile(`\$\{(\w+)(?:\.(?:Arn|Alias|Version))?\}`)

func (t *template) functionIn(value *yaml.Node) lambda { return t.functionInText(t.text(value)) }

// functionInText returns the function that a text leads to: its name, its ARN or a reference to a resource.
func (t *template) functionInText(text string) lambda {
	for _, match := range resourceInText.FindAllStringSubmatch(text, -1) {
		if strings.HasSuffix(t.text(get(t.root, "Resources", match[1], "Type")), "::Function") {
			return t.functionOf(match[1])
		}
	}
	return t.plan.functionIn(text)
}

// functionOf returns the function of a resource. CloudFormation makes up a name where the template has none.
func (t *template) functionOf(resource string) lambda {
	properties := t.resource(resource)
	f := lambda{function: resource}
	if name := t.text(get(properties, "FunctionName")); name != "" {
		var complete bool
		if f, complete = named(name); !complete {
			t.plan.note("fill in the name of the function %s, %q in the source", resource, name)
		}
	} else {
		t.plan.note("fill in the name of the deployed function %s: aws cloudformation describe-stack-resource "+
			"--logical-resource-id %s --query StackResourceDetail.PhysicalResourceId --stack-name …", resource, resource)
	}
	f.qualifier = known(t.text(get(properties, "AutoPublishAlias")))
	return f
}

// functionIn returns the function of a name or an ARN. The name of one that only AWS can complete has to be filled in.
func (p *plan) functionIn(text string) lambda {
	p.noteRegion(text)
	if f, complete := named(text); complete {
		return f
	}
	name := text
	if match := resourceInText.FindAllStringSubmatch(text, -1); len(match) > 0 {
		name = match[len(match)-1][1]
	}
	f, _ := named(name)
	p.note("fill in the name of the function %s, %q in the source", f.function, text)
	return f
}

var regionInARN = regexp.MustCompile(`arn:aws[a-z-]*:lambda:([a-z]{2}(?:-[a-z]+)+-\d):`)

func (p *plan) noteRegion(text string) {
	if match := regionInARN.FindStringSubmatch(text); match != nil && p.region == "" {
		p.region = match[1]
	}
}

// api reads an API's definition, where it is an OpenAPI document in the template.
func (t *template) api(properties *yaml.Node) {
	for _, name := range []string{"DefinitionBody", "Body"} {
		body := get(properties, name)
		if get(body, "paths") != nil {
			(&openAPI{reader: t.reader, plan: t.plan, root: body, function: t.functionInText}).read()
		} else if body != nil {
			t.plan.note("not read: %s of an API, which is in another file", name)
		}
	}
	if get(properties, "DefinitionUri") != nil {
		t.plan.note("not read: DefinitionUri of an API: translate that document by itself")
	}
	if get(properties, "CorsConfiguration") != nil || get(properties, "Cors") != nil {
		t.plan.noteCORS()
	}
}

func (t *template) function(name string, properties *yaml.Node) {
	for _, event := range pairs(get(properties, "Events")) {
		p := get(event.value, "Properties")
		switch kind := t.text(get(event.value, "Type")); kind {
		case "Api":
			t.apiEvent(name, p)
		case "HttpApi":
			t.httpAPIEvent(name, p)
		default:
			t.plan.note("no request: event %s (%s) of %s stays with AWS", event.key, kind, name)
		}
	}
	if url := get(properties, "FunctionUrlConfig"); url != nil {
		t.url(t.functionOf(name), url)
	}
}

// samAPI is an API of SAM's: the one that an event names, and what Globals says of all.
type samAPI struct{ own, global *yaml.Node }

func (t *template) apiNamed(reference *yaml.Node, global string) samAPI {
	api := samAPI{global: get(t.root, "Globals", global)}
	if reference == nil {
		return api
	}
	text := t.text(reference)
	if match := resourceInText.FindStringSubmatch(text); match != nil {
		api.own = t.resource(match[1])
	}
	if api.own == nil {
		t.plan.note("CHECK: the API %s is not in the template: it may have an authorizer for all routes", text)
	}
	return api
}

// get returns what the API has below the names, else what Globals has.
func (a samAPI) get(names ...string) *yaml.Node {
	if own := get(a.own, names...); own != nil {
		return own
	}
	return get(a.global, names...)
}

func (t *template) apiEvent(function string, event *yaml.Node) {
	api := t.apiNamed(get(event, "RestApiId"), "Api")
	r := route{
		method: t.eventMethod(event), path: apiPath(t.text(get(event, "Path"))),
		lambda: t.functionOf(function), format: "rest-api", stage: known(t.text(api.get("StageName"))),
	}
	if api.own == nil {
		r.stage = "Prod" // that of the API which SAM makes
	}
	for _, text := range t.texts(api.get("BinaryMediaTypes")) {
		r.binaryMediaTypes = append(r.binaryMediaTypes, strings.ReplaceAll(text, "~1", "/"))
	}
	t.guarded(r, event, api, t.restGuard)
}

func (t *template) eventMethod(event *yaml.Node) string {
	return apiMethod(t.text(get(event, "Method")))
}

func (t *template) httpAPIEvent(function string, event *yaml.Node) {
	api := t.apiNamed(get(event, "ApiId"), "HttpApi")
	r := route{method: methodAny, path: pathDefault, lambda: t.functionOf(function), format: "http-api-v2"}
	if path := t.text(get(event, "Path")); path != "" && path != pathDefault {
		r.method, r.path = t.eventMethod(event), apiPath(path)
	}
	if version := t.text(get(event, "PayloadFormatVersion")); version != "" {
		r.format = formatOf(version)
	}
	t.guarded(r, event, api, t.httpGuard)
}

// guardReader returns the guard of an authorizer's definition, or why there can be none.
type guardReader func(name string, definition *yaml.Node) (g guard, reason string)

// guarded adds the route with the authorizer that the event names, else the API's.
func (t *template) guarded(r route, event *yaml.Node, api samAPI, read guardReader) {
	name := t.text(get(event, "Auth", "Authorizer"))
	if name == "" {
		name = t.text(api.get("Auth", "DefaultAuthorizer"))
	}
	if api.get("Auth", "ResourcePolicy") != nil {
		t.plan.note("CHECK: the API has a resource policy; Traefik's middleware ipAllowList bounds addresses")
	}
	switch {
	case isTrue(get(event, "Auth", "ApiKeyRequired")) || isTrue(api.get("Auth", "ApiKeyRequired")):
		t.plan.leaveOut(r, reasonKeyed)
		return
	case name == "AWS_IAM":
		t.plan.leaveOut(r, reasonIAM)
		return
	case name != "" && name != "NONE":
		definition := api.get("Auth", "Authorizers", name)
		if definition == nil {
			t.plan.leaveOut(r, "its authorizer "+name+" is not in the template")
			return
		}
		g, reason := read(name, definition)
		if reason != "" {
			t.plan.leaveOut(r, reason)
			return
		}
		if scopes := get(event, "Auth", "AuthorizationScopes"); scopes != nil && g.isJWT() {
			g.scopes = t.texts(scopes)
		}
		r.guard = g
	}
	t.plan.routes = append(t.plan.routes, r)
}

func (t *template) restGuard(name string, definition *yaml.Node) (g guard, reason string) {
	if get(definition, "UserPoolArn") != nil {
		return g, reasonCognito
	}
	identity := get(definition, "Identity")
	g = guard{name: name, lambda: t.functionIn(get(definition, "FunctionArn")), format: "rest-api-token", ttl: "300s"}
	if t.text(get(definition, "FunctionPayloadType")) == "REQUEST" {
		g.format = "rest-api"
	}
	t.identity(&g, identity)
	g.identityValidation = t.text(get(identity, "ValidationExpression"))
	return g, ""
}

func (t *template) httpGuard(name string, definition *yaml.Node) (g guard, reason string) {
	g = guard{name: name, identitySource: identitySources(t.texts(get(definition, "IdentitySource")))}
	if jwt := get(definition, "JwtConfiguration"); jwt != nil {
		g.issuer = t.text(get(jwt, "issuer"))
		g.audience = t.texts(get(jwt, "audience"))
		g.scopes = t.texts(get(definition, "AuthorizationScopes"))
		return g, ""
	}
	g.lambda = t.functionIn(get(definition, "FunctionArn"))
	g.format = "http-api-v" + payloadVersion(t.text(get(definition, "AuthorizerPayloadFormatVersion")))
	t.identity(&g, get(definition, "Identity"))
	return g, ""
}

// identity reads SAM's group Identity.
func (t *template) identity(g *guard, identity *yaml.Node) {
	for _, kind := range []struct{ name, source string }{
		{"Header", "$request.header."}, {"Headers", "$request.header."}, {"QueryStrings", "$request.querystring."},
		{"Context", "$context."}, {"StageVariables", "$stageVariables."},
	} {
		for _, name := range t.texts(get(identity, kind.name)) {
			g.identitySource = append(g.identitySource, kind.source+name)
		}
	}
	if ttl := get(identity, "ReauthorizeEvery"); ttl != nil {
		g.ttl = seconds(t.text(ttl))
	}
}

func (t *template) url(function lambda, properties *yaml.Node) {
	r := route{method: methodAny, path: pathDefault, lambda: function, format: "function-url", alone: true}
	r.stream = t.text(get(properties, "InvokeMode")) == "RESPONSE_STREAM"
	if t.text(get(properties, "AuthType")) == "AWS_IAM" {
		t.plan.leaveOut(r, reasonIAM)
		return
	}
	t.plan.routes = append(t.plan.routes, r)
}

// route is one of an HTTP API in CloudFormation.
func (t *template) route(properties *yaml.Node) {
	r := route{}
	r.method, r.path = routeOfKey(t.text(get(properties, "RouteKey")))
	match := resourceInText.FindStringSubmatch(t.text(get(properties, "Target")))
	if match == nil || t.resource(match[1]) == nil {
		t.plan.note("no function: the target of %s is not in the template", r.routeKey())
		return
	}
	integration := t.resource(match[1])
	if kind := t.text(get(integration, "IntegrationType")); kind != "AWS_PROXY" {
		t.plan.noteOther(r, kind)
		return
	}
	r.lambda = t.functionIn(get(integration, "IntegrationUri"))
	r.format = formatOf(t.text(get(integration, "PayloadFormatVersion")))
	switch kind := t.text(get(properties, "AuthorizationType")); kind {
	case "", "NONE":
	case "JWT", "CUSTOM":
		match := resourceInText.FindStringSubmatch(t.text(get(properties, "AuthorizerId")))
		if match == nil || t.resource(match[1]) == nil {
			t.plan.leaveOut(r, "its authorizer is not in the template")
			return
		}
		r.guard = t.authorizer(match[1], t.resource(match[1]))
		r.guard.scopes = t.texts(get(properties, "AuthorizationScopes"))
	default:
		t.plan.leaveOut(r, "authorization "+kind+" has no counterpart")
		return
	}
	t.plan.routes = append(t.plan.routes, r)
}

// authorizer is one of an HTTP API in CloudFormation.
func (t *template) authorizer(name string, properties *yaml.Node) guard {
	g := guard{name: name, identitySource: identitySources(t.texts(get(properties, "IdentitySource")))}
	if jwt := get(properties, "JwtConfiguration"); jwt != nil {
		g.issuer, g.audience = t.text(get(jwt, "Issuer")), t.texts(get(jwt, "Audience"))
		return g
	}
	g.lambda = t.functionIn(get(properties, "AuthorizerUri"))
	g.format = "http-api-v" + payloadVersion(t.text(get(properties, "AuthorizerPayloadFormatVersion")))
	g.ttl = seconds(t.text(get(properties, "AuthorizerResultTtlInSeconds")))
	return g
}

// method is one of a REST API in CloudFormation, below a tree of resources.
func (t *template) method(properties *yaml.Node) {
	r := route{
		method: apiMethod(t.text(get(properties, "HttpMethod"))),
		path:   apiPath(t.resourcePath(get(properties, "ResourceId"), 0)), format: "rest-api",
	}
	integration := get(properties, "Integration")
	if kind := t.text(get(integration, "Type")); kind != "AWS_PROXY" {
		t.plan.noteOther(r, kind)
		return
	}
	r.lambda = t.functionIn(get(integration, "Uri"))
	switch {
	case isTrue(get(properties, "ApiKeyRequired")):
		t.plan.leaveOut(r, reasonKeyed)
		return
	case t.text(get(properties, "AuthorizationType")) != "NONE" && get(properties, "AuthorizationType") != nil:
		t.plan.leaveOut(r, "authorization "+t.text(get(properties, "AuthorizationType"))+" of a method is not translated")
		return
	}
	t.plan.routes = append(t.plan.routes, r)
}

// maxDepth bounds the tree of a REST API's resources, which could be a circle.
const maxDepth = 50

func (t *template) resourcePath(reference *yaml.Node, depth int) string {
	match := resourceInText.FindStringSubmatch(t.text(reference))
	if match == nil || depth > maxDepth { // ${Api.RootResourceId} is the root.
		return ""
	}
	properties := t.resource(match[1])
	part := t.text(get(properties, "PathPart"))
	if part == "" {
		return ""
	}
	return t.resourcePath(get(properties, "ParentId"), depth+1) + "/" + part
}

// listenerRule is one of a load balancer whose target is a function.
func (t *template) listenerRule(properties *yaml.Node) {
	r := route{format: "alb", method: methodAny, path: pathDefault}
	for _, action := range elements(get(properties, "Actions")) {
		if kind := t.text(get(action, "Type")); strings.HasPrefix(kind, "authenticate-") {
			t.plan.leaveOut(r, kind+" of a load balancer has no counterpart")
			return
		}
		match := resourceInText.FindStringSubmatch(t.text(get(action, "TargetGroupArn")))
		if match == nil {
			continue
		}
		group := t.resource(match[1])
		for _, target := range elements(get(group, "Targets")) {
			if t.text(get(group, "TargetType")) == "lambda" {
				r.lambda = t.functionIn(get(target, "Id"))
			}
		}
		for _, attribute := range elements(get(group, "TargetGroupAttributes")) {
			if t.text(get(attribute, "Key")) == "lambda.multi_value_headers.enabled" && isTrue(get(attribute, "Value")) {
				r.format = "alb-multi-value"
			}
		}
	}
	if r.function == "" {
		t.plan.note("no function: a load balancer's rule with other targets, for a router and a service of Traefik's")
		return
	}
	var paths, methods []string
	for _, condition := range elements(get(properties, "Conditions")) {
		values := t.texts(get(condition, "Values"))
		switch field := t.text(get(condition, "Field")); field {
		case "path-pattern":
			paths = slices.Concat(values, t.texts(get(condition, "PathPatternConfig", "Values")))
		case "host-header":
			r.hosts = slices.Concat(values, t.texts(get(condition, "HostHeaderConfig", "Values")))
		case "http-request-method":
			methods = t.texts(get(condition, "HttpRequestMethodConfig", "Values"))
		default:
			t.plan.note("condition %s of a load balancer's rule: add it to the router's rule", field)
		}
	}
	t.plan.addListenerRule(r, paths, methods)
}
