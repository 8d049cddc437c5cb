// Command schema writes the JSON schema of the plugin's options to docs/options.schema.json: `make schema`.
package main

import (
	"fmt"
	"os"

	"github.com/seed05e46011/lambda/e2e/schema"
)

func main() {
	content, err := schema.Generate()
	if err == nil {
		err = os.WriteFile(schema.Path(), content, 0o644) //nolint:gosec // The repository's files are readable.
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "schema:", err)
		os.Exit(1)
	}
}
