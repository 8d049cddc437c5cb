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

// maxSourceBytes bounds what is read of one answer or one token file of a source.
const maxSourceBytes = 64 << 10

const (
	callAttempts  = 3
	firstCallWait = 100 * time.Millisecond // doubled for the next
)

// The transports of the sources. They are asked once an hour: a connection that is kept would be
// closed by the other side in between.
var (
	linkLocalTransport = newSourceTransport(true)
	remoteTransport    = newSourceTransport(false)
)

// newSourceTransport returns a transport for services of the host itself, or for others.
func newSourceTransport(linkLocal bool) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DisableKeepAlives = true
	t.DisableCompression = true
	// HTTP/1.1 alone: in HTTP/2 a request may be sent twice, and a connection that died is not noticed.
	t.TLSNextProto = map[string]func(authority string, c *tls.Conn) http.RoundTripper{}
	t.ForceAttemptHTTP2 = false
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	if linkLocal {
		t.Proxy = nil
		t.DialContext = dialLinkLocal
	}
	return t
}

// linkLocalDialer gives up soon: who is not on EC2 has nobody at its metadata service's address.
var linkLocalDialer = &net.Dialer{Timeout: time.Second}

// dialLinkLocal is linkLocalDialer.DialContext, which Yaegi cannot take as a value.
func dialLinkLocal(ctx context.Context, network, address string) (net.Conn, error) {
	return linkLocalDialer.DialContext(ctx, network, address)
}

// callSource sends req with payload, again where the answer says that it might work. It uses no
// http.Client: redirects are never followed.
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
	_ = resp.Body.Close() // what is left unread is not wanted
	switch {
	case err != nil:
		return 0, nil, fmt.Errorf("read the answer of %s: %w", req.URL.Host, err)
	case len(body) > maxSourceBytes:
		return 0, nil, fmt.Errorf("read the answer of %s: over %d bytes", req.URL.Host, maxSourceBytes)
	}
	return resp.StatusCode, body, nil
}

// errorCodePattern is what an error code looks like. No other text of an answer goes into an
// error: STS repeats tokens in some of its messages.
var errorCodePattern = regexp.MustCompile(`^[A-Za-z0-9_.]{1,64}$`)

// statusError is the error of an answer that is not 200.
func statusError(req *http.Request, status int, code string) error {
	if !errorCodePattern.MatchString(code) {
		return fmt.Errorf("%s answered %d", req.URL.Host, status)
	}
	return fmt.Errorf("%s answered %d %s", req.URL.Host, status, code)
}

// credentialDocument is what the container and the instance endpoints answer.
type credentialDocument struct {
	Code            string `json:"Code"` // of the instance: "Success", or of an error
	AccessKeyID     string `json:"AccessKeyId"`
	SecretAccessKey string `json:"SecretAccessKey"`
	Token           string `json:"Token"`
	Expiration      string `json:"Expiration"` // RFC 3339
}

// parseCredentialDocument reads the document. Without an Expiration the credentials do not expire,
// as in AWS's SDKs. Errors tell nothing of its content.
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
