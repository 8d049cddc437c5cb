package lambda

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/seed05e46011/lambda/internal/authorizer"
	"github.com/seed05e46011/lambda/internal/credentials"
	"github.com/seed05e46011/lambda/internal/sigv4"
)

// The cost of a request, for each stage and as a whole, without a network. `make bench-micro` runs
// these benchmarks compiled and interpreted.

// benchRequests are clients' requests. Each is read once before the measurement.
var benchRequests = []struct {
	name        string
	contentType string
	body        []byte
}{
	{name: "GET"},
	{name: "1KB-JSON", contentType: "application/json", body: benchJSON(1 << 10)},
	{name: "64KB-JSON", contentType: "application/json", body: benchJSON(64 << 10)},
	{name: "1MB-binary", contentType: "image/png", body: bytes.Repeat([]byte{0x89}, 1<<20)},
}

// benchReplies are functions' replies.
var benchReplies = []struct {
	name    string
	payload []byte
}{
	{"text", benchReply("text/plain", "hello", false)},
	{"cookies", []byte(`{"statusCode":200,"headers":{"content-type":"text/html"},"cookies":["a=1; Secure","b=2; Secure"],"body":"hello"}`)},
	{"64KB-JSON", benchReply("application/json", strings.ReplaceAll(string(benchJSON(64<<10)), `"`, `\"`), false)},
	{"1MB-binary", benchReply("image/png", base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0x89}, 1<<20)), true)},
}

// benchJSON returns a JSON document of about size bytes.
func benchJSON(size int) []byte {
	row := `{"id":"7f1c2a90","name":"a name","tags":["a","b"],"price":12.5},`
	return []byte("[" + strings.Repeat(row, size/len(row)) + "null]")
}

// benchReply returns a payload. body is the text between the quotes of the JSON string.
func benchReply(contentType, body string, isBase64 bool) []byte {
	encoded := "false"
	if isBase64 {
		encoded = "true"
	}
	return []byte(`{"statusCode":200,"headers":{"content-type":"` + contentType + `","cache-control":"no-store"},` +
		`"body":"` + body + `","isBase64Encoded":` + encoded + `}`)
}

// benchTransport replaces the network and Lambda.
type benchTransport struct {
	payload []byte
}

func (t *benchTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode:    http.StatusOK,
		ProtoMajor:    1,
		Header:        http.Header{"X-Amzn-Requestid": {"7f1c2a90-5a3e-4d0c-9d6b-6f1a2b3c4d5e"}},
		Body:          io.NopCloser(bytes.NewReader(t.payload)),
		ContentLength: int64(len(t.payload)),
		Request:       r,
	}, nil
}

