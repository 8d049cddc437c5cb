package lambda

import (
	"errors"
	"fmt"
	"mime"
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

// Config holds the options of one middleware. Their names are those of the `mapstructure` tags, in any
// case. Labels give every value as a string. Durations are strings with a unit, such as "62s"; a bare
// number is in seconds. Sizes are whole numbers of bytes.
type Config struct {
	// Function defines the Lambda function that serves the requests: a name, a partial ARN
	// ("123456789012:function:name") or an ARN, each with an optional ":qualifier". Exactly one of
	// Function, Routes and PathPrefix is required. With Edge, Authorizer or Cache all three may be left
	// out: then the next handler of the router, its service, is the origin.
	Function string `mapstructure:"function"`

	// Qualifier defines the version or the alias of Function, or of all functions under PathPrefix.
	// Default: the qualifier in Function, else none, which means $LATEST.
	Qualifier string `mapstructure:"qualifier"`

	// Routes defines functions by method and path.
	Routes []route.Config `mapstructure:"routes"`

	// PathPrefix defines the decoded path under which the next segment names the function: with
	// "/lambda/", a request for /lambda/hello/x calls the function hello. A name has up to 64 letters,
	// digits, "-" and "_"; any other matches no function. Clients can call every function that Include
	// and Exclude allow and that the credentials may call: set Include.
	PathPrefix string `mapstructure:"pathPrefix"`

	// Include defines the names that a path may contain after PathPrefix. A pattern may have * as its
	// prefix, its suffix or both.
	// Default: all names.
	Include []string `mapstructure:"include"`

	// Exclude defines the names that are refused, as patterns like those of Include. It wins over
	// Include.
	Exclude []string `mapstructure:"exclude"`

	// NamePrepend and NameAppend are put around the name in the path after Include and Exclude were
	// checked. The result is used like Function.
	NamePrepend string `mapstructure:"namePrepend"`
	NameAppend  string `mapstructure:"nameAppend"`

	// StripPrefix removes PathPrefix and the name from the path in the event.
	// Default: false.
	StripPrefix bool `mapstructure:"stripPrefix"`

	// Unmatched defines what happens to a request that matches no route, or whose path names no
	// function: "notFound" responds with 404, "next" passes it unchanged to the next handler.
	// Default: "notFound".
	Unmatched string `mapstructure:"unmatched"`

	// Region defines the AWS region to sign for and to call.
	// Default: the region in Function's ARN, else AWS_REGION, else AWS_DEFAULT_REGION.
	Region string `mapstructure:"region"`

	// Endpoint defines the base URL of the Lambda API. With http://, events with all that users send
	// travel in clear text: a warning is logged, except for loopback, names without a dot and names
	// under docker.internal.
	// Default: the HTTPS endpoint of the region.
	Endpoint string `mapstructure:"endpoint"`

	// UseFIPS calls the region's endpoint with FIPS 140 validated cryptography. Not every region has
	// one.
	// Default: false.
	UseFIPS bool `mapstructure:"useFIPS"`

	// UseDualStack calls the endpoint that has IPv6 addresses, too.
	// Default: false.
	UseDualStack bool `mapstructure:"useDualStack"`

	// TLS defines which certificates to trust on connections to the Lambda API.
	// Default: the system's certificate authorities.
	TLS *TLSConfig `mapstructure:"tls"`

	// ProxyURL defines the proxy for connections to the Lambda API: a URL of scheme http, https, socks5
	// or socks5h, optionally with user and password.
	// Default: taken from HTTPS_PROXY, HTTP_PROXY and NO_PROXY.
	ProxyURL string `mapstructure:"proxyURL"`

	// MaxIdleConnections defines how many connections to the Lambda API are kept open between requests.
	// Each call occupies one connection. When more calls run at the same time, the others each need a
	// new connection with a TLS handshake.
	// Default: 1000.
	MaxIdleConnections int `mapstructure:"maxIdleConnections"`

	// Credentials defines where the AWS credentials come from.
	// Default: the places where AWS's SDKs look.
	Credentials *credentials.Config `mapstructure:"credentials"`

	// EventFormat defines the shape of the event that the function receives: a key of eventFormats.
	// Default: "http-api-v2".
	EventFormat string `mapstructure:"eventFormat"`

	// InvocationType defines whether Lambda waits for the function. "RequestResponse" waits. "Event"
	// queues the event, of up to 1 MB, and the client gets 202 with an empty body. "DryRun" only checks
	// that the function may be called, and the client gets 204.
	// Default: "RequestResponse".
	InvocationType string `mapstructure:"invocationType"`

	// LogType defines whether the end of the function's log (4 KB) is copied to Traefik's log when the
	// function fails: "Tail" or "None". It is never sent to a client.
	// Default: "None".
	LogType string `mapstructure:"logType"`

	// TenantID defines the tenant of a function with tenant isolation: 1 to 256 letters, digits, blanks
	// or any of ._:/=+-@. It is a template, like the values of EventHeaders. An empty result is not
	// sent. A result that Lambda would refuse ends the request with 502.
	// Default: none.
	TenantID string `mapstructure:"tenantId"`

	// ClientContext defines the client context in the function's context object: JSON, at most 3583
	// bytes when encoded as Base64. It is a template; write values with its function json. Only with
	// InvocationType "RequestResponse".
	// Default: none.
	ClientContext string `mapstructure:"clientContext"`

	// DurableExecutionName defines the name of a durable function's execution: 1 to 64 letters, digits,
	// - or _. Lambda runs the function once for each name. It is a template.
	// Default: none, so that each request starts an execution of its own.
	DurableExecutionName string `mapstructure:"durableExecutionName"`

	// InvokeMode defines whether the function's reply is read whole before the response is written
	// ("BUFFERED"), or written as it arrives ("RESPONSE_STREAM"). If a streamed reply breaks, its
	// status was already sent: the connection is cut, so that the client notices.
	// Default: "BUFFERED".
	InvokeMode string `mapstructure:"invokeMode"`

	// Template defines the payload if EventFormat is "template": a Go text/template over the fields of
	// templateData, with a function json that quotes its argument. The result must be JSON. If it is
	// not, the request fails with 500 and the function is not called.
	Template string `mapstructure:"template"`

	// ResponseFormat defines how the function's reply is read. "auto" depends on EventFormat, and
	// accepts what frameworks' adapters send. "strict" reads it as AWS's front door of EventFormat
	// does. "raw" takes it as the response's body; a JSON string is replaced by its text. "http" reads
	// it as the bytes of an HTTP/1.1 response. A stream is read in the same way with "auto" and
	// "strict"; "http" is refused.
	// Default: "auto".
	ResponseFormat string `mapstructure:"responseFormat"`

	// ContentType defines the response's Content-Type if ResponseFormat is "raw".
	// Default: "application/json".
	ContentType string `mapstructure:"contentType"`

	// BinaryMediaTypes defines content types of request bodies that the event contains as Base64, in
	// addition to those that EventFormat encodes anyway: "image/png", "image/*", or "*/*" for every
	// body.
	BinaryMediaTypes []string `mapstructure:"binaryMediaTypes"`

	// EventHeaders defines headers to set in the event. They replace the client's. Values may be
	// templates, like Template. Formats without headers (raw, template) ignore this option.
	EventHeaders map[string]string `mapstructure:"eventHeaders"`

	// Stage, StageVariables, AccountID and APIID define what the event says about the API, since no
	// real API exists.
	// Default: stage "$default" ("prod" for rest-api), no variables, the account in Function's ARN,
	// else "000000000000" ("anonymous" for function-url), the API "traefik".
	Stage          string            `mapstructure:"stage"`
	StageVariables map[string]string `mapstructure:"stageVariables"`
	AccountID      string            `mapstructure:"accountId"`
	APIID          string            `mapstructure:"apiId"`

	// Timeout defines how long a request may take, from reading its body to the last byte of the
	// function's reply; with RESPONSE_STREAM, to the first byte.
	// Default: "62s".
	Timeout string `mapstructure:"timeout"`

	// IdleTimeout defines how long a streamed reply may pause between two chunks. A slow client does
	// not count as a pause.
	// Default: the value of Timeout.
	IdleTimeout string `mapstructure:"idleTimeout"`

	// MaxRequestBodyBytes defines the largest request body. Lambda accepts events up to 6 MB, and
	// Base64 makes a binary body a third larger.
	// Default: 6291456.
	MaxRequestBodyBytes int64 `mapstructure:"maxRequestBodyBytes"`

	// FunctionErrorStatus defines the response's status when the function failed.
	// Default: 502.
	FunctionErrorStatus int `mapstructure:"functionErrorStatus"`

	// Retry defines which calls are retried.
	// Default: none.
	Retry *RetryConfig `mapstructure:"retry"`

	// Fallback passes the request, unchanged, to the next handler of the router whenever this
	// middleware would respond with 502, 503 or 504. The function may have run by then, fully or
	// partly: use it for requests that may be repeated.
	// Default: false.
	Fallback bool `mapstructure:"fallback"`

	// MaxConcurrency defines how many calls of this middleware may run at the same time, over all
	// routers that use it. A call runs from the finished event until its reply has been read, or its
	// stream has ended. Other requests get 503 with Retry-After at once.
	// Default: 0, no limit.
	MaxConcurrency int `mapstructure:"maxConcurrency"`

	// ServerTiming adds a Server-Timing header to the response: how long the call of Lambda took, and
	// the authorizer, the cache and the edge hooks.
	// Default: false.
	ServerTiming bool `mapstructure:"serverTiming"`

	// ExposeErrors puts the cause of a failure into the response's body. It reveals the function's
	// error text, AWS account numbers and internal names: for development only.
	// Default: false.
	ExposeErrors bool `mapstructure:"exposeErrors"`

	// Authorizer decides who may pass: a Lambda authorizer, or JSON Web Tokens. It runs before all
	// other parts of this middleware except Edge's viewerRequest.
	// Default: everybody may pass.
	Authorizer *authorizer.Config `mapstructure:"authorizer"`

	// Edge runs Lambda@Edge functions on requests and responses.
	// Default: none.
	Edge *edge.Config `mapstructure:"edge"`

	// Cache stores responses like a shared HTTP cache.
	// Default: none.
	Cache *cache.Config `mapstructure:"cache"`

	// Probe calls the function at intervals, and keeps requests from it while it is unhealthy.
	// Default: none.
	Probe *probe.Config `mapstructure:"probe"`

	// Metrics makes this instance respond to every request with the metrics of all others, for
	// Prometheus. It cannot be combined with other options.
	// Default: false.
	Metrics bool `mapstructure:"metrics"`

	// AccessLog writes one line for each request to Traefik's standard output, with the function,
	// Lambda's request id, and the results of the cache and the authorizer.
	// Default: false.
	AccessLog bool `mapstructure:"accessLog"`

	// LogFormat defines the format of log lines: "text", which is key=value in a fixed order, or
	// "json", an object with the same fields.
	// Default: "text".
	LogFormat string `mapstructure:"logFormat"`

	// XRayTracing sends X-Amzn-Trace-Id with each call of Lambda, based on the client's header. The
	// event contains the same value.
	// Default: false.
	XRayTracing bool `mapstructure:"xrayTracing"`

	// XRayTrustedIPs defines the addresses and CIDR ranges of TCP peers whose Parent and Sampled fields
	// are used. From other peers only Root is: clients must not decide which requests are traced.
	// Default: none.
	XRayTrustedIPs []string `mapstructure:"xrayTrustedIPs"`

	// IPStrategy defines how the client's address is found behind other proxies.
	// Default: the address of the TCP peer.
	IPStrategy *IPStrategy `mapstructure:"ipStrategy"`

	// Unknown collects options that do not exist, so that New can refuse them: a misspelt option
	// without effect is worse than an error.
	Unknown map[string]any `mapstructure:",remain"`
}

// RetryConfig holds the options of the group retry.
type RetryConfig struct {
	// Attempts defines the largest number of calls, the first included, from 1 to 10. The pause before
	// a retry is random, up to 0.1 s, 0.2 s, 0.4 s … 20 s, or as long as Lambda asks for. In an outage,
	// a function is retried at most a hundred times.
	// Default: 1, no retry.
	Attempts int `mapstructure:"attempts"`

	// Causes defines which failures are retried: "throttle" (Lambda responds with 429; the function has
	// not run), "connect" (no connection to Lambda; nothing was sent), "server" (Lambda responds with
	// 5xx; the function may have run, so only for functions that may run twice).
	// Default: throttle.
	Causes []string `mapstructure:"causes"`

	// Unknown collects the options that do not exist.
	Unknown map[string]any `mapstructure:",remain"`
}

// TLSConfig holds the options of the group tls.
type TLSConfig struct {
	// CAFile defines a PEM file with certificates of authorities to trust instead of the system's. It
	// is read whenever Traefik applies a configuration.
	CAFile string `mapstructure:"caFile"`

	// InsecureSkipVerify accepts any certificate: an attacker on the network can pose as Lambda and
	// receive the events. A warning is logged.
	// Default: false.
	InsecureSkipVerify bool `mapstructure:"insecureSkipVerify"`

	// Unknown collects the options that do not exist.
	Unknown map[string]any `mapstructure:",remain"`
}

// IPStrategy finds the client's address in X-Forwarded-For, like the option of the same name of
// Traefik's own middlewares. Clients write its leftmost entries: use neither field unless every proxy
// in front is your own.
type IPStrategy struct {
	// Depth defines which entry of X-Forwarded-For to take, counted from the right.
	// Default: 0, which selects no entry.
	Depth int `mapstructure:"depth"`

	// ExcludedIPs defines the addresses and CIDR ranges of proxies to skip: the rightmost other entry
	// of X-Forwarded-For is taken. Ignored if Depth is set.
	ExcludedIPs []string `mapstructure:"excludedIPs"`

	// Unknown collects the options that do not exist.
	Unknown map[string]any `mapstructure:",remain"`
}

// The values of InvokeMode, as Function URLs name them.
const (
	invokeModeBuffered = "BUFFERED"
	invokeModeStream   = "RESPONSE_STREAM"
)

// defaultFunctionErrorStatus is 502: to the client, the function is a server behind a gateway.
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

// validate checks each option on its own, then those that only make sense together. Errors name the
// option, the value and what is allowed; never the value of a secret.
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

// validateFunction checks that exactly one option names functions; none is needed with brackets.
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
		return fmt.Errorf("responseFormat: %q: not with invokeMode %s: a stream sends its status and headers in a prelude",
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
		return fmt.Errorf("contentType: %q: only used with responseFormat %q", c.ContentType, responseRaw)
	}
	if _, _, err := mime.ParseMediaType(c.ContentType); err != nil {
		return fmt.Errorf("contentType: %q: want a media type such as \"text/html; charset=utf-8\"", c.ContentType)
	}
	return nil
}

// validateMediaTypes accepts media types, with "*" for every subtype or for everything.
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
	_, err := option.Prefixes("ipStrategy.excludedIPs", s.ExcludedIPs)
	return err
}

func checkPositiveDuration(name, value string) error {
	_, err := option.PositiveDuration(name, value)
	return err
}
