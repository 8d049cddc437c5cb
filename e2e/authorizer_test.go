package e2e_test

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// authorizedEvent is what an event says of its caller.
type authorizedEvent struct {
	Headers        map[string]string `json:"headers"`
	RequestContext struct {
		Authorizer map[string]any `json:"authorizer"`
	} `json:"requestContext"`
}

func authorized(t *testing.T, body string) authorizedEvent {
	t.Helper()
	var event authorizedEvent
	require.NoError(t, json.Unmarshal([]byte(body), &event), body)
	return event
}

// as sends a GET with a token.
func (s *site) as(t *testing.T, token, target string) answer {
	t.Helper()
	r := s.request(t, http.MethodGet, target, http.NoBody)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return send(t, r)
}

func TestLambdaAuthorizersOfEveryFormat(t *testing.T) {
	internal := `{"message":"Internal Server Error"}`
	for _, row := range []struct {
		format       string
		deny         string
		unauthorized int
		failure      string
	}{
		{"http-api-v2", `{"message":"Forbidden"}`, 403, internal},
		{"http-api-v1", `{"message":"Forbidden"}`, 500, internal},
		{"rest-api", `{"Message":"User is not authorized to access this resource with an explicit deny"}`, 401, `{"message":null}`},
		{"rest-api-token", `{"Message":"User is not authorized to access this resource with an explicit deny"}`, 401, `{"message":null}`},
	} {
		t.Run(row.format, func(t *testing.T) {
			s := newSite(t, m{"function": "echo", "authorizer": m{"function": "authorizer", "eventFormat": row.format}})
			got := s.as(t, "allow", "/users/42?x=1")
			require.Equal(t, http.StatusOK, got.StatusCode, got.body)
			context, _ := authorized(t, got.body).RequestContext.Authorizer["lambda"].(map[string]any)
			assert.NotEmpty(t, context["call"], got.body)

			got = s.as(t, "", "/")
			assert.Equal(t, http.StatusUnauthorized, got.StatusCode)
			assert.JSONEq(t, `{"message":"Unauthorized"}`, got.body)
			assert.Empty(t, got.Header.Get("Www-Authenticate"))
			got = s.as(t, "deny", "/")
			assert.Equal(t, http.StatusForbidden, got.StatusCode)
			assert.Equal(t, row.deny, got.body)
			got = s.as(t, "unauthorized", "/")
			assert.Equal(t, row.unauthorized, got.StatusCode)
			got = s.as(t, "fail", "/")
			assert.Equal(t, http.StatusInternalServerError, got.StatusCode)
			assert.Equal(t, row.failure, got.body)
			assert.Contains(t, s.logLine(t, http.StatusInternalServerError), "authorizer=authorizer cause=function-error: ")
		})
	}
}

func TestAFunctionsOwnFormatDecidesHowItFindsItsCaller(t *testing.T) {
	for format, want := range map[string]m{
		"http-api-v1":  {"principalId": "user|a1b2c3d4", "stringKey": "stringval", "numberKey": "123", "booleanKey": "true"},
		"rest-api":     {"principalId": "user|a1b2c3d4", "stringKey": "stringval", "numberKey": "123", "booleanKey": "true"},
		"function-url": {"lambda": m{"stringKey": "stringval", "numberKey": 123.0, "booleanKey": true}},
		"alb":          nil,
	} {
		t.Run(format, func(t *testing.T) {
			s := newSite(t, m{
				"function": "echo", "eventFormat": format, "responseFormat": "raw",
				"authorizer": m{"function": "authorizer", "eventFormat": "http-api-v1"},
			})
			var reply struct {
				Body string `json:"body"`
			}
			require.NoError(t, json.Unmarshal([]byte(s.as(t, "allow", "/").body), &reply))
			var event struct {
				RequestContext struct {
					Authorizer m `json:"authorizer"`
				} `json:"requestContext"`
			}
			require.NoError(t, json.Unmarshal([]byte(reply.Body), &event))
			got := event.RequestContext.Authorizer
			if format == "rest-api" {
				assert.IsType(t, 0.0, got["integrationLatency"])
				delete(got, "integrationLatency")
			}
			delete(got, "call")
			if nested, ok := got["lambda"].(map[string]any); ok {
				delete(nested, "call")
				assert.Equal(t, want["lambda"], nested)
				return
			}
			assert.Equal(t, want, got)
		})
	}
}

