package cache

import (
	"context"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed05e46011/lambda/internal/bracket"
)

const crowd = 100

// until waits for a condition that other goroutines bring about.
func until(t *testing.T, what string, reached func() bool) {
	t.Helper()
	end := time.Now().Add(20 * time.Second)
	for !reached() {
		if time.Now().After(end) {
			t.Fatalf("got no %s in 20 s", what)
		}
		runtime.Gosched()
	}
}

// interested returns how many clients wait for calls of the origin.
func interested(x *tested) int {
	x.cache.store.mutex.Lock()
	defer x.cache.store.mutex.Unlock()
	n := 0
	for _, f := range x.cache.store.flights {
		n += f.interested
	}
	return n
}

// askFor sends one of many GETs, and keeps the response.
func askFor(x *tested, r *http.Request, w *httptest.ResponseRecorder, all *sync.WaitGroup) {
	defer all.Done()
	x.handler.ServeHTTP(w, r)
}

// crowdOf sends GETs at the same time, each with its number in X-Client, and returns their responses.
func crowdOf(x *tested) ([]*httptest.ResponseRecorder, *sync.WaitGroup) {
	all := new(sync.WaitGroup)
	responses := make([]*httptest.ResponseRecorder, 0, crowd)
	for i := 0; i < crowd; i++ {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("X-Client", strconv.Itoa(i))
		w := httptest.NewRecorder()
		responses = append(responses, w)
		all.Add(1)
		go askFor(x, r, w, all)
	}
	return responses, all
}

func TestParallelMissesAreOneCall(t *testing.T) {
	open := make(chan bool)
	x := newTested(t, &Config{}, true, func(w http.ResponseWriter, _ *http.Request) {
		<-open
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = w.Write([]byte("shared"))
	})
	responses, all := crowdOf(x)
	until(t, "crowd", func() bool { return interested(x) == crowd })
	close(open)
	all.Wait()
	collapsed := 0
	for i, w := range responses {
		if w.Body.String() != "shared" {
			t.Errorf("client %d: got %q, want %q", i, w.Body, "shared")
		}
		if w.Header().Get("Cache-Status") == cacheName+"; fwd=uri-miss; collapsed; ttl=60" {
			collapsed++
		}
	}
	if x.calls != 1 || collapsed != crowd-1 {
		t.Errorf("got %d calls and %d collapsed requests, want 1 and %d", x.calls, collapsed, crowd-1)
	}
}

func TestParallelPrivateResponsesReachTheirOwnClients(t *testing.T) {
	for what, header := range map[string][2]string{
		"a cookie":          {"Set-Cookie", "session=1"},
		"a private page":    {"Cache-Control", "private, max-age=60"},
		"a page not stored": {"Cache-Control", "no-store"},
		"any variant":       {"Vary", "*"},
	} {
		for _, function := range []bool{true, false} {
			checkPrivate(t, what, header, function)
		}
	}
}

func checkPrivate(t *testing.T, what string, header [2]string, function bool) {
	t.Helper()
	together := new(int64)
	most := new(int64)
	x := newNamed(t, what+strconv.FormatBool(function), &Config{}, function, func(w http.ResponseWriter, r *http.Request) {
		n := atomic.AddInt64(together, 1)
		if n > atomic.LoadInt64(most) {
			atomic.StoreInt64(most, n)
		}
		runtime.Gosched()
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set(header[0], header[1])
		_, _ = w.Write([]byte(r.Header.Get("X-Client")))
		atomic.AddInt64(together, -1)
	})
	responses, all := crowdOf(x)
	all.Wait()
	for i, w := range responses {
		if w.Body.String() != strconv.Itoa(i) {
			t.Errorf("%s: client %d got %q, want its own", what, i, w.Body)
		}
	}
	if x.calls != crowd {
		t.Errorf("%s: got %d calls, want %d", what, x.calls, crowd)
	}
	wantStatus(t, what, get(x, "/"), "; fwd=uri-miss; detail=hit-for-miss")
}

func TestACallOutlivesTheClientThatMadeIt(t *testing.T) {
	open := make(chan bool)
	x := newTested(t, &Config{}, true, func(w http.ResponseWriter, r *http.Request) {
		<-open
		if r.Context().Err() != nil {
			t.Errorf("got %v in the call, want it to go on", r.Context().Err())
		}
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = w.Write([]byte("whole"))
	})
	ctx, leaveLeader := context.WithCancel(context.Background())
	all := new(sync.WaitGroup)
	all.Add(2)
	go askFor(x, httptest.NewRequest("GET", "/", nil).WithContext(ctx), httptest.NewRecorder(), all)
	until(t, "leader", func() bool { return interested(x) == 1 })
	w := httptest.NewRecorder()
	go askFor(x, httptest.NewRequest("GET", "/", nil), w, all)
	until(t, "waiting client", func() bool { return interested(x) == 2 })
	leaveLeader()
	until(t, "departure", func() bool { return interested(x) == 1 })
	close(open)
	all.Wait()
	if w.Body.String() != "whole" || x.calls != 1 {
		t.Errorf("got %q after %d calls, want %q after 1", w.Body, x.calls, "whole")
	}
}

