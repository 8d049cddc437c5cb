package authorizer

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	_ "crypto/sha256" // for crypto.SHA256
	_ "crypto/sha512" // for crypto.SHA384 and crypto.SHA512
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/seed05e46011/lambda/internal/option"
)

// JWT authorizers of HTTP APIs:
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
// Tokens are JSON Web Signatures in compact form (RFC 7515, RFC 7519).

// jwtRules is JWTConfig, parsed.
type jwtRules struct {
	issuer   string
	jwksURL  string // "" for the one in the issuer's discovery document
	audience map[string]bool
	scopes   map[string]bool // empty if none is required

	invalid      string // WWW-Authenticate up to the description
	insufficient string // WWW-Authenticate, whole
}

const (
	// maxToken limits a token. API Gateway takes 10,240 bytes of headers in all.
	maxToken = 16 << 10

	// leeway is how far the issuer's clock may be from this one.
	leeway = 60 * time.Second

	// verifiedFor limits for how long a verified token is not verified again.
	verifiedFor = time.Minute
)

// parseJWTRules reads the group authorizer.jwt.
func parseJWTRules(c *JWTConfig) (jwtRules, error) {
	rules := jwtRules{issuer: c.Issuer, jwksURL: c.JWKSURL, audience: setOf(c.Audience), scopes: setOf(c.Scopes)}
	if err := option.Unknown("authorizer.jwt.", reflect.TypeOf(*c), c.Unknown); err != nil {
		return rules, err
	}
	if err := checkKeyURL("authorizer.jwt.issuer", c.Issuer); err != nil {
		return rules, err
	}
	if c.JWKSURL != "" {
		if err := checkKeyURL("authorizer.jwt.jwksURL", c.JWKSURL); err != nil {
			return rules, err
		}
	}
	if len(rules.audience) == 0 {
		return rules, errors.New("authorizer.jwt.audience: missing: want what the claim aud or client_id has to be")
	}
	var scopes []string
	for _, scope := range c.Scopes {
		scope = strings.TrimSpace(scope)
		if strings.ContainsAny(scope, "\"\\ \t\r\n") {
			return rules, fmt.Errorf("authorizer.jwt.scopes: %q: want one scope for each entry", scope)
		}
		scopes = append(scopes, scope)
	}
	challenge := `Bearer scope="` + strings.Join(scopes, " ") + `" error=`
	rules.invalid = challenge + `"invalid_token" error_description="`
	rules.insufficient = challenge + `"insufficient_scope" error_description="the token lacks the required scopes"`
	return rules, nil
}

// setOf returns the entries of a list that are not blank.
func setOf(list []string) map[string]bool {
	set := make(map[string]bool, len(list))
	for _, entry := range list {
		if entry = strings.TrimSpace(entry); entry != "" {
			set[entry] = true
		}
	}
	return set
}

// askToken verifies the request's token, unless that was done within verifiedFor.
func askToken(a *Authorizer, r *http.Request, values []string) *outcome {
	key := cacheKey(a.fingerprint, values)
	now := time.Now()
	d, found := lookUp(decisions, key, now.UnixMilli())
	if found {
		return &outcome{decision: d, cache: CacheHit}
	}
	o := &outcome{cache: CacheMiss}
	token := strings.TrimSpace(values[0])
	if len(token) > len(bearer) && strings.EqualFold(token[:len(bearer)], bearer) {
		token = strings.TrimSpace(token[len(bearer):])
	}
	claims, refused := verify(a, r, token, now)
	if refused != nil {
		o.refused = refused
		return o
	}
	d, err := tokenDecision(a, claims, len(token))
	if err != nil {
		o.refused = failed(a, causeContext, err)
		return o
	}
	store(decisions, key, d, cachedUntil(claims, now))
	o.decision = d
	return o
}

// bearer is the scheme that may stand before a token.
const bearer = "Bearer "

// noToken is the response to a request without a token.
var noToken = &refusal{
	result: ResultUnauthorized, status: http.StatusUnauthorized, body: `{"message":"Unauthorized"}`, challenge: "Bearer",
}

// invalidToken is the response to a token that is not valid.
func invalidToken(a *Authorizer, description string) *refusal {
	return &refusal{
		result: ResultUnauthorized, status: http.StatusUnauthorized, body: `{"message":"Unauthorized"}`,
		challenge: a.settings.jwt.invalid + description + `"`,
	}
}

