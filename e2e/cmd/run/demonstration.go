package main

import (
	"context"

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

func demonstration(ctx context.Context, o options) (scene, error) {
	built, err := functions.Build(ctx)
	if err != nil {
		return scene{}, err
	}
	pages := make([][2]string, 0, len(routes))
	for _, r := range routes {
		pages = append(pages, [2]string{r.open, r.about})
	}
	dynamic := func(lambda *lambdalocal.Server) (map[string]any, error) {
		return demonstrationConfig(lambda, o.source), nil
	}
	return scene{functions: built, dynamic: dynamic, pages: pages}, nil
}

type m = map[string]any

// demonstrationConfig is what an operator writes for the file provider.
func demonstrationConfig(lambda *lambdalocal.Server, source awslocal.Source) m {
	routers, middlewares := m{}, m{}
	for _, r := range routes {
		routers[r.function] = m{
			"rule":        "PathPrefix(`" + r.path + "`)",
			"middlewares": []string{r.function},
			"service":     "noop@internal",
		}
		options := connection(lambda, source)
		options["function"] = r.function
		options["invokeMode"] = invokeMode(r.function)
		middlewares[r.function] = m{"plugin": m{traefik.PluginName: options}}
	}
	return m{"http": m{"routers": routers, "middlewares": middlewares}}
}

// connection returns the options that lead the plugin to the local endpoint.
func connection(lambda *lambdalocal.Server, source awslocal.Source) m {
	options := m{"region": region, "endpoint": lambda.URL()}
	if source == "" {
		key := lambda.Credentials()[0]
		options["credentials"] = m{"accessKeyId": key.AccessKeyID, "secretAccessKey": key.SecretAccessKey}
	}
	return options
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
