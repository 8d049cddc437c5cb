package lambda

import (
	"strings"
	"testing"
)

func TestCredentialsOptionsAreCheckedByName(t *testing.T) {
	const id, secret = "AKIAEXAMPLE", testSecret
	tests := map[string]struct {
		options CredentialsConfig
		want    string // in the error; "" for none
	}{
		"nothing":                         {CredentialsConfig{}, ""},
		"keys":                            {CredentialsConfig{AccessKeyID: id, SecretAccessKey: secret}, ""},
		"keys with white space around":    {CredentialsConfig{AccessKeyID: id + "\n", SecretAccessKey: " " + secret + "\r\n"}, ""},
		"a key, and its secret in a file": {CredentialsConfig{AccessKeyID: id, SecretAccessKeyFile: "/run/secrets/s"}, ""},
		"a role with all that it takes": {CredentialsConfig{RoleArn: testRole, ExternalID: "a:b/c", RoleSessionName: "a@b",
			Duration: "900", StsEndpoint: "https://sts.example:8443/x"}, ""},
		"a role of China with a path": {CredentialsConfig{RoleArn: "arn:aws-cn:iam::123456789012:role/a/b"}, ""},
		"a web identity":              {CredentialsConfig{WebIdentityTokenFile: "/token", RoleArn: testRole, Duration: "1h"}, ""},

		"a key alone":                   {CredentialsConfig{AccessKeyID: id}, "accessKeyId and secretAccessKey"},
		"a secret's file alone":         {CredentialsConfig{SecretAccessKeyFile: "/s"}, "accessKeyId and secretAccessKey"},
		"a token alone":                 {CredentialsConfig{SessionToken: testToken}, "credentials.sessionToken"},
		"a value and its file":          {CredentialsConfig{AccessKeyID: id, AccessKeyIDFile: "/i", SecretAccessKey: secret}, "accessKeyIdFile"},
		"a line break within a value":   {CredentialsConfig{AccessKeyID: "A\nB", SecretAccessKey: secret}, "credentials.accessKeyId: has a line break"},
		"keys and a profile":            {CredentialsConfig{AccessKeyID: id, SecretAccessKey: secret, Profile: "p"}, "accessKeyId and profile"},
		"a web identity and a profile":  {CredentialsConfig{WebIdentityTokenFile: "/t", RoleArn: testRole, ConfigFile: "/c"}, "webIdentityTokenFile and profile"},
		"a web identity without a role": {CredentialsConfig{WebIdentityTokenFile: "/t"}, "credentials.webIdentityTokenFile"},
		"a role that is a user":         {CredentialsConfig{RoleArn: "arn:aws:iam::123456789012:user/x"}, "credentials.roleArn"},
		"a session name with a blank":   {CredentialsConfig{RoleArn: testRole, RoleSessionName: "a b"}, "credentials.roleSessionName"},
		"an external id with a blank":   {CredentialsConfig{RoleArn: testRole, ExternalID: "a b"}, "credentials.externalId"},
		"an external id that is long":   {CredentialsConfig{RoleArn: testRole, ExternalID: strings.Repeat("a", 1225)}, "credentials.externalId"},
		"an external id without a role": {CredentialsConfig{ExternalID: "abc"}, "credentials.externalId"},
		"a session of a minute":         {CredentialsConfig{RoleArn: testRole, Duration: "1m"}, "credentials.duration"},
		"a session of a day":            {CredentialsConfig{RoleArn: testRole, Duration: "24h"}, "credentials.duration"},
		"a duration that is none":       {CredentialsConfig{RoleArn: testRole, Duration: "long"}, "credentials.duration"},
		"a duration without a role":     {CredentialsConfig{Duration: "1h"}, "credentials.duration"},
		"an endpoint without a scheme":  {CredentialsConfig{StsEndpoint: "sts.example"}, "credentials.stsEndpoint"},
		"an endpoint with a password":   {CredentialsConfig{StsEndpoint: "https://u:" + testSecret + "@sts.example"}, "credentials.stsEndpoint"},
		"an option that is misspelt":    {CredentialsConfig{Unknown: map[string]any{"rolARN": "x"}}, "did you mean credentials.roleArn?"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			noAWSEnvironment(t)
			options := tc.options
			_, err := newCredentialProvider(&options, "eu-central-1")
			if tc.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("error %v, want one with %q", err, tc.want)
			}
			if strings.Contains(err.Error(), testSecret) || strings.Contains(err.Error(), testToken) {
				t.Errorf("the error tells a secret: %v", err)
			}
		})
	}
}
