package traefik_test

import (
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/internal/traefik"
)

type m = map[string]any

// answering routes every request to the fixture plugin, which answers with the given text.
func answering(text string) m {
	return m{"http": m{
		"routers": m{"all": m{
			"rule": "PathPrefix(`/`)", "service": "noop@internal", "middlewares": []string{"fixture"},
		}},
		"middlewares": m{"fixture": m{"plugin": m{traefik.PluginName: m{"answer": text}}}},
	}}
}

func start(t *testing.T, options traefik.Options) *traefik.Instance {
	t.Helper()
	options.PluginDir = filepath.Join("testdata", "plugin")
	instance, err := traefik.Start(t.Context(), options)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, instance.Stop()) })
	return instance
}

func get(t *testing.T, instance *traefik.Instance, url string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	require.NoError(t, err)
	response, err := instance.Client().Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response, string(body)
}

func TestPluginAnswersOnEveryEntryPoint(t *testing.T) {
	t.Setenv("AWS_PROFILE", "a developer's own")
	instance := start(t, traefik.Options{Dynamic: answering("literal {{ .Not }}"), Env: []string{"FIXTURE=set"}, Debug: true})

	response, body := get(t, instance, instance.URL+"/any")
	assert.Equal(t, "literal {{ .Not }}", body)
	assert.Equal(t, 1, response.ProtoMajor)
	assert.Equal(t, "set", response.Header.Get("X-Environment"), "Options.Env arrives, the caller's environment does not")

	response, body = get(t, instance, instance.TLSURL)
	assert.Equal(t, "literal {{ .Not }}", body)
	assert.Equal(t, 2, response.ProtoMajor)

	response, _ = get(t, instance, instance.DebugURL+"/debug/pprof/cmdline")
	assert.Equal(t, http.StatusOK, response.StatusCode)
}

func TestUpdateReturnsWhenTheConfigurationIsInUse(t *testing.T) {
	instance := start(t, traefik.Options{})
	response, _ := get(t, instance, instance.URL)
	assert.Equal(t, http.StatusNotFound, response.StatusCode, "no router yet")

	for _, text := range []string{"one", "two", "three", "four"} {
		require.NoError(t, instance.Update(t.Context(), answering(text)))
		_, body := get(t, instance, instance.URL)
		assert.Equal(t, text, body)
	}
}

func TestLogTellsWhyARouterIsMissing(t *testing.T) {
	instance := start(t, traefik.Options{Dynamic: answering("")})
	line, err := instance.AwaitLog(t.Context(), "answer: must not be empty")
	require.NoError(t, err)
	assert.Contains(t, line, "routerName=all@file")
	response, _ := get(t, instance, instance.URL)
	assert.Equal(t, http.StatusNotFound, response.StatusCode)
}

func TestStartNamesTheCause(t *testing.T) {
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	broken := t.TempDir()
	require.NoError(t, os.CopyFS(broken, os.DirFS(filepath.Join("testdata", "plugin"))))
	require.NoError(t, os.WriteFile(filepath.Join(broken, "broken.go"), []byte("package fixture\n\nvar x = min(1, 2)\n"), 0o600))
	for name, row := range map[string]struct {
		options traefik.Options
		want    string
	}{
		"the port is taken":             {traefik.Options{Addr: taken.Addr().String()}, "address already in use"},
		"the plugin does not interpret": {traefik.Options{PluginDir: broken}, "broken.go:3"},
		"a flag does not exist":         {traefik.Options{Args: []string{"--no.such.flag"}}, "no.such"},
		"there is no plugin":            {traefik.Options{PluginDir: t.TempDir()}, "read the plugin's manifest"},
	} {
		t.Run(name, func(t *testing.T) {
			if row.options.PluginDir == "" {
				row.options.PluginDir = filepath.Join("testdata", "plugin")
			}
			_, err := traefik.Start(t.Context(), row.options)
			assert.ErrorContains(t, err, row.want)
		})
	}
}

func TestStartRefusesWhatIsNotTraefik(t *testing.T) {
	t.Setenv("TRAEFIK", "/bin/echo")
	_, err := traefik.Start(t.Context(), traefik.Options{})
	assert.ErrorContains(t, err, "/bin/echo is not a Traefik v3")
}

func TestDoneTellsThatTraefikHasEnded(t *testing.T) {
	instance := start(t, traefik.Options{})
	require.NoError(t, syscall.Kill(instance.PID(), syscall.SIGKILL))
	select {
	case <-instance.Done():
	case <-time.After(10 * time.Second):
		t.Fatal("Done is still open")
	}
	assert.NoError(t, instance.Stop(), "there is nothing left to stop")
}
