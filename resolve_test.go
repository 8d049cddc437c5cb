package lambda

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/seed05e46011/lambda/internal/route"
)

// newEchoLambda starts an endpoint whose functions reply with their names and with the route, the path
// and the path parameters in the event.
func newEchoLambda(t testing.TB) *fakeLambda {
	t.Helper()
	f := &fakeLambda{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var event struct {
			RouteKey       string            `json:"routeKey"`
			RawPath        string            `json:"rawPath"`
			PathParameters map[string]string `json:"pathParameters"`
		}
		body, _ := io.ReadAll(r.Body)
		_ = json.Unmarshal(body, &event)
		f.mu.Lock()
		f.events = append(f.events, body)
		f.mu.Unlock()
		name := strings.Split(r.URL.EscapedPath(), "/")[3]
		if q := r.URL.Query().Get("Qualifier"); q != "" {
			name += ":" + q
		}
		text := fmt.Sprintf("%s %s %s %v", name, event.RouteKey, event.RawPath, event.PathParameters)
		reply, _ := json.Marshal(map[string]any{"statusCode": 200, "body": text})
		_, _ = w.Write(reply)
	}))
	t.Cleanup(f.Close)
	return f
}

// ask returns the status and the body of the response to a request.
func ask(t *testing.T, handler http.Handler, method, path string) (int, string) {
	t.Helper()
	r := httptest.NewRequest(method, "http://example.com/", nil)
	u, err := url.Parse("http://example.com" + path)
	if err != nil {
		t.Fatal(err)
	}
	r.URL = u
	resp := serve(handler, r)
	return resp.StatusCode, bodyOf(t, resp)
}

func TestRoutes(t *testing.T) {
	f := newEchoLambda(t)
	config := testConfig(f)
	config.Function = ""
	for _, key := range []string{
		"PATCH /users/{id}", "PATCH /users/me", "DELETE /users/me", "/about", "/about/", "GET /",
		"ANY /files/{proxy+}", "GET /files/{a}/{b}/end", "POST /files/upload", "PUT /x/{user.id}/y/{rest+}", "GET /caf%C3%A9/{id}",
	} {
		name := strings.NewReplacer(" ", "_", "/", "-", "{", "", "}", "", "+", "", ".", "", "%", "").Replace(key)
		config.Routes = append(config.Routes, route.Config{RouteKey: key, Function: name})
	}
	config.Routes[3].Qualifier = "live"
	rows := map[string]struct {
		request string
		want    string // "" for no route
	}{
		"a variable":                                         {"PATCH /users/7", "PATCH /users/{id} /users/7 map[id:7]"},
		"the method decides":                                 {"GET /users/7", ""},
		"a literal wins over a variable":                     {"PATCH /users/me", "PATCH /users/me /users/me map[]"},
		"a method wins over ANY":                             {"POST /files/upload", "POST /files/upload /files/upload map[]"},
		"a route of the request's method only":               {"DELETE /users/me", "DELETE /users/me /users/me map[]"},
		"a variable is a whole segment":                      {"PATCH /users/7/8", ""},
		"a variable is never empty":                          {"PATCH /users/", ""},
		"a literal without a method":                         {"TRACE /about", "/about /about map[]"},
		"a slash at the end is another path":                 {"GET /about/", "/about/ /about/ map[]"},
		"a path is not a prefix":                             {"GET /about/us", ""},
		"the root":                                           {"GET /", "GET / / map[]"},
		"HEAD is GET":                                        {"HEAD /", "HEAD"},
		"a greedy variable matches all segments that follow": {"GET /files/a/b/c", "ANY /files/{proxy+} /files/a/b/c map[proxy:a/b/c]"},
		"a greedy variable may be empty":                     {"GET /files/", "ANY /files/{proxy+} /files/ map[proxy:]"},
		"no redirect to add a slash":                         {"GET /files", ""},
		"no redirect to clean a path":                        {"GET /files//a/../b", "ANY /files/{proxy+} /files//a/../b map[proxy:/a/../b]"},
		"a longer path wins over a greedy variable":          {"GET /files/a/b/end", "GET /files/{a}/{b}/end /files/a/b/end map[a:a b:b]"},
		"back to the greedy variable":                        {"GET /files/a/b/other", "ANY /files/{proxy+} /files/a/b/other map[proxy:a/b/other]"},
		"back to any method":                                 {"GET /files/upload", "ANY /files/{proxy+} /files/upload map[proxy:upload]"},
		"an escaped slash does not separate segments":        {"PATCH /users/a%2Fb", "PATCH /users/{id} /users/a/b map[id:a/b]"},
		"an escaped slash matches no literal slash":          {"GET /users%2Fme", ""},
		"a literal is compared decoded":                      {"GET /caf%c3%a9/%41", "GET /caf%C3%A9/{id} /café/A map[id:A]"},
		"variable names that API Gateway accepts":            {"PUT /x/1/y/2/3", "PUT /x/{user.id}/y/{rest+} /x/1/y/2/3 map[rest:2/3 user.id:1]"},
	}
	handler := newTestHandler(t, config)
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			method, path, _ := strings.Cut(row.request, " ")
			before := f.invocations()
			status, body := ask(t, handler, method, path)
			switch row.want {
			case "":
				if status != http.StatusNotFound || body != `{"message":"Not Found"}` || f.invocations() != before {
					t.Errorf("got %d %s, want 404", status, body)
				}
			case "HEAD":
				if status != http.StatusOK || body != "" {
					t.Errorf("got %d %q, want 200 without a body", status, body)
				}
			default:
				_, got, _ := strings.Cut(body, " ")
				if status != http.StatusOK || got != row.want {
					t.Errorf("got %d %s, want %s", status, got, row.want)
				}
			}
		})
	}
	if _, body := ask(t, handler, "GET", "/about"); !strings.HasPrefix(body, "-about:live ") {
		t.Errorf("got %s, want the function of the route with its qualifier", body)
	}
}

