package authorizer

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// The keys of the tests, made once because RSA keys take a while.
var (
	firstRSA  = newRSA(2048)
	secondRSA = newRSA(2048)
	onP256    = newECDSA(elliptic.P256())
	onP384    = newECDSA(elliptic.P384())
)

func newRSA(bits int) *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return key
}

func newECDSA(curve elliptic.Curve) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

func encoded(n *big.Int, size int) string {
	return base64.RawURLEncoding.EncodeToString(n.FillBytes(make([]byte, size)))
}

func rsaJWK(id string, key *rsa.PrivateKey, extra string) string {
	size := (key.N.BitLen() + 7) / 8
	return fmt.Sprintf(`{"kty":"RSA","kid":%q,"n":%q,"e":"AQAB"%s}`, id, encoded(key.N, size), extra)
}

func ecdsaJWK(id, curve string, key *ecdsa.PrivateKey, extra string) string {
	size := (key.Params().BitSize + 7) / 8
	return fmt.Sprintf(`{"kty":"EC","kid":%q,"crv":%q,"x":%q,"y":%q%s}`,
		id, curve, encoded(key.X, size), encoded(key.Y, size), extra)
}

// issuer is an identity provider. Its documents may be changed between requests.
type issuer struct {
	*httptest.Server
	mu        sync.Mutex
	keys      string // the document at /keys
	discovery string // that at /.well-known/openid-configuration; "" for a right one
	status    int    // of /keys; 0 for 200
	fetches   int    // of /keys
	hold      chan bool
}

func newIssuer(t testing.TB, keys ...string) *issuer {
	t.Helper()
	i := &issuer{keys: keySetOf(keys...)}
	i.Server = httptest.NewServer(http.HandlerFunc(i.serve))
	t.Cleanup(func() { i.Close() }) // Yaegi: a compiled method is no func value
	return i
}

func keySetOf(keys ...string) string { return `{"keys":[` + strings.Join(keys, ",") + `]}` }

func (i *issuer) serve(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		document := i.discovery
		if document == "" {
			document = fmt.Sprintf(`{"issuer":%q,"jwks_uri":"%s/keys"}`, i.URL, i.URL)
		}
		_, _ = w.Write([]byte(document))
	case "/keys":
		i.fetches++
		if i.hold != nil {
			i.mu.Unlock()
			<-i.hold
			i.mu.Lock()
		}
		if i.status != 0 {
			w.Header().Set("Location", i.URL+"/elsewhere")
			w.WriteHeader(i.status)
		}
		_, _ = w.Write([]byte(i.keys))
	default: // where a redirect leads
		_, _ = w.Write([]byte(keySetOf(rsaJWK("first", firstRSA, ""))))
	}
}

func (i *issuer) set(keys string, status int) {
	i.mu.Lock()
	i.keys = keys
	i.status = status
	i.mu.Unlock()
}

func (i *issuer) count() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.fetches
}

// trusting returns a gateway that trusts the issuer.
func trusting(t testing.TB, i *issuer, change func(*Config)) *gateway {
	t.Helper()
	config := &Config{JWT: &JWTConfig{Issuer: i.URL, Audience: []string{"app", "other"}}, Timeout: "2s"}
	if change != nil {
		change(config)
	}
	return newGateway(t, config, ShapeHTTPAPIv2)
}

