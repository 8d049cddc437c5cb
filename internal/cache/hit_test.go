package cache

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// warm asks often enough for the next answer to be a hit that was made before.
func warm(x *tested, target string) {
	for i := 0; i < 3; i++ {
		get(x, target, "X-Forwarded-Proto", "https")
	}
}

func TestWhatAHitDoesNotAnswer(t *testing.T) {
	for what, row := range map[string]struct {
		control string
		header  []string
		want    string
	}{
		"a condition":                    {"max-age=60", []string{"If-None-Match", "*"}, "; hit; ttl=60"},
		"a precondition":                 {"max-age=60", []string{"If-Match", "*"}, "; fwd=bypass; detail=precondition"},
		"an upgrade":                     {"max-age=60", []string{"Upgrade", "h2c"}, "; fwd=bypass; detail=upgrade"},
		"an identity":                    {"max-age=60", []string{"Authorization", "a"}, "; fwd=bypass; detail=identity"},
		"an identity with a public page": {"public, max-age=60", []string{"Authorization", "a"}, "; hit; ttl=60"},
		"a cookie":                       {"max-age=60", []string{"Cookie", "a=b"}, "; hit; ttl=60"},
		"a cookie with a silent page":    {"", []string{"Cookie", "a=b"}, "; fwd=bypass; detail=identity"},
	} {
		var header []string
		if row.control != "" {
			header = []string{"Cache-Control", row.control}
		}
		x := newNamed(t, t.Name()+what, &Config{TTL: "60s"}, true, respond(200, header...))
		warm(x, "/")
		wantStatus(t, what, get(x, "/", append(row.header, "X-Forwarded-Proto", "https")...), row.want)
		wantStatus(t, "after "+what, get(x, "/", "X-Forwarded-Proto", "https"), "; hit; ttl=60")
	}
}

func TestAHitEndsWithItsEntry(t *testing.T) {
	x := newTested(t, &Config{}, true, respond(200, "Cache-Control", "max-age=60"))
	warm(x, "/a")
	warm(x, "/a?") // another target of the same key
	send(x, "POST", "/a", "X-Forwarded-Proto", "https")
	wantStatus(t, "invalidated", get(x, "/a", "X-Forwarded-Proto", "https"), "; fwd=uri-miss; stored; ttl=60")
	wantStatus(t, "stored again", get(x, "/a?", "X-Forwarded-Proto", "https"), "; hit; ttl=60")
	send(x, "POST", "/a?", "X-Forwarded-Proto", "https")
	wantStatus(t, "invalidated again", get(x, "/a?", "X-Forwarded-Proto", "https"), "; fwd=uri-miss; stored; ttl=60")
	letPass(x, 61*time.Second)
	wantStatus(t, "at its end", get(x, "/a", "X-Forwarded-Proto", "https"), "; fwd=stale; fwd-status=200; stored; ttl=60")
	if len(x.cache.store.hits) > 1 {
		t.Errorf("got %d hits of one entry, want no more than 1", len(x.cache.store.hits))
	}
}

func TestHitsOfTargetsThatLookAlike(t *testing.T) {
	x := newTested(t, &Config{}, true, respond(200, "Cache-Control", "max-age=60"))
	for _, target := range []string{"/a%2Fb", "/a/b", "/a%3Fb", "/a?b", "/a%0Ab", "/%61/b"} {
		wantStatus(t, target, get(x, target, "X-Forwarded-Proto", "https"), "; fwd=uri-miss; stored; ttl=60")
		warm(x, target)
	}
	wantStatus(t, "http", get(x, "/a/b", "X-Forwarded-Proto", "http"), "; fwd=uri-miss; stored; ttl=60")
	r := httptest.NewRequest("GET", "/a/b", nil)
	r.Host = "another.example"
	r.Header.Set("X-Forwarded-Proto", "https")
	w := httptest.NewRecorder()
	x.handler.ServeHTTP(w, r)
	wantStatus(t, "another host", w, "; fwd=uri-miss; stored; ttl=60")
}

func TestAHitOfAnotherStatusThan200(t *testing.T) {
	x := newTested(t, &Config{}, true, respond(http.StatusNotFound, "Cache-Control", "max-age=60"))
	warm(x, "/")
	w := get(x, "/", "X-Forwarded-Proto", "https")
	wantStatus(t, "hit", w, "; hit; ttl=60")
	if w.Code != http.StatusNotFound || w.Body.String() != "body 1" {
		t.Errorf("got %d %q, want 404 and the first body", w.Code, w.Body.String())
	}
}
