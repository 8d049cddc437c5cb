package lambda

import (
	"context"
	"errors"
	"os"
	"time"
)

// credentials is one set of AWS credentials. A value of this type is never printed or marshalled
// as a whole: under Yaegi neither unexported fields nor a String method would keep the secret.
type credentials struct {
	accessKeyID     string
	secretAccessKey string
	sessionToken    string    // "" for long-term keys
	expires         time.Time // zero: never
}

// credentialSource is one place where credentials may be found.
type credentialSource struct {
	name string // what a log line calls it

	// retrieve asks the source. It returns errNoCredentials (wrapped or not) where the source
	// is not set up at all: the next one is asked. Any other error ends the search, as in AWS's
	// SDKs: who set a source up wants to know that it fails, not be served by another one.
	retrieve func(ctx context.Context) (*credentials, error)
}

// errNoCredentials says that a source is not set up.
var errNoCredentials = errors.New("no credentials")

// environmentCredentials reads the variables that every AWS SDK reads first.
func environmentCredentials(_ context.Context) (*credentials, error) {
	c := &credentials{
		accessKeyID:     os.Getenv("AWS_ACCESS_KEY_ID"),
		secretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"),
		sessionToken:    os.Getenv("AWS_SESSION_TOKEN"),
	}
	if c.accessKeyID == "" || c.secretAccessKey == "" {
		return nil, errNoCredentials
	}
	return c, nil
}

// credentialProvider is where the handlers with the same options get their credentials.
type credentialProvider struct {
	static  *credentials // nil: the sources are asked
	sources []credentialSource
}

// newCredentialProvider returns the provider for the options. It asks no source yet.
func newCredentialProvider(cfg *CredentialsConfig, region string) (*credentialProvider, error) {
	if cfg != nil && cfg.AccessKeyID != "" {
		return &credentialProvider{static: &credentials{
			accessKeyID:     cfg.AccessKeyID,
			secretAccessKey: cfg.SecretAccessKey,
			sessionToken:    cfg.SessionToken,
		}}, nil
	}
	return &credentialProvider{sources: []credentialSource{{"environment", environmentCredentials}}}, nil
}

// retrieveCredentials returns valid credentials. Its errors say where it looked.
func retrieveCredentials(ctx context.Context, p *credentialProvider) (*credentials, error) {
	if p.static != nil {
		return p.static, nil
	}
	for _, source := range p.sources {
		c, err := source.retrieve(ctx)
		if err == nil {
			return c, nil
		}
	}
	return nil, errors.New("no credentials: looked in option credentials and in the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)")
}
