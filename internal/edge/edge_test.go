package edge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// Replies that stand for failures of Lambda.
const (
	failsThrottled = "!throttle"
	failsFunction  = "!function-error"
	failsToTimeOut = "!timeout"
)

// stage has hooks with the test's replies around an origin with the test's response.
type stage struct {
	// replies are the replies of the hooks by the names of their options. A reply "~{…}" is the
	// request or the response of the event, changed by a merge patch (RFC 7396).
	replies map[string]string
	config  Config

	status int         // of the origin
	header http.Header // of the origin
	body   string      // of the origin

	mu       sync.Mutex
	calls    []string          // of hooks and of the origin, in their order
	events   map[string][]byte // the last one of each hook
	observed []string
	logged   []string
	debugged []string
	seen     *http.Request // by the origin
	seenBody string
}

// handler builds the brackets around the origin.
func (s *stage) handler(t *testing.T) http.Handler {
	t.Helper()
	config := s.config
	for name := range s.replies {
		switch name {
		case "viewerRequest":
			config.ViewerRequest = requestHook(config.ViewerRequest, name)
		case "originRequest":
			config.OriginRequest = requestHook(config.OriginRequest, name)
		case "originResponse":
			config.OriginResponse = responseHook(config.OriginResponse, name)
		case "viewerResponse":
			config.ViewerResponse = responseHook(config.ViewerResponse, name)
		}
	}
	s.events = map[string][]byte{}
	e, err := New(&config, s.core())
	if err != nil {
		t.Fatal(err)
	}
	return e.Viewer(e.Origin(http.HandlerFunc(s.serveOrigin)))
}

func requestHook(config *RequestHookConfig, function string) *RequestHookConfig {
	if config == nil {
		config = &RequestHookConfig{}
	}
	config.Function = function
	return config
}

func responseHook(config *ResponseHookConfig, function string) *ResponseHookConfig {
	if config == nil {
		config = &ResponseHookConfig{}
	}
	config.Function = function
	return config
}

// core returns the Core that the middleware would hand over.
func (s *stage) core() Core {
	return Core{
		Name: "edge@test",
		Invoker: func(function, _ string) (Invoke, error) {
			if function == "bad name" {
				return nil, errors.New("function: \"bad name\": want a function's name")
			}
			return s.hook(function), nil
		},
		Cause:    func(err error) string { return err.Error() },
		ClientIP: func(_ *http.Request) string { return "203.0.113.7" },
		Fail: func(w http.ResponseWriter, _ *http.Request, status int) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, `{"message":%q}`, statusText(status))
		},
		Admit: func(_, _ string) (field string, admitted bool) { return "", true },
		Log:   func(line string) { s.note(&s.logged, line) },
		Debug: func(line string) { s.note(&s.debugged, line) },
		Observer: func(hook, function string) func(result string) {
			return func(result string) { s.note(&s.observed, hook+" "+function+" "+result) }
		},
	}
}

func (s *stage) note(list *[]string, line string) {
	s.mu.Lock()
	*list = append(*list, line)
	s.mu.Unlock()
}

// hook returns a function that replies what the test says.
func (s *stage) hook(function string) Invoke {
	return func(ctx context.Context, asked []byte) ([]byte, error) {
		s.note(&s.calls, function)
		s.mu.Lock()
		s.events[function] = asked
		reply := s.replies[function]
		s.mu.Unlock()
		switch {
		case reply == failsToTimeOut:
			<-ctx.Done()
			return nil, errors.New("timeout")
		case strings.HasPrefix(reply, "!"):
			return nil, errors.New(reply[1:])
		case strings.HasPrefix(reply, "~"):
			return patched(asked, reply[1:])
		default:
			return []byte(reply), nil
		}
	}
}

