package credentials

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// webIdentityCredentials exchanges the token of a file for a session of a role: IAM roles for
// service accounts (IRSA) on EKS, or any OpenID Connect provider.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-assume-role-credentials.html
func webIdentityCredentials(ctx context.Context, s *credentialSettings) (*keySet, error) {
	path := s.options.WebIdentityTokenFile
	if path == "" {
		path = os.Getenv("AWS_WEB_IDENTITY_TOKEN_FILE")
	}
	if path == "" {
		return nil, fmt.Errorf("%w: AWS_WEB_IDENTITY_TOKEN_FILE is not set", errNotSetUp)
	}
	r := &role{arn: webIdentityRole(s.options), sessionName: s.options.RoleSessionName}
	if r.arn == "" {
		return nil, errors.New("AWS_WEB_IDENTITY_TOKEN_FILE is set without AWS_ROLE_ARN")
	}
	if s.options.WebIdentityTokenFile != "" {
		r.duration = s.options.Duration
	}
	return assumeRoleWithWebIdentity(ctx, s, r, path)
}

// webIdentityRole returns the role of a web identity. If the environment names the token file, the option roleArn is
// not this role, but the one to assume after it.
func webIdentityRole(options *Config) string {
	if options.WebIdentityTokenFile != "" && options.RoleArn != "" {
		return options.RoleArn
	}
	return os.Getenv("AWS_ROLE_ARN")
}
