package caching_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/internal/traefik"
)

// row is what an origin sends first, and whether the second request, after pause, is answered from the store.
type row struct {
	status int // 0 for 200
	pause  time.Duration
	cached bool
	header []string // names and values; "now", "now+60" and "now-60" are dates
}

const (
	soon  = 2 * time.Second // more than a lifetime of a second
	never = "max-age=10000"
)

// rows are those tests of cache-tests, by its ids, that its release on npm does not have, or expects otherwise than the
// suite does today. CACHE_TESTS runs the suite itself.
var rows = map[string]row{
	"freshness-max-age-stale":      {0, soon, false, []string{"Cache-Control", "max-age=1", "Date", "now"}},
	"age-parse-nonnumeric":         {0, 0, true, aged("abc")},
	"age-parse-negative":           {0, 0, true, aged("-7200")},
	"age-parse-float":              {0, 0, true, aged("7200.0")},
	"age-parse-large-minus-one":    {0, 0, false, aged("2147483647")},
	"age-parse-large":              {0, 0, false, aged("2147483648")},
	"age-parse-larger":             {0, 0, false, aged("2147483649")},
	"age-parse-suffix":             {0, 0, false, aged("7200, 0")},
	"age-parse-prefix":             {0, 0, true, aged("0, 7200")},
	"age-parse-prefix-twoline":     {0, 0, true, append(aged("0"), "Age", "7200")},
	"age-parse-dup-0":              {0, 0, true, aged("0, 0")},
	"age-parse-dup-0-twoline":      {0, 0, true, append(aged("0"), "Age", "0")},
	"age-parse-dup-old":            {0, 0, true, append(aged("3000"), "Age", "3000")},
	"status-599-must-understand":   {599, 0, false, []string{"Cache-Control", "max-age=3600, no-store, must-understand"}},
	"status-200-must-understand":   {200, 0, true, []string{"Cache-Control", "max-age=3600, no-store, must-understand"}},
	"cdn-max-age":                  {0, 0, true, forCDN("max-age=3600")},
	"cdn-max-age-max":              {0, 0, true, forCDN("max-age=2147483648")},
	"cdn-max-age-max-plus":         {0, 0, true, forCDN("max-age=99999999999")},
	"cdn-max-age-age":              {0, 0, false, forCDN("max-age=3600", "Date", "now", "Age", "7200")},
	"cdn-max-age-0":                {0, 0, false, forCDN("max-age=0")},
	"cdn-max-age-extension":        {0, 0, true, forCDN("foobar, max-age=3600")},
	"cdn-max-age-expires":          {0, 0, true, forCDN("max-age=3600", "Expires", "now-10000", "Date", "now")},
	"cdn-max-age-0-expires":        {0, 0, false, forCDN("max-age=0", "Expires", "now+10000", "Date", "now")},
	"cdn-max-age-short-cc-max-age": {0, soon, true, forCDN("max-age=3600", "Cache-Control", "max-age=1")},
	"cdn-max-age-long-cc-max-age":  {0, soon, false, forCDN("max-age=1", "Cache-Control", "max-age=3600")},
	"cdn-private":                  {0, 0, false, forCDN("private", "Cache-Control", never, "Expires", "now+10000")},
	"cdn-no-cache":                 {0, 0, false, forCDN("no-cache", "Cache-Control", never, "Expires", "now+10000")},
	"cdn-no-store-cc-fresh":        {0, 0, false, forCDN("no-store", "Cache-Control", never, "Expires", "now+10000")},
	"cdn-fresh-cc-nostore":         {0, 0, true, forCDN(never, "Cache-Control", "no-store")},
	"cdn-cc-invalid-sh-type-unknown": {
		0, 0, false, forCDN("max-age=10000, &&&&&", "Cache-Control", "no-store"),
	},
	"cdn-cc-invalid-sh-type-wrong": {
		0, 0, false, forCDN(`max-age="10000"`, "Cache-Control", "no-store"),
	},
	"cdn-max-age-cc-max-age-invalid-expires": {
		0, 0, true, forCDN("max-age=3600", "Expires", "0", "Date", "now"),
	},
}

