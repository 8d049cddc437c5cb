// Package caching_test sends requests through real Traefik processes with option cache.
package caching_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/internal/traefik"
)

// m is a piece of dynamic configuration.
type m = map[string]any

// cached returns the dynamic configuration of one router whose middleware has the given options.
func cached(options m, service string) m {
	router := m{"rule": "PathPrefix(`/`)", "service": "noop@internal", "middlewares": []string{"cached"}}
	http := m{
		"routers":     m{"cached": router},
		"middlewares": m{"cached": m{"plugin": m{traefik.PluginName: options}}},
	}
	if service != "" {
		router["service"] = "origin"
		http["services"] = m{"origin": m{"loadBalancer": m{"servers": []m{{"url": service}}}}}
	}
	return m{"http": http}
}

// function returns the options that reach a function behind a local Lambda endpoint.
func function(endpoint string, more m) m {
	options := m{
		"function":    "origin",
		"endpoint":    endpoint,
		"region":      "eu-central-1",
		"credentials": m{"accessKeyId": "AKIDEXAMPLE", "secretAccessKey": "secret"},
	}
	for name, value := range more {
		options[name] = value
	}
	return options
}

func start(t *testing.T, options traefik.Options) *traefik.Instance {
	t.Helper()
	instance, err := traefik.Start(t.Context(), options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, instance.Stop()) })
	return instance
}

// traced returns a context whose requests count their interim responses.
func traced(ctx context.Context, interim *int) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		Got1xxResponse: func(int, textproto.MIMEHeader) error {
			*interim++
			return nil
		},
	})
}

// host is the host of all pages: it is a part of their key, and each Traefik has a port of its own.
const host = "shop.example.org"

// answer is a response whose body has been read.
type answer struct {
	*http.Response
	body string
}

func get(t *testing.T, instance *traefik.Instance, target string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, instance.URL+target, http.NoBody)
	require.NoError(t, err)
	request.Host = host
	return send(t, instance, request)
}

func send(t *testing.T, instance *traefik.Instance, request *http.Request) answer {
	t.Helper()
	response, err := instance.Client().Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return answer{response, string(body)}
}