// insufficientScope is the response to a token without any of the scopes.
func insufficientScope(a *Authorizer) *refusal {
	return &refusal{
		result: ResultDeny, status: http.StatusForbidden, body: `{"message":"Forbidden"}`,
		challenge: a.settings.jwt.insufficient,
	}
}

// verify returns the claims of a valid token: signed by a key of the issuer, and meant for this audience at this
// time.
func verify(a *Authorizer, r *http.Request, token string, now time.Time) (map[string]any, *refusal) {
	t, description := parseToken(token)
	if description != "" {
		return nil, invalidToken(a, description)
	}
	key, err := keyFor(r.Context(), a.keys, a.settings.timeout, t.keyID, t.algorithm, now)
	if err != nil {
		if r.Context().Err() != nil {
			return nil, clientGone
		}
		return nil, failed(a, causeKeys, err)
	}
	if key == nil {
		return nil, invalidToken(a, "no key of the issuer has the token's kid and algorithm")
	}
	if !signatureFits(t, key) {
		return nil, invalidToken(a, "the token has an invalid signature")
	}
	if description := checkClaims(&a.settings.jwt, t.claims, now); description != "" {
		return nil, invalidToken(a, description)
	}
	if len(a.settings.jwt.scopes) > 0 && !hasScope(&a.settings.jwt, t.claims) {
		return nil, insufficientScope(a)
	}
	return t.claims, nil
}

// webToken is a token before its signature is verified.
type webToken struct {
	keyID     string
	algorithm *algorithm
	signed    string
	signature []byte
	claims    map[string]any
}

// algorithm is a signature algorithm that API Gateway accepts, or the same for ECDSA. "none" and HMAC are missing on
// purpose: with those, everybody who knows a public key could sign.
type algorithm struct {
	name  string
	hash  crypto.Hash
	curve string // of ECDSA keys, as JSON Web Keys name it; "" for RSA
	size  int    // of each half of an ECDSA signature
}

var algorithms = map[string]*algorithm{
	"RS256": {name: "RS256", hash: crypto.SHA256},
	"RS384": {name: "RS384", hash: crypto.SHA384},
	"RS512": {name: "RS512", hash: crypto.SHA512},
	"ES256": {name: "ES256", hash: crypto.SHA256, curve: "P-256", size: 32},
	"ES384": {name: "ES384", hash: crypto.SHA384, curve: "P-384", size: 48},
}

// strictBase64 refuses a second spelling of the same bytes: a token, which is cached by its hash, has only one.
var strictBase64 = base64.RawURLEncoding.Strict()

// parseToken reads a token. description says what is wrong with it, "" for nothing. It is in AWS's words where they
// are known.
func parseToken(text string) (t *webToken, description string) {
	if len(text) > maxToken {
		return nil, "the token is too long"
	}
	parts := strings.Split(text, ".")
	if len(parts) != 3 || strings.ContainsAny(text, "\r\n") { // encoding/base64 ignores line ends
		return nil, "token contains an invalid number of segments"
	}
	header, err := decodePart(parts[0])
	if err != nil {
		return nil, "the token's header cannot be read"
	}
	name, isText := header["alg"].(string)
	if !isText || algorithms[name] == nil {
		return nil, "the token's signing method is not supported"
	}
	if _, critical := header["crit"]; critical {
		return nil, "the token's header has an extension that is not supported"
	}
	keyID, isText := header["kid"].(string)
	if !isText || keyID == "" {
		return nil, "the token's header has no kid"
	}
	claims, err := decodePart(parts[1])
	if err != nil {
		return nil, "the token's claims cannot be read"
	}
	signature, err := strictBase64.DecodeString(parts[2])
	if err != nil {
		return nil, "the token has an invalid signature"
	}
	return &webToken{
		keyID:     keyID,
		algorithm: algorithms[name],
		signed:    parts[0] + "." + parts[1],
		signature: signature,
		claims:    claims,
	}, ""
}

func decodePart(part string) (map[string]any, error) {
	decoded, err := strictBase64.DecodeString(part)
	if err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	return decodeObject(decoded)
}

