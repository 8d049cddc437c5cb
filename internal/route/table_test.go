package route

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
)

func table(t testing.TB, keys ...string) *Table {
	t.Helper()
	options := make([]Config, 0, len(keys))
	for _, key := range keys {
		options = append(options, Config{RouteKey: key, Function: "f"})
	}
	routes, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	return routes
}

func request(t testing.TB, method, path string) *http.Request {
	t.Helper()
	u, err := url.Parse("http://example.com" + path)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Request{Method: method, Host: "example.com", URL: u}
}

func TestAnEscapedSlashIsASegment(t *testing.T) {
	routes := table(t, "GET /", "GET /users/{id}", "GET /users/{id}/cart", "GET /users", "GET /a/%2F", "GET /files/{proxy+}")
	for path, want := range map[string]string{
		"/":                     "GET / map[]",
		"/%2F":                  "none",
		"/users/%2F":            "GET /users/{id} map[id:/]",
		"/users/%2f":            "GET /users/{id} map[id:/]",
		"/users/%2F/cart":       "GET /users/{id}/cart map[id:/]",
		"/users/%2F%00":         "GET /users/{id} map[id:/\x00]",
		"/users/":               "none",
		"/users/a%2Fb":          "GET /users/{id} map[id:a/b]",
		"/a/%2F":                "GET /a/%2F map[]",
		"/a/%2F%00":             "none",
		"/a/":                   "none",
		"/files/%2F":            "GET /files/{proxy+} map[proxy:/]",
		"/files/%2F/%2Fx//y/..": "GET /files/{proxy+} map[proxy:///x//y/..]",
	} {
		got := "none"
		if r := Find(routes, request(t, http.MethodGet, path)); r != nil {
			got = fmt.Sprint(r.Key, " ", Parameters(r, request(t, http.MethodGet, path).URL.EscapedPath()))
		}
		if got != want && got+" map[]" != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

func TestMarkSlash(t *testing.T) {
	seen := map[string]string{}
	for _, segment := range []string{"/", "/\x00", "/\x00\x00", "/a", "a", "", "\x00", "//"} {
		marked := markSlash(segment)
		if before, ok := seen[marked]; ok {
			t.Errorf("got %q for both %q and %q", marked, before, segment)
		}
		seen[marked] = segment
		if marked == "/" {
			t.Errorf("got %q unmarked", segment)
		}
	}
}
