package lambda

import (
	"crypto/tls"
	"encoding/json"
)

// Lambda Function URLs:
// https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads
//
// The event is that of HTTP APIs (format_http_api.go) but for rawPath, which stays encoded, the
// header Cookie, which stays beside cookies, and ids of their own kinds.

//lambda:inline
func encodeFunctionURL(settings *eventSettings, req *request) ([]byte, error) {
	event := newHTTPAPIv2Event(settings, req)
	event.RawPath = escapedPath(req)
	event.RequestContext.RequestID = requestUUID(req)
	event.RequestContext.Authentication = nil // AWS documents that they do not use it
	addTLSHeaders(event.Headers, req.http.TLS)
	return marshalEvent(req, event)
}

// addTLSHeaders says how the client's connection is encrypted. Without TLS there is nothing to
// say, and what the client says of it does not count.
func addTLSHeaders(headers map[string]string, state *tls.ConnectionState) {
	delete(headers, "x-amzn-tls-version")
	delete(headers, "x-amzn-tls-cipher-suite")
	if state != nil {
		headers["x-amzn-tls-version"] = tlsVersion(state.Version)
		headers["x-amzn-tls-cipher-suite"] = tls.CipherSuiteName(state.CipherSuite)
	}
}

// tlsVersion returns a version's name as AWS writes it: tls.VersionName has a blank in it.
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

// functionURLContext: a Function URL that asks nobody for a signature belongs to no account.
func functionURLContext(c *eventContext) {
	c.accountID = "anonymous"
}

// strictFunctionURL: AWS documents no more than the status of failures. The body is what the
// service is seen to answer.
var strictFunctionURL = &strictRules{
	headers:      []string{"headers"},
	cookies:      true,
	badReply:     strictFailure{502, "Internal Server Error"},
	notJSON:      strictFailure{502, "Internal Server Error"},
	functionFail: strictFailure{502, "Internal Server Error"},
	tooLarge:     strictFailure{413, `{"message":"Request Entity Too Large"}`},
}

// functionURLFailureBody is the shape of the errors that the service itself answers with.
func functionURLFailureBody(_ int, text string) (contentType, body string) {
	message, _ := json.Marshal(text) // a string always can be
	return "application/json", `{"Message":` + string(message) + `}`
}
