package awslocal

import (
	"fmt"
	"os"
	"path/filepath"
)

// Source is a place where AWS's SDKs find credentials.
type Source string

// The sources that [Server.Environment] sets up.
const (
	Env       Source = "env"       // keys in the environment
	IRSA      Source = "irsa"      // a web identity's token, exchanged at STS
	Profile   Source = "profile"   // a role that keys in the shared files assume at STS
	Container Source = "container" // ECS, EKS Pod Identity
	IMDS      Source = "imds"      // the metadata of an EC2 instance

	// AssumeRole is the source of what AssumeRole issues; profiles lead to it.
	AssumeRole Source = "role"
)

// Sources are those of [Server.Environment], in the order in which SDKs look for them.
var Sources = []Source{Env, IRSA, Profile, Container, IMDS}

// Environment returns the variables that let an SDK find the source and no other, as NAME=value. Files that they name
// are written to dir.
func (s *Server) Environment(source Source, dir string) ([]string, error) {
	disabled := "AWS_EC2_METADATA_DISABLED=true"
	sts := "AWS_ENDPOINT_URL_STS=" + s.URL()
	switch source {
	case Env:
		key := s.issue(Env)
		return []string{
			disabled, "AWS_ACCESS_KEY_ID=" + key.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + key.SecretAccessKey,
			"AWS_SESSION_TOKEN=" + key.SessionToken,
		}, nil
	case IRSA:
		path, err := writeFile(dir, "token", s.webIdentityToken)
		return []string{disabled, sts, "AWS_WEB_IDENTITY_TOKEN_FILE=" + path, "AWS_ROLE_ARN=" + roleARN}, err
	case Profile:
		return s.profileEnvironment(dir, disabled, sts)
	case Container:
		path, err := writeFile(dir, "container-token", s.containerToken)
		return []string{
			disabled, "AWS_CONTAINER_CREDENTIALS_FULL_URI=" + s.URL() + containerPath,
			"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=" + path,
		}, err
	case IMDS:
		return []string{"AWS_EC2_METADATA_SERVICE_ENDPOINT=" + s.URL()}, nil
	default:
		return nil, fmt.Errorf("no source of credentials %q: want one of %v", source, Sources)
	}
}

func (s *Server) profileEnvironment(dir string, more ...string) ([]string, error) {
	key := s.issue(Profile)
	credentials, err := writeFile(dir, "credentials", fmt.Sprintf(
		"[base]\naws_access_key_id = %s\naws_secret_access_key = %s\naws_session_token = %s\n",
		key.AccessKeyID, key.SecretAccessKey, key.SessionToken))
	if err != nil {
		return nil, err
	}
	config, err := writeFile(dir, "config",
		"[profile traefik]\nrole_arn = "+roleARN+"\nsource_profile = base\nexternal_id = "+externalID+"\n")
	return append(more, "AWS_PROFILE=traefik", "AWS_SHARED_CREDENTIALS_FILE="+credentials, "AWS_CONFIG_FILE="+config), err
}

func writeFile(dir, name, content string) (string, error) {
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		return "", fmt.Errorf("write what the environment names: %w", err)
	}
	return path, nil
}
