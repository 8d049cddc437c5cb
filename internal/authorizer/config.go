package authorizer

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"time"

	"github.com/seed05e46011/lambda/internal/option"
)

// Config holds the options of the group authorizer.
type Config struct {
	// Function defines the Lambda authorizer: a name, a partial ARN or an ARN, as in the option function. Set exactly
	// one of Function and JWT.
	Function string `mapstructure:"function"`

	// Qualifier defines the version or the alias of Function.
	// Default: what Function carries, else none, which is $LATEST.
	Qualifier string `mapstructure:"qualifier"`

	// EventFormat defines the event that Function gets, the replies that it may give and the responses to refused
	// clients: "http-api-v2", "http-api-v1", "rest-api" (a REST API's REQUEST authorizer) or "rest-api-token" (its
	// TOKEN authorizer).
	// Default: "http-api-v2".
	EventFormat string `mapstructure:"eventFormat"`

	// IdentitySource defines what identifies the caller, in API Gateway's syntax:
	// "$request.header.Name", "$request.querystring.name", "$context.variable" or
	// "$stageVariables.name". A request that lacks one of them gets 401 without a call.
	// Default: "$request.header.Authorization"; an empty list stands for none.
	IdentitySource []string `mapstructure:"identitySource"`

	// IdentityValidation defines a regular expression that the whole token has to match. Otherwise the client gets
	// 401 without a call. Only with EventFormat "rest-api-token".
	// Default: every token.
	IdentityValidation string `mapstructure:"identityValidation"`

	// TTL defines how long a result, allow or deny, serves the requests of the same identity, up to
	// "1h". A cached policy is evaluated anew for each of them; a cached simple reply holds for all
	// paths and methods, unless IdentitySource has "$context.path" and "$context.httpMethod".
	// Default: "0s", each request is a call.
	TTL string `mapstructure:"ttl"`

	// Timeout defines how long Function, or the issuer's keys, may take before the client gets 500.
	// Default: "10s".
	Timeout string `mapstructure:"timeout"`

	// JWT defines an HTTP API's JWT authorizer in place of Function.
	JWT *JWTConfig `mapstructure:"jwt"`

	// RequestHeaders defines headers for the function's event and for the service, as Go text/templates over the
	// authorizer's result: "{{ .principalId }}", a key of its context, or a claim. The client's own headers of these
	// names are always removed. A header whose template renders empty is not set.
	RequestHeaders map[string]string `mapstructure:"requestHeaders"`

	// Unknown collects the options that do not exist.
	Unknown map[string]any `mapstructure:",remain"`
}

// JWTConfig holds the options of the group authorizer.jwt.
type JWTConfig struct {
	// Issuer defines the value of the claim iss, and the https:// URL under which
	// /.well-known/openid-configuration names the issuer's keys. http:// is for loopback only.
	// Required.
	Issuer string `mapstructure:"issuer"`

	// Audience defines the accepted values of the claim aud, or of client_id in a token without aud.
	// Required.
	Audience []string `mapstructure:"audience"`

	// JWKSURL defines where the issuer's keys are, for issuers without
	// /.well-known/openid-configuration.
	// Default: what that document says.
	JWKSURL string `mapstructure:"jwksURL"`

	// Scopes defines the accepted values of the claim scope, or scp. A token needs one of them.
	// Default: none is needed.
	Scopes []string `mapstructure:"scopes"`

	// Unknown collects the options that do not exist.
	Unknown map[string]any `mapstructure:",remain"`
}

const (
	maxTTL         = time.Hour // API Gateway's
	defaultTimeout = "10s"
)

// defaultSource is where tokens usually are.
const defaultSource = "$request.header.Authorization"

// settings is Config, parsed and checked.
type settings struct {
	format      *format
	sources     []source
	validates   bool           // whether there is a
	validation  *regexp.Regexp // for the whole token
	ttl         time.Duration
	timeout     time.Duration
	verifiesJWT bool
	jwt         jwtRules // where verifiesJWT
	headers     []headerRule
}

