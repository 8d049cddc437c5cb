package examples_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/seed05e46011/lambda/e2e/internal/traefik"
)

func TestLabelsOfASwarmServiceAnswer(t *testing.T) {
	var stack struct {
		Services struct {
			Traefik struct {
				Command []string
				Deploy  struct{ Labels []string }
			}
		}
	}
	content, err := os.ReadFile(filepath.Join(example("docker"), "stack.yml"))
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(content, &stack))
	labels := map[string]string{}
	for _, label := range stack.Services.Traefik.Deploy.Labels {
		key, value, _ := strings.Cut(label, "=")
		labels[key] = value
	}
	swarm := httptest.NewServer(swarmWith(t, labels))
	t.Cleanup(swarm.Close)
	instance := onAWS(t, nil, traefik.Command{Args: append(stack.Services.Traefik.Command,
		"--providers.swarm.endpoint="+strings.Replace(swarm.URL, "http", "tcp", 1))})
	assert.Contains(t, awaitAnswer(t, instance, "hello.example.com", "/"), "function:hello")
	assert.Empty(t, instance.Logs())
}

// swarmWith stands in for the Docker engine of a manager, as far as Traefik asks: a service with one task in one network.
func swarmWith(t *testing.T, labels map[string]string) http.Handler {
	t.Helper()
	answers := map[string]any{
		"/version": m{"Version": "28.0.0", "ApiVersion": "1.48"},
		"/services": []m{{
			"ID": "service", "Endpoint": m{}, "Spec": m{
				"Name": "traefik_traefik", "Labels": labels, "Mode": m{"Replicated": m{"Replicas": 1}}, "EndpointSpec": m{"Mode": "vip"},
			},
		}},
		"/networks": []m{{"Id": "network", "Name": "traefik_functions", "Driver": "overlay", "Scope": "swarm"}},
		"/tasks": []m{{
			"ID": "task", "ServiceID": "service", "Slot": 1, "Status": m{"State": "running"},
			"NetworksAttachments": []m{{"Network": m{"ID": "network"}, "Addresses": []string{"10.0.1.2/24"}}},
		}},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A client that has seen the version has it before the path: /v1.48/services.
		path := r.URL.Path[strings.LastIndex(r.URL.Path, "/"):]
		w.Header().Set("Api-Version", "1.48")
		w.Header().Set("Content-Type", "application/json")
		assert.True(t, path == "/_ping" || answers[path] != nil, r.URL.Path)
		_ = json.NewEncoder(w).Encode(answers[path])
	})
}
