package docs_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/seed05e46011/lambda"
	"github.com/seed05e46011/lambda/e2e/check"
	"github.com/seed05e46011/lambda/e2e/internal/traefik"
)

func TestBlocksOfCodeAreWhatTheySay(t *testing.T) {
	t.Setenv("AWS_REGION", "eu-central-1") // Blocks that show some options need not show this one.
	for _, p := range pages(t) {
		for _, b := range p.blocks {
			switch b.language {
			case "yaml":
				assert.Empty(t, wrongInYAML(t, b.text), "%s:%d", b.page, b.line)
			case "json":
				assert.True(t, json.Valid([]byte(b.text)), "%s:%d is not JSON", b.page, b.line)
			case "js":
				assert.Empty(t, wrongInJavaScript(t, b.text), "%s:%d", b.page, b.line)
			case indented, "sh", "text", "python", "go", "toml", "hcl", "vcl":
			default:
				assert.Fail(t, "unknown language", "%s:%d: %s", b.page, b.line, b.language)
			}
		}
	}
}

// wrongInYAML says what Traefik or the plugin would refuse.
func wrongInYAML(t *testing.T, text string) string {
	t.Helper()
	var document map[string]any
	if err := yaml.NewDecoder(strings.NewReader(text)).Decode(&document); err != nil && !errors.Is(err, io.EOF) { // A comment is a document, too.
		return err.Error()
	}
	switch {
	case document["experimental"] != nil || document["entryPoints"] != nil:
		return wrongInStaticConfiguration(t, text)
	case len(document) > 0 && areOptions(document):
		return wrongInDynamicConfiguration(t, asResource(t, document))
	case document["labels"] != nil:
		return wrongInDynamicConfiguration(t, marshal(t, map[string]any{"services": map[string]any{"traefik": document}}))
	default:
		return wrongInDynamicConfiguration(t, text)
	}
}

// wrongInStaticConfiguration has Traefik read it, for a health check of a Traefik that does not run.
func wrongInStaticConfiguration(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "traefik.yml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	binary, err := traefik.Binary(t.Context())
	require.NoError(t, err)
	output, err := exec.CommandContext(t.Context(), binary, "healthcheck", "--configfile="+path).CombinedOutput()
	require.Error(t, err)
	if strings.Contains(string(output), "please enable `ping`") { // It has read all of it.
		return ""
	}
	return string(output)
}

func wrongInDynamicConfiguration(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "dynamic.yml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	report, err := check.Paths(t.Context(), traefik.PluginName, []string{path})
	if err != nil {
		return err.Error()
	}
	for _, problem := range report.Problems {
		return problem.String()
	}
	if report.Middlewares == 0 && strings.Contains(text, "plugin") {
		return "no middleware was found"
	}
	return ""
}

// areOptions reports whether a document is a part of a middleware's options.
func areOptions(document map[string]any) bool {
	known := map[string]bool{}
	config := reflect.TypeFor[lambda.Config]()
	for i := range config.NumField() {
		known[config.Field(i).Tag.Get("mapstructure")] = true
	}
	for key := range document {
		if !known[key] {
			return false
		}
	}
	return true
}

// asResource returns a resource of Kubernetes with the options: in files of Traefik's, templates are Traefik's own.
func asResource(t *testing.T, options map[string]any) string {
	t.Helper()
	if options["function"] == nil && options["routes"] == nil && options["pathPrefix"] == nil {
		options["function"] = "hello"
	}
	return marshal(t, map[string]any{
		"apiVersion": "traefik.io/v1alpha1", "kind": "Middleware", "metadata": map[string]any{"name": "options"},
		"spec": map[string]any{"plugin": map[string]any{traefik.PluginName: options}},
	})
}

func marshal(t *testing.T, document any) string {
	t.Helper()
	text, err := yaml.Marshal(document)
	require.NoError(t, err)
	return string(text)
}

func wrongInJavaScript(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "block.mjs")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	cmd := exec.CommandContext(t.Context(), "node", "--check", path)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return err.Error() + "\n" + stderr.String()
	}
	return ""
}

func TestWrongInYAMLFinds(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"YAML that is none":      {"a: b: c\n", "mapping values are not allowed"},
		"a static option":        {"experimental: {localPlugin: {}}\n", "field not found, node: localPlugin"},
		"an option":              {"retry: {attempt: 3}\n", "retry.attempt: no such option"},
		"a label":                {"labels: [traefik.http.middlewares.a.plugin.lambda.fuction=hello]\n", "fuction: no such option"},
		"a file's":               {"http: {middlewares: {a: {plugin: {lambda: {function: hello, timeout: soon}}}}}\n", "timeout"},
		"a middleware's plugin":  {"http: {middlewares: {a: {plugin: {other: {}}}}}\n", "no middleware was found"},
		"an option that is good": {"retry: {attempts: 3}\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := wrongInYAML(t, tt.text)
			assert.Contains(t, got, tt.want)
			assert.Equal(t, tt.want == "", got == "")
		})
	}
}
