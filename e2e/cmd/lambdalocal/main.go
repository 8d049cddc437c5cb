// Command lambdalocal runs Lambda functions on this machine, behind an endpoint that any AWS client can call:
//
//	lambdalocal -function hello=./cmd/hello -function shop=src/shop.handler -function report=python3,report.py
//
// A function is a folder with a Go program, which is built; a handler in a file of Node's or Python's, as Lambda's
// option Handler has it; or any program that speaks the Lambda Runtime API, with its arguments parted by commas.
// When a file of it changes, its next invocation has a new process. Its environment is that of this command; what it
// prints comes out here, each line with the function's name and the request id. Point a client at it:
//
//	AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION=us-east-1 \
//	aws lambda invoke --endpoint-url http://127.0.0.1:9001 --function-name hello /dev/stdout
//
// Signatures are verified as AWS does. The key is what AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, if set,
// AWS_SESSION_TOKEN say; without them it is test with the secret test.
//
// With -tls the endpoint speaks https, and the certificate of the authority to trust is written to -ca-file.
// Ctrl-C ends the functions and all their children.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/seed05e46011/lambda/e2e/internal/attached"
	"github.com/seed05e46011/lambda/e2e/lambdalocal"
)

func main() {
	ctx, stop := attached.Context()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "lambdalocal:", err)
		os.Exit(1)
	}
}

// options are the command line's.
type options struct {
	addr, region, caFile string
	tls                  bool
	concurrency          int
	timeout              time.Duration
	functions            map[string]lambdalocal.Function
}

// run serves until ctx ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	credential, isDefault := credential()
	config := lambdalocal.Config{
		Addr: o.addr, TLS: o.tls, Region: o.region, Log: stderr,
		Credentials: []lambdalocal.Credential{credential},
		Functions:   map[string]lambdalocal.Function{},
	}
	for name, function := range o.functions {
		function.Concurrency, function.Timeout = o.concurrency, o.timeout
		config.Functions[name] = function
	}
	server, err := lambdalocal.Start(ctx, config)
	if err != nil {
		return err
	}
	if o.tls {
		if err := os.WriteFile(o.caFile, server.CAPEM(), 0o600); err != nil {
			return errors.Join(fmt.Errorf("write the authority's certificate: %w", err), server.Close())
		}
	}
	printSummary(stdout, server.URL(), o, credential, isDefault)
	<-ctx.Done()
	return server.Close()
}

func parse(args []string, output io.Writer) (options, error) {
	o := options{functions: map[string]lambdalocal.Function{}}
	flags := flag.NewFlagSet("lambdalocal", flag.ContinueOnError)
	flags.SetOutput(output)
	flags.StringVar(&o.addr, "addr", "127.0.0.1:9001", "`host:port` to listen on; port 0 takes a free one")
	flags.StringVar(&o.region, "region", lambdalocal.DefaultRegion, "AWS_REGION of the functions")
	flags.BoolVar(&o.tls, "tls", false, "serve https")
	flags.StringVar(&o.caFile, "ca-file", "lambdalocal-ca.pem", "`file` for the certificate to trust, with -tls")
	flags.IntVar(&o.concurrency, "concurrency", lambdalocal.DefaultConcurrency, "invocations of a function at one time")
	flags.DurationVar(&o.timeout, "timeout", lambdalocal.DefaultTimeout, "time that an invocation may take")
	flags.Func("function", "`name=code`: a program[,argument...], a folder with a Go program, or a handler (file.function) "+
		"of Node's or Python's; may be repeated", func(value string) error {
		return lambdalocal.AddFunction(o.functions, value)
	})
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if flags.NArg() > 0 {
		return options{}, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if len(o.functions) == 0 {
		return options{}, errors.New("no function: give at least one -function name=code")
	}
	return o, nil
}

func credential() (c lambdalocal.Credential, isDefault bool) {
	c = lambdalocal.Credential{
		AccessKeyID:     os.Getenv("AWS_ACCESS_KEY_ID"),
		SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"),
		SessionToken:    os.Getenv("AWS_SESSION_TOKEN"),
	}
	if c.AccessKeyID == "" || c.SecretAccessKey == "" {
		return lambdalocal.DefaultCredential, true
	}
	return c, false
}

// printSummary shows the secret only if it is the default one, which is none.
func printSummary(w io.Writer, url string, o options, credential lambdalocal.Credential, isDefault bool) {
	names := slices.Sorted(maps.Keys(o.functions))
	shown := "the one in AWS_SECRET_ACCESS_KEY"
	if isDefault {
		shown = credential.SecretAccessKey
	}
	fmt.Fprintf(w, "Lambda endpoint  %s\nfunctions        %s\naccess key id    %s\nsecret key       %s\n",
		url, strings.Join(names, ", "), credential.AccessKeyID, shown)
	if o.tls {
		fmt.Fprintf(w, "trust            %s\n", o.caFile)
	}
}
