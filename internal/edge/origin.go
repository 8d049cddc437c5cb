package edge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// customOrigin is the origin of a request, as origin events show it.
type customOrigin struct {
	domainName    string
	port          int
	protocol      string
	path          string
	keepalive     int
	readTimeout   int
	sslProtocols  []string
	customHeaders replyHeaders
}

// eventOrigin is the member origin of an event.
type eventOrigin struct {
	Custom eventCustom `json:"custom"`
}

type eventCustom struct {
	CustomHeaders    json.RawMessage `json:"customHeaders"`
	DomainName       string          `json:"domainName"`
	KeepaliveTimeout int             `json:"keepaliveTimeout"`
	Path             string          `json:"path"`
	Port             int             `json:"port"`
	Protocol         string          `json:"protocol"`
	ReadTimeout      int             `json:"readTimeout"`
	SSLProtocols     []string        `json:"sslProtocols"`
}

// defaultOrigin returns the origin that a request starts with. It tells nothing about the function or the service
// behind it.
func defaultOrigin(r *http.Request) customOrigin {
	o := customOrigin{
		domainName: withoutPort(r.Host), port: 80, protocol: "http", path: "",
		keepalive: 5, readTimeout: 30, sslProtocols: []string{"TLSv1.2"}, customHeaders: nil,
	}
	if r.TLS != nil {
		o.port = 443
		o.protocol = "https"
	}
	return o
}

// withoutPort returns the name or the address of a Host.
func withoutPort(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.Trim(host, "[]")
}

// encodeOrigin makes the member origin of an event.
func encodeOrigin(o customOrigin) (*eventOrigin, error) {
	fields := headerFields{}
	for name, lines := range o.customHeaders {
		fields[name] = newField(http.CanonicalHeaderKey(name), lines)
	}
	headers, err := encodeHeaders(fields)
	if err != nil {
		return nil, err
	}
	return &eventOrigin{Custom: eventCustom{
		CustomHeaders: headers, DomainName: o.domainName, KeepaliveTimeout: o.keepalive, Path: o.path, Port: o.port,
		Protocol: o.protocol, ReadTimeout: o.readTimeout, SSLProtocols: o.sslProtocols,
	}}, nil
}

// changeOrigin sets the origin that the hook replied. headers are those of the request.
func (c *call) changeOrigin(result changed, raw json.RawMessage, headers replyHeaders) (changed, error) {
	parsed, err := parseOrigin(raw, c.origin)
	if err != nil {
		return result, fmt.Errorf("invalid origin configuration: %w", err)
	}
	if reflect.DeepEqual(parsed.customHeaders, c.origin.customHeaders) && sameServer(parsed, c.origin) &&
		parsed.path == c.origin.path {
		return result, nil
	}
	result.elsewhere = !sameServer(parsed, c.origin)
	if err := c.checkOrigin(parsed, result.elsewhere); err != nil {
		return result, fmt.Errorf("invalid origin configuration: %w", err)
	}
	if err := addCustomHeaders(result.http, parsed.customHeaders, headers); err != nil {
		return result, fmt.Errorf("invalid origin configuration: %w", err)
	}
	if len(headers["host"]) == 0 && result.elsewhere {
		result.http.Host = parsed.domainName
	}
	if parsed.path != "" {
		if err := prependPath(result.http, parsed.path); err != nil {
			return result, fmt.Errorf("invalid origin configuration: %w", err)
		}
	}
	result.origin = parsed
	return result, nil
}

func sameServer(a, b customOrigin) bool {
	return strings.EqualFold(a.domainName, b.domainName) && a.port == b.port && a.protocol == b.protocol
}

// checkOrigin refuses an origin that AWS would refuse, or that the options do not allow.
func (c *call) checkOrigin(o customOrigin, elsewhere bool) error {
	if elsewhere && !c.edge.origins.allow(strings.ToLower(o.domainName)) {
		return fmt.Errorf("domainName %.100q: want one of edge.origins", o.domainName)
	}
	switch {
	case len(o.domainName) > 253:
		return errors.New("domainName: over 253 characters")
	case o.port != 80 && o.port != 443 && (o.port < 1024 || o.port > 65535):
		return fmt.Errorf("port: %d: want 80, 443, or 1024 to 65535", o.port)
	case o.protocol != "http" && o.protocol != "https":
		return errors.New("protocol: want http or https")
	case o.keepalive < 1 || o.readTimeout < 1:
		return errors.New("keepaliveTimeout, readTimeout: want 1 second or more")
	case !originPathPattern.MatchString(o.path) || len(o.path) > 255:
		return errors.New("path: want up to 255 characters that begin with a slash and do not end with one")
	default:
		return nil
	}
}

var originPathPattern = regexp.MustCompile(`^(?:/[^?#\x00-\x20\x7f]*[^/?#\x00-\x20\x7f])?$`)

// parseOrigin reads the member origin of a reply. Missing members are as in from.
func parseOrigin(raw json.RawMessage, from customOrigin) (customOrigin, error) {
	var blocks object
	if err := json.Unmarshal(raw, &blocks); err != nil || blocks == nil {
		return from, errors.New("the origin is not an object")
	}
	if _, there := blocks["s3"]; there {
		return from, errors.New("s3: not supported: want the host of the bucket as a custom origin")
	}
	var custom *replyCustom
	if err := json.Unmarshal(blocks["custom"], &custom); err != nil || custom == nil {
		return from, errors.New("want an object custom, with its members in their types")
	}
	return custom.over(from)
}