func TestTheDefaultRouteMatchesAllOtherRequests(t *testing.T) {
	f := newEchoLambda(t)
	config := testConfig(f)
	config.Function = ""
	config.Routes = []route.Config{{RouteKey: "GET /a", Function: "a"}, {RouteKey: "$default", Function: "rest"}}
	handler := newTestHandler(t, config)
	for request, want := range map[string]string{
		"GET /a":    "a GET /a /a map[]",
		"POST /a":   "rest $default /a map[]",
		"GET /b//c": "rest $default /b//c map[]",
	} {
		method, path, _ := strings.Cut(request, " ")
		if _, got := ask(t, handler, method, path); got != want {
			t.Errorf("%s: got %s, want %s", request, got, want)
		}
	}
}

func TestPathsThatServeMuxWouldRedirect(t *testing.T) {
	f := newEchoLambda(t)
	config := testConfig(f)
	config.Function = ""
	for _, key := range []string{
		"ANY /{all+}", "/files/{proxy+}", "/files/{a}/{rest+}", "/files/x/{rest+}", "GET /files/x/{rest+}", "GET /about/", "GET /",
	} {
		config.Routes = append(config.Routes, route.Config{RouteKey: key, Function: "f"})
	}
	handler := newTestHandler(t, config)
	for request, want := range map[string]string{
		"GET /files":       "ANY /{all+} /files map[all:files]",
		"GET /files/x":     "/files/{proxy+} /files/x map[proxy:x]",
		"POST /files/x":    "/files/{proxy+} /files/x map[proxy:x]",
		"GET /files/x/y":   "GET /files/x/{rest+} /files/x/y map[rest:y]",
		"PUT /files/x//y":  "/files/x/{rest+} /files/x//y map[rest:/y]",
		"PUT /files/z//y":  "/files/{a}/{rest+} /files/z//y map[a:z rest:/y]",
		"GET /files/x//y":  "GET /files/x/{rest+} /files/x//y map[rest:/y]",
		"GET /files//y":    "/files/{proxy+} /files//y map[proxy:/y]",
		"GET /about":       "ANY /{all+} /about map[all:about]",
		"GET //about/":     "ANY /{all+} //about/ map[all:/about/]",
		"GET /a/../b":      "ANY /{all+} /a/../b map[all:a/../b]",
		"PATCH /files/./y": "/files/{a}/{rest+} /files/./y map[a:. rest:y]",
		"GET ":             "GET / / map[]",
	} {
		method, path, _ := strings.Cut(request, " ")
		status, body := ask(t, handler, method, path)
		_, got, _ := strings.Cut(body, " ")
		if status != http.StatusOK || got != want {
			t.Errorf("%s: got %d %s, want %s", request, status, got, want)
		}
	}
}

