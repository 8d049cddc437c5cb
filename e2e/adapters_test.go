package e2e_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/functions"
	"github.com/seed05e46011/lambda/e2e/internal/repo"
	"github.com/seed05e46011/lambda/e2e/lambdalocal"
)

// frontDoors are the formats that adapters are written for.
var frontDoors = []string{"rest-api", "http-api-v1", "http-api-v2", "function-url", "alb", "alb-multi-value"}

// nodeFolder holds the functions in Node.
func nodeFolder(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(repo.Root(), "e2e", "node")
	require.DirExists(t, filepath.Join(folder, "node_modules"), "`make e2e` fetches what the functions need: npm ci")
	return folder
}

// plainServer serves an app of the functions over plain HTTP until the test ends, and returns its URL.
func plainServer(t *testing.T, command ...string) string {
	t.Helper()
	server := exec.CommandContext(t.Context(), command[0], command[1:]...)
	input, err := server.StdinPipe()
	require.NoError(t, err)
	output, err := server.StdoutPipe()
	require.NoError(t, err)
	server.Stderr = t.Output()
	require.NoError(t, server.Start())
	t.Cleanup(func() {
		assert.NoError(t, input.Close())
		_ = server.Wait() // the context may have ended it already
	})
	port, err := bufio.NewReader(output).ReadString('\n')
	require.NoError(t, err)
	return "http://127.0.0.1:" + strings.TrimSpace(port)
}

// seen is what an app tells of a request.
type seen struct {
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	Query   [][2]string       `json:"query"`
	Headers map[string]string `json:"headers"`
	Body    []byte            `json:"body"`
}

// differences lists what an app sees otherwise behind the gateway than over plain HTTP. The order of parameters of
// different names, and blanks between the values of a header, make none: events do not have them.
func (plain seen) differences(behind seen) []string {
	var differences []string
	for _, d := range []struct {
		what string
		same bool
	}{
		{"method", plain.Method == behind.Method},
		{"path", plain.Path == behind.Path},
		{"query", slices.Equal(sortedByName(plain.Query), sortedByName(behind.Query))},
		{"body", bytes.Equal(plain.Body, behind.Body)},
	} {
		if !d.same {
			differences = append(differences, d.what)
		}
	}
	for name, value := range plain.Headers {
		hop := name == "connection" || name == "content-length"
		if !hop && strings.ReplaceAll(behind.Headers[name], ", ", ",") != strings.ReplaceAll(value, ", ", ",") {
			differences = append(differences, name)
		}
	}
	return differences
}

func sortedByName(query [][2]string) [][2]string {
	return slices.SortedStableFunc(slices.Values(query), func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
}

// replyDifferences lists what the client gets otherwise through the gateway than over plain HTTP.
func replyDifferences(plain, through answer) []string {
	var differences []string
	if plain.StatusCode != through.StatusCode {
		differences = append(differences, "status")
	}
	if plain.body != through.body {
		differences = append(differences, "body")
	}
	for _, name := range []string{"Content-Type", "Set-Cookie", "Location", "Content-Length"} {
		if !slices.Equal(plain.Header[name], through.Header[name]) {
			differences = append(differences, name)
		}
	}
	return differences
}

// appRequest is a request to an app.
type appRequest struct {
	name, method, target, body string
	header                     http.Header
}

var appRequests = []appRequest{
	{"a query", "GET", "/plain/path?a=1&b=2", "", nil},
	{"escapes", "GET", "/caf%C3%A9/a%20b?q=a%20b&plus=a%2Bb&blank=a+b", "", nil},
	{"an escaped slash", "GET", "/a%2Fb", "", nil},
	{"a repeated and an empty parameter", "GET", "/?q=1&q=2&empty=", "", nil},
	{"JSON", "POST", "/json", `{"grüße":"<&>"}`, http.Header{"Content-Type": {"application/json"}}},
	{"a form", "POST", "/form", "a=1&b=%C3%A4+c", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}},
	{"bytes", "PUT", "/bytes", "\x00\xff\xfe\n", http.Header{"Content-Type": {"application/octet-stream"}}},
	{"nothing", "DELETE", "/gone", "", nil},
	{"cookies", "GET", "/", "", http.Header{"Cookie": {"session=abc123; theme=dark"}}},
	{"headers", "GET", "/", "", http.Header{"Authorization": {"Bearer x"}, "X-Text": {"a, b;c=\"d\""}, "Accept": {"text/html"}}},
	{"a repeated header", "GET", "/", "", http.Header{"X-Many": {"one", "two"}}},
}

