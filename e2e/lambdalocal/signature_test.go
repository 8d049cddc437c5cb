package lambdalocal_test

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/lambdalocal"
)

const echoPath = "/2015-03-31/functions/echo/invocations"

// signing is what a caller can get wrong.
type signing struct {
	key, secret, token, region, service string
	at                                  time.Time
}

func goodSigning() signing {
	return signing{key: "test", secret: "test", region: "us-east-1", service: "lambda", at: time.Now()}
}

func (s signing) sign(t *testing.T, r *http.Request, body string) {
	t.Helper()
	hash := sha256.Sum256([]byte(body))
	secret := aws.Credentials{AccessKeyID: s.key, SecretAccessKey: s.secret, SessionToken: s.token}
	require.NoError(t, v4.NewSigner().SignHTTP(t.Context(), secret, r, hex.EncodeToString(hash[:]), s.service, s.region, s.at))
}

func newRequest(t *testing.T, server *lambdalocal.Server, method, path, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, server.URL()+path, strings.NewReader(body))
	require.NoError(t, err)
	return r
}

func signed(t *testing.T, server *lambdalocal.Server, method, path, body string) *http.Request {
	t.Helper()
	r := newRequest(t, server, method, path, body)
	goodSigning().sign(t, r, body)
	return r
}

func send(t *testing.T, r *http.Request) (*http.Response, string) {
	t.Helper()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	response, err := transport.RoundTrip(r)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response, string(body)
}

func TestSignaturesThatAreGood(t *testing.T) {
	server := start(t, lambdalocal.Config{
		Functions: functions("echo"),
		Credentials: []lambdalocal.Credential{
			{AccessKeyID: "test", SecretAccessKey: "test"},
			{AccessKeyID: "AKIATEMP", SecretAccessKey: "s/+=", SessionToken: "to/ken+=="},
		},
	})
	for name, tt := range map[string]struct {
		path   string
		change func(*signing, *http.Request)
	}{
		"the plain request": {echoPath, func(*signing, *http.Request) {}},
		"any region":        {echoPath, func(s *signing, _ *http.Request) { s.region = "ap-southeast-4" }},
		"a session token": {echoPath, func(s *signing, _ *http.Request) {
			s.key, s.secret, s.token = "AKIATEMP", "s/+=", "to/ken+=="
		}},
		"four minutes late":  {echoPath, func(s *signing, _ *http.Request) { s.at = s.at.Add(-4 * time.Minute) }},
		"four minutes early": {echoPath, func(s *signing, _ *http.Request) { s.at = s.at.Add(4 * time.Minute) }},
		"an ARN escaped in the path": {
			"/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Aecho/invocations",
			func(*signing, *http.Request) {}},
		"an ARN not escaped in the path": {
			"/2015-03-31/functions/arn:aws:lambda:us-east-1:123456789012:function:echo/invocations",
			func(*signing, *http.Request) {}},
		"$LATEST escaped in the query":     {echoPath + "?Qualifier=%24LATEST", func(*signing, *http.Request) {}},
		"$LATEST not escaped in the query": {echoPath + "?Qualifier=$LATEST", func(*signing, *http.Request) {}},
		"Lambda's own headers, signed": {echoPath, func(_ *signing, r *http.Request) {
			r.Header.Set("X-Amz-Invocation-Type", "RequestResponse")
			r.Header.Set("X-Amz-Client-Context", "e30=")
			r.Header.Set("X-Amz-Tenant-Id", "tenant  with   blanks")
			r.Header.Set("Content-Type", "application/json")
		}},
		"a body hash in a header": {echoPath, func(_ *signing, r *http.Request) {
			hash := sha256.Sum256([]byte("{}"))
			r.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(hash[:]))
		}},
		"another host's name": {echoPath, func(_ *signing, r *http.Request) { r.Host = "lambda.us-east-1.amazonaws.com" }},
	} {
		t.Run(name, func(t *testing.T) {
			s := goodSigning()
			r := newRequest(t, server, http.MethodPost, tt.path, "{}")
			tt.change(&s, r)
			s.sign(t, r, "{}")
			response, body := send(t, r)
			assert.Equal(t, http.StatusOK, response.StatusCode, body)
		})
	}
}

