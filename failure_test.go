package lambda

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed05e46011/lambda/internal/credentials"
	"github.com/seed05e46011/lambda/internal/logline"
	"github.com/seed05e46011/lambda/internal/route"
)

// rawEndpoint is a Lambda endpoint whose behaviour on each connection a test defines. It counts the
// invocations that it received completely.
type rawEndpoint struct {
	listener net.Listener
	behave   func(conn net.Conn, invocation func() bool)

	mu          sync.Mutex
	connections []net.Conn
	invocations int
}

// newRawEndpoint starts an endpoint. behave runs once for each connection, which is closed afterwards.
// invocation reads one complete request and reports whether there was one.
func newRawEndpoint(t *testing.T, behave func(conn net.Conn, invocation func() bool)) *rawEndpoint {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &rawEndpoint{listener: listener, behave: behave}
	go e.accept()
	t.Cleanup(e.close)
	return e
}

func (e *rawEndpoint) accept() {
	for {
		conn, err := e.listener.Accept()
		if err != nil {
			return
		}
		e.mu.Lock()
		e.connections = append(e.connections, conn)
		e.mu.Unlock()
		go e.serve(conn)
	}
}

func (e *rawEndpoint) serve(conn net.Conn) {
	reader := bufio.NewReader(conn)
	e.behave(conn, func() bool { return e.read(reader) })
	_ = conn.Close()
}

func (e *rawEndpoint) read(reader *bufio.Reader) bool {
	r, err := http.ReadRequest(reader)
	if err != nil {
		return false
	}
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return false
	}
	e.mu.Lock()
	e.invocations++
	e.mu.Unlock()
	return true
}

func (e *rawEndpoint) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.invocations
}

func (e *rawEndpoint) close() {
	_ = e.listener.Close()
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, conn := range e.connections {
		_ = conn.Close()
	}
}

func (e *rawEndpoint) config() *Config {
	config := CreateConfig()
	config.Function = "hello"
	config.Region = "eu-central-1"
	config.Endpoint = "http://" + e.listener.Addr().String()
	config.Credentials = &credentials.Config{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}
	return config
}

// answers returns a behaviour that responds to every invocation on a connection with these bytes.
func answers(wire string) func(net.Conn, func() bool) {
	return func(conn net.Conn, invocation func() bool) {
		for invocation() {
			if _, err := io.WriteString(conn, wire); err != nil {
				return
			}
		}
	}
}

// stalls returns a behaviour that sends the first part of a response, then nothing until the client
// gives up.
func stalls(wire string) func(net.Conn, func() bool) {
	return func(conn net.Conn, invocation func() bool) {
		invocation()
		_, _ = io.WriteString(conn, wire)
		_, _ = conn.Read(make([]byte, 1))
	}
}

func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
}

// apiAnswer is an error response of the Lambda API on the wire.
func apiAnswer(status, errorType, header string) string {
	body := `{"Type":"User","message":"arn:aws:lambda:eu-central-1:123456789012:function:hello"}`
	return fmt.Sprintf("HTTP/1.1 %s\r\nX-Amzn-Errortype: %s\r\nX-Amzn-Requestid: id-1\r\n%sContent-Length: %d\r\n\r\n%s",
		status, errorType, header, len(body), body)
}

