package lambdalocal

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const (
	signatureAlgorithm = "AWS4-HMAC-SHA256"
	amzDateFormat      = "20060102T150405Z"
	// maxClockSkew is how far X-Amz-Date may be off, either way.
	maxClockSkew = 5 * time.Minute
)

// authorization is a parsed Authorization header.
type authorization struct {
	accessKeyID, date, region, service string
	signedHeaders                      []string
	signature                          string
}

// verify checks the request's signature over body and returns who signed it, and the region it is signed for.
// The request is signed once more by AWS's own signer, from what arrived and the secret that belongs to the
// access key; the two signatures must be equal.
func verify(r *http.Request, body []byte, service string, credentials []Credential, now time.Time) (Credential, string, *apiError) {
	auth, err := parseAuthorization(r.Header)
	if err != nil {
		return Credential{}, "", err
	}
	signedAt, err := checkDate(r.Header.Get("X-Amz-Date"), auth.date, now)
	if err != nil {
		return Credential{}, "", err
	}
	if err := auth.checkScope(service); err != nil {
		return Credential{}, "", err
	}
	if err := auth.checkCoverage(r.Header); err != nil {
		return Credential{}, "", err
	}
	credential, found := findCredential(credentials, auth.accessKeyID, r.Header.Values("X-Amz-Security-Token"))
	if !found {
		return Credential{}, "", &apiError{http.StatusForbidden, "UnrecognizedClientException",
			"The security token included in the request is invalid."}
	}
	if err := auth.checkSignature(r, body, credential, signedAt); err != nil {
		return Credential{}, "", err
	}
	if !credential.Expires.IsZero() && !now.Before(credential.Expires) {
		return Credential{}, "", &apiError{http.StatusForbidden, "ExpiredTokenException",
			"The security token included in the request is expired"}
	}
	return credential, auth.region, nil
}

func invalidSignature(format string, args ...any) *apiError {
	return &apiError{http.StatusForbidden, "InvalidSignatureException", fmt.Sprintf(format, args...)}
}

func incompleteSignature(message string) *apiError {
	return &apiError{http.StatusForbidden, "IncompleteSignatureException", message}
}

