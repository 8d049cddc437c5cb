package credentials

import (
	"context"
	"fmt"
	"os"

	"github.com/seed05e46011/lambda/internal/sigv4"
)

// environmentCredentials reads the variables that every AWS SDK reads first, and the older names that some still
// accept. A key without its secret counts as not set, as in AWS's SDKs.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-static-credentials.html
func environmentCredentials(_ context.Context, _ *credentialSettings) (*keySet, error) {
	c := &keySet{keys: sigv4.Credentials{
		AccessKeyID:     firstEnv("AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY"),
		SecretAccessKey: firstEnv("AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY"),
		SessionToken:    os.Getenv("AWS_SESSION_TOKEN"),
	}}
	switch {
	case c.keys.AccessKeyID == "":
		return nil, fmt.Errorf("%w: AWS_ACCESS_KEY_ID is not set", errNotSetUp)
	case c.keys.SecretAccessKey == "":
		return nil, fmt.Errorf("%w: AWS_SECRET_ACCESS_KEY is not set", errNotSetUp)
	}
	return c, nil
}

// firstEnv returns the first variable that is not empty.
func firstEnv(names ...string) string {
	for _, name := range names {
		if value := os.Getenv(name); value != "" {
			return value
		}
	}
	return ""
}
