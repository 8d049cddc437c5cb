package authorizer

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed05e46011/lambda/internal/bracket"
	"github.com/seed05e46011/lambda/internal/wait"
)

// gateway is an instance between a client and an origin, with a record of its calls.
type gateway struct {
	// The function's reply, or its error.
	payload string
	err     error
	holds   bool            // it does not reply before
	held    context.Context // ends
	asked   chan bool       // gets a value for each event, where there is room

	mu         sync.Mutex
	identities []Identity // of the calls
	results    []string
	hits       int
	misses     int
	logged     []string
	failed     int // the status that Fail was called with

	reached *http.Request // what the origin got; nil where it was not reached
	notes   *bracket.Notes

	handler http.Handler
}

// instances numbers the gateways, so that they share no cached results.
var instances int

// newGateway returns one with the options.
func newGateway(t testing.TB, config *Config, shape Shape) *gateway {
	t.Helper()
	if config.JWT == nil && config.Function == "" {
		config.Function = "authorizer"
	}
	g := &gateway{}
	instances++
	core := coreOf(g, shape)
	core.Name = "gateway" + strconv.Itoa(instances)
	a, err := New(config, core)
	if err != nil {
		t.Fatal(err)
	}
	g.handler = a.Handler(http.HandlerFunc(g.origin))
	return g
}

func coreOf(g *gateway, shape Shape) Core {
	return Core{
		Function: "authorizer", Partition: "aws", Region: "eu-west-1", AccountID: "123456789012",
		APIID: "api", Stage: "$default",
		StageVariables: map[string]string{"env": "prod"},
		Shape:          shape,
		Matches:        func(_ *http.Request) bool { return true },
		Event:          g.event,
		Invoke:         g.invoke,
		Query:          func(r *http.Request) url.Values { return r.URL.Query() },
		Variable:       func(r *http.Request, name string) string { return name + " of " + r.URL.Path },
		ClientIP:       func(_ *http.Request) string { return "203.0.113.7" },
		Cause:          func(_ error) string { return "call" },
		Fail:           g.fail,
		Log:            g.log,
		Observe:        g.observe,
	}
}

func (g *gateway) event(r *http.Request, identity *Identity) ([]byte, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.Header.Get("X-Broken") != "" {
		return nil, errors.New("no event")
	}
	g.identities = append(g.identities, *identity)
	if len(g.asked) < cap(g.asked) {
		g.asked <- true
	}
	return []byte("event"), nil
}

func (g *gateway) invoke(ctx context.Context, _ []byte) ([]byte, error) {
	if g.holds {
		wait.For(ctx, g.held)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return []byte(g.payload), g.err
}

func (g *gateway) origin(w http.ResponseWriter, r *http.Request) {
	g.reached = r
	if notes, ok := bracket.NotesIn(r.Context()); ok {
		g.notes = notes
	}
	w.WriteHeader(http.StatusTeapot)
}

func (g *gateway) fail(w http.ResponseWriter, _ *http.Request, status int) {
	g.failed = status
	w.WriteHeader(status)
}

func (g *gateway) log(line string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.logged = append(g.logged, line)
}

func (g *gateway) observe(result, cache string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.results = append(g.results, result)
	switch cache {
	case CacheHit:
		g.hits++
	case CacheMiss:
		g.misses++
	}
}

// get sends a GET with the headers, given as "Name: value".
func (g *gateway) get(target string, headers ...string) *httptest.ResponseRecorder {
	return g.send(newRequest("GET", target, headers...))
}

func (g *gateway) send(r *http.Request) *httptest.ResponseRecorder {
	g.reached = nil
	g.notes = nil
	w := httptest.NewRecorder()
	g.handler.ServeHTTP(w, r)
	return w
}

func newRequest(method, target string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Add(name, value)
	}
	return r
}

// note returns requestContext.authorizer of the function's event.
func (g *gateway) note() string {
	if g.notes == nil || !g.notes.Authorized {
		return "none"
	}
	return string(g.notes.Authorizer)
}

