// Package sigv4 signs requests to AWS with Signature Version 4. Its steps have the names of
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
//
// Sign signs any request. Callers that sign many similar requests prepare the constant parts once, with the single
// steps.
package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// TimeFormat is the layout of the header X-Amz-Date, whose first 8 characters are the date of a scope.
	TimeFormat = "20060102T150405Z"

	algorithm = "AWS4-HMAC-SHA256"
)

// Credentials holds the key that requests are signed with. Never print or marshal a value of this type as a whole: in
// Yaegi neither a String method nor a custom marshaller would hide the secret.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string // empty for long-term keys, which have none
}

// Sign sets X-Amz-Date, Authorization and, with a session token, X-Amz-Security-Token on a request with payload as
// its body. The signature covers every header that is set, Host and, with a payload, Content-Length. It leaves out
// User-Agent, which proxies may change. Do not change headers after Sign.
func Sign(req *http.Request, payload []byte, c *Credentials, region, service string, now time.Time) {
	amzDate := now.UTC().Format(TimeFormat)
	req.Header.Set("X-Amz-Date", amzDate)
	if c.SessionToken != "" {
		req.Header.Set("X-Amz-Security-Token", c.SessionToken)
	}
	headers, signedHeaders := canonicalHeaders(req, len(payload))
	canonicalRequest := req.Method + "\n" + CanonicalPath(req.URL.EscapedPath()) + "\n" +
		CanonicalQuery(req.URL.Query()) + "\n" + headers + "\n" + signedHeaders + "\n" + hexSHA256(payload)
	date := amzDate[:8]
	scope := Scope(date, region, service)
	mac := hmac.New(sha256.New, SigningKey(c.SecretAccessKey, date, region, service))
	mac.Write([]byte(StringToSign(amzDate, scope) + hexSHA256([]byte(canonicalRequest))))
	req.Header.Set("Authorization",
		Authorization(c.AccessKeyID, scope, signedHeaders)+hex.EncodeToString(mac.Sum(nil)))
}

// HostHeader returns the header Host for u. Like AWS's signers it leaves out the default port of the scheme.
func HostHeader(u *url.URL) string {
	if (u.Scheme == "https" && u.Port() == "443") || (u.Scheme == "http" && u.Port() == "80") {
		return strings.TrimSuffix(u.Host, ":"+u.Port())
	}
	return u.Host
}

// CanonicalPath returns a path escaped once more. It takes the path as it is sent: every service but S3 signs the
// escape of the escape, "%253A" for "%3A".
func CanonicalPath(escapedPath string) string {
	if escapedPath == "" {
		return "/"
	}
	return strings.ReplaceAll(url.QueryEscape(escapedPath), "%2F", "/")
}

// CanonicalQuery returns a query with names and values escaped, a blank as %20, sorted by the escaped name and then by
// the escaped value.
func CanonicalQuery(query url.Values) string {
	const border = "\n" // sorts before all that escaped text has, so that a name comes before a longer one
	pairs := make([]string, 0, len(query))
	for name, values := range query {
		for _, value := range values {
			pairs = append(pairs, url.QueryEscape(name)+border+url.QueryEscape(value))
		}
	}
	sort.Strings(pairs)
	return canonicalPairs.Replace(strings.Join(pairs, "&"))
}

// canonicalPairs replaces the border of CanonicalQuery, and the "+" that url.QueryEscape writes for a blank.
var canonicalPairs = strings.NewReplacer("\n", "=", "+", "%20")

// canonicalHeaders returns a line "name:value\n" for each header, sorted, and their names joined by ";".
func canonicalHeaders(req *http.Request, contentLength int) (lines, names string) {
	values := map[string]string{"host": req.Host}
	if req.Host == "" {
		values["host"] = req.URL.Host
	}
	if contentLength > 0 {
		values["content-length"] = strconv.Itoa(contentLength)
	}
	for name, list := range req.Header {
		if name != "User-Agent" && name != "Authorization" {
			values[strings.ToLower(name)] = strings.Join(list, ",")
		}
	}
	sorted := make([]string, 0, len(values))
	for name := range values {
		sorted = append(sorted, name)
	}
	sort.Strings(sorted)
	lines = "" // in Yaegi a named result begins with what the caller's variable holds
	for _, name := range sorted {
		lines += name + ":" + canonicalHeaderValue(values[name]) + "\n"
	}
	return lines, strings.Join(sorted, ";")
}

// canonicalHeaderValue trims all kinds of white space, as AWS's own signers do, and folds runs of blanks, as the
// specification asks.
func canonicalHeaderValue(value string) string {
	value = strings.TrimSpace(value)
	for strings.Contains(value, "  ") {
		value = strings.ReplaceAll(value, "  ", " ")
	}
	return value
}

// Scope returns the scope of a credential. date is YYYYMMDD.
func Scope(date, region, service string) string {
	return date + "/" + region + "/" + service + "/aws4_request"
}

// StringToSign returns the string to sign without its end, which is the hex SHA-256 of the canonical request. amzDate
// is in TimeFormat.
func StringToSign(amzDate, scope string) string {
	return algorithm + "\n" + amzDate + "\n" + scope + "\n"
}

// Authorization returns the value of the header Authorization without its end, which is the hex signature.
// signedHeaders are the names of the headers in lower case, sorted and joined by ";".
func Authorization(accessKeyID, scope, signedHeaders string) string {
	return algorithm + " Credential=" + accessKeyID + "/" + scope + ", SignedHeaders=" + signedHeaders + ", Signature="
}

// signingKeys holds the keys that were derived today. Deriving one costs four HMACs, more than the rest of a
// signature. It outlives the plugin's instances, which Traefik rebuilds at each change of its configuration. The
// secret is part of the map's key: a rotated secret takes effect at once, even under the same access key id.
var signingKeys = struct {
	sync.Mutex
	date string
	keys map[string][]byte
}{}

// maxSigningKeys limits signingKeys if credentials change often (assumed roles, many regions).
const maxSigningKeys = 256

// SigningKey returns the key that a scope's strings are signed with. It is safe for concurrent use; the result is
// shared and must not be changed.
func SigningKey(secret, date, region, service string) []byte {
	id := secret + "/" + date + "/" + region + "/" + service
	signingKeys.Lock()
	key, ok := signingKeys.keys[id]
	signingKeys.Unlock()
	if ok {
		return key
	}
	key = deriveSigningKey(secret, date, region, service)
	signingKeys.Lock()
	if signingKeys.date != date || len(signingKeys.keys) >= maxSigningKeys {
		signingKeys.date = date
		signingKeys.keys = map[string][]byte{}
	}
	signingKeys.keys[id] = key
	signingKeys.Unlock()
	return key
}

func deriveSigningKey(secret, date, region, service string) []byte {
	key := hmacSHA256([]byte("AWS4"+secret), date)
	key = hmacSHA256(key, region)
	key = hmacSHA256(key, service)
	return hmacSHA256(key, "aws4_request")
}

func hmacSHA256(key []byte, data string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(data))
	return mac.Sum(nil)
}

func hexSHA256(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
