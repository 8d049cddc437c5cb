package credentials

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

const (
	imdsIPv4Endpoint = "http://169.254.169.254"
	imdsIPv6Endpoint = "http://[fd00:ec2::254]"

	// imdsRecheck is how often an instance is asked for its credentials although they last 6 hours: its role may be
	// replaced. AWS's SDKs ask once an hour.
	imdsRecheck = 55 * time.Minute

	imdsTokenSeconds = "300"
)

// imdsCredentials asks the metadata service of an EC2 instance for the credentials of its role.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html
func imdsCredentials(ctx context.Context, s *credentialSettings) (*keySet, error) {
	const path = "/latest/meta-data/iam/security-credentials/"
	session, err := openIMDS(ctx, s.linkLocal)
	if err != nil {
		return nil, err
	}
	roles, err := session.get(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("the name of the role: %w", err)
	}
	name, _, _ := strings.Cut(strings.TrimSpace(string(roles)), "\n")
	name = strings.TrimSpace(name)
	if name == "" {
		return nil, errors.New("the instance has no role")
	}
	document, err := session.get(ctx, path+url.PathEscape(name))
	if err != nil {
		return nil, fmt.Errorf("the credentials of the role: %w", err)
	}
	c, err := parseCredentialDocument(document)
	if err != nil {
		return nil, err
	}
	c.recheck = imdsRecheck
	c.outlivesOutage = true
	return c, nil
}

// imdsSession is a metadata service and the token that it issued.
type imdsSession struct {
	transport http.RoundTripper
	endpoint  string
	token     string // "" for version 1
}

// openIMDS asks for a token (version 2). It falls back to version 1 only if the service does not know tokens and
// version 1 is not disabled.
func openIMDS(ctx context.Context, transport http.RoundTripper) (*imdsSession, error) {
	if envTrue("AWS_EC2_METADATA_DISABLED") {
		return nil, fmt.Errorf("%w: AWS_EC2_METADATA_DISABLED is set", errNotSetUp)
	}
	session := &imdsSession{transport: transport, endpoint: imdsEndpoint()}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, session.endpoint+"/latest/api/token", http.NoBody)
	if err != nil {
		return nil, errors.New("the endpoint is not a URL")
	}
	req.Header.Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", imdsTokenSeconds)
	status, body, err := callSource(transport, req, nil)
	if err != nil && ctx.Err() != nil {
		return nil, fmt.Errorf("no token in time; in a container, the hop limit in the instance's metadata options has to be 2: %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("no token: %w", err)
	}
	switch status {
	case http.StatusOK:
		session.token = string(body)
		if session.token == "" || strings.ContainsAny(session.token, "\r\n") {
			return nil, errors.New("the token is empty or has a line break")
		}
		return session, nil
	case http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed:
		if !envTrue("AWS_EC2_METADATA_V1_DISABLED") {
			return session, nil
		}
	}
	return nil, statusError(req, status, "")
}

// imdsEndpoint returns the base URL of the metadata service.
func imdsEndpoint() string {
	if endpoint := os.Getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT"); endpoint != "" {
		return strings.TrimSuffix(endpoint, "/")
	}
	if strings.EqualFold(os.Getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"), "IPv6") {
		return imdsIPv6Endpoint
	}
	return imdsIPv4Endpoint
}

func (s *imdsSession) get(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.endpoint+path, http.NoBody)
	if err != nil {
		return nil, errors.New("the endpoint is not a URL")
	}
	if s.token != "" {
		req.Header.Set("X-Aws-Ec2-Metadata-Token", s.token)
	}
	status, body, err := callSource(s.transport, req, nil)
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, statusError(req, status, "")
	}
	return body, nil
}
