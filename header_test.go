package lambda

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

// learned returns the names that a table holds.
func learned(l *learnedNames) map[string]string {
	names := map[string]string{}
	l.known.Range(func(name, result any) bool {
		names[name.(string)] = result.(string)
		return true
	})
	return names
}

// forget empties a table, which other tests use as well.
func forget(l *learnedNames) {
	for name := range learned(l) {
		l.known.Delete(name)
	}
	l.count = 0
}

func requestWith(header http.Header) *request {
	r := httptest.NewRequest(http.MethodGet, "http://example.com/", http.NoBody)
	r.Header = header
	return &request{http: r, peerIP: "192.0.2.1", traceID: "Root=1"}
}

func TestHeadersAreTheSameOnceTheirNamesAreLearned(t *testing.T) {
	forget(&learnedLower)
	header := http.Header{
		"X-Tenant":        {"acme"},
		"X-Several":       {"a", "b"},
		"x-raw":           {"raw"}, // as only another middleware writes it
		"X-None":          {},
		"X_forwarded_for": {"198.51.100.1"},
		"Keep-Alive":      {"5"},
		"Accept":          {"*/*"},
		"X-Long" + strings.Repeat("g", maxLearnedLen): {"long"},
	}
	joined := fmt.Sprint(lowerHeaders(requestWith(header)))
	lists := fmt.Sprint(headerValues(requestWith(header), false))
	if names := fmt.Sprint(learned(&learnedLower)); names != "map[X-Several:x-several X-Tenant:x-tenant]" {
		t.Errorf("got %s, want the canonical, short names that functions receive", names)
	}
	if got := fmt.Sprint(lowerHeaders(requestWith(header))); got != joined || !strings.Contains(got, "x-several:a,b x-tenant:acme") {
		t.Errorf("got %s, want %s", got, joined)
	}
	if got := fmt.Sprint(headerValues(requestWith(header), false)); got != lists || !strings.Contains(got, "X-Several:[a b] X-Tenant:[acme]") {
		t.Errorf("got %s, want %s", got, lists)
	}
}

func TestCanonicalOfLearns(t *testing.T) {
	for name, want := range map[string]string{
		"x-tenant": "X-Tenant", "X-TENANT": "X-Tenant", "accept": "Accept", "connection": "", "bad name": "", "": "",
	} {
		forget(&learnedCanonical)
		if first, second := canonicalOf(name), canonicalOf(name); first != want || second != want {
			t.Errorf("%q: got %q, then %q, want %q", name, first, second, want)
		}
	}
}

func TestLearnedNamesAreLimited(t *testing.T) {
	l := &learnedNames{}
	for i := 0; i < 3*maxLearned; i++ {
		learn(l, "X-"+strconv.Itoa(i), "x")
		learn(l, "X-Again", "again")
		if n := len(learned(l)); n > maxLearned {
			t.Fatalf("got %d names after %d, want at most %d", n, i+1, maxLearned)
		}
	}
	if learned(l)["X-Again"] != "again" {
		t.Error("got a table without a name that is in use, want it back")
	}
}
