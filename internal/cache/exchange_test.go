package cache

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/seed05e46011/lambda/internal/bracket"
)

func TestRequestsThatPass(t *testing.T) {
	body := func() *http.Request { return httptest.NewRequest("GET", "/", strings.NewReader("fat")) }
	chunked := body()
	chunked.ContentLength = -1
	with := func(name, value string) *http.Request {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set(name, value)
		return r
	}
	for what, row := range map[string]struct {
		request *http.Request
		want    string
	}{
		"a POST":                   {httptest.NewRequest("POST", "/", nil), "; fwd=method"},
		"an OPTIONS":               {httptest.NewRequest("OPTIONS", "/", nil), "; fwd=method"},
		"a GET with a body":        {body(), "; fwd=bypass; detail=body"},
		"a GET with a chunked one": {chunked, "; fwd=bypass; detail=body"},
		"If-Match":                 {with("If-Match", `"a"`), "; fwd=bypass; detail=precondition"},
		"If-Unmodified-Since":      {with("If-Unmodified-Since", "today"), "; fwd=bypass; detail=precondition"},
		"Upgrade":                  {with("Upgrade", "websocket"), "; fwd=bypass; detail=upgrade"},
	} {
		x := newNamed(t, t.Name()+what, &Config{TTL: "60s"}, true, respond(200))
		get(x, "/")
		w := httptest.NewRecorder()
		x.handler.ServeHTTP(w, row.request)
		wantStatus(t, what, w, row.want)
		if w.Body.String() != "body 2" {
			t.Errorf("%s: got %q, want the origin's second body", what, w.Body)
		}
	}
}

func TestDirectivesOfClientsAreIgnored(t *testing.T) {
	x := newTested(t, &Config{}, true, respond(200, "Cache-Control", "max-age=60"))
	get(x, "/")
	for _, directive := range []string{"no-cache", "no-store", "max-age=0", "min-fresh=3600"} {
		wantStatus(t, directive, get(x, "/", "Cache-Control", directive), "; hit; ttl=60")
	}
	wantStatus(t, "Pragma", get(x, "/", "Pragma", "no-cache"), "; hit; ttl=60")
}

func TestOnlyIfCached(t *testing.T) {
	x := newTested(t, &Config{}, true, respond(200, "Cache-Control", "max-age=60"))
	w := get(x, "/", "Cache-Control", "max-age=5, Only-If-Cached")
	wantStatus(t, "nothing stored", w, "; detail=only-if-cached")
	if w.Code != 504 || x.calls != 0 {
		t.Errorf("got %d after %d calls, want 504 after none", w.Code, x.calls)
	}
	get(x, "/")
	wantStatus(t, "stored", get(x, "/", "Cache-Control", "only-if-cached"), "; hit; ttl=60")
}

func TestRequestsThatCouldPoisonTheKeyStoreNothing(t *testing.T) {
	for what, row := range map[string]struct {
		name, value string
		stored      bool
	}{
		"another method":          {"X-HTTP-Method-Override", "DELETE", false},
		"another URL":             {"X-Original-URL", "/admin", false},
		"another host":            {"X-Host", "evil.test", false},
		"Forwarded":               {"Forwarded", "host=evil.test", false},
		"another forwarded host":  {"X-Forwarded-Host", "evil.test", false},
		"underscores for dashes":  {"X_HTTP_Method_Override", "DELETE", false},
		"both in one name":        {"X-Original_URL", "/admin", false},
		"a host with underscores": {"X_Forwarded_Host", "evil.test", false},
		"other underscores":       {"X_Anything", "evil", true},
		"the host's own name":     {"X-Forwarded-Host", "example.com", true},
		"a header of no meaning":  {"X-Anything", "evil", true},
		"a header of the options": {"X-Rewrite-URL", "/b", true},
	} {
		x := newNamed(t, t.Name()+what, &Config{Key: &KeyConfig{Headers: []string{"x-rewrite-url"}}}, true,
			respond(200, "Cache-Control", "max-age=60"))
		w := get(x, "/", row.name, row.value)
		if stored := strings.Contains(w.Header().Get("Cache-Status"), "; stored"); stored != row.stored {
			t.Errorf("%s: got %q, want stored %v", what, w.Header().Get("Cache-Status"), row.stored)
		}
		if !row.stored {
			wantStatus(t, what, w, "; fwd=uri-miss; detail=override")
			wantStatus(t, what+", then a clean one", get(x, "/"), "; fwd=uri-miss; stored; ttl=60")
			wantStatus(t, what+", and a hit", get(x, "/", row.name, row.value), "; hit; ttl=60")
		}
	}
}

