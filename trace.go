package lambda

import (
	"errors"
	"net/http"

	"github.com/seed05e46011/lambda/internal/bracket"
	"github.com/seed05e46011/lambda/internal/xray"
)

// validateXRay checks the options xrayTracing and xrayTrustedIPs.
func (c *Config) validateXRay() error {
	if len(c.XRayTrustedIPs) > 0 && !c.XRayTracing {
		return errors.New("xrayTrustedIPs: set without xrayTracing, which it belongs to")
	}
	_, err := xray.New(c.XRayTrustedIPs)
	return err
}

// addTrace adds a request's trace header to its invocation. It is not signed, as with AWS's own
// signers: proxies may replace it.
func addTrace(invocation, request *http.Request) {
	if notes, ok := bracket.NotesIn(request.Context()); ok && notes.TraceHeader != "" {
		invocation.Header[xray.HeaderName] = []string{notes.TraceHeader}
	}
}
