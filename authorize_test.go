package lambda

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/seed05e46011/lambda/internal/authorizer"
	"github.com/seed05e46011/lambda/internal/cache"
	"github.com/seed05e46011/lambda/internal/edge"
	"github.com/seed05e46011/lambda/internal/route"
)

const (
	simpleAllow = `{"isAuthorized":true,"context":{"user":"u1","n":9007199254740993}}`
	policyAllow = `{"principalId":"u1","policyDocument":{"Version":"2012-10-17","Statement":[` +
		`{"Effect":"Allow","Action":"execute-api:Invoke","Resource":"*"}]},"context":{"n":5}}`
)

// guarded returns a configuration with an authorizer, whose function "check" replies as given.
func guarded(t *testing.T, format, reply string) (*fakeLambda, *Config) {
	t.Helper()
	f, config := hookedLambda(t, map[string]string{"check": reply, "hello": `{"statusCode":200,"body":"hello"}`})
	config.Edge = nil
	config.Region = "eu-west-1"
	config.AccountID = "123456789012"
	config.APIID = "a1b2c3d4e5"
	config.Authorizer = &authorizer.Config{Function: "check", EventFormat: format}
	return f, config
}

// shopRequest is the request of the golden events in testdata.
func shopRequest() *http.Request {
	r := httptest.NewRequest("GET", "https://shop.example.com/users/42?x=1&x=2", nil)
	r.RemoteAddr = "203.0.113.7:4711"
	r.Header.Set("Authorization", "Bearer abc")
	r.Header.Set("User-Agent", "curl/8.9.1")
	r.Header.Set("Content-Length", "0")
	return r
}

var (
	shortID  = regexp.MustCompile(`"[0-9a-f]{15}="`)
	uuid     = regexp.MustCompile(`"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"`)
	traceID  = regexp.MustCompile(`"Root=1-[0-9a-f]{8}-[0-9a-f]{24}"`)
	logTime  = regexp.MustCompile(`"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000"`)
	atMillis = regexp.MustCompile(`"(timeEpoch|requestTimeEpoch)":\d{13}`)
)

// unmarked returns an event with the values that differ in each request replaced.
func unmarked(event []byte) string {
	text := shortID.ReplaceAllString(string(event), `"ID"`)
	text = uuid.ReplaceAllString(text, `"UUID"`)
	text = traceID.ReplaceAllString(text, `"TRACE"`)
	text = logTime.ReplaceAllString(text, `"TIME"`)
	return atMillis.ReplaceAllString(text, `"$1":0`)
}

// The events equal those in testdata, except for the order of their keys.
func TestAuthorizersGetTheEventsOfTheirFormats(t *testing.T) {
	for _, format := range []string{"http-api-v2", "http-api-v1", "rest-api", "rest-api-token"} {
		f, config := guarded(t, format, policyAllow)
		resp := serve(newTestHandler(t, config), shopRequest())
		var got bytes.Buffer
		if err := json.Indent(&got, []byte(unmarked(f.events[0])), "", "  "); err != nil {
			t.Fatal(err)
		}
		got.WriteString("\n")
		want, err := os.ReadFile(filepath.Join("testdata", "authorizer-"+format+".json"))
		if err != nil {
			t.Fatal(err)
		}
		if got.String() != string(want) || resp.StatusCode != 200 {
			t.Errorf("%s: got %d after\n%s, want\n%s", format, resp.StatusCode, got.String(), want)
		}
	}
}

