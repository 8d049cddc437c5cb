package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/seed05e46011/lambda/e2e/bench/payload"
)

// benchCase is one kind of request that the contenders are compared at.
type benchCase struct {
	name        string
	function    string      // what answers (program standin)
	header      http.Header // of the request, beside the client's own
	query       string
	contentType string
	body        []byte // of a POST; a GET has none
	status      int    // of the response
	replyBytes  int
	tls         bool // Lambda is called over TLS
	routes      int  // how many routers Traefik has, each with a middleware and a function of its own
	refresh     bool // the credentials come of a container's endpoint, and are new every other second
	metered     bool // another router of the plugin's Traefik shows metrics
	connections int  // that ask, where the case needs more than the others; else 0

	options m    // more of the plugin's
	alone   bool // the gateway is left out, since it does not know what the options ask for
}

// m is a mapping of a YAML document.
type m = map[string]any

const (
	kilobyte = 1 << 10
	megabyte = 1 << 20
	// small is a reply that costs little to carry.
	small = 100

	jsonType   = "application/json"
	textType   = "text/plain; charset=utf-8"
	binaryType = "application/octet-stream"
)

// benchCases returns all that the contenders are compared at.
func benchCases() []benchCase {
	return slices.Concat(requestCases(), replyCases(), sizeCases(), optionCases(), formatCases())
}

// get is a request for what a kind of function answers in so many bytes.
func get(name, kind string, replyBytes int) benchCase {
	return benchCase{
		name:       name,
		function:   functionName(kind, replyBytes),
		query:      "name=x&page=2",
		status:     http.StatusOK,
		replyBytes: replyBytes,
	}
}

// post is a request with a body.
func post(name, contentType string, body []byte, kind string, replyBytes int) benchCase {
	c := get(name, kind, replyBytes)
	c.contentType = contentType
	c.body = body
	return c
}

func (c benchCase) with(change func(*benchCase)) benchCase {
	change(&c)
	return c
}

// requestCases are what clients send.
func requestCases() []benchCase {
	return []benchCase{
		get("small GET", "json", small),
		get("GET of a browser", "cookies", small).with(func(c *benchCase) {
			c.header = browserHeader()
			c.query = "q=caf%C3%A9%20au%20lait&tag=a%2Fb&tag=c%26d&page=2"
		}),
		post("POST 1 KB JSON", jsonType, payload.JSON(kilobyte), "json", small),
		post("POST and reply of an API", jsonType, payload.JSON(kilobyte), "json", kilobyte).with(func(c *benchCase) {
			c.header = http.Header{
				"Accept":          {jsonType},
				"Authorization":   {"Bearer " + strings.Repeat("eyJhbGciOiJSUzI1NiIs", 40)},
				"Idempotency-Key": {"7f1c2a90-5a3e-4d0c-9d6b-6f1a2b3c4d5e"},
				"X-Request-Id":    {"0b6f1a2b-3c4d-4e5f-8a9b-7f1c2a905a3e"},
			}
		}),
	}
}

