package traefik

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"

	"github.com/seed05e46011/lambda/e2e/internal/repo"
)

// Binary returns the path of the Traefik to run: that of the environment variable TRAEFIK, else the one that
// `make traefik` has built, else one on PATH. It must be v3.1 or later.
func Binary(ctx context.Context) (string, error) {
	path, err := findBinary()
	if err != nil {
		return "", err
	}
	out, err := exec.CommandContext(ctx, path, "version").Output()
	if err != nil {
		return "", fmt.Errorf("ask %s for its version: %w", path, err)
	}
	if !usableVersion.Match(out) {
		return "", fmt.Errorf("%s is not a Traefik v3.1 or later:\n%s", path, out)
	}
	return path, nil
}

// usableVersion is one that takes its sockets over (v3.1), or `dev`: what a plain `go build` of Traefik calls itself.
var usableVersion = regexp.MustCompile(`(?m)^Version:\s+(v?3\.[1-9]|dev)`)

func findBinary() (string, error) {
	if path := os.Getenv("TRAEFIK"); path != "" {
		return filepath.Abs(path)
	}
	built := repo.Build("traefik")
	if _, err := os.Stat(built); err == nil {
		return built, nil
	}
	path, err := exec.LookPath("traefik")
	if err != nil {
		return "", errors.New("no Traefik found: run `make traefik`, or name one in the environment variable TRAEFIK")
	}
	return filepath.Abs(path)
}
