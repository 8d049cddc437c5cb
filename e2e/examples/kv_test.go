package examples_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/internal/traefik"
)

func TestKeysOfAStoreAnswer(t *testing.T) {
	consul := httptest.NewServer(consulWith(t, keys(t)))
	t.Cleanup(consul.Close)
	config, err := os.ReadFile(filepath.Join(example("kv"), "traefik.yml"))
	require.NoError(t, err)
	address := strings.TrimPrefix(consul.URL, "http://")
	changed := bytes.Replace(config, []byte("127.0.0.1:8500"), []byte(address), 1)
	require.NotEqual(t, config, changed)
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "traefik.yml"), changed, 0o600))

	instance := onAWS(t, nil, traefik.Command{Args: []string{"--configfile=traefik.yml"}, Dir: folder})
	assert.Contains(t, awaitAnswer(t, instance, "hello.example.com", "/"), "arn:aws:lambda:eu-central-1:123456789012:function:hello")
	users := awaitAnswer(t, instance, "api.example.com", "/users/42")
	assert.Contains(t, users, `"pathParameters":{"id":"42"}`, "a list of groups")
	assert.Contains(t, users, `"x-source":"traefik"`, "a map")
	assert.Contains(t, awaitAnswer(t, instance, "api.example.com", "/else"), "function:hello")
	assert.Empty(t, instance.Logs())
}

// pair is an entry of a store. In Consul's JSON its value is Base64, as encoding/json has bytes.
type pair struct {
	Key   string
	Value []byte
}

// keys returns what the example writes into a store.
func keys(t *testing.T) []pair {
	t.Helper()
	put := filepath.Join(t.TempDir(), "put")
	require.NoError(t, os.WriteFile(put, []byte("#!/bin/sh\nprintf '%s\\t%s\\n' \"$@\"\n"), 0o700))
	cmd := exec.CommandContext(t.Context(), filepath.Join(example("kv"), "keys.sh"))
	cmd.Env = append(os.Environ(), "PUT="+put)
	output, err := cmd.Output()
	require.NoError(t, err)
	var all []pair
	for line := range strings.Lines(string(output)) {
		key, value, found := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		require.True(t, found, line)
		all = append(all, pair{key, []byte(value)})
	}
	return all
}

// consulWith stands in for Consul's key/value store: it lists all pairs below a key, and has none by its own key. Whoever
// waits for a change waits until he leaves.
func consulWith(t *testing.T, pairs []pair) http.Handler {
	t.Helper()
	list, err := json.Marshal(pairs)
	require.NoError(t, err)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		switch {
		case query.Get("index") != "" && query.Get("index") != "0":
			<-r.Context().Done()
		case query.Has("recurse"):
			w.Header().Set("X-Consul-Index", "1")
			_, _ = w.Write(list)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
}