// browserHeader is what a browser sends for a page: with Host and User-Agent of the client 15 headers.
func browserHeader() http.Header {
	return http.Header{
		"Accept":                    {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"},
		"Accept-Encoding":           {"gzip, deflate, br, zstd"},
		"Accept-Language":           {"en-US,en;q=0.5"},
		"Cache-Control":             {"no-cache"},
		"Cookie":                    {"session=7f1c2a905a3e4d0c9d6b6f1a2b3c4d5e; theme=dark; consent=all"},
		"Dnt":                       {"1"},
		"Pragma":                    {"no-cache"},
		"Priority":                  {"u=0, i"},
		"Referer":                   {"https://www.example.com/search?q=tea"},
		"Sec-Fetch-Dest":            {"document"},
		"Sec-Fetch-Mode":            {"navigate"},
		"Sec-Fetch-Site":            {"same-origin"},
		"Upgrade-Insecure-Requests": {"1"},
	}
}

// replyCases are what functions reply.
func replyCases() []benchCase {
	lacking := func(c *benchCase) { c.alone = true } // the SDK's types do not take such replies
	return []benchCase{
		get("page of 30 KB", "page", 30*kilobyte).with(func(c *benchCase) { c.header = browserHeader() }),
		get("redirect", "redirect", 0).with(func(c *benchCase) { c.status = http.StatusFound }),
		get("404 of the function", "notfound", small).with(func(c *benchCase) { c.status = http.StatusNotFound }),
		get("multiValueHeaders", "multivalue", small).with(lacking),
		get("numbers and null", "loose", small).with(lacking),
	}
}

// sizeCases are large bodies.
func sizeCases() []benchCase {
	const large = 64 * kilobyte
	streamed := func(c *benchCase) {
		c.alone = true
		c.options = m{"invokeMode": "RESPONSE_STREAM"}
	}
	return []benchCase{
		post("request of 64 KB text", textType, payload.Text(large), "json", small),
		get("reply of 64 KB text", "text", large),
		post("64 KB text both ways", textType, payload.Text(large), "text", large),
		post("64 KB JSON both ways", jsonType, payload.JSON(large), "json", large),
		post("request of 1 MB binary", binaryType, payload.Binary(megabyte), "json", small),
		get("reply of 1 MB binary", "binary", megabyte),
		get("stream of 4 KB", "stream", 4*kilobyte).with(streamed),
		get("stream of 1 MB", "stream", megabyte).with(streamed),
	}
}

// optionCases are `small GET` where options, routers or connections ask for more.
func optionCases() []benchCase {
	smallGET := func(name string, change func(*benchCase)) benchCase { return get(name, "json", small).with(change) }
	return []benchCase{
		smallGET("TLS to Lambda", func(c *benchCase) { c.tls = true }),
		smallGET("200 routes", func(c *benchCase) { c.routes = 200 }),
		smallGET("refreshed credentials", func(c *benchCase) { c.refresh = true }),
		smallGET("routes with captures", func(c *benchCase) {
			c.options = m{"routes": []m{
				{"routeKey": "POST /{kind}/route", "function": c.function},
				{"routeKey": "GET /{kind}/route/{id}", "function": c.function},
			}}
		}),
		smallGET("pathPrefix", func(c *benchCase) { c.options = m{"pathPrefix": "/", "include": []string{"json-*"}} }),
		smallGET("maxConcurrency", func(c *benchCase) { c.options = m{"maxConcurrency": 1000} }),
		smallGET("metrics", func(c *benchCase) { c.metered = true }),
		smallGET("authorizer, a cached allow", func(c *benchCase) {
			c.header = http.Header{"Authorization": {"Bearer abc"}}
			c.alone = true
			c.options = m{"authorizer": m{
				"function": functionName("allow", 0), "ttl": "1h", "identitySource": []string{"$request.header.Authorization"},
			}}
		}),
		smallGET("cache hit", func(c *benchCase) {
			c.alone = true
			c.options = m{"cache": m{"ttl": "1h"}} // the first reply is all that the function sends
		}),
		smallGET("2,000 in flight", func(c *benchCase) {
			c.function += "-1000ms"
			c.connections = 2000
		}),
	}
}

// formatCases are `POST 1 KB JSON` in each of the other formats.
func formatCases() []benchCase {
	formats := []string{
		"http-api-v1", "rest-api", "function-url", "alb", "alb-multi-value", "httpjson", "vmod", "raw", "template",
	}
	cases := make([]benchCase, len(formats))
	for i, format := range formats {
		c := post("format "+format, jsonType, payload.JSON(kilobyte), "json", small)
		c.alone = true
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

func (c *benchCase) url(base string) string { return base + c.path() + "?" + c.query }

// memoryCase is a load under which the contenders' memory is measured.
type memoryCase struct {
	benchCase
	inFlight int // requests that are with the function at the same time
}

// memoryCases returns the loads for the contenders' memory. Their functions take so long that all of the requests in
// flight have arrived before the first reply comes.
func memoryCases() []memoryCase {
	const large = 4_500_000 // In Base64 it just fits into Lambda's 6 MB.
	slow := func(c *benchCase) { c.function += "-1000ms" }
	return []memoryCase{
		{get("2,000 slow calls", "json", small).with(func(c *benchCase) { c.function += "-3000ms" }), 2000},
		{post("request of 4.5 MB", binaryType, payload.Binary(large), "json", small).with(slow), 16},
		{get("reply of 4.5 MB", "binary", large).with(slow), 16},
	}
}

// connectionsOf returns how many connections ask for the case.
func (c *benchCase) connectionsOf(o *options) int {
	if c.connections > 0 {
		return c.connections
	}
	return o.connections
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
	if err != nil {
		return nil, err
	}
	maps.Copy(r.Header, c.header)
	if c.contentType != "" {
		r.Header.Set("Content-Type", c.contentType)
	}
	return r, nil
}