func TestMissingValuesInAuthorizerEvents(t *testing.T) {
	absent := map[string][]string{
		"http-api-v2": {"cookies", "queryStringParameters", "pathParameters", "stageVariables", "body", "isBase64Encoded"},
		"http-api-v1": {"body", "isBase64Encoded"},
		"rest-api":    {"body", "isBase64Encoded", "version"},
	}
	empty := []string{"queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "stageVariables"}
	for format, names := range absent {
		f, config := guarded(t, format, policyAllow)
		config.Authorizer.IdentitySource = []string{}
		r := httptest.NewRequest("POST", "http://example.com/", strings.NewReader("body"))
		serve(newTestHandler(t, config), r)
		event := decodedEvent(t, f.events[0])
		headers := event["headers"].(map[string]any)
		if headers["Content-Length"] != "4" && headers["content-length"] != "4" {
			t.Errorf("%s: got headers %v, want the length of the body", format, headers)
		}
		for _, name := range names {
			if _, found := event[name]; found {
				t.Errorf("%s: got %s, want none", format, name)
			}
		}
		for _, name := range empty {
			if format != "http-api-v2" && !reflect.DeepEqual(event[name], map[string]any{}) {
				t.Errorf("%s: got %s %v, want {}", format, name, event[name])
			}
		}
	}
}

func decodedEvent(t *testing.T, event []byte) map[string]any {
	t.Helper()
	var decoded map[string]any
	if err := json.Unmarshal(event, &decoded); err != nil {
		t.Fatalf("%s: %v", event, err)
	}
	return decoded
}

func TestFunctionEventsHaveTheAuthorizersResult(t *testing.T) {
	latency := regexp.MustCompile(`"integrationLatency":\d+`)
	lambda := `"authorizer":{"lambda":{"n":9007199254740993,"user":"u1"}},`
	cases := map[string]struct {
		eventFormat, authorizerFormat, reply string
		want                                 string // in the event; "" for nothing
	}{
		"2.0":                {"http-api-v2", "", simpleAllow, lambda},
		"2.0, from a policy": {"http-api-v2", "http-api-v1", policyAllow, `"authorizer":{"lambda":{"n":5}},`},
		"a Function URL":     {"function-url", "", simpleAllow, lambda},
		"1.0":                {"http-api-v1", "", simpleAllow, `"authorizer":{"n":"9007199254740993","user":"u1"},`},
		"1.0, from a policy": {"http-api-v1", "http-api-v1", policyAllow, `"authorizer":{"n":"5","principalId":"u1"},`},
		"REST": {
			"rest-api", "rest-api-token", policyAllow, `"authorizer":{"integrationLatency":N,"n":"5","principalId":"u1"},`,
		},
		"alb":                 {"alb", "", simpleAllow, ""},
		"alb, several values": {"alb-multi-value", "", simpleAllow, ""},
		"httpjson":            {"httpjson", "", simpleAllow, ""},
		"vmod":                {"vmod", "", simpleAllow, ""},
	}
	for name, c := range cases {
		for _, way := range []string{"workers", "one by one"} {
			f, config := guarded(t, c.authorizerFormat, c.reply)
			config.EventFormat = c.eventFormat
			if way == "one by one" {
				config.MaxConcurrency = 1
			}
			serve(newTestHandler(t, config), shopRequest())
			event := latency.ReplaceAllString(string(f.events[len(f.events)-1]), `"integrationLatency":N`)
			if f.called() != "check hello" || (c.want != "" && !strings.Contains(event, c.want)) ||
				strings.Contains(event, `"authorizer":`) != (c.want != "") {
				t.Errorf("%s, %s: got called %s, event %s, want %s", name, way, f.called(), event, c.want)
			}
		}
	}
}

func TestBothEventsNameTheSameIDsAndTime(t *testing.T) {
	for _, format := range []string{"http-api-v2", "http-api-v1", "rest-api"} {
		for _, way := range []string{"workers", "one by one"} {
			f, config := guarded(t, format, policyAllow)
			config.EventFormat = format
			if way == "one by one" {
				config.MaxConcurrency = 1
			}
			serve(newTestHandler(t, config), shopRequest())
			first := decodedEvent(t, f.events[0])["requestContext"].(map[string]any)
			second := decodedEvent(t, f.events[1])["requestContext"].(map[string]any)
			for _, name := range strings.Fields("requestId extendedRequestId time timeEpoch requestTime requestTimeEpoch") {
				if first[name] != second[name] {
					t.Errorf("%s, %s: got %s %v and %v, want the same", format, way, name, first[name], second[name])
				}
			}
		}
	}
}

func TestAuthorizerResultsStayWithTheirRequest(t *testing.T) {
	f, config := guarded(t, "", simpleAllow)
	handler := newTestHandler(t, config)
	for i := 0; i < 4; i++ {
		serve(handler, shopRequest())
	}
	plain := testConfig(f)
	serve(newTestHandler(t, plain), shopRequest())
	if got := f.lastEvent(t)["requestContext"].(map[string]any)["authorizer"]; got != nil {
		t.Errorf("got authorizer %v without one, want none", got)
	}
}

func TestRoutesAreMatchedBeforeTheAuthorizer(t *testing.T) {
	f, config := guarded(t, "", simpleAllow)
	config.Function = ""
	config.Routes = []route.Config{{RouteKey: "GET /users/{id}", Function: "hello"}}
	discardLog(t)
	handler := newTestHandler(t, config)
	unknown := httptest.NewRequest("GET", "http://example.com/unknown", nil)
	if resp := serve(handler, unknown); resp.StatusCode != 404 || f.called() != "" {
		t.Errorf("got %d after %q, want 404 without a call", resp.StatusCode, f.called())
	}
	serve(handler, shopRequest())
	event := decodedEvent(t, f.events[0])
	want := map[string]any{"id": "42"}
	if event["routeKey"] != "GET /users/{id}" || !reflect.DeepEqual(event["pathParameters"], want) {
		t.Errorf("got %v, %v, want GET /users/{id}, %v", event["routeKey"], event["pathParameters"], want)
	}
	config.Unmatched = "next"
	handler, err := New(context.Background(), http.HandlerFunc(nextHandler), config, "lambda@test")
	if err != nil {
		t.Fatal(err)
	}
	if resp := serve(handler, httptest.NewRequest("GET", "http://example.com/unknown", nil)); resp.StatusCode != 401 {
		t.Errorf("unmatched next: got %d without identity, want 401", resp.StatusCode)
	}
	f.events = nil
	r := shopRequest()
	r.URL.Path = "/unknown"
	resp := serve(handler, r)
	if key := decodedEvent(t, f.events[0])["routeKey"]; resp.StatusCode == 401 || key != "$default" {
		t.Errorf("unmatched next: got %d, route %v, want next's, $default", resp.StatusCode, key)
	}
}

func TestAnAuthorizerInFrontOfTheRoutersService(t *testing.T) {
	f, config := guarded(t, "", simpleAllow)
	config.Function = ""
	config.Authorizer.RequestHeaders = map[string]string{"X-User": "{{ .user }}"}
	got := ""
	next := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = r.Header.Get("X-User") + r.Header.Get("X_user") + " " + string(body)
	})
	handler, err := New(context.Background(), next, config, "lambda@test")
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("POST", "http://example.com/", strings.NewReader("body"))
	r.Header.Set("Authorization", "x")
	r.Header.Set("X-User", "forged")
	r.Header.Set("X_User", "forged")
	if resp := serve(handler, r); resp.StatusCode != 200 || got != "u1 body" || f.called() != "check" {
		t.Errorf("got %d, %q, called %q, want 200, %q, check", resp.StatusCode, got, f.called(), "u1 body")
	}
	got = "not reached"
	stranger := httptest.NewRequest("GET", "http://example.com/", nil)
	if resp := serve(handler, stranger); resp.StatusCode != 401 || got != "not reached" {
		t.Errorf("got %d, %q, want 401 alone", resp.StatusCode, got)
	}
}

