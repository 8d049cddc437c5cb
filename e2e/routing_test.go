package e2e_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// teapot is the status of noop@internal, the service behind every site: who sees it has reached the next handler.
const teapot = http.StatusTeapot

// routedEvent is what an event of HTTP APIs says of its route.
type routedEvent struct {
	RouteKey       string            `json:"routeKey"`
	RawPath        string            `json:"rawPath"`
	PathParameters map[string]string `json:"pathParameters"`
}

func routed(t *testing.T, body string) routedEvent {
	t.Helper()
	var event routedEvent
	require.NoError(t, json.Unmarshal([]byte(body), &event), body)
	return event
}

func TestRoutesDecideWhichFunctionAnswers(t *testing.T) {
	s := newSite(t, m{"routes": []m{
		{"routeKey": "GET /users/{id}", "function": "echo"},
		{"routeKey": "ANY /files/{proxy+}", "function": "echo", "qualifier": "live"},
		{"routeKey": "/hello", "function": "hello"},
		{"routeKey": "POST /broken", "function": "fail"},
	}})
	for name, row := range map[string]struct {
		method, path string
		status       int
		want         routedEvent // of the function echo
	}{
		"a variable":                 {"GET", "/users/7", 200, routedEvent{"GET /users/{id}", "/users/7", map[string]string{"id": "7"}}},
		"another method":             {"DELETE", "/users/7", 404, routedEvent{}},
		"a greedy variable":          {"PUT", "/files/a/b.txt", 200, routedEvent{"ANY /files/{proxy+}", "/files/a/b.txt", map[string]string{"proxy": "a/b.txt"}}},
		"a slash is missing":         {"GET", "/files", 404, routedEvent{}},
		"a slash too many":           {"GET", "/hello/", 404, routedEvent{}},
		"any method":                 {"PATCH", "/hello", 200, routedEvent{}},
		"the function of that route": {"POST", "/broken", 502, routedEvent{}},
		"no route":                   {"GET", "/", 404, routedEvent{}},
	} {
		t.Run(name, func(t *testing.T) {
			got := send(t, s.request(t, row.method, row.path, http.NoBody))
			assert.Equal(t, row.status, got.StatusCode, got.body)
			assert.Empty(t, got.Header.Get("Location"), "no redirect")
			if row.want.RouteKey != "" {
				assert.Equal(t, row.want, routed(t, got.body))
				assert.NotEmpty(t, got.Header.Get("X-Amzn-RequestId"))
			}
		})
	}
}

func TestPathNamesTheFunction(t *testing.T) {
	s := newSite(t, m{"pathPrefix": "/lambda/", "exclude": []string{"fail"}, "stripPrefix": true})
	got := s.get(t, "/lambda/echo/a%20b/c?x=1")
	require.Equal(t, 200, got.StatusCode, got.body)
	assert.Equal(t, "/a b/c", routed(t, got.body).RawPath)

	names := []string{
		"fail", "echo:live", "echo%3Alive", "..%2fx", "%2e%2e", "a.b", strings.Repeat("a", 65), "", "h%C3%A9llo",
		"arn:aws:lambda:eu-central-1:123456789012:function:echo", "123456789012:function:echo",
	}
	before := len(lambda.Requests())
	for _, name := range names {
		got := s.get(t, "/lambda/"+name)
		// Traefik itself answers 400 to some escapes.
		assert.Contains(t, []int{http.StatusNotFound, http.StatusBadRequest}, got.StatusCode, name)
	}
	assert.Len(t, lambda.Requests(), before, "invocations")

	assert.Equal(t, 502, s.get(t, "/lambda/nothing").StatusCode, "a name that no function has")
}

func TestNextHandlerAnswersWhereTheOptionsSaySo(t *testing.T) {
	for name, row := range map[string]struct {
		options m
		status  int
	}{
		"a refused name":                         {m{"pathPrefix": "/lambda/", "unmatched": "next"}, teapot},
		"no route":                               {m{"routes": []m{{"routeKey": "GET /a", "function": "echo"}}, "unmatched": "next"}, teapot},
		"a function that fails":                  {m{"function": "fail", "fallback": true}, teapot},
		"a function that takes too long":         {m{"function": "sleep", "timeout": "100ms", "fallback": true}, teapot},
		"a body that is too large is no outcome": {m{"function": "echo", "maxRequestBodyBytes": 3, "fallback": true}, 413},
		"an answer":                              {m{"function": "hello", "fallback": true}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, row.options)
			got := send(t, s.request(t, "POST", "/lambda/a.b?ms=2000", strings.NewReader("body")))
			assert.Equal(t, row.status, got.StatusCode, got.body)
		})
	}
}

func TestQueuedInvocationIsAnsweredAtOnce(t *testing.T) {
	s := newSite(t, m{"function": "echo", "invocationType": "Event", "serverTiming": true})
	got := send(t, s.request(t, "POST", "/", strings.NewReader("body")))
	assert.Equal(t, http.StatusAccepted, got.StatusCode)
	assert.Empty(t, got.body)
	assert.NotEmpty(t, got.Header.Get("X-Amzn-RequestId"))
	assert.Contains(t, got.Header.Get("Server-Timing"), "lambda;dur=")
}
