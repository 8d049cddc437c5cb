// Command run is `make run`: real Traefik with the plugin of this repository, interpreted, in front of real Lambda
// functions on a local Lambda endpoint. It needs no AWS account. Ctrl-C, SIGTERM or the end of the terminal ends it all.
//
// The functions are those of a demonstration, or your own: -function hello=src/app.handler, as lambdalocal takes them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/seed05e46011/lambda/e2e/internal/attached"
	"github.com/seed05e46011/lambda/e2e/internal/traefik"
	"github.com/seed05e46011/lambda/e2e/lambdalocal"
	"github.com/seed05e46011/lambda/e2e/lambdalocal/awslocal"
)

// region is any: the local endpoint takes them all, but the signature has to name one.
const region = "us-east-1"

// lifetime is short enough to see credentials replaced.
const lifetime = 6 * time.Minute

func main() {
	o, err := parse(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	ctx, stop := attached.Context()
	if err == nil {
		err = run(ctx, o, os.Stdout)
	}
	interrupted := ctx.Err() != nil
	stop()
	if err != nil && !interrupted {
		fmt.Fprintln(os.Stderr, "run:", err)
		os.Exit(1)
	}
}

// options are the command line's.
type options struct {
	port int
	// source is where the plugin finds its credentials. Empty: in its options.
	source awslocal.Source
	// functions are the user's own. Empty: those of the demonstration.
	functions map[string]lambdalocal.Function
	// pluginOptions are more options of the plugin's for functions of the user's own, by their names in labels.
	pluginOptions map[string]string
	timeout       time.Duration
}

// defaultTimeout is the longest that API Gateway waits for a function.
const defaultTimeout = 30 * time.Second

func parse(args []string, output io.Writer) (options, error) {
	o := options{functions: map[string]lambdalocal.Function{}, pluginOptions: map[string]string{}}
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	flags.SetOutput(output)
	flags.IntVar(&o.port, "port", 8080, "port of Traefik, on 127.0.0.1; 0 for a free one")
	flags.StringVar((*string)(&o.source), "credentials", "",
		fmt.Sprintf("where the plugin finds its credentials: one of %v; in its options without", awslocal.Sources))
	flags.Func("function", "`name=code` of your own in place of the demonstration's, as lambdalocal takes it; may be repeated",
		func(value string) error { return lambdalocal.AddFunction(o.functions, value) })
	flags.Func("option", "`name=value` of the plugin's for your own functions, as in labels; may be repeated", func(text string) error {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return errors.New("want name=value")
		}
		o.pluginOptions[name] = value
		return nil
	})
	flags.DurationVar(&o.timeout, "timeout", defaultTimeout, "time that an invocation of your own functions may take")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if flags.NArg() > 0 {
		return options{}, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return o, nil
}

// scene is what is shown: functions, and Traefik's configuration for them.
type scene struct {
	functions map[string]lambdalocal.Function
	dynamic   func(lambda *lambdalocal.Server) (map[string]any, error)
	// pages are worth opening: a path and what is there.
	pages [][2]string
}

func newScene(ctx context.Context, o options) (scene, error) {
	if len(o.functions) > 0 {
		return ownScene(o), nil
	}
	return demonstration(ctx, o)
}

// run serves until ctx ends or Traefik does.
func run(ctx context.Context, o options, out io.Writer) (err error) {
	show, err := newScene(ctx, o)
	if err != nil {
		return err
	}
	lambda, err := lambdalocal.Start(ctx, lambdalocal.Config{Functions: show.functions, Region: region, Log: out})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lambda.Close()) }()
	env, leave, err := environment(ctx, lambda, o.source, out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, leave()) }()
	dynamic, err := show.dynamic(lambda)
	if err != nil {
		return err
	}
	gateway, err := traefik.Start(ctx, traefik.Options{
		Addr:    net.JoinHostPort("127.0.0.1", strconv.Itoa(o.port)),
		Dynamic: dynamic,
		Env:     env,
		Output:  out,
	})
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("port %d is taken: choose another one (make run PORT=%d)", o.port, o.port+1)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, gateway.Stop()) }()
	announce(out, gateway.URL, lambda.URL(), show.pages)
	select {
	case <-ctx.Done():
		return nil
	case <-gateway.Done():
		return errors.New("traefik has ended")
	}
}

// environment returns the variables of a place where AWS runs Traefik, whose services leave ends.
func environment(ctx context.Context, lambda *lambdalocal.Server, source awslocal.Source, out io.Writer) (env []string, leave func() error, err error) {
	if source == "" {
		return nil, func() error { return nil }, nil
	}
	dir, err := os.MkdirTemp("", "credentials-")
	if err != nil {
		return nil, nil, fmt.Errorf("make a directory for what the environment names: %w", err)
	}
	aws, err := awslocal.Start(ctx, awslocal.Config{Lambda: lambda, Lifetime: lifetime, Log: out})
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	leave = func() error { return errors.Join(aws.Close(), os.RemoveAll(dir)) }
	env, err = aws.Environment(source, dir)
	if err != nil {
		return nil, nil, errors.Join(err, leave())
	}
	_, _ = fmt.Fprintf(out, "Environment of Traefik, whose credentials last %v:\n", lifetime)
	for _, variable := range env {
		if name, _, _ := strings.Cut(variable, "="); name == "AWS_SECRET_ACCESS_KEY" || name == "AWS_SESSION_TOKEN" {
			variable = name + "=…"
		}
		_, _ = fmt.Fprintln(out, "  "+variable)
	}
	return env, leave, nil
}

func announce(out io.Writer, gateway, lambda string, pages [][2]string) {
	_, _ = fmt.Fprintf(out, "\nTraefik with the plugin, interpreted   %s\nLambda endpoint, local                 %s\n\n", gateway, lambda)
	for _, page := range pages {
		_, _ = fmt.Fprintf(out, "  %-40s %s\n", gateway+page[0], page[1])
	}
	_, _ = fmt.Fprint(out, "\nCtrl-C ends all of it. Below: what Lambda, the functions and Traefik log.\n\n")
}
