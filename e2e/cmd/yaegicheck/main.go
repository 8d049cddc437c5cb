// Command yaegicheck reports what Yaegi, which runs the plugin inside Traefik, would silently do otherwise than Go:
//
//	go run ./cmd/yaegicheck ..
//
// It prints one line for each finding and exits with 1 if there are any, with 2 if a package cannot be loaded.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/seed05e46011/lambda/e2e/yaegicheck"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run checks the packages in and below each folder, the current one by default, and returns the exit status.
func run(dirs []string, stdout, stderr io.Writer) int {
	if len(dirs) == 0 {
		dirs = []string{"."}
	}
	status := 0
	for _, dir := range dirs {
		units, err := yaegicheck.Load(dir)
		if err != nil {
			fmt.Fprintln(stderr, "yaegicheck:", err)
			return 2
		}
		for _, unit := range units {
			for _, finding := range yaegicheck.Check(unit) {
				fmt.Fprintln(stdout, finding)
				status = 1
			}
		}
	}
	return status
}
