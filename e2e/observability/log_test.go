package observability_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// line returns the line of Traefik's output that has text in it.
func line(t *testing.T, text string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	found, err := gateway.AwaitLog(ctx, text)
	require.NoError(t, err)
	return found
}

func TestEachRequestIsALineOfTheAccessLog(t *testing.T) {
	serve(t, map[string]m{
		"texts":   function("hello", m{"accessLog": true}),
		"objects": function("hello", m{"accessLog": true, "logFormat": "json"}),
	})
	status, _ := get(t, "texts", "/secret?token=x", nil)
	require.Equal(t, http.StatusOK, status)
	text := line(t, "texts@file: request:")
	assert.Regexp(t, `^texts@file: request: function=hello route="\$default" status=200 requestId=[0-9a-f-]{36} duration=\S+ bytes=\d+ cache=- authorizer=-$`,
		strings.TrimSpace(text))
	assert.NotContains(t, text, "secret")

	_, body := get(t, "objects", "/", nil)
	var object map[string]any
	require.NoError(t, json.Unmarshal([]byte(line(t, `"source":"objects@file"`)), &object))
	assert.Equal(t, "request", object["topic"])
	assert.Equal(t, "hello", object["function"])
	assert.InDelta(t, 200, object["status"], 0)
	assert.InDelta(t, len(body), object["bytes"], 0)
}

func TestFailuresAreObjectsInJSON(t *testing.T) {
	serve(t, map[string]m{"objects": function("nothing", m{"logFormat": "json"})})
	status, _ := get(t, "objects", "/", nil)
	require.Equal(t, http.StatusBadGateway, status)
	assert.Contains(t, line(t, `"status":502`), `"function":"nothing"`)
}
