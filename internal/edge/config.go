package edge

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/seed05e46011/lambda/internal/option"
)

// Config holds the options of the group edge. At least one hook is required.
type Config struct {
	// ViewerRequest defines the hook that every request meets first. It may change the request, or respond itself.
	// Default: none.
	ViewerRequest *RequestHookConfig `mapstructure:"viewerRequest"`

	// OriginRequest defines the hook of requests to the origin, which is the Lambda function or the router's service.
	// It may change the request and its Host, choose among Origins, or respond itself. Requests that a cache answers
	// do not reach it.
	// Default: none.
	OriginRequest *RequestHookConfig `mapstructure:"originRequest"`

	// OriginResponse defines the hook of the origin's responses, of 400 and above too. It may change status, headers
	// and body. A cache stores the changed response.
	// Default: none.
	OriginResponse *ResponseHookConfig `mapstructure:"originResponse"`

	// ViewerResponse defines the hook of responses on their way to the client, cached ones too, if the origin's own
	// status is below 400. It may change headers and body.
	// Default: none.
	ViewerResponse *ResponseHookConfig `mapstructure:"viewerResponse"`

	// DistributionID defines the id of the CloudFront distribution in events.
	// Default: "TRAEFIK".
	DistributionID string `mapstructure:"distributionId"`

	// DistributionDomainName defines the distribution's domain name in events.
	// Default: the host of the request, without its port.
	DistributionDomainName string `mapstructure:"distributionDomainName"`

	// Origins defines the hosts that OriginRequest may send requests to by changing origin.custom:
	// each a name, an IP address, or "*." and a suffix for all names under it. Hosts without a port,
	// which the hook chooses.
	// Default: none, requests go to the origin only.
	Origins []string `mapstructure:"origins"`

	// Unknown collects the options that do not exist.
	Unknown map[string]any `mapstructure:",remain"`
}

// RequestHookConfig holds the options of viewerRequest and of originRequest.
type RequestHookConfig struct {
	// Function defines the Lambda function of the hook: a name, a partial ARN or an ARN.
	// Required.
	Function string `mapstructure:"function"`

	// Qualifier defines the version or the alias of Function.
	// Default: what Function carries, else none, which is $LATEST.
	Qualifier string `mapstructure:"qualifier"`

	// IncludeBody shows the hook the request's body, up to 40 KB in viewerRequest and 1 MB in
	// originRequest, and lets it replace the body.
	// Default: false.
	IncludeBody bool `mapstructure:"includeBody"`

	// Timeout defines how long the hook may take.
	// Default: "5s" for viewerRequest, "30s" for originRequest.
	Timeout string `mapstructure:"timeout"`

	// Unknown collects the options that do not exist.
	Unknown map[string]any `mapstructure:",remain"`
}

// ResponseHookConfig holds the options of originResponse and of viewerResponse.
type ResponseHookConfig struct {
	// Function defines the Lambda function of the hook: a name, a partial ARN or an ARN.
	// Required.
	Function string `mapstructure:"function"`

	// Qualifier defines the version or the alias of Function.
	// Default: what Function carries, else none, which is $LATEST.
	Qualifier string `mapstructure:"qualifier"`

	// Timeout defines how long the hook may take.
	// Default: "30s" for originResponse, "5s" for viewerResponse.
	Timeout string `mapstructure:"timeout"`

	// Unknown collects the options that do not exist.
	Unknown map[string]any `mapstructure:",remain"`
}

// defaultDistributionID is the id of the distribution in events.
const defaultDistributionID = "TRAEFIK"

// hookKind holds the differences between the four hooks.
type hookKind struct {
	option         string // the name of its option
	eventType      string // as events have it
	defaultTimeout string
	maxBody        int // of bodies that it sees or sets, in bytes
	onRequest      bool
	atOrigin       bool
	readOnly       []string // headers, in lower case
}

// Limits for bodies that a hook sees or sets. In a response they include the headers.
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html#limits-lambda-at-edge
const (
	maxViewerBody = 40 << 10
	maxOriginBody = 1 << 20
)

// The hooks, with the headers that AWS makes read-only for each:
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/edge-function-restrictions-all.html
var (
	viewerRequestKind = hookKind{
		option: "viewerRequest", eventType: "viewer-request", defaultTimeout: "5s", maxBody: maxViewerBody,
		onRequest: true, atOrigin: false,
		readOnly: []string{"cdn-loop", "content-length", "host", "transfer-encoding", "via"},
	}
	originRequestKind = hookKind{
		option: "originRequest", eventType: "origin-request", defaultTimeout: "30s", maxBody: maxOriginBody,
		onRequest: true, atOrigin: true,
		readOnly: []string{
			"accept-encoding", "cdn-loop", "content-length", "if-modified-since", "if-none-match", "if-range",
			"if-unmodified-since", "transfer-encoding", "via",
		},
	}
	originResponseKind = hookKind{
		option: "originResponse", eventType: "origin-response", defaultTimeout: "30s", maxBody: maxOriginBody,
		onRequest: false, atOrigin: true,
		readOnly: []string{"transfer-encoding", "via"},
	}
	viewerResponseKind = hookKind{
		option: "viewerResponse", eventType: "viewer-response", defaultTimeout: "5s", maxBody: maxViewerBody,
		onRequest: false, atOrigin: false,
		readOnly: []string{"cdn-loop", "content-encoding", "content-length", "transfer-encoding", "via", "warning"},
	}
)

