package authorizer

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/seed05e46011/lambda/internal/endpoint"
	"github.com/seed05e46011/lambda/internal/wait"
)

// Keys of an issuer: JSON Web Keys (RFC 7517), found by OpenID Connect Discovery 1.0.

// publicKey is a key that verifies signatures, RSA or ECDSA.
type publicKey struct {
	id        string
	algorithm string // "" for any of its kind
	curve     string // "" for RSA
	rsa       *rsa.PublicKey
	ecdsa     *ecdsa.PublicKey
}

const (
	// freshFor is how long keys are used before newer ones are fetched in the background.
	freshFor = time.Hour

	// usableFor is how long keys are used while the issuer does not respond.
	usableFor = 24 * time.Hour

	// unknownPause is the minimum time between two fetches because of unknown key ids, which any client can make up.
	unknownPause = 5 * time.Minute

	// failurePause is how long a failure stands if there are no keys to use.
	failurePause = 5 * time.Second

	// fetchTimeout limits a fetch, whoever waits for it.
	fetchTimeout = 10 * time.Second

	maxDocument = 256 << 10
	maxKeys     = 100
)

// keySet holds the keys of one issuer. It is safe for concurrent use.
type keySet struct {
	issuer  string
	jwksURL string // "" for discovery

	mu           sync.Mutex
	keys         []publicKey
	fetched      time.Time // when keys came; zero before
	askedUnknown time.Time // because of an unknown key
	failed       time.Time
	err          error // of the last fetch
	fetching     *fetch
}

// fetch is a fetch under way.
type fetch struct {
	done context.Context // done when the fetch has ended, with keys or without
	end  context.CancelFunc
}

// keySets holds the keys by issuer and URL, across instances and reloads. Instances keep the set that they have.
var keySets = struct {
	sync.Mutex
	byURL map[string]*keySet
}{byURL: map[string]*keySet{}}

// maxKeySets limits the sets that former configurations leave behind.
const maxKeySets = 64

// sharedKeySet returns the keys of an issuer, the same set for the same issuer. It fetches nothing.
func sharedKeySet(issuer, jwksURL string) *keySet {
	keySets.Lock()
	defer keySets.Unlock()
	id := issuer + "\n" + jwksURL
	if set := keySets.byURL[id]; set != nil {
		return set
	}
	if len(keySets.byURL) >= maxKeySets {
		keySets.byURL = map[string]*keySet{}
	}
	set := &keySet{issuer: issuer, jwksURL: jwksURL}
	keySets.byURL[id] = set
	return set
}

// checkKeyURL refuses a URL that is not safe to fetch keys from: whoever can change them on their way can sign any
// token.
func checkKeyURL(name, text string) error {
	u, err := url.Parse(text)
	if err == nil && u.Host != "" && u.User == nil {
		if u.Scheme == "https" || (u.Scheme == "http" && endpoint.IsLoopback(u.Hostname())) {
			return nil
		}
	}
	return fmt.Errorf("%s: %q: want an https:// URL, or http:// on loopback", name, text)
}

// keyFor returns the key of an id for an algorithm, nil if the issuer has none. It waits for the issuer only if there
// are no keys yet, or if the id is unknown and the issuer was not asked about an unknown id lately.
func keyFor(
	ctx context.Context, s *keySet, timeout time.Duration, id string, alg *algorithm, now time.Time,
) (*publicKey, error) {
	key, pending := knownKey(s, id, alg, now)
	if pending == nil {
		return key, usable(s, now)
	}
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if !wait.For(limited, pending.done) {
		return nil, fmt.Errorf("the keys of issuer %s: none within %v", s.issuer, timeout)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return findKey(s.keys, id, alg), usableLocked(s, now)
}

// usable returns why the keys cannot be used.
func usable(s *keySet, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return usableLocked(s, now)
}

func usableLocked(s *keySet, now time.Time) error {
	if !s.fetched.IsZero() && now.Sub(s.fetched) < usableFor {
		return nil
	}
	if s.err != nil {
		return s.err
	}
	return fmt.Errorf("the keys of issuer %s: not there yet", s.issuer)
}

// knownKey returns the key if it is known, else the fetch to wait for. It begins the fetches that are due.
func knownKey(s *keySet, id string, alg *algorithm, now time.Time) (key *publicKey, pending *fetch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	age := now.Sub(s.fetched)
	if s.fetched.IsZero() || age >= usableFor {
		if s.fetching == nil && now.Sub(s.failed) < failurePause {
			return nil, nil
		}
		return nil, begin(s)
	}
	key = findKey(s.keys, id, alg)
	switch {
	case key == nil && s.fetching != nil:
		return nil, s.fetching
	case key == nil && now.Sub(s.askedUnknown) >= unknownPause:
		s.askedUnknown = now
		return nil, begin(s)
	case age >= freshFor && now.Sub(s.failed) >= failurePause:
		begin(s)
	}
	return key, nil
}

// begin returns the fetch under way, or begins one. The caller holds the lock.
func begin(s *keySet) *fetch {
	if s.fetching == nil {
		done, end := context.WithCancel(context.Background())
		s.fetching = &fetch{done: done, end: end}
		go fetchKeys(s, s.fetching)
	}
	return s.fetching
}

// findKey returns the key of an id that fits an algorithm: of its kind, on its curve, and not reserved for another
// algorithm.
func findKey(keys []publicKey, id string, alg *algorithm) *publicKey {
	for i := range keys {
		k := &keys[i]
		if k.id == id && k.curve == alg.curve && (k.algorithm == "" || k.algorithm == alg.name) {
			return k
		}
	}
	return nil
}

// fetchKeys fetches the keys. If that fails, it keeps the present ones.
func fetchKeys(s *keySet, f *fetch) {
	defer f.end()
	keys, err := fetchSafely(s)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fetching = nil
	s.err = err
	if err != nil {
		s.failed = time.Now()
		return
	}
	s.keys = keys
	s.fetched = time.Now()
}

// fetchSafely turns a panic, which would end Traefik in this goroutine, into an error.
func fetchSafely(s *keySet) (keys []publicKey, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the keys of issuer %s: panic: %v", s.issuer, p)
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), fetchTimeout)
	defer cancel()
	keys, err = fetchJWKS(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("the keys of issuer %s: %w", s.issuer, err)
	}
	return keys, nil
}

