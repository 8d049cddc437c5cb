package check_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/check"
	"github.com/seed05e46011/lambda/e2e/internal/repo"
)

const good = `http:
  middlewares:
    hello.world:
      plugin:
        lambda:
          function: hello
          retry: {attempts: 2}
          eventHeaders:
            X-Client: '{{"{{"}} .ClientIP }}'
    other:
      headers: {frameDeny: true}
`

// cases have a $ before the text of each line that has an error, which the test takes out.
var cases = map[string]struct {
	file, content string
	want          []string // the problems behind their lines, in the lines' order
}{
	"a good file": {"dynamic.yml", good, nil},
	"a misspelt option": {"dynamic.yml", `http:
  middlewares:
    hello:
      plugin:
        lambda:
$         functon: hello
`, []string{"hello: functon: no such option: did you mean function?"}},
	"several options, one in a group, one in a list": {"dynamic.yml", `http:
  middlewares:
    hello:
      plugin:
        lambda:
          routes:
            - {routeKey: GET /, function: hello}
$           - {routeKey: get /x, function: hello, qualifyer: live}
$         retry: {attempts: 11}
$         timeout: soon
`, []string{
		"hello: routes[1].qualifyer: no such option: did you mean routes[1].qualifier?",
		`hello: routes[1].routeKey: "get /x": want a key`,
		"hello: retry.attempts: 11: want",
		`hello: timeout: "soon": want a duration above 0`,
	}},
	"a value of the wrong type": {"dynamic.yml", `http:
  middlewares:
    hello:
      plugin:
        lambda:
          function: hello
$         maxConcurrency: many
`, []string{"hello: cannot parse 'maxConcurrency' as int"}},
	"an option that the rest depends on": {"dynamic.yml", `http:
  middlewares:
    hello:
      plugin:
        lambda:
          function: hello
$         invokeMode: STREAM
          idleTimeout: 3s
`, []string{`hello: invokeMode: "STREAM": want one of`}},
	"a name of the wrong case": {"dynamic.yml", `http:
  middlewares:
    hello:
      plugin:
$       Lambda: {function: hello}
`, []string{"hello: plugin.Lambda: Traefik takes a plugin by its exact name: did you mean plugin.lambda?"}},
	"plugins for plugin": {"dynamic.yml", `http:
  middlewares:
    hello:
$     plugins:
        lambda: {function: hello}
`, []string{"field not found, node: plugins"}},
	"no YAML": {"dynamic.yml", "http:\n  middlewares:\n$\thello: x\n", []string{"found character that cannot start any token"}},
	"a template of the file provider": {"dynamic.yml", `http:
  middlewares:
{{ range $name := list "a" "b" }}
    {{ $name }}:
      plugin:
        lambda:
          function: hello
$         timeout: soon
{{ end }}
`, []string{"a: timeout:", "b: timeout:"}},
	"TOML": {"dynamic.toml", `[http.middlewares.hello.plugin.lambda]
  function = "hello"
  [http.middlewares.hello.plugin.lambda.retry]
$   attempts = 11
`, []string{"hello: retry.attempts: 11: want"}},
	"labels as a list": {"compose.yml", `services:
  hello:
    image: hello
    labels:
      - traefik.enable=true
      - traefik.http.middlewares.hello.plugin.lambda.function=${UNSET_NAME:-hello}
$     - traefik.http.middlewares.hello.plugin.lambda.retry.attempts=11
`, []string{"hello: retry.attempts: 11: want"}},
	"labels as a map, for Swarm, in an anchor": {"compose.yml", `x-labels: &labels
$ traefik.http.middlewares.hello.plugin.lambda.function: hello
  traefik.http.middlewares.hello.plugin.lambda.pathPrefix: /lambda/
services:
  hello:
    deploy:
      labels:
        <<: *labels
        traefik.enable: true
`, []string{"hello: function, routes, pathPrefix: 2 of them set"}},
	"a label that Traefik does not know": {"compose.yml", `services:
  hello:
    labels:
      - traefik.http.middlewares.hello.plugin.lambda.function=hello
$     - traefik.http.middlewares.hello.plugins.lambda.function=hello
`, []string{"field not found, node: plugins"}},
	"a Kubernetes resource, behind others": {"hello.yaml", `apiVersion: v1
kind: ConfigMap
metadata: {name: hello}
---
apiVersion: traefik.io/v1alpha1
kind: Middleware
metadata: {name: hello}
spec:
  plugin:
    lambda:
      function: hello
      credentials: {accessKeyId: urn:k8s:secret:aws:id, secretAccessKey: urn:k8s:secret:aws:secret}
$     eventFormat: http-api-v3
`, []string{`hello: eventFormat: "http-api-v3": want one of`}},
	"a list of Kubernetes resources": {"list.yaml", `apiVersion: v1
kind: List
items:
  - apiVersion: traefik.io/v1alpha1
    kind: Middleware
    metadata: {name: hello}
    spec:
$     plugins:
        lambda: {function: hello}
`, []string{"hello: spec.plugins: no such field: did you mean spec.plugin?"}},
	"an ECS task definition": {"task.json", `{
  "family": "hello",
  "containerDefinitions": [{
    "name": "hello",
    "dockerLabels": {
      "traefik.http.middlewares.hello.plugin.lambda.function": "hello",
$     "traefik.http.middlewares.hello.plugin.lambda.timeout": "soon"
    }
  }]
}
`, []string{"hello: timeout:"}},
}

