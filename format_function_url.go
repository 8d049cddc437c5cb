package lambda

import (
	"crypto/tls"
	"encoding/json"
)

// Lambda Function URLs:
// https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads
//
// The event is that of HTTP APIs (format_http_api.go) with three differences: rawPath stays encoded,
// the header Cookie is kept in addition to cookies, and ids have shapes of their own.

//lambda:inline
func encodeFunctionURL(settings *eventSettings, req *request) ([]byte, error) {
	event := newHTTPAPIv2Event(settings, req)
	event.RawPath = escapedPath(req)
	event.RequestContext.RequestID = requestUUID(req)
	event.RequestContext.Authentication = nil // AWS documents it as unused
	addTLSHeaders(event.Headers, req.http.TLS)
	return marshalEvent(req, event)
}

// addTLSHeaders describes the encryption of the client's connection. Without TLS it removes those
// headers, since the client could have set them.
func addTLSHeaders(headers map[string]string, state *tls.ConnectionState) {
	delete(headers, "x-amzn-tls-version")
	delete(headers, "x-amzn-tls-cipher-suite")
	if state != nil {
		headers["x-amzn-tls-version"] = tlsVersion(state.Version)
		headers["x-amzn-tls-cipher-suite"] = tls.CipherSuiteName(state.CipherSuite)
	}
}

// tlsVersion returns a version's name in AWS's spelling, without the blank of tls.VersionName.
func tlsVersion(version uint16) string {
	switch version {
	case tls.VersionTLS12:
		return "TLSv1.2"
	case tls.VersionTLS13:
		return "TLSv1.3"
	default:
		return tls.VersionName(version)
	}
}

// functionURLContext sets the account "anonymous", as in events of Function URLs that do not require a
// signature.
func functionURLContext(c *eventContext) {
	c.accountID = "anonymous"
}

// strictFunctionURL: AWS documents only the status of failures. The body is as seen from the service.
var strictFunctionURL = &strictRules{
	headers:      []string{"headers"},
	cookies:      true,
	badReply:     strictFailure{502, "Internal Server Error"},
	notJSON:      strictFailure{502, "Internal Server Error"},
	functionFail: strictFailure{502, "Internal Server Error"},
	tooLarge:     strictFailure{413, `{"message":"Request Entity Too Large"}`},
}

// functionURLFailureBody is the shape of Function URLs' own errors.
func functionURLFailureBody(_ int, text string) (contentType, body string) {
	message, _ := json.Marshal(text) // strings can always be encoded
	return "application/json", `{"Message":` + string(message) + `}`
}