// hook is one of the four hooks, parsed and ready to be called.
type hook struct {
	hookKind

	function    string
	invoke      Invoke
	timeout     time.Duration
	includeBody bool
	observe     func(result string)
}

// parse checks and parses the options.
func parse(config *Config, core *Core) (*Edge, error) {
	if err := option.Unknown("edge.", reflect.TypeOf(*config), config.Unknown); err != nil {
		return nil, err
	}
	e := &Edge{core: core, distributionID: config.DistributionID, domainName: config.DistributionDomainName}
	if e.distributionID == "" {
		e.distributionID = defaultDistributionID
	}
	var err error
	e.viewerRequest, err = parseRequestHook(config.ViewerRequest, &viewerRequestKind, core)
	if err != nil {
		return nil, err
	}
	e.originRequest, err = parseRequestHook(config.OriginRequest, &originRequestKind, core)
	if err != nil {
		return nil, err
	}
	e.originResponse, err = parseResponseHook(config.OriginResponse, &originResponseKind, core)
	if err != nil {
		return nil, err
	}
	e.viewerResponse, err = parseResponseHook(config.ViewerResponse, &viewerResponseKind, core)
	if err != nil {
		return nil, err
	}
	if e.viewerRequest == nil && e.originRequest == nil && e.originResponse == nil && e.viewerResponse == nil {
		return nil, errors.New("edge: want at least one of viewerRequest, originRequest, originResponse, viewerResponse")
	}
	if len(config.Origins) > 0 && e.originRequest == nil {
		return nil, errors.New("edge.origins: only of use with edge.originRequest, which chooses among them")
	}
	e.origins, err = parseOrigins(config.Origins)
	return e, err
}

// parseRequestHook checks and parses the options of a request hook. It returns nil if the hook is not set.
func parseRequestHook(config *RequestHookConfig, kind *hookKind, core *Core) (*hook, error) {
	if config == nil {
		return nil, nil //nolint:nilnil // no hook is no error
	}
	if err := option.Unknown("edge."+kind.option+".", reflect.TypeOf(*config), config.Unknown); err != nil {
		return nil, err
	}
	h, err := newHook(config.Function, config.Qualifier, config.Timeout, kind, core)
	if err != nil {
		return nil, err
	}
	h.includeBody = config.IncludeBody
	return h, nil
}

// parseResponseHook does the same for a response hook.
func parseResponseHook(config *ResponseHookConfig, kind *hookKind, core *Core) (*hook, error) {
	if config == nil {
		return nil, nil //nolint:nilnil // no hook is no error
	}
	if err := option.Unknown("edge."+kind.option+".", reflect.TypeOf(*config), config.Unknown); err != nil {
		return nil, err
	}
	return newHook(config.Function, config.Qualifier, config.Timeout, kind, core)
}

// newHook checks and parses the options that all hooks share.
func newHook(function, qualifier, timeout string, kind *hookKind, core *Core) (*hook, error) {
	prefix := "edge." + kind.option + "."
	if function == "" {
		return nil, errors.New(prefix + "function: want the name or the ARN of a Lambda function")
	}
	if timeout == "" {
		timeout = kind.defaultTimeout
	}
	parsed, err := option.PositiveDuration(prefix+"timeout", timeout)
	if err != nil {
		return nil, err
	}
	invoke, err := core.Invoker(function, qualifier)
	if err != nil {
		return nil, fmt.Errorf("%s%w", prefix, err)
	}
	observe := core.Observer(kind.eventType, function)
	return &hook{hookKind: *kind, function: function, invoke: invoke, timeout: parsed, observe: observe}, nil
}

// hosts are the hosts of option origins.
type hosts struct {
	exact    map[string]bool // names in lower case, and IP addresses
	suffixes []string        // with their dot: ".example.com"
}

// parseOrigins checks and parses option origins.
func parseOrigins(list []string) (hosts, error) {
	parsed := hosts{exact: map[string]bool{}}
	for _, entry := range list {
		host := strings.ToLower(strings.TrimSpace(entry))
		address, err := netip.ParseAddr(host)
		switch {
		case err == nil:
			parsed.exact[address.String()] = true
		case !originPattern.MatchString(host):
			return hosts{}, fmt.Errorf("edge.origins: %q: want a host without port, "+
				"such as \"api.example.com\", \"*.example.com\" or \"192.0.2.1\"", entry)
		case strings.HasPrefix(host, "*"):
			parsed.suffixes = append(parsed.suffixes, host[1:])
		default:
			parsed.exact[host] = true
		}
	}
	return parsed, nil
}

var (
	originPattern = regexp.MustCompile(`^(?:\*\.)?` + hostName + `$`)
	namePattern   = regexp.MustCompile(`^` + hostName + `$`)
)

// hostName matches a name of DNS in lower case.
const hostName = `[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*`

// allow reports whether a host, in lower case, is among them.
func (h hosts) allow(host string) bool {
	if address, err := netip.ParseAddr(host); err == nil {
		return h.exact[address.String()]
	}
	if h.exact[host] {
		return true
	}
	for _, suffix := range h.suffixes {
		if strings.HasSuffix(host, suffix) {
			return namePattern.MatchString(host)
		}
	}
	return false
}
