package configuration_test

import (
	"archive/zip"
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/module"
	modzip "golang.org/x/mod/zip"

	"github.com/seed05e46011/lambda/e2e/internal/network"
	"github.com/seed05e46011/lambda/e2e/internal/repo"
	"github.com/seed05e46011/lambda/e2e/internal/traefik"
)

// The catalogue hands out what the Go module proxy has, or, for a module that requires others, GitHub's archive of the
// tag: https://github.com/traefik/plugin-service. Traefik has to take either.
func TestTraefikInstallsARelease(t *testing.T) {
	release := module.Version{Path: readManifest(t).Import, Version: releaseInReadme(t)}
	for name, archive := range map[string][]byte{
		"from the Go module proxy": moduleArchive(t, release),
		"from GitHub":              repositoryArchive(t),
	} {
		t.Run(name, func(t *testing.T) {
			catalogue := catalogueOf(release, archive)
			internet, err := network.Start(map[string]http.Handler{"plugins.traefik.io": catalogue})
			require.NoError(t, err)
			defer func() { assert.NoError(t, internet.Close()) }()
			// The flags that Traefik's chart makes of examples/kubernetes/helm/values.yaml.
			instance, err := traefik.Run(t.Context(), traefik.Command{
				Args: []string{
					"--experimental.abortonpluginfailure=true",
					"--experimental.plugins.lambda.modulename=" + release.Path,
					"--experimental.plugins.lambda.version=" + release.Version,
					"--entrypoints.web.address=:80", "--ping=true", "--ping.entrypoint=web",
				},
				Env: internet.Env(),
			})
			require.NoError(t, err)
			defer func() { assert.NoError(t, instance.Stop()) }()
			assert.Eventually(t, func() bool { return pings(t, instance) }, time.Minute, 50*time.Millisecond)
			assert.Empty(t, instance.Logs())
		})
	}
}

func pings(t *testing.T, instance *traefik.Instance) bool {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, instance.URL+"/ping", http.NoBody)
	require.NoError(t, err)
	response, err := instance.Client().Do(request)
	if err != nil {
		return false
	}
	return response.Body.Close() == nil && response.StatusCode == http.StatusOK
}

func catalogueOf(release module.Version, archive []byte) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc(path.Join("/public/download", release.Path, release.Version), func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(archive)
	})
	mux.HandleFunc(path.Join("/public/validate", release.Path, release.Version), func(http.ResponseWriter, *http.Request) {})
	return mux
}

func moduleArchive(t *testing.T, release module.Version) []byte {
	t.Helper()
	var archive bytes.Buffer
	require.NoError(t, modzip.CreateFromDir(&archive, release, copySources(t, t.TempDir())))
	return archive.Bytes()
}

// repositoryArchive has all in one folder, as GitHub does.
func repositoryArchive(t *testing.T) []byte {
	t.Helper()
	folder := t.TempDir()
	copySources(t, filepath.Join(folder, "owner-lambda-0123456"))
	var archive bytes.Buffer
	writer := zip.NewWriter(&archive)
	require.NoError(t, writer.AddFS(os.DirFS(folder)))
	require.NoError(t, writer.Close())
	return archive.Bytes()
}

// copySources copies the files of the repository to a folder, but for e2e, which is large and another module. It returns the
// folder.
func copySources(t *testing.T, folder string) string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "git", "-c", "safe.directory=*", "-C", repo.Root(),
		"ls-files", "-z", "--cached", "--others", "--exclude-standard", ":!e2e")
	out, err := list.Output()
	require.NoError(t, err)
	for name := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		target := filepath.Join(folder, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(target), 0o750))
		require.NoError(t, os.WriteFile(target, []byte(read(t, name)), 0o600))
	}
	return folder
}