func TestAuthorizersResultsAreCached(t *testing.T) {
	s := newSite(t, m{
		"function": "echo", "authorizer": m{"function": "authorizer", "eventFormat": "rest-api", "ttl": "5m"},
	})
	first := s.as(t, "allow", "/a")
	require.Equal(t, http.StatusOK, first.StatusCode, first.body)
	// The context counts the authorizer's calls.
	want := authorized(t, first.body).RequestContext.Authorizer
	assert.Equal(t, want, authorized(t, s.as(t, "allow", "/a").body).RequestContext.Authorizer)
	got := s.as(t, "allow", "/b")
	assert.Equal(t, http.StatusForbidden, got.StatusCode, "the cached policy allows /a alone")
	// Another site's change has Traefik build all instances anew.
	newSite(t, m{"function": "hello"})
	assert.Equal(t, want, authorized(t, s.as(t, "allow", "/a").body).RequestContext.Authorizer, "after a reload")
}

// newService starts a service behind Traefik, and routes a host to it through an authorizer.
func newService(t *testing.T, group m, handler http.HandlerFunc) *site {
	t.Helper()
	service := httptest.NewServer(handler)
	t.Cleanup(service.Close)
	s := newSite(t, m{"authorizer": group})
	name := strings.TrimSuffix(s.middleware, "@file")
	router := maps.Clone(routers[name].(m))
	router["service"] = name
	routers[name] = router
	services := m{name: m{"loadBalancer": m{"servers": []m{{"url": service.URL}}}}}
	configuration := m{"routers": routers, "middlewares": middlewares, "services": services}
	require.NoError(t, gateway.Update(t.Context(), m{"http": configuration}))
	return s
}

func TestAnAuthorizerInFrontOfAnyService(t *testing.T) {
	reached := make(chan http.Header, 1)
	group := m{"function": "authorizer", "requestHeaders": m{"X-User": "{{ .user }}", "X-Roles": "{{ .roles }}"}}
	s := newService(t, group, func(_ http.ResponseWriter, r *http.Request) { reached <- r.Header })
	r := s.request(t, http.MethodPost, "/", strings.NewReader("body"))
	r.Header["Authorization"] = []string{"Bearer allow"}
	r.Header["X-User"] = []string{"admin"}
	r.Header["X_user"] = []string{"admin"}
	r.Header["Connection"] = []string{"X-User"}
	require.Equal(t, http.StatusOK, send(t, r).StatusCode)
	header := <-reached
	assert.Equal(t, []string{"u1"}, header["X-User"])
	assert.Equal(t, []string{`["a","b"]`}, header["X-Roles"])
	assert.NotContains(t, header, "X_user")

	for token, want := range map[string]int{"": 401, "deny": 403, "fail": 500} {
		assert.Equal(t, want, s.as(t, token, "/").StatusCode, token)
	}
	assert.Empty(t, reached, "nobody else has reached the service")
}

func TestUpgradesAreAuthorizedToo(t *testing.T) {
	s := newService(t, m{"function": "authorizer"}, func(w http.ResponseWriter, _ *http.Request) {
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		line, _ := buffered.ReadString('\n')
		fmt.Fprint(conn, "echo "+line)
	})
	for token, want := range map[string]string{"allow": "101", "deny": "403", "": "401"} {
		status, line := upgrade(t, s, token)
		assert.Equal(t, want, status, token)
		if token == "allow" {
			assert.Equal(t, "echo hello\n", line)
		}
	}
}

// upgrade asks for another protocol, and returns the status and, after 101, what the service answers to a line.
func upgrade(t *testing.T, s *site, token string) (status, line string) {
	t.Helper()
	address, err := url.Parse(gateway.URL)
	require.NoError(t, err)
	conn, err := (&net.Dialer{Timeout: patience}).DialContext(t.Context(), "tcp", address.Host)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nAuthorization: %s\r\n\r\n", s.host, token)
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, nil)
	require.NoError(t, err)
	if response.StatusCode != http.StatusSwitchingProtocols {
		return response.Status[:3], ""
	}
	fmt.Fprint(conn, "hello\n")
	line, err = reader.ReadString('\n')
	require.NoError(t, err)
	return "101", line
}