func TestTheOriginSeesOnlyTheQueryOfTheKey(t *testing.T) {
	for what, row := range map[string]struct {
		names []string
		query string
		want  string
	}{
		"all of it":                    {nil, "b=2&a=1&a=0", "b=2&a=1&a=0"},
		"a name left out":              {[]string{"*", "!utm_*"}, "id=1&utm_source=x&z", "id=1&z"},
		"names left out alone":         {[]string{"!utm_*"}, "id=1&utm_source=x", "id=1"},
		"a value behind a semicolon":   {[]string{"*", "!utm"}, "utm=x;a=evil&b=1", "b=1"},
		"a name that counts":           {[]string{"a"}, "a=1&%61=evil&A=2", "a=1"},
		"no parameter counts":          {[]string{"!*"}, "a=1&b=2", ""},
		"a name's end":                 {[]string{"*_id"}, "user_id=1&id=2", "user_id=1"},
		"a part of a name":             {[]string{"*er_*"}, "user_id=1&id=2", "user_id=1"},
		"an exact name beside its own": {[]string{"a", "ab*"}, "a=1&ab=2&b=3", "a=1&ab=2"},
	} {
		seen := ""
		uri := ""
		config := &Config{Key: &KeyConfig{Query: row.names}}
		x := newNamed(t, t.Name()+what, config, true, func(w http.ResponseWriter, r *http.Request) {
			seen = r.URL.RawQuery
			uri = r.RequestURI
			w.Header().Set("Cache-Control", "max-age=60")
		})
		get(x, "/?"+row.query)
		if seen != row.want || strings.TrimPrefix(strings.TrimPrefix(uri, "/"), "?") != row.want {
			t.Errorf("%s: got query %q and target %q, want %q", what, seen, uri, row.want)
		}
		wantStatus(t, what, get(x, "/?"+row.want), "; hit; ttl=60")
	}
}

func TestNothingOfAKeyIsNormalised(t *testing.T) {
	x := newTested(t, &Config{}, true, respond(200, "Cache-Control", "max-age=60"))
	targets := []string{
		"/a/b", "/a%2Fb", "/a%2fb", "/A/b", "/a//b", "/a/b/", "/a/b?x=1&y=2", "/a/b?y=2&x=1", "/a/b?x=1;y=2",
		"/a/b?%78=1&y=2", "http://example.com:80/a/b", "http://EXAMPLE.com/a/b",
	}
	for _, target := range targets {
		wantStatus(t, target, get(x, target), "; fwd=uri-miss; stored; ttl=60")
	}
	wantStatus(t, "https", get(x, "/a/b", "X-Forwarded-Proto", "https"), "; fwd=uri-miss; stored; ttl=60")
	for _, target := range targets {
		wantStatus(t, target, get(x, target), "; hit; ttl=60")
	}
}

func TestVariants(t *testing.T) {
	x := newTested(t, &Config{}, true, respond(200, "Cache-Control", "max-age=60", "Vary", "Accept-Encoding, x-kind"))
	wantStatus(t, "first", get(x, "/", "Accept-Encoding", "gzip, br"), "; fwd=uri-miss; stored; ttl=60")
	wantStatus(t, "order", get(x, "/", "Accept-Encoding", "BR;q=0.8,gzip"), "; hit; ttl=60")
	wantStatus(t, "refused", get(x, "/", "Accept-Encoding", "gzip, br;q=0"), "; fwd=vary-miss; stored; ttl=60")
	wantStatus(t, "the same refused", get(x, "/", "Accept-Encoding", "br; q=0.000, gzip"), "; hit; ttl=60")
	for _, kind := range []string{"b", ""} {
		w := get(x, "/", "Accept-Encoding", "gzip, br", "X-Kind", kind)
		wantStatus(t, "kind "+kind, w, "; fwd=vary-miss; stored; ttl=60")
	}
	wantStatus(t, "the first again", get(x, "/", "Accept-Encoding", "gzip, br"), "; hit; ttl=60")
}

func TestKeysOfHeadersAndCookies(t *testing.T) {
	config := &Config{TTL: "60s", Key: &KeyConfig{Headers: []string{"X-User"}, Cookies: []string{"lang"}}}
	x := newTested(t, config, true, respond(200))
	wantStatus(t, "first", get(x, "/", "Cookie", "lang=en", "X-User", "1"), "; fwd=uri-miss; stored; ttl=60")
	wantStatus(t, "the same", get(x, "/", "Cookie", "lang=en", "X-User", "1"), "; hit; ttl=60")
	wantStatus(t, "another language", get(x, "/", "Cookie", "lang=de", "X-User", "1"), "; fwd=vary-miss; stored; ttl=60")
	wantStatus(t, "another user", get(x, "/", "Cookie", "lang=de", "X-User", "2"), "; fwd=vary-miss; stored; ttl=60")
	w := get(x, "/", "Cookie", "lang=en; session=1", "X-User", "1")
	wantStatus(t, "a foreign cookie", w, "; fwd=bypass; detail=identity")
}