func (r appRequest) send(t *testing.T, url, host string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), r.method, url+r.target, strings.NewReader(r.body))
	require.NoError(t, err)
	request.Host = host
	request.Header.Set("User-Agent", "test")
	for name, values := range r.header {
		request.Header[name] = values
	}
	return send(t, request)
}

func (r appRequest) see(t *testing.T, url, host string) seen {
	t.Helper()
	reply := r.send(t, url, host)
	require.Equal(t, http.StatusOK, reply.StatusCode, reply.body)
	var s seen
	require.NoError(t, json.Unmarshal([]byte(reply.body), &s), reply.body)
	return s
}

// adapter is a function behind an adapter, and the command that serves its app over plain HTTP.
type adapter struct {
	function lambdalocal.Function
	plain    []string
	formats  []string // those that it is written for
	mode     string   // invokeMode
}

// nodeFunction is one of the handlers in the folder.
func nodeFunction(folder, name string) lambdalocal.Function {
	return lambdalocal.Function{
		Handler: filepath.Join(folder, "handlers", name+".handler"),
		Timeout: 10 * time.Second,
	}
}

func nodeAdapter(folder, name, app string) adapter {
	return adapter{
		function: nodeFunction(folder, name),
		plain:    []string{"node", filepath.Join(folder, "plain.js"), app},
		formats:  frontDoors,
		mode:     "BUFFERED",
	}
}

// streaming returns the adapter for replies that are streamed, which it makes of a Function URL's events.
func (a adapter) streaming() adapter {
	a.mode = "RESPONSE_STREAM"
	a.formats = []string{"function-url"}
	return a
}

func goAdapter(function lambdalocal.Function, mode string, formats ...string) adapter {
	return adapter{function, append(slices.Clone(function.Command), "plain"), formats, mode}
}

// fault is what a front door or an adapter itself loses or changes: as much on AWS as here.
type fault struct {
	adapters, formats, request, difference string // adapters "" are all of them
}

var faults = []fault{
	// What is streamed has no length beforehand.
	{"lambdaurl hono-stream", "function-url", "a reply with cookies", "Content-Length"},
	{"lambdaurl hono-stream", "function-url", "a reply with binary", "Content-Length"},
	{"lambdaurl hono-stream", "function-url", "a reply with redirect", "Content-Length"},
	{"lambdaurl hono-stream", "function-url", "a reply with teapot", "Content-Length"},
	// HTTP APIs decode rawPath before the function sees it.
	{"", "http-api-v2", "an escaped slash", "path"},
	// A load balancer without multi-value headers keeps the last value.
	{"", "alb", "a repeated and an empty parameter", "query"},
	{"", "alb", "a repeated header", "x-many"},
	// Replies to it have room for one cookie, which these fill with the first.
	{"hono", "alb", "a reply with cookies", "Set-Cookie"},
	{"serverless-express", "alb", "a reply with cookies", "Set-Cookie"},
	// It reads headers where events have multiValueHeaders too.
	{"serverless-http", "rest-api http-api-v1", "a repeated header", "x-many"},
	// It joins cookies with ";" alone.
	{"fastify", "http-api-v2 function-url", "cookies", "cookie"},
	// It adds the cookies to the header Cookie, which Function URLs keep: written for HTTP APIs, which do not.
	{"httpadapter", "function-url", "cookies", "cookie"},
	// They escape a load balancer's query anew, which leaves it escaped for the app, or half so.
	{"fastify", "alb alb-multi-value", "escapes", "query"},
	{"httpadapter", "alb alb-multi-value", "escapes", "query"},
	// It looks for the content type of a reply where a reply with multi-value headers does not have it.
	{"fastify", "alb-multi-value", "a reply with binary", "body"},
	{"fastify", "alb-multi-value", "a reply with binary", "Content-Length"},
	// It joins the values of every header with "; ".
	{"hono", "alb-multi-value", "a repeated header", "x-many"},
	// Its server for plain HTTP names the type of nothing.
	{"hono hono-stream", strings.Join(frontDoors, " "), "a reply with nothing", "Content-Type"},
}

func knownFaults(adapter, format, request string) []string {
	var known []string
	for _, f := range faults {
		if (f.adapters == "" || slices.Contains(strings.Fields(f.adapters), adapter)) && f.request == request && slices.Contains(strings.Fields(f.formats), format) {
			known = append(known, f.difference)
		}
	}
	return known
}

