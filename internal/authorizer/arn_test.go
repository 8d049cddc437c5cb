package authorizer

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestTargetsAreTheRequestAsSentAndDecodedOnce(t *testing.T) {
	for sent, want := range map[string]target{
		"GET /":              {"GET/", "GET/"},
		"GET ":               {"GET/", "GET/"},
		"HEAD /users/42":     {"HEAD/users/42", "HEAD/users/42"},
		"GET /a:b":           {"GET/a:b", "GET/a:b"},
		"GET /users%2Fadmin": {"GET/users%2Fadmin", "GET/users/admin"},
		"GET /users/%61dmin": {"GET/users/%61dmin", "GET/users/admin"},
		"GET /%2561":         {"GET/%2561", "GET/%61"},
		"GET /a%20b":         {"GET/a%20b", "GET/a b"},
		"GET /*":             {"GET/%2A", "GET/%2A"},
		"GET /a*/%2A%3f?x=*": {"GET/a%2A/%2A%3f", "GET/a%2A/%2A%3F"},
		"* /a":               {"%2A/a", "%2A/a"},
		"G*%2A /%2A":         {"G%2A%2A/%2A", "G%2A%2A/%2A"},
		"OPTIONS *":          {"OPTIONS/%2A", "OPTIONS/%2A"},
		"GET //a/../b":       {"GET//a/../b", "GET//a/../b"},
		"GET /a/":            {"GET/a/", "GET/a/"},
		"GET /%24%7Bx%7D":    {"GET/%24%7Bx%7D", "GET/${x}"},
		"GET /\u00fc":        {"GET/%C3%BC", "GET/\u00fc"},
		"GET /%FF":           {"GET/%FF", "GET/\xff"},
		"GET /a+b":           {"GET/a+b", "GET/a+b"},
		"GET /a%2":           {"GET/", "GET/"}, // no URL, as net/http refuses it
	} {
		method, path, _ := strings.Cut(sent, " ")
		u, err := url.ParseRequestURI(path)
		if err != nil {
			u = &url.URL{}
		}
		got := targetOf("", &http.Request{Method: method, URL: u})
		if got != want {
			t.Errorf("%s: got %q, want %q", sent, got, want)
		}
	}
}

func TestLongARNsGet414(t *testing.T) {
	for _, c := range []struct {
		length, status int
	}{{1400, allowed}, {1600, 414}, {5000, 414}} {
		for _, ttl := range []string{"0s", "1h"} {
			g := newGateway(t, &Config{TTL: ttl}, ShapeHTTPAPIv2)
			g.payload = simpleAllow
			path := "/" + strings.Repeat("a", c.length)
			g.get("/", token)
			w := g.get(path, token)
			if w.Code != c.status {
				t.Errorf("a path of %d bytes, ttl %s: got %d, want %d", c.length, ttl, w.Code, c.status)
			}
			if w = g.get(path); w.Code != 401 {
				t.Errorf("a path of %d bytes without identity: got %d, want 401", c.length, w.Code)
			}
		}
	}
}

func TestTheARNNamesTheAPI(t *testing.T) {
	g := newGateway(t, &Config{}, ShapeHTTPAPIv2)
	g.payload = simpleAllow
	g.get("/users/42?x=1", token)
	want := "arn:aws:execute-api:eu-west-1:123456789012:api/$default/GET/users/42"
	if got := g.identities[0].ARN; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
