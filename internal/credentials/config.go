package credentials

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/seed05e46011/lambda/internal/endpoint"
	"github.com/seed05e46011/lambda/internal/option"
)

// Config holds the options of the group credentials. They are secrets: never print or log a value of this type. White
// space around a value is dropped, because secrets in files and in Kubernetes often end with a line break.
type Config struct {
	// AccessKeyID and SecretAccessKey define the key to sign with. Set both or none.
	// Default: the key is looked for where AWS's SDKs look.
	AccessKeyID     string `mapstructure:"accessKeyId"`
	SecretAccessKey string `mapstructure:"secretAccessKey"`

	// SessionToken defines the token of a temporary key.
	SessionToken string `mapstructure:"sessionToken"`

	// AccessKeyIDFile, SecretAccessKeyFile and SessionTokenFile name files with these values,
	// such as Docker's secrets. They are read again every few seconds.
	AccessKeyIDFile     string `mapstructure:"accessKeyIdFile"`
	SecretAccessKeyFile string `mapstructure:"secretAccessKeyFile"`
	SessionTokenFile    string `mapstructure:"sessionTokenFile"`

	// Profile defines the profile of the shared files to use. It comes before the environment.
	// Default: AWS_PROFILE, else "default", after the environment and a web identity.
	Profile string `mapstructure:"profile"`

	// CredentialsFile and ConfigFile name AWS's shared files.
	// Default: AWS_SHARED_CREDENTIALS_FILE, else ~/.aws/credentials; AWS_CONFIG_FILE, else
	// ~/.aws/config.
	CredentialsFile string `mapstructure:"credentialsFile"`
	ConfigFile      string `mapstructure:"configFile"`

	// RoleArn defines the role to assume with the credentials that were found, or, with
	// WebIdentityTokenFile, with that token.
	// Default: none, or AWS_ROLE_ARN with WebIdentityTokenFile.
	RoleArn string `mapstructure:"roleArn"`

	// ExternalID defines the id that the trust policy of a role in another account may require.
	ExternalID string `mapstructure:"externalId"`

	// RoleSessionName defines how CloudTrail names the session of the role.
	// Default: AWS_ROLE_SESSION_NAME, else "traefik-lambda".
	RoleSessionName string `mapstructure:"roleSessionName"`

	// Duration defines how long the session of the role lasts, 15 minutes to 12 hours. A role's
	// maximum is an hour unless it is set otherwise, and always where a role assumes a role.
	// Default: "1h".
	Duration string `mapstructure:"duration"`

	// WebIdentityTokenFile names the file with the token of a web identity, as Kubernetes mounts
	// it. It is read again for each session.
	// Default: AWS_WEB_IDENTITY_TOKEN_FILE, after the environment.
	WebIdentityTokenFile string `mapstructure:"webIdentityTokenFile"`

	// StsEndpoint defines the base URL of STS. With http://, tokens travel in clear text. That is meant for loopback;
	// for any other host a warning is logged.
	// Default: AWS_ENDPOINT_URL_STS, else AWS_ENDPOINT_URL, else the endpoint of the region.
	StsEndpoint string `mapstructure:"stsEndpoint"`

	// Unknown collects the options that do not exist.
	Unknown map[string]any `mapstructure:",remain"`
}

// From https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
var (
	roleARNPattern     = regexp.MustCompile(`^arn:aws[a-z-]*:iam::\d{12}:role/[\x21-\x7e]{1,576}$`)
	externalIDPattern  = regexp.MustCompile(`^[\w+=,.@:/-]{2,}$`)
	sessionNamePattern = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
)

const (
	maxExternalID   = 1224
	minRoleDuration = 15 * time.Minute
	maxRoleDuration = 12 * time.Hour
)

