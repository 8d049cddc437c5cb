package cache

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/seed05e46011/lambda/internal/bracket"
)

// begun returns a GET with notes, as if a room further out had begun them.
func begun(target string) (*http.Request, *bracket.Notes) {
	return bracket.Begin(httptest.NewRequest("GET", target, nil))
}

func TestOneRequestRefreshesAStaleResponseOfAFunction(t *testing.T) {
	open := make(chan bool)
	first := true
	origin := respond(200, "Cache-Control", "max-age=60, stale-while-revalidate=60")
	serveIt := func(w http.ResponseWriter, r *http.Request) {
		if !first {
			<-open
		}
		first = false
		origin(w, r)
	}
	x := newTested(t, &Config{}, true, serveIt)
	get(x, "/")
	letPass(x, 70*time.Second)
	y := newTested(t, &Config{}, true, serveIt) // after a reload
	for i := 0; i < 20; i++ {
		w := get(y, "/")
		wantStatus(t, "stale", w, "; hit; ttl=-10; detail=stale-while-revalidate")
		if w.Body.String() != "body 1" {
			t.Errorf("got %q, want the stale body", w.Body)
		}
	}
	close(open)
	until(t, "refresh", func() bool { return y.cache.Stats().Stores == 2 && interested(y) == 0 })
	w := get(y, "/")
	wantStatus(t, "fresh", w, "; hit; ttl=60")
	if w.Body.String() != "body 2" || x.calls+y.calls != 2 {
		t.Errorf("got %q after %d calls, want %q after 2", w.Body, x.calls+y.calls, "body 2")
	}
	if stats := y.cache.Stats(); stats.Misses != 1 || stats.Stale != 20 || stats.Hits != 1 {
		t.Errorf("got %+v, want each of 22 requests counted once, and no refresh", stats)
	}
}

func TestARefreshThatFailsOrPanicsLeavesTheStaleResponse(t *testing.T) {
	for what, bad := range map[string]http.HandlerFunc{
		"fails":  failing(503),
		"panics": func(_ http.ResponseWriter, _ *http.Request) { panic("bug") },
	} {
		checkBadRefresh(t, what, bad)
	}
}

func checkBadRefresh(t *testing.T, what string, bad http.HandlerFunc) {
	t.Helper()
	first := true
	origin := respond(200, "Cache-Control", "max-age=60, stale-while-revalidate=60, stale-if-error=60")
	x := newNamed(t, t.Name()+what, &Config{}, true, func(w http.ResponseWriter, r *http.Request) {
		if !first {
			bad(w, r)
			return
		}
		first = false
		origin(w, r)
	})
	get(x, "/")
	letPass(x, 70*time.Second)
	get(x, "/")
	until(t, "end of the refresh", func() bool { return refreshes(x) == 0 })
	if got := get(x, "/").Body.String(); got != "body 1" {
		t.Errorf("%s: got %q, want the stale response", what, got)
	}
	until(t, "end of the refresh", func() bool { return refreshes(x) == 0 })
}

func refreshes(x *tested) int {
	x.cache.store.mutex.Lock()
	defer x.cache.store.mutex.Unlock()
	return x.cache.store.refreshes
}

func TestTheFirstRequestRefreshesAStaleResponseOfTheNextHandler(t *testing.T) {
	open := make(chan bool)
	first := true
	n := 0
	x := newTested(t, &Config{}, false, func(w http.ResponseWriter, _ *http.Request) {
		if !first {
			<-open
		}
		first = false
		n++
		w.Header().Set("Cache-Control", "max-age=60, stale-while-revalidate=60")
		_, _ = w.Write([]byte("body " + strconv.Itoa(n)))
	})
	get(x, "/")
	letPass(x, 70*time.Second)
	w := httptest.NewRecorder()
	all := new(sync.WaitGroup)
	all.Add(1)
	go askFor(x, httptest.NewRequest("GET", "/", nil), w, all)
	until(t, "refresh", func() bool { return interested(x) == 1 })
	wantStatus(t, "others", get(x, "/"), "; hit; ttl=-10; detail=stale-while-revalidate")
	close(open)
	all.Wait()
	if w.Body.String() != "body 2" {
		t.Errorf("got %q for the one that refreshes, want what it has fetched", w.Body)
	}
	wantStatus(t, "others, later", get(x, "/"), "; hit; ttl=60")
}
