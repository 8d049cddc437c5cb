package lambda

import (
	"errors"
	"fmt"
	"mime"
	"net/netip"
	"reflect"
	"regexp"
	"strings"

	"github.com/seed05e46011/lambda/internal/authorizer"
	"github.com/seed05e46011/lambda/internal/aws"
	"github.com/seed05e46011/lambda/internal/cache"
	"github.com/seed05e46011/lambda/internal/credentials"
	"github.com/seed05e46011/lambda/internal/edge"
	"github.com/seed05e46011/lambda/internal/endpoint"
	"github.com/seed05e46011/lambda/internal/logline"
	"github.com/seed05e46011/lambda/internal/option"
	"github.com/seed05e46011/lambda/internal/probe"
	"github.com/seed05e46011/lambda/internal/route"
)

// Config holds the options of one middleware. Names are those of the `mapstructure` tags, in any
// case. From labels every value arrives as a string; durations are strings with a unit ("62s"; a
// bare number counts seconds), sizes are whole numbers of bytes.
type Config struct {
	// Function defines the Lambda function that answers: a name, a partial ARN
	// ("123456789012:function:name") or an ARN, each with an optional ":qualifier".
	// Exactly one of Function, Routes and PathPrefix is required, but none where a group such as Edge
	// is set: then the next handler of the router, its service, is the origin.
	Function string `mapstructure:"function"`

	// Qualifier defines the version or the alias of Function, or of all functions under PathPrefix.
	// Default: what Function carries, else none, which is $LATEST.
	Qualifier string `mapstructure:"qualifier"`

	// Routes defines functions by method and path.
	Routes []route.Config `mapstructure:"routes"`

	// PathPrefix defines the path, decoded, under which the next segment names the function:
	// "/lambda/" sends /lambda/hello/x to the function hello. A name of other characters than
	// letters, digits, - and _, or of more than 64, is no function's. Clients can call every
	// function that Include and Exclude allow and the credentials may call: set Include.
	PathPrefix string `mapstructure:"pathPrefix"`

	// Include defines the names that PathPrefix may find in a path, each with * as its prefix,
	// its suffix or both.
	// Default: all names.
	Include []string `mapstructure:"include"`

	// Exclude defines the names that it may not, in the same way, though Include has them.
	Exclude []string `mapstructure:"exclude"`

	// NamePrepend and NameAppend go around the name in the path, after Include and Exclude have
	// been asked, and make what Function would be.
	NamePrepend string `mapstructure:"namePrepend"`
	NameAppend  string `mapstructure:"nameAppend"`

	// StripPrefix takes PathPrefix and the name off the path that the function sees.
	// Default: false.
	StripPrefix bool `mapstructure:"stripPrefix"`

	// Unmatched defines what becomes of a request that no route takes, or whose path names no
	// function: "notFound" answers 404, "next" hands it, untouched, to the next handler.
	// Default: "notFound".
	Unmatched string `mapstructure:"unmatched"`

	// Region defines the AWS region to sign for and to call.
	// Default: the region in Function's ARN, else AWS_REGION, else AWS_DEFAULT_REGION.
	Region string `mapstructure:"region"`

	// Endpoint defines the base URL of the Lambda API. With http:// the events, and all that users send, travel in clear
	// text: a warning is logged unless the host is loopback, a name without a dot or below docker.internal.
	// Default: the HTTPS endpoint of the region.
	Endpoint string `mapstructure:"endpoint"`

	// UseFIPS calls the endpoint whose cryptography is FIPS 140 validated, where the region has one.
	// Default: false.
	UseFIPS bool `mapstructure:"useFIPS"`

	// UseDualStack calls the endpoint that has IPv6 addresses too.
	// Default: false.
	UseDualStack bool `mapstructure:"useDualStack"`

	// TLS defines whom to trust on connections to the Lambda API.
	// Default: the system's certificate authorities.
	TLS *TLSConfig `mapstructure:"tls"`

	// ProxyURL defines the proxy to reach the Lambda API through: a URL of scheme http, https,
	// socks5 or socks5h, with user and password if need be.
	// Default: what HTTPS_PROXY, HTTP_PROXY and NO_PROXY say.
	ProxyURL string `mapstructure:"proxyURL"`

	// MaxIdleConnections defines how many connections to the Lambda API are kept open between
	// requests. Each call has a connection to itself: with fewer than there are calls at the same
	// time, the rest pay for a TLS handshake each.
	// Default: 1000.
	MaxIdleConnections int `mapstructure:"maxIdleConnections"`

	// Credentials defines where the AWS credentials come from.
	// Default: they are looked for where AWS's SDKs look.
	Credentials *credentials.Config `mapstructure:"credentials"`

	// EventFormat defines the event that the function gets: a key of eventFormats.
	// Default: "http-api-v2".
	EventFormat string `mapstructure:"eventFormat"`

	// InvocationType defines whether Lambda waits for the function: "RequestResponse" does; "Event"
	// queues the event, of up to 1 MB, and the client gets 202 with an empty body; "DryRun" only
	// checks that the function may be called, and the client gets 204.
	// Default: "RequestResponse".
	InvocationType string `mapstructure:"invocationType"`

	// LogType defines whether, where the function fails, the end of what it had logged (4 KB) comes
	// into Traefik's log: "Tail" or "None". It never reaches a client.
	// Default: "None".
	LogType string `mapstructure:"logType"`

	// TenantID defines the tenant of a function with tenant isolation: 1 to 256 letters, digits,
	// blanks or any of ._:/=+-@. A template, as those of EventHeaders: what is rendered empty is
	// not sent, and what Lambda would refuse ends the request with 502.
	// Default: none.
	TenantID string `mapstructure:"tenantId"`

	// ClientContext defines the client context that the function finds in its context object: JSON,
	// of up to 3583 bytes in Base64, which it is sent in. A template; write values with the
	// function json. Only with InvocationType "RequestResponse".
	// Default: none.
	ClientContext string `mapstructure:"clientContext"`

	// DurableExecutionName defines the name of the execution of a durable function, which runs once
	// for a name: 1 to 64 letters, digits, - or _. A template.
	// Default: none, each request is an execution of its own.
	DurableExecutionName string `mapstructure:"durableExecutionName"`

	// InvokeMode defines whether the function's reply is read whole before it is written
	// ("BUFFERED"), or written while it comes ("RESPONSE_STREAM"). A streamed reply that breaks
	// has its status sent already: the connection is cut, so that the client can tell.
	// Default: "BUFFERED".
	InvokeMode string `mapstructure:"invokeMode"`

	// Template defines the payload where EventFormat is "template": a Go text/template over the
	// fields of templateData, with a function json that quotes what it is given. It has to make
	// JSON: where it does not, the request fails with 500 and nothing is invoked.
	Template string `mapstructure:"template"`

	// ResponseFormat defines how the function's reply is read: "auto" as EventFormat implies,
	// taking what frameworks' adapters answer, "strict" as AWS's front door of EventFormat does,
	// "raw" as the body itself (of a JSON string its text), "http" as the bytes of an HTTP/1.1
	// response. Streams are read in one way, but for "raw"; "http" they cannot be.
	// Default: "auto".
	ResponseFormat string `mapstructure:"responseFormat"`

	// ContentType defines the content type of the body where ResponseFormat is "raw".
	// Default: "application/json".
	ContentType string `mapstructure:"contentType"`

	// BinaryMediaTypes defines content types of request bodies that go into the event as Base64,
	// beside those that EventFormat sends so: "image/png", "image/*", or "*/*" for every body.
	BinaryMediaTypes []string `mapstructure:"binaryMediaTypes"`

	// EventHeaders defines headers to set in the event, in the place of those of the client.
	// Values may be templates, as Template is. Formats without headers (raw, template) ignore it.
	EventHeaders map[string]string `mapstructure:"eventHeaders"`

	// Stage, StageVariables, AccountID and APIID define what the event says of the API that there
	// is none of.
	// Default: stage "$default" ("prod" for rest-api), no variables, the account of Function's ARN,
	// else "000000000000" ("anonymous" for function-url), the API "traefik".
	Stage          string            `mapstructure:"stage"`
	StageVariables map[string]string `mapstructure:"stageVariables"`
	AccountID      string            `mapstructure:"accountId"`
	APIID          string            `mapstructure:"apiId"`

	// Timeout defines how long a request may take, from its body read to the last byte of the
	// function's reply; with RESPONSE_STREAM, to the first byte.
	// Default: "62s".
	Timeout string `mapstructure:"timeout"`

	// IdleTimeout defines how long a streamed reply may pause between two chunks. A client that
	// reads slowly is no pause.
	// Default: what Timeout says.
	IdleTimeout string `mapstructure:"idleTimeout"`

	// MaxRequestBodyBytes defines how large a request's body may be. Lambda itself takes no
	// event over 6 MB, and Base64 makes a binary body a third larger.
	// Default: 6291456.
	MaxRequestBodyBytes int64 `mapstructure:"maxRequestBodyBytes"`

	// FunctionErrorStatus defines the status of the answer when the function failed.
	// Default: 502.
	FunctionErrorStatus int `mapstructure:"functionErrorStatus"`

	// Retry defines which calls are made again.
	// Default: none.
	Retry *RetryConfig `mapstructure:"retry"`

	// Fallback hands the request, as it came, to the next handler of the router wherever this
	// middleware would answer with 502, 503 or 504. The function may have run by then, in whole or
	// in part: meant for requests that may be done twice.
	// Default: false.
	Fallback bool `mapstructure:"fallback"`

	// MaxConcurrency defines how many calls of this middleware, over all routers that use it, may be
	// under way at the same time: from an event that is ready to a reply that has been read, or a
	// stream that has ended. Other requests are answered with 503 and Retry-After at once.
	// Default: 0, no bound.
	MaxConcurrency int `mapstructure:"maxConcurrency"`

	// ServerTiming adds how long the call of Lambda took, as Server-Timing, to the response, and what the
	// authorizer, the cache and the edge hooks took.
	// Default: false.
	ServerTiming bool `mapstructure:"serverTiming"`

	// ExposeErrors puts the cause of a failure into the answer's body. The function's own error
	// text, AWS's account numbers and internal names become public: for development only.
	// Default: false.
	ExposeErrors bool `mapstructure:"exposeErrors"`

	// Authorizer asks who may pass before anything else of this middleware, but Edge's viewerRequest,
	// sees a request: a Lambda authorizer, or JSON Web Tokens.
	// Default: everybody may.
	Authorizer *authorizer.Config `mapstructure:"authorizer"`

	// Edge runs Lambda@Edge functions on requests and responses.
	// Default: none.
	Edge *edge.Config `mapstructure:"edge"`

	// Cache stores responses as a shared HTTP cache does.
	// Default: none.
	Cache *cache.Config `mapstructure:"cache"`

	// Probe has the function called at intervals, and keeps requests from it while it is sick.
	// Default: none.
	Probe *probe.Config `mapstructure:"probe"`

	// Metrics makes this instance answer every request with the metrics of all others, for
	// Prometheus. It goes with no other option.
	// Default: false.
	Metrics bool `mapstructure:"metrics"`

	// AccessLog writes one line a request to Traefik's standard output, with the function, Lambda's
	// request id, and the results of cache and authorizer.
	// Default: false.
	AccessLog bool `mapstructure:"accessLog"`

	// LogFormat defines what a line of the log is: "text", key=value in a fixed order, or "json", an
	// object with the same parts.
	// Default: "text".
	LogFormat string `mapstructure:"logFormat"`

	// XRayTracing sends X-Amzn-Trace-Id with each call of Lambda, built from the client's. The event
	// has the same.
	// Default: false.
	XRayTracing bool `mapstructure:"xrayTracing"`

	// XRayTrustedIPs defines the addresses and CIDR ranges of TCP peers whose Parent and Sampled
	// count. From all others only Root does: clients must not decide what is traced.
	// Default: none.
	XRayTrustedIPs []string `mapstructure:"xrayTrustedIPs"`

	// IPStrategy defines how the client's address is found behind other proxies.
	// Default: the address of the TCP peer.
	IPStrategy *IPStrategy `mapstructure:"ipStrategy"`

	// Unknown collects the options that do not exist, so that New can refuse them: a misspelt
	// option that does nothing is worse than an error.
	Unknown map[string]any `mapstructure:",remain"`
}

