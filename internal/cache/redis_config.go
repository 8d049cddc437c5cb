package cache

// RedisConfig holds the options of the group cache.redis.
type RedisConfig struct {
	// Address defines the server, "host:port".
	// Required.
	Address string `mapstructure:"address"`

	// Username defines the user of an access control list.
	// Default: none, which is Redis' user "default".
	Username string `mapstructure:"username"`

	// Password defines the password. Better use PasswordFile.
	// Default: none.
	Password string `mapstructure:"password"`

	// PasswordFile defines a file with the password, which is read for each new connection.
	// Default: none.
	PasswordFile string `mapstructure:"passwordFile"`

	// DB defines the number of the database.
	// Default: 0.
	DB int `mapstructure:"db"`

	// TLS encrypts the connections, and has the server prove that it is Address' host to the system's
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