// replyCustom is an origin in a reply. Members that are missing are nil.
type replyCustom struct {
	CustomHeaders    json.RawMessage `json:"customHeaders"`
	DomainName       *string         `json:"domainName"`
	KeepaliveTimeout *int            `json:"keepaliveTimeout"`
	Path             *string         `json:"path"`
	Port             *int            `json:"port"`
	Protocol         *string         `json:"protocol"`
	ReadTimeout      *int            `json:"readTimeout"`
	SSLProtocols     []string        `json:"sslProtocols"`
}

// over returns an origin with the reply's changes applied.
func (m *replyCustom) over(o customOrigin) (customOrigin, error) {
	if m.DomainName != nil {
		o.domainName = *m.DomainName
	}
	if m.KeepaliveTimeout != nil {
		o.keepalive = *m.KeepaliveTimeout
	}
	if m.Path != nil {
		o.path = *m.Path
	}
	if m.Port != nil {
		o.port = *m.Port
	}
	if m.Protocol != nil {
		o.protocol = *m.Protocol
	}
	if m.ReadTimeout != nil {
		o.readTimeout = *m.ReadTimeout
	}
	if m.SSLProtocols != nil {
		o.sslProtocols = m.SSLProtocols
	}
	if m.CustomHeaders == nil {
		return o, nil
	}
	headers, err := parseHeaders(m.CustomHeaders)
	if err != nil {
		return o, err
	}
	o.customHeaders = nil
	if len(headers) > 0 {
		o.customHeaders = headers
	}
	return o, nil
}

// notCustomHeaders are the headers that CloudFront does not send to an origin as custom ones, besides those that it
// hides:
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/add-origin-custom-headers.html
var notCustomHeaders = map[string]bool{
	"cache-control":       true,
	"content-length":      true,
	"cookie":              true,
	"host":                true,
	"max-forwards":        true,
	"pragma":              true,
	"proxy-authorization": true,
	"range":               true,
	"request-range":       true,
	"te":                  true,
	"transfer-encoding":   true,
	"via":                 true,
}

// addCustomHeaders adds the headers of an origin to the request.
func addCustomHeaders(r *http.Request, custom, headers replyHeaders) error {
	if len(custom) == 0 {
		return nil
	}
	header := r.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	for name, lines := range custom {
		_, there := headers[name]
		if there || notCustomHeaders[name] || hides(&originRequestKind, name) || strings.HasPrefix(name, "if-") ||
			strings.HasPrefix(name, "x-amz-") {
			return fmt.Errorf("customHeaders: header %q", name)
		}
		header[http.CanonicalHeaderKey(name)] = lines
	}
	r.Header = header
	return nil
}

// prependPath puts the path of an origin in front of the request's.
func prependPath(r *http.Request, path string) error {
	u := *r.URL
	if err := setPath(&u, path+rawPath(r.URL)); err != nil {
		return err
	}
	r.URL = &u
	r.RequestURI = u.RawPath
	if u.RawQuery != "" {
		r.RequestURI += "?" + u.RawQuery
	}
	return nil
}

// originTransport holds the connections to the origins that hooks choose: up to 100 idle ones, each for 90 seconds.
// It outlives the instances of the middleware, which Traefik rebuilds at every change.
var originTransport http.RoundTripper = newOriginTransport()

func newOriginTransport() *http.Transport {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableCompression = true // otherwise bodies lose the Content-Encoding they were sent with
	transport.ResponseHeaderTimeout = 30 * time.Second
	transport.MaxIdleConnsPerHost = 100
	return transport
}

// proxyTo returns a handler that sends requests to an origin which the hook has chosen.
func (e *Edge) proxyTo(o customOrigin, c *call) http.Handler {
	proxy := &httputil.ReverseProxy{FlushInterval: -1}
	proxy.Transport = originTransport
	proxy.Rewrite = func(pr *httputil.ProxyRequest) {
		pr.Out.URL.Scheme = o.protocol
		pr.Out.URL.Host = net.JoinHostPort(o.domainName, strconv.Itoa(o.port))
		pr.Out.URL.RawQuery = pr.In.URL.RawQuery // the proxy drops parameters that it cannot parse
		pr.Out.Host = pr.In.Host
		forward(pr)
	}
	proxy.ErrorHandler = func(w http.ResponseWriter, r *http.Request, err error) {
		f := originFailure(r.Context(), err)
		f.reason = fmt.Sprintf("origin %s: %s", o.domainName, f.reason)
		c.log(f)
		e.core.Fail(w, r, f.status)
	}
	return proxy
}

// forward passes on the X-Forwarded headers of the request, as Traefik's own proxy does, and appends the client's
// address to X-Forwarded-For.
func forward(pr *httputil.ProxyRequest) {
	for _, key := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if lines, there := pr.In.Header[key]; there {
			pr.Out.Header[key] = lines
		}
	}
	chain := append([]string{}, pr.In.Header["X-Forwarded-For"]...)
	pr.Out.Header["X-Forwarded-For"] = []string{strings.Join(append(chain, withoutPort(pr.In.RemoteAddr)), ", ")}
}

// originFailure is the failure of a request to an origin that the hook has chosen. Its reason contains no address.
func originFailure(ctx context.Context, err error) *failure {
	if ctx.Err() != nil {
		return clientGone()
	}
	var netErr net.Error
	if errors.As(err, &netErr) && netErr.Timeout() {
		return &failure{status: http.StatusGatewayTimeout, name: "timeout", reason: "no response in time"}
	}
	return &failure{status: http.StatusBadGateway, name: "connection", reason: "no connection, or no HTTP on it"}
}
