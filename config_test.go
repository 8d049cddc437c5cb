package lambda

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/seed05e46011/lambda/internal/credentials"
)

// validConfig returns valid options.
func validConfig() *Config {
	config := CreateConfig()
	config.Function = "hello"
	return config
}

func TestNewWorksOfflineWithoutCredentialsAndRegion(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION"} {
		t.Setenv(name, "")
	}
	if _, err := New(context.Background(), http.NotFoundHandler(), validConfig(), "lambda@test"); err != nil {
		t.Error(err)
	}
}

func TestNewNamesInvalidOptions(t *testing.T) {
	cases := map[string]struct {
		change func(*Config)
		want   string // part of the error
	}{
		"an option that does not exist": {
			func(c *Config) { c.Unknown = map[string]any{"functoin": "x"} },
			`functoin: no such option: did you mean function?`},
		"an option in another option's case": {
			func(c *Config) { c.Unknown = map[string]any{"event_format": "x"} },
			`event_format: no such option: did you mean eventFormat?`},
		"an option that does not exist in a group": {
			func(c *Config) { c.Credentials = &credentials.Config{Unknown: map[string]any{"accessKey": "x"}} },
			`credentials.accessKey: no such option: did you mean credentials.accessKeyId?`},
		"no function": {
			func(c *Config) { c.Function = "" }, "function"},
		"an ARN of something else": {
			func(c *Config) { c.Function = "arn:aws:s3:::bucket" }, `function: "arn:aws:s3:::bucket"`},
		"an ARN without an account": {
			func(c *Config) { c.Function = "arn:aws:lambda:eu-central-1:hello" }, `function: "arn:aws:lambda:eu-central-1:hello"`},
		"an ARN without the word function": {
			func(c *Config) { c.Function = "arn:aws:lambda:eu-central-1:123456789012:hello" }, `want a function's name`},
		"an ARN of a layer": {
			func(c *Config) { c.Function = "arn:aws:lambda:eu-central-1:123456789012:layer:hello:1" }, `want a function's name`},
		"a function's name of 65 characters": {
			func(c *Config) { c.Function = strings.Repeat("a", 65) }, "function"},
		"a function's name with a slash": {
			func(c *Config) { c.Function = "a/b" }, `function: "a/b"`},
		"an invalid qualifier": {
			func(c *Config) { c.Qualifier = "a b" }, `qualifier: "a b"`},
		"two qualifiers": {
			func(c *Config) { c.Function = "hello:live"; c.Qualifier = "42" }, `qualifier: "42"`},
		"an invalid region": {
			func(c *Config) { c.Region = "Frankfurt" }, `region: "Frankfurt"`},
		"an endpoint without a scheme": {
			func(c *Config) { c.Endpoint = "localhost:9000" }, "endpoint"},
		"an endpoint of another scheme": {
			func(c *Config) { c.Endpoint = "ftp://localhost" }, "scheme http or https"},
		"a template with a field that does not exist": {
			func(c *Config) { c.EventFormat, c.Template = "template", `{"a": {{ json .Pth }}}` }, "can't evaluate field Pth"},
		"an event header with a field that does not exist": {
			func(c *Config) { c.EventHeaders = map[string]string{"X-A": "{{ .ClientIp }}"} }, "eventHeaders.X-A: "},
		"a tenant with a field that does not exist": {
			func(c *Config) { c.TenantID = "{{ .Headers.tenant }}" }, "can't evaluate field Headers"},
		"an endpoint with a password, which is not repeated": {
			func(c *Config) { c.Endpoint = "http://user:hunter2@localhost" }, "endpoint"},
		"an unknown event format": {
			func(c *Config) { c.EventFormat = "xml" }, `eventFormat: "xml": want one of `},
		"an unknown response format": {
			func(c *Config) { c.ResponseFormat = "json" }, `responseFormat: "json": want one of auto, strict, raw, http`},
		"the format template without a template": {
			func(c *Config) { c.EventFormat = "template" }, "template: want a template"},
		"a template without the format": {
			func(c *Config) { c.Template = "{}" }, "template: want a template"},
		"a template that does not parse": {
			func(c *Config) { c.EventFormat = "template"; c.Template = "{{ .Path" }, "template: want a Go text/template"},
		"an unknown function in a template": {
			func(c *Config) { c.EventFormat = "template"; c.Template = "{{ env `HOME` }}" }, "template: want a Go text/template"},
		"a content type without raw replies": {
			func(c *Config) { c.ContentType = "text/html" }, `contentType: "text/html"`},
		"an invalid content type": {
			func(c *Config) { c.ResponseFormat = "raw"; c.ContentType = "text/html\r\nX-Evil: 1" }, `contentType: "text/html\r\nX-Evil: 1"`},
		"an invalid binary media type": {
			func(c *Config) { c.BinaryMediaTypes = []string{"image/png", "image"} }, `binaryMediaTypes: "image"`},
		"an invalid event header": {
			func(c *Config) { c.EventHeaders = map[string]string{"a b": "1"} }, `eventHeaders: "a b"`},
		"a hop-by-hop event header": {
			func(c *Config) { c.EventHeaders = map[string]string{"connection": "1"} }, `eventHeaders: "connection"`},
		"the event header Content-Length": {
			func(c *Config) { c.EventHeaders = map[string]string{"Content-Length": "1"} }, `eventHeaders: "Content-Length"`},
		"an event header whose template does not parse": {
			func(c *Config) { c.EventHeaders = map[string]string{"X-A": "{{"} }, "eventHeaders.X-A: want a Go text/template"},
		"an invalid stage": {
			func(c *Config) { c.Stage = "a/b" }, `stage: "a/b"`},
		"an invalid timeout": {
			func(c *Config) { c.Timeout = "5x" }, `timeout: "5x"`},
		"a timeout of 0": {
			func(c *Config) { c.Timeout = "0s" }, `timeout: "0s"`},
		"a negative size": {
			func(c *Config) { c.MaxRequestBodyBytes = -1 }, "maxRequestBodyBytes: -1"},
		"an invalid status": {
			func(c *Config) { c.FunctionErrorStatus = 99 }, "functionErrorStatus: 99"},
		"half a key, which is not repeated": {
			func(c *Config) { c.Credentials = &credentials.Config{SecretAccessKey: "hunter2"} }, "credentials"},
		"a negative depth": {
			func(c *Config) { c.IPStrategy = &IPStrategy{Depth: -1} }, "ipStrategy.depth: -1"},
		"an invalid excluded address": {
			func(c *Config) { c.IPStrategy = &IPStrategy{ExcludedIPs: []string{"10.0.0.0/33"}} }, `ipStrategy.excludedIPs: "10.0.0.0/33"`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			config := validConfig()
			tc.change(config)
			_, err := New(context.Background(), http.NotFoundHandler(), config, "lambda@test")
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q in it", err, tc.want)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v, want no secret in it", err)
			}
		})
	}
}
