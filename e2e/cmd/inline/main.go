// Command inline writes the plugin's workers, from the functions that are marked for it (package inline):
//
//	go run ./cmd/inline ..          writes ../workers_generated.go
//	go run ./cmd/inline -check ..   fails if that would change the file
//
// It exits with 1 if the file would change, with 2 if it cannot be made.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/seed05e46011/lambda/e2e/inline"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stderr))
}

// run does what the arguments say, and returns the exit status.
func run(args []string, stderr io.Writer) int {
	flags := flag.NewFlagSet("inline", flag.ContinueOnError)
	flags.SetOutput(stderr)
	check := flags.Bool("check", false, "write nothing, and fail if the file would change")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	dir := "."
	if flags.NArg() > 0 {
		dir = flags.Arg(0)
	}
	content, err := inline.Generate(dir)
	if err != nil {
		fmt.Fprintln(stderr, "inline:", err)
		return 2
	}
	path := filepath.Join(dir, inline.FileName)
	if *check {
		current, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(current, content) {
			fmt.Fprintf(stderr, "inline: %s is not what its sources make: run `make generate`\n", path)
			return 1
		}
		return 0
	}
	if err := os.WriteFile(path, content, 0o644); err != nil { //nolint:gosec // sources are for everyone to read
		fmt.Fprintln(stderr, "inline:", err)
		return 2
	}
	return 0
}
