package credentials

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/seed05e46011/lambda/internal/sigv4"
)

// fileRecheck is how often files with long-term keys are read again. Nothing announces a new secret, and the old one
// is usually withdrawn soon after.
const fileRecheck = 5 * time.Second

// staticCredentials returns the key from the options, or from the files that they name.
func staticCredentials(_ context.Context, s *credentialSettings) (*keySet, error) {
	o := s.options
	accessKeyID, err := valueOrFile(o.AccessKeyID, "accessKeyIdFile", o.AccessKeyIDFile)
	if err != nil {
		return nil, err
	}
	secretAccessKey, err := valueOrFile(o.SecretAccessKey, "secretAccessKeyFile", o.SecretAccessKeyFile)
	if err != nil {
		return nil, err
	}
	sessionToken, err := valueOrFile(o.SessionToken, "sessionTokenFile", o.SessionTokenFile)
	if err != nil {
		return nil, err
	}
	c := &keySet{keys: sigv4.Credentials{
		AccessKeyID:     accessKeyID,
		SecretAccessKey: secretAccessKey,
		SessionToken:    sessionToken,
	}}
	if o.AccessKeyIDFile+o.SecretAccessKeyFile+o.SessionTokenFile != "" {
		c.recheck = fileRecheck
	}
	return c, nil
}

// valueOrFile returns value, or the content of the file at path if that is set.
func valueOrFile(value, option, path string) (string, error) {
	if path == "" {
		return value, nil
	}
	content, err := readBounded(path, maxSourceBytes)
	if err != nil {
		return "", fmt.Errorf("%s: %w", option, err)
	}
	return strings.TrimSpace(content), nil
}