const (
	allowed = http.StatusTeapot // the origin's
	token   = "Authorization: Bearer abc"
)

const (
	simpleAllow = `{"isAuthorized":true}`
	allowAll    = `{"principalId":"u1","policyDocument":{"Version":"2012-10-17","Statement":` +
		`[{"Effect":"Allow","Action":"execute-api:Invoke","Resource":"*"}]}}`
)

// allowOnly returns a policy that allows one resource.
func allowOnly(resource string) string {
	return strings.Replace(allowAll, `"*"`, strconv.Quote(resource), 1)
}

func TestRequestsWithoutIdentityGet401WithoutACall(t *testing.T) {
	both := []string{"$request.header.Authorization", "$request.header.X-Key"}
	cases := map[string]struct {
		sources []string
		headers []string
		status  int
	}{
		"there":                         {nil, []string{token}, allowed},
		"missing":                       {nil, nil, 401},
		"empty":                         {nil, []string{"Authorization: "}, 401},
		"blank":                         {nil, []string{"Authorization:   "}, 401},
		"one of two missing":            {both, []string{token}, 401},
		"both there":                    {both, []string{token, "X-Key: k"}, allowed},
		"header name in another case":   {[]string{"$request.header.AUTHORIZATION"}, []string{token}, allowed},
		"query there":                   {[]string{"$request.querystring.key"}, nil, allowed},
		"query name in another case":    {[]string{"$request.querystring.Key"}, nil, 401},
		"stage variable":                {[]string{"$stageVariables.env"}, nil, allowed},
		"no such stage variable":        {[]string{"$stageVariables.Env"}, nil, 401},
		"variable of the context":       {[]string{"$context.identity.sourceIp"}, nil, allowed},
		"REST's spelling of a header":   {[]string{"method.request.header.Authorization"}, []string{token}, allowed},
		"REST's spelling of a query":    {[]string{"method.request.querystring.key"}, nil, allowed},
		"host":                          {[]string{"$request.header.Host"}, nil, allowed},
		"none configured: always asked": {[]string{}, nil, allowed},
	}
	for name, c := range cases {
		g := newGateway(t, &Config{IdentitySource: c.sources}, ShapeHTTPAPIv2)
		g.payload = simpleAllow
		w := g.get("/?key=k", c.headers...)
		calls := 0
		if c.status == allowed {
			calls = 1
		}
		if w.Code != c.status || len(g.identities) != calls {
			t.Errorf("%s: got %d after %d calls, want %d after %d", name, w.Code, len(g.identities), c.status, calls)
		}
	}
}