// parse reads the options. Its errors name the option.
func parse(c *Config) (*settings, error) {
	if err := option.Unknown("authorizer.", reflect.TypeOf(*c), c.Unknown); err != nil {
		return nil, err
	}
	if (c.Function == "") == (c.JWT == nil) {
		return nil, errors.New("authorizer.function, authorizer.jwt: want exactly one of them: " +
			"the name or the ARN of a Lambda authorizer, or the rules for JSON Web Tokens")
	}
	s := &settings{}
	steps := []func(*Config, *settings) error{
		parseFormat, parseSources, parseValidation, parseDurations, parseJWT, parseHeaders,
	}
	for _, step := range steps {
		if err := step(c, s); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func parseFormat(c *Config, s *settings) error {
	name := c.EventFormat
	if name == "" {
		name = FormatHTTPAPIv2
	}
	if err := option.OneOf("authorizer.eventFormat", name, formatNames); err != nil {
		return err
	}
	s.format = formats[name]
	if c.JWT != nil && name != FormatHTTPAPIv2 {
		return fmt.Errorf("authorizer.eventFormat: %q: not with authorizer.jwt, which calls no function", name)
	}
	return nil
}

func parseSources(c *Config, s *settings) error {
	texts := c.IdentitySource
	if texts == nil {
		texts = []string{defaultSource}
	}
	for _, text := range texts {
		parsed, err := parseSource(text, s.format)
		if err != nil {
			return err
		}
		s.sources = append(s.sources, parsed)
	}
	switch {
	case s.format.token && (len(s.sources) != 1 || s.sources[0].kind != sourceHeader):
		return fmt.Errorf("authorizer.identitySource: %q: want exactly one header with eventFormat %s", texts, s.format.name)
	case c.JWT != nil && (len(s.sources) != 1 || !s.sources[0].ofRequest()):
		return fmt.Errorf("authorizer.identitySource: %q: want exactly one header or query parameter with authorizer.jwt",
			texts)
	}
	return nil
}

func parseValidation(c *Config, s *settings) error {
	if c.IdentityValidation == "" {
		return nil
	}
	if !s.format.token {
		return fmt.Errorf("authorizer.identityValidation: %q: want it with eventFormat %s only",
			c.IdentityValidation, FormatRESTAPIToken)
	}
	compiled, err := regexp.Compile(`^(?:` + c.IdentityValidation + `)$`)
	if err != nil {
		return fmt.Errorf("authorizer.identityValidation: want a regular expression: %w", err)
	}
	s.validation = compiled
	s.validates = true
	return nil
}

func parseDurations(c *Config, s *settings) error {
	ttl, err := option.NotNegativeDuration("authorizer.ttl", c.TTL)
	if err != nil {
		return err
	}
	text := c.Timeout
	if text == "" {
		text = defaultTimeout
	}
	timeout, err := option.PositiveDuration("authorizer.timeout", text)
	if err != nil {
		return err
	}
	switch {
	case ttl > maxTTL:
		return fmt.Errorf("authorizer.ttl: %q: want %v at most", c.TTL, maxTTL)
	case ttl > 0 && len(s.sources) == 0:
		return fmt.Errorf("authorizer.ttl: %q: want an identitySource to tell callers apart by, or 0s", c.TTL)
	case ttl > 0 && c.JWT != nil:
		return fmt.Errorf("authorizer.ttl: %q: not with authorizer.jwt, whose tokens say how long they last", c.TTL)
	}
	s.ttl = ttl
	s.timeout = timeout
	return nil
}

func parseJWT(c *Config, s *settings) error {
	if c.JWT == nil {
		return nil
	}
	if c.Qualifier != "" {
		return fmt.Errorf("authorizer.qualifier: %q: not with authorizer.jwt, which calls no function", c.Qualifier)
	}
	rules, err := parseJWTRules(c.JWT)
	if err != nil {
		return err
	}
	s.jwt = rules
	s.verifiesJWT = true
	return nil
}
