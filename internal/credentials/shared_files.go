package credentials

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/seed05e46011/lambda/internal/sigv4"
)

// maxSharedFileBytes limits a shared file. Large organisations have hundreds of profiles in one.
const maxSharedFileBytes = 1 << 20

// The keys of a profile.
// https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html
const (
	keyAccessKeyID          = "aws_access_key_id"
	keySecretAccessKey      = "aws_secret_access_key" //nolint:gosec // a name, no secret
	keySessionToken         = "aws_session_token"
	keyRoleArn              = "role_arn"
	keySourceProfile        = "source_profile"
	keyCredentialSource     = "credential_source" //nolint:gosec // a name, no secret
	keyExternalID           = "external_id"
	keyRoleSessionName      = "role_session_name"
	keyDurationSeconds      = "duration_seconds"
	keyWebIdentityTokenFile = "web_identity_token_file"
	keyRegion               = "region"
	keyMFASerial            = "mfa_serial"
)

// sharedFileCredentials looks for the profile in AWS's shared files, credentials and config.
// https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
func sharedFileCredentials(ctx context.Context, s *credentialSettings) (*keySet, error) {
	files, err := readSharedFiles(s.options)
	if err != nil {
		return nil, err
	}
	name, demanded := profileName(s.options)
	if files.profiles[name] == nil {
		if demanded {
			return nil, fmt.Errorf("profile %q is neither in %s nor in %s", name, files.credentialsPath, files.configPath)
		}
		return nil, fmt.Errorf("%w: profile %q is neither in %s nor in %s", errNotSetUp, name, files.credentialsPath, files.configPath)
	}
	return profileCredentials(ctx, s, files, name, nil)
}

