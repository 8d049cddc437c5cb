package cache

import (
	"fmt"
	"net"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/seed05e46011/lambda/internal/option"
)

// RedisConfig holds the options of the group cache.redis.
type RedisConfig struct {
	// Address defines the server, "host:port". Redis 6 or later, or Valkey; no Cluster.
	// Required.
	Address string `mapstructure:"address"`

	// Username defines the user of an access control list.
	// Default: none, which is Redis' user "default".
	Username string `mapstructure:"username"`

	// Password defines the password. PasswordFile keeps it out of the configuration.
	// Default: none.
	Password string `mapstructure:"password"`

	// PasswordFile defines a file with the password, which is read for each new connection.
	// Default: none.
	PasswordFile string `mapstructure:"passwordFile"`

	// DB defines the number of the database.
	// Default: 0.
	DB int `mapstructure:"db"`

	// TLS encrypts the connections. The server proves that it is Address' host to the system's
	// certificate authorities.
	// Default: false.
	TLS bool `mapstructure:"tls"`

	// KeyPrefix defines how all keys begin.
	// Default: "traefik-lambda:".
	KeyPrefix string `mapstructure:"keyPrefix"`

	// Timeout defines how long Redis may take for one response, a new connection included.
	// Default: "100ms".
	Timeout string `mapstructure:"timeout"`

	// Unknown collects the options that do not exist.
	Unknown map[string]any `mapstructure:",remain"`
}

const (
	defaultKeyPrefix    = "traefik-lambda:"
	defaultRedisTimeout = 100 * time.Millisecond
)

// redisSettings are the options of RedisConfig, parsed.
type redisSettings struct {
	address      string
	host         string
	username     string
	password     string
	passwordFile string // "" for none
	db           int
	tls          bool
	prefix       string
	timeout      time.Duration
}

// parseRedis checks the options and reads them.
func parseRedis(config *RedisConfig) (redisSettings, error) {
	s := redisSettings{
		address:      config.Address,
		username:     config.Username,
		password:     strings.TrimSpace(config.Password),
		passwordFile: config.PasswordFile,
		db:           config.DB,
		tls:          config.TLS,
		prefix:       config.KeyPrefix,
		timeout:      defaultRedisTimeout,
	}
	if err := option.Unknown("cache.redis.", reflect.TypeOf(*config), config.Unknown); err != nil {
		return s, err
	}
	host, port, err := net.SplitHostPort(config.Address)
	if err != nil || host == "" || port == "" {
		return s, fmt.Errorf("cache.redis.address: %q: want host:port, such as \"redis:6379\"", config.Address)
	}
	s.host = host
	if s.prefix == "" {
		s.prefix = defaultKeyPrefix
	}
	if err := option.NotNegative("cache.redis.db", int64(config.DB)); err != nil {
		return s, err
	}
	switch {
	case s.password != "" && s.passwordFile != "":
		return s, fmt.Errorf("cache.redis.passwordFile: %q: not with password", s.passwordFile)
	case s.username != "" && s.password == "" && s.passwordFile == "":
		return s, fmt.Errorf("cache.redis.username: %q: want password or passwordFile with it", s.username)
	}
	if config.Timeout != "" {
		timeout, err := option.PositiveDuration("cache.redis.timeout", config.Timeout)
		if err != nil {
			return s, err
		}
		s.timeout = timeout
	}
	return s, nil
}

// secretOf returns the password, "" for none.
func secretOf(s *redisSettings) (string, error) {
	if s.passwordFile == "" {
		return s.password, nil
	}
	content, err := os.ReadFile(s.passwordFile)
	if err != nil {
		return "", fmt.Errorf("passwordFile: %w", err)
	}
	return strings.TrimSpace(string(content)), nil
}