func aged(age string) []string {
	return []string{"Cache-Control", "max-age=3600", "Date", "now", "Age", age}
}

func forCDN(value string, more ...string) []string {
	return append([]string{"CDN-Cache-Control", value}, more...)
}

// origin serves each row under its id, with the number of the call in the body, and breaks off where it is told to.
type origin struct {
	mutex sync.Mutex
	calls map[string]int
}

func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := strings.TrimPrefix(r.URL.Path, "/")
	o.mutex.Lock()
	o.calls[id]++
	n := o.calls[id]
	o.mutex.Unlock()
	if directives, closes := strings.CutPrefix(id, "stale-close-"); closes {
		if n > 1 {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Cache-Control", "max-age=1, "+directives)
	}
	served := rows[id]
	for i := 0; i < len(served.header); i += 2 {
		w.Header().Add(served.header[i], dated(served.header[i+1]))
	}
	if served.status != 0 {
		w.WriteHeader(served.status)
	}
	_, _ = fmt.Fprintf(w, "call %d", n)
}

// dated returns the date that "now+60" stands for, and anything else as it is.
func dated(value string) string {
	offset, isDate := strings.CutPrefix(value, "now")
	if !isDate {
		return value
	}
	seconds, _ := strconv.Atoi(offset) // 0 where there is none
	return time.Now().Add(time.Duration(seconds) * time.Second).UTC().Format(http.TimeFormat)
}

func TestRowsOfTheSuite(t *testing.T) {
	server := httptest.NewServer(&origin{calls: map[string]int{}})
	t.Cleanup(server.Close)
	gateway := start(t, traefik.Options{Dynamic: cached(m{"cache": m{"staleIfError": "60s"}}, server.URL)})
	for id := range rows {
		assert.Equal(t, "call 1", get(t, gateway, "/"+id).body, id)
	}
	closing := []string{"must-revalidate", "proxy-revalidate", "no-cache", "s-maxage=1"}
	for _, directives := range closing {
		require.Equal(t, http.StatusOK, get(t, gateway, "/stale-close-"+directives).StatusCode)
	}
	for id, expected := range rows {
		if expected.pause == 0 {
			checkSecond(t, gateway, id, expected)
		}
	}
	<-time.After(soon) // a lifetime ends
	for id, expected := range rows {
		if expected.pause > 0 {
			checkSecond(t, gateway, id, expected)
		}
	}
	for _, directives := range closing {
		assert.Equal(t, http.StatusBadGateway, get(t, gateway, "/stale-close-"+directives).StatusCode, directives)
	}
}

func checkSecond(t *testing.T, gateway *traefik.Instance, id string, expected row) {
	t.Helper()
	want := "call 2"
	if expected.cached {
		want = "call 1"
	}
	second := get(t, gateway, "/"+id)
	assert.Equal(t, want, second.body, "%s: %s", id, second.Header.Get("Cache-Status"))
}

// The suite's tests of interim responses, which Node's own client does not show.
func TestInterimResponsesPassOnce(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
		w.Header().Set("Cache-Control", never)
		_, _ = w.Write([]byte("page"))
	}))
	t.Cleanup(server.Close)
	gateway := start(t, traefik.Options{Dynamic: cached(m{"cache": m{"ttl": "0s"}}, server.URL)})
	for _, want := range []int{1, 0} {
		hints := 0
		request, err := http.NewRequestWithContext(traced(t.Context(), &hints), http.MethodGet, gateway.URL+"/", http.NoBody)
		require.NoError(t, err)
		request.Host = host
		response := send(t, gateway, request)
		assert.Equal(t, want, hints, "interim responses")
		assert.Equal(t, "page", response.body)
		assert.Empty(t, response.Header.Get("Link"))
	}
}
