package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"

	"github.com/seed05e46011/lambda/e2e/bench/payload"
)

// benchCase is one kind of request that the contenders are compared at.
type benchCase struct {
	name        string
	function    string // what answers (program standin)
	contentType string
	body        []byte // of a POST; a GET has none
	replyBytes  int
	tls         bool // Lambda is called over TLS
	routes      int  // how many routers Traefik has, each with a middleware and a function of its own
	refresh     bool // the credentials come of a container's endpoint, and are new every other second

	// options are more of the plugin's. With them the gateway is left out: it knows one format.
	options m
}

// m is a mapping of a YAML document.
type m = map[string]any

const (
	kilobyte = 1 << 10
	megabyte = 1 << 20
	// small is a reply that costs little to carry.
	small = 100

	jsonType   = "application/json"
	binaryType = "application/octet-stream"
)

// benchCases returns all that the contenders are compared at.
func benchCases() []benchCase {
	return slices.Concat([]benchCase{
		{name: "small GET", function: functionName("json", small), replyBytes: small},
		postJSON("POST 1 KB JSON", kilobyte, small),
		postJSON("POST and reply 64 KB", 64*kilobyte, 64*kilobyte),
		{name: "reply 1 MB binary", function: functionName("binary", megabyte), replyBytes: megabyte},
		{name: "TLS to Lambda", function: functionName("json", small), replyBytes: small, tls: true},
		{name: "200 routes", function: functionName("json", small), replyBytes: small, routes: 200},
		{name: "refreshed credentials", function: functionName("json", small), replyBytes: small, refresh: true},
		{
			name: "cache hit", function: functionName("json", small), replyBytes: small,
			options: m{"cache": m{"ttl": "1h"}}, // the first reply is all that the function sends
		},
	}, formatCases())
}

func postJSON(name string, bodyBytes, replyBytes int) benchCase {
	return benchCase{
		name:        name,
		function:    functionName("json", replyBytes),
		contentType: jsonType,
		body:        payload.JSON(bodyBytes),
		replyBytes:  replyBytes,
	}
}

// formatCases are `POST 1 KB JSON` in each of the other formats.
func formatCases() []benchCase {
	formats := []string{
		"http-api-v1", "rest-api", "function-url", "alb", "alb-multi-value", "httpjson", "vmod", "raw", "template",
	}
	cases := make([]benchCase, len(formats))
	for i, format := range formats {
		c := postJSON("format "+format, kilobyte, small)
		c.options = m{"eventFormat": format}
		switch format {
		case "httpjson":
			c.function = functionName("httpjson", small)
		case "template":
			c.options["template"] = `{"method":{{json .Method}},"path":{{json .Path}},"body":{{json .Body}}}`
		}
		cases[i] = c
	}
	return cases
}

func functionName(kind string, bytes int) string { return fmt.Sprintf("%s-%d", kind, bytes) }

// path is what is asked for: the function's name, for those who call it by that, and something for events to carry.
func (c *benchCase) path() string { return c.route(c.routes / 2) }

func (c *benchCase) route(n int) string { return fmt.Sprintf("/%s/route/%d", c.function, n) }

func (c *benchCase) url(base string) string { return base + c.path() + "?name=x&page=2" }

// memoryCase is a load under which the contenders' memory is measured.
type memoryCase struct {
	benchCase
	inFlight int // requests that are with the function at the same time
}

// memoryCases returns the loads for the contenders' memory. Their functions take so long that all of the requests in
// flight have arrived before the first reply comes.
func memoryCases() []memoryCase {
	const large = 4_500_000 // In Base64 it just fits into Lambda's 6 MB.
	return []memoryCase{
		{benchCase{name: "2,000 slow calls", function: functionName("json", small) + "-3000ms", replyBytes: small}, 2000},
		{benchCase{
			name: "request of 4.5 MB", function: functionName("json", small) + "-1000ms", replyBytes: small,
			contentType: binaryType, body: payload.Binary(large),
		}, 16},
		{benchCase{name: "reply of 4.5 MB", function: functionName("binary", large) + "-1000ms", replyBytes: large}, 16},
	}
}

// matching returns the cases whose names match.
func matching[C any](pattern *regexp.Regexp, cases []C, name func(C) string) []C {
	var chosen []C
	for _, c := range cases {
		if pattern.MatchString(name(c)) {
			chosen = append(chosen, c)
		}
	}
	return chosen
}

// newRequest is the request of a case, for checking what is answered.
func (c *benchCase) newRequest(ctx context.Context, base string) (*http.Request, error) {
	method := http.MethodGet
	if len(c.body) > 0 {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(ctx, method, c.url(base), bytes.NewReader(c.body))
	if err == nil && c.contentType != "" {
		r.Header.Set("Content-Type", c.contentType)
	}
	return r, err
}