// validate checks the options. A nil group is valid.
func (c *Config) validate() error {
	if c == nil {
		return nil
	}
	t := c.trimmed()
	checks := []error{
		option.Unknown("credentials.", reflect.TypeOf(*c), c.Unknown),
		t.validateKeys(),
		t.validateSource(),
		t.validateRole(),
		t.validateStsEndpoint(),
	}
	for _, err := range checks {
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) validateKeys() error {
	pairs := []struct{ option, value, file string }{
		{"accessKeyId", c.AccessKeyID, c.AccessKeyIDFile},
		{"secretAccessKey", c.SecretAccessKey, c.SecretAccessKeyFile},
		{"sessionToken", c.SessionToken, c.SessionTokenFile},
	}
	for _, p := range pairs {
		if p.value != "" && p.file != "" {
			return fmt.Errorf("credentials: %s and %sFile: both are set: want one", p.option, p.option)
		}
		if strings.ContainsAny(p.value, "\r\n") {
			return fmt.Errorf("credentials.%s: has a line break", p.option)
		}
	}
	hasID := c.AccessKeyID+c.AccessKeyIDFile != ""
	hasSecret := c.SecretAccessKey+c.SecretAccessKeyFile != ""
	if hasID != hasSecret {
		return errors.New("credentials: accessKeyId and secretAccessKey: only one is set: want both or none")
	}
	if !hasID && c.SessionToken+c.SessionTokenFile != "" {
		return errors.New("credentials.sessionToken: set without accessKeyId and secretAccessKey")
	}
	return nil
}

// validateSource refuses options that name two sources: it must be clear which one signs.
func (c *Config) validateSource() error {
	var named []string
	if c.hasKeys() {
		named = append(named, "accessKeyId")
	}
	if c.WebIdentityTokenFile != "" {
		named = append(named, "webIdentityTokenFile")
	}
	if c.namesSharedFiles() {
		named = append(named, "profile, credentialsFile or configFile")
	}
	if len(named) > 1 {
		return fmt.Errorf("credentials: %s: each names a source: want one", strings.Join(named, " and "))
	}
	return nil
}

func (c *Config) validateRole() error {
	if c.RoleArn != "" && !roleARNPattern.MatchString(c.RoleArn) {
		return fmt.Errorf("credentials.roleArn: %q: want a role's ARN such as \"arn:aws:iam::123456789012:role/name\"", c.RoleArn)
	}
	if c.WebIdentityTokenFile != "" && webIdentityRole(c) == "" {
		return errors.New("credentials.webIdentityTokenFile: set without roleArn or AWS_ROLE_ARN")
	}
	if c.ExternalID != "" && (len(c.ExternalID) > maxExternalID || !externalIDPattern.MatchString(c.ExternalID)) {
		return errors.New("credentials.externalId: want 2 to 1224 letters, digits or _+=,.@:/-")
	}
	if c.RoleSessionName != "" && !sessionNamePattern.MatchString(c.RoleSessionName) {
		return fmt.Errorf("credentials.roleSessionName: %q: want 2 to 64 letters, digits or _+=,.@-", c.RoleSessionName)
	}
	if c.Duration != "" {
		d, err := option.Duration(c.Duration)
		if err != nil || d < minRoleDuration || d > maxRoleDuration {
			return fmt.Errorf("credentials.duration: %q: want a duration from 15m to 12h", c.Duration)
		}
	}
	if c.ExternalID != "" && (c.RoleArn == "" || c.WebIdentityTokenFile != "") {
		return errors.New("credentials.externalId: set without a roleArn that is assumed with other credentials")
	}
	if c.Duration != "" && c.RoleArn == "" && c.WebIdentityTokenFile == "" {
		return errors.New("credentials.duration: set without roleArn")
	}
	return nil
}

func (c *Config) validateStsEndpoint() error {
	if c.StsEndpoint == "" {
		return nil
	}
	if !endpoint.IsBase(c.StsEndpoint) {
		return fmt.Errorf("credentials.stsEndpoint: %q: want a URL of scheme, host and, if need be, port and path",
			endpoint.Redact(c.StsEndpoint))
	}
	return nil
}

// trimmed returns a copy without white space around the values. For nil it returns an empty Config.
func (c *Config) trimmed() *Config {
	if c == nil {
		return &Config{}
	}
	return &Config{
		AccessKeyID:          strings.TrimSpace(c.AccessKeyID),
		SecretAccessKey:      strings.TrimSpace(c.SecretAccessKey),
		SessionToken:         strings.TrimSpace(c.SessionToken),
		AccessKeyIDFile:      strings.TrimSpace(c.AccessKeyIDFile),
		SecretAccessKeyFile:  strings.TrimSpace(c.SecretAccessKeyFile),
		SessionTokenFile:     strings.TrimSpace(c.SessionTokenFile),
		Profile:              strings.TrimSpace(c.Profile),
		CredentialsFile:      strings.TrimSpace(c.CredentialsFile),
		ConfigFile:           strings.TrimSpace(c.ConfigFile),
		RoleArn:              strings.TrimSpace(c.RoleArn),
		ExternalID:           strings.TrimSpace(c.ExternalID),
		RoleSessionName:      strings.TrimSpace(c.RoleSessionName),
		Duration:             strings.TrimSpace(c.Duration),
		WebIdentityTokenFile: strings.TrimSpace(c.WebIdentityTokenFile),
		StsEndpoint:          strings.TrimSpace(c.StsEndpoint),
	}
}

// values lists all options, in the order of their declaration.
func (c *Config) values() []string {
	return []string{
		c.AccessKeyID, c.SecretAccessKey, c.SessionToken,
		c.AccessKeyIDFile, c.SecretAccessKeyFile, c.SessionTokenFile,
		c.Profile, c.CredentialsFile, c.ConfigFile,
		c.RoleArn, c.ExternalID, c.RoleSessionName, c.Duration,
		c.WebIdentityTokenFile, c.StsEndpoint,
	}
}

// hasKeys reports whether the options hold the key to sign with, or name its files.
func (c *Config) hasKeys() bool { return c.AccessKeyID+c.AccessKeyIDFile != "" }

func (c *Config) namesSharedFiles() bool {
	return c.Profile+c.CredentialsFile+c.ConfigFile != ""
}

// assumesRole reports whether roleArn is assumed with other credentials. With a web identity, the token gets the role
// instead.
func (c *Config) assumesRole() bool {
	return c.RoleArn != "" && c.WebIdentityTokenFile == ""
}

// withoutRole returns the options for the credentials that assume the role.
func (c *Config) withoutRole() *Config {
	base := *c
	base.RoleArn = ""
	base.ExternalID = ""
	base.Duration = ""
	if base.hasKeys() {
		base.RoleSessionName = ""
		base.StsEndpoint = ""
	}
	return &base
}

// mayCallSTS reports whether a search for credentials may end with a call of STS.
func mayCallSTS(options *Config) bool {
	if options.hasKeys() {
		return false
	}
	if options.WebIdentityTokenFile != "" || os.Getenv("AWS_WEB_IDENTITY_TOKEN_FILE") != "" {
		return true
	}
	files, err := readSharedFiles(options)
	name, _ := profileName(options)
	return err != nil || files.profiles[name][keyRoleArn] != ""
}