func TestSignaturesThatAreBad(t *testing.T) {
	server := start(t, lambdalocal.Config{
		Functions: functions("echo"),
		Credentials: []lambdalocal.Credential{
			{AccessKeyID: "test", SecretAccessKey: "test"},
			{AccessKeyID: "AKIATEMP", SecretAccessKey: "test", SessionToken: "token"},
		},
	})
	const mismatch = "The request signature we calculated does not match the signature you provided."
	for name, tt := range map[string]struct {
		before    func(*signing, *http.Request)
		after     func(*http.Request)
		errorType string
		message   string
	}{
		"no signature": {nil, func(r *http.Request) { r.Header.Del("Authorization") },
			"MissingAuthenticationTokenException", "Missing Authentication Token"},
		"another algorithm": {nil, func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") },
			"IncompleteSignatureException", "Unsupported AWS 'algorithm'"},
		"two Authorization headers": {nil, func(r *http.Request) { r.Header.Add("Authorization", r.Header.Get("Authorization")) },
			"IncompleteSignatureException", "Unsupported AWS 'algorithm'"},
		"no signature in the header": {nil, edit("Signature=", "Nothing="),
			"IncompleteSignatureException", "Authorization header requires 'Signature' parameter."},
		"a credential without a scope": {nil, edit("/aws4_request", ""),
			"IncompleteSignatureException", "Credential must have exactly 5 slash-delimited elements"},
		"no date": {nil, func(r *http.Request) { r.Header.Del("X-Amz-Date") },
			"IncompleteSignatureException", "'X-Amz-Date'"},
		"a date in another form": {nil, func(r *http.Request) { r.Header.Set("X-Amz-Date", "2030-01-01") },
			"IncompleteSignatureException", "Date must be in ISO-8601"},
		"a day that is not the scope's": {nil, func(r *http.Request) { r.Header.Set("X-Amz-Date", "20010101T000000Z") },
			"InvalidSignatureException", "Date in Credential scope does not match YYYYMMDD"},
		"six minutes late": {func(s *signing, _ *http.Request) { s.at = s.at.Add(-6 * time.Minute) }, nil,
			"InvalidSignatureException", "Signature expired: "},
		"six minutes early": {func(s *signing, _ *http.Request) { s.at = s.at.Add(6 * time.Minute) }, nil,
			"InvalidSignatureException", "Signature not yet current: "},
		"an unknown key": {func(s *signing, _ *http.Request) { s.key = "other" }, nil,
			"UnrecognizedClientException", "The security token included in the request is invalid."},
		"a token too many": {func(s *signing, _ *http.Request) { s.token = "token" }, nil,
			"UnrecognizedClientException", "The security token included in the request is invalid."},
		"no token": {func(s *signing, _ *http.Request) { s.key = "AKIATEMP" }, nil,
			"UnrecognizedClientException", "The security token included in the request is invalid."},
		"a wrong token": {func(s *signing, _ *http.Request) { s.key, s.token = "AKIATEMP", "tokeN" }, nil,
			"UnrecognizedClientException", "The security token included in the request is invalid."},
		"a wrong secret": {func(s *signing, _ *http.Request) { s.secret = "tesT" }, nil,
			"InvalidSignatureException", mismatch},
		"another service": {func(s *signing, _ *http.Request) { s.service = "s3" }, nil,
			"InvalidSignatureException", "Credential should be scoped to correct service: 'lambda'."},
		"another region than signed": {nil, edit("/us-east-1/", "/us-east-2/"), "InvalidSignatureException", mismatch},
		"another body":               {nil, setBody(`{"a":2}`), "InvalidSignatureException", mismatch},
		"a hash that is not the body's": {func(_ *signing, r *http.Request) {
			r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
		}, nil, "InvalidSignatureException", mismatch},
		"another path": {nil, func(r *http.Request) { r.URL.Path = "/2015-03-31/functions/echO/invocations" },
			"InvalidSignatureException", mismatch},
		"another escape in the path": {nil, func(r *http.Request) {
			r.URL.Path, r.URL.RawPath = echoPath, "/2015-03-31/functions/%65cho/invocations"
		}, "InvalidSignatureException", mismatch},
		"a query added":            {nil, func(r *http.Request) { r.URL.RawQuery = "Qualifier=2" }, "InvalidSignatureException", mismatch},
		"another host than signed": {nil, func(r *http.Request) { r.Host = "example.com" }, "InvalidSignatureException", mismatch},
		"a header of Lambda's that is not signed": {nil, func(r *http.Request) { r.Header.Set("X-Amz-Log-Type", "Tail") },
			"InvalidSignatureException", "headers present in the request which were not signed: 'x-amz-log-type'"},
		"a signed header that did not arrive": {func(_ *signing, r *http.Request) { r.Header.Set("X-Extra", "1") },
			func(r *http.Request) { r.Header.Del("X-Extra") }, "InvalidSignatureException", mismatch},
		"a signed header that changed": {func(_ *signing, r *http.Request) { r.Header.Set("X-Extra", "1") },
			func(r *http.Request) { r.Header.Set("X-Extra", "2") }, "InvalidSignatureException", mismatch},
		"the host is not among the signed": {nil, edit("host;", ""), "InvalidSignatureException", "'Host' or ':authority' must be a 'SignedHeader'"},
		"the date is not among the signed": {nil, edit(";x-amz-date", ""), "InvalidSignatureException", "not signed: 'x-amz-date'"},
		"one digit of the signature":       {nil, flipLastDigit, "InvalidSignatureException", mismatch},
	} {
		t.Run(name, func(t *testing.T) {
			s := goodSigning()
			r := newRequest(t, server, http.MethodPost, echoPath, `{"a":1}`)
			if tt.before != nil {
				tt.before(&s, r)
			}
			s.sign(t, r, `{"a":1}`)
			if tt.after != nil {
				tt.after(r)
			}
			response, body := send(t, r)
			assert.Equal(t, http.StatusForbidden, response.StatusCode)
			assert.Equal(t, tt.errorType, response.Header.Get("X-Amzn-Errortype"))
			assert.Contains(t, body, tt.message)
		})
	}
	assert.Zero(t, server.Invocations("echo"), "nothing counts without a good signature")
	assert.Empty(t, server.Requests())
	assert.Empty(t, server.Processes())
}

