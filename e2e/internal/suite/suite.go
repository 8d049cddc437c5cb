// Package suite is what the TestMain functions of the slow tests have in common.
package suite

import (
	"context"
	"fmt"
	"os"

	"github.com/seed05e46011/lambda/e2e/internal/attached"
)

// Main runs a package's tests and exits: with the code that run returns, or with 1 after its error. run starts what all
// tests share, runs them, and ends all of that again, also where ctx ends with an interrupt. Where skip names an
// environment variable and that is 1, nothing is run.
func Main(name, skip string, run func(ctx context.Context) (code int, err error)) {
	if skip != "" && os.Getenv(skip) == "1" {
		fmt.Printf("%s: left out, since %s=1\n", name, skip)
		return
	}
	ctx, stop := attached.Context()
	code, err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		if skip != "" {
			fmt.Fprintf(os.Stderr, "%s=1 leaves these tests out.\n", skip)
		}
		code = 1
	}
	os.Exit(code)
}