// profileName returns the profile to use. demanded reports whether an option or a variable asks for it.
func profileName(options *Config) (name string, demanded bool) {
	name = options.Profile
	if name == "" {
		name = firstEnv("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
	}
	if name == "" {
		return "default", options.namesSharedFiles()
	}
	return name, true
}

// sharedFiles is the content of both files.
type sharedFiles struct {
	credentialsPath string
	configPath      string
	profiles        iniSections // by profile; the credentials file comes before the config file
}

// readSharedFiles reads both files. A file that cannot be read counts as empty, as in AWS's SDKs, unless an option
// names it.
func readSharedFiles(options *Config) (*sharedFiles, error) {
	files := &sharedFiles{
		credentialsPath: sharedFilePath(options.CredentialsFile, "AWS_SHARED_CREDENTIALS_FILE", "credentials"),
		configPath:      sharedFilePath(options.ConfigFile, "AWS_CONFIG_FILE", "config"),
		profiles:        iniSections{},
	}
	config, err := readBounded(files.configPath, maxSharedFileBytes)
	if err != nil && options.ConfigFile != "" {
		return nil, fmt.Errorf("configFile: %w", err)
	}
	credentialsText, err := readBounded(files.credentialsPath, maxSharedFileBytes)
	if err != nil && options.CredentialsFile != "" {
		return nil, fmt.Errorf("credentialsFile: %w", err)
	}
	addConfigProfiles(files.profiles, parseINI(config))
	for name, section := range parseINI(credentialsText) {
		mergeProfile(files.profiles, name, section)
	}
	return files, nil
}

func sharedFilePath(option, variable, name string) string {
	if option != "" {
		return option
	}
	if path := os.Getenv(variable); path != "" {
		return path
	}
	return filepath.Join(homeDirectory(), ".aws", name)
}

func homeDirectory() string {
	if home := firstEnv("HOME", "USERPROFILE"); home != "" {
		return home
	}
	home, _ := os.UserHomeDir() // with "" the path names no file
	return home
}

// addConfigProfiles adds the profiles of a config file. There a section is called "profile name"; only "default" may
// stand alone.
func addConfigProfiles(profiles, sections iniSections) {
	if section, ok := sections["default"]; ok {
		profiles["default"] = section
	}
	for title, section := range sections {
		if name, ok := strings.CutPrefix(title, "profile "); ok {
			profiles[strings.Trim(name, `"'`)] = section
		}
	}
}

// mergeProfile adds a profile of the credentials file. Key, secret and token are always taken from the same file.
func mergeProfile(profiles iniSections, name string, section map[string]string) {
	profile := profiles[name]
	if profile == nil {
		profiles[name] = section
		return
	}
	if section[keyAccessKeyID]+section[keySecretAccessKey] != "" {
		delete(profile, keyAccessKeyID)
		delete(profile, keySecretAccessKey)
		delete(profile, keySessionToken)
	}
	for key, value := range section {
		profile[key] = value
	}
}

// profileCredentials returns the credentials of a profile: its own keys or those of its source, and then its role.
// path lists the profiles that led here by source_profile.
func profileCredentials(ctx context.Context, s *credentialSettings, files *sharedFiles, name string, path []string) (*keySet, error) {
	profile := files.profiles[name]
	switch {
	case profile == nil:
		return nil, fmt.Errorf("profile %q, source_profile of %q, does not exist", name, path[len(path)-1])
	case profile[keyMFASerial] != "" && profile[keyRoleArn] != "":
		return nil, fmt.Errorf("profile %q: mfa_serial is not supported: a plugin cannot ask for a code", name)
	}
	if err := checkProfile(name, profile); err != nil {
		return nil, err
	}
	if inPath(path, name) {
		// A profile may be its own source. Then its keys assume its role.
		if profile[keyAccessKeyID] == "" {
			return nil, fmt.Errorf("profile %q: source_profile goes in a circle", name)
		}
		return profileKeys(profile), nil
	}
	if profile[keyWebIdentityTokenFile] != "" {
		return assumeRoleWithWebIdentity(ctx, s, profileRole(profile), profile[keyWebIdentityTokenFile])
	}
	base, err := profileSource(ctx, s, files, name, append(path, name))
	if err != nil || profile[keyRoleArn] == "" {
		return base, err
	}
	c, err := assumeRole(ctx, s, base, profileRole(profile))
	if err != nil {
		return nil, fmt.Errorf("profile %q: %w", name, err)
	}
	return c, nil
}

func inPath(path []string, name string) bool {
	for _, before := range path {
		if before == name {
			return true
		}
	}
	return false
}

// profileSource returns the credentials that assume the profile's role, or the profile's own if it has no role. name
// is the last of path.
func profileSource(ctx context.Context, s *credentialSettings, files *sharedFiles, name string, path []string) (*keySet, error) {
	profile := files.profiles[name]
	keys := profile[keyAccessKeyID] != ""
	isSource := len(path) > 1
	switch {
	case profile[keySourceProfile] != "" && (!keys || !isSource):
		return profileCredentials(ctx, s, files, profile[keySourceProfile], path)
	case keys:
		return profileKeys(profile), nil
	case profile[keyCredentialSource] != "":
		return namedSource(ctx, s, name, profile[keyCredentialSource])
	case isSource:
		return nil, fmt.Errorf("profile %q, source_profile of %q, holds no credentials", name, path[len(path)-2])
	case profile[keyRoleArn] != "":
		return containerOrInstance(ctx, s)
	}
	return nil, fmt.Errorf("%w: profile %q holds no credentials", errNotSetUp, name)
}

// notHere lists the sources of a profile that cannot work in a plugin.
var notHere = []struct{ key, why string }{
	{"credential_process", "Traefik's plugins cannot start processes"},
	{"sso_session", "signing in needs a browser"},
	{"sso_start_url", "signing in needs a browser"},
	{"sso_account_id", "signing in needs a browser"},
	{"login_session", "signing in needs a browser"},
}

// checkProfile refuses half of a source, more than one source, and a source that cannot work in a plugin.
func checkProfile(name string, profile map[string]string) error {
	if (profile[keyAccessKeyID] == "") != (profile[keySecretAccessKey] == "") {
		return fmt.Errorf("profile %q: only one of aws_access_key_id and aws_secret_access_key is there", name)
	}
	var sources []string
	for _, key := range []string{keySourceProfile, keyCredentialSource, keyWebIdentityTokenFile} {
		if profile[key] != "" {
			sources = append(sources, key)
		}
	}
	switch {
	case len(sources) > 1:
		return fmt.Errorf("profile %q: %s: want one of them", name, strings.Join(sources, " and "))
	case len(sources) == 1 && profile[keyRoleArn] == "":
		return fmt.Errorf("profile %q: %s without role_arn", name, sources[0])
	case len(sources) == 1 || profile[keyAccessKeyID] != "":
		return nil
	}
	for _, n := range notHere {
		if profile[n.key] != "" {
			return fmt.Errorf("profile %q: %s is not supported: %s", name, n.key, n.why)
		}
	}
	return nil
}

// profileKeys returns the keys of a profile.
func profileKeys(profile map[string]string) *keySet {
	return &keySet{
		keys: sigv4.Credentials{
			AccessKeyID:     profile[keyAccessKeyID],
			SecretAccessKey: profile[keySecretAccessKey],
			SessionToken:    profile[keySessionToken],
		},
		recheck: fileRecheck,
	}
}

func profileRole(profile map[string]string) *role {
	return &role{
		arn:         profile[keyRoleArn],
		sessionName: profile[keyRoleSessionName],
		externalID:  profile[keyExternalID],
		duration:    profile[keyDurationSeconds], // a bare number means seconds
	}
}

// namedSource asks the source that credential_source names.
func namedSource(ctx context.Context, s *credentialSettings, profile, source string) (*keySet, error) {
	var c *keySet
	var err error
	switch source {
	case "Environment":
		c, err = environmentCredentials(ctx, s)
	case "EcsContainer":
		c, err = containerCredentials(ctx, s)
	case "Ec2InstanceMetadata":
		c, err = imdsCredentials(ctx, s)
	default:
		return nil, fmt.Errorf("profile %q: credential_source: %q: want Environment, EcsContainer or Ec2InstanceMetadata", profile, source)
	}
	if err != nil {
		// Not %w: a source that the profile demands and that is not set up is an error, and ends the search.
		return nil, fmt.Errorf("profile %q: credential_source %s: %v", profile, source, err) //nolint:errorlint // see above
	}
	return c, nil
}

// containerOrInstance returns the credentials for a profile that has a role and no source, as AWS's SDKs do.
func containerOrInstance(ctx context.Context, s *credentialSettings) (*keySet, error) {
	c, err := containerCredentials(ctx, s)
	if errors.Is(err, errNotSetUp) {
		return imdsCredentials(ctx, s)
	}
	return c, err
}