func TestIdentityValuesKeepTheirOrder(t *testing.T) {
	sources := []string{"$request.querystring.q", "$request.header.X-Key", "$context.path"}
	g := newGateway(t, &Config{IdentitySource: sources}, ShapeHTTPAPIv2)
	g.payload = simpleAllow
	g.get("/p?q=1&q=2", "X-Key: a", "X-Key: b")
	got := strings.Join(g.identities[0].Sources, "|")
	if want := "1,2|a,b|path of /p"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestIdentityValidationMatchesTheWholeToken(t *testing.T) {
	for value, want := range map[string]int{"Bearer abc": allowed, "xBearer abc": 401, "Bearer abcd": 401, "": 401} {
		g := newGateway(t, &Config{EventFormat: FormatRESTAPIToken, IdentityValidation: "Bearer abc|x"}, ShapeRESTAPI)
		g.payload = allowAll
		w := g.get("/", "Authorization: "+value)
		if w.Code != want || (want == 401 && len(g.identities) > 0) {
			t.Errorf("%q: got %d after %d calls, want %d", value, w.Code, len(g.identities), want)
		}
	}
}

func TestRefusalsAreThoseOfTheFrontDoor(t *testing.T) {
	type answer struct {
		status          int
		body, errorType string
	}
	rest := []answer{
		{401, `{"message":"Unauthorized"}`, "UnauthorizedException"},
		{403, `{"Message":"User is not authorized to access this resource"}`, "AccessDeniedException"},
		{403, `{"Message":"User is not authorized to access this resource with an explicit deny"}`, "AccessDeniedException"},
		{500, `{"message":null}`, "AuthorizerConfigurationException"},
		{401, `{"message":"Unauthorized"}`, "UnauthorizedException"},
		{500, `{"message":null}`, "AuthorizerConfigurationException"},
	}
	forbidden := `{"message":"Forbidden"}`
	internal := `{"message":"Internal Server Error"}`
	http := []answer{
		{401, `{"message":"Unauthorized"}`, ""}, {403, forbidden, ""}, {403, forbidden, ""},
		{500, internal, ""}, {500, internal, ""}, {500, internal, ""},
	}
	failure := errors.New("function error")
	replies := []struct {
		name, header, payload string
		err                   error
	}{
		{"no identity", "", allowAll, nil},
		{"implicit deny", token, allowOnly("arn:x"), nil},
		{"explicit deny", token, strings.Replace(allowAll, "Allow", "Deny", 1), nil},
		{"a reply that is none", token, "null", nil},
		{"the function throws Unauthorized", token, `{"errorMessage":"Unauthorized"}`, failure},
		{"the function throws unauthorized", token, `{"errorMessage":"unauthorized"}`, failure},
	}
	for format, answers := range map[string][]answer{
		FormatRESTAPI: rest, FormatRESTAPIToken: rest, FormatHTTPAPIv1: http, FormatHTTPAPIv2: http,
	} {
		for i, reply := range replies {
			g := newGateway(t, &Config{EventFormat: format}, ShapeHTTPAPIv2)
			g.payload = reply.payload
			g.err = reply.err
			r := newRequest("GET", "/")
			if reply.header != "" {
				r = newRequest("GET", "/", reply.header)
			}
			w := g.send(r)
			got := answer{w.Code, w.Body.String(), w.Header().Get("X-Amzn-Errortype")}
			if got != answers[i] || g.reached != nil {
				t.Errorf("%s, %s: got %v, want %v", format, reply.name, got, answers[i])
			}
			if contentType := w.Header().Get("Content-Type"); contentType != "application/json" {
				t.Errorf("%s, %s: got %q, want application/json", format, reply.name, contentType)
			}
			if w.Header().Get("Www-Authenticate") != "" {
				t.Errorf("%s, %s: got a challenge, want none", format, reply.name)
			}
		}
	}
}

func TestUndecidableRequestsAreRefused(t *testing.T) {
	cases := map[string]struct {
		payload string
		err     error
	}{
		"throttled":               {"", errors.New("throttled")},
		"empty":                   {"", nil},
		"null":                    {"null", nil},
		"no JSON":                 {"allowed", nil},
		"a list":                  {"[]", nil},
		"two objects":             {simpleAllow + simpleAllow, nil},
		"isAuthorized a text":     {`{"isAuthorized":"true"}`, nil},
		"isAuthorized a number":   {`{"isAuthorized":1}`, nil},
		"isAuthorized null":       {`{"isAuthorized":null}`, nil},
		"isauthorized":            {`{"isauthorized":true}`, nil},
		"neither shape":           {`{"principalId":"u"}`, nil},
		"both shapes":             {`{"isAuthorized":true,` + allowAll[1:], nil},
		"principalId a number":    {strings.Replace(allowAll, `"u1"`, "1", 1), nil},
		"a context that is none":  {`{"isAuthorized":true,"context":[]}`, nil},
		"a text for a context":    {`{"isAuthorized":true,"context":"x"}`, nil},
		"a context with claims":   {`{"isAuthorized":true,"context":{"claims":1}}`, nil},
		"policyDocument null":     {`{"policyDocument":null}`, nil},
		"allowed, but it failed":  {simpleAllow, errors.New("function error")},
		"too deep to be JSON":     {strings.Repeat("[", 100000), nil},
		"an effect in lower case": {strings.Replace(allowAll, `"Allow"`, `"allow"`, 1), nil},
	}
	for name, c := range cases {
		for _, ttl := range []string{"0s", "1h"} {
			g := newGateway(t, &Config{TTL: ttl}, ShapeHTTPAPIv2)
			g.payload = c.payload
			g.err = c.err
			w := g.get("/", token)
			if w.Code != 500 || g.reached != nil || len(g.logged) != 1 {
				t.Errorf("%s, ttl %s: got %d, logged %q, want 500 and a line", name, ttl, w.Code, g.logged)
			}
			if g.notes != nil || strings.Join(g.results, "") != ResultError {
				t.Errorf("%s, ttl %s: got notes %v, results %q, want no notes and an error", name, ttl, g.notes, g.results)
			}
		}
	}
}

func TestRequestsWithoutAnEventAreRefused(t *testing.T) {
	for _, ttl := range []string{"0s", "1h"} {
		g := newGateway(t, &Config{TTL: ttl}, ShapeHTTPAPIv2)
		g.payload = simpleAllow
		if w := g.get("/", token, "X-Broken: 1"); w.Code != 500 || g.reached != nil {
			t.Errorf("ttl %s: got %d, want 500", ttl, w.Code)
		}
	}
}

func TestRequestsAreRefusedAfterATimeout(t *testing.T) {
	for _, ttl := range []string{"0s", "1h"} {
		g := newGateway(t, &Config{TTL: ttl, Timeout: "20ms"}, ShapeHTTPAPIv2)
		g.payload = simpleAllow
		g.holds = true
		g.held = context.Background()
		if w := g.get("/", token); w.Code != 500 || g.reached != nil {
			t.Errorf("ttl %s: got %d, want 500", ttl, w.Code)
		}
	}
}

func TestAClientThatLeavesGets499(t *testing.T) {
	for _, ttl := range []string{"0s", "1h"} {
		g := newGateway(t, &Config{TTL: ttl}, ShapeHTTPAPIv2)
		g.payload = simpleAllow
		held, release := context.WithCancel(context.Background())
		g.holds = true
		g.held = held
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		w := g.send(newRequest("GET", "/", token).WithContext(ctx))
		release()
		if w.Code != 499 || g.failed != 499 || g.reached != nil || len(g.logged) > 0 {
			t.Errorf("ttl %s: got %d, logged %q, want 499 and no line", ttl, w.Code, g.logged)
		}
	}
}

func TestARequestWithoutRouteGets404BeforeItIsAuthorized(t *testing.T) {
	g := &gateway{payload: simpleAllow}
	core := coreOf(g, ShapeHTTPAPIv2)
	core.Routed = true
	core.Matches = func(r *http.Request) bool { return r.URL.Path == "/known" }
	a, err := New(&Config{Function: "f"}, core)
	if err != nil {
		t.Fatal(err)
	}
	g.handler = a.Handler(http.HandlerFunc(g.origin))
	if w := g.get("/unknown"); w.Code != 404 || g.failed != 404 || len(g.identities) > 0 {
		t.Errorf("got %d after %d calls, want 404 without one", w.Code, len(g.identities))
	}
	if w := g.get("/known", token); w.Code != allowed {
		t.Errorf("got %d, want the origin's", w.Code)
	}
}

func TestTheBodyIsNotRead(t *testing.T) {
	g := newGateway(t, &Config{}, ShapeHTTPAPIv2)
	g.payload = simpleAllow
	body := strings.NewReader("body")
	r := httptest.NewRequest("POST", "/", body)
	r.Header.Set("Authorization", "x")
	g.send(r)
	left, _ := io.ReadAll(g.reached.Body)
	if string(left) != "body" {
		t.Errorf("got %q for the origin, want the whole body", left)
	}
	g.payload = ""
	r = httptest.NewRequest("POST", "/", strings.NewReader("body"))
	r.Header.Set("Authorization", "x")
	if w := g.send(r); w.Header().Get("Connection") != "close" {
		t.Errorf("got Connection %q where a body is left unread, want close", w.Header().Get("Connection"))
	}
}

func TestCachedPoliciesAreEvaluatedAnew(t *testing.T) {
	g := newGateway(t, &Config{TTL: "1h"}, ShapeHTTPAPIv2)
	g.payload = allowOnly("arn:aws:execute-api:eu-west-1:123456789012:api/$default/GET/a")
	for _, c := range []struct {
		path, token string
		status      int
		calls       int
	}{
		{"/a", "one", allowed, 1}, {"/b", "one", 403, 1}, {"/a", "one", allowed, 1},
		{"/b", "two", 403, 2}, {"/a", "two", allowed, 2},
	} {
		w := g.get(c.path, "Authorization: "+c.token)
		if w.Code != c.status || len(g.identities) != c.calls {
			t.Errorf("%s as %s: got %d after %d calls, want %d after %d",
				c.path, c.token, w.Code, len(g.identities), c.status, c.calls)
		}
	}
	if g.hits != 3 || g.misses != 2 {
		t.Errorf("got %d hits and %d misses, want 3 and 2", g.hits, g.misses)
	}
}

func TestOnlyDecisionsAreCached(t *testing.T) {
	cases := map[string]struct {
		ttl, payload string
		err          error
		calls        int
	}{
		"an allow":            {"1h", simpleAllow, nil, 1},
		"a deny":              {"1h", `{"isAuthorized":false}`, nil, 1},
		"nothing at ttl 0":    {"0s", simpleAllow, nil, 2},
		"no error":            {"1h", simpleAllow, errors.New("throttled"), 2},
		"no reply that fails": {"1h", "{}", nil, 2},
		"nothing that ended":  {"1ms", simpleAllow, nil, 2},
	}
	for name, c := range cases {
		g := newGateway(t, &Config{TTL: c.ttl}, ShapeHTTPAPIv2)
		g.payload = c.payload
		g.err = c.err
		first := g.get("/", token)
		for began := time.Now(); c.ttl == "1ms" && time.Since(began) < 2*time.Millisecond; {
			first.Flush() // the clock goes on
		}
		second := g.get("/", token)
		if len(g.identities) != c.calls || first.Code != second.Code {
			t.Errorf("%s: got %d, then %d after %d calls, want the same after %d",
				name, first.Code, second.Code, len(g.identities), c.calls)
		}
	}
}

func TestA401OfTheFunctionIsNotCached(t *testing.T) {
	g := newGateway(t, &Config{TTL: "1h", EventFormat: FormatRESTAPI}, ShapeRESTAPI)
	g.payload = `{"errorMessage":"Unauthorized"}`
	g.err = errors.New("function error")
	first := g.get("/", token)
	second := g.get("/", token)
	if first.Code != 401 || second.Code != 401 || len(g.identities) != 2 {
		t.Errorf("got %d, %d after %d calls, want 401 twice after 2", first.Code, second.Code, len(g.identities))
	}
	if got := strings.Join(g.results, ""); got != strings.Repeat(ResultUnauthorized, 2) || len(g.logged) > 0 {
		t.Errorf("got %s, logged %q, want unauthorized twice and no line", got, g.logged)
	}
}

func TestConcurrentMissesAreOneCall(t *testing.T) {
	g := newGateway(t, &Config{TTL: "1h"}, ShapeNone)
	g.payload = simpleAllow
	held, release := context.WithCancel(context.Background())
	g.holds = true
	g.held = held
	g.asked = make(chan bool, 100)
	calls := int32(0)
	counted := &countedGateway{gateway: g, calls: &calls}
	a := counted.rebuild(t)
	handler := a.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(allowed) }))
	codes := make([]int, 100)
	var wg sync.WaitGroup
	for i := range codes {
		wg.Add(1)
		go sendTo(handler, &codes[i], &wg)
	}
	for range codes {
		<-g.asked
	}
	release()
	wg.Wait()
	for _, code := range codes {
		if code != allowed {
			t.Errorf("got %d, want the origin's status", code)
		}
	}
	if calls != 1 || g.misses != 1 || g.hits != 99 {
		t.Errorf("got %d calls, %d misses, %d hits, want 1, 1, 99", calls, g.misses, g.hits)
	}
}

