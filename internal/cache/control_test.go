package cache

import (
	"net/http"
	"strings"
	"testing"
)

func TestMaxAge(t *testing.T) {
	for value, want := range map[string]int64{
		"max-age=60":                    60,
		`max-age="60"`:                  60,
		"max-age=003600":                3600,
		"Max-AGE=60":                    60,
		"max-age='60'":                  0,
		"max-age=60.0":                  0,
		"max-age=60a":                   0,
		"max-age=-1":                    0,
		"max-age= 60":                   0,
		"max-age=":                      0,
		"max-age":                       0,
		"max-age=99999999999999999999":  maxSeconds,
		"max-age=60, max-age=60":        60,
		"max-age=60, max-age=61":        0,
		`x="a, max-age=1", max-age=60`:  60,
		`x="a\", max-age=1", max-age=7`: 7,
		"\tmax-age=60 ,":                60,
	} {
		c := parseControl(value)
		if !c.maxAge.set || c.maxAge.seconds != want {
			t.Errorf("%s: got %+v, want %d", value, c.maxAge, want)
		}
	}
	if c := parseControl("max-age =60"); c.maxAge.set {
		t.Errorf("got %+v of a name with a blank, want none", c.maxAge)
	}
}

func TestDirectives(t *testing.T) {
	for value, want := range map[string]control{
		"no-store":                               {noStore: true},
		`no-cache="X-A, X-B"`:                    {noCache: true},
		`private="X-A"`:                          {private: true},
		"Public, MUST-REVALIDATE":                {public: true, mustRevalidate: true},
		"proxy-revalidate, must-understand":      {mustRevalidate: true, mustUnderstand: true},
		"s-maxage=1, stale-while-revalidate=2":   {sMaxAge: delta{true, 1}, staleWhileRevalidate: delta{true, 2}},
		"stale-if-error=3, unknown, x=y":         {staleIfError: delta{true, 3}},
		`x="no-store"`:                           {},
		strings.Repeat("x", maxControlBytes+1):   {noStore: true},
		"private;no-store":                       {},
		`x="a` + `, no-store`:                    {},
		"no-store" + strings.Repeat(",", 100):    {noStore: true},
		strings.Repeat(`",`, 1000) + "no-store,": {noStore: true},
	} {
		if got := parseControl(value); got != want {
			t.Errorf("%.60s: got %+v, want %+v", value, got, want)
		}
	}
}

func TestTargetedDirectives(t *testing.T) {
	for value, want := range map[string]control{
		"max-age=60":                     {targeted: true, maxAge: delta{true, 60}},
		"max-age=60, max-age=5":          {targeted: true, maxAge: delta{true, 5}},
		"foobar, max-age=60;x=\"y\"":     {targeted: true, maxAge: delta{true, 60}},
		"private, no-store":              {targeted: true, private: true, noStore: true},
		"no-cache=?0, public=?1":         {targeted: true, public: true},
		"max-age=-1":                     {targeted: true, maxAge: delta{true, 0}},
		"max-age=60 \t, must-revalidate": {targeted: true, maxAge: delta{true, 60}, mustRevalidate: true},
	} {
		got, ok := parseTargeted(value)
		if !ok || got != want {
			t.Errorf("%s: got %+v, %v, want %+v", value, got, ok, want)
		}
	}
	for _, value := range []string{
		"", " ", "max-age", `max-age="60"`,
		"max-age=60.5", "Max-Age=60", "max-age =60", "max-age= 60", "max-age=60,", "max-age=60;",
		"max-age=60 private", "&", "max-age=60, (a b)", "max-age=(1 2)", "max-age=60\n", strings.Repeat("a,", 3000) + "a",
	} {
		if got, ok := parseTargeted(value); ok {
			t.Errorf("%.40q: got %+v, want it void", value, got)
		}
	}
}

func FuzzControl(f *testing.F) {
	f.Add(`max-age=60, private="a, b", no-store`)
	f.Add(`x="\", max-age=1`)
	f.Fuzz(func(t *testing.T, value string) {
		c := parseControl(value)
		if c.maxAge.seconds < 0 || c.maxAge.seconds > maxSeconds || c.sMaxAge.seconds < 0 {
			t.Errorf("got %+v", c)
		}
		if strings.Join(splitList(value), ",") != value {
			t.Errorf("got %q of %q", splitList(value), value)
		}
		if targeted, ok := parseTargeted(value); ok && strings.ContainsAny(value, "ABC=\"") && targeted.maxAge.seconds < 0 {
			t.Errorf("got %+v", targeted)
		}
		header := http.Header{"Cache-Control": {value}, "Expires": {value}, "Age": {value}, "Date": {value}, "Vary": {value}}
		fresh := freshnessOf(&settings{}, &c, header, 1000, 2000)
		if fresh.lifetime < 0 || fresh.age < 0 || fresh.lifetime > maxSeconds*1000 {
			t.Errorf("got %+v", fresh)
		}
		names, ok := namesOf(&settings{}, header)
		if ok && strings.Trim(strings.Join(names, ""), " \t,") != strings.Join(names, "") {
			t.Errorf("got %q of %q", names, value)
		}
	})
}

func FuzzQuery(f *testing.F) {
	f.Add("a=1&b=2&%61=3;c=4")
	filter, err := parseQueryFilter([]string{"*", "!utm_*"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, query string) {
		cut := cutQuery(&filter, query)
		if len(cut) > len(query) || cutQuery(&filter, cut) != cut {
			t.Errorf("got %q of %q", cut, query)
		}
	})
}