func signatureMismatch() *apiError {
	return invalidSignature("The request signature we calculated does not match the signature you provided. " +
		"Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
}

// parseAuthorization reads `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`.
func parseAuthorization(h http.Header) (authorization, *apiError) {
	values := h.Values("Authorization")
	if len(values) == 0 {
		return authorization{}, &apiError{http.StatusForbidden, "MissingAuthenticationTokenException", "Missing Authentication Token"}
	}
	algorithm, fields, _ := strings.Cut(values[0], " ")
	if len(values) != 1 || algorithm != signatureAlgorithm {
		return authorization{}, incompleteSignature("Unsupported AWS 'algorithm'. Only " + signatureAlgorithm + " is supported.")
	}
	parameters := map[string]string{}
	for field := range strings.SplitSeq(fields, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		parameters[name] = value
	}
	for _, name := range []string{"Credential", "Signature", "SignedHeaders"} {
		if parameters[name] == "" {
			return authorization{}, incompleteSignature("Authorization header requires '" + name + "' parameter.")
		}
	}
	scope := strings.Split(parameters["Credential"], "/")
	if len(scope) != 5 || scope[4] != "aws4_request" {
		return authorization{}, incompleteSignature("Credential must have exactly 5 slash-delimited elements, " +
			"e.g. keyid/date/region/service/term.")
	}
	return authorization{
		accessKeyID: scope[0], date: scope[1], region: scope[2], service: scope[3],
		signedHeaders: strings.Split(parameters["SignedHeaders"], ";"),
		signature:     parameters["Signature"],
	}, nil
}

func checkDate(amzDate, scopeDate string, now time.Time) (time.Time, *apiError) {
	if amzDate == "" {
		return time.Time{}, incompleteSignature("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
	}
	signedAt, err := time.Parse(amzDateFormat, amzDate)
	if err != nil {
		return time.Time{}, incompleteSignature("Date must be in ISO-8601 'basic format'. Got '" + amzDate + "'. See http://en.wikipedia.org/wiki/ISO_8601")
	}
	if day := amzDate[:len("20060102")]; day != scopeDate {
		return time.Time{}, invalidSignature("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date "+
			"from HTTP: '%s' != '%s', from '%s'.", scopeDate, day, amzDate)
	}
	stamp := func(t time.Time) string { return t.UTC().Format(amzDateFormat) }
	if earliest := now.Add(-maxClockSkew); signedAt.Before(earliest) {
		return time.Time{}, invalidSignature("Signature expired: %s is now earlier than %s (%s - 5 min.)", amzDate, stamp(earliest), stamp(now))
	}
	if newest := now.Add(maxClockSkew); signedAt.After(newest) {
		return time.Time{}, invalidSignature("Signature not yet current: %s is still later than %s (%s + 5 min.)", amzDate, stamp(newest), stamp(now))
	}
	return signedAt, nil
}

func (a authorization) checkScope(service string) *apiError {
	if a.service != service {
		return invalidSignature("Credential should be scoped to correct service: '%s'.", service)
	}
	if a.region == "" {
		return invalidSignature("Credential should be scoped to a valid region.")
	}
	return nil
}

// checkCoverage wants Host and all X-Amz-* headers signed: what is not signed could have been changed on the way.
func (a authorization) checkCoverage(h http.Header) *apiError {
	if !slices.Contains(a.signedHeaders, "host") {
		return invalidSignature("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
	}
	for name := range h {
		lower := strings.ToLower(name)
		if strings.HasPrefix(lower, "x-amz-") && !slices.Contains(a.signedHeaders, lower) {
			return invalidSignature("There were headers present in the request which were not signed: '%s'.", lower)
		}
	}
	return nil
}

// findCredential wants the session token that belongs to the key, and none if it has none.
func findCredential(credentials []Credential, accessKeyID string, tokens []string) (Credential, bool) {
	token := strings.Join(tokens, ",")
	for _, c := range credentials {
		if c.AccessKeyID == accessKeyID && subtle.ConstantTimeCompare([]byte(c.SessionToken), []byte(token)) == 1 {
			return c, true
		}
	}
	return Credential{}, false
}

func (a authorization) checkSignature(r *http.Request, body []byte, credential Credential, signedAt time.Time) *apiError {
	hash := sha256.Sum256(body)
	payloadHash := hex.EncodeToString(hash[:])
	if sent, ok := r.Header["X-Amz-Content-Sha256"]; ok && !slices.Equal(sent, []string{payloadHash}) {
		return signatureMismatch()
	}
	again, ok := a.rebuild(r, len(body))
	if !ok {
		return signatureMismatch()
	}
	secret := aws.Credentials{
		AccessKeyID:     credential.AccessKeyID,
		SecretAccessKey: credential.SecretAccessKey,
		SessionToken:    credential.SessionToken,
	}
	if err := v4.NewSigner().SignHTTP(context.Background(), secret, again, payloadHash, a.service, a.region, signedAt); err != nil {
		return signatureMismatch()
	}
	expected, err := parseAuthorization(again.Header)
	if err != nil || !slices.Equal(expected.signedHeaders, a.signedHeaders) {
		return signatureMismatch()
	}
	if subtle.ConstantTimeCompare([]byte(expected.signature), []byte(a.signature)) != 1 {
		return signatureMismatch()
	}
	return nil
}

// rebuild makes the request that the caller signed: what is on the wire, and no header that is not signed.
func (a authorization) rebuild(r *http.Request, length int) (*http.Request, bool) {
	path, query, _ := strings.Cut(r.RequestURI, "?")
	if _, err := url.ParseQuery(query); err != nil || !strings.HasPrefix(path, "/") {
		return nil, false
	}
	again := &http.Request{
		Method: r.Method,
		Host:   r.Host,
		Header: http.Header{},
		// Opaque keeps the path as it travelled, with the caller's choice of escapes.
		URL: &url.URL{Scheme: "http", Host: r.Host, Opaque: "//" + r.Host + path, RawQuery: query},
	}
	if r.TLS != nil {
		again.URL.Scheme = "https"
	}
	for _, name := range a.signedHeaders {
		switch key := http.CanonicalHeaderKey(name); {
		case name == "host":
		case name == "content-length":
			again.ContentLength = int64(length)
		case r.Header[key] == nil:
			return nil, false
		default:
			again.Header[key] = r.Header[key]
		}
	}
	return again, true
}
