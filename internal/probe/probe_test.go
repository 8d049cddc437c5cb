package probe

import (
	"context"
	"strings"
	"testing"
	"time"
)

func number(n int) *int { return &n }

func TestParseSetsTheDefaults(t *testing.T) {
	s, err := Parse(&Config{})
	if err != nil {
		t.Fatal(err)
	}
	want := Settings{path: "/", interval: 5 * time.Second, timeout: 2 * time.Second, window: 8, threshold: 3, initial: 2}
	if *s != want {
		t.Errorf("got %+v, want %+v", *s, want)
	}
}

func TestParseReadsPathAndInitial(t *testing.T) {
	for initial, want := range map[int]int{0: 0, 2: 2, 3: 3, 9: 3} {
		s, err := Parse(&Config{Path: "/health?deep=1&x", Interval: "100ms", Timeout: "1", Initial: number(initial)})
		if err != nil {
			t.Fatal(err)
		}
		path, query := s.Path()
		if path != "/health" || query != "deep=1&x" || s.timeout != time.Second || s.initial != want {
			t.Errorf("got %q, %q and %+v, want /health, deep=1&x, 1s, and %d at the start", path, query, *s, want)
		}
	}
}

func TestParseNamesTheOptionThatIsWrong(t *testing.T) {
	cases := map[string]struct {
		config Config
		want   string
	}{
		"a path without a slash":       {Config{Path: "health"}, `probe.path: "health": want`},
		"a fragment":                   {Config{Path: "/#x"}, `probe.path: "/#x": want`},
		"an interval of no time":       {Config{Interval: "often"}, `probe.interval: "often": want`},
		"an interval that is short":    {Config{Interval: "99ms"}, `probe.interval: "99ms": want 100ms at least`},
		"no timeout":                   {Config{Timeout: "0s"}, `probe.timeout: "0s": want`},
		"no window":                    {Config{Window: number(0)}, `probe.window: 0: want`},
		"a window that is long":        {Config{Window: number(65)}, `probe.window: 65: want`},
		"no threshold":                 {Config{Threshold: number(0)}, `probe.threshold: 0: want`},
		"a threshold above the window": {Config{Window: number(2)}, `probe.threshold: 3: want a whole number from 1 to window (2)`},
		"a negative start":             {Config{Initial: number(-1)}, `probe.initial: -1: want`},
		"a misspelt option":            {Config{Unknown: map[string]any{"windows": 3}}, `probe.windows: no such option: did you mean probe.window?`},
	}
	for name, tc := range cases {
		config := tc.config
		_, err := Parse(&config)
		if err == nil || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %s", name, err, tc.want)
		}
	}
}

func TestRetryAfterIsTheIntervalRoundedUp(t *testing.T) {
	for interval, want := range map[string]string{"100ms": "1", "1s": "1", "1001ms": "2", "5s": "5"} {
		s, err := Parse(&Config{Interval: interval})
		if err != nil || s.RetryAfter() != want {
			t.Errorf("%s: got %s, %v, want %s", interval, s.RetryAfter(), err, want)
		}
	}
}

func TestStartRefusesHalfATarget(t *testing.T) {
	s, _ := Parse(&Config{})
	if _, err := Start(context.Background(), s, Target{}); err == nil {
		t.Error("got no error, want one")
	}
}
