package option

import (
	"reflect"
	"strings"
	"testing"
)

func TestDuration(t *testing.T) {
	for text, want := range map[string]string{"5": "5s", "62s": "1m2s", " 15m ": "15m0s", "1h30m": "1h30m0s"} {
		got, err := Duration(text)
		if err != nil || got.String() != want {
			t.Errorf("%q: got %v, %v, want %s", text, got, err, want)
		}
	}
}

func TestRefusals(t *testing.T) {
	_, noDuration := PositiveDuration("timeout", "0s")
	_, negative := NotNegativeDuration("ttl", "-1s")
	cases := map[string]struct {
		err  error
		want string
	}{
		"a word that is not allowed":    {OneOf("mode", "c", []string{"a", "b"}), `mode: "c": want one of a, b`},
		"zero where there must be some": {Positive("size", 0), "size: 0: want a whole number above 0"},
		"a negative number":             {NotNegative("depth", -1), "depth: -1: want a whole number, 0 or above"},
		"a status of an interim reply":  {Status("status", 199), "status: 199: want an HTTP status"},
		"no time":                       {noDuration, `timeout: "0s": want a duration above 0`},
		"a negative time":               {negative, `ttl: "-1s": want a duration`},
	}
	for name, tc := range cases {
		if tc.err == nil || !strings.HasPrefix(tc.err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %s", name, tc.err, tc.want)
		}
	}
}

func TestUnknownNamesTheNearestOption(t *testing.T) {
	type group struct {
		MaxBytes int            `mapstructure:"maxBytes"`
		TTL      string         `mapstructure:"ttl"`
		Unknown  map[string]any `mapstructure:",remain"`
	}
	got := Unknown("cache.", reflect.TypeOf(group{}), map[string]any{"maxbyte": "1"})
	want := "cache.maxbyte: no such option: did you mean cache.maxBytes?"
	if got == nil || got.Error() != want {
		t.Errorf("got %v, want %s", got, want)
	}
	if err := Unknown("cache.", reflect.TypeOf(group{}), nil); err != nil {
		t.Errorf("got %v, want none where all options are known", err)
	}
}