func TestRequestHeadersAreInTheFunctionsEvent(t *testing.T) {
	f, config := guarded(t, "", simpleAllow)
	config.Authorizer.RequestHeaders = map[string]string{"X-User": "{{ .user }}"}
	r := shopRequest()
	r.Header.Set("X-User", "forged")
	serve(newTestHandler(t, config), r)
	if strings.Contains(string(f.events[0]), "forged") {
		t.Errorf("got event %s, want it without the forged header", f.events[0])
	}
	if got := f.lastEvent(t)["headers"].(map[string]any)["x-user"]; got != "u1" {
		t.Errorf("got x-user %v, want u1", got)
	}
}

func TestAFailingAuthorizerRefusesTheRequest(t *testing.T) {
	for reply, want := range map[string]string{
		"429":            "cause=throttle",
		"500":            "cause=server",
		"404":            "cause=no-such-function",
		"function error": "cause=function-error",
		"[]":             "cause=bad-reply: the authorizer's reply: want a JSON object",
	} {
		logged := captureLog(t)
		f, config := guarded(t, "", reply)
		config.Fallback = true
		config.Retry = &RetryConfig{Attempts: 3, Causes: []string{"server", "throttle"}}
		handler, err := New(context.Background(), http.HandlerFunc(nextHandler), config, "lambda@test")
		if err != nil {
			t.Fatal(err)
		}
		resp := serve(handler, shopRequest())
		body := bodyOf(t, resp)
		if resp.StatusCode != 500 || body != `{"message":"Internal Server Error"}` || f.called() != "check" {
			t.Errorf("%s: got %d %s after %q, want 500 after one call", reply, resp.StatusCode, body, f.called())
		}
		line := logged.text()
		want = "lambda@test: 500 Internal Server Error: authorizer=check " + want
		if !strings.HasPrefix(line, want) || strings.Contains(line, "secret") {
			t.Errorf("%s: got %q, want %s…", reply, line, want)
		}
	}
}

func TestAFunctionThatThrowsUnauthorized(t *testing.T) {
	for format, want := range map[string]int{"rest-api": 401, "rest-api-token": 401, "http-api-v2": 500} {
		discardLog(t)
		f := newFakeLambda(t, func(w http.ResponseWriter, _ []byte) {
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
			_, _ = io.WriteString(w, `{"errorType":"string","errorMessage":"Unauthorized","trace":[]}`)
		})
		config := testConfig(f)
		config.Authorizer = &authorizer.Config{Function: "check", EventFormat: format}
		if resp := serve(newTestHandler(t, config), shopRequest()); resp.StatusCode != want {
			t.Errorf("%s: got %d, want %d", format, resp.StatusCode, want)
		}
	}
}