func TestTokensAreRefusedWithoutKeys(t *testing.T) {
	weak := newRSA(1024)
	cases := map[string]struct {
		keys, discovery string
		status          int
	}{
		"no JSON":                 {"<html>", "", 0},
		"no keys":                 {`{"keys":[]}`, "", 0},
		"a list":                  {`[]`, "", 0},
		"a weak key alone":        {keySetOf(rsaJWK("first", weak, "")), "", 0},
		"keys for encryption":     {keySetOf(rsaJWK("first", firstRSA, `,"use":"enc"`)), "", 0},
		"a secret":                {keySetOf(`{"kty":"oct","kid":"first","k":"AAAA"}`), "", 0},
		"a point off the curve":   {keySetOf(`{"kty":"EC","kid":"first","crv":"P-256","x":"AQ","y":"AQ"}`), "", 0},
		"another curve":           {keySetOf(`{"kty":"EC","kid":"first","crv":"secp256k1","x":"AQ","y":"AQ"}`), "", 0},
		"exponent 1":              {keySetOf(strings.Replace(rsaJWK("first", firstRSA, ""), "AQAB", "AQ", 1)), "", 0},
		"too large a document":    {keySetOf(rsaJWK("first", firstRSA, "")) + strings.Repeat(" ", maxDocument), "", 0},
		"too many keys":           {keySetOf(strings.Repeat(`{},`, maxKeys) + rsaJWK("first", firstRSA, "")), "", 0},
		"a redirect":              {"", "", 302},
		"an error":                {keySetOf(rsaJWK("first", firstRSA, "")), "", 503},
		"discovery of another":    {"", `{"issuer":"https://other.example","jwks_uri":"ISSUER/keys"}`, 0},
		"discovery without keys":  {"", `{"issuer":"ISSUER"}`, 0},
		"keys in clear elsewhere": {"", `{"issuer":"ISSUER","jwks_uri":"http://192.0.2.1/keys"}`, 0},
		"discovery of a file":     {"", `{"issuer":"ISSUER","jwks_uri":"file:///etc/passwd"}`, 0},
		"discovery is no JSON":    {"", `no`, 0},
	}
	for name, c := range cases {
		i := newIssuer(t, rsaJWK("first", firstRSA, ""))
		i.discovery = strings.ReplaceAll(c.discovery, "ISSUER", i.URL)
		if c.keys != "" || c.status != 0 {
			i.set(c.keys, c.status)
		}
		g := trusting(t, i, nil)
		w := g.get("/", "Authorization: "+signed(firstRSA, "RS256", "first", claimsOf(i)))
		body := `{"message":"Internal Server Error"}`
		if w.Code != 500 || w.Body.String() != body || g.reached != nil || len(g.logged) != 1 {
			t.Errorf("%s: got %d %s, logged %q, want 500 and a line", name, w.Code, w.Body, g.logged)
		}
	}
}

func TestASlowIssuerIsWaitedForOnce(t *testing.T) {
	i := newIssuer(t, rsaJWK("first", firstRSA, ""))
	i.hold = make(chan bool, 1)
	g := trusting(t, i, func(c *Config) { c.Timeout = "30ms" })
	bearer := "Authorization: " + signed(firstRSA, "RS256", "first", claimsOf(i))
	began := time.Now()
	for n := 0; n < 3; n++ {
		if w := g.get("/", bearer); w.Code != 500 {
			t.Errorf("request %d: got %d, want 500", n+1, w.Code)
		}
	}
	if took := time.Since(began); took > 2*time.Second || i.count() > 1 {
		t.Errorf("got %v and %d fetches, want the timeout thrice and one fetch", took, i.count())
	}
	i.hold <- true
	awaitKeys(t, i)
	if w := g.get("/", bearer); w.Code != allowed {
		t.Errorf("after it has responded: got %d, want the origin's", w.Code)
	}
}

// awaitKeys waits until a fetch under way has ended.
func awaitKeys(t *testing.T, i *issuer) {
	t.Helper()
	s := sharedKeySet(i.URL, "")
	s.mu.Lock()
	pending := s.fetching
	s.mu.Unlock()
	if pending != nil {
		<-pending.done.Done()
	}
}

func TestUnknownKeysAreAskedForOnceInFiveMinutes(t *testing.T) {
	i := newIssuer(t, rsaJWK("first", firstRSA, ""))
	g := trusting(t, i, nil)
	first := "Authorization: " + signed(firstRSA, "RS256", "first", claimsOf(i))
	second := "Authorization: " + signed(secondRSA, "RS256", "second", claimsOf(i))
	if w := g.get("/", first); w.Code != allowed || i.count() != 1 {
		t.Fatalf("got %d after %d fetches, want the origin's after 1", w.Code, i.count())
	}
	i.set(keySetOf(rsaJWK("first", firstRSA, ""), rsaJWK("second", secondRSA, "")), 0)
	if w := g.get("/", second); w.Code != allowed || i.count() != 2 {
		t.Errorf("a rotated key: got %d after %d fetches, want the origin's after 2", w.Code, i.count())
	}
	for n := 0; n < 3; n++ {
		forged := signed(firstRSA, "RS256", fmt.Sprintf("made up %d", n), claimsOf(i))
		if w := g.get("/", "Authorization: "+forged); w.Code != 401 || i.count() != 2 {
			t.Errorf("a made-up key: got %d after %d fetches, want 401 after 2", w.Code, i.count())
		}
	}
	s := sharedKeySet(i.URL, "")
	s.askedUnknown = s.askedUnknown.Add(-unknownPause)
	w := g.get("/", "Authorization: "+signed(firstRSA, "RS256", "made up", claimsOf(i)))
	if w.Code != 401 || i.count() != 3 {
		t.Errorf("five minutes later: got %d after %d fetches, want 401 after 3", w.Code, i.count())
	}
}

