package authorizer

import (
	"strings"
	"testing"
)

func TestWrongOptionsAreNamed(t *testing.T) {
	jwt := func() *JWTConfig { return &JWTConfig{Issuer: "https://issuer.example", Audience: []string{"a"}} }
	noIssuer := jwt()
	noIssuer.Issuer = ""
	plainIssuer := jwt()
	plainIssuer.Issuer = "http://issuer.example"
	noAudience := jwt()
	noAudience.Audience = []string{" "}
	plainKeys := jwt()
	plainKeys.JWKSURL = "http://192.0.2.1/keys"
	twoScopes := jwt()
	twoScopes.Scopes = []string{"a b"}
	misspeltJWT := jwt()
	misspeltJWT.Unknown = map[string]any{"issuers": "x"}
	twoTokens := from("", "$request.header.A", "$request.header.B")
	twoTokens.Function = ""
	twoTokens.JWT = jwt()
	identitySource := "authorizer.identitySource"
	cases := map[string]struct {
		config Config
		want   string
	}{
		"neither kind":            {Config{}, "authorizer.function, authorizer.jwt: want exactly one"},
		"both kinds":              {Config{Function: "f", JWT: jwt()}, "authorizer.function, authorizer.jwt: want"},
		"misspelt":                {Config{Function: "f", Unknown: map[string]any{"tll": "1s"}}, "did you mean authorizer.ttl?"},
		"no such format":          {Config{Function: "f", EventFormat: "alb"}, `authorizer.eventFormat: "alb"`},
		"a context of its own":    {from("", "$context.authorizer.x"), identitySource},
		"a path parameter":        {from("", "$request.path.id"), identitySource},
		"REST's path parameter":   {from("", "method.request.path.id"), identitySource},
		"a body":                  {from("", "$request.body.id"), identitySource},
		"a header without name":   {from("", "$request.header."), identitySource},
		"a header with a blank":   {from("", "$request.header.a b"), identitySource},
		"an empty source":         {from("", ""), identitySource},
		"context without dollar":  {from("", "context.path"), identitySource},
		"a token in a query":      {from(FormatRESTAPIToken, "$request.querystring.t"), identitySource},
		"a token in two headers":  {from(FormatRESTAPIToken, "$request.header.A", "$request.header.B"), identitySource},
		"a token nowhere":         {from(FormatRESTAPIToken), identitySource},
		"validation of a request": {Config{Function: "f", IdentityValidation: "x"}, "authorizer.identityValidation"},
		"a validation that is none": {
			Config{Function: "f", EventFormat: FormatRESTAPIToken, IdentityValidation: "("}, "authorizer.identityValidation",
		},
		"a ttl without identity": {Config{Function: "f", TTL: "1s", IdentitySource: []string{}}, "authorizer.ttl"},
		"a ttl over an hour":     {Config{Function: "f", TTL: "61m"}, "authorizer.ttl"},
		"a negative ttl":         {Config{Function: "f", TTL: "-1s"}, "authorizer.ttl"},
		"a ttl that is none":     {Config{Function: "f", TTL: "soon"}, "authorizer.ttl"},
		"a timeout of zero":      {Config{Function: "f", Timeout: "0s"}, "authorizer.timeout"},
		"a header that is none":  {setting("a b", "x"), "authorizer.requestHeaders"},
		"a hop-by-hop header":    {setting("connection", "x"), "authorizer.requestHeaders"},
		"a broken template":      {setting("X-A", "{{"), "authorizer.requestHeaders.X-A"},

		"jwt without issuer":    {Config{JWT: noIssuer}, "authorizer.jwt.issuer"},
		"jwt, issuer in clear":  {Config{JWT: plainIssuer}, "authorizer.jwt.issuer"},
		"jwt, keys in clear":    {Config{JWT: plainKeys}, "authorizer.jwt.jwksURL"},
		"jwt without audience":  {Config{JWT: noAudience}, "authorizer.jwt.audience"},
		"jwt, two scopes":       {Config{JWT: twoScopes}, "authorizer.jwt.scopes"},
		"jwt, misspelt":         {Config{JWT: misspeltJWT}, "did you mean authorizer.jwt.issuer?"},
		"jwt with a ttl":        {Config{JWT: jwt(), TTL: "1s"}, "authorizer.ttl"},
		"jwt with a qualifier":  {Config{JWT: jwt(), Qualifier: "1"}, "authorizer.qualifier"},
		"jwt in another format": {Config{JWT: jwt(), EventFormat: FormatRESTAPI}, "authorizer.eventFormat"},
		"jwt of a variable":     {Config{JWT: jwt(), IdentitySource: []string{"$context.path"}}, "authorizer.identitySource"},
		"jwt of two headers":    {twoTokens, identitySource},
	}
	for name, c := range cases {
		config := c.config
		_, err := New(&config, Core{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
}

// from returns options with identity sources.
func from(format string, sources ...string) Config {
	if sources == nil {
		sources = []string{}
	}
	return Config{Function: "f", EventFormat: format, IdentitySource: sources}
}

// setting returns options with a header.
func setting(name, text string) Config {
	return Config{Function: "f", RequestHeaders: map[string]string{name: text}}
}

func TestRESTFormatsTakeVariablesWithoutADollar(t *testing.T) {
	for _, source := range []string{"context.path", "stageVariables.env", "$context.path", "method.request.header.A"} {
		_, err := New(&Config{Function: "f", EventFormat: FormatRESTAPI, IdentitySource: []string{source}}, Core{})
		if err != nil {
			t.Errorf("%s: got %v, want it taken", source, err)
		}
	}
}