// patched returns the request or the response of an event, changed.
func patched(asked []byte, patch string) ([]byte, error) {
	var decoded struct {
		Records []struct {
			CF map[string]any `json:"cf"`
		} `json:"Records"`
	}
	if err := json.Unmarshal(asked, &decoded); err != nil {
		return nil, err
	}
	from, there := decoded.Records[0].CF["response"]
	if !there {
		from = decoded.Records[0].CF["request"]
	}
	var changes any
	if err := json.Unmarshal([]byte(patch), &changes); err != nil {
		return nil, fmt.Errorf("the test's patch %s: %w", patch, err)
	}
	return json.Marshal(merge(from, changes))
}

// merge applies a merge patch (RFC 7396).
func merge(target, patch any) any {
	changes, isObject := patch.(map[string]any)
	if !isObject {
		return patch
	}
	merged, isObject := target.(map[string]any)
	if !isObject {
		merged = map[string]any{}
	}
	for name, value := range changes {
		if value == nil {
			delete(merged, name)
		} else {
			merged[name] = merge(merged[name], value)
		}
	}
	return merged
}

// serveOrigin responds as the test says.
func (s *stage) serveOrigin(w http.ResponseWriter, r *http.Request) {
	s.note(&s.calls, "origin")
	content, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.seen = r
	s.seenBody = string(content)
	s.mu.Unlock()
	for key, lines := range s.header {
		w.Header()[key] = lines
	}
	if s.status != 0 {
		w.WriteHeader(s.status)
	}
	if s.body != "" {
		_, _ = w.Write([]byte(s.body))
	}
}

// answer is a client's response.
type answer struct {
	status int
	header http.Header
	body   string
}

// send sends a request over a connection of its own to the stage.
func (s *stage) send(t *testing.T, r *http.Request) answer {
	t.Helper()
	server := httptest.NewServer(s.handler(t))
	defer server.Close()
	r.RequestURI = ""
	if r.Host == "" {
		r.Host = "shop.example.com:8080"
	}
	r.URL.Scheme = "http"
	r.URL.Host = server.Listener.Addr().String()
	transport := &http.Transport{DisableCompression: true}
	defer transport.CloseIdleConnections()
	response, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	return answer{status: response.StatusCode, header: response.Header, body: string(content)}
}

// request returns a request for a client to send.
func request(method, target, body string) *http.Request {
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	r, err := http.NewRequest(method, "http://shop.example.com:8080"+target, content)
	if err != nil {
		panic(err)
	}
	return r
}

// called returns the calls in their order.
func (s *stage) called() string {
	s.mu.Lock()
	calls := strings.Join(s.calls, " ")
	s.mu.Unlock()
	return calls
}

const (
	all4     = "viewerRequest originRequest origin originResponse viewerResponse"
	redirect = `{"status":"302","headers":{"location":[{"value":"/login"}],` +
		`"set-cookie":[{"value":"a=1"},{"value":"b=2"}]}}`
	unchanged = "~{}"
)

