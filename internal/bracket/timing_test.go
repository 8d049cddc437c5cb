package bracket

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
)

// slowRoom returns a room that takes time before and after it calls next, or does not call it.
func slowRoom(before, after time.Duration, asks bool) func(next http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(before)
			if !asks {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			writer := Wrap(w)
			writer.OnHead(func(_ *Head) { time.Sleep(after) })
			next.ServeHTTP(writer, r) //yaegi:ok response-writer Writer flushes itself
		})
	}
}

// timings returns the entries of Server-Timing: names and milliseconds.
func timings(t *testing.T, handler http.Handler) (names string, milliseconds map[string]float64) {
	t.Helper()
	w := httptest.NewRecorder()
	ServerTiming(handler).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	took := map[string]float64{}
	list := make([]string, 0, 4)
	for _, entry := range w.Header()["Server-Timing"] {
		name, duration, _ := strings.Cut(entry, ";dur=")
		list = append(list, name)
		value, err := strconv.ParseFloat(duration, 64)
		if err != nil {
			t.Errorf("got %q, want a name and milliseconds", entry)
		}
		took[name] = value
	}
	return strings.Join(list, " "), took
}

func TestRoomsAreTimedWithoutWhatIsBehindThem(t *testing.T) {
	origin := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(300 * time.Millisecond)
		w.Header().Set("Server-Timing", "db;dur=1.0")
		_, _ = w.Write([]byte("hello"))
	})
	inner := Timed("inner", origin, slowRoom(10*time.Millisecond, 20*time.Millisecond, true))
	outer := Timed("outer", inner, slowRoom(5*time.Millisecond, 0, true))
	names, took := timings(t, outer)
	if names != "db inner outer" {
		t.Errorf("got %s, want the origin's own and the rooms in the order of their ends", names)
	}
	if took["inner"] < 30 || took["outer"] < 5 {
		t.Errorf("got %v, want inner 30 and outer 5 at least", took)
	}
	if took["outer"] >= 300 { // as it would be with what is behind it
		t.Errorf("got %v for outer, want its own time alone", took["outer"])
	}
}

func TestRoomsThatRespondThemselvesAreTimed(t *testing.T) {
	names, took := timings(t, Timed("authorizer", http.NotFoundHandler(), slowRoom(10*time.Millisecond, 0, false)))
	if names != "authorizer" || took["authorizer"] < 10 {
		t.Errorf("got %s %v, want authorizer with 10 at least", names, took)
	}
}

func TestRoomsThatAskInTheBackgroundAreNotTimed(t *testing.T) {
	asked := false
	room := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			next.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
			_, _ = w.Write([]byte("hello"))
		})
	}
	origin := http.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request) { asked = true })
	if names, _ := timings(t, Timed("cache", origin, room)); names != "cache" || !asked {
		t.Errorf("got %s, asked %v, want cache, and the origin asked", names, asked)
	}
}
