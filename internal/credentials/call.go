package credentials

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/seed05e46011/lambda/internal/sigv4"
	"github.com/seed05e46011/lambda/internal/wait"
)

// maxSourceBytes limits one response of a source, and one token file.
const maxSourceBytes = 64 << 10

const (
	callAttempts  = 3
	firstCallWait = 100 * time.Millisecond // doubled after each attempt
)

// The transports to the sources. They keep no connections: a source is asked about once an hour, and would have
// closed the connection in between.
var (
	linkLocalTransport = newSourceTransport(true)
	remoteTransport    = newSourceTransport(false)
)

// newSourceTransport returns a transport to services on the host itself (linkLocal), or to all others.
func newSourceTransport(linkLocal bool) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DisableKeepAlives = true
	t.DisableCompression = true
	// HTTP/1.1 only: HTTP/2 may send a request twice, and does not notice a dead connection.
	t.TLSNextProto = map[string]func(authority string, c *tls.Conn) http.RoundTripper{}
	t.ForceAttemptHTTP2 = false
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	if linkLocal {
		t.Proxy = nil
		t.DialContext = dialLinkLocal
	}
	return t
}

// linkLocalDialer gives up soon: outside of EC2 no host has the address of the metadata service.
var linkLocalDialer = &net.Dialer{Timeout: time.Second}

// dialLinkLocal is linkLocalDialer.DialContext, which Yaegi cannot take as a value.
func dialLinkLocal(ctx context.Context, network, address string) (net.Conn, error) {
	return linkLocalDialer.DialContext(ctx, network, address)
}

// callSource sends req with payload, and repeats it after a 429 or a 5xx. It uses no http.Client, so that redirects
// are never followed.
func callSource(transport http.RoundTripper, req *http.Request, payload []byte) (status int, body []byte, err error) {
	next := firstCallWait
	for attempt := 1; ; attempt++ {
		status, body, err := callSourceOnce(transport, req, payload)
		again := err == nil && (status == http.StatusTooManyRequests || status >= http.StatusInternalServerError)
		if !again || attempt == callAttempts || !wait.Pause(req.Context(), next) {
			return status, body, err
		}
		next *= 2
	}
}

func callSourceOnce(transport http.RoundTripper, req *http.Request, payload []byte) (status int, body []byte, err error) {
	if payload != nil {
		req.Body = io.NopCloser(bytes.NewReader(payload))
		req.ContentLength = int64(len(payload))
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return 0, nil, fmt.Errorf("call %s: %w", req.URL.Host, err)
	}
	body, err = io.ReadAll(io.LimitReader(resp.Body, maxSourceBytes+1))
	_ = resp.Body.Close() // the rest of the body is not needed
	switch {
	case err != nil:
		return 0, nil, fmt.Errorf("read the answer of %s: %w", req.URL.Host, err)
	case len(body) > maxSourceBytes:
		return 0, nil, fmt.Errorf("read the answer of %s: over %d bytes", req.URL.Host, maxSourceBytes)
	}
	return resp.StatusCode, body, nil
}

// errorCodePattern matches an error code. Errors quote nothing else of a response, because STS repeats tokens in some
// of its messages.
var errorCodePattern = regexp.MustCompile(`^[A-Za-z0-9_.]{1,64}$`)

// statusError returns the error for a response whose status is not 200.
func statusError(req *http.Request, status int, code string) error {
	if !errorCodePattern.MatchString(code) {
		return fmt.Errorf("%s answered %d", req.URL.Host, status)
	}
	return fmt.Errorf("%s answered %d %s", req.URL.Host, status, code)
}

// credentialDocument is the response of the container endpoint and of the instance metadata.
type credentialDocument struct {
	Code            string `json:"Code"` // instance metadata only: "Success" or an error code
	AccessKeyID     string `json:"AccessKeyId"`
	SecretAccessKey string `json:"SecretAccessKey"`
	Token           string `json:"Token"`
	Expiration      string `json:"Expiration"` // RFC 3339
}

// parseCredentialDocument reads the document. Without an Expiration the credentials do not expire, as in AWS's SDKs.
// Errors do not quote the document.
func parseCredentialDocument(body []byte) (*keySet, error) {
	var d credentialDocument
	if json.Unmarshal(body, &d) != nil {
		return nil, errors.New("the answer is not a JSON document of credentials")
	}
	if d.Code != "" && !strings.EqualFold(d.Code, "Success") {
		return nil, fmt.Errorf("the answer is the error %s", errorCodePattern.FindString(d.Code))
	}
	c := &keySet{keys: sigv4.Credentials{AccessKeyID: d.AccessKeyID, SecretAccessKey: d.SecretAccessKey, SessionToken: d.Token}}
	if d.Expiration != "" {
		expires, err := time.Parse(time.RFC3339, d.Expiration)
		if err != nil {
			return nil, errors.New("the answer's Expiration is not a time as in RFC 3339")
		}
		c.expires = expires
	}
	return c, nil
}