func TestAppsBehindAdaptersSeeWhatTheySeeOverPlainHTTP(t *testing.T) {
	folder := nodeFolder(t)
	built, err := functions.Build(t.Context())
	require.NoError(t, err)
	adapters := map[string]adapter{
		"serverless-http":    nodeAdapter(folder, "serverless-http", "express"),
		"serverless-express": nodeAdapter(folder, "serverless-express", "express"),
		"fastify":            nodeAdapter(folder, "fastify", "fastify"),
		"hono":               nodeAdapter(folder, "hono", "hono"),
		"hono-stream":        nodeAdapter(folder, "hono-stream", "hono").streaming(),
		"httpadapter":        goAdapter(built["httpadapter"], "BUFFERED", frontDoors...),
		"lambdaurl":          goAdapter(built["lambdaurl"], "RESPONSE_STREAM", "function-url"),
	}
	all := map[string]lambdalocal.Function{}
	for name, a := range adapters {
		all[name] = a.function
	}
	server, err := lambdalocal.Start(t.Context(), lambdalocal.Config{Functions: all, Credentials: []lambdalocal.Credential{credential}})
	require.NoError(t, err)
	defer func() { assert.NoError(t, server.Close()) }()
	for name, a := range adapters {
		t.Run(name, func(t *testing.T) { a.compare(t, name, server.URL()) })
	}
}

// compare sends every request both ways.
func (a adapter) compare(t *testing.T, function, endpoint string) {
	t.Helper()
	plain := plainServer(t, a.plain...)
	for _, format := range a.formats {
		s := newSite(t, m{"function": function, "endpoint": endpoint, "eventFormat": format, "invokeMode": a.mode})
		for _, r := range appRequests {
			differences := r.see(t, plain, s.host).differences(r.see(t, gateway.URL, s.host))
			assert.Equal(t, knownFaults(function, format, r.name), differences, "%s: %s", format, r.name)
		}
		for _, reply := range []string{"cookies", "binary", "redirect", "nothing", "teapot"} {
			r := appRequest{"a reply with " + reply, http.MethodGet, "/reply/" + reply, "", nil}
			through := r.send(t, gateway.URL, s.host)
			if a.mode == "RESPONSE_STREAM" && through.body == "" {
				through.Header.Del("Content-Length") // it is 0 where the stream ends before its head is flushed
			}
			differences := replyDifferences(r.send(t, plain, s.host), through)
			assert.Equal(t, knownFaults(function, format, r.name), differences, "%s: %s", format, r.name)
		}
	}
}

// The schemas are those of AWS's Powertools for TypeScript.
func TestEventsFitReleasedSchemas(t *testing.T) {
	judge := exec.CommandContext(t.Context(), "node", "judge.js")
	judge.Dir = nodeFolder(t)
	var lines bytes.Buffer
	for _, format := range frontDoors {
		s := newSite(t, m{"function": "echo", "eventFormat": format})
		for _, r := range variedRequests() {
			reply := r.send(t, gateway.URL, s.host)
			require.Equal(t, http.StatusOK, reply.StatusCode, "%s: %s %s", format, r.method, r.target)
			line, err := json.Marshal(m{"format": format, "event": json.RawMessage(reply.body)})
			require.NoError(t, err)
			lines.Write(append(line, '\n'))
		}
	}
	judge.Stdin = &lines
	unfit, err := judge.CombinedOutput()
	require.NoError(t, err, string(unfit))
	assert.Empty(t, string(unfit))
}

// variedRequests are 40 requests that differ in all that events differ by.
func variedRequests() []appRequest {
	requests := make([]appRequest, 0, 40)
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		for _, target := range []string{"/", "/a%20b/%C3%A4/c%2Fd/%FF", "/p?q=1&q=2&e=&=v&k", "/bad?x=%zz&y=%FF;z"} {
			for _, contentType := range []string{"application/json", "application/octet-stream"} {
				r := appRequest{method + target + contentType, method, target, "", http.Header{"Content-Type": {contentType}}}
				if method != http.MethodGet && method != http.MethodDelete {
					r.body = "{\"ä\":\"<\u2028>\"}"
				}
				if target != "/" {
					r.header["X-Many"] = []string{"1", "", "3"}
					r.header["Cookie"] = []string{"a=1; b=2"}
					r.header["X-Latin"] = []string{"caf\xe9"}
				}
				requests = append(requests, r)
			}
		}
	}
	return requests
}