// countedGateway counts calls of a gateway's function.
type countedGateway struct {
	gateway *gateway
	mu      sync.Mutex
	calls   *int32
}

func (c *countedGateway) rebuild(t *testing.T) *Authorizer {
	t.Helper()
	core := coreOf(c.gateway, ShapeNone)
	instances++
	core.Name = "counted" + strconv.Itoa(instances)
	core.Invoke = c.invoke
	a, err := New(&Config{Function: "f", TTL: "1h"}, core)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (c *countedGateway) invoke(ctx context.Context, event []byte) ([]byte, error) {
	c.mu.Lock()
	*c.calls++
	c.mu.Unlock()
	return c.gateway.invoke(ctx, event)
}

func sendTo(handler http.Handler, code *int, wg *sync.WaitGroup) {
	defer wg.Done()
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, newRequest("GET", "/", token))
	*code = w.Code
}

func TestRequestsAreRefusedAfterAPanic(t *testing.T) {
	g := &gateway{}
	core := coreOf(g, ShapeNone)
	core.Name = "panics"
	core.Invoke = func(_ context.Context, _ []byte) ([]byte, error) { panic("of the invoker") }
	a, err := New(&Config{Function: "f", TTL: "1h"}, core)
	if err != nil {
		t.Fatal(err)
	}
	g.handler = a.Handler(http.HandlerFunc(g.origin))
	if w := g.get("/", token); w.Code != 500 || len(g.logged) != 1 || !strings.Contains(g.logged[0], "of the invoker") {
		t.Errorf("got %d, logged %q, want 500 and the panic", w.Code, g.logged)
	}
}

