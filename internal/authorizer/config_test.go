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
	cases := map[string]struct {
		config Config
		want   string
	}{
		"neither kind":            {Config{}, "authorizer.function, authorizer.jwt: want exactly one"},
		"both kinds":              {Config{Function: "f", JWT: jwt()}, "authorizer.function, authorizer.jwt: want exactly one"},
		"misspelt":                {Config{Function: "f", Unknown: map[string]any{"tll": "1s"}}, "authorizer.tll: no such option: did you mean authorizer.ttl?"},
		"no such format":          {Config{Function: "f", EventFormat: "alb"}, `authorizer.eventFormat: "alb"`},
		"a context of its own":    {Config{Function: "f", IdentitySource: []string{"$context.authorizer.x"}}, "authorizer.identitySource"},
		"a path parameter":        {Config{Function: "f", IdentitySource: []string{"$request.path.id"}}, "authorizer.identitySource"},
		"REST's path parameter":   {Config{Function: "f", IdentitySource: []string{"method.request.path.id"}}, "authorizer.identitySource"},
		"a body":                  {Config{Function: "f", IdentitySource: []string{"$request.body.id"}}, "authorizer.identitySource"},
		"a header without name":   {Config{Function: "f", IdentitySource: []string{"$request.header."}}, "authorizer.identitySource"},
		"a header with a blank":   {Config{Function: "f", IdentitySource: []string{"$request.header.a b"}}, "authorizer.identitySource"},
		"an empty source":         {Config{Function: "f", IdentitySource: []string{""}}, "authorizer.identitySource"},
		"context without dollar":  {Config{Function: "f", IdentitySource: []string{"context.path"}}, "authorizer.identitySource"},
		"a token in a query":      {Config{Function: "f", EventFormat: FormatRESTAPIToken, IdentitySource: []string{"$request.querystring.t"}}, "authorizer.identitySource"},
		"a token in two headers":  {Config{Function: "f", EventFormat: FormatRESTAPIToken, IdentitySource: []string{"$request.header.A", "$request.header.B"}}, "authorizer.identitySource"},
		"a token nowhere":         {Config{Function: "f", EventFormat: FormatRESTAPIToken, IdentitySource: []string{}}, "authorizer.identitySource"},
		"validation of a request": {Config{Function: "f", IdentityValidation: "x"}, "authorizer.identityValidation"},
		"a validation that is none": {
			Config{Function: "f", EventFormat: FormatRESTAPIToken, IdentityValidation: "("}, "authorizer.identityValidation",
		},
		"a ttl without identity": {Config{Function: "f", TTL: "1s", IdentitySource: []string{}}, "authorizer.ttl"},
		"a ttl over an hour":     {Config{Function: "f", TTL: "61m"}, "authorizer.ttl"},
		"a negative ttl":         {Config{Function: "f", TTL: "-1s"}, "authorizer.ttl"},
		"a ttl that is none":     {Config{Function: "f", TTL: "soon"}, "authorizer.ttl"},
		"a timeout of zero":      {Config{Function: "f", Timeout: "0s"}, "authorizer.timeout"},
		"a header that is none":  {Config{Function: "f", RequestHeaders: map[string]string{"a b": "x"}}, "authorizer.requestHeaders"},
		"a hop-by-hop header":    {Config{Function: "f", RequestHeaders: map[string]string{"connection": "x"}}, "authorizer.requestHeaders"},
		"a broken template":      {Config{Function: "f", RequestHeaders: map[string]string{"X-A": "{{"}}, "authorizer.requestHeaders.X-A"},

		"jwt without issuer":    {Config{JWT: noIssuer}, "authorizer.jwt.issuer"},
		"jwt, issuer in clear":  {Config{JWT: plainIssuer}, "authorizer.jwt.issuer"},
		"jwt, keys in clear":    {Config{JWT: plainKeys}, "authorizer.jwt.jwksURL"},
		"jwt without audience":  {Config{JWT: noAudience}, "authorizer.jwt.audience"},
		"jwt, two scopes":       {Config{JWT: twoScopes}, "authorizer.jwt.scopes"},
		"jwt, misspelt":         {Config{JWT: misspeltJWT}, "authorizer.jwt.issuers: no such option: did you mean authorizer.jwt.issuer?"},
		"jwt with a ttl":        {Config{JWT: jwt(), TTL: "1s"}, "authorizer.ttl"},
		"jwt with a qualifier":  {Config{JWT: jwt(), Qualifier: "1"}, "authorizer.qualifier"},
		"jwt in another format": {Config{JWT: jwt(), EventFormat: FormatRESTAPI}, "authorizer.eventFormat"},
		"jwt of a variable":     {Config{JWT: jwt(), IdentitySource: []string{"$context.path"}}, "authorizer.identitySource"},
		"jwt of two headers":    {Config{JWT: jwt(), IdentitySource: []string{"$request.header.A", "$request.header.B"}}, "authorizer.identitySource"},
	}
	for name, c := range cases {
		config := c.config
		_, err := New(&config, Core{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
}

func TestRESTFormatsTakeVariablesWithoutADollar(t *testing.T) {
	for _, source := range []string{"context.path", "stageVariables.env", "$context.path", "method.request.header.A"} {
		_, err := New(&Config{Function: "f", EventFormat: FormatRESTAPI, IdentitySource: []string{source}}, Core{})
		if err != nil {
			t.Errorf("%s: got %v, want it taken", source, err)
		}
	}
}
