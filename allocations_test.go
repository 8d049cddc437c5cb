package lambda

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/seed05e46011/lambda/internal/authorizer"
	"github.com/seed05e46011/lambda/internal/cache"
	"github.com/seed05e46011/lambda/internal/route"
)

// What a request costs is mostly what the interpreter allocates for it, and that can be counted: the
// same on a fast machine and on a slow one, alone and beside others. allocationsFile holds how many
// allocations a request of each kind takes, interpreted. TestAllocations fails where one takes more.

// allocationsFile is renewed by `make allocations`, which says in variable ALLOCATIONS where to.
const allocationsFile = "testdata/allocations.txt"

// maxAllocationsMore is how many more of a hundred allocations a request may take than the table says.
const maxAllocationsMore = 3

// allocationCase is one kind of request.
type allocationCase struct {
	name        string
	payload     string // what the function replies; "" for hello
	contentType string
	body        []byte // of a POST; a GET has none
	chunked     bool   // the request does not tell the length of its body
	browser     bool   // the request has a browser's headers, and cookies
	ownHeaders  bool   // the request has headers that are in no standard
	metered     bool   // metrics are counted
	set         func(*Config)
}

const allocationReply = `{"statusCode":200,"headers":{"content-type":"text/plain"},"body":"hello"}`

// allocationReplies are what functions reply, by name. A slice keeps the order of the table.
var allocationReplies = []struct{ name, payload string }{
	{"cookies", `{"statusCode":200,"headers":{"content-type":"text/html"},` +
		`"cookies":["a=1; Secure","b=2; Secure"],"body":"hello"}`},
	{"a page", `{"statusCode":200,"headers":{` + pageHeaders + `},"cookies":["a=1; Secure"],"body":"` +
		strings.Repeat(`<p class=\"x\">text</p>\n`, 1300) + `"}`},
	{"headers of its own", `{"statusCode":200,"headers":{"content-type":"text/plain","X-Ratelimit-Limit":"100",` +
		`"x-ratelimit-remaining":"99","x-tenant":"acme"},"body":"hello"}`},
	{"a redirect", `{"statusCode":302,"headers":{"location":"https://example.com/login"}}`},
	{"not found", `{"statusCode":404,"headers":{"content-type":"application/json"},"body":"{\"message\":\"Not Found\"}"}`},
	{"multiValueHeaders", `{"statusCode":200,` +
		`"multiValueHeaders":{"content-type":["text/plain"],"set-cookie":["a=1","b=2"]},"body":"hello"}`},
	{"numbers and null", `{"statusCode":"200","headers":{"x-count":5,"x-none":null,"x-flag":true},"body":null}`},
	{"64 KB of text", string(benchReplies[2].payload)},
	{"1 MB of bytes", string(benchReplies[3].payload)},
	{"no object", `"hello"`},
}

// pageHeaders are twelve, as a framework and its security middleware send them.
const pageHeaders = `"content-type":"text/html; charset=utf-8","cache-control":"no-store","etag":"\"5d8c72a5\"",` +
	`"vary":"Accept-Encoding","x-frame-options":"DENY","x-content-type-options":"nosniff",` +
	`"referrer-policy":"same-origin",` +
	`"strict-transport-security":"max-age=31536000","content-language":"en","x-request-id":"7f1c2a90",` +
	`"permissions-policy":"camera=()","content-security-policy":"default-src 'self'"`

// allocationFormats are the names of option eventFormat, and the replies that they need.
var allocationFormats = []struct{ name, payload string }{
	{"http-api-v1", ""}, {"rest-api", ""}, {"function-url", ""}, {"alb", ""}, {"alb-multi-value", ""}, {"vmod", ""},
	{"httpjson", `{"type":"HTTPJSON-REP","meta":{"status":200,"headers":{"content-type":"text/plain"}},"body":"hello"}`},
	{"raw", ""}, {"template", ""},
}

// allocationCases returns all rows of the table, in its order.
func allocationCases() []allocationCase {
	json := benchRequests[1].body
	cases := []allocationCase{
		{name: "GET"},
		{name: "GET of a browser", browser: true, payload: allocationReplies[0].payload},
		{name: "GET with headers of its own", ownHeaders: true},
		{name: "POST of 1 KB", contentType: "application/json", body: json},
		{name: "POST of 1 KB in chunks", contentType: "application/json", body: json, chunked: true},
		{name: "POST of 64 KB", contentType: "application/json", body: benchRequests[2].body},
		{name: "POST of 1 MB of bytes", contentType: "image/png", body: benchRequests[3].body},
	}
	for _, row := range allocationReplies {
		cases = append(cases, allocationCase{name: "reply: " + row.name, payload: row.payload})
	}
	for _, row := range allocationFormats {
		c := allocationCase{name: "format " + row.name, payload: row.payload, contentType: "application/json", body: json}
		c.set = settingFormat(row.name)
		cases = append(cases, c)
	}
	return append(cases, allocationOptions()...)
}

