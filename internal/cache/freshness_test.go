package cache

import (
	"net/http"
	"testing"
)

const now1994 = int64(784111777000) // Sun, 06 Nov 1994 08:49:37 GMT

func TestDates(t *testing.T) {
	for text, valid := range map[string]bool{
		"Sun, 06 Nov 1994 08:49:37 GMT":   true,
		"sun, 06 nov 1994 08:49:37 gmt":   true,
		"Sunday, 06-Nov-94 08:49:37 GMT":  true,
		"Sun Nov  6 08:49:37 1994":        true,
		"Sun, 6 Nov 1994 08:49:37 GMT":    false,
		"Sun, 06 Nov 1994 8:49:37 GMT":    false,
		"Sun, 06 Nov 1994  8:49:37 GMT":   false,
		"Sun, 06 Nov 1994 08:49:37 UTC":   false,
		"Sun, 06 Nov 1994 08:49:37 +0000": false,
		"Sun, 06 Nov 94 08:49:37 GMT":     false,
		"Sunday, 06-Nov-94 8:49:37 GMT":   false,
		"Sunday, 06-Nov-94 08:49:37 PST":  false,
		"0":                               false,
		"":                                false,
	} {
		millis, ok := parseDate([]string{text})
		if ok != valid || ok && millis != now1994 {
			t.Errorf("%q: got %d, %v, want valid %v", text, millis, ok, valid)
		}
	}
	if _, ok := parseDate([]string{"Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT"}); ok {
		t.Error("got a date of two lines, want none")
	}
	if got := formatDate(now1994); got != "Sun, 06 Nov 1994 08:49:37 GMT" {
		t.Errorf("got %q", got)
	}
}

func TestAges(t *testing.T) {
	for value, want := range map[string]int64{
		"60": 60, " 60 ": 60, "60, 70": 60, "0060": 60, "-1": 0, "6.0": 0, "a": 0, "": 0, "60;x": 0, "99999999999": maxSeconds,
	} {
		if got := parseAge([]string{value, "5"}); got != want {
			t.Errorf("%q: got %d, want %d", value, got, want)
		}
	}
}

func TestFreshness(t *testing.T) {
	const date = "Sun, 06 Nov 1994 08:49:37 GMT"
	for what, row := range map[string]struct {
		header http.Header
		want   freshness
	}{
		"nothing":                  {http.Header{}, freshness{byTTL: true, lifetime: 7000, stale: 1000, staleError: 2000}},
		"max-age":                  {http.Header{"Cache-Control": {"max-age=5"}}, freshness{explicit: true, lifetime: 5000, stale: 1000, staleError: 2000}},
		"s-maxage before it":       {http.Header{"Cache-Control": {"max-age=5, s-maxage=6"}}, freshness{explicit: true, lifetime: 6000}},
		"0":                        {http.Header{"Cache-Control": {"max-age=0"}}, freshness{explicit: true, stale: 1000, staleError: 2000}},
		"no-cache":                 {http.Header{"Cache-Control": {"max-age=5, no-cache"}}, freshness{explicit: true}},
		"Expires":                  {http.Header{"Date": {date}, "Expires": {"Sun, 06 Nov 1994 08:49:47 GMT"}}, freshness{explicit: true, lifetime: 10000, stale: 1000, staleError: 2000}},
		"Expires, no Date":         {http.Header{"Expires": {"Sun, 06 Nov 1994 08:49:47 GMT"}}, freshness{explicit: true, lifetime: 10000, stale: 1000, staleError: 2000}},
		"Expires in the past":      {http.Header{"Expires": {"Sun, 06 Nov 1994 08:49:27 GMT"}}, freshness{explicit: true, stale: 1000, staleError: 2000}},
		"a bad Expires":            {http.Header{"Expires": {"0"}}, freshness{explicit: true, stale: 1000, staleError: 2000}},
		"Age":                      {http.Header{"Cache-Control": {"max-age=5"}, "Age": {"3"}}, freshness{explicit: true, lifetime: 5000, age: 3000, stale: 1000, staleError: 2000}},
		"an old Date":              {http.Header{"Cache-Control": {"max-age=5"}, "Date": {"Sun, 06 Nov 1994 08:49:33 GMT"}}, freshness{explicit: true, lifetime: 5000, age: 4000, stale: 1000, staleError: 2000}},
		"a Date in the future":     {http.Header{"Cache-Control": {"max-age=5"}, "Date": {"Sun, 06 Nov 1994 08:49:39 GMT"}}, freshness{explicit: true, lifetime: 5000, stale: 1000, staleError: 2000}},
		"CDN-Cache-Control":        {http.Header{"Cdn-Cache-Control": {"max-age=9"}, "Cache-Control": {"no-store"}, "Expires": {"0"}}, freshness{explicit: true, lifetime: 9000, stale: 1000, staleError: 2000}},
		"a void CDN-Cache-Control": {http.Header{"Cdn-Cache-Control": {`max-age="9"`}, "Cache-Control": {"max-age=5"}}, freshness{explicit: true, lifetime: 5000, stale: 1000, staleError: 2000}},
		"a targeted nothing":       {http.Header{"Cdn-Cache-Control": {"public"}, "Expires": {"Sun, 06 Nov 1994 08:49:47 GMT"}}, freshness{byTTL: true, lifetime: 7000, stale: 1000, staleError: 2000}},
		"stale-*":                  {http.Header{"Cache-Control": {"s-maxage=5, stale-while-revalidate=3, stale-if-error=4"}}, freshness{explicit: true, lifetime: 5000, stale: 3000, staleError: 4000}},
	} {
		c := readControl(row.header)
		s := &settings{ttl: 7000, staleWhileRevalidate: 1000, staleIfError: 2000}
		if got := freshnessOf(s, &c, row.header, now1994, now1994); got != row.want {
			t.Errorf("%s: got %+v, want %+v", what, got, row.want)
		}
	}
}