// TestFailures checks what the client gets, and how often the function was invoked.
func TestFailures(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n"
	rows := map[string]struct {
		behave      func(net.Conn, func() bool)
		status      int
		invocations int
	}{
		"the connection is closed before the request is read": {func(_ net.Conn, _ func() bool) {}, 502, 0},
		"the connection is reset before the request is read":  {func(conn net.Conn, _ func() bool) { reset(conn) }, 502, 0},
		"the connection is reset after the request was read":  {func(conn net.Conn, invocation func() bool) { invocation(); reset(conn) }, 502, 1},
		"the connection is closed after the request was read": {func(_ net.Conn, invocation func() bool) { invocation() }, 502, 1},
		"no response arrives":                                 {stalls(""), 504, 1},
		"the head of the response stalls":                     {stalls("HTTP/1.1 200 OK\r\nContent-"), 504, 1},
		"the body of the response stalls":                     {stalls(ok + "\r\n{\"statusCode\""), 504, 1},
		"the body of an error stalls":                         {stalls("HTTP/1.1 500 Error\r\nContent-Length: 100\r\n\r\n{"), 504, 1},
		"the body of the response breaks off":                 {func(conn net.Conn, invocation func() bool) { invocation(); _, _ = io.WriteString(conn, ok+"\r\n{") }, 502, 1},
		"the response is garbage": {func(conn net.Conn, invocation func() bool) {
			invocation()
			_, _ = io.WriteString(conn, "\x16\x03\x01 garbage\r\n\r\n")
		}, 502, 1},
		"the response's head is endless":  {answers("HTTP/1.1 200 OK\r\nX-A: " + strings.Repeat("a", 2*maxReplyHeaderBytes) + "\r\n\r\n"), 502, 1},
		"the response is a redirect":      {answers("HTTP/1.1 307 Temporary Redirect\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"), 502, 1},
		"the response switches protocols": {answers("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"), 502, 1},
		"the response is 204":             {answers("HTTP/1.1 204 No Content\r\n\r\n"), 502, 1},
		"Lambda throttles":                {answers(apiAnswer("429 Too Many Requests", "TooManyRequestsException", "Retry-After: 7\r\n")), 503, 1},
		"Lambda fails":                    {answers(apiAnswer("500 Internal Server Error", "ServiceException", "")), 502, 1},
		"Lambda is unavailable":           {answers(apiAnswer("503 Service Unavailable", "ServiceUnavailable", "")), 502, 1},
		"the error's body breaks off": {func(conn net.Conn, invocation func() bool) {
			invocation()
			_, _ = io.WriteString(conn, "HTTP/1.1 429 Slow\r\nContent-Length: 9\r\n\r\n{")
		}, 503, 1},
		"Lambda denies access":               {answers(apiAnswer("403 Forbidden", "AccessDeniedException", "")), 502, 1},
		"the function does not exist":        {answers(apiAnswer("404 Not Found", "ResourceNotFoundException", "")), 502, 1},
		"Lambda finds the request wrong":     {answers(apiAnswer("400 Bad Request", "InvalidParameterValueException", "")), 502, 1},
		"Lambda finds the request too large": {answers(apiAnswer("413 Content Too Large", "RequestTooLargeException", "")), 502, 1},
		"the function fails":                 {answers("HTTP/1.1 200 OK\r\nX-Amz-Function-Error: Unhandled\r\nContent-Length: 2\r\n\r\n{}"), 502, 1},
		"the reply has a bad status":         {answers("HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n{\"statusCode\": 99}"), 502, 1},
		"the reply follows a 100 Continue":   {answers("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n{\"statusCode\": 201}"), 201, 1},
	}
	for name, row := range rows {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			t.Run(name+", "+method, func(t *testing.T) {
				testFailure(t, method, row.behave, row.status, row.invocations)
			})
		}
	}
}

func testFailure(t *testing.T, method string, behave func(net.Conn, func() bool), status, invocations int) {
	t.Helper()
	discardLog(t)
	test := func(timeout time.Duration) error {
		e := newRawEndpoint(t, behave)
		config := e.config()
		config.Timeout = timeout.String()
		body := ""
		if method == http.MethodPost {
			body = "a=b"
		}
		resp := serve(newTestHandler(t, config), httptest.NewRequest(method, "http://example.com/", strings.NewReader(body)))
		if resp.StatusCode != status || e.count() != invocations {
			return fmt.Errorf("got %d after %d invocations, want %d after %d", resp.StatusCode, e.count(), status, invocations)
		}
		if text := bodyOf(t, resp); status >= 500 && text != `{"message":"`+http.StatusText(status)+`"}` {
			return fmt.Errorf("got body %q, want the status text of %d", text, status)
		}
		return nil
	}
	if status == http.StatusGatewayTimeout {
		patiently(t, test)
	} else if err := test(time.Minute); err != nil {
		t.Error(err)
	}
}

