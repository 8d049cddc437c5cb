package examples_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/internal/traefik"
)

// openIDProvider starts an issuer, and returns its URL and a token of it for the audience shop.
func openIDProvider(t *testing.T) (issuer, token string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	keys := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "key", Use: "sig"}}}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": server.URL, "jwks_uri": server.URL + "/keys"})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(keys) })
	unsigned := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": server.URL, "aud": "shop", "sub": "alice", "scope": "orders:read", "exp": time.Now().Add(time.Hour).Unix(),
	})
	unsigned.Header["kid"] = "key"
	token, err = unsigned.SignedString(key)
	require.NoError(t, err)
	return server.URL, token
}

func TestAuthorizersInFrontOfFunctionsAndServices(t *testing.T) {
	issuer, token := openIDProvider(t)
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "hello "+r.Header.Get("X-User"))
	}))
	t.Cleanup(service.Close)
	instance := run(t, traefik.Command{
		Args: []string{"--configfile=traefik.yml"}, Dir: example("authorizer"),
		Env: []string{"SERVICE_URL=" + service.URL, "ISSUER=" + issuer},
	})
	require.Eventually(t, func() bool {
		status, _ := get(t, instance, "shop.example.com", "/")
		return status == http.StatusUnauthorized
	}, patience, 50*time.Millisecond)

	for _, row := range []struct {
		host, method, target, token string
		status                      int
		want                        string // in the body
	}{
		{"shop.example.com", "GET", "/", "secret-of-alice", 200, `"authorizer":{"lambda":{"role":"admin","user":"alice"}}`},
		{"shop.example.com", "GET", "/", "guess", 403, `{"message":"Forbidden"}`},
		{"admin.example.com", "GET", "/", "secret-of-bob", 200, "hello reader"},
		{"admin.example.com", "DELETE", "/", "secret-of-bob", 403, "User is not authorized to access this resource"},
		{"admin.example.com", "DELETE", "/", "secret-of-alice", 200, "hello admin"},
		{"admin.example.com", "GET", "/internal/", "secret-of-alice", 403, "with an explicit deny"},
		{"admin.example.com", "GET", "/intern%61l", "secret-of-alice", 403, "with an explicit deny"},
		{"admin.example.com", "GET", "/", "guess", 401, `{"message":"Unauthorized"}`},
		{"api.example.com", "GET", "/", token, 200, `"x-user":"alice"`},
		{"api.example.com", "GET", "/", "guess", 401, `{"message":"Unauthorized"}`},
	} {
		request, err := http.NewRequestWithContext(t.Context(), row.method, instance.URL+row.target, http.NoBody)
		require.NoError(t, err)
		request.Host = row.host
		request.Header.Set("Authorization", "Bearer "+row.token)
		request.Header.Set("X-User", "forged")
		response, err := instance.Client().Do(request)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		assert.Equal(t, row.status, response.StatusCode, "%s %s%s", row.method, row.host, row.target)
		assert.Contains(t, string(body), row.want, "%s %s%s", row.method, row.host, row.target)
	}
	assert.Empty(t, instance.Logs())
}
