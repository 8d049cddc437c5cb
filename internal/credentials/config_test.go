package credentials

import (
	"strings"
	"testing"
)

func TestCredentialsOptionsAreCheckedByName(t *testing.T) {
	const id, secret = "AKIAEXAMPLE", testSecret
	tests := map[string]struct {
		options Config
		want    string // in the error; "" for none
	}{
		"nothing":                         {Config{}, ""},
		"keys":                            {Config{AccessKeyID: id, SecretAccessKey: secret}, ""},
		"keys with white space around":    {Config{AccessKeyID: id + "\n", SecretAccessKey: " " + secret + "\r\n"}, ""},
		"a key, and its secret in a file": {Config{AccessKeyID: id, SecretAccessKeyFile: "/run/secrets/s"}, ""},
		"a role with all that it takes": {Config{RoleArn: testRole, ExternalID: "a:b/c", RoleSessionName: "a@b",
			Duration: "900", StsEndpoint: "https://sts.example:8443/x"}, ""},
		"a role of China with a path": {Config{RoleArn: "arn:aws-cn:iam::123456789012:role/a/b"}, ""},
		"a web identity":              {Config{WebIdentityTokenFile: "/token", RoleArn: testRole, Duration: "1h"}, ""},

		"a key alone":                   {Config{AccessKeyID: id}, "accessKeyId and secretAccessKey"},
		"a secret's file alone":         {Config{SecretAccessKeyFile: "/s"}, "accessKeyId and secretAccessKey"},
		"a token alone":                 {Config{SessionToken: testToken}, "credentials.sessionToken"},
		"a value and its file":          {Config{AccessKeyID: id, AccessKeyIDFile: "/i", SecretAccessKey: secret}, "accessKeyIdFile"},
		"a line break within a value":   {Config{AccessKeyID: "A\nB", SecretAccessKey: secret}, "credentials.accessKeyId: has a line break"},
		"keys and a profile":            {Config{AccessKeyID: id, SecretAccessKey: secret, Profile: "p"}, "accessKeyId and profile"},
		"a web identity and a profile":  {Config{WebIdentityTokenFile: "/t", RoleArn: testRole, ConfigFile: "/c"}, "webIdentityTokenFile and profile"},
		"a web identity without a role": {Config{WebIdentityTokenFile: "/t"}, "credentials.webIdentityTokenFile"},
		"a role that is a user":         {Config{RoleArn: "arn:aws:iam::123456789012:user/x"}, "credentials.roleArn"},
		"a session name with a blank":   {Config{RoleArn: testRole, RoleSessionName: "a b"}, "credentials.roleSessionName"},
		"an external id with a blank":   {Config{RoleArn: testRole, ExternalID: "a b"}, "credentials.externalId"},
		"an external id that is long":   {Config{RoleArn: testRole, ExternalID: strings.Repeat("a", 1225)}, "credentials.externalId"},
		"an external id without a role": {Config{ExternalID: "abc"}, "credentials.externalId"},
		"a session of a minute":         {Config{RoleArn: testRole, Duration: "1m"}, "credentials.duration"},
		"a session of a day":            {Config{RoleArn: testRole, Duration: "24h"}, "credentials.duration"},
		"a duration that is none":       {Config{RoleArn: testRole, Duration: "long"}, "credentials.duration"},
		"a duration without a role":     {Config{Duration: "1h"}, "credentials.duration"},
		"an endpoint without a scheme":  {Config{StsEndpoint: "sts.example"}, "credentials.stsEndpoint"},
		"an endpoint with a password":   {Config{StsEndpoint: "https://u:" + testSecret + "@sts.example"}, "credentials.stsEndpoint"},
		"an option that is misspelt":    {Config{Unknown: map[string]any{"rolARN": "x"}}, "did you mean credentials.roleArn?"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			noAWSEnvironment(t)
			options := tc.options
			_, err := New(&options, "eu-central-1", noLines, noLines)
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