// provider is an OpenID provider: its keys as go-jose writes them.
type provider struct {
	*httptest.Server
	rsa   *rsa.PrivateKey
	ecdsa *ecdsa.PrivateKey
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	p := &provider{}
	var err error
	p.rsa, err = rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	p.ecdsa, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	keys := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: p.rsa.Public(), KeyID: "rsa", Use: "sig"}, {Key: p.ecdsa.Public(), KeyID: "ecdsa", Use: "sig"},
	}}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": p.URL, "jwks_uri": p.URL + "/keys"})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(keys) })
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

func (p *provider) claims(change jwt.MapClaims) jwt.MapClaims {
	now := time.Now()
	claims := jwt.MapClaims{
		"iss": p.URL, "aud": []string{"shop"}, "sub": "u1", "scope": "orders:read openid", "groups": []string{"a", "b"},
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	maps.Copy(claims, change)
	return claims
}

func signedBy(t *testing.T, key any, method jwt.SigningMethod, id string, claims jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, claims)
	token.Header["kid"] = id
	signed, err := token.SignedString(key)
	require.NoError(t, err)
	return signed
}

func TestTokensOfAReleasedLibrary(t *testing.T) {
	p := newProvider(t)
	s := newSite(t, m{"function": "echo", "authorizer": m{
		"jwt":            m{"issuer": p.URL, "audience": []string{"shop"}, "scopes": []string{"orders:read"}},
		"requestHeaders": m{"X-User": "{{ .claims.sub }}"},
	}})
	for name, token := range map[string]string{
		"RS256": signedBy(t, p.rsa, jwt.SigningMethodRS256, "rsa", p.claims(nil)),
		"RS512": signedBy(t, p.rsa, jwt.SigningMethodRS512, "rsa", p.claims(nil)),
		"ES384": signedBy(t, p.ecdsa, jwt.SigningMethodES384, "ecdsa", p.claims(nil)),
	} {
		for range 2 { // the second time it is known
			got := s.as(t, token, "/")
			require.Equal(t, http.StatusOK, got.StatusCode, "%s: %s", name, got.Header.Get("Www-Authenticate"))
			event := authorized(t, got.body)
			assert.Equal(t, "u1", event.Headers["x-user"])
			about := event.RequestContext.Authorizer["jwt"].(map[string]any)
			assert.Equal(t, []any{"orders:read", "openid"}, about["scopes"])
			claims := about["claims"].(map[string]any)
			assert.Equal(t, "[shop]", claims["aud"])
			assert.Equal(t, "[a b]", claims["groups"])
			assert.IsType(t, "", claims["exp"])
		}
	}
	expired := jwt.MapClaims{"exp": time.Now().Add(-time.Hour).Unix()}
	for name, row := range map[string]struct {
		token, challenge string
		status           int
	}{
		"no token":         {"", "Bearer", 401},
		"no token of ours": {"x", `Bearer scope="orders:read" error="invalid_token" error_description="token contains an invalid number of segments"`, 401},
		"expired": {
			signedBy(t, p.rsa, jwt.SigningMethodRS256, "rsa", p.claims(expired)),
			`Bearer scope="orders:read" error="invalid_token" error_description="the token has expired"`, 401,
		},
		"another audience": {
			signedBy(t, p.rsa, jwt.SigningMethodRS256, "rsa", p.claims(jwt.MapClaims{"aud": "x"})),
			`Bearer scope="orders:read" error="invalid_token" error_description="the token does not have a valid audience"`, 401,
		},
		"no scope": {
			signedBy(t, p.rsa, jwt.SigningMethodRS256, "rsa", p.claims(jwt.MapClaims{"scope": "x"})),
			`Bearer scope="orders:read" error="insufficient_scope" error_description="the token lacks the required scopes"`, 403,
		},
		"signed with the public key": {
			signedBy(t, []byte(p.URL), jwt.SigningMethodHS256, "rsa", p.claims(nil)),
			`Bearer scope="orders:read" error="invalid_token" error_description="the token's signing method is not supported"`, 401,
		},
		"not signed": {
			signedBy(t, jwt.UnsafeAllowNoneSignatureType, jwt.SigningMethodNone, "rsa", p.claims(nil)),
			`Bearer scope="orders:read" error="invalid_token" error_description="the token's signing method is not supported"`, 401,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := s.as(t, row.token, "/")
			assert.Equal(t, row.status, got.StatusCode)
			assert.Equal(t, row.challenge, got.Header.Get("Www-Authenticate"))
		})
	}
}