// RetryConfig holds the options of the group retry.
type RetryConfig struct {
	// Attempts defines how often Lambda is called at most, the first time included, from 1 to 10.
	// Between the calls it waits a random time of up to 0.1 s, 0.2 s, 0.4 s … 20 s, or for as long
	// as Lambda asks. In an outage, a function's retries end after a hundred.
	// Default: 1, no retry.
	Attempts int `mapstructure:"attempts"`

	// Causes defines what is retried: "throttle" (Lambda answers 429; the function has not run),
	// "connect" (no connection to Lambda; nothing was sent), "server" (Lambda answers 5xx: the
	// function may have run, so only for functions that may run twice).
	// Default: throttle.
	Causes []string `mapstructure:"causes"`

	// Unknown collects the options that do not exist.
	Unknown map[string]any `mapstructure:",remain"`
}

// TLSConfig holds the options of the group tls.
type TLSConfig struct {
	// CAFile defines a file of certificates, in PEM, of the authorities to trust instead of the
	// system's. It is read whenever Traefik applies a configuration.
	CAFile string `mapstructure:"caFile"`

	// InsecureSkipVerify trusts everybody: who is on the way can pose as Lambda, and gets the
	// events. It is warned of.
	// Default: false.
	InsecureSkipVerify bool `mapstructure:"insecureSkipVerify"`

	// Unknown collects the options that do not exist.
	Unknown map[string]any `mapstructure:",remain"`
}