func TestWhichHooksRun(t *testing.T) {
	four := func(viewerRequest, originRequest, originResponse, viewerResponse string) map[string]string {
		return map[string]string{
			"viewerRequest": viewerRequest, "originRequest": originRequest,
			"originResponse": originResponse, "viewerResponse": viewerResponse,
		}
	}
	cases := map[string]struct {
		replies map[string]string
		origin  int
		status  int
		calls   string
	}{
		"all of a good response": {
			four(unchanged, unchanged, unchanged, unchanged), 200, 200, all4,
		},
		"none but the viewer's": {
			map[string]string{"viewerResponse": unchanged}, 200, 200, "origin viewerResponse",
		},
		"not the viewer's of a 404": {
			four(unchanged, unchanged, unchanged, unchanged), 404, 404, "viewerRequest originRequest origin originResponse",
		},
		"not the viewer's of a 503": {
			four(unchanged, unchanged, unchanged, unchanged), 503, 503, "viewerRequest originRequest origin originResponse",
		},
		"the viewer's of a redirection": {
			four(unchanged, unchanged, unchanged, unchanged), 302, 302, all4,
		},
		"the origin's own 404 decides": {
			four(unchanged, unchanged, `~{"status":"200"}`, unchanged), 404, 200,
			"viewerRequest originRequest origin originResponse",
		},
		"the origin's own 200 decides": {
			four(unchanged, unchanged, `~{"status":"404"}`, unchanged), 200, 404, all4,
		},
		"none after viewerRequest": {
			four(redirect, unchanged, unchanged, unchanged), 200, 302, "viewerRequest",
		},
		"the viewer's of a redirection that originRequest makes": {
			four(unchanged, redirect, unchanged, unchanged), 200, 302, "viewerRequest originRequest viewerResponse",
		},
		"none of a 403 that originRequest makes": {
			four(unchanged, `{"status":403}`, unchanged, unchanged), 200, 403, "viewerRequest originRequest",
		},
		"none where viewerRequest fails": {
			four(failsThrottled, unchanged, unchanged, unchanged), 200, 503, "viewerRequest",
		},
		"none where originRequest fails": {
			four(unchanged, "null", unchanged, unchanged), 200, 502, "viewerRequest originRequest",
		},
		"none where originResponse fails": {
			four(unchanged, unchanged, "[]", unchanged), 200, 502, "viewerRequest originRequest origin originResponse",
		},
		"an empty object from a request hook changes nothing": {four("{}", "{}", unchanged, unchanged), 200, 200, all4},
	}
	for name, tc := range cases {
		s := &stage{replies: tc.replies, status: tc.origin}
		got := s.send(t, request("GET", "/", ""))
		if got.status != tc.status || s.called() != tc.calls {
			t.Errorf("%s: got %d, calls %q, want %d, %q", name, got.status, s.called(), tc.status, tc.calls)
		}
	}
}

func TestFailuresOfHooks(t *testing.T) {
	cases := map[string]struct {
		reply  string
		status int
		line   string // part of the one line in the log
	}{
		"a throttle":           {failsThrottled, 503, "cause=LambdaLimitExceeded: throttle"},
		"a function error":     {failsFunction, 503, "cause=LambdaExecutionError: function-error"},
		"a timeout":            {failsToTimeOut, 503, "cause=LambdaExecutionError: timeout"},
		"null":                 {"null", 502, "cause=LambdaValidationError: the JSON output must be an object type"},
		"a list":               {"[]", 502, "must be an object type"},
		"a string":             {`"x"`, 502, "must be an object type"},
		"no JSON":              {`{"uri"`, 502, "not parsable"},
		"the whole event":      {`{"Records":[]}`, 502, "it has Records"},
		"an API Gateway reply": {`{"statusCode":200,"body":"x"}`, 502, "it has statusCode"},
	}
	for _, hook := range []string{"viewerRequest", "originRequest", "originResponse", "viewerResponse"} {
		for name, tc := range cases {
			s := &stage{replies: map[string]string{hook: tc.reply}, header: http.Header{"X-Secret": {"s"}}, body: "secret"}
			if tc.reply == failsToTimeOut {
				s.config = Config{
					ViewerRequest:  only(hook == "viewerRequest", &RequestHookConfig{Timeout: "20ms"}),
					OriginRequest:  only(hook == "originRequest", &RequestHookConfig{Timeout: "20ms"}),
					OriginResponse: onlyResponse(hook == "originResponse", &ResponseHookConfig{Timeout: "20ms"}),
					ViewerResponse: onlyResponse(hook == "viewerResponse", &ResponseHookConfig{Timeout: "20ms"}),
				}
			}
			got := s.send(t, request("GET", "/", ""))
			body := fmt.Sprintf(`{"message":%q}`, http.StatusText(tc.status))
			if got.status != tc.status || got.body != body || got.header.Get("X-Secret") != "" {
				t.Errorf("%s: %s: got %d %q %v, want %d %q, nothing of the origin",
					hook, name, got.status, got.body, got.header, tc.status, body)
			}
			if strings.Count(s.called(), hook) != 1 || len(s.logged) != 1 || !strings.Contains(s.logged[0], tc.line) {
				t.Errorf("%s: %s: got calls %q, log %q, want one call, one line with %q", hook, name, s.called(), s.logged, tc.line)
			}
		}
	}
}

