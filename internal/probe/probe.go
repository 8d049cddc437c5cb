// Package probe calls functions at intervals and reports whether they are healthy.
//
// It judges as Varnish's probes do: `threshold` of the last `window` results have to be good. A function that is not
// healthy gets no requests until it is again. All routers and middlewares that probe a function alike share one
// prober, which outlives reloads of Traefik's configuration.
package probe

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/seed05e46011/lambda/internal/option"
)

// Config holds the options of the group probe.
type Config struct {
	// Path defines the path, with its query if need be, of the request that the function is probed
	// with: a GET for the host localhost.
	// Default: "/".
	Path string `mapstructure:"path"`

	// Interval defines the time between the end of a probe and the next one, give or take a tenth:
	// "100ms" at least. With 5s, a function is called 17,280 times a day by each Traefik.
	// Default: "5s".
	Interval string `mapstructure:"interval"`

	// Timeout defines how long a probe may take: longer than a cold start of the function.
	// Default: "2s".
	Timeout string `mapstructure:"timeout"`

	// Window defines how many results count: the last ones, from 1 to 64.
	// Default: 8.
	Window *int `mapstructure:"window"`

	// Threshold defines how many of them have to be good, from 1 to Window.
	// Default: 3.
	Threshold *int `mapstructure:"threshold"`

	// Initial defines how many good results are assumed at the start, at most as many as Threshold.
	// With as many, a function is healthy even where the first probe fails.
	// Default: 2.
	Initial *int `mapstructure:"initial"`

	// Unknown collects the options that do not exist.
	Unknown map[string]any `mapstructure:",remain"`
}

// Settings is a checked Config.
type Settings struct {
	path      string
	interval  time.Duration
	timeout   time.Duration
	window    int
	threshold int
	initial   int // threshold at most
}

const (
	shortestInterval = 100 * time.Millisecond
	longestWindow    = 64
)

// Parse checks the options of the group probe. Its errors name the option.
func Parse(c *Config) (*Settings, error) {
	if err := option.Unknown("probe.", reflect.TypeOf(*c), c.Unknown); err != nil {
		return nil, err
	}
	s := &Settings{
		path:      c.Path,
		window:    valueOr(c.Window, 8),
		threshold: valueOr(c.Threshold, 3),
		initial:   valueOr(c.Initial, 2),
	}
	if s.path == "" {
		s.path = "/"
	}
	if !strings.HasPrefix(s.path, "/") || strings.ContainsAny(s.path, "# \t\r\n") {
		return nil, fmt.Errorf("probe.path: %q: want a path that starts with /", s.path)
	}
	if err := parseTimes(s, c); err != nil {
		return nil, err
	}
	if s.window < 1 || s.window > longestWindow {
		return nil, fmt.Errorf("probe.window: %d: want a whole number from 1 to %d", s.window, longestWindow)
	}
	if s.threshold < 1 || s.threshold > s.window {
		return nil, fmt.Errorf("probe.threshold: %d: want a whole number from 1 to window (%d)", s.threshold, s.window)
	}
	if err := option.NotNegative("probe.initial", int64(s.initial)); err != nil {
		return nil, err
	}
	if s.initial > s.threshold {
		s.initial = s.threshold
	}
	return s, nil
}

func parseTimes(s *Settings, c *Config) error {
	interval, err := durationOr("probe.interval", c.Interval, 5*time.Second)
	if err != nil {
		return err
	}
	if interval < shortestInterval {
		return fmt.Errorf("probe.interval: %q: want %v at least", c.Interval, shortestInterval)
	}
	timeout, err := durationOr("probe.timeout", c.Timeout, 2*time.Second)
	if err != nil {
		return err
	}
	s.interval = interval
	s.timeout = timeout
	return nil
}

func valueOr(set *int, otherwise int) int {
	if set == nil {
		return otherwise
	}
	return *set
}

func durationOr(name, set string, otherwise time.Duration) (time.Duration, error) {
	if set == "" {
		return otherwise, nil
	}
	d, err := option.PositiveDuration(name, set)
	return d, err
}

// Path returns the path to ask for, and the query without its "?".
func (s *Settings) Path() (path, query string) {
	path, query, _ = strings.Cut(s.path, "?")
	return path, query
}

// RetryAfter returns the number of seconds after which a client may ask a sick function again: the time to the next
// probe.
func (s *Settings) RetryAfter() string {
	return strconv.FormatInt(int64((s.interval+time.Second-1)/time.Second), 10)
}

// key lists everything that results depend on.
func (s *Settings) key() string {
	return fmt.Sprintf("%q %d %d %d %d %d", s.path, s.interval, s.timeout, s.window, s.threshold, s.initial)
}

// Target is a function to probe.
type Target struct {
	// Name is the function's name in the log and in metrics: "orders:live".
	Name string

	// Identity is unique to the target: function, qualifier, region, endpoint, format, credentials.
	Identity string

	// Call makes one probe, and returns when ctx ends at the latest. It may panic.
	Call func(ctx context.Context) Result

	// Log writes a line for the operator.
	Log func(line string)

	// Observe counts a probe: "good", "bad" or "skipped".
	Observe func(result string)
}

// Result is the outcome of one probe.
type Result struct {
	Good bool

	// Throttled reports that Lambda had no room for the call. That says nothing about the function, and does not
	// count: taking a function out of service at its peak would turn the peak into an outage.
	Throttled bool

	// Reason says in a few words why the probe was not good.
	Reason string
}

// Start probes a function until ctx ends, and returns a flag to load atomically: 0 if the function is sick, 1
// otherwise, and 1 before the first result. If the function has a prober already, for another router or from before a
// reload, that one is used.
func Start(ctx context.Context, s *Settings, target Target) (*int32, error) {
	if target.Call == nil || target.Log == nil || target.Observe == nil {
		return nil, errors.New("probe: a target without Call, Log or Observe")
	}
	return start(ctx, s, target, systemClock), nil
}

// State is the state of one function.
type State struct {
	Function string
	Healthy  bool
}

// States returns the functions that are probed, by name. A function that is probed in several ways is healthy if all
// of them say so.
func States() []State { return states() }