// settingFormat is a function of its own, since closures of a loop are unreliable in Yaegi.
func settingFormat(name string) func(*Config) {
	return func(c *Config) {
		c.EventFormat = name
		if name == "template" {
			c.Template = `{"method":{{json .Method}},"path":{{json .Path}},"body":{{json .Body}}}`
		}
	}
}

// allocationOptions are GETs where an option asks for more than a plain call.
func allocationOptions() []allocationCase {
	stream := string(prelude(`{"headers":{"content-type":"text/plain"}}`)) + string(chunkFrame("hello")) + string(ends())
	return []allocationCase{
		{name: "routes", set: func(c *Config) {
			c.Function = ""
			c.Routes = []route.Config{
				{RouteKey: "GET /users/{id}", Function: "hello"},
				{RouteKey: "$default", Function: "other"},
			}
		}},
		{name: "pathPrefix", set: func(c *Config) {
			c.Function = ""
			c.PathPrefix = "/users/"
			c.Include = []string{"7"}
		}},
		{name: "maxConcurrency", set: func(c *Config) { c.MaxConcurrency = 8 }},
		{name: "serverTiming", set: func(c *Config) { c.ServerTiming = true }},
		{name: "retry", set: func(c *Config) { c.Retry = &RetryConfig{Attempts: 2} }},
		{name: "metrics", metered: true},
		{name: "stream", payload: stream, set: func(c *Config) { c.InvokeMode = invokeModeStream }},
		{name: "authorizer, a cached allow", set: func(c *Config) {
			c.Authorizer = &authorizer.Config{Function: "guard", TTL: "1h"}
			c.Authorizer.IdentitySource = []string{"$request.header.User-Agent"}
		}},
		{name: "cache, a hit", set: func(c *Config) { c.Cache = &cache.Config{TTL: "1h"} }},
	}
}

// allocationTransport stands for the network and Lambda. Its authorizer allows all.
type allocationTransport struct {
	payload string // set before each case
}

func (t *allocationTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp := &http.Response{StatusCode: http.StatusOK, ProtoMajor: 1, Header: http.Header{}, Request: r}
	payload := t.payload
	if strings.Contains(r.URL.Path, "/guard/") {
		payload = simpleAllow
	}
	if strings.Contains(r.URL.Path, "/response-streaming-invocations") {
		resp.Header["Content-Type"] = []string{eventStreamType}
		resp.Header["X-Amzn-Remapped-Content-Type"] = []string{preludeType}
	}
	resp.Body = io.NopCloser(strings.NewReader(payload))
	resp.ContentLength = int64(len(payload))
	return resp, nil
}

// newAllocationTransport puts itself in the place of the network, for the options of allocationConfig alone.
func newAllocationTransport(t *testing.T) *allocationTransport {
	t.Helper()
	settings := transportSettings{maxIdle: allocationIdle}
	replying := &allocationTransport{}
	pool := transportFor(settings)
	pool.RegisterProtocol("http", replying)
	t.Cleanup(func() {
		transports.Lock()
		delete(transports.pools, settings)
		transports.Unlock()
	})
	return replying
}

// allocationIdle is a bound that no other test sets: it gives these tests a transport of their own.
const allocationIdle = 4711

// allocationConfig returns the options of a case, with which calls go to the transport above.
func allocationConfig(c *allocationCase) *Config {
	config := testConfig(&fakeLambda{Server: &httptest.Server{URL: "http://127.0.0.1"}})
	config.MaxIdleConnections = allocationIdle
	if c.set != nil {
		c.set(config)
	}
	return config
}

