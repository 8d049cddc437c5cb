package configuration_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// The test of the example for Docker runs these labels on a real engine; what is missing here is not tested there.
func TestExampleForDockerHasEveryOptionAsALabel(t *testing.T) {
	labels := exampleLabels(t)
	for _, o := range options(t, loadPlugin(t).config()) {
		written := false
		for _, label := range labels {
			_, option, isOption := strings.Cut(label, ".plugin.lambda.")
			rest, has := strings.CutPrefix(option, o.path)
			written = written || isOption && has && strings.ContainsAny(rest[:1], "=.[")
		}
		assert.True(t, written, "docker-compose.options.yml does not show %s", o.path)
	}
}

func exampleLabels(t *testing.T) []string {
	t.Helper()
	var file struct {
		Services struct {
			Traefik struct{ Labels []string }
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(read(t, "examples/docker/docker-compose.options.yml")), &file))
	return file.Services.Traefik.Labels
}
