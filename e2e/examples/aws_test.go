package examples_test

import (
	"maps"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/internal/network"
	"github.com/seed05e46011/lambda/e2e/internal/traefik"
)

type m = map[string]any

// onAWS runs Traefik where the names of AWS's services lead to handlers, that of Lambda to the endpoint of all examples.
func onAWS(t *testing.T, hosts map[string]http.Handler, command traefik.Command) *traefik.Instance {
	t.Helper()
	front, err := network.To(lambda.URL())
	require.NoError(t, err)
	all := map[string]http.Handler{"lambda.eu-central-1.amazonaws.com": front}
	maps.Copy(all, hosts)
	aws, err := network.Start(all)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, aws.Close()) })
	command.Env = append(command.Env, aws.Env()...)
	return run(t, command)
}