func TestInvalidRouteKeys(t *testing.T) {
	rows := map[string]struct {
		routes []route.Config
		want   []string // parts of the error
	}{
		"two keys for the same requests": {
			[]route.Config{{RouteKey: "GET /x/{a}", Function: "f"}, {RouteKey: "GET /y", Function: "f"}, {RouteKey: "GET /x/{b}", Function: "f"}},
			[]string{"routes", `"GET /x/{a}"`, `"GET /x/{b}"`},
		},
		"neither is more specific": {
			[]route.Config{{RouteKey: "/{a}/y", Function: "f"}, {RouteKey: "ANY /x/{b}", Function: "f"}},
			[]string{"routes", `"/{a}/y"`, `"ANY /x/{b}"`},
		},
		"a method against a literal": {
			[]route.Config{{RouteKey: "GET /x/{a}", Function: "f"}, {RouteKey: "/x/y", Function: "f"}},
			[]string{"routes", `"GET /x/{a}"`, `"/x/y"`},
		},
		"two defaults": {
			[]route.Config{{RouteKey: "$default", Function: "f"}, {RouteKey: "$default", Function: "g"}},
			[]string{"routes", `"$default"`},
		},
		"no key":                          {[]route.Config{{Function: "f"}}, []string{"routes[0].routeKey", `""`}},
		"no path":                         {[]route.Config{{RouteKey: "GET", Function: "f"}}, []string{"routes[0].routeKey", `"GET"`}},
		"a method in lower case":          {[]route.Config{{RouteKey: "get /x", Function: "f"}}, []string{"routes[0].routeKey", `"get /x"`}},
		"a query":                         {[]route.Config{{RouteKey: "/x?y", Function: "f"}}, []string{"routes[0].routeKey", `"/x?y"`}},
		"a part of a segment":             {[]route.Config{{RouteKey: "/x{y}", Function: "f"}}, []string{"routes[0].routeKey", "whole segment"}},
		"a greedy variable in the middle": {[]route.Config{{RouteKey: "/{x+}/y", Function: "f"}}, []string{"routes[0].routeKey", "{x+}"}},
		"a variable twice":                {[]route.Config{{RouteKey: "/{x}/{x}", Function: "f"}}, []string{"routes[0].routeKey", "{x}"}},
		"an unclean path":                 {[]route.Config{{RouteKey: "/a/../b", Function: "f"}}, []string{"routes[0].routeKey", "cleaning"}},
		"an empty segment":                {[]route.Config{{RouteKey: "/a//b", Function: "f"}}, []string{"routes[0].routeKey", "cleaning"}},
		"an invalid escape":               {[]route.Config{{RouteKey: "/a%zz", Function: "f"}}, []string{"routes[0].routeKey", "cleaning"}},
		"no function":                     {[]route.Config{{RouteKey: "/a"}}, []string{"routes[0].function"}},
		"an invalid function":             {[]route.Config{{RouteKey: "/a", Function: "a/b"}}, []string{"routes[0].function", `"a/b"`}},
		"an invalid qualifier":            {[]route.Config{{RouteKey: "/a", Function: "a", Qualifier: "$x"}}, []string{"routes[0].qualifier", `"$x"`}},
		"an option that is unknown":       {[]route.Config{{RouteKey: "/a", Function: "a", Unknown: map[string]any{"alias": 1}}}, []string{"routes[0].alias"}},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			config := CreateConfig()
			config.Region = "eu-central-1"
			config.Routes = row.routes
			wantOptionError(t, config, row.want)
		})
	}
}

// wantOptionError checks that New refuses the options, with an error that contains all of want.
func wantOptionError(t *testing.T, config *Config, want []string) {
	t.Helper()
	_, err := New(context.Background(), http.NotFoundHandler(), config, "lambda@test")
	if err == nil {
		t.Fatalf("got no error, want one with %q", want)
	}
	for _, s := range want {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("got %v, want %q in it", err, s)
		}
	}
}