// joseTokens has the library jose issue tokens for the audience shop.
func joseTokens(t *testing.T, issuer string) (keys json.RawMessage, tokens map[string]string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "node", "token.js", issuer, "shop")
	command.Dir = nodeFolder(t)
	output, err := command.Output()
	require.NoError(t, err)
	var issued struct {
		JWKS   json.RawMessage   `json:"jwks"`
		Tokens map[string]string `json:"tokens"`
	}
	require.NoError(t, json.Unmarshal(output, &issued))
	return issued.JWKS, issued.Tokens
}

func TestTokensOfAnotherLanguagesLibrary(t *testing.T) {
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	keys, tokens := joseTokens(t, server.URL)
	mux.HandleFunc("/jwks.json", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(keys) })
	s := newSite(t, m{"function": "echo", "authorizer": m{
		"jwt": m{"issuer": server.URL, "audience": "shop", "jwksURL": server.URL + "/jwks.json"},
	}})
	judged := []m{}
	for algorithm, token := range tokens {
		got := s.as(t, token, "/")
		want := http.StatusOK
		if algorithm == "PS256" || algorithm == "EdDSA" {
			want = http.StatusUnauthorized
		}
		assert.Equal(t, want, got.StatusCode, "%s: %s", algorithm, got.Header.Get("Www-Authenticate"))
		if got.StatusCode == http.StatusOK {
			judged = append(judged, m{"format": "http-api-v2", "event": json.RawMessage(got.body)})
		}
	}
	require.Len(t, judged, 5)
	assertFit(t, judged)
}

// assertFit has released schemas judge events.
func assertFit(t *testing.T, judged []m) {
	t.Helper()
	var lines bytes.Buffer
	for _, event := range judged {
		line, err := json.Marshal(event)
		require.NoError(t, err)
		lines.Write(append(line, '\n'))
	}
	judge := exec.CommandContext(t.Context(), "node", "judge.js")
	judge.Dir = nodeFolder(t)
	judge.Stdin = &lines
	unfit, err := judge.CombinedOutput()
	require.NoError(t, err, string(unfit))
	assert.Empty(t, string(unfit))
}

func TestAuthorizersEventsFitReleasedSchemas(t *testing.T) {
	judged := make([]m, 0, 160)
	for _, format := range []string{"rest-api", "http-api-v2"} {
		s := newSite(t, m{
			"function": "echo", "stageVariables": m{"mode": "show"},
			"authorizer": m{"function": "authorizer", "eventFormat": format, "identitySource": "$stageVariables.mode"},
		})
		for _, r := range variedRequests() {
			reply := r.send(t, gateway.URL, s.host)
			require.Equal(t, http.StatusOK, reply.StatusCode, "%s: %s %s: %s", format, r.method, r.target, reply.body)
			context := authorized(t, reply.body).RequestContext.Authorizer["lambda"].(map[string]any)
			event := json.RawMessage(context["event"].(string))
			judged = append(judged, m{"format": "authorizer " + format, "event": event},
				m{"format": "http-api-v2", "event": json.RawMessage(reply.body)})
		}
	}
	assertFit(t, judged)
}

func TestAnIssuerThatIsDownIsNoOpenDoor(t *testing.T) {
	p := newProvider(t)
	token := signedBy(t, p.rsa, jwt.SigningMethodRS256, "rsa", p.claims(nil))
	s := newSite(t, m{"function": "echo", "authorizer": m{"jwt": m{"issuer": p.URL, "audience": "shop"}}})
	p.Close()
	got := s.as(t, token, "/")
	assert.Equal(t, http.StatusInternalServerError, got.StatusCode)
	assert.Contains(t, s.logLine(t, http.StatusInternalServerError), "authorizer=jwt cause=keys: ")
}