func only(set bool, config *RequestHookConfig) *RequestHookConfig {
	if set {
		return config
	}
	return nil
}

func onlyResponse(set bool, config *ResponseHookConfig) *ResponseHookConfig {
	if set {
		return config
	}
	return nil
}

func TestTheLogNamesHookFunctionAndRequest(t *testing.T) {
	s := &stage{replies: map[string]string{"viewerRequest": `~{"headers":{"via":[{"value":"secret"}]}}`}}
	s.send(t, request("GET", "/", ""))
	var asked event
	if err := json.Unmarshal(s.events["viewerRequest"], &asked); err != nil {
		t.Fatal(err)
	}
	id := asked.Records[0].CF.Config.RequestID
	wants := []string{
		"edge@test: 502 Bad Gateway: hook=viewer-request function=viewerRequest requestId=" + id + " duration=",
		`cause=LambdaValidationError: tried to add, delete, or change a read-only header: header "via"`,
	}
	for _, want := range wants {
		if len(s.logged) != 1 || !strings.Contains(s.logged[0], want) || strings.Contains(s.logged[0], "secret") {
			t.Errorf("got %q, want one line with %q and no value", s.logged, want)
		}
	}
	if got, want := strings.Join(s.observed, ","), "viewer-request viewerRequest bad_reply"; got != want {
		t.Errorf("got observed %q, want %q", got, want)
	}
}

// TestParallelRequests lets the hooks of 200 concurrent requests reply different things.
func TestParallelRequests(t *testing.T) {
	s := &stage{replies: map[string]string{}}
	core := s.core()
	core.Invoker = func(function, _ string) (Invoke, error) { return numbered(function), nil }
	e, err := New(&Config{
		ViewerRequest:  &RequestHookConfig{Function: "viewerRequest"},
		OriginRequest:  &RequestHookConfig{Function: "originRequest"},
		OriginResponse: &ResponseHookConfig{Function: "originResponse"},
		ViewerResponse: &ResponseHookConfig{Function: "viewerResponse"},
	}, core)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(e.Viewer(e.Origin(http.HandlerFunc(tellHeader))))
	defer server.Close()
	results := make(chan string, 200)
	for i := 0; i < 200; i++ {
		go sendNumbered(server.URL, i, results)
	}
	for i := 0; i < 200; i++ {
		if wrong := <-results; wrong != "" {
			t.Error(wrong)
		}
	}
}

// numbered is a hook that puts the number in the querystring into a header of its own name.
func numbered(function string) Invoke {
	return func(_ context.Context, asked []byte) ([]byte, error) {
		var decoded event
		if err := json.Unmarshal(asked, &decoded); err != nil {
			return nil, err
		}
		number := decoded.Records[0].CF.Request.QueryString
		return patched(asked, `{"headers":{"`+strings.ToLower(function)+`":[{"value":"`+number+`"}]}}`)
	}
}

func tellHeader(w http.ResponseWriter, r *http.Request) {
	_, _ = w.Write([]byte(r.URL.RawQuery + " " + r.Header.Get("Viewerrequest") + " " + r.Header.Get("Originrequest")))
}

func sendNumbered(address string, number int, results chan string) {
	response, err := http.Get(fmt.Sprintf("%s/?%d", address, number))
	if err != nil {
		results <- err.Error()
		return
	}
	content, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	header := response.Header
	got := fmt.Sprint(string(content), " ", header.Get("Originresponse"), " ", header.Get("Viewerresponse"), err)
	want := fmt.Sprint(number, " ", number, " ", number, " ", number, " ", number, "<nil>")
	if got != want {
		results <- fmt.Sprintf("got %q, want %q", got, want)
		return
	}
	results <- ""
}
