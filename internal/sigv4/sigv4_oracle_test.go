/*
+build compiled

Yaegi heeds the line above, in a block comment too, and leaves this file out; Go does not. The
tests here compare with AWS's own signer, which only needs to run compiled.
*/

package sigv4

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// resigned returns the Authorization header that AWS's signer computes for a request as it arrived.
func resigned(arrived *http.Request, body []byte, c *Credentials, region, service string) (string, error) {
	again, err := http.NewRequestWithContext(context.Background(), arrived.Method,
		"http://"+arrived.Host+arrived.RequestURI, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	for name, values := range arrived.Header {
		if name != "Authorization" && name != "Content-Length" {
			again.Header[name] = values
		}
	}
	date, err := time.Parse(TimeFormat, arrived.Header.Get("X-Amz-Date"))
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(body)
	keys := aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}
	err = v4.NewSigner().SignHTTP(context.Background(), keys, again, hex.EncodeToString(sum[:]), service, region, date)
	return again.Header.Get("Authorization"), err
}

func TestAnyRequestIsSignedAsAWSSignsIt(t *testing.T) {
	var arrived *http.Request
	var arrivedBody []byte
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		arrived = r
		arrivedBody, _ = io.ReadAll(r.Body)
	}))
	t.Cleanup(server.Close)
	creds := &Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret", SessionToken: "token"}
	for name, req := range map[string]*http.Request{
		"a GET without anything":            newSignable("GET", server.URL, ""),
		"a form, as STS takes it":           newSignable("POST", server.URL+"/", "Action=AssumeRole&Version=2011-06-15"),
		"a path with escapes and blanks":    newSignable("GET", server.URL+"/a%20b/%2Fc/d+e/~f/:g/@h", ""),
		"a query out of order, with blanks": newSignable("GET", server.URL+"/?b=2&a=1&c=a+b&c=a%20a&empty=", ""),
		"headers with runs of blanks":       newSignable("GET", server.URL+"/", "", "X-Amz-Tenant-Id", "a   b  c"),
		"a header with several values":      newSignable("GET", server.URL+"/", "", "X-Amz-Meta-A", "1", "X-Amz-Meta-A", "2"),
	} {
		t.Run(name, func(t *testing.T) {
			var body []byte
			if req.Body != nil {
				body, _ = io.ReadAll(req.Body)
				req.Body = io.NopCloser(bytes.NewReader(body))
			}
			Sign(req, body, creds, "eu-central-1", "sts", time.Now())
			resp, err := (&http.Transport{DisableCompression: true}).RoundTrip(req) // it adds no header
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			want, err := resigned(arrived, arrivedBody, creds, "eu-central-1", "sts")
			if err != nil {
				t.Fatal(err)
			}
			if got := arrived.Header.Get("Authorization"); got != want {
				t.Errorf("%s\ngot  %s\nwant %s", arrived.RequestURI, got, want)
			}
		})
	}
}

// FuzzSigner looks for a path, a query or a header that AWS's signer signs differently.
func FuzzSigner(f *testing.F) {
	f.Add("/2015-03-31/functions/arn%3Aaws%3Alambda/invocations", "Qualifier=%24LATEST", "tenant one", "{}")
	f.Add("/", "a=1&a=0&b", " padded ", "")
	f.Add("/", "", "\u00a0 no-break spaces  \u00a0", "")
	f.Fuzz(func(t *testing.T, path, query, header, body string) {
		req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://lambda.example.com/", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		values, err := url.ParseQuery(query)
		if err != nil || strings.ContainsAny(header, controlCharacters) {
			t.Skip("no such query or header leaves this plugin")
		}
		req.URL.Path = "/" + strings.TrimLeft(path, "/")
		req.URL.RawQuery = values.Encode()
		req.Header.Set("X-Amz-Tenant-Id", header)
		creds := &Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}
		Sign(req, []byte(body), creds, "eu-central-1", "lambda", time.Now())
		req.RequestURI = req.URL.RequestURI()
		want, err := resigned(req, []byte(body), creds, "eu-central-1", "lambda")
		if err != nil {
			t.Skip("no request that could arrive")
		}
		if CanonicalQuery(values) != strings.ReplaceAll(sortedValues(values).Encode(), "+", "%20") {
			t.Skip("AWS's signer for Go sorts names before it escapes them, unlike the specification")
		}
		if got := req.Header.Get("Authorization"); got != want {
			t.Errorf("path %q query %q header %q\ngot  %s\nwant %s", path, query, header, got, want)
		}
	})
}

// newSignable returns a request to sign; headers are names and values in turn.
func newSignable(method, url, body string, headers ...string) *http.Request {
	req := httptest.NewRequest(method, url, strings.NewReader(body))
	req.RequestURI = ""
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	return req
}

// controlCharacters are the characters that net/http refuses in headers.
const controlCharacters = "\x00\x01\x02\x03\x04\x05\x06\x07\x08\t\n\x0b\x0c\r\x0e\x0f" +
	"\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f"

// sortedValues returns a query with the values of each name sorted.
func sortedValues(query url.Values) url.Values {
	for _, values := range query {
		sort.Strings(values)
	}
	return query
}
