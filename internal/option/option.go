// Package option parses and checks option values. Its errors name the option, the value and the values that are
// allowed. All option groups use it, so that they read and refuse values in the same way.
package option

import (
	"fmt"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// OneOf refuses a value that is not among allowed.
func OneOf(name, value string, allowed []string) error {
	for _, a := range allowed {
		if value == a {
			return nil
		}
	}
	return fmt.Errorf("%s: %q: want one of %s", name, value, strings.Join(allowed, ", "))
}

// Positive refuses 0 and negative numbers.
func Positive(name string, value int64) error {
	if value <= 0 {
		return fmt.Errorf("%s: %d: want a whole number above 0", name, value)
	}
	return nil
}

// NotNegative refuses negative numbers.
func NotNegative(name string, value int64) error {
	if value < 0 {
		return fmt.Errorf("%s: %d: want a whole number, 0 or above", name, value)
	}
	return nil
}

// Status refuses a number that is not the status of a final HTTP response.
func Status(name string, value int) error {
	if value < 200 || value > 599 {
		return fmt.Errorf("%s: %d: want an HTTP status from 200 to 599", name, value)
	}
	return nil
}

// PositiveDuration reads a duration above 0.
func PositiveDuration(name, value string) (time.Duration, error) {
	d, err := Duration(value)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%s: %q: want a duration above 0, such as \"62s\" or \"15m\"", name, value)
	}
	return d, nil
}

// NotNegativeDuration reads a duration; an empty value is 0.
func NotNegativeDuration(name, value string) (time.Duration, error) {
	if value == "" {
		return 0, nil
	}
	d, err := Duration(value)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%s: %q: want a duration, such as \"0s\", \"30s\" or \"15m\"", name, value)
	}
	return d, nil
}

// Duration reads a duration with its unit. A bare number means seconds, as in Traefik's own options.
func Duration(value string) (time.Duration, error) {
	value = strings.TrimSpace(value)
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil {
		return time.Duration(seconds) * time.Second, nil
	}
	return time.ParseDuration(value)
}

// Prefixes reads IP addresses and CIDR ranges. An IPv4 address written as IPv6 (::ffff:192.0.2.1) counts as IPv4.
func Prefixes(name string, list []string) ([]netip.Prefix, error) {
	var prefixes []netip.Prefix
	for _, s := range list {
		s = strings.TrimSpace(s)
		prefix, err := netip.ParsePrefix(s)
		if err != nil {
			addr, addrErr := netip.ParseAddr(s)
			if addrErr != nil {
				return nil, fmt.Errorf("%s: %q: want an IP address or a CIDR range", name, s)
			}
			addr = addr.Unmap()
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		prefixes = append(prefixes, prefix.Masked())
	}
	return prefixes, nil
}

// Unknown refuses the options that mapstructure could not place in a struct of type t, and names the
// nearest one that exists. prefix is the group's name with its dot, "" for the top level.
func Unknown(prefix string, t reflect.Type, unknown map[string]any) error {
	for name := range unknown {
		return fmt.Errorf("%s%s: no such option: did you mean %s%s?", prefix, name, prefix, nearest(name, names(t)))
	}
	return nil
}

// names returns the names of the options that a struct of type t takes.
func names(t reflect.Type) []string {
	var list []string
	for i := 0; i < t.NumField(); i++ {
		if name := t.Field(i).Tag.Get("mapstructure"); !strings.HasPrefix(name, ",") {
			list = append(list, name)
		}
	}
	return list
}

// nearest returns the candidate with the smallest edit distance to name.
func nearest(name string, candidates []string) string {
	best := ""
	bestDistance := 0
	for _, candidate := range candidates {
		d := editDistance(strings.ToLower(name), strings.ToLower(candidate))
		if best == "" || d < bestDistance {
			best = candidate
			bestDistance = d
		}
	}
	return best
}

// editDistance counts the insertions, deletions and substitutions that turn a into b (Levenshtein).
// It looks at the first 64 bytes of a only: no option name is longer.
func editDistance(a, b string) int {
	const longest = 64
	if len(a) > longest {
		a = a[:longest]
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			above := row[j]
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost++
			}
			if above+1 < cost {
				cost = above + 1
			}
			if row[j-1]+1 < cost {
				cost = row[j-1] + 1
			}
			row[j] = cost
			diagonal = above
		}
	}
	return row[len(b)]
}