func TestIdentities(t *testing.T) {
	for what, row := range map[string]struct {
		control    string
		ttl        string
		authorized bool
		header     [2]string
		first      string
		second     string // of a request without an identity
		third      string // of one with it
	}{
		"Authorization": {
			"max-age=60", "", false, [2]string{"Authorization", "Bearer a"},
			"; fwd=uri-miss", "; fwd=uri-miss; stored; ttl=60", "; fwd=bypass; detail=identity",
		},
		"Authorization, public": {
			"public, max-age=60", "", false, [2]string{"Authorization", "Bearer a"},
			"; fwd=uri-miss; stored; ttl=60", "; hit; ttl=60", "; hit; ttl=60",
		},
		"Authorization, s-maxage": {
			"s-maxage=60", "", false, [2]string{"Authorization", "Bearer a"},
			"; fwd=uri-miss; stored; ttl=60", "; hit; ttl=60", "; hit; ttl=60",
		},
		"an authorizer": {
			"max-age=60", "", true, [2]string{"X-Nothing", "a"},
			"; fwd=uri-miss", "; fwd=uri-miss; detail=hit-for-miss", "; fwd=uri-miss; detail=hit-for-miss",
		},
		"an authorizer, public": {
			"public, max-age=60", "", true, [2]string{"X-Nothing", "a"},
			"; fwd=uri-miss; stored; ttl=60", "; hit; ttl=60", "; hit; ttl=60",
		},
		"a cookie and max-age": {
			"max-age=60", "", false, [2]string{"Cookie", "session=1"},
			"; fwd=uri-miss; stored; ttl=60", "; hit; ttl=60", "; hit; ttl=60",
		},
		"a cookie and option ttl": {
			"", "60s", false, [2]string{"Cookie", "session=1"},
			"; fwd=uri-miss", "; fwd=uri-miss; stored; ttl=60", "; fwd=bypass; detail=identity",
		},
		"Authorization and option ttl": {
			"public", "60s", false, [2]string{"Authorization", "Bearer a"},
			"; fwd=uri-miss", "; fwd=uri-miss; stored; ttl=60", "; fwd=bypass; detail=identity",
		},
	} {
		x := newNamed(t, t.Name()+what, &Config{TTL: row.ttl}, true, respond(200, "Cache-Control", row.control))
		x.cache.core.Authorized = row.authorized
		wantStatus(t, what+", first", get(x, "/", row.header[0], row.header[1]), row.first)
		wantStatus(t, what+", without", get(x, "/"), row.second)
		wantStatus(t, what+", again", get(x, "/", row.header[0], row.header[1]), row.third)
	}
}

func TestHEAD(t *testing.T) {
	x := newTested(t, &Config{}, true, respond(200, "Cache-Control", "max-age=60", "Content-Length", "6"))
	wantStatus(t, "a miss", send(x, "HEAD", "/"), "; fwd=uri-miss; stored; ttl=60")
	w := send(x, "HEAD", "/")
	wantStatus(t, "its own", w, "; hit; ttl=60")
	if w.Body.Len() > 0 || w.Header().Get("Content-Length") != "6" {
		t.Errorf("got %q with Content-Length %q, want none with 6", w.Body, w.Header().Get("Content-Length"))
	}
	wantStatus(t, "not a GET's", get(x, "/"), "; fwd=uri-miss; stored; ttl=60")
	get(x, "/other")
	w = send(x, "HEAD", "/other")
	wantStatus(t, "the GET's", w, "; hit; ttl=60")
	if w.Body.Len() > 0 || w.Header().Get("Content-Length") != "6" {
		t.Errorf("got %q with Content-Length %q, want none with 6", w.Body, w.Header().Get("Content-Length"))
	}
}

// invalidationRow is a row of TestInvalidation.
type invalidationRow struct {
	method string // and the path, where that is not the stored one
	status int
	header [2]string
	want   bool // it stays
}

func TestInvalidation(t *testing.T) {
	for what, row := range map[string]invalidationRow{
		"a POST":                          {"POST", 200, [2]string{}, false},
		"a DELETE that redirects":         {"DELETE", 303, [2]string{}, false},
		"a POST that fails":               {"POST", 500, [2]string{}, true},
		"an OPTIONS":                      {"OPTIONS", 200, [2]string{}, true},
		"a POST elsewhere":                {"POST /other", 200, [2]string{}, true},
		"a POST that names it":            {"POST /other", 201, [2]string{"Location", "/a"}, false},
		"one that describes it":           {"PUT /other", 200, [2]string{"Content-Location", "http://example.com/a"}, false},
		"one that names another host's":   {"PUT /other", 200, [2]string{"Location", "http://other.test/a"}, true},
		"one that names another scheme's": {"PUT /other", 200, [2]string{"Location", "https://example.com/a"}, true},
	} {
		checkInvalidation(t, what, row)
	}
}