// IPStrategy finds the client's address in X-Forwarded-For, as the option of the same name of
// Traefik's own middlewares does. Its leftmost entries are written by the client: use neither
// field unless every proxy in front is your own.
type IPStrategy struct {
	// Depth defines which entry of X-Forwarded-For to take, counted from the right.
	// Default: 0, which leaves the header unread.
	Depth int `mapstructure:"depth"`

	// ExcludedIPs defines the addresses and CIDR ranges of proxies to pass over: the first other
	// entry of X-Forwarded-For from the right is taken. Unused where Depth is set.
	ExcludedIPs []string `mapstructure:"excludedIPs"`

	// Unknown collects the options that do not exist.
	Unknown map[string]any `mapstructure:",remain"`
}

// The values of InvokeMode, as Function URLs name them.
const (
	invokeModeBuffered = "BUFFERED"
	invokeModeStream   = "RESPONSE_STREAM"
)

// defaultFunctionErrorStatus is a function's failure as seen from the client: of what is behind us.
const defaultFunctionErrorStatus = 502

// CreateConfig returns the defaults. Traefik decodes a middleware's options over them.
func CreateConfig() *Config {
	return &Config{
		Unmatched:           unmatchedNotFound,
		EventFormat:         "http-api-v2",
		InvocationType:      invokeSync,
		LogType:             logTypeNone,
		InvokeMode:          invokeModeBuffered,
		ResponseFormat:      responseAuto,
		Timeout:             "62s",
		LogFormat:           logline.FormatText,
		MaxRequestBodyBytes: maxEventBytes,
		FunctionErrorStatus: defaultFunctionErrorStatus,
		MaxIdleConnections:  1000,
	}
}

