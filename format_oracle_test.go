/*
+build compiled

Yaegi heeds the line above, in a block comment too, and leaves this file out; Go does not. The
tests here compare with AWS's own event types, which only needs to run compiled.
*/

package lambda

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
)

// goTypes are AWS's own Go types for the events, and the keys that the front doors send although the
// types have no field for them (README.md in testdata).
var goTypes = map[string]struct {
	event func() any
	more  []string
}{
	"http-api-v2":     {func() any { return &events.APIGatewayV2HTTPRequest{} }, nil},
	"http-api-v1":     {func() any { return &events.APIGatewayProxyRequest{} }, []string{"version", "requestContext identity cognitoAmr", "requestContext identity principalOrgId"}},
	"rest-api":        {func() any { return &events.APIGatewayProxyRequest{} }, []string{"requestContext identity principalOrgId"}},
	"function-url":    {func() any { return &events.LambdaFunctionURLRequest{} }, []string{"routeKey", "requestContext routeKey", "requestContext stage"}},
	"alb":             {func() any { return &events.ALBTargetGroupRequest{} }, nil},
	"alb-multi-value": {func() any { return &events.ALBTargetGroupRequest{} }, nil},
}

// remove deletes the value at a path of keys and reports whether there was one.
func remove(object map[string]any, path string) bool {
	keys := strings.Split(path, " ")
	for _, key := range keys[:len(keys)-1] {
		object, _ = object[key].(map[string]any)
	}
	_, found := object[keys[len(keys)-1]]
	delete(object, keys[len(keys)-1])
	return found
}

// variedRequests are 40 requests that differ in everything that affects events.
func variedRequests() []*http.Request {
	requests := make([]*http.Request, 0, 40)
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions} {
		for _, target := range []string{"/", "/a%20b/%C3%A4/c%2Fd", "/p?q=1&q=2&e=&=v&k", "/bad?x=%zz&y=%FF;z"} {
			for _, contentType := range []string{"application/json", "application/octet-stream"} {
				body := ""
				if method == http.MethodPost || method == http.MethodPut {
					body = "{\"ä\":\"<\u2028>\"}"
				}
				r := httptest.NewRequest(method, "http://[2001:db8::1]:8080"+target, strings.NewReader(body))
				r.RemoteAddr = "[fe80::1%eth0]:5000"
				r.Header.Set("Content-Type", contentType)
				if target != "/" {
					r.Header["X-Many"] = []string{"1", "", "3"}
					r.Header.Set("Cookie", "a=1; b=2")
					r.Header.Set("User-Agent", "probe \xe9")
				}
				requests = append(requests, r)
			}
		}
	}
	return requests
}

func TestEventsMatchAWSsTypes(t *testing.T) {
	for format, oracle := range goTypes {
		l := formatLambda(t, format, nil)
		for _, r := range variedRequests() {
			object := decoded(t, eventOf(t, l, r))
			for _, path := range oracle.more {
				if !remove(object, path) {
					t.Errorf("%s %s %s: got no %s, want it", format, r.Method, r.URL, path)
				}
			}
			event, err := json.Marshal(object)
			if err != nil {
				t.Fatal(err)
			}
			decoder := json.NewDecoder(bytes.NewReader(event))
			decoder.DisallowUnknownFields()
			if err := decoder.Decode(oracle.event()); err != nil {
				t.Errorf("%s %s %s: %v", format, r.Method, r.URL, err)
			}
		}
	}
}
