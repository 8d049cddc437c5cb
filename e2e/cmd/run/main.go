// Command run is `make run`: real Traefik with the plugin of this repository, interpreted, in front of real Lambda
// functions on a local Lambda endpoint. It needs no AWS account. Ctrl-C or SIGTERM ends all of it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/seed05e46011/lambda/e2e/functions"
	"github.com/seed05e46011/lambda/e2e/internal/traefik"
	"github.com/seed05e46011/lambda/e2e/lambdalocal"
	"github.com/seed05e46011/lambda/e2e/lambdalocal/awslocal"
)

// route is one line of the demonstration: the function that answers below a path, and what to open there.
type route struct{ path, function, open, about string }

var routes = []route{
	{"/", "hello", "/", "a page that shows the event that the function got"},
	{"/echo", "echo", "/echo?name=value", "the event as JSON"},
	{"/binary", "binary", "/binary", "a picture, Base64 on its way"},
	{"/status", "status", "/status?code=418", "the status that is asked for"},
	{"/sleep", "sleep", "/sleep/2000", "an answer after two seconds"},
	{"/sse", "sse", "/sse?events=20&ms=500", "server-sent events, one each half second: curl --no-buffer"},
	{"/bigfile", "bigfile", "/bigfile", "200 MB, streamed"},
	{"/breaks", "breaks", "/breaks", "a stream that breaks: curl reports a failed transfer"},
	{"/fail", "fail", "/fail", "a function error: 502, the cause is logged here"},
}

// region is any: the local endpoint takes them all, but the signature has to name one.
const region = "us-east-1"

// lifetime is short enough to see credentials replaced.
const lifetime = 6 * time.Minute

func main() {
	port := flag.Int("port", 8080, "port of Traefik, on 127.0.0.1; 0 for a free one")
	source := flag.String("credentials", "", fmt.Sprintf("where the plugin finds its credentials: one of %v; in its options without", awslocal.Sources))
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *port, awslocal.Source(*source), os.Stdout)
	interrupted := ctx.Err() != nil
	stop()
	if err != nil && !interrupted {
		fmt.Fprintln(os.Stderr, "run:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends or Traefik does. Without a source the credentials are in the plugin's options.
func run(ctx context.Context, port int, source awslocal.Source, out io.Writer) (err error) {
	built, err := functions.Build(ctx)
	if err != nil {
		return err
	}
	lambda, err := lambdalocal.Start(ctx, lambdalocal.Config{Functions: built, Region: region, Log: out})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lambda.Close()) }()
	env, leave, err := environment(ctx, lambda, source, out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, leave()) }()
	gateway, err := traefik.Start(ctx, traefik.Options{
		Addr:    net.JoinHostPort("127.0.0.1", strconv.Itoa(port)),
		Dynamic: dynamicConfig(lambda, source),
		Env:     env,
		Output:  out,
	})
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("port %d is taken: choose another one (make run PORT=%d)", port, port+1)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, gateway.Stop()) }()
	announce(out, gateway.URL, lambda.URL())
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

// dynamicConfig is what an operator writes for the file provider.
func dynamicConfig(lambda *lambdalocal.Server, source awslocal.Source) map[string]any {
	type m = map[string]any
	routers, middlewares := m{}, m{}
	key := lambda.Credentials()[0]
	for _, r := range routes {
		routers[r.function] = m{
			"rule":        "PathPrefix(`" + r.path + "`)",
			"middlewares": []string{r.function},
			"service":     "noop@internal",
		}
		options := m{"function": r.function, "invokeMode": invokeMode(r.function), "region": region, "endpoint": lambda.URL()}
		if source == "" {
			options["credentials"] = m{"accessKeyId": key.AccessKeyID, "secretAccessKey": key.SecretAccessKey}
		}
		middlewares[r.function] = m{"plugin": m{traefik.PluginName: options}}
	}
	return m{"http": m{"routers": routers, "middlewares": middlewares}}
}

// invokeMode is how a function of the demonstration replies.
func invokeMode(function string) string {
	switch function {
	case "sse", "bigfile", "breaks":
		return "RESPONSE_STREAM"
	default:
		return "BUFFERED"
	}
}

func announce(out io.Writer, gateway, lambda string) {
	_, _ = fmt.Fprintf(out, "\nTraefik with the plugin, interpreted   %s\nLambda endpoint, local                 %s\n\n", gateway, lambda)
	for _, r := range routes {
		_, _ = fmt.Fprintf(out, "  %-40s %s\n", gateway+r.open, r.about)
	}
	_, _ = fmt.Fprint(out, "\nCtrl-C ends all of it. Below: what Lambda, the functions and Traefik log.\n\n")
}
