package configuration_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/traefik/traefik/v3/pkg/plugins"
	"go.yaml.in/yaml/v3"
)

// Traefik's chart makes a flag of each value below experimental.
func TestHelmValuesNameTheModuleAndTheRelease(t *testing.T) {
	var values struct {
		Experimental struct {
			AbortOnPluginFailure bool                          `yaml:"abortOnPluginFailure"`
			Plugins              map[string]plugins.Descriptor `yaml:"plugins"`
		} `yaml:"experimental"`
		ServiceAccountAnnotations map[string]string `yaml:"serviceAccountAnnotations"`
	}
	decoder := yaml.NewDecoder(strings.NewReader(read(t, "examples/kubernetes/helm/values.yaml")))
	decoder.KnownFields(true)
	require.NoError(t, decoder.Decode(&values))
	plugin := values.Experimental.Plugins["lambda"]
	assert.Equal(t, readManifest(t).Import, plugin.ModuleName)
	assert.Equal(t, releaseInReadme(t), plugin.Version)
	assert.Contains(t, values.ServiceAccountAnnotations, "eks.amazonaws.com/role-arn")
}
