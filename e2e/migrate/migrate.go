// Package migrate makes the plugin's middlewares of what deploys functions behind AWS's own front doors:
// serverless.yml, SAM and CloudFormation templates, OpenAPI documents with API Gateway's integrations. What has no
// counterpart is told, and a route whose guard has none is left out rather than left open.
package migrate

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// route is a request that a function answers.
type route struct {
	// method is in upper case, ANY for every method.
	method string
	// path is as API Gateway writes it: /users/{id}, /files/{proxy+}. pathDefault stands for all that is left.
	path string
	lambda
	// format is the plugin's eventFormat.
	format string
	stream bool
	// stage is that of the event. Empty: the format's own.
	stage string
	// guard is the zero value where everybody may ask.
	guard guard
	// binaryMediaTypes are the API's.
	binaryMediaTypes []string
	// hosts are those that the route is for. None: those of the whole.
	hosts []string
	// alone is set for a function with a front door of its own, a Function URL.
	alone bool
}

const (
	methodAny   = "ANY"
	pathDefault = "$default"
)

// lambda is a function as the plugin's options name it.
type lambda struct{ function, qualifier string }

// guard is the option group authorizer.
type guard struct {
	// name is the authorizer's, for the middleware's name. Empty: there is no guard.
	name string
	lambda
	format             string
	identitySource     []string
	identityValidation string
	ttl                string
	issuer             string
	audience, scopes   []string
}

func (g guard) isJWT() bool { return g.issuer != "" }

// key is equal for routes that one middleware can serve.
func (r route) key() string {
	own := ""
	if r.alone || r.function == leftOut {
		own = r.function
	}
	return fmt.Sprint(r.format, r.stream, r.stage, r.guard, r.binaryMediaTypes, r.hosts, own)
}

// routeKey is the option routes[].routeKey.
func (r route) routeKey() string {
	if r.path == pathDefault {
		return pathDefault
	}
	return r.method + " " + r.path
}

// plan is what was read.
type plan struct {
	// name is the service's or the API's.
	name   string
	region string
	routes []route
	// notes are what the reader of the output has to know, a line each.
	notes []string
}

func (p *plan) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(p.notes, text) {
		p.notes = append(p.notes, text)
	}
}

// Reasons to leave a route out.
const (
	reasonKeyed   = "it wants an API key, which has no counterpart"
	reasonCognito = "a Cognito authorizer of a REST API names no audience (authorizer.jwt wants one)"
	reasonIAM     = "IAM authorization has no counterpart"
)

func (p *plan) noteCORS() {
	p.note("CORS: Traefik's headers middleware answers preflight requests (accessControlAllowOriginList …)")
}

// noteOther tells of an integration that is no function.
func (p *plan) noteOther(r route, integration string) {
	p.note("no function: %s has an integration of type %s, for a router and a service of Traefik's", r.routeKey(), integration)
}

// leftOut is the function of routes that are not translated. There is none of this name, so they are answered with 502:
// without them, a route for all paths might answer their requests without their guard.
const leftOut = "LEFT-OUT"

// leaveOut tells of a route that is not translated.
func (p *plan) leaveOut(r route, reason string) {
	p.note("LEFT OUT, since %s: %s -> %s", reason, r.routeKey(), r.function)
	if !r.alone {
		r.lambda = lambda{function: leftOut}
		p.routes = append(p.routes, r)
	}
}

// tellWhatIsOpen notes what only AWS can fill in, and what is the same for all APIs.
func (p *plan) tellWhatIsOpen() {
	for _, r := range p.routes {
		if jwt := r.guard.issuer + " " + strings.Join(r.guard.audience, " "); strings.Contains(jwt, "${") {
			p.note("fill in the issuer and the audience of the authorizer %s: %s", r.guard.name, jwt)
		}
		if r.format == "rest-api" {
			p.note("URLs do not begin with the stage any more, as behind a custom domain")
		}
	}
	if slices.ContainsFunc(p.routes, func(r route) bool { return r.function == leftOut }) {
		p.note("there is no function %s: what is left out is answered with 502, not by another route without its guard", leftOut)
	}
	if p.region == "" {
		p.note("set region, here or as AWS_REGION")
	}
}

// Options are what the source does not say.
type Options struct {
	// Format is that of the output: file, labels or crd.
	Format string
	// Host is the host in the routers' rules.
	Host string
	// Stage is that of serverless.yml where it names none.
	Stage string
}

// Formats are the values of [Options.Format].
var Formats = []string{"file", "labels", "crd"}

// Translate returns Traefik's configuration for the source, a serverless.yml, a template or an OpenAPI document, in
// YAML or JSON. It fails where the source is none of these, or has no function that answers requests.
func Translate(content []byte, options Options) (string, error) {
	if !slices.Contains(Formats, options.Format) {
		return "", fmt.Errorf("format %q: want one of %s", options.Format, strings.Join(Formats, ", "))
	}
	var document yaml.Node
	if err := yaml.Unmarshal(content, &document); err != nil {
		return "", fmt.Errorf("read the source: %w", err)
	}
	if len(document.Content) == 0 {
		return "", errUnknownSource
	}
	p, err := read(document.Content[0], options)
	if err != nil {
		return "", err
	}
	if !slices.ContainsFunc(p.routes, func(r route) bool { return r.function != leftOut }) {
		return "", fmt.Errorf("no function in it answers requests that can be translated\n%s", strings.Join(p.notes, "\n"))
	}
	p.tellWhatIsOpen()
	return p.print(options)
}

var errUnknownSource = errors.New("neither a serverless.yml (functions), a SAM or CloudFormation template (Resources), " +
	"nor an OpenAPI document (paths)")

func read(root *yaml.Node, options Options) (*plan, error) {
	switch {
	case get(root, "Resources") != nil:
		return readTemplate(root), nil
	case get(root, "paths") != nil:
		return readOpenAPI(root), nil
	case get(root, "functions") != nil:
		return readServerless(root, options.Stage), nil
	default:
		return nil, errUnknownSource
	}
}