// newBenchHandler returns a handler whose function always replies payload.
func newBenchHandler(b *testing.B, payload []byte) *Lambda {
	b.Helper()
	config := CreateConfig()
	config.Function = "arn:aws:lambda:eu-central-1:123456789012:function:hello"
	config.Endpoint = "http://127.0.0.1"
	config.Credentials = &credentials.Config{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret", SessionToken: "token"}
	handler, err := New(context.Background(), http.NotFoundHandler(), config, "lambda@bench")
	if err != nil {
		b.Fatal(err)
	}
	var replying http.RoundTripper = &benchTransport{payload: payload}
	l := handler.(*Lambda)
	l.calls.transport = &http.Transport{}
	l.calls.transport.RegisterProtocol("http", replying)
	return l
}

// newBenchRequest returns a request as Traefik's own middlewares pass it on.
func newBenchRequest(contentType string, body []byte) *http.Request {
	method := http.MethodGet
	if len(body) > 0 {
		method = http.MethodPost
	}
	r := httptest.NewRequest(method, "http://example.com/users/7?name=x&page=2", bytes.NewReader(body))
	r.Header = http.Header{
		"Accept":             {"*/*"},
		"User-Agent":         {"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"},
		"X-Forwarded-Host":   {"example.com"},
		"X-Forwarded-Port":   {"80"},
		"X-Forwarded-Proto":  {"http"},
		"X-Forwarded-Server": {"traefik"},
		"X-Real-Ip":          {"192.0.2.1"},
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return r
}

// newBenchWriter returns a client that accepts everything. Its type is compiled, like Traefik's.
func newBenchWriter() *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	w.Body = nil
	return w
}

func BenchmarkSign(b *testing.B) {
	l := newBenchHandler(b, nil)
	creds, _, err := l.calls.credentials.Retrieve(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	amzDate := time.Now().UTC().Format(sigv4.TimeFormat)
	s := newSigner(l.functions.target, creds, amzDate)
	self := &worker{}
	for _, row := range benchRequests {
		event := append([]byte(`{}`), row.body...)
		b.Run(row.name, func(b *testing.B) {
			for i := 0; i < b.N; i++ {
				_ = sign(s, self, event)
			}
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	l := newBenchHandler(b, nil)
	for _, row := range benchRequests {
		r := newBenchRequest(row.contentType, row.body)
		body := row.body
		b.Run(row.name, func(b *testing.B) {
			for i := 0; i < b.N; i++ {
				req := newRequest(l, r)
				req.body = body
				if err := encodeEvent(l, req); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkInvoke(b *testing.B) {
	l := newBenchHandler(b, benchReplies[0].payload)
	r := newBenchRequest("", nil)
	event := []byte(`{}`)
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		req := newRequest(l, r)
		req.event = event
		if _, err := invoke(r.Context(), l, req); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	l := newBenchHandler(b, nil)
	for _, row := range benchReplies {
		payload := row.payload
		b.Run(row.name, func(b *testing.B) {
			for i := 0; i < b.N; i++ {
				own := append([]byte(nil), payload...) // Base64 is decoded in place
				if err := decodeReply(l, own, newReply(http.Header{}, http.MethodGet)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkWrite(b *testing.B) {
	l := newBenchHandler(b, nil)
	req := newRequest(l, newBenchRequest("", nil))
	reply := newReply(http.Header{"Vary": {"Origin"}}, http.MethodGet)
	if err := decodeReply(l, benchReplies[0].payload, reply); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		w := newBenchWriter()
		if err := writeReply(l, w, w.Header(), req, reply); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkServeHTTP(b *testing.B) {
	for _, row := range benchRequests {
		benchmarkServeHTTP(b, "request-"+row.name, row.contentType, row.body, benchReplies[0].payload)
	}
	for _, row := range benchReplies[1:] {
		benchmarkServeHTTP(b, "reply-"+row.name, "", nil, row.payload)
	}
}

func benchmarkServeHTTP(b *testing.B, name, contentType string, body, payload []byte) {
	b.Helper()
	l := newBenchHandler(b, payload)
	r := newBenchRequest(contentType, body)
	b.Run(name, func(b *testing.B) {
		for i := 0; i < b.N; i++ {
			r.Body = io.NopCloser(bytes.NewReader(body))
			w := newBenchWriter()
			l.ServeHTTP(w, r)
			if w.Code != http.StatusOK {
				b.Fatal(w.Code)
			}
		}
	})
}

// BenchmarkAuthorized measures a route without an authorizer, and one with an authorizer that has the
// caller's result cached.
func BenchmarkAuthorized(b *testing.B) {
	for _, row := range []struct{ name, reply string }{
		{"no authorizer", ""}, {"a simple reply", simpleAllow}, {"a policy", policyAllow},
	} {
		l := newBenchHandler(b, benchReplies[0].payload)
		var handler http.Handler = l
		if row.reply != "" {
			handler = newBenchAuthorizer(b, l, row.reply)
		}
		r := newBenchRequest("", nil)
		r.Header.Set("Authorization", "Bearer abc")
		b.Run(row.name, func(b *testing.B) {
			for i := 0; i < b.N; i++ {
				w := newBenchWriter()
				handler.ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					b.Fatal(w.Code)
				}
			}
		})
	}
}

// newBenchAuthorizer puts an authorizer before a handler. The authorizer's function replies as given,
// without a call.
func newBenchAuthorizer(b *testing.B, l *Lambda, reply string) http.Handler {
	b.Helper()
	a, err := authorizer.New(&authorizer.Config{Function: "check", TTL: "1h"}, authorizer.Core{
		Name:    "bench " + reply,
		Shape:   authorizer.ShapeHTTPAPIv2,
		Event:   func(_ *http.Request, _ *authorizer.Identity) ([]byte, error) { return nil, nil },
		Invoke:  func(_ context.Context, _ []byte) ([]byte, error) { return []byte(reply), nil },
		Observe: authorizerCounter("check"),
	})
	if err != nil {
		b.Fatal(err)
	}
	l.brackets.authorized = true
	return a.Handler(l)
}