func TestNamesInThePath(t *testing.T) {
	long := strings.Repeat("a", 64)
	rows := map[string]struct {
		path string
		want string // "" for 404 without an invocation
	}{
		"a name":                        {"/lambda/hello", "hello $default /lambda/hello map[]"},
		"a name and a path":             {"/lambda/hello/a/b", "hello $default /lambda/hello/a/b map[]"},
		"the longest name":              {"/lambda/" + long, long + " $default /lambda/" + long + " map[]"},
		"a name that is too long":       {"/lambda/" + long + "a", ""},
		"no name":                       {"/lambda/", ""},
		"the prefix without its slash":  {"/lambda", ""},
		"an empty segment":              {"/lambda//hello", ""},
		"a qualifier":                   {"/lambda/hello:live", ""},
		"an escaped qualifier":          {"/lambda/hello%3Alive", ""},
		"an escaped letter in the name": {"/lambda/%68ello", ""},
		"the parent":                    {"/lambda/../x", ""},
		"the escaped parent":            {"/lambda/..%2fx", ""},
		"dots, escaped":                 {"/lambda/%2e%2e", ""},
		"a dot":                         {"/lambda/a.b", ""},
		"an ARN":                        {"/lambda/arn:aws:lambda:eu-central-1:123456789012:function:hello", ""},
		"a partial ARN":                 {"/lambda/123456789012:function:hello", ""},
		"another letter":                {"/lambda/héllo", ""},
		"a control character":           {"/lambda/hello%0a", ""},
		"another prefix":                {"/lambda2/hello", ""},
		"the prefix, escaped":           {"/%6cambda/hello", "hello $default /lambda/hello map[]"},
	}
	f := newEchoLambda(t)
	config := testConfig(f)
	config.Function = ""
	config.PathPrefix = "/lambda/"
	handler := newTestHandler(t, config)
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			before := f.invocations()
			status, body := ask(t, handler, http.MethodGet, row.path)
			if row.want == "" && (status != http.StatusNotFound || f.invocations() != before) {
				t.Errorf("got %d %s after %d invocations, want 404 after none", status, body, f.invocations()-before)
			}
			if row.want != "" && (status != http.StatusOK || body != row.want) {
				t.Errorf("got %d %s, want %s", status, body, row.want)
			}
		})
	}
}

func TestIncludeAndExcludeDecideBeforeTheNameIsCompleted(t *testing.T) {
	f := newEchoLambda(t)
	config := testConfig(f)
	config.Function = ""
	config.PathPrefix = "/f"
	config.Include = []string{"hel*", " *llo", "*ell*", "exact"}
	config.Exclude = []string{"*secret*", "help"}
	config.NamePrepend = "prod-"
	config.NameAppend = "-v1"
	config.Qualifier = "live"
	config.StripPrefix = true
	handler := newTestHandler(t, config)
	for path, want := range map[string]string{
		"/f/helmet/a%2Fb/c":                "prod-helmet-v1:live $default /a/b/c map[]",
		"/f/allo":                          "prod-allo-v1:live $default / map[]",
		"/f/bells/":                        "prod-bells-v1:live $default / map[]",
		"/f/exact/x":                       "prod-exact-v1:live $default /x map[]",
		"/f/exactly":                       "",
		"/f/prod-other":                    "",
		"/f/help":                          "",
		"/f/hello-secret-1":                "",
		"/f/hel" + strings.Repeat("a", 60): "", // 71 characters with namePrepend and nameAppend
	} {
		before := f.invocations()
		status, body := ask(t, handler, http.MethodGet, path)
		if want == "" && (status != http.StatusNotFound || f.invocations() != before) {
			t.Errorf("%s: got %d %s, want 404", path, status, body)
		}
		if want != "" && body != want {
			t.Errorf("%s: got %d %s, want %s", path, status, body, want)
		}
	}
}

func TestTheNamePrependedMayBeAnARN(t *testing.T) {
	f := newEchoLambda(t)
	config := testConfig(f)
	config.Function = ""
	config.PathPrefix = "/"
	config.NamePrepend = "arn:aws:lambda:eu-central-1:123456789012:function:"
	_, body := ask(t, newTestHandler(t, config), http.MethodGet, "/hello")
	if want := "arn%3Aaws%3Alambda%3Aeu-central-1%3A123456789012%3Afunction%3Ahello $default /hello map[]"; body != want {
		t.Errorf("got %s, want %s", body, want)
	}
}