// The values of Unmatched.
const (
	unmatchedNotFound = "notFound"
	unmatchedNext     = "next"
)

// validate checks each option on its own, and those that only make sense together. Its errors
// name the option, the value and what is allowed; never the value of a secret.
func (c *Config) validate() error {
	checks := []error{
		option.Unknown("", reflect.TypeOf(*c), c.Unknown),
		c.validateFunction(),
		c.validateNoPathPrefix(),
		option.OneOf("unmatched", c.Unmatched, []string{unmatchedNotFound, unmatchedNext}),
		c.validateEndpoint(),
		option.OneOf("eventFormat", c.EventFormat, eventFormatNames()),
		option.OneOf("responseFormat", c.ResponseFormat, []string{responseAuto, responseStrict, responseRaw, responseHTTP}),
		c.validateInvokeMode(),
		c.validateInvocation(),
		c.validateTemplate(),
		c.validateContentType(),
		validateMediaTypes("binaryMediaTypes", c.BinaryMediaTypes),
		c.validateEventHeaders(),
		c.validateStage(),
		checkPositiveDuration("timeout", c.Timeout),
		c.validateIdleTimeout(),
		option.Positive("maxRequestBodyBytes", c.MaxRequestBodyBytes),
		option.Status("functionErrorStatus", c.FunctionErrorStatus),
		option.NotNegative("maxConcurrency", int64(c.MaxConcurrency)),
		option.Positive("maxIdleConnections", int64(c.MaxIdleConnections)),
		c.validateProxyURL(),
		c.TLS.validate(),
		c.Retry.validate(),
		c.IPStrategy.validate(),
		c.validateProbe(),
		c.validateXRay(),
	}
	for _, err := range checks {
		if err != nil {
			return err
		}
	}
	return nil
}

// validateFunction checks that there is one way to a function.
func (c *Config) validateFunction() error {
	set := 0
	for _, is := range []bool{c.Function != "", len(c.Routes) > 0, c.PathPrefix != ""} {
		if is {
			set++
		}
	}
	if set > 1 || set == 0 && !c.hasBrackets() {
		return fmt.Errorf("function, routes, pathPrefix: %d of them set: want exactly one: "+
			"the name or the ARN of a Lambda function, a list of routes, or a path under which functions are named", set)
	}
	if c.Function != "" {
		if _, err := aws.ParseFunction(c.Function, c.Qualifier); err != nil {
			return err
		}
	}
	if c.Qualifier != "" && len(c.Routes) > 0 {
		return fmt.Errorf("qualifier: %q: not used with routes: want it in the route", c.Qualifier)
	}
	if c.Region != "" && !aws.IsRegion(c.Region) {
		return fmt.Errorf("region: %q: want a region such as \"eu-central-1\"", c.Region)
	}
	return nil
}

