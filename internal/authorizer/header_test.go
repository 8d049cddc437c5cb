package authorizer

import (
	"net/http"
	"sort"
	"strings"
	"testing"
)

const richReply = `{"isAuthorized":true,"context":{"user":"u1","admin":true,"n":9007199254740993,"f":1.50,` +
	`"none":null,"roles":["a","b"],"custom:role":"r","html":"<&>"}}`

func TestRequestHeadersAreRendered(t *testing.T) {
	for text, want := range map[string]string{
		"{{ .user }}":                            "u1",
		"constant":                               "constant",
		"{{ .user }}/{{ .n }}":                   "u1/9007199254740993",
		"{{ .f }}":                               "1.50",
		"{{ .admin }}":                           "true",
		"{{ .roles }}":                           `["a","b"]`,
		"{{ .html }}":                            "<&>",
		"{{ .missing }}":                         "none",
		"{{ .none }}":                            "none",
		"{{ .principalId }}":                     "none",
		"{{ .claims.user }}":                     "u1",
		"{{ .claims.missing }}":                  "none",
		`{{ index . "custom:role" }}`:            "r",
		`{{ index . "custom:none" }}`:            "none",
		`{{ index .claims "custom:role" }}`:      "r",
		"{{ if .missing }}x{{ end }}":            "none",
		"{{ with .claims }}{{ .user }}{{ end }}": "u1",
		"  {{ .user }} ":                         "u1",
		"{{ range $k, $v := .claims }}{{ end }}{{ 1 }}": "1",
	} {
		g := newGateway(t, &Config{RequestHeaders: map[string]string{"x-user": text}}, ShapeHTTPAPIv2)
		g.payload = richReply
		w := g.get("/", token, "X-User: forged", "X_user: forged", "X.User: forged")
		if w.Code != allowed {
			t.Errorf("%s: got %d, want the origin's", text, w.Code)
			continue
		}
		got := "none"
		if values, given := g.reached.Header["X-User"]; given {
			got = strings.Join(values, "|")
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
		if alias := g.reached.Header.Get("X_user") + g.reached.Header.Get("X.user"); alias != "" {
			t.Errorf("%s: got the client's %q under an alias, want it removed", text, alias)
		}
	}
}

func TestRequestsAreRefusedIfHeadersCannotBeSet(t *testing.T) {
	for _, c := range []struct{ context, text string }{
		{`{"user":"a\r\nX-Admin: 1"}`, "{{ .user }}"},
		{`{"user":"a\n"}`, "{{ .user }}"},
		{`{"user":"a\u0000"}`, "{{ .user }}"},
		{`{"user":"a"}`, "{{ .user.name }}"},
		{`{"user":"a"}`, "{{ index .user 5 }}"},
	} {
		for _, ttl := range []string{"0s", "1h"} {
			g := newGateway(t, &Config{TTL: ttl, RequestHeaders: map[string]string{"X-User": c.text}}, ShapeHTTPAPIv2)
			g.payload = `{"isAuthorized":true,"context":` + c.context + `}`
			g.get("/", token)
			if w := g.get("/", token); w.Code != 500 || g.reached != nil {
				t.Errorf("%s of %s: got %d, want 500", c.text, c.context, w.Code)
			}
		}
	}
}

func TestClientsHeadersAreAlwaysRemoved(t *testing.T) {
	cases := map[string]struct {
		names   []string
		headers []string
		want    string // what is left, sorted
	}{
		"the name itself":      {[]string{"X-User"}, []string{"X-User: a", "X-User: b"}, ""},
		"underscore":           {[]string{"X-User"}, []string{"X_user: a", "X_USER: b"}, ""},
		"dot":                  {[]string{"X-User"}, []string{"X.User: a"}, ""},
		"mixed":                {[]string{"X-User-Id"}, []string{"X_User-Id: a", "X-User_Id: b", "x_user_id: c"}, ""},
		"five parts":           {[]string{"X-A-B-C-D"}, []string{"X_A-B-C_D: a", "X-A-B-C-D: b", "X-A-B-C: c"}, "X-A-B-C: c"},
		"others stay":          {[]string{"X-User"}, []string{"X-Users: a", "User: c"}, "User: c, X-Users: a"},
		"out of Connection":    {[]string{"X-User"}, []string{"Connection: X-User"}, ""},
		"out of a list":        {[]string{"X-User"}, []string{"Connection: a, x-user , b"}, "Connection: a, b"},
		"out of two lines":     {[]string{"X-User"}, []string{"Connection: X_USER", "Connection: a"}, "Connection: a"},
		"other names in it":    {[]string{"X-User"}, []string{"Connection: a, X-Other"}, "Connection: a, X-Other"},
		"two names, one of it": {[]string{"X-User", "X-Role"}, []string{"Connection: X-Role", "X-Role: a"}, ""},
	}
	for name, c := range cases {
		rules := map[string]string{}
		for _, header := range c.names {
			rules[header] = "{{ .missing }}"
		}
		g := newGateway(t, &Config{IdentitySource: []string{}, RequestHeaders: rules}, ShapeHTTPAPIv2)
		g.payload = simpleAllow
		g.get("/", c.headers...)
		if got := sorted(g.reached.Header); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func sorted(header http.Header) string {
	lines := make([]string, 0, len(header))
	for name, values := range header {
		lines = append(lines, name+": "+strings.Join(values, "|"))
	}
	sort.Strings(lines)
	return strings.Join(lines, ", ")
}

func TestForgedHeadersAreGoneBeforeTheAuthorizerIsAsked(t *testing.T) {
	g := &gateway{payload: simpleAllow}
	core := coreOf(g, ShapeHTTPAPIv2)
	seen := "not asked"
	core.Event = func(r *http.Request, _ *Identity) ([]byte, error) {
		seen = sorted(r.Header)
		return nil, nil
	}
	rules := map[string]string{"X-User": "u"}
	a, err := New(&Config{Function: "f", IdentitySource: []string{}, RequestHeaders: rules}, core)
	if err != nil {
		t.Fatal(err)
	}
	g.handler = a.Handler(http.HandlerFunc(g.origin))
	g.get("/", "X-User: forged")
	if seen != "" || g.reached.Header.Get("X-User") != "u" {
		t.Errorf("got %q in the event, %q at the service, want nothing and u", seen, g.reached.Header.Get("X-User"))
	}
}

func TestAForgedHeaderIsNoIdentity(t *testing.T) {
	g := newGateway(t, &Config{
		IdentitySource: []string{"$request.header.X-User"}, RequestHeaders: map[string]string{"X-User": "u"},
	}, ShapeHTTPAPIv2)
	g.payload = simpleAllow
	if w := g.get("/", "X-User: forged"); w.Code != 401 {
		t.Errorf("got %d, want 401", w.Code)
	}
}

func TestCachedResultsSetHeadersToo(t *testing.T) {
	g := newGateway(t, &Config{TTL: "1h", RequestHeaders: map[string]string{"X-User": "{{ .user }}"}}, ShapeHTTPAPIv2)
	g.payload = richReply
	for i := 0; i < 3; i++ {
		g.get("/", token, "X-User: forged")
		if got := g.reached.Header.Get("X-User"); got != "u1" {
			t.Errorf("request %d: got %q, want u1", i+1, got)
		}
		g.reached.Header["X-User"][0] = "changed by the service"
	}
}
