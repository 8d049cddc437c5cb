package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/traefik/traefik/v3/pkg/config/label"

	"github.com/seed05e46011/lambda/e2e/internal/traefik"
	"github.com/seed05e46011/lambda/e2e/lambdalocal"
)

// ownScene has the user's one function answer every path; of several, each answers below the path of its name, which it
// does not see.
func ownScene(o options) scene {
	show := scene{functions: map[string]lambdalocal.Function{}}
	names := slices.Sorted(maps.Keys(o.functions))
	for _, name := range names {
		function := o.functions[name]
		function.Timeout = o.timeout
		show.functions[name] = function
		path := "/"
		if len(names) > 1 {
			path += name
		}
		show.pages = append(show.pages, [2]string{path, name})
	}
	show.dynamic = func(lambda *lambdalocal.Server) (map[string]any, error) {
		options, err := pluginOptions(o.pluginOptions)
		if err != nil {
			return nil, err
		}
		maps.Copy(options, connection(lambda, o.source))
		maps.Copy(options, m{"exposeErrors": true})
		maps.Copy(options, chosenBy(names))
		return m{"http": m{
			"routers": m{"own": m{
				"rule": "PathPrefix(`/`)", "middlewares": []string{"own"}, "service": "noop@internal",
			}},
			"middlewares": m{"own": m{"plugin": m{traefik.PluginName: options}}},
		}}, nil
	}
	return show
}

func chosenBy(names []string) m {
	if len(names) == 1 {
		return m{"function": names[0]}
	}
	return m{"pathPrefix": "/", "include": names, "stripPrefix": true}
}

// pluginOptions reads options as Traefik reads them in labels.
func pluginOptions(values map[string]string) (m, error) {
	labels := map[string]string{}
	for name, value := range values {
		labels["traefik.http.middlewares.own.plugin."+traefik.PluginName+"."+name] = value
	}
	if len(labels) == 0 {
		return m{}, nil
	}
	decoded, err := label.DecodeConfiguration(labels)
	if err != nil {
		return nil, fmt.Errorf("read the options: %w", err)
	}
	return decoded.HTTP.Middlewares["own"].Plugin[traefik.PluginName], nil
}
