package authorizer

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

func segment(v any) string {
	text, isText := v.(string)
	encoded := []byte(text)
	if !isText {
		encoded, _ = json.Marshal(v)
	}
	return base64.RawURLEncoding.EncodeToString(encoded)
}

// signed returns a token of claims, or of the text that claims is.
func signed(key any, algorithm, id string, claims any) string {
	return signedWith(key, algorithm, map[string]any{"alg": algorithm, "kid": id, "typ": "JWT"}, claims)
}

func signedWith(key any, algorithm string, header, claims any) string {
	text := segment(header) + "." + segment(claims)
	hash := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[algorithm[2:]]
	h := hash.New()
	h.Write([]byte(text))
	digest := h.Sum(nil)
	signature := []byte(nil)
	if private, isRSA := key.(*rsa.PrivateKey); isRSA {
		signature, _ = rsa.SignPKCS1v15(rand.Reader, private, hash, digest)
	}
	if private, isECDSA := key.(*ecdsa.PrivateKey); isECDSA {
		r, s, _ := ecdsa.Sign(rand.Reader, private, digest)
		size := (private.Params().BitSize + 7) / 8
		signature = append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func newKeys(t testing.TB) *issuer {
	t.Helper()
	return newIssuer(t,
		rsaJWK("first", firstRSA, `,"alg":"RS256","use":"sig"`), rsaJWK("any", firstRSA, ""), rsaJWK("second", secondRSA, ""),
		ecdsaJWK("p256", "P-256", onP256, ""), ecdsaJWK("p384", "P-384", onP384, ""),
		`{"kty":"oct","kid":"secret","k":"c2VjcmV0"}`, `{"kid":5}`, `"x"`)
}

func TestTokensOfEveryAlgorithm(t *testing.T) {
	accessToken := map[string]any{"alg": "RS256", "kid": "first", "typ": "at+jwt"}
	i := newKeys(t)
	g := trusting(t, i, nil)
	for name, bearer := range map[string]string{
		"RS256":              signed(firstRSA, "RS256", "first", claimsOf(i)),
		"RS256, any key":     signed(firstRSA, "RS256", "any", claimsOf(i)),
		"RS384":              signed(firstRSA, "RS384", "any", claimsOf(i)),
		"RS512":              signed(secondRSA, "RS512", "second", claimsOf(i)),
		"ES256":              signed(onP256, "ES256", "p256", claimsOf(i)),
		"ES384":              signed(onP384, "ES384", "p384", claimsOf(i)),
		"with Bearer":        "Bearer " + signed(firstRSA, "RS256", "first", claimsOf(i)),
		"with bearer":        "bearer  " + signed(firstRSA, "RS256", "first", claimsOf(i)),
		"without typ":        signedWith(firstRSA, "RS256", map[string]any{"alg": "RS256", "kid": "first"}, claimsOf(i)),
		"of an access token": signedWith(firstRSA, "RS256", accessToken, claimsOf(i)),
	} {
		if w := g.get("/", "Authorization: "+bearer); w.Code != allowed {
			t.Errorf("%s: got %d, %s, want the origin's", name, w.Code, w.Header().Get("Www-Authenticate"))
		}
	}
}

func TestTokensThatAreNotTheIssuers(t *testing.T) {
	i := newKeys(t)
	good := signed(firstRSA, "RS256", "first", claimsOf(i))
	parts := strings.Split(good, ".")
	es := strings.Split(signed(onP256, "ES256", "p256", claimsOf(i)), ".")
	signature, _ := base64.RawURLEncoding.DecodeString(es[2])
	public, _ := x509.MarshalPKIXPublicKey(&firstRSA.PublicKey)
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	mac := hmac.New(sha256.New, publicPEM)
	hs := segment(map[string]any{"alg": "HS256", "kid": "first"}) + "." + parts[1]
	mac.Write([]byte(hs))
	other := claimsOf(i)
	other["sub"] = "admin"
	header := func(v map[string]any) string { return signedWith(firstRSA, "RS256", v, claimsOf(i)) }
	critical := map[string]any{"alg": "RS256", "kid": "first", "crit": []string{"b64"}, "b64": false}
	large := map[string]any{"x": strings.Repeat("x", maxToken)}
	deep := `{"a":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`
	own := segment(map[string]any{"kty": "RSA"})
	for name, bearer := range map[string]string{
		"no token":                         "x",
		"two segments":                     parts[0] + "." + parts[1],
		"four segments":                    good + ".x",
		"five, as an encrypted token":      "a.b.c.d.e",
		"empty segments":                   "..",
		"claims of another token":          parts[0] + "." + segment(other) + "." + parts[2],
		"no signature":                     parts[0] + "." + parts[1] + ".",
		"a signature cut":                  good[:len(good)-4],
		"alg none":                         segment(map[string]any{"alg": "none", "kid": "first"}) + "." + parts[1] + ".",
		"alg None":                         segment(map[string]any{"alg": "None", "kid": "first"}) + "." + parts[1] + ".",
		"no alg":                           header(map[string]any{"kid": "first"}),
		"alg a list":                       header(map[string]any{"alg": []string{"RS256"}, "kid": "first"}),
		"alg in another case":              header(map[string]any{"alg": "rs256", "kid": "first"}),
		"Alg":                              header(map[string]any{"Alg": "RS256", "kid": "first"}),
		"HMAC of the public key":           hs + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)),
		"HMAC of a published secret":       header(map[string]any{"alg": "HS256", "kid": "secret"}),
		"RSA-PSS":                          header(map[string]any{"alg": "PS256", "kid": "first"}),
		"EdDSA":                            header(map[string]any{"alg": "EdDSA", "kid": "first"}),
		"ES512":                            header(map[string]any{"alg": "ES512", "kid": "p256"}),
		"no kid":                           header(map[string]any{"alg": "RS256"}),
		"an empty kid":                     header(map[string]any{"alg": "RS256", "kid": ""}),
		"kid a number":                     header(map[string]any{"alg": "RS256", "kid": 5}),
		"the kid of another key":           signed(firstRSA, "RS256", "second", claimsOf(i)),
		"the kid of another kind":          signed(firstRSA, "RS256", "p256", claimsOf(i)),
		"ECDSA with the kid of RSA":        signed(onP256, "ES256", "any", claimsOf(i)),
		"ECDSA on another curve":           signed(onP256, "ES256", "p384", claimsOf(i)),
		"ES384 with a key on P-256":        signed(onP256, "ES384", "p256", claimsOf(i)),
		"another algorithm than the key's": signed(firstRSA, "RS512", "first", claimsOf(i)),
		"a signature of ASN.1":             es[0] + "." + es[1] + "." + asn1Of(signature),
		"a signature of zeros":             es[0] + "." + es[1] + "." + strings.Repeat("A", 86),
		"a signature with a byte more":     es[0] + "." + es[1] + "." + es[2] + "AA",
		"a key of its own":                 header(map[string]any{"alg": "RS256", "kid": "mine", "jwk": own}),
		"a URL of its own":                 header(map[string]any{"alg": "RS256", "kid": "mine", "jku": i.URL}),
		"a critical extension":             header(critical),
		"header is a list":                 signedWith(firstRSA, "RS256", []string{"RS256"}, claimsOf(i)),
		"claims are a list":                signed(firstRSA, "RS256", "first", []string{"x"}),
		"claims are null":                  signed(firstRSA, "RS256", "first", "null"),
		"claims are no JSON":               signed(firstRSA, "RS256", "first", "{"),
		"claims with more after them":      signed(firstRSA, "RS256", "first", "{}{}"),
		"standard Base64":                  parts[0] + "=." + parts[1] + "." + parts[2],
		"a line end in the signature":      good[:len(good)-8] + "%0a" + good[len(good)-8:],
		"over the limit":                   signed(firstRSA, "RS256", "first", large),
		"deep nesting":                     signed(firstRSA, "RS256", "first", deep),
		"another scheme":                   "Basic " + good,
		"Bearer alone":                     "Bearer ",
	} {
		g := trusting(t, i, func(c *Config) { c.IdentitySource = []string{"$request.querystring.t"} })
		r := newRequest("GET", "/")
		r.URL.RawQuery = "t=" + strings.ReplaceAll(strings.ReplaceAll(bearer, " ", "%20"), "=", "%3D")
		w := g.send(r)
		challenge := w.Header().Get("Www-Authenticate")
		if w.Code != 401 || w.Body.String() != `{"message":"Unauthorized"}` || g.reached != nil ||
			!strings.HasPrefix(challenge, `Bearer scope="" error="invalid_token" error_description="`) {
			t.Errorf("%s: got %d %s, challenge %s, want 401 and invalid_token", name, w.Code, w.Body, challenge)
		}
		if len(g.logged) > 0 {
			t.Errorf("%s: logged %q, want nothing that clients can cause", name, g.logged)
		}
	}
}