func TestPathsFindsProblemsInTheirLines(t *testing.T) {
	for name, tt := range cases {
		t.Run(name, func(t *testing.T) {
			content, lines := marked(tt.content)
			path := filepath.Join(t.TempDir(), tt.file)
			require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
			report, err := check.Paths(t.Context(), "lambda", []string{path})
			require.NoError(t, err)
			require.Len(t, report.Problems, len(tt.want), "%v", report.Problems)
			for i, want := range tt.want {
				problem := report.Problems[i]
				assert.Contains(t, problem.String(), path+":")
				assert.Contains(t, problem.String(), want)
				assert.Contains(t, lines, problem.Line, "%s", problem)
			}
			assert.Equal(t, len(lines) == 0, len(report.Problems) == 0)
		})
	}
}

// marked returns the content without the marks, and the lines that had them.
func marked(content string) (string, []int) {
	var lines []int
	all := strings.Split(content, "\n")
	for i, line := range all {
		if rest, is := strings.CutPrefix(line, "$"); is {
			lines = append(lines, i+1)
			all[i] = " " + rest
			if strings.HasPrefix(rest, "\t") {
				all[i] = rest
			}
		}
	}
	return strings.Join(all, "\n"), lines
}

func TestPathsCountsMiddlewares(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "dynamic.yml"), []byte(good), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "notes.txt"), []byte("http: x"), 0o600))
	report, err := check.Paths(t.Context(), "lambda", []string{folder})
	require.NoError(t, err)
	assert.Equal(t, check.Report{Middlewares: 1}, report)
	report, err = check.Paths(t.Context(), "another", []string{folder})
	require.NoError(t, err)
	assert.Zero(t, report.Middlewares)
	_, err = check.Paths(t.Context(), "lambda", []string{filepath.Join(folder, "none.yml")})
	assert.ErrorIs(t, err, os.ErrNotExist)
}

var yamlBlock = regexp.MustCompile("(?s)\n```yaml\n(.*?)\n```")

// Blocks of YAML are files, or labels of a Compose file, or else parts of these that are not checked here.
func TestTheDocumentationHasNoProblems(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join(repo.Root(), "docs", "*.md"))
	require.NoError(t, err)
	middlewares := 0
	for _, page := range append(pages, filepath.Join(repo.Root(), "readme.md")) {
		content, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, match := range yamlBlock.FindAllStringSubmatch(string(content), -1) {
			block := match[1]
			if strings.HasPrefix(block, "labels:") {
				block = "services:\n  hello:\n    " + strings.ReplaceAll(block, "\n", "\n    ")
			}
			if !strings.HasPrefix(block, "http:") && !strings.HasPrefix(block, "apiVersion:") && !strings.HasPrefix(block, "services:") {
				continue
			}
			path := filepath.Join(t.TempDir(), "block.yml")
			require.NoError(t, os.WriteFile(path, []byte(block), 0o600))
			report, err := check.Paths(t.Context(), "lambda", []string{path})
			require.NoError(t, err)
			assert.Empty(t, report.Problems, "%s:\n%s", page, block)
			middlewares += report.Middlewares
		}
	}
	assert.Greater(t, middlewares, 5, "the search has lost its way")
}

// docker-compose.local.yml only overrides labels of docker-compose.yml.
func TestTheExamplesHaveNoProblems(t *testing.T) {
	examples := filepath.Join(repo.Root(), "examples")
	for path, want := range map[string]int{
		"file": 1, "cli": 2, "kubernetes": 3, "docker/docker-compose.yml": 3, "docker/docker-compose.options.yml": 1,
		"docker/stack.yml": 1, "ecs": 1,
	} {
		report, err := check.Paths(t.Context(), "lambda", []string{filepath.Join(examples, path)})
		require.NoError(t, err)
		assert.Empty(t, report.Problems, path)
		assert.GreaterOrEqual(t, report.Middlewares, want, path)
	}
}
