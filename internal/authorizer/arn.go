package authorizer

import (
	"net/http"
	"net/url"
	"strings"
)

// target is the ARN of a request, which policies are matched against.
type target struct {
	sent    string // with the path as the client sent it: methodArn and routeArn
	decoded string // with the path decoded once
}

// maxARN is the length of the longest method ARN that API Gateway takes. Longer ones get 414.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
const maxARN = 1600

// wildcards escapes the characters that are wildcards in a policy. A client must not be able to send one: a function
// may echo the ARN as the Resource of its policy, which is cached.
var wildcards = strings.NewReplacer("*", "%2A", "?", "%3F")

// targetOf returns the ARN of a request. It uses only r.URL and r.Method.
func targetOf(prefix string, r *http.Request) target {
	path := r.URL.EscapedPath()
	if path == "" || path[0] != '/' {
		path = "/" + path // "*" of OPTIONS, or the host alone
	}
	method := prefix + r.Method
	if strings.IndexByte(r.Method, '*') >= 0 {
		method = prefix + wildcards.Replace(r.Method)
	}
	t := target{}
	if strings.IndexByte(path, '%') >= 0 {
		t.decoded = method + decodedPath(path)
	}
	if strings.IndexByte(path, '*') >= 0 {
		path = wildcards.Replace(path)
	}
	t.sent = method + path
	if t.decoded == "" {
		t.decoded = t.sent
	}
	return t
}

// decodedPath decodes an escaped path once, and leaves no wildcard in it.
func decodedPath(path string) string {
	decoded, err := url.PathUnescape(path)
	if err != nil {
		return wildcards.Replace(path) // never of a *url.URL
	}
	return wildcards.Replace(decoded)
}