// newAllocationRequest returns the request of a case.
func newAllocationRequest(c *allocationCase) *http.Request {
	r := newBenchRequest(c.contentType, c.body)
	if c.browser {
		r.Header.Set("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
		r.Header.Set("Accept-Language", "en-US,en;q=0.5")
		r.Header.Set("Accept-Encoding", "gzip, deflate, br, zstd")
		r.Header.Set("Referer", "https://example.com/users?page=1")
		r.Header.Set("Cookie", "session=7f1c2a90; theme=dark; consent=all")
		r.Header.Set("Sec-Fetch-Dest", "document")
		r.Header.Set("Sec-Fetch-Mode", "navigate")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Upgrade-Insecure-Requests", "1")
		r.URL.RawQuery = "q=a%20b%26c&page=2&sort=name"
	}
	if c.chunked {
		r.ContentLength = -1
	}
	if c.ownHeaders {
		r.Header.Set("Idempotency-Key", "7f1c2a90-5a3e-4d0c-9d6b-6f1a2b3c4d5e")
		r.Header.Set("X-Correlation-Id", "0b6f1a2b-3c4d-4e5f-8a9b-7f1c2a905a3e")
		r.Header.Set("X-Tenant", "acme")
	}
	return r
}

// allocationsOf returns how many allocations a request of a case takes: the fewest of some batches, as
// others are disturbed by a new second, with its new signature, by workers that retire, and by the
// collector, which empties pools.
func allocationsOf(t *testing.T, c *allocationCase, replying *allocationTransport) int {
	t.Helper()
	const batches, batch = 8, 16
	replying.payload = c.payload
	if c.payload == "" {
		replying.payload = allocationReply
	}
	atomic.StoreInt32(metered, 0)
	if c.metered {
		atomic.StoreInt32(metered, 1)
	}
	handler := newTestHandler(t, allocationConfig(c))
	r := newAllocationRequest(c)
	w := newBenchWriter()
	body := bytes.NewReader(c.body)
	fewest := -1
	var before, after runtime.MemStats
	for i := 0; i <= batches; i++ { // the first one starts workers and fills caches
		runtime.ReadMemStats(&before)
		for n := 0; n < batch; n++ {
			body.Reset(c.body)
			r.Body = io.NopCloser(body)
			w = newBenchWriter()
			handler.ServeHTTP(w, r)
		}
		runtime.ReadMemStats(&after)
		made := int(after.Mallocs-before.Mallocs) / batch
		if i > 0 && (fewest < 0 || made < fewest) {
			fewest = made
		}
	}
	if w.Code >= http.StatusInternalServerError {
		t.Errorf("%s: got status %d, want the function's", c.name, w.Code)
	}
	return fewest
}

// interpreted reports whether Yaegi runs the tests: its types have no names.
func interpreted() bool { return reflect.TypeOf((*Lambda)(nil)).Elem().Name() == "" }

func TestAllocations(t *testing.T) {
	if !interpreted() {
		t.Skip("compiled, a request allocates little")
	}
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
		setVariable(t, name, "") // calls through a proxy are no plain ones
	}
	replying := newAllocationTransport(t)
	table := readAllocations(t)
	before := atomic.LoadInt32(metered)
	cases := allocationCases()
	lines := ""
	for i := range cases {
		name := cases[i].name
		got := allocationsOf(t, &cases[i], replying)
		lines += fmt.Sprintf("%6d  %s\n", got, name)
		if os.Getenv("ALLOCATIONS") == "" {
			compareAllocations(t, table, name, got)
		}
	}
	atomic.StoreInt32(metered, before)
	if len(table) > len(cases) {
		t.Errorf("got %d rows in %s, want %d", len(table), allocationsFile, len(cases))
	}
	writeAllocations(t, lines)
}

// compareAllocations compares the allocations of a case with the table's.
func compareAllocations(t *testing.T, table map[string]int, name string, got int) {
	t.Helper()
	want, listed := table[name]
	if !listed {
		t.Errorf("%s: got %d allocations, want a row in %s: make allocations", name, got, allocationsFile)
		return
	}
	if got*100 > want*(100+maxAllocationsMore) {
		t.Errorf("%s: got %d allocations, want %d and at most %d%% more", name, got, want, maxAllocationsMore)
	}
	if got*(100+maxAllocationsMore) < want*100 {
		t.Logf("%s: got %d allocations, fewer than the %d of %s: make allocations", name, got, want, allocationsFile)
	}
}

// readAllocations returns the table: a number, then the name of the case. Lines that begin with # are comments.
func readAllocations(t *testing.T) map[string]int {
	t.Helper()
	text, err := os.ReadFile(allocationsFile)
	if err != nil {
		t.Fatal(err)
	}
	table := map[string]int{}
	for _, line := range strings.Split(string(text), "\n") {
		count, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		if n, err := strconv.Atoi(count); err == nil {
			table[name] = n
		}
	}
	return table
}

// writeAllocations renews the table where variable ALLOCATIONS says, if it does.
func writeAllocations(t *testing.T, lines string) {
	t.Helper()
	name := os.Getenv("ALLOCATIONS")
	if name == "" {
		return
	}
	head := "# Allocations of one request, interpreted, those of the test itself among them (allocations_test.go).\n" +
		"# `make allocations` renews this file. A growth by more than 3 % has to be worth it: say in the commit what for.\n"
	if err := os.WriteFile(name, []byte(head+lines), 0o600); err != nil {
		t.Fatal(err)
	}
}