func TestKeysAreRefreshedInTheBackground(t *testing.T) {
	i := newIssuer(t, rsaJWK("first", firstRSA, ""))
	s := sharedKeySet(i.URL, "")
	ask := func(now time.Time) string {
		key, err := keyFor(context.Background(), s, time.Second, "first", algorithms["RS256"], now)
		if err != nil {
			return "error"
		}
		return strconv.FormatBool(key != nil)
	}
	now := time.Now()
	if got := ask(now); got != "true" || i.count() != 1 {
		t.Fatalf("got %s after %d fetches, want true after 1", got, i.count())
	}
	i.set("", 503)
	if got := ask(now.Add(freshFor + time.Minute)); got != "true" {
		t.Errorf("after an hour: got %s, want true without waiting", got)
	}
	awaitKeys(t, i)
	if got := ask(now.Add(freshFor + 2*time.Minute)); got != "true" || i.count() < 2 {
		t.Errorf("after a failed refresh: got %s after %d fetches, want true after 2", got, i.count())
	}
	awaitKeys(t, i)
	if got := ask(now.Add(usableFor + time.Minute)); got != "error" {
		t.Errorf("after a day without the issuer: got %s, want an error", got)
	}
}

func TestIssuersShareTheirKeysOverReloads(t *testing.T) {
	i := newIssuer(t, rsaJWK("first", firstRSA, ""))
	for n := 0; n < 3; n++ {
		g := trusting(t, i, nil)
		w := g.get("/", "Authorization: "+signed(firstRSA, "RS256", "first", claimsOf(i)))
		if w.Code != allowed {
			t.Errorf("instance %d: got %d, want the origin's", n, w.Code)
		}
	}
	if i.count() != 1 {
		t.Errorf("got %d fetches, want 1", i.count())
	}
	direct := trusting(t, i, func(c *Config) { c.JWT.JWKSURL = i.URL + "/keys" })
	w := direct.get("/", "Authorization: "+signed(firstRSA, "RS256", "first", claimsOf(i)))
	if w.Code != allowed || i.count() != 2 {
		t.Errorf("by jwksURL: got %d after %d fetches, want the origin's after 2", w.Code, i.count())
	}
}

func TestKeySetsAreBounded(t *testing.T) {
	for n := 0; n < 3*maxKeySets; n++ {
		sharedKeySet("https://issuer.example", fmt.Sprint("https://issuer.example/", n))
	}
	keySets.Lock()
	defer keySets.Unlock()
	if len(keySets.byURL) > maxKeySets {
		t.Errorf("got %d key sets, want %d at most", len(keySets.byURL), maxKeySets)
	}
}

func FuzzKeys(f *testing.F) {
	f.Add([]byte(keySetOf(rsaJWK("first", firstRSA, ""), ecdsaJWK("p", "P-256", onP256, ""))))
	f.Fuzz(func(t *testing.T, document []byte) {
		keys, err := parseKeys(document)
		if err != nil {
			return
		}
		for _, key := range keys {
			if key.id == "" || (key.rsa == nil) == (key.ecdsa == nil) || (key.rsa != nil && key.rsa.N.BitLen() < 2048) {
				t.Errorf("got %+v of %s", key, document)
			}
		}
	})
}

// claimsOf returns the claims of a token that is valid now.
func claimsOf(i *issuer) map[string]any {
	now := time.Now().Unix()
	return map[string]any{"iss": i.URL, "aud": "app", "sub": "u1", "exp": now + 3600, "iat": now, "nbf": now}
}

// decoded returns JSON decoded into Go's types.
func decoded(t *testing.T, text string) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}