// patiently runs a test of a short timeout, again with longer ones while it fails: a machine that is busy may need
// more than the short one for what comes before.
func patiently(t *testing.T, test func(timeout time.Duration) error) {
	t.Helper()
	var err error
	for _, timeout := range []time.Duration{100 * time.Millisecond, time.Second, 10 * time.Second} {
		if err = test(timeout); err == nil {
			return
		}
	}
	t.Error(err)
}

// captureLog returns the lines that are logged until the test ends.
func captureLog(t *testing.T) *logBuffer {
	t.Helper()
	buffer := &logBuffer{}
	logline.AdmitAll()
	log.SetOutput(buffer)
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	return buffer
}

func discardLog(t *testing.T) {
	t.Helper()
	log.SetOutput(io.Discard)
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
}

type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func TestAFailureIsLoggedInOneLineAndNotSentToTheClient(t *testing.T) {
	logged := captureLog(t)
	e := newRawEndpoint(t, answers(apiAnswer("429 Too Many Requests", "TooManyRequestsException", "Retry-After: 7\r\n")))
	config := e.config()
	config.ServerTiming = true
	resp := serve(newTestHandler(t, config), httptest.NewRequest(http.MethodGet, "http://example.com/", nil))
	if got := resp.Header.Get("Retry-After"); got != "7" {
		t.Errorf("Retry-After %q, want Lambda's own", got)
	}
	if got := resp.Header.Get("X-Amzn-RequestId"); got != "id-1" {
		t.Errorf("got X-Amzn-RequestId %q, want id-1", got)
	}
	if got := resp.Header.Get("Server-Timing"); !strings.HasPrefix(got, "lambda;dur=") {
		t.Errorf("got Server-Timing %q, want lambda;dur=…", got)
	}
	line := logged.text()
	if strings.Count(line, "\n") != 1 {
		t.Errorf("want one line, got %q", line)
	}
	for _, want := range []string{
		"lambda@test: 503 Service Unavailable", "function=hello", `route="$default"`, "requestId=id-1", "duration=",
		"cause=throttle", "TooManyRequestsException",
	} {
		if !strings.Contains(line, want) {
			t.Errorf("got %s, want %q in it", line, want)
		}
	}
	for _, secret := range []string{"AKIDEXAMPLE", "secret", "Signature"} {
		if strings.Contains(line, secret) {
			t.Errorf("got %s, want no %q in it", line, secret)
		}
	}
}

