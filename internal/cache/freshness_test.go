package cache

import (
	"fmt"
	"net/http"
	"testing"
)

const (
	now1994 = int64(784111777000) // Sun, 06 Nov 1994 08:49:37 GMT
	old1994 = "Sun, 06 Nov 1994 08:49:33 GMT"
)

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
		"60": 60, " 60 ": 60, "60, 70": 60, "0060": 60,
		"-1": 0, "6.0": 0, "a": 0, "": 0, "60;x": 0, "99999999999": maxSeconds,
	} {
		if got := parseAge([]string{value, "5"}); got != want {
			t.Errorf("%q: got %d, want %d", value, got, want)
		}
	}
}

func TestFreshness(t *testing.T) {
	const (
		now   = "Sun, 06 Nov 1994 08:49:37 GMT"
		later = "Sun, 06 Nov 1994 08:49:47 GMT"
	)
	for what, row := range map[string]struct {
		header []string
		want   string
	}{
		"nothing": {nil, "ttl: 7, age 0, stale 1 and 2"},
		"max-age": {
			[]string{"Cache-Control", "max-age=5"}, "explicit: 5, age 0, stale 1 and 2",
		},
		"s-maxage before it": {
			[]string{"Cache-Control", "max-age=5, s-maxage=6"}, "explicit: 6, age 0, stale 0 and 0",
		},
		"0": {
			[]string{"Cache-Control", "max-age=0"}, "explicit: 0, age 0, stale 1 and 2",
		},
		"no-cache": {
			[]string{"Cache-Control", "max-age=5, no-cache"}, "explicit: 0, age 0, stale 0 and 0",
		},
		"must-revalidate": {
			[]string{"Cache-Control", "max-age=5, must-revalidate"}, "explicit: 5, age 0, stale 0 and 0",
		},
		"Expires": {
			[]string{"Date", now, "Expires", later}, "explicit: 10, age 0, stale 1 and 2",
		},
		"Expires, no Date": {[]string{"Expires", later}, "explicit: 10, age 0, stale 1 and 2"},
		"Expires in the past": {
			[]string{"Date", later, "Expires", now}, "explicit: 0, age 0, stale 1 and 2",
		},
		"a bad Expires": {[]string{"Expires", "0"}, "explicit: 0, age 0, stale 1 and 2"},
		"Age": {
			[]string{"Cache-Control", "max-age=5", "Age", "3"}, "explicit: 5, age 3, stale 1 and 2",
		},
		"an old Date": {
			[]string{"Cache-Control", "max-age=5", "Date", old1994}, "explicit: 5, age 4, stale 1 and 2",
		},
		"a Date in the future": {
			[]string{"Cache-Control", "max-age=5", "Date", later}, "explicit: 5, age 0, stale 1 and 2",
		},
		"CDN-Cache-Control": {
			[]string{"CDN-Cache-Control", "max-age=9", "Cache-Control", "no-store", "Expires", "0"},
			"explicit: 9, age 0, stale 1 and 2",
		},
		"a void CDN-Cache-Control": {
			[]string{"CDN-Cache-Control", `max-age="9"`, "Cache-Control", "max-age=5"},
			"explicit: 5, age 0, stale 1 and 2",
		},
		"CDN-Cache-Control without a time": {
			[]string{"CDN-Cache-Control", "public", "Expires", later}, "ttl: 7, age 0, stale 1 and 2",
		},
		"times of the response's own": {
			[]string{"Cache-Control", "s-maxage=5, stale-while-revalidate=3, stale-if-error=4"},
			"explicit: 5, age 0, stale 3 and 4",
		},
	} {
		header := http.Header{}
		setHeader(header, row.header)
		c := readControl(header)
		s := &settings{ttl: 7000, staleWhileRevalidate: 1000, staleIfError: 2000}
		f := freshnessOf(s, &c, header, now1994, now1994)
		source := "explicit"
		if f.byTTL && !f.explicit {
			source = "ttl"
		}
		got := fmt.Sprintf("%s: %d, age %d, stale %d and %d",
			source, f.lifetime/1000, f.age/1000, f.stale/1000, f.staleError/1000)
		if got != row.want {
			t.Errorf("%s: got %s, want %s", what, got, row.want)
		}
	}
}