// asn1Of returns a signature of two halves as ASN.1 writes it.
func asn1Of(signature []byte) string {
	parts := [][]byte{{0x30, 70, 2, 33, 0}, signature[:32], {2, 33, 0}, signature[32:]}
	return base64.RawURLEncoding.EncodeToString(bytes.Join(parts, nil))
}

func TestClaims(t *testing.T) {
	i := newKeys(t)
	now := time.Now().Unix()
	noAudience := "the token does not have a valid audience"
	cases := []struct {
		sentence string
		change   map[string]any // nil for a claim to leave out
		want     string         // the description, "" for allowed
	}{
		{"as issued", map[string]any{}, ""},
		{"another issuer", map[string]any{"iss": i.URL + "/"}, "issuer does not match"},
		{"no issuer", map[string]any{"iss": nil}, "issuer does not match"},
		{"a list of issuers", map[string]any{"iss": []string{i.URL}}, "issuer does not match"},
		{"another audience", map[string]any{"aud": "App"}, noAudience},
		{"one of several audiences", map[string]any{"aud": []any{"x", 5, "app"}}, ""},
		{"none of several audiences", map[string]any{"aud": []string{"x", "y"}}, noAudience},
		{"no audience", map[string]any{"aud": nil}, noAudience},
		{"client_id in its place", map[string]any{"aud": nil, "client_id": "other"}, ""},
		{"another client_id", map[string]any{"aud": nil, "client_id": "x"}, noAudience},
		{"a list of client_ids", map[string]any{"aud": nil, "client_id": []string{"app"}}, noAudience},
		{"client_id beside another audience", map[string]any{"aud": "x", "client_id": "app"}, noAudience},
		{"client_id beside an empty audience", map[string]any{"aud": "", "client_id": "app"}, noAudience},
		{"expired within the leeway", map[string]any{"exp": now - 50}, ""},
		{"expired", map[string]any{"exp": now - 61}, "the token has expired"},
		{"no exp", map[string]any{"exp": nil}, "the token has no valid exp"},
		{"exp as a text", map[string]any{"exp": strconv.FormatInt(now+60, 10)}, "the token has no valid exp"},
		{"exp with a fraction", map[string]any{"exp": float64(now) + 60.5}, ""},
		{"exp far away", map[string]any{"exp": json.RawMessage("1e18")}, ""},
		{"exp of no number", map[string]any{"exp": json.RawMessage("1e999")}, "the token has no valid exp"},
		{"not yet, within the leeway", map[string]any{"nbf": now + 50}, ""},
		{"not yet", map[string]any{"nbf": now + 70}, "the token is not valid yet"},
		{"nbf as a text", map[string]any{"nbf": "x"}, "the token has no valid nbf"},
		{"issued in the future", map[string]any{"iat": now + 70}, "the token is not valid yet"},
		{"neither nbf nor iat", map[string]any{"nbf": nil, "iat": nil}, ""},
	}
	for _, c := range cases {
		claims := claimsOf(i)
		for name, value := range c.change {
			claims[name] = value
			if value == nil {
				delete(claims, name)
			}
		}
		g := trusting(t, i, nil)
		w := g.get("/", "Authorization: Bearer "+signed(firstRSA, "RS256", "first", claims))
		got := w.Header().Get("Www-Authenticate")
		want := ""
		status := allowed
		if c.want != "" {
			want = `Bearer scope="" error="invalid_token" error_description="` + c.want + `"`
			status = 401
		}
		if got != want || w.Code != status {
			t.Errorf("%s: got %d, %s, want %d, %s", c.sentence, w.Code, got, status, want)
		}
	}
}

