package lambda

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

func TestEmptyForwardingHeadersCountAsMissing(t *testing.T) {
	for _, values := range [][]string{{""}, {"", ""}, {","}} {
		for format := range eventFormats {
			if format == "raw" || format == "template" {
				continue // formats without headers
			}
			l := formatLambda(t, format, nil)
			made := map[string]string{}
			for name, header := range map[string]http.Header{
				"none":  {},
				"empty": {"X-Forwarded-For": values, "X-Forwarded-Proto": {""}, "X-Forwarded-Port": {""}, "X-Amzn-Trace-Id": {""}},
			} {
				r := getRequest("http://example.com/")
				r.Header = header
				var event any
				if err := json.Unmarshal(eventOf(t, l, r), &event); err != nil {
					t.Fatal(err)
				}
				encoded, _ := json.Marshal(event)
				made[name] = ofOneRequest.ReplaceAllString(string(encoded), "")
			}
			if made["empty"] != made["none"] {
				t.Errorf("%s, X-Forwarded-For %q: got\n%s, want\n%s", format, values, made["empty"], made["none"])
			}
		}
	}
}

// Headers that clients choose must cost linear time only, up to Traefik's limit of 1 MB.
func TestManyNamesInARequestTakeLinearTime(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds, interpreted")
	}
	header := http.Header{"Cookie": {strings.Repeat("a=b;", 100_000)}}
	for _, name := range manyNames(20_000) {
		header["X-"+name] = []string{"v"}
	}
	for format := range eventFormats {
		if format == "raw" || format == "template" {
			continue
		}
		l := formatLambda(t, format, nil)
		r := getRequest("http://example.com/?" + strings.Join(manyNames(20_000), "&"))
		r.Header = header
		if len(eventOf(t, l, r)) < 500_000 {
			t.Errorf("%s: got an event without some names, want all of them", format)
		}
	}
}

// manyNames returns n names.
func manyNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = "n" + string(rune('a'+i%26)) + strings.Repeat("x", 3) + strconv.Itoa(i)
	}
	return names
}
