package cache

import (
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"strings"

	"github.com/seed05e46011/lambda/internal/option"
)

// Config holds the options of the group cache.
type Config struct {
	// TTL defines how long a response is fresh if it does not say so itself. "0s" stores only responses that carry
	// Cache-Control, CDN-Cache-Control or Expires.
	// Default: "0s".
	TTL string `mapstructure:"ttl"`

	// MaxBytes defines how many bytes the responses in memory may take, with their headers and keys. Those that were
	// not requested for the longest time are dropped first.
	// Default: 67108864.
	MaxBytes int64 `mapstructure:"maxBytes"`

	// MaxEntryBytes defines how large a body may be to be stored.
	// Default: 1048576.
	MaxEntryBytes int64 `mapstructure:"maxEntryBytes"`

	// StaleWhileRevalidate defines for how long after its end a response is still sent while one request fetches a
	// new one. A response's own directive takes precedence.
	// Default: "0s".
	StaleWhileRevalidate string `mapstructure:"staleWhileRevalidate"`

	// StaleIfError defines for how long after its end a response is still sent if the function cannot be called,
	// fails, or sends 500, 502, 503 or 504. A response's own directive takes precedence.
	// Default: "0s".
	StaleIfError string `mapstructure:"staleIfError"`

	// Key defines what distinguishes two requests beside scheme, host, path, query and Vary.
	// Default: nothing.
	Key *KeyConfig `mapstructure:"key"`

	// Redis defines the Redis server that replicas of Traefik share their responses through.
	// Default: none, each replica keeps its own.
	Redis *RedisConfig `mapstructure:"redis"`

	// Unknown collects the options that do not exist.
	Unknown map[string]any `mapstructure:",remain"`
}

// KeyConfig holds the options of the group cache.key.
type KeyConfig struct {
	// Headers defines request headers whose values a stored response depends on.
	Headers []string `mapstructure:"headers"`

	// Cookies defines cookies whose values a stored response depends on.
	Cookies []string `mapstructure:"cookies"`

	// Query defines the parameters that count, by their names as they stand in the query: "id", "utm_*", "*_id".
	// "!name" leaves one out. All other parameters are cut from the query before the origin sees it.
	// Default: the whole query.
	Query []string `mapstructure:"query"`

	// Unknown collects the options that do not exist.
	Unknown map[string]any `mapstructure:",remain"`
}

const (
	defaultMaxBytes      = 64 << 20
	defaultMaxEntryBytes = 1 << 20
)

// settings are the options of Config, parsed.
type settings struct {
	ttl                  int64 // milliseconds, as all times here
	staleWhileRevalidate int64
	staleIfError         int64
	maxBytes             int64
	maxEntryBytes        int64
	headers              []string // canonical names
	cookies              []string
	query                queryFilter
}

// tokenPattern matches the name of a header or a cookie (RFC 9110 5.6.2).
var tokenPattern = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

// parse checks and parses the options other than redis.
func parse(config *Config) (*settings, error) {
	if err := option.Unknown("cache.", reflect.TypeOf(*config), config.Unknown); err != nil {
		return nil, err
	}
	s := &settings{maxBytes: config.MaxBytes, maxEntryBytes: config.MaxEntryBytes}
	var err error
	s.ttl, err = milliseconds("cache.ttl", config.TTL)
	if err != nil {
		return nil, err
	}
	s.staleWhileRevalidate, err = milliseconds("cache.staleWhileRevalidate", config.StaleWhileRevalidate)
	if err != nil {
		return nil, err
	}
	s.staleIfError, err = milliseconds("cache.staleIfError", config.StaleIfError)
	if err != nil {
		return nil, err
	}
	if err := parseSizes(s); err != nil {
		return nil, err
	}
	if config.Key != nil {
		err = parseKey(s, config.Key)
	}
	return s, err
}

func milliseconds(name, value string) (int64, error) {
	d, err := option.NotNegativeDuration(name, value)
	return d.Milliseconds(), err
}

// parseSizes checks the sizes and fills in the defaults.
func parseSizes(s *settings) error {
	if s.maxBytes == 0 {
		s.maxBytes = defaultMaxBytes
	}
	if s.maxEntryBytes == 0 {
		s.maxEntryBytes = defaultMaxEntryBytes
	}
	if err := option.Positive("cache.maxBytes", s.maxBytes); err != nil {
		return err
	}
	if err := option.Positive("cache.maxEntryBytes", s.maxEntryBytes); err != nil {
		return err
	}
	if s.maxEntryBytes > s.maxBytes {
		return fmt.Errorf("cache.maxEntryBytes: %d: want no more than maxBytes, %d", s.maxEntryBytes, s.maxBytes)
	}
	return nil
}

// parseKey reads the group cache.key.
func parseKey(s *settings, config *KeyConfig) error {
	if err := option.Unknown("cache.key.", reflect.TypeOf(*config), config.Unknown); err != nil {
		return err
	}
	for _, name := range config.Headers {
		name = strings.TrimSpace(name)
		if !tokenPattern.MatchString(name) {
			return fmt.Errorf("cache.key.headers: %q: want a header's name", name)
		}
		s.headers = append(s.headers, http.CanonicalHeaderKey(name))
	}
	for _, name := range config.Cookies {
		name = strings.TrimSpace(name)
		if !tokenPattern.MatchString(name) {
			return fmt.Errorf("cache.key.cookies: %q: want a cookie's name", name)
		}
		s.cookies = append(s.cookies, name)
	}
	filter, err := parseQueryFilter(config.Query)
	s.query = filter
	return err
}