func TestNoConnectionIsA502WithoutAnInvocation(t *testing.T) {
	discardLog(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close() // nobody listens on this port now
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	untrusted := httptest.NewTLSServer(http.NotFoundHandler())
	defer untrusted.Close()
	rows := map[string]string{
		"a closed port":                   "http://" + listener.Addr().String(),
		"the host does not exist":         "http://nowhere.invalid",
		"the endpoint does not speak TLS": strings.Replace(plain.URL, "http:", "https:", 1),
		"the certificate is not trusted":  untrusted.URL,
	}
	for name, endpoint := range rows {
		t.Run(name, func(t *testing.T) {
			config := CreateConfig()
			config.Function = "hello"
			config.Region = "eu-central-1"
			config.Endpoint = endpoint
			config.Credentials = &credentials.Config{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}
			resp := serve(newTestHandler(t, config), httptest.NewRequest(http.MethodPost, "http://example.com/", strings.NewReader("x")))
			if resp.StatusCode != http.StatusBadGateway {
				t.Errorf("got %d, want 502", resp.StatusCode)
			}
		})
	}
}

func TestFailuresAreLoggedWithTheirCause(t *testing.T) {
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "AWS_") {
			setVariable(t, name, "")
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close() // nobody listens on this port now
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	change := func(endpoint string) func(*Config) { return func(c *Config) { c.Endpoint = endpoint } }
	for name, row := range map[string]struct {
		answer string
		change func(*Config)
		cause  string
	}{
		"Lambda refuses the credentials":      {apiAnswer("403 Forbidden", "UnrecognizedClientException", ""), nil, "credentials"},
		"the credentials lack the permission": {apiAnswer("403 Forbidden", "AccessDeniedException", ""), nil, "permission"},
		"the function does not exist":         {apiAnswer("404 Not Found", "ResourceNotFoundException", ""), nil, "no-such-function"},
		"another refusal":                     {apiAnswer("400 Bad Request", "InvalidParameterValueException", ""), nil, "refused"},
		"no response":                         {"", nil, "connection"},
		"a closed port":                       {"", change("http://" + listener.Addr().String()), "connect"},
		"the host does not exist":             {"", change("http://nowhere.invalid"), "connect"},
		"the endpoint does not speak TLS":     {"", change(strings.Replace(plain.URL, "http:", "https:", 1)), "connect"},
		"no proxy listens":                    {"", func(c *Config) { c.ProxyURL = "http://" + listener.Addr().String() }, "connect"},
		"the proxy refuses the connection": {"", func(c *Config) {
			c.Endpoint = "https://lambda.invalid"
			c.ProxyURL = plain.URL
		}, "connect"},
		"no credentials": {"", func(c *Config) {
			c.Credentials = &credentials.Config{Profile: "none", CredentialsFile: "/nowhere", ConfigFile: "/nowhere"}
		}, "credentials"},
		"a template whose result Lambda would refuse": {"", func(c *Config) { c.TenantID = "{{.Path}}?" }, "unsendable"},
	} {
		t.Run(name, func(t *testing.T) {
			logged := captureLog(t)
			s := &script{answers: []string{row.answer}}
			config := newRawEndpoint(t, s.behave).config()
			if row.change != nil {
				row.change(config)
			}
			for way, l := range bothWays(t, config) {
				logline.AdmitAll()
				if got := get(l).StatusCode; got != http.StatusBadGateway {
					t.Errorf("%s: got %d, want 502", way, got)
				}
			}
			if got := strings.Count(logged.text(), "cause="+row.cause+":"); got != 2 {
				t.Errorf("got %q, want two lines with the cause %s", logged.text(), row.cause)
			}
		})
	}
}

func TestRequestsThatFunctionsCannotServe(t *testing.T) {
	f := newFakeLambda(t, replies(`{"statusCode":201}`))
	websocket := http.Header{"Upgrade": {"WebSocket"}, "Connection": {"keep-alive, Upgrade"}}
	for name, row := range map[string]struct {
		method string
		header http.Header
		status int
	}{
		"CONNECT":                     {http.MethodConnect, http.Header{}, 405},
		"a WebSocket":                 {http.MethodGet, websocket, 400},
		"an offer of HTTP/2":          {http.MethodGet, http.Header{"Upgrade": {"h2c"}, "Connection": {"Upgrade, HTTP2-Settings"}}, 201},
		"Upgrade without Connection":  {http.MethodGet, http.Header{"Upgrade": {"websocket"}}, 201},
		"a WebSocket without a route": {http.MethodGet, websocket, 299},
	} {
		t.Run(name, func(t *testing.T) {
			config := testConfig(f)
			if row.status == 299 {
				config.Function, config.Unmatched = "", "next"
				config.Routes = []route.Config{{RouteKey: "GET /other", Function: "hello"}}
			}
			handler := newTestHandler(t, config).(*Lambda)
			handler.next = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Upgrade", r.Header.Get("Upgrade"))
				w.WriteHeader(299)
			})
			for way, l := range map[string]http.Handler{"generated": handlerOf(handler, true), "source": handlerOf(handler, false)} {
				before := f.invocations()
				r := httptest.NewRequest(row.method, "http://example.com/", nil)
				r.Header = row.header
				resp := serve(l, r)
				if resp.StatusCode != row.status || (f.invocations() > before) != (row.status == 201) {
					t.Errorf("%s: got %d after %d invocations, want %d", way, resp.StatusCode, f.invocations()-before, row.status)
				}
				if row.status == 405 && resp.Header.Get("Allow") == "" {
					t.Errorf("%s: got a 405 without Allow, want one", way)
				}
				if row.status == 299 && resp.Header.Get("X-Upgrade") == "" {
					t.Errorf("%s: got no Upgrade at the next handler, want the client's", way)
				}
			}
		})
	}
}

