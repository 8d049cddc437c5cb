// Command check says what is wrong with the plugin's options before they are deployed:
//
//	go run ./e2e/cmd/check dynamic.yml docker-compose.yml k8s/
//
// It takes files of Traefik's file provider (YAML, TOML), Compose files, Kubernetes manifests, ECS task definitions and
// folders of them, and prints a line for each error, with the file and the line in it. It exits with 1 where there is an
// error, or no middleware of the plugin's at all, and with 2 where a file cannot be read.
//
// Variables in Compose files are those of the environment. Files that options name, such as tls.caFile, are looked for on
// this machine. Nothing is called.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/seed05e46011/lambda/e2e/check"
)

func main() { os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)) }

// run returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("check", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		_, _ = fmt.Fprintln(stderr, "usage: check [-plugin name] file-or-folder...")
		flags.PrintDefaults()
	}
	plugin := flags.String("plugin", "lambda", "the plugin's `name` in Traefik's static configuration")
	if err := flags.Parse(args); err != nil || flags.NArg() == 0 {
		if err == nil {
			flags.Usage()
		}
		return 2
	}
	report, err := check.Paths(ctx, *plugin, flags.Args())
	for _, problem := range report.Problems {
		_, _ = fmt.Fprintln(stdout, problem)
	}
	switch {
	case err != nil:
		_, _ = fmt.Fprintln(stderr, "check:", err)
		return 2
	case len(report.Problems) > 0:
		return 1
	case report.Middlewares == 0:
		_, _ = fmt.Fprintf(stderr, "check: no middleware with plugin.%s in these files\n", *plugin)
		return 1
	}
	_, _ = fmt.Fprintf(stdout, "middlewares checked: %d, no errors\n", report.Middlewares)
	return 0
}