func TestOptionsAndUpgradesAreAuthorizedToo(t *testing.T) {
	g := newGateway(t, &Config{}, ShapeHTTPAPIv2)
	g.payload = `{"isAuthorized":false}`
	if w := g.send(newRequest("OPTIONS", "/", token)); w.Code != 403 {
		t.Errorf("OPTIONS: got %d, want 403", w.Code)
	}
	if w := g.get("/", token, "Connection: Upgrade", "Upgrade: websocket"); w.Code != 403 {
		t.Errorf("an upgrade: got %d, want 403", w.Code)
	}
	g.payload = simpleAllow
	w := g.get("/", token, "Connection: Upgrade", "Upgrade: websocket")
	if w.Code != allowed || g.reached.Header.Get("Connection") != "Upgrade" {
		t.Errorf("an upgrade: got %d, want the origin's, and Connection as it came", w.Code)
	}
}

func BenchmarkCachedAllow(b *testing.B) {
	other := `"Statement":[{"Effect":"Deny","Action":"*","Resource":"arn:x/*"},`
	deny := strings.Replace(allowAll, `"Statement":[`, other, 1)
	for name, reply := range map[string]string{"simple": simpleAllow, "policy": allowAll, "policy with a deny": deny} {
		g := &gateway{payload: reply}
		instances++
		core := coreOf(g, ShapeHTTPAPIv2)
		core.Name = "benchmark" + strconv.Itoa(instances)
		core.Observe = func(_, _ string) {}
		a, err := New(&Config{Function: "f", TTL: "1h"}, core)
		if err != nil {
			b.Fatal(err)
		}
		g.handler = a.Handler(http.HandlerFunc(g.origin))
		r := newRequest("GET", "/users/42?x=1", token)
		w := httptest.NewRecorder()
		b.Run(name, func(b *testing.B) {
			for i := 0; i < b.N; i++ {
				g.handler.ServeHTTP(w, r)
			}
		})
		b.Run(name+", origin alone", func(b *testing.B) {
			for i := 0; i < b.N; i++ {
				g.origin(w, r)
			}
		})
	}
}