func TestAFunctionErrorStatusWithoutABody(t *testing.T) {
	discardLog(t)
	config := newRawEndpoint(t, answers(wireFunctionError)).config()
	config.FunctionErrorStatus = http.StatusNoContent
	resp := get(newTestHandler(t, config))
	if body := bodyOf(t, resp); resp.StatusCode != http.StatusNoContent || body != "" || resp.Header.Get("Content-Length") != "" {
		t.Errorf("got %d %q %v, want 204 without a body", resp.StatusCode, body, resp.Header)
	}
}

func TestACallEndsWhenTheClientDisconnects(t *testing.T) {
	discardLog(t)
	left := make(chan bool, 1)
	called := make(chan bool, 1)
	e := newRawEndpoint(t, func(conn net.Conn, invocation func() bool) {
		invocation()
		called <- true
		_, err := conn.Read(make([]byte, 1))
		left <- err != nil
	})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go leaveWhen(called, cancel)
	r := httptest.NewRequest(http.MethodGet, "http://example.com/", nil).WithContext(ctx)
	resp := serve(newTestHandler(t, e.config()), r)
	if resp.StatusCode != statusClientClosedRequest {
		t.Errorf("got %d, want 499", resp.StatusCode)
	}
	select {
	case <-left:
	case <-time.After(time.Second):
		t.Error("got an open connection to Lambda after a second, want it closed")
	}
}

func leaveWhen(called <-chan bool, leave func()) {
	<-called
	leave()
}

// The transport notices only when it writes to the connection, or just before.
func TestAConnectionThatWasResetWhileIdleIsReplaced(t *testing.T) {
	answered := make(chan bool)
	gone := make(chan bool)
	e := newRawEndpoint(t, func(conn net.Conn, invocation func() bool) {
		invocation()
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n{\"statusCode\": 201}")
		<-answered
		reset(conn)
		_ = conn.Close()
		gone <- true
	})
	handler := newTestHandler(t, e.config())
	for i := 1; i <= 5; i++ {
		resp := serve(handler, httptest.NewRequest(http.MethodPost, "http://example.com/", strings.NewReader("x")))
		if resp.StatusCode != http.StatusCreated || e.count() != i {
			t.Fatalf("request %d: got %d after %d invocations, want 201 after %d", i, resp.StatusCode, e.count(), i)
		}
		answered <- true
		<-gone
	}
}

// errorReader is a request's body that fails.
type errorReader struct{ err error }

func (r *errorReader) Read(_ []byte) (int, error) { return 0, r.err }

// stalledReader is a request's body that never arrives.
type stalledReader struct{ ended chan bool }

func (r *stalledReader) Read(_ []byte) (int, error) {
	<-r.ended
	return 0, io.ErrUnexpectedEOF
}

func TestRequestsWithoutAUsableBodyAreRefused(t *testing.T) {
	discardLog(t)
	f := newFakeLambda(t, replies(`{"statusCode":200}`))
	ended := make(chan bool)
	defer close(ended)
	rows := map[string]struct {
		body   io.Reader
		status int
	}{
		"a chunked body over the limit":              {io.MultiReader(strings.NewReader(strings.Repeat("a", 1001))), 413},
		"a body over the limit, with Content-Length": {strings.NewReader(strings.Repeat("a", 1001)), 413},
		"a body that cannot be read":                 {&errorReader{errors.New("malformed chunk")}, 400},
		"a body that does not arrive in time":        {&stalledReader{ended}, 504},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			config := testConfig(f)
			config.MaxRequestBodyBytes = 1000
			if row.status == 504 {
				config.Timeout = "50ms"
			}
			resp := serve(newTestHandler(t, config), httptest.NewRequest(http.MethodPost, "http://example.com/", row.body))
			if resp.StatusCode != row.status || f.invocations() != 0 {
				t.Errorf("got %d after %d invocations, want %d after none", resp.StatusCode, f.invocations(), row.status)
			}
		})
	}
}

