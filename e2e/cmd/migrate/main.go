// Command migrate makes the plugin's middlewares of what deploys functions behind API Gateway, a load balancer or Function
// URLs:
//
//	go run ./cmd/migrate [-format file|labels|crd] [-host example.com] [-stage dev] serverless.yml
//
// It reads a serverless.yml, a SAM or CloudFormation template or an OpenAPI document with API Gateway's integrations, in
// YAML or JSON, and prints Traefik's configuration. What has no counterpart stands in comments at its top.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/seed05e46011/lambda/e2e/migrate"
)

func main() {
	err := run(os.Args[1:], os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "migrate:", err)
		os.Exit(1)
	}
}

func run(args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("migrate", flag.ContinueOnError)
	flags.SetOutput(stderr)
	var options migrate.Options
	flags.StringVar(&options.Format, "format", "file", "`format` of the output: "+strings.Join(migrate.Formats, ", "))
	flags.StringVar(&options.Host, "host", "example.com", "`host` in the routers' rules")
	flags.StringVar(&options.Stage, "stage", "dev", "`stage` of a serverless.yml that names none")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return errors.New("want one file: a serverless.yml, a template or an OpenAPI document")
	}
	content, err := os.ReadFile(flags.Arg(0))
	if err != nil {
		return err
	}
	output, err := migrate.Translate(content, options)
	if err != nil {
		return fmt.Errorf("%s: %w", flags.Arg(0), err)
	}
	_, err = io.WriteString(stdout, output)
	return err
}
