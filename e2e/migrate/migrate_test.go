package migrate_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/migrate"
)

// update writes the golden files: go test ./migrate -update
var update = flag.Bool("update", false, "write what Translate returns to testdata/*.want")

func options(format string) migrate.Options {
	return migrate.Options{Format: format, Host: "example.com", Stage: "dev"}
}

func sources(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob("testdata/*.*ml")
	require.NoError(t, err)
	jsons, err := filepath.Glob("testdata/*.json")
	require.NoError(t, err)
	require.Greater(t, len(all), 4)
	return append(all, jsons...)
}

// The sources have the shapes of public templates; what is wanted of each stands beside it.
func TestTranslateKeepsItsWord(t *testing.T) {
	for _, path := range sources(t) {
		t.Run(path, func(t *testing.T) {
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			got, err := migrate.Translate(content, options("file"))
			require.NoError(t, err)
			if *update {
				require.NoError(t, os.WriteFile(path+".want", []byte(got), 0o600))
			}
			want, err := os.ReadFile(path + ".want")
			require.NoError(t, err)
			assert.Equal(t, string(want), got)
		})
	}
}

func TestAMoreSpecificRouteIsAskedFirst(t *testing.T) {
	const source = `
service: s
provider: {region: eu-west-1, httpApi: {authorizers: {a: {type: jwt, issuerUrl: https://i, audience: [x]}}}}
functions:
  f:
    events:
      - httpApi: "*"
      - httpApi: GET /a/{id}
      - httpApi: {method: "*", path: /a/mine, authorizer: {name: a}}
      - httpApi: {method: get, path: "/a/{id}/{rest+}", authorizer: {name: a}}
      - httpApi: ANY /a/{id}/open
      - httpApi: {path: /iam, method: head, authorizer: {type: aws_iam}}
      - httpApi: GET /iam
`
	output, err := migrate.Translate([]byte(source), options("file"))
	require.NoError(t, err)
	at := func(route string) int {
		i := strings.Index(output, "routeKey: "+route)
		if i < 0 {
			i = strings.Index(output, "routeKey: '"+route+"'")
		}
		require.Positive(t, i, "%s in\n%s", route, output)
		return i
	}
	for _, order := range [][2]string{
		{"ANY /a/mine", "GET /a/{id}"}, {"ANY /a/{id}/open", "GET /a/{id}/{rest+}"}, {"GET /a/{id}/{rest+}", "$default"},
		{"HEAD /iam", "GET /iam"}, {"HEAD /iam", "$default"},
	} {
		assert.Less(t, at(order[0]), at(order[1]), "%s before %s", order[0], order[1])
	}
	assert.Less(t, strings.Index(output, "priority: 1005"), strings.Index(output, "priority: 1004"), "in the same order")
}

func TestTranslateRefuses(t *testing.T) {
	for name, tt := range map[string]struct{ source, format, message string }{
		"what is no YAML":             {"\tx", "file", "read the source"},
		"nothing":                     {"", "file", "neither a serverless.yml"},
		"something else":              {"a: 1", "file", "neither a serverless.yml"},
		"an output that is not there": {"functions: {}", "toml", `format "toml": want one of file, labels, crd`},
		"a source without requests":   {"functions: {f: {events: [{sqs: x}]}}", "file", "no request: event sqs of f stays with AWS"},
		"only what is left out":       {"functions: {f: {events: [{http: {path: /, method: get, private: true}}]}}", "file", "LEFT OUT"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := migrate.Translate([]byte(tt.source), options(tt.format))
			assert.ErrorContains(t, err, tt.message)
		})
	}
}

// FuzzTranslate looks for sources that end the program: templates have functions of CloudFormation's anywhere.
func FuzzTranslate(f *testing.F) {
	for _, seed := range []string{
		"Resources: {F: {Type: AWS::Serverless::Function, Properties: !Ref X}}",
		"Resources: {F: {Type: !Sub x, Properties: {Events: !GetAtt a.b}}}",
		"Resources: {R: {Type: AWS::ApiGatewayV2::Route, Properties: {Target: !Join [x], RouteKey: {Ref: [a]}}}}",
		"paths: {/: {get: {x-amazon-apigateway-integration: {type: aws_proxy, uri: {Fn::Sub: [x, y]}}}}}",
		"functions: [{f: {events: [http: {path: [a], method: {}}]}}, x, null]",
		"functions: {f: {name: \"${self:functions.f.name}\", url: true}}",
		"functions: &a {f: {events: [*a, http]}}",
		"Resources: {F: {Type: AWS::Serverless::Function, Properties: {FunctionName: {Fn::Join: []}, Events: {A: {Type: Api}}}}}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(_ *testing.T, source string) {
		for _, format := range migrate.Formats {
			_, _ = migrate.Translate([]byte(source), options(format))
		}
	})
}