func TestAMissingTokenIsChallenged(t *testing.T) {
	i := newKeys(t)
	g := trusting(t, i, nil)
	w := g.get("/")
	challenge := w.Header().Get("Www-Authenticate")
	if w.Code != 401 || challenge != "Bearer" || w.Body.String() != `{"message":"Unauthorized"}` || i.count() != 0 {
		t.Errorf("got %d, %q, %s after %d fetches, want 401 and Bearer after none", w.Code, challenge, w.Body, i.count())
	}
}

func TestScopes(t *testing.T) {
	i := newKeys(t)
	for _, c := range []struct {
		sentence string
		claim    map[string]any
		status   int
		scopes   string // in the event
	}{
		{"one of them", map[string]any{"scope": "read other"}, allowed, `["read","other"]`},
		{"both", map[string]any{"scope": "write read"}, allowed, `["write","read"]`},
		{"scp as a list", map[string]any{"scp": []string{"write"}}, allowed, `["write"]`},
		{"scp as a text", map[string]any{"scp": "read"}, allowed, `["read"]`},
		{"in another case", map[string]any{"scope": "Read"}, 403, ""},
		{"a part of one", map[string]any{"scope": "rea readx"}, 403, ""},
		{"none", map[string]any{}, 403, ""},
		{"a number", map[string]any{"scope": 5}, 403, ""},
	} {
		claims := claimsOf(i)
		for name, value := range c.claim {
			claims[name] = value
		}
		g := trusting(t, i, func(config *Config) { config.JWT.Scopes = []string{"read", "write"} })
		w := g.get("/", "Authorization: "+signed(firstRSA, "RS256", "first", claims))
		if w.Code != c.status {
			t.Errorf("%s: got %d, want %d", c.sentence, w.Code, c.status)
		}
		if c.status == 403 {
			want := `Bearer scope="read write" error="insufficient_scope" error_description="`
			if !strings.HasPrefix(w.Header().Get("Www-Authenticate"), want) || w.Body.String() != `{"message":"Forbidden"}` {
				t.Errorf("%s: got %s, %s, want %s…", c.sentence, w.Header().Get("Www-Authenticate"), w.Body, want)
			}
			continue
		}
		if got := g.note(); !strings.HasSuffix(got, `"scopes":`+c.scopes+"}}") {
			t.Errorf("%s: got %s, want scopes %s", c.sentence, got, c.scopes)
		}
	}
}