func checkInvalidation(t *testing.T, what string, row invalidationRow) {
	t.Helper()
	x := newNamed(t, t.Name()+what, &Config{}, true, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		if r.Method != "GET" {
			if row.header[0] != "" {
				w.Header().Set(row.header[0], row.header[1])
			}
			w.WriteHeader(row.status)
		}
	})
	get(x, "/a")
	method, target, elsewhere := strings.Cut(row.method, " ")
	if !elsewhere {
		target = "/a"
	}
	send(x, method, target)
	hit := strings.Contains(get(x, "/a").Header().Get("Cache-Status"), "; hit")
	if hit != row.want {
		t.Errorf("%s: got stored %v afterwards, want %v", what, hit, row.want)
	}
}

func TestResponsesFromBeforeAnInvalidationAreNotStored(t *testing.T) {
	var x *tested
	posted := false
	x = newTested(t, &Config{}, true, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		if r.Method == "GET" && !posted {
			posted = true
			send(x, "POST", "/")
		}
	})
	wantStatus(t, "doomed", get(x, "/"), "; fwd=uri-miss; ttl=60")
	wantStatus(t, "then", get(x, "/"), "; fwd=uri-miss; stored; ttl=60")
}

func TestFallbackComesAfterTheStaleResponse(t *testing.T) {
	origin := respond(200, "Cache-Control", "max-age=60, stale-if-error=60")
	fail := failing(502)
	failed := false
	x := newTested(t, &Config{Key: &KeyConfig{Query: []string{"!*"}}}, true, func(w http.ResponseWriter, r *http.Request) {
		notes, _ := bracket.NotesIn(r.Context())
		if !notes.HoldsFallback {
			t.Error("got no word to the core that the cache decides of failures")
		}
		if failed {
			notes.FallbackHeld = true
			fail(w, r)
			return
		}
		origin(w, r)
	})
	x.cache.core.FallBack = func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("the next handler's of " + r.URL.RawQuery))
	}
	get(x, "/?a=b")
	failed = true
	letPass(x, 70*time.Second)
	if got := get(x, "/?a=b").Body.String(); got != "body 1" {
		t.Errorf("got %q while a stale response is there, want it", got)
	}
	letPass(x, 70*time.Second)
	if got := get(x, "/?a=b").Body.String(); got != "the next handler's of a=b" {
		t.Errorf("got %q afterwards, want the next handler's for the whole request", got)
	}
}

func TestConfig(t *testing.T) {
	for what, row := range map[string]struct {
		config Config
		want   string
	}{
		"a duration": {Config{TTL: "x"}, `cache.ttl: "x": want a duration, such as "0s", "30s" or "15m"`},
		"a negative one": {
			Config{StaleIfError: "-1s"}, `cache.staleIfError: "-1s": want a duration, such as "0s", "30s" or "15m"`,
		},
		"negative bytes": {Config{MaxBytes: -1}, "cache.maxBytes: -1: want a whole number above 0"},
		"a large entry": {
			Config{MaxBytes: 10, MaxEntryBytes: 11}, "cache.maxEntryBytes: 11: want no more than maxBytes, 10",
		},
		"a bad header": {
			Config{Key: &KeyConfig{Headers: []string{"a b"}}}, `cache.key.headers: "a b": want a header's name`,
		},
		"a bad cookie": {
			Config{Key: &KeyConfig{Cookies: []string{"a="}}}, `cache.key.cookies: "a=": want a cookie's name`,
		},
		"a bad parameter": {
			Config{Key: &KeyConfig{Query: []string{"a*b"}}},
			`cache.key.query: "a*b": want a parameter's name, * at one end or both, or !name`,
		},
		"a misspelt name": {
			Config{Unknown: map[string]any{"tttl": 1}}, "cache.tttl: no such option: did you mean cache.ttl?",
		},
		"one of the group": {
			Config{Key: &KeyConfig{Unknown: map[string]any{"header": 1}}},
			"cache.key.header: no such option: did you mean cache.key.headers?",
		},
	} {
		config := row.config
		_, err := parse(&config)
		if err == nil || err.Error() != row.want {
			t.Errorf("%s: got %v, want %s", what, err, row.want)
		}
	}
}
