// Command release says tag-ready and the version, where the repository can be tagged as it is, else what is missing, and
// then exits with 1: `make release-check`. It changes nothing.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/seed05e46011/lambda/e2e/internal/repo"
	"github.com/seed05e46011/lambda/e2e/release"
)

func main() {
	verdict, err := release.Check(context.Background(), repo.Root())
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(2)
	}
	for _, missing := range verdict.Missing {
		fmt.Println("missing:", missing)
	}
	if len(verdict.Missing) > 0 {
		os.Exit(1)
	}
	fmt.Println("tag-ready", verdict.Version)
}