func TestContextVariables(t *testing.T) {
	_, config := guarded(t, "", simpleAllow)
	config.Function = ""
	config.Routes = []route.Config{{RouteKey: "GET /users/{id}", Function: "hello"}}
	l, err := newLambda(http.NotFoundHandler(), config, "lambda@test")
	if err != nil {
		t.Fatal(err)
	}
	core := guardedBy(l, config, nil, authorizerFormats[authorizer.FormatHTTPAPIv2])
	r := shopRequest()
	r.URL.RawPath = "/users/4%32"
	for name, want := range map[string]string{
		"accountId": "123456789012", "apiId": "a1b2c3d4e5", "stage": "$default", "httpMethod": "GET", "protocol": "HTTP/1.1",
		"domainName": "shop.example.com", "domainPrefix": "shop", "identity.sourceIp": "203.0.113.7",
		"identity.userAgent": "curl/8.9.1", "path": "/users/4%32", "routeKey": "GET /users/{id}", "other": "",
	} {
		if got := contextVariable(core, r, name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"requestId", "requestTime", "requestTimeEpoch"} {
		if got := contextVariable(core, r, name); got == "" {
			t.Errorf("%s: got nothing, want a value", name)
		}
	}
}

func TestAuthorizerOptionsAreValidated(t *testing.T) {
	for want, group := range map[string]*authorizer.Config{
		`lambda: authorizer.function: "a b": want`:               {Function: "a b"},
		"lambda: authorizer.function, authorizer.jwt: want":      {},
		"lambda: authorizer.eventFormat":                         {Function: "check", EventFormat: "alb"},
		"lambda: authorizer.functon: no such option: did you me": {Unknown: map[string]any{"functon": "x"}},
	} {
		config := CreateConfig()
		config.Authorizer = group
		_, err := New(context.Background(), http.NotFoundHandler(), config, "lambda@test")
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s…", err, want)
		}
	}
}

func TestARNsNameAccountAndRegionOfTheFunction(t *testing.T) {
	f, config := guarded(t, "", simpleAllow)
	config.AccountID = ""
	config.Region = ""
	config.Function = ""
	config.Authorizer.Function = "arn:aws-cn:lambda:cn-north-1:210987654321:function:check"
	serve(newTestHandler(t, config), shopRequest())
	want := "arn:aws-cn:execute-api:cn-north-1:210987654321:a1b2c3d4e5/$default/GET/users/42"
	if got := decodedEvent(t, f.events[0])["routeArn"]; got != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

func TestStoredResponsesDoNotCrossIdentities(t *testing.T) {
	for control, want := range map[string]int{"max-age=60": 3, "public, max-age=60": 1} {
		f, config := hookedLambda(t, map[string]string{
			"check": simpleAllow,
			"hello": `{"statusCode":200,"headers":{"cache-control":"` + control + `"},"body":"hello"}`,
		})
		config.Edge = nil
		config.Cache = &cache.Config{}
		config.Authorizer = &authorizer.Config{Function: "check"}
		handler := newTestHandler(t, config)
		for _, token := range []string{"alice", "bob", "alice"} {
			r := shopRequest()
			r.Header.Set("Authorization", token)
			serve(handler, r)
		}
		checks := strings.Count(f.called(), "check")
		if got := strings.Count(f.called(), "hello"); got != want || checks != 3 {
			t.Errorf("%s: got %d calls after %d checks, want %d after 3", control, got, checks, want)
		}
	}
}

func TestTheAuthorizerSeesTheViewerHooksRequest(t *testing.T) {
	discardLog(t)
	changed := `{"uri":"/changed","method":"GET","querystring":"","headers":{"host":[{"value":"example.com"}],` +
		`"authorization":[{"value":"of the hook"}]}}`
	f, config := hookedLambda(t, map[string]string{
		"viewer": changed, "check": `{"isAuthorized":false}`, "response": `{"status":"200","body":"changed"}`,
	})
	config.Edge.ViewerRequest = &edge.RequestHookConfig{Function: "viewer"}
	config.Edge.ViewerResponse = &edge.ResponseHookConfig{Function: "response"}
	config.Authorizer = &authorizer.Config{Function: "check"}
	resp := serve(newTestHandler(t, config), httptest.NewRequest("GET", "http://example.com/", nil))
	if resp.StatusCode != 403 || f.called() != "viewer check" {
		t.Fatalf("got %d after %q, want 403 after viewer check", resp.StatusCode, f.called())
	}
	event := decodedEvent(t, f.events[1])
	identity := event["identitySource"].([]any)
	if event["rawPath"] != "/changed" || identity[0] != "of the hook" {
		t.Errorf("got %v, %v, want what the hook made", event["rawPath"], identity)
	}
}
