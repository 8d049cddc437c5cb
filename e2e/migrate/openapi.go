package migrate

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// openAPI reads a document with API Gateway's extensions, of version 2 or 3:
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions.html
type openAPI struct {
	reader
	plan *plan
	root *yaml.Node
	// function returns the one that a URI leads to.
	function func(uri string) lambda
}

func readOpenAPI(root *yaml.Node) *plan {
	o := &openAPI{plan: &plan{}, root: root}
	o.function = o.plan.functionIn
	o.variable = func(string) (string, bool) { return "", false }
	o.plan.name = o.text(get(root, "info", "title"))
	o.read()
	return o.plan
}

// methods are the keys of a path that are operations.
var methods = []string{
	"get", "put", "post", "delete", "options", "head", "patch", "trace", "x-amazon-apigateway-any-method",
}

func (o *openAPI) read() {
	for _, path := range pairs(get(o.root, "paths")) {
		for _, operation := range pairs(path.value) {
			if slices.Contains(methods, operation.key) {
				o.operation(path.key, operation)
			}
		}
	}
}

func (o *openAPI) operation(path string, operation pair) {
	r := route{method: apiMethod(operation.key), path: apiPath(path)}
	if path == "/$default" || path == pathDefault {
		r.method, r.path = methodAny, pathDefault
	}
	integration := get(operation.value, "x-amazon-apigateway-integration")
	if reference := o.text(get(integration, "$ref")); reference != "" { // HTTP APIs may share integrations
		integration = get(o.root, strings.Split(strings.TrimPrefix(reference, "#/"), "/")...)
	}
	switch kind := strings.ToLower(o.text(get(integration, "type"))); {
	case integration == nil:
		o.plan.note("no integration: %s", r.routeKey())
		return
	case kind == "mock" && r.method == "OPTIONS":
		o.plan.noteCORS()
		return
	case kind != "aws_proxy":
		o.plan.noteOther(r, kind)
		return
	}
	uri := o.text(get(integration, "uri"))
	r.lambda = o.function(uri)
	r.format = formatOf(o.text(get(integration, "payloadFormatVersion")))
	if r.format == "rest-api" {
		r.binaryMediaTypes = o.texts(get(o.root, "x-amazon-apigateway-binary-media-types"))
	}
	g, reason := o.guard(operation.value, r.format)
	if reason != "" {
		o.plan.leaveOut(r, reason)
		return
	}
	r.guard = g
	o.plan.routes = append(o.plan.routes, r)
}

// formatOf returns the event's format: REST APIs have one, which they do not name.
func formatOf(payloadFormatVersion string) string {
	if payloadFormatVersion == "" {
		return "rest-api"
	}
	return "http-api-v" + payloadVersion(payloadFormatVersion)
}

// guard returns the authorizer of an operation, or why there can be none.
func (o *openAPI) guard(operation *yaml.Node, format string) (g guard, reason string) {
	security := get(operation, "security")
	if security == nil {
		security = get(o.root, "security")
	}
	if get(operation, "x-amazon-apigateway-auth") != nil {
		return g, reasonIAM
	}
	requirements := elements(security)
	if len(requirements) == 0 || len(pairs(requirements[0])) == 0 {
		return g, ""
	}
	if len(requirements) > 1 || len(pairs(requirements[0])) > 1 {
		return g, "it has several security requirements"
	}
	requirement := pairs(requirements[0])[0]
	scheme := get(o.root, "components", "securitySchemes", requirement.key)
	if scheme == nil {
		scheme = get(o.root, "securityDefinitions", requirement.key)
	}
	return o.scheme(requirement.key, scheme, format, o.texts(requirement.value))
}

func (o *openAPI) scheme(name string, scheme *yaml.Node, format string, scopes []string) (g guard, reason string) {
	authorizer := get(scheme, "x-amazon-apigateway-authorizer")
	kind := o.text(get(authorizer, "type"))
	g = guard{name: name}
	switch {
	case kind == "jwt":
		g.issuer = o.text(get(authorizer, "jwtConfiguration", "issuer"))
		g.audience = o.texts(get(authorizer, "jwtConfiguration", "audience"))
		g.scopes = scopes
	case kind == "request" || kind == "token":
		g.lambda = o.function(o.text(get(authorizer, "authorizerUri")))
		g.ttl = seconds(o.text(get(authorizer, "authorizerResultTtlInSeconds")))
		g.identityValidation = o.text(get(authorizer, "identityValidationExpression"))
		g.format = authorizerFormat(kind, format, o.text(get(authorizer, "authorizerPayloadFormatVersion")))
	case kind == "cognito_user_pools":
		return g, reasonCognito
	case o.text(get(scheme, "x-amazon-apigateway-authtype")) == "awsSigv4":
		return g, reasonIAM
	case o.text(get(scheme, "type")) == "apiKey":
		return g, reasonKeyed
	default:
		return g, "its security " + name + " has no authorizer"
	}
	g.identitySource = identitySources(o.texts(get(authorizer, "identitySource")))
	if header := o.text(get(scheme, "name")); kind == "token" && header != "" && len(g.identitySource) == 0 {
		g.identitySource = []string{"$request.header." + header}
	}
	return g, ""
}

// authorizerFormat returns the option authorizer.eventFormat.
func authorizerFormat(kind, api, version string) string {
	switch {
	case kind == "token":
		return "rest-api-token"
	case api == "rest-api":
		return "rest-api"
	default:
		return "http-api-v" + payloadVersion(version)
	}
}