func (c *Config) validateInvokeMode() error {
	if c.InvokeMode == invokeModeStream && c.ResponseFormat == responseHTTP {
		return fmt.Errorf("responseFormat: %q: not with invokeMode %s: a stream has its own way to say status and headers",
			responseHTTP, invokeModeStream)
	}
	return option.OneOf("invokeMode", c.InvokeMode, []string{invokeModeBuffered, invokeModeStream})
}

func (c *Config) validateIdleTimeout() error {
	switch {
	case c.IdleTimeout == "":
		return nil
	case c.InvokeMode != invokeModeStream:
		return fmt.Errorf("idleTimeout: %q: only used with invokeMode %s", c.IdleTimeout, invokeModeStream)
	default:
		return checkPositiveDuration("idleTimeout", c.IdleTimeout)
	}
}

func (c *Config) validateTemplate() error {
	if (c.EventFormat == "template") != (c.Template != "") {
		return errors.New("template: want a template where eventFormat is \"template\", and none elsewhere")
	}
	_, err := parseTemplate("template", c.Template)
	return err
}

func (c *Config) validateContentType() error {
	if c.ContentType == "" {
		return nil
	}
	if c.ResponseFormat != responseRaw {
		return fmt.Errorf("contentType: %q: only of use where responseFormat is %q", c.ContentType, responseRaw)
	}
	if _, _, err := mime.ParseMediaType(c.ContentType); err != nil {
		return fmt.Errorf("contentType: %q: want a media type such as \"text/html; charset=utf-8\"", c.ContentType)
	}
	return nil
}

// validateMediaTypes takes media types, with "*" for every subtype or for everything.
func validateMediaTypes(option string, list []string) error {
	for _, s := range list {
		if !mediaTypePattern.MatchString(strings.TrimSpace(s)) {
			return fmt.Errorf("%s: %q: want a media type such as \"image/png\", \"image/*\" or \"*/*\"", option, s)
		}
	}
	return nil
}

var mediaTypePattern = regexp.MustCompile(`^(?:\*/\*|[\w!#$&^.+-]+/(?:\*|[\w!#$&^.+-]+))$`)

func (c *Config) validateEventHeaders() error {
	_, err := parseEventHeaders(c.EventHeaders)
	return err
}

func (c *Config) validateStage() error {
	if c.Stage != "" && !stagePattern.MatchString(c.Stage) {
		return fmt.Errorf("stage: %q: want letters, digits, \"-\" and \"_\", or \"$default\"", c.Stage)
	}
	return nil
}

var stagePattern = regexp.MustCompile(`^(?:\$default|[\w-]+)$`)

func (c *Config) validateEndpoint() error {
	if c.Endpoint == "" {
		return nil
	}
	if c.UseFIPS || c.UseDualStack {
		return errors.New("useFIPS, useDualStack: set with endpoint: want either, since they choose the endpoint")
	}
	if !endpoint.IsBase(c.Endpoint) {
		return fmt.Errorf("endpoint: %q: want a URL of scheme http or https, host and, if need be, port and path",
			endpoint.Redact(c.Endpoint))
	}
	return nil
}

func (t *TLSConfig) validate() error {
	if t == nil {
		return nil
	}
	return option.Unknown("tls.", reflect.TypeOf(*t), t.Unknown)
}

func (s *IPStrategy) validate() error {
	if s == nil {
		return nil
	}
	if err := option.Unknown("ipStrategy.", reflect.TypeOf(*s), s.Unknown); err != nil {
		return err
	}
	if s.Depth < 0 {
		return fmt.Errorf("ipStrategy.depth: %d: want 0 or more", s.Depth)
	}
	_, err := parsePrefixes("ipStrategy.excludedIPs", s.ExcludedIPs)
	return err
}

// parsePrefixes reads addresses and CIDR ranges.
func parsePrefixes(option string, list []string) ([]netip.Prefix, error) {
	var prefixes []netip.Prefix
	for _, s := range list {
		s = strings.TrimSpace(s)
		prefix, err := netip.ParsePrefix(s)
		if err != nil {
			addr, addrErr := netip.ParseAddr(s)
			if addrErr != nil {
				return nil, fmt.Errorf("%s: %q: want an IP address or a CIDR range", option, s)
			}
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		prefixes = append(prefixes, prefix.Masked())
	}
	return prefixes, nil
}

func checkPositiveDuration(name, value string) error {
	_, err := option.PositiveDuration(name, value)
	return err
}
