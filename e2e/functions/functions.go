// Package functions builds the Lambda functions in the folders beside it, for tests, benchmarks and `make run`.
package functions

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/seed05e46011/lambda/e2e/internal/repo"
	"github.com/seed05e46011/lambda/e2e/lambdalocal"
)

// Build compiles every function and returns them as lambdalocal wants them, under the names of their folders. Where
// nothing has changed it takes about a second. An error carries what the compiler said.
func Build(ctx context.Context) (map[string]lambdalocal.Function, error) {
	binaries := repo.Build("functions")
	if err := compile(ctx, binaries); err != nil {
		return nil, fmt.Errorf("build the functions: %w", err)
	}
	mains, err := filepath.Glob(filepath.Join(repo.Root(), "e2e", "functions", "*", "main.go"))
	if err != nil {
		return nil, fmt.Errorf("list the functions: %w", err)
	}
	all := make(map[string]lambdalocal.Function, len(mains))
	for _, main := range mains {
		name := filepath.Base(filepath.Dir(main))
		all[name] = lambdalocal.Function{Command: []string{filepath.Join(binaries, name)}, Timeout: timeouts[name]}
	}
	return all, nil
}

// timeouts are those of functions that stream for as long as their client reads. The others have lambdalocal's default.
var timeouts = map[string]time.Duration{"bigfile": time.Minute, "sse": time.Minute}

// compile holds a lock meanwhile: `go test ./...` runs the tests of several packages at one time, and none may find a
// binary half written.
func compile(ctx context.Context, binaries string) (err error) {
	if err := os.MkdirAll(binaries, 0o750); err != nil {
		return err
	}
	folder, err := os.Open(binaries)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, folder.Close()) }()
	if err := syscall.Flock(int(folder.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("lock %s: %w", binaries, err)
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", binaries+string(filepath.Separator), "./functions/...")
	cmd.Dir = filepath.Join(repo.Root(), "e2e")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}