func TestClaimsInTheEvent(t *testing.T) {
	i := newKeys(t)
	claims := `{"iss":"` + i.URL + `","aud":["app","x"],"exp":4102444800,"n":9007199254740993,"f":1.50,` +
		`"admin":true,"none":null,"groups":["a","b"],"address":{"city":"x","code":5},"html":"<&>"}`
	want := map[string]any{"jwt": map[string]any{"scopes": nil, "claims": map[string]any{
		"iss": i.URL, "aud": "[app x]", "exp": "4102444800", "n": "9007199254740993", "f": "1.50", "admin": "true",
		"groups": "[a b]", "address": "map[city:x code:5]", "html": "<&>",
	}}}
	bearer := "Authorization: " + signed(firstRSA, "RS256", "first", claims)
	g := trusting(t, i, func(c *Config) {
		c.RequestHeaders = map[string]string{"X-N": "{{ .claims.n }}", "X-Groups": "{{ .groups }}"}
	})
	g.get("/", bearer)
	if got := decoded(t, g.note()); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := g.reached.Header.Get("X-N") + g.reached.Header.Get("X-Groups"); got != "9007199254740993[a b]" {
		t.Errorf("got headers %s, want the claims", got)
	}
	flat := newGateway(t, &Config{JWT: &JWTConfig{Issuer: i.URL, Audience: []string{"app"}}}, ShapeHTTPAPIv1)
	flat.get("/", bearer)
	if got := decoded(t, flat.note()); !reflect.DeepEqual(got, want["jwt"]) {
		t.Errorf("in format 1.0: got %v, want %v", got, want["jwt"])
	}
}

func TestVerifiedTokensAreNotVerifiedAgain(t *testing.T) {
	i := newKeys(t)
	g := trusting(t, i, nil)
	bearer := "Authorization: " + signed(firstRSA, "RS256", "first", claimsOf(i))
	for n := 0; n < 3; n++ {
		if w := g.get("/", bearer); w.Code != allowed {
			t.Errorf("request %d: got %d, want the origin's", n+1, w.Code)
		}
	}
	if g.hits != 2 || g.misses != 1 {
		t.Errorf("got %d hits and %d misses, want 2 and 1", g.hits, g.misses)
	}
	forged := bearer[:len(bearer)-6] + "AAAAAA"
	for n := 0; n < 2; n++ {
		if w := g.get("/", forged); w.Code != 401 {
			t.Errorf("another signature: got %d, want 401", w.Code)
		}
	}
	scoped := trusting(t, i, func(c *Config) { c.JWT.Scopes = []string{"admin"} })
	if w := scoped.get("/", bearer); w.Code != 403 {
		t.Errorf("another instance's rules: got %d, want 403", w.Code)
	}
}

func TestNoTokenIsCachedBeyondItsEnd(t *testing.T) {
	now := time.UnixMilli(1_000_000_000_000)
	for exp, want := range map[string]int64{
		"1000000030":   1_000_000_030_000,
		"1000000000.5": 1_000_000_000_500,
		"999999990":    999_999_990_000, // within the leeway: verified each time
		"1000000600":   1_000_000_060_000,
		"1e300":        1_000_000_060_000,
	} {
		if got := cachedUntil(map[string]any{"exp": json.Number(exp)}, now); got != want {
			t.Errorf("exp %s: got %d, want %d", exp, got, want)
		}
	}
}

func FuzzTokens(f *testing.F) {
	f.Add("a.b.c")
	f.Add(segment(map[string]any{"alg": "RS256", "kid": "a"}) + "." + segment(map[string]any{"exp": 1}) + ".AAAA")
	f.Fuzz(func(t *testing.T, text string) {
		parsed, description := parseToken(text)
		if (parsed == nil) == (description == "") {
			t.Errorf("%q: got %v, %q, want one of the two", text, parsed, description)
		}
	})
}

func BenchmarkVerifiedToken(b *testing.B) {
	i := newKeys(b)
	g := trusting(b, i, nil)
	r := newRequest("GET", "/", "Authorization: Bearer "+signed(firstRSA, "RS256", "first", claimsOf(i)))
	b.Run("verified before", func(b *testing.B) {
		for n := 0; n < b.N; n++ {
			g.send(r)
		}
	})
}