func edit(old, with string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, with, 1))
	}
}

func setBody(body string) func(*http.Request) {
	return func(r *http.Request) {
		r.Body = io.NopCloser(strings.NewReader(body))
		r.ContentLength = int64(len(body))
	}
}

func flipLastDigit(r *http.Request) {
	value := []byte(r.Header.Get("Authorization"))
	value[len(value)-1] ^= 1
	r.Header.Set("Authorization", string(value))
}

func TestOtherPathsAndMethods(t *testing.T) {
	server := start(t, lambdalocal.Config{Functions: functions("echo")})
	for name, r := range map[string]*http.Request{
		"the root":                signed(t, server, http.MethodPost, "/", "{}"),
		"GET":                     signed(t, server, http.MethodGet, echoPath, ""),
		"an unknown version":      signed(t, server, http.MethodPost, "/2015-03-30/functions/echo/invocations", "{}"),
		"something after the end": signed(t, server, http.MethodPost, echoPath+"/", "{}"),
	} {
		t.Run(name, func(t *testing.T) {
			response, _ := send(t, r)
			assert.Equal(t, http.StatusNotFound, response.StatusCode)
		})
	}
}

func TestTLS(t *testing.T) {
	server := start(t, lambdalocal.Config{Functions: functions("echo"), TLS: true})
	require.True(t, strings.HasPrefix(server.URL(), "https://127.0.0.1:"))
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(server.CAPEM()))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	defer transport.CloseIdleConnections()

	c := client(server, func(o *lambda.Options) { o.HTTPClient = &http.Client{Transport: transport} })
	out, err := c.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("echo"), Payload: []byte(`{"a":1}`)})
	require.NoError(t, err)
	assert.Equal(t, `{"a":1}`, page(t, out.Payload))

	_, err = client(server).Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("echo")})
	var unknown x509.UnknownAuthorityError
	require.ErrorAs(t, err, &unknown, "nobody trusts it without the authority")
}

func TestTheClientOfAWSWithATemporaryKey(t *testing.T) {
	server := start(t, lambdalocal.Config{
		Functions:   functions("echo"),
		Credentials: []lambdalocal.Credential{{AccessKeyID: "ASIA", SecretAccessKey: "secret", SessionToken: "token"}},
	})
	c := client(server, func(o *lambda.Options) {
		o.Credentials = credentials.NewStaticCredentialsProvider("ASIA", "secret", "token")
	})
	_, err := c.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("echo")})
	require.NoError(t, err)
	_, err = client(server).Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("echo")})
	assertRefused(t, err, 403, "UnrecognizedClientException", "The security token included in the request is invalid.")
}
