package credentials

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
)

// ecsEndpoint is the address of ECS and Fargate, to which AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is relative.
const ecsEndpoint = "http://169.254.170.2"

// containerAddresses lists the addresses that may be asked over plain HTTP besides loopback: ECS and EKS Pod
// Identity.
var containerAddresses = map[string]bool{
	"169.254.170.2":  true,
	"169.254.170.23": true,
	"fd00:ec2::23":   true,
}

// containerCredentials asks the endpoint that ECS, Fargate and EKS Pod Identity name in the environment of a
// container.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
func containerCredentials(ctx context.Context, s *credentialSettings) (*keySet, error) {
	req, err := containerRequest(ctx)
	if err != nil {
		return nil, err
	}
	transport := s.linkLocal
	if req.URL.Scheme == "https" {
		transport = s.remote
	}
	status, body, err := callSource(transport, req, nil)
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, statusError(req, status, jsonErrorCode(body))
	}
	return parseCredentialDocument(body)
}

// containerRequest returns the request for the credentials.
func containerRequest(ctx context.Context) (*http.Request, error) {
	endpoint, host, err := containerEndpoint(ctx)
	if err != nil {
		return nil, err
	}
	token, err := containerToken()
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint, http.NoBody)
	if err != nil {
		return nil, errors.New("make the request: the URL is not valid") // err would quote it, and it may hold secrets
	}
	req.Host = host
	req.Header.Set("Accept", "application/json")
	if token != "" {
		req.Header.Set("Authorization", token)
	}
	return req, nil
}

// containerEndpoint returns the URL to ask and its Host header.
func containerEndpoint(ctx context.Context) (endpoint, host string, err error) {
	if relative := os.Getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"); relative != "" {
		if !strings.HasPrefix(relative, "/") {
			return "", "", errors.New("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not begin with /")
		}
		return ecsEndpoint + relative, "", nil
	}
	full := os.Getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI")
	if full == "" {
		return "", "", fmt.Errorf("%w: neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI "+
			"nor AWS_CONTAINER_CREDENTIALS_FULL_URI is set", errNotSetUp)
	}
	u, err := url.Parse(full)
	if err != nil || u.Hostname() == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return "", "", errors.New("AWS_CONTAINER_CREDENTIALS_FULL_URI is not the URL of an HTTP endpoint")
	}
	host = u.Host
	if u.Scheme == "http" {
		// Connect to the address that was checked: the name may resolve to another one next time.
		address, err := containerAddress(ctx, u.Hostname())
		if err != nil {
			return "", "", fmt.Errorf("AWS_CONTAINER_CREDENTIALS_FULL_URI: %w", err)
		}
		port := u.Port()
		if port == "" {
			port = "80"
		}
		u.Host = net.JoinHostPort(address, port)
	}
	return u.String(), host, nil
}

// containerAddress returns the address of host. It refuses a host to which plain HTTP must not carry credentials.
func containerAddress(ctx context.Context, host string) (string, error) {
	addresses, err := net.DefaultResolver.LookupHost(ctx, host) // an IP address resolves to itself
	if err != nil {
		return "", fmt.Errorf("look up its host: %w", err)
	}
	for _, address := range addresses {
		ip, err := netip.ParseAddr(address)
		if err != nil || (!ip.IsLoopback() && !containerAddresses[ip.Unmap().String()]) {
			return "", fmt.Errorf("host %q: http:// is allowed for loopback and the container services "+
				"of ECS and EKS only: use https://", host)
		}
	}
	return addresses[0], nil
}

// containerToken returns the value of the Authorization header, "" for none. It reads the file each time, because EKS
// rotates the token.
func containerToken() (string, error) {
	token := os.Getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN")
	if path := os.Getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"); path != "" {
		content, err := readBounded(path, maxSourceBytes)
		if err != nil {
			return "", fmt.Errorf("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: %w", err)
		}
		token = content
	}
	if strings.ContainsAny(token, "\r\n") {
		return "", errors.New("the authorization token has a line break")
	}
	return token, nil
}

// jsonErrorCode returns the code of an error document, "" for none.
func jsonErrorCode(body []byte) string {
	var document struct {
		Code string `json:"code"` // matches "Code" as well: encoding/json ignores case
	}
	if json.Unmarshal(body, &document) != nil {
		return ""
	}
	return document.Code
}