func TestAnEventThatBase64MakesTooLargeIsA413(t *testing.T) {
	discardLog(t)
	f := newFakeLambda(t, replies(`{"statusCode":200}`))
	body := strings.Repeat("\xff", 5<<20)
	resp := serve(newTestHandler(t, testConfig(f)), httptest.NewRequest(http.MethodPost, "http://example.com/", strings.NewReader(body)))
	if resp.StatusCode != http.StatusRequestEntityTooLarge || f.invocations() != 0 {
		t.Errorf("got %d after %d invocations, want 413 after none", resp.StatusCode, f.invocations())
	}
}

// nextHandler responds with the body that it received.
func nextHandler(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("X-Next", r.Header.Get("X-Sent"))
	_, _ = w.Write(append([]byte(r.Method+" "+r.URL.String()+" "), body...))
}

func TestFallbackHandsTheOriginalRequestOn(t *testing.T) {
	rows := map[string]struct {
		behave func(net.Conn, func() bool)
		want   int
		next   bool
	}{
		"no response":               {stalls(""), 504, true},
		"a reset":                   {func(conn net.Conn, invocation func() bool) { invocation(); reset(conn) }, 502, true},
		"a throttle":                {answers(apiAnswer("429 Too Many Requests", "TooManyRequestsException", "")), 503, true},
		"a function's error":        {answers("HTTP/1.1 200 OK\r\nX-Amz-Function-Error: Unhandled\r\nContent-Length: 2\r\n\r\n{}"), 502, true},
		"the function's own status": {answers("HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n{\"statusCode\": 503}"), 503, false},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) { testFallback(t, row.behave, row.want, row.next) })
	}
}

func testFallback(t *testing.T, behave func(net.Conn, func() bool), status int, next bool) {
	t.Helper()
	discardLog(t)
	config := newRawEndpoint(t, behave).config()
	config.Fallback = true
	if status == http.StatusGatewayTimeout {
		config.Timeout = "100ms"
	}
	handler, err := New(context.Background(), http.HandlerFunc(nextHandler), config, "lambda@test")
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "http://example.com/a%2Fb?c", io.MultiReader(strings.NewReader("the body")))
	r.Header.Set("X-Sent", "1")
	resp := serve(handler, r)
	body := bodyOf(t, resp)
	if !next {
		if resp.StatusCode != status || resp.Header.Get("X-Next") != "" {
			t.Errorf("got %d %q, want the function's response", resp.StatusCode, body)
		}
		return
	}
	if resp.StatusCode != http.StatusOK || body != "POST http://example.com/a%2Fb?c the body" || resp.Header.Get("X-Next") != "1" {
		t.Errorf("got %d %q %v, want the next handler's response", resp.StatusCode, body, resp.Header)
	}
	if id := resp.Header.Get("X-Amzn-RequestId") + resp.Header.Get("Retry-After"); id != "" {
		t.Errorf("got headers %v, want none of the failure's", resp.Header)
	}
}

func TestFallbackDoesNotApplyToClientErrors(t *testing.T) {
	f := newFakeLambda(t, replies(`{"statusCode":200}`))
	config := testConfig(f)
	config.Fallback = true
	config.MaxRequestBodyBytes = 3
	handler, err := New(context.Background(), http.HandlerFunc(nextHandler), config, "lambda@test")
	if err != nil {
		t.Fatal(err)
	}
	resp := serve(handler, httptest.NewRequest(http.MethodPost, "http://example.com/", strings.NewReader("long")))
	if resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("got %d, want 413", resp.StatusCode)
	}
}