func TestTargetsByPathAreLimited(t *testing.T) {
	n, err := newFunctionsByPath(&Config{PathPrefix: "/"}, &lambdaAPI{region: "eu-central-1"})
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i <= 2*maxTargetsByPath; i++ {
		if _, err := targetByName(n, fmt.Sprintf("f%d", i)); err != nil {
			t.Fatal(err)
		}
		if len(n.targets) > maxTargetsByPath {
			t.Fatalf("got %d targets, want at most %d", len(n.targets), maxTargetsByPath)
		}
	}
}

func TestUnmatchedNextGetsTheRequestUntouched(t *testing.T) {
	f := newEchoLambda(t)
	config := testConfig(f)
	config.Function = ""
	config.PathPrefix = "/lambda/"
	config.Unmatched = "next"
	handler, err := New(context.Background(), http.HandlerFunc(nextHandler), config, "lambda@test")
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "http://example.com/lambda/a:b", strings.NewReader("the body"))
	resp := serve(handler, r)
	if body := bodyOf(t, resp); resp.StatusCode != http.StatusOK || body != "POST http://example.com/lambda/a:b the body" {
		t.Errorf("got %d %s, want the unchanged request at the next handler", resp.StatusCode, body)
	}
}

func TestInvalidFunctionOptions(t *testing.T) {
	rows := map[string]struct {
		change func(c *Config)
		want   []string
	}{
		"none":                      {func(_ *Config) {}, []string{"function", "routes", "pathPrefix", "exactly one"}},
		"two":                       {func(c *Config) { c.Function = "f"; c.PathPrefix = "/x" }, []string{"exactly one"}},
		"include without a prefix":  {func(c *Config) { c.Function = "f"; c.Include = []string{"a"} }, []string{"include", "pathPrefix"}},
		"strip without a prefix":    {func(c *Config) { c.Function = "f"; c.StripPrefix = true }, []string{"stripPrefix", "pathPrefix"}},
		"a prefix without a slash":  {func(c *Config) { c.PathPrefix = "x" }, []string{"pathPrefix", `"x"`}},
		"a star in the middle":      {func(c *Config) { c.PathPrefix = "/x"; c.Include = []string{"a*b"} }, []string{"include", `"a*b"`}},
		"an empty name":             {func(c *Config) { c.PathPrefix = "/x"; c.Exclude = []string{""} }, []string{"exclude", `""`}},
		"an invalid name":           {func(c *Config) { c.PathPrefix = "/x"; c.NamePrepend = "a b" }, []string{"namePrepend", `"a b"`}},
		"unmatched":                 {func(c *Config) { c.Function = "f"; c.Unmatched = "drop" }, []string{"unmatched", `"drop"`, "next"}},
		"a qualifier beside routes": {func(c *Config) { c.Routes = []route.Config{{RouteKey: "/", Function: "f"}}; c.Qualifier = "v" }, []string{"qualifier", "route"}},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			config := CreateConfig()
			config.Region = "eu-central-1"
			row.change(config)
			wantOptionError(t, config, row.want)
		})
	}
}

func BenchmarkFindRoute(b *testing.B) {
	config := CreateConfig()
	for i := 0; i < 50; i++ {
		for _, key := range []string{"GET /api/v%d/users", "POST /api/v%d/users", "GET /api/v%d/users/{id}", "ANY /api/v%d/files/{proxy+}"} {
			config.Routes = append(config.Routes, route.Config{RouteKey: fmt.Sprintf(key, i), Function: "f"})
		}
	}
	table, err := newFunctionsByKey(config.Routes, &lambdaAPI{region: "eu-central-1"})
	if err != nil {
		b.Fatal(err)
	}
	for _, path := range []string{"/api/v37/users", "/api/v37/users/123"} {
		req := &request{http: httptest.NewRequest(http.MethodGet, "http://example.com"+path, nil), rawPath: path}
		b.Run(path, func(b *testing.B) {
			for i := 0; i < b.N; i++ {
				if err := resolveByKey(table, req); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