// signatureFits reports whether a key made the token's signature. keyFor has checked that the key fits the algorithm.
func signatureFits(t *webToken, key *publicKey) bool {
	hash := t.algorithm.hash.New()
	hash.Write([]byte(t.signed))
	digest := hash.Sum(nil)
	if t.algorithm.curve == "" {
		return rsa.VerifyPKCS1v15(key.rsa, t.algorithm.hash, digest, t.signature) == nil
	}
	if len(t.signature) != 2*t.algorithm.size {
		return false
	}
	first := new(big.Int).SetBytes(t.signature[:t.algorithm.size])
	second := new(big.Int).SetBytes(t.signature[t.algorithm.size:])
	return ecdsa.Verify(key.ecdsa, digest, first, second)
}

// checkClaims returns what is wrong with the claims, "" for nothing. It is in AWS's words where they are known.
func checkClaims(rules *jwtRules, claims map[string]any, now time.Time) string {
	issuer, isText := claims["iss"].(string)
	if !isText || issuer != rules.issuer {
		return "issuer does not match"
	}
	if !hasAudience(rules, claims) {
		return "the token does not have a valid audience"
	}
	expires, given, valid := timeClaim(claims, "exp")
	if !given || !valid {
		return "the token has no valid exp"
	}
	clock := float64(now.UnixMilli()) / 1000
	if clock >= expires+leeway.Seconds() {
		return "the token has expired"
	}
	for _, name := range []string{"nbf", "iat"} {
		begins, given, valid := timeClaim(claims, name)
		if given && !valid {
			return "the token has no valid " + name
		}
		if given && clock < begins-leeway.Seconds() {
			return "the token is not valid yet"
		}
	}
	return ""
}

// timeClaim returns a claim in seconds since 1970.
func timeClaim(claims map[string]any, name string) (seconds float64, given, valid bool) {
	v, given := claims[name]
	if !given {
		return 0, false, false
	}
	number, isNumber := v.(json.Number)
	if !isNumber {
		return 0, true, false
	}
	seconds, err := number.Float64()
	return seconds, true, err == nil
}

// hasAudience reports whether aud, or client_id in a token without aud, is one of the option's.
func hasAudience(rules *jwtRules, claims map[string]any) bool {
	audience, given := claims["aud"]
	if !given {
		audience = claims["client_id"]
	}
	if text, isText := audience.(string); isText {
		return rules.audience[text]
	}
	list, isList := audience.([]any)
	if !isList || !given {
		return false
	}
	for _, entry := range list {
		if text, isText := entry.(string); isText && rules.audience[text] {
			return true
		}
	}
	return false
}

// scopesOf returns the scopes of a token: the claims scope and scp, each a text with blanks or a list.
func scopesOf(claims map[string]any) []string {
	scopes := []string{}
	for _, name := range []string{"scope", "scp"} {
		if text, isText := claims[name].(string); isText {
			scopes = append(scopes, strings.Fields(text)...)
			continue
		}
		list, isList := claims[name].([]any)
		if !isList {
			continue
		}
		for _, entry := range list {
			if text, isText := entry.(string); isText {
				scopes = append(scopes, text)
			}
		}
	}
	return scopes
}

func hasScope(rules *jwtRules, claims map[string]any) bool {
	for _, scope := range scopesOf(claims) {
		if rules.scopes[scope] {
			return true
		}
	}
	return false
}

// tokenDecision returns the decision for a valid token.
func tokenDecision(a *Authorizer, claims map[string]any, size int) (*decision, error) {
	d := &decision{simple: true, allowed: true, isJWT: true, fields: make(map[string]string, len(claims))}
	for name, value := range claims {
		if value != nil {
			d.fields[name] = claimText(value)
		}
	}
	if len(a.settings.jwt.scopes) > 0 {
		d.scopes = scopesOf(claims)
	}
	d.size = size*4 + decisionOverhead
	return d, complete(a, d)
}

// claimText returns a claim as API Gateway writes it: a list as [a b], an object as map[a:1 b:2].
func claimText(v any) string {
	if text, isText := v.(string); isText {
		return text
	}
	return fmt.Sprint(v)
}

// cachedUntil returns until when a valid token is not verified again, in milliseconds since 1970: a minute, but never
// beyond exp.
func cachedUntil(claims map[string]any, now time.Time) int64 {
	until := now.Add(verifiedFor).UnixMilli()
	expires, _, _ := timeClaim(claims, "exp")
	if expires*1000 < float64(until) {
		return int64(expires * 1000)
	}
	return until
}

// bigInt reads an unsigned number of a JSON Web Key.
func bigInt(text string) (*big.Int, error) {
	decoded, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return nil, err
	}
	return new(big.Int).SetBytes(bytes.TrimLeft(decoded, "\x00")), nil
}