// fetchJWKS fetches the keys, after the discovery document unless the options name the keys' URL.
func fetchJWKS(ctx context.Context, s *keySet) ([]publicKey, error) {
	location := s.jwksURL
	if location == "" {
		document, err := fetchDocument(ctx, strings.TrimSuffix(s.issuer, "/")+"/.well-known/openid-configuration")
		if err != nil {
			return nil, err
		}
		var discovery struct {
			Issuer  string `json:"issuer"`
			JWKSURI string `json:"jwks_uri"`
		}
		if err := json.Unmarshal(document, &discovery); err != nil {
			return nil, fmt.Errorf("the discovery document: %w", err)
		}
		if discovery.Issuer != s.issuer { // OpenID Connect Discovery 1.0, 4.3
			return nil, fmt.Errorf("the discovery document is of issuer %.200q", discovery.Issuer)
		}
		if err := checkKeyURL("jwks_uri", discovery.JWKSURI); err != nil {
			return nil, err
		}
		location = discovery.JWKSURI
	}
	document, err := fetchDocument(ctx, location)
	if err != nil {
		return nil, err
	}
	return parseKeys(document)
}

// keyClient fetches keys for all instances. It follows no redirects, because only the first URL was checked.
var keyClient = &http.Client{
	Transport: newKeyTransport(),
	CheckRedirect: func(_ *http.Request, _ []*http.Request) error {
		return http.ErrUseLastResponse
	},
}

func newKeyTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxResponseHeaderBytes = 64 << 10
	t.MaxIdleConnsPerHost = 1
	return t
}

// fetchDocument gets a document of up to maxDocument bytes.
func fetchDocument(ctx context.Context, location string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, location, http.NoBody)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	response, err := keyClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: status %d", location, response.StatusCode)
	}
	document, err := io.ReadAll(io.LimitReader(response.Body, maxDocument+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", location, err)
	}
	if len(document) > maxDocument {
		return nil, fmt.Errorf("%s: over %d bytes", location, maxDocument)
	}
	return document, nil
}

// jwk holds the public parts of a JSON Web Key.
type jwk struct {
	KeyType   string `json:"kty"`
	KeyID     string `json:"kid"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	Curve     string `json:"crv"`
	N         string `json:"n"`
	E         string `json:"e"`
	X         string `json:"x"`
	Y         string `json:"y"`
}

// parseKeys reads a set of keys. It leaves out keys for other purposes, of other kinds and too weak ones (RFC 7517
// 5).
func parseKeys(document []byte) ([]publicKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(document, &set); err != nil {
		return nil, fmt.Errorf("the key set: %w", err)
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("the key set: %d keys: want %d at most", len(set.Keys), maxKeys)
	}
	var keys []publicKey
	for _, encoded := range set.Keys {
		k := jwk{}
		if err := json.Unmarshal(encoded, &k); err != nil || k.KeyID == "" || (k.Use != "" && k.Use != "sig") {
			continue
		}
		if key := newPublicKey(&k); key != nil {
			keys = append(keys, *key)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("the key set has no key for RS256, RS384, RS512, ES256 or ES384")
	}
	return keys, nil
}

// newPublicKey returns the key, nil for one that cannot verify signatures.
func newPublicKey(k *jwk) *publicKey {
	key := &publicKey{id: k.KeyID, algorithm: k.Algorithm, curve: k.Curve}
	switch k.KeyType {
	case "RSA":
		key.rsa = rsaKey(k)
		key.curve = ""
		if key.rsa == nil {
			return nil
		}
		return key
	case "EC":
		key.ecdsa = ecdsaKey(k)
		if key.ecdsa == nil {
			return nil
		}
		return key
	default:
		return nil
	}
}

// rsaKey returns a key of 2048 to 8192 bits (RFC 7518 3.3).
func rsaKey(k *jwk) *rsa.PublicKey {
	modulus, err := bigInt(k.N)
	if err != nil || modulus.BitLen() < 2048 || modulus.BitLen() > 8192 {
		return nil
	}
	exponent, err := bigInt(k.E)
	if err != nil || exponent.BitLen() > 31 || exponent.Int64() < 3 || exponent.Int64()%2 == 0 {
		return nil
	}
	return &rsa.PublicKey{N: modulus, E: int(exponent.Int64())}
}

// ecdsaKey returns a key whose point is on its curve.
func ecdsaKey(k *jwk) *ecdsa.PublicKey {
	key := &ecdsa.PublicKey{}
	switch k.Curve {
	case "P-256":
		key.Curve = elliptic.P256()
	case "P-384":
		key.Curve = elliptic.P384()
	default:
		return nil
	}
	x, err := bigInt(k.X)
	if err != nil {
		return nil
	}
	y, err := bigInt(k.Y)
	if err != nil {
		return nil
	}
	key.X = x
	key.Y = y
	if _, err := key.ECDH(); err != nil {
		return nil
	}
	return key
}
