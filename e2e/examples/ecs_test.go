package examples_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/internal/traefik"
)

func TestLabelsOfATaskAnswer(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(example("ecs"), "task-definition.json"))
	require.NoError(t, err)
	container := decodeTask(t, content).ContainerDefinitions[0]
	instance := onAWS(t, map[string]http.Handler{"ecs.eu-central-1.amazonaws.com": ecsWith(t, content)},
		traefik.Command{Args: container.Command})
	assert.Contains(t, awaitAnswer(t, instance, "hello.example.com", "/"), "function:hello")
	assert.Empty(t, instance.Logs())
}

// decodeTask refuses what AWS's API does not know.
func decodeTask(t *testing.T, content []byte) ecs.RegisterTaskDefinitionInput {
	t.Helper()
	var task ecs.RegisterTaskDefinitionInput
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&task))
	for _, value := range task.RequiresCompatibilities {
		assert.Contains(t, value.Values(), value)
	}
	assert.Contains(t, task.NetworkMode.Values(), task.NetworkMode)
	require.Len(t, task.ContainerDefinitions, 1)
	driver := task.ContainerDefinitions[0].LogConfiguration.LogDriver
	assert.Contains(t, driver.Values(), driver)
	protocol := task.ContainerDefinitions[0].PortMappings[0].Protocol
	assert.Contains(t, protocol.Values(), protocol)
	return task
}

// ecsWith stands in for ECS, as far as Traefik asks: a cluster with one task of Fargate.
func ecsWith(t *testing.T, taskDefinition []byte) http.Handler {
	t.Helper()
	const prefix = "arn:aws:ecs:eu-central-1:123456789012:"
	task := prefix + "task/default/0123456789abcdef0123456789abcdef"
	answers := map[string]any{
		"ListTasks": m{"taskArns": []string{task}},
		"DescribeTasks": m{"tasks": []m{{
			"taskArn": task, "taskDefinitionArn": prefix + "task-definition/traefik:1", "group": "service:traefik",
			"lastStatus": "RUNNING", "attachments": []m{{"type": "ElasticNetworkInterface"}},
			"containers": []m{{"name": "traefik", "networkInterfaces": []m{{"privateIpv4Address": "10.0.1.2"}}}},
		}}},
		"DescribeTaskDefinition": m{"taskDefinition": json.RawMessage(taskDefinition)},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		assert.Contains(t, answers, operation)
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_ = json.NewEncoder(w).Encode(answers[operation])
	})
}

// The policy allows what Traefik and the plugin ask for, and nothing else may be needed.
func TestPolicyOfTheTaskAllowsWhatTraefikAsks(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(example("ecs"), "task-role.json"))
	require.NoError(t, err)
	assert.True(t, json.Valid(content))
	for _, action := range []string{"lambda:InvokeFunction", "ecs:ListTasks", "ecs:DescribeTasks", "ecs:DescribeTaskDefinition"} {
		assert.Contains(t, string(content), `"`+action+`"`)
	}
}
