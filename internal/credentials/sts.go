package credentials

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/seed05e46011/lambda/internal/aws"
	"github.com/seed05e46011/lambda/internal/endpoint"
	"github.com/seed05e46011/lambda/internal/option"
	"github.com/seed05e46011/lambda/internal/sigv4"
)

// role is the role that STS is asked for.
type role struct {
	arn         string
	sessionName string // "": AWS_ROLE_SESSION_NAME, else defaultSessionName
	externalID  string // "" for none
	duration    string // "": STS's default, an hour
}

const defaultSessionName = "traefik-lambda"

// assumeRole returns a session of r. base holds the credentials that may assume it.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
func assumeRole(ctx context.Context, s *credentialSettings, base *keySet, r *role) (*keySet, error) {
	form := roleForm("AssumeRole", r)
	if r.externalID != "" {
		form.Set("ExternalId", r.externalID)
	}
	return callSTS(ctx, s, base, form)
}

// assumeRoleWithWebIdentity returns a session of r for the token in the file at path. The token proves the caller's
// identity, so the request is not signed.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
func assumeRoleWithWebIdentity(ctx context.Context, s *credentialSettings, r *role, path string) (*keySet, error) {
	token, err := readBounded(path, maxSourceBytes)
	if err != nil {
		return nil, fmt.Errorf("the web identity's token: %w", err)
	}
	token = strings.TrimSpace(token)
	if token == "" {
		return nil, fmt.Errorf("the web identity's token: %s is empty", path)
	}
	form := roleForm("AssumeRoleWithWebIdentity", r)
	form.Set("WebIdentityToken", token)
	return callSTS(ctx, s, nil, form)
}

// roleForm returns the parameters that both actions share.
func roleForm(action string, r *role) url.Values {
	name := r.sessionName
	if name == "" {
		name = os.Getenv("AWS_ROLE_SESSION_NAME")
	}
	if name == "" {
		name = defaultSessionName
	}
	form := url.Values{}
	form.Set("Action", action)
	form.Set("Version", "2011-06-15")
	form.Set("RoleArn", r.arn)
	form.Set("RoleSessionName", name)
	if d, err := option.Duration(r.duration); err == nil && d > 0 {
		form.Set("DurationSeconds", strconv.Itoa(int(d/time.Second)))
	}
	return form
}

var errSignerRefused = errors.New("the credentials that signed were refused")

// callSTS posts form and returns the credentials of the session. The request is signed with base, unless that is nil.
func callSTS(ctx context.Context, s *credentialSettings, base *keySet, form url.Values) (*keySet, error) {
	stsURL, region := stsEndpoint(ctx, s)
	payload := []byte(form.Encode())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, stsURL, http.NoBody)
	if err != nil {
		return nil, errors.New("the endpoint of STS is not a URL")
	}
	req.Host = sigv4.HostHeader(req.URL)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	req.Header.Set("Accept", "application/xml")
	if base != nil {
		sigv4.Sign(req, payload, &base.keys, region, "sts", s.clock.now())
	}
	status, body, err := callSource(s.remote, req, payload)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", form.Get("Action"), err)
	}
	if status != http.StatusOK {
		code := stsErrorCode(body)
		err = statusError(req, status, code)
		if refusals[code] {
			err = fmt.Errorf("%w: %w", err, errSignerRefused)
		}
		return nil, fmt.Errorf("%s of %s: %w", form.Get("Action"), form.Get("RoleArn"), err)
	}
	return parseSTSAnswer(body)
}

// stsAnswer is the response to both actions. The element within the root is named after the action.
type stsAnswer struct {
	AssumeRole  stsResult `xml:"AssumeRoleResult"`
	WebIdentity stsResult `xml:"AssumeRoleWithWebIdentityResult"`
}

type stsResult struct {
	Credentials struct {
		AccessKeyID     string `xml:"AccessKeyId"`
		SecretAccessKey string `xml:"SecretAccessKey"`
		SessionToken    string `xml:"SessionToken"`
		Expiration      string `xml:"Expiration"` // RFC 3339
	} `xml:"Credentials"`
}

// parseSTSAnswer reads a response. Errors do not quote it.
func parseSTSAnswer(body []byte) (*keySet, error) {
	var answer stsAnswer
	if xml.Unmarshal(body, &answer) != nil {
		return nil, errors.New("the answer of STS is not XML")
	}
	found := answer.AssumeRole.Credentials
	if found.AccessKeyID == "" {
		found = answer.WebIdentity.Credentials
	}
	c := &keySet{keys: sigv4.Credentials{
		AccessKeyID:     found.AccessKeyID,
		SecretAccessKey: found.SecretAccessKey,
		SessionToken:    found.SessionToken,
	}}
	if c.keys.AccessKeyID == "" || c.keys.SessionToken == "" {
		return nil, errors.New("the answer of STS holds no credentials")
	}
	expires, err := time.Parse(time.RFC3339, found.Expiration)
	if err != nil {
		return nil, errors.New("the answer of STS holds no Expiration")
	}
	c.expires = expires
	return c, nil
}

// stsErrorCode returns the code of an error response, "" for none.
func stsErrorCode(body []byte) string {
	var answer struct {
		Code string `xml:"Error>Code"`
	}
	if xml.Unmarshal(body, &answer) != nil {
		return ""
	}
	return answer.Code
}

// stsEndpoint returns the URL of STS and the region to sign for. By default it is the endpoint of the region. AWS's
// SDKs have dropped AWS_STS_REGIONAL_ENDPOINTS, which could choose another one.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-sts-regionalized-endpoints.html
func stsEndpoint(ctx context.Context, s *credentialSettings) (stsURL, region string) {
	region = s.region
	if region == "" {
		region, _ = InstanceRegion(ctx) // without a region the global endpoint is used
	}
	stsURL = s.options.StsEndpoint
	if stsURL == "" && !envTrue("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") {
		stsURL = firstEnv("AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL")
	}
	if stsURL == "" {
		stsURL = aws.STSEndpoint(region, envTrue("AWS_USE_FIPS_ENDPOINT"), envTrue("AWS_USE_DUALSTACK_ENDPOINT"))
	}
	if region == "" {
		region = "us-east-1" // the global endpoint's
	}
	return strings.TrimSuffix(stsURL, "/") + "/", region
}

func envTrue(name string) bool { return strings.EqualFold(os.Getenv(name), "true") }

// hostInClear returns the host of a URL if tokens would travel to it in clear text. ok is false for https, and for a
// host on this machine.
func hostInClear(stsURL string) (host string, ok bool) {
	u, err := url.Parse(stsURL)
	if err != nil || u.Scheme != "http" {
		return "", false
	}
	return u.Host, !endpoint.IsLoopback(u.Hostname()) && !strings.HasSuffix(u.Hostname(), ".localhost")
}