func TestTheLastClientThatLeavesEndsTheCall(t *testing.T) {
	ended := make(chan bool, 1)
	x := newTested(t, &Config{}, true, func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		ended <- true
	})
	ctx, leaveAll := context.WithCancel(context.Background())
	all := new(sync.WaitGroup)
	all.Add(2)
	go askFor(x, httptest.NewRequest("GET", "/", nil).WithContext(ctx), httptest.NewRecorder(), all)
	go askFor(x, httptest.NewRequest("GET", "/", nil).WithContext(ctx), httptest.NewRecorder(), all)
	until(t, "clients", func() bool { return interested(x) == 2 })
	leaveAll()
	<-ended
	all.Wait()
}

// failing notes a failure, as the core does, and answers with it.
func failing(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if notes, ok := bracket.NotesIn(r.Context()); ok {
			notes.Failure = "throttle"
		}
		w.Header().Set("Retry-After", "1")
		w.Header().Set("X-Own", "the first client's")
		w.WriteHeader(status)
		_, _ = w.Write([]byte("failed"))
	}
}

func TestWaitingRequestsShareAThrottle(t *testing.T) {
	open := make(chan bool)
	fail := failing(503)
	x := newTested(t, &Config{TTL: "60s"}, true, func(w http.ResponseWriter, r *http.Request) {
		<-open
		fail(w, r)
	})
	responses, all := crowdOf(x)
	until(t, "crowd", func() bool { return interested(x) == crowd })
	close(open)
	all.Wait()
	own := 0
	for i, w := range responses {
		if w.Code != 503 || w.Body.String() != "failed" || w.Header().Get("Retry-After") != "1" {
			t.Errorf("client %d: got %d %q, want the failure", i, w.Code, w.Body)
		}
		if w.Header().Get("X-Own") != "" {
			own++
		}
	}
	if x.calls != 1 || own != 1 {
		t.Errorf("got %d calls, and the first client's header %d times, want 1 and 1", x.calls, own)
	}
	if get(x, "/"); x.calls != 2 {
		t.Errorf("got %d calls after one more request, want 2: a failure is not stored", x.calls)
	}
}

// slow is the writer of a client that reads nothing until the test allows it.
type slow struct {
	*httptest.ResponseRecorder
	open chan bool
}

func (s *slow) Write(piece []byte) (int, error) {
	<-s.open
	return s.ResponseRecorder.Write(piece)
}

func serveSlow(x *tested, w http.ResponseWriter, all *sync.WaitGroup) {
	defer all.Done()
	x.handler.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
}

func TestOthersDoNotWaitForASlowClient(t *testing.T) {
	for _, function := range []bool{true, false} {
		x := newNamed(t, t.Name()+strconv.FormatBool(function), &Config{}, function,
			respond(200, "Cache-Control", "max-age=60", "Content-Length", "6"))
		w := &slow{ResponseRecorder: httptest.NewRecorder(), open: make(chan bool)}
		all := new(sync.WaitGroup)
		all.Add(1)
		go serveSlow(x, w, all)
		until(t, "stored response", func() bool { return x.cache.Stats().Stores == 1 })
		if got := get(x, "/").Body.String(); got != "body 1" {
			t.Errorf("got %q while the first client reads, want %q", got, "body 1")
		}
		close(w.open)
		all.Wait()
	}
}

func TestRequestsForWhatIsNeverFreshAskInParallel(t *testing.T) {
	open := make(chan bool)
	x := newTested(t, &Config{}, true, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("Etag", `"a"`)
		if r.Header.Get("If-None-Match") == `"a"` {
			<-open
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = w.Write([]byte("page"))
	})
	get(x, "/")
	responses, all := crowdOf(x)
	until(t, "calls in parallel", func() bool { return atomic.LoadInt64(&x.calls) == crowd+1 })
	close(open)
	all.Wait()
	for i, w := range responses {
		if w.Code != 200 || w.Body.String() != "page" {
			t.Errorf("client %d: got %d %q, want the page", i, w.Code, w.Body)
		}
	}
}

func TestAClientThatLeavesMarksNothing(t *testing.T) {
	ctx, leaveCall := context.WithCancel(context.Background())
	x := newTested(t, &Config{}, false, func(w http.ResponseWriter, r *http.Request) {
		if r.Context().Done() != nil {
			leaveCall()
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		w.Header().Set("Cache-Control", "max-age=60")
	})
	x.handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil).WithContext(ctx))
	wantStatus(t, "the next client", get(x, "/"), "; fwd=uri-miss; stored; ttl=60")
}
