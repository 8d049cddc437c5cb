package lambda

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

// AWS Signature Version 4, its steps named as in
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
const signingAlgorithm = "AWS4-HMAC-SHA256"

// canonicalRequest is the part of a request that a signature covers.
type canonicalRequest struct {
	method        string
	path          string // the path as it goes on the wire, escaped once more (canonicalPath)
	query         string // escaped and sorted
	headers       string // a line "name:value\n" a header, lower case, sorted by name
	signedHeaders string // the names of headers, in the same order, joined by ";"
	payloadHash   string // hex SHA-256 of the body
}

// authorization returns the value of the Authorization header. amzDate is the time in
// amzDateFormat, and has to be among the signed headers as x-amz-date.
func authorization(r *canonicalRequest, c *credentials, region, service, amzDate string) string {
	date := amzDate[:8]
	scope := date + "/" + region + "/" + service + "/aws4_request"
	mac := hmac.New(sha256.New, signingKey(c.secretAccessKey, date, region, service))
	mac.Write([]byte(stringToSign(r, scope, amzDate)))
	return signingAlgorithm + " Credential=" + c.accessKeyID + "/" + scope +
		", SignedHeaders=" + r.signedHeaders +
		", Signature=" + hex.EncodeToString(mac.Sum(nil))
}

func stringToSign(r *canonicalRequest, scope, amzDate string) string {
	return signingAlgorithm + "\n" + amzDate + "\n" + scope + "\n" + payloadHash([]byte(
		r.method+"\n"+r.path+"\n"+r.query+"\n"+r.headers+"\n"+r.signedHeaders+"\n"+r.payloadHash))
}

// payloadHash returns the hex SHA-256 of payload.
func payloadHash(payload []byte) string {
	sum := sha256.Sum256(payload)
	return hex.EncodeToString(sum[:])
}

// signingKeys keeps the keys derived today: deriving one costs four HMACs, more than all the
// rest of a signature. It outlives the instances, since Traefik rebuilds them at each change of
// its configuration. The secret is part of what a key is found by, so that a rotated secret
// signs at once, even under the same access key id.
var signingKeys = struct {
	sync.Mutex
	date string
	keys map[string][]byte
}{}

// maxSigningKeys bounds signingKeys where credentials change often (assumed roles, many regions).
const maxSigningKeys = 256

func signingKey(secret, date, region, service string) []byte {
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

// signer holds all of the signatures of one target's invocations that stays the same for a second:
// with it a signature is two hashes and one HMAC. Interpreted, every further step would show.
type signer struct {
	head          string // the canonical request up to the length of the body
	tail          string // … from there to the hash of the body
	stringToSign  string // up to the hash of the canonical request
	key           []byte
	authorization string // the header's value up to the signature
}

func newSigner(t *target, c *credentials, amzDate string) *signer {
	date := amzDate[:8]
	scope := date + "/" + t.region + "/lambda/aws4_request"
	headers := "\nhost:" + t.host + "\nx-amz-date:" + amzDate
	signedHeaders := "content-length;host;x-amz-date"
	if c.sessionToken != "" {
		headers += "\nx-amz-security-token:" + c.sessionToken
		signedHeaders += ";x-amz-security-token"
	}
	return &signer{
		head:          "POST\n" + t.canonicalPath + "\n" + t.canonicalQuery + "\ncontent-length:",
		tail:          headers + "\n\n" + signedHeaders + "\n",
		stringToSign:  signingAlgorithm + "\n" + amzDate + "\n" + scope + "\n",
		key:           signingKey(c.secretAccessKey, date, t.region, "lambda"),
		authorization: signingAlgorithm + " Credential=" + c.accessKeyID + "/" + scope + ", SignedHeaders=" + signedHeaders + ", Signature=",
	}
}

// sign returns the value of the Authorization header for the invocation with this event.
func sign(s *signer, event []byte) string {
	hash := sha256.Sum256(event)
	hash = sha256.Sum256([]byte(s.head + strconv.Itoa(len(event)) + s.tail + hex.EncodeToString(hash[:])))
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(s.stringToSign + hex.EncodeToString(hash[:])))
	return s.authorization + hex.EncodeToString(mac.Sum(nil))
}

// canonicalPath escapes a path, as it goes on the wire, once more: every service but S3 signs
// the escape of the escape. "%3A" becomes "%253A".
func canonicalPath(wirePath string) string {
	if wirePath == "" {
		return "/"
	}
	return strings.ReplaceAll(url.QueryEscape(wirePath), "%2F", "/")
}

// canonicalQuery returns the query escaped and sorted by name and value; a blank is %20, never +.
func canonicalQuery(query url.Values) string {
	for _, values := range query {
		sort.Strings(values)
	}
	return strings.ReplaceAll(query.Encode(), "+", "%20")
}

// canonicalHeaderValue trims a header's value, of every kind of white space as AWS's own signers do,
// and folds runs of blanks, as the specification asks.
func canonicalHeaderValue(value string) string {
	value = strings.TrimSpace(value)
	for strings.Contains(value, "  ") {
		value = strings.ReplaceAll(value, "  ", " ")
	}
	return value
}

// signHTTP signs any request: it sets X-Amz-Date, X-Amz-Security-Token and Authorization, and
// covers every header that is set, Host and, where there is a payload, Content-Length. Plain
// invocations are signed by a signer instead, from parts that were made beforehand.
func signHTTP(req *http.Request, payload []byte, c *credentials, region, service string, now time.Time) {
	amzDate := now.UTC().Format(amzDateFormat)
	req.Header.Set("X-Amz-Date", amzDate)
	if c.sessionToken != "" {
		req.Header.Set("X-Amz-Security-Token", c.sessionToken)
	}
	headers, names := canonicalHeaders(req, len(payload))
	canonical := &canonicalRequest{
		method:        req.Method,
		path:          canonicalPath(req.URL.EscapedPath()),
		query:         canonicalQuery(req.URL.Query()),
		headers:       headers,
		signedHeaders: names,
		payloadHash:   payloadHash(payload),
	}
	req.Header.Set("Authorization", authorization(canonical, c, region, service, amzDate))
}

// canonicalHeaders returns the lines of the headers and their names. User-Agent is left out,
// as AWS's own signers do: proxies may change it.
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
	lines = "" // in Yaegi results begin with what their caller's variables hold
	for _, name := range sorted {
		lines += name + ":" + canonicalHeaderValue(values[name]) + "\n"
	}
	return lines, strings.Join(sorted, ";")
}
