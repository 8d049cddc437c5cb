package lambda

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/seed05e46011/lambda/internal/credentials"
)

// fakeLambda is a Lambda endpoint that responds as a test defines, and keeps what it received.
type fakeLambda struct {
	*httptest.Server
	mu       sync.Mutex
	requests []*http.Request
	events   [][]byte
}

// newFakeLambda starts an endpoint whose function replies with handler.
func newFakeLambda(t testing.TB, handler func(w http.ResponseWriter, event []byte)) *fakeLambda {
	t.Helper()
	f := &fakeLambda{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		event, _ := io.ReadAll(r.Body)
		f.mu.Lock()
		f.requests = append(f.requests, r)
		f.events = append(f.events, event)
		f.mu.Unlock()
		handler(w, event)
	}))
	t.Cleanup(f.Close)
	return f
}

func (f *fakeLambda) invocations() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.events)
}

// lastEvent returns the last event, decoded.
func (f *fakeLambda) lastEvent(t *testing.T) map[string]any {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.events) == 0 {
		t.Fatal("the function was not invoked")
	}
	var event map[string]any
	if err := json.Unmarshal(f.events[len(f.events)-1], &event); err != nil {
		t.Fatalf("the event is not JSON: %v", err)
	}
	return event
}

// replies returns a function that always replies payload.
func replies(payload string) func(http.ResponseWriter, []byte) {
	return func(w http.ResponseWriter, _ []byte) {
		w.Header().Set("X-Amzn-Requestid", "lambda-request-id")
		_, _ = io.WriteString(w, payload)
	}
}

// testConfig returns options that call f.
func testConfig(f *fakeLambda) *Config {
	config := CreateConfig()
	config.Function = "hello"
	config.Region = "eu-central-1"
	config.Endpoint = f.URL
	config.Credentials = &credentials.Config{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}
	return config
}

func newTestHandler(t testing.TB, config *Config) http.Handler {
	t.Helper()
	handler, err := New(context.Background(), http.NotFoundHandler(), config, "lambda@test")
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

func serve(handler http.Handler, r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w.Result()
}

func bodyOf(t *testing.T, resp *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestServeHTTPWritesTheDecodedReply(t *testing.T) {
	f := newFakeLambda(t, replies(`{"statusCode":201,"headers":{"content-type":"text/html","x-a":"1"},"cookies":["a=b","c=d"],"body":"PGI+","isBase64Encoded":true}`))
	r := httptest.NewRequest(http.MethodPost, "http://example.com/a%20b?x=1&x=2", strings.NewReader(`{"k":"<v>"}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Cookie", "s=1; t=2")
	resp := serve(newTestHandler(t, testConfig(f)), r)
	if resp.StatusCode != 201 || bodyOf(t, resp) != "<b>" {
		t.Errorf("got %d, want 201 with <b>", resp.StatusCode)
	}
	if got := strings.Join(resp.Header["Set-Cookie"], "|"); got != "a=b|c=d" {
		t.Errorf("got Set-Cookie %q, want a=b, c=d", got)
	}
	event := f.lastEvent(t)
	if event["body"] != `{"k":"<v>"}` || event["rawPath"] != "/a b" || event["rawQueryString"] != "x=1&x=2" {
		t.Errorf("got event %v, want the request's body, path and query", event)
	}
	t.Logf("%s", f.events[0])
}

// TestConcurrentRequestsShareNothing fails if requests share state that belongs to one of them: Yaegi
// keeps some values once for each statement, and goroutines overwrite them.
func TestConcurrentRequestsShareNothing(t *testing.T) {
	f := newFakeLambda(t, func(w http.ResponseWriter, event []byte) { // replies with the request's body
		var e struct{ Body string }
		_ = json.Unmarshal(event, &e)
		_, _ = io.WriteString(w, `{"statusCode":200,"body":"`+e.Body+`"}`)
	})
	handler := newTestHandler(t, testConfig(f))
	const clients = 16
	wrong := make(chan string, clients)
	for i := 0; i < clients; i++ {
		go postNumbers(handler, 1000*i, wrong)
	}
	for i := 0; i < clients; i++ {
		if got := <-wrong; got != "" {
			t.Error(got)
		}
	}
}

// postNumbers sends bodies that no other client sends, and returns the first wrong response; "" for
// none.
func postNumbers(handler http.Handler, from int, wrong chan<- string) {
	said := ""
	for n := from; n < from+100 && said == ""; n++ {
		text := strconv.Itoa(n)
		r := httptest.NewRequest(http.MethodPost, "http://example.com/", strings.NewReader(text))
		r.Header.Set("Content-Type", "text/plain")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != http.StatusOK || w.Body.String() != text {
			said = "sent " + text + ", got " + strconv.Itoa(w.Code) + " " + w.Body.String()
		}
	}
	wrong <- said
}
