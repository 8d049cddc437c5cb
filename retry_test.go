package lambda

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed05e46011/lambda/internal/credentials"
)

// script is an endpoint that responds to each invocation with the next of its answers, and then repeats
// the last one.
type script struct {
	mu      sync.Mutex
	answers []string
	next    int
}

func (s *script) behave(conn net.Conn, invocation func() bool) {
	for invocation() {
		s.mu.Lock()
		answer := s.answers[s.next]
		if s.next < len(s.answers)-1 {
			s.next++
		}
		s.mu.Unlock()
		if answer == "" {
			return
		}
		_, _ = io.WriteString(conn, answer)
	}
}

const (
	wireOK            = "HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n{\"statusCode\": 201}"
	wireFunctionError = "HTTP/1.1 200 OK\r\nX-Amz-Function-Error: Unhandled\r\nContent-Length: 2\r\n\r\n{}"
)

// newRetryHandler returns a handler with hardly any pause between attempts.
func newRetryHandler(t *testing.T, config *Config) http.Handler {
	t.Helper()
	handler := newTestHandler(t, config)
	l, ok := handler.(*Lambda)
	if !ok {
		t.Fatal("got another handler, want a *Lambda")
	}
	l.calls.retry.base = time.Nanosecond
	return handler
}

func TestRetry(t *testing.T) {
	throttled := apiAnswer("429 Too Many Requests", "TooManyRequestsException", "")
	failed := apiAnswer("503 Service Unavailable", "ServiceException", "")
	refused := apiAnswer("403 Forbidden", "AccessDeniedException", "")
	all := []string{"throttle", " connect", "server"}
	rows := map[string]struct {
		causes      []string
		answers     []string
		status      int
		invocations int
	}{
		"a throttle, then a reply":                {nil, []string{throttled, throttled, wireOK}, 201, 3},
		"throttles only":                          {nil, []string{throttled}, 503, 3},
		"a failure of Lambda, by default":         {nil, []string{failed, wireOK}, 502, 1},
		"a failure of Lambda, with cause server":  {[]string{"server"}, []string{failed, wireOK}, 201, 2},
		"a throttle, without cause throttle":      {[]string{"server", "connect"}, []string{throttled, wireOK}, 503, 1},
		"one after the other":                     {all, []string{failed, throttled, wireOK}, 201, 3},
		"a function that fails":                   {all, []string{wireFunctionError, wireOK}, 502, 1},
		"a refusal":                               {all, []string{refused, wireOK}, 502, 1},
		"a connection that breaks after the call": {all, []string{"", wireOK}, 502, 1},
		"an invalid reply":                        {all, []string{"HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n{\"statusCode\": 99}", wireOK}, 502, 1},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			discardLog(t)
			for _, logType := range []string{"None", "Tail"} { // a worker signs the first attempt, or none does
				s := &script{answers: row.answers}
				e := newRawEndpoint(t, s.behave)
				config := e.config()
				config.Retry = &RetryConfig{Attempts: 3, Causes: row.causes}
				config.MaxConcurrency = 1
				config.LogType = logType
				resp := get(newRetryHandler(t, config))
				if resp.StatusCode != row.status || e.count() != row.invocations {
					t.Errorf("got %d after %d invocations, want %d after %d", resp.StatusCode, e.count(), row.status, row.invocations)
				}
				if len(inFlight.counts) != 0 {
					t.Errorf("got counts %v of calls under way, want none", inFlight.counts)
				}
			}
		})
	}
}

// The first connection breaks during the TLS handshake: nothing was sent.
func TestRetryOfAConnectionThatWasNeverMade(t *testing.T) {
	discardLog(t)
	donor := httptest.NewTLSServer(http.NotFoundHandler()) // for its certificate
	defer donor.Close()
	settings := &tls.Config{Certificates: donor.TLS.Certificates, MinVersion: tls.VersionTLS12}
	for _, row := range []struct {
		causes []string
		status int
	}{{[]string{"connect"}, 201}, {[]string{"throttle", "server"}, 502}} {
		var mu sync.Mutex
		connections := 0
		e := newRawEndpoint(t, func(conn net.Conn, _ func() bool) {
			mu.Lock()
			connections++
			first := connections == 1
			mu.Unlock()
			if first {
				return
			}
			secure := tls.Server(conn, settings)
			_, _ = secure.Read(make([]byte, 1<<16))
			_, _ = io.WriteString(secure, wireOK)
		})
		config := e.config()
		config.Endpoint = strings.Replace(config.Endpoint, "http:", "https:", 1)
		config.TLS = &TLSConfig{InsecureSkipVerify: true}
		config.Retry = &RetryConfig{Attempts: 2, Causes: row.causes}
		if got := get(newRetryHandler(t, config)).StatusCode; got != row.status {
			t.Errorf("causes %v: got %d, want %d", row.causes, got, row.status)
		}
	}
}

func TestARetryAfterBeyondTheTimeoutEndsRetries(t *testing.T) {
	discardLog(t)
	s := &script{answers: []string{apiAnswer("429 Too Many Requests", "TooManyRequestsException", "Retry-After: 120\r\n")}}
	e := newRawEndpoint(t, s.behave)
	config := e.config()
	config.Retry = &RetryConfig{Attempts: 5}
	start := time.Now()
	resp := get(newRetryHandler(t, config))
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") != "120" || e.count() != 1 || time.Since(start) > 30*time.Second {
		t.Errorf("got %d %v after %d invocations, want 503 with Retry-After: 120 after 1", resp.StatusCode, resp.Header, e.count())
	}
}

func TestTheWaitEndsWhenTheClientDisconnects(t *testing.T) {
	discardLog(t)
	called := make(chan bool, 1)
	e := newRawEndpoint(t, func(conn net.Conn, invocation func() bool) {
		for invocation() {
			_, _ = io.WriteString(conn, apiAnswer("429 Too Many Requests", "TooManyRequestsException", "Retry-After: 50\r\n"))
			called <- true
		}
	})
	config := e.config()
	config.Retry = &RetryConfig{Attempts: 2}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go leaveWhen(called, cancel)
	start := time.Now()
	resp := serve(newRetryHandler(t, config), httptest.NewRequest(http.MethodGet, "http://example.com/", nil).WithContext(ctx))
	if resp.StatusCode != statusClientClosedRequest || time.Since(start) > 30*time.Second {
		t.Errorf("got %d after %v, want 499 at once", resp.StatusCode, time.Since(start))
	}
}

func TestAFunctionIsRetriedAHundredTimesInAnOutage(t *testing.T) {
	discardLog(t)
	f := newFakeLambda(t, func(w http.ResponseWriter, _ []byte) { w.WriteHeader(http.StatusInternalServerError) })
	config := testConfig(f)
	config.Function = "in-an-outage"
	config.Retry = &RetryConfig{Attempts: 3, Causes: []string{"server"}}
	for i := 0; i < 300; i++ {
		get(newRetryHandler(t, config)) // a new instance for each request, as after a reload
	}
	if extra := f.invocations() - 300; extra != 100 {
		t.Errorf("got %d extra calls, want 100", extra)
	}
	config.Function = "another"
	before := f.invocations()
	get(newRetryHandler(t, config))
	if got := f.invocations() - before; got != 3 {
		t.Errorf("got %d calls of another function, want 3", got)
	}
}

func TestRetryTokensComeBack(t *testing.T) {
	const function = "test of the tokens"
	for i := 0; i < maxRetryTokens/retryCost; i++ {
		if !takeRetryTokens(function, retryCost) {
			t.Fatalf("got no tokens for retry %d, want some", i)
		}
	}
	if takeRetryTokens(function, retryCost) {
		t.Error("got tokens from an empty bucket, want none")
	}
	returnRetryTokens(function, retryCost)
	if !takeRetryTokens(function, retryCost) {
		t.Error("got no tokens after a successful retry, want its own back")
	}
	for i := 0; i < retryCost; i++ {
		returnRetryTokens(function, noRetryRefund)
	}
	if !takeRetryTokens(function, retryCost) {
		t.Error("got no tokens after calls without a retry, want some")
	}
	for i := 0; i < maxRetryTokens; i++ {
		returnRetryTokens(function, noRetryRefund)
	}
	if _, kept := retryTokens.left[function]; kept {
		t.Error("got a stored bucket that is full, want it removed")
	}
}

func TestRetryWaits(t *testing.T) {
	p := &retryPolicy{base: 100 * time.Millisecond}
	for attempt, longest := range map[int]time.Duration{1: p.base, 2: 2 * p.base, 4: 8 * p.base, 9: maxRetryWait} {
		var sum time.Duration
		for i := 0; i < 1000; i++ {
			wait := retryWait(p, attempt, "")
			if wait < 0 || wait >= longest {
				t.Fatalf("attempt %d: got %v, want less than %v", attempt, wait, longest)
			}
			sum += wait
		}
		if mean := sum / 1000; mean < longest*4/10 || mean > longest*6/10 {
			t.Errorf("attempt %d: got a mean of %v, want about half of %v", attempt, mean, longest)
		}
	}
	if got := retryWait(p, 1, "3"); got != 3*time.Second {
		t.Errorf("Retry-After: 3: got %v, want 3s", got)
	}
	date := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	if got := retryWait(p, 1, date); got < 59*time.Minute || got > time.Hour {
		t.Errorf("Retry-After: %s: got %v, want almost an hour", date, got)
	}
	for _, far := range []string{"99999999999", "99999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"} {
		if got := retryWait(p, 1, far); !endsWithin(&Lambda{limits: limitSettings{timeout: time.Minute}}, &request{time: time.Now()}, got) {
			t.Errorf("Retry-After: %s: got %v, want more than the timeout", far, got)
		}
	}
	if got := retryWait(p, 1, "soon"); got >= p.base {
		t.Errorf("Retry-After: soon: got %v, want less than %v", got, p.base)
	}
}

func TestInvalidRetryOptions(t *testing.T) {
	rows := map[string]struct {
		retry RetryConfig
		want  []string
	}{
		"attempts":          {RetryConfig{Attempts: 11}, []string{"retry.attempts", "11", "10"}},
		"negative attempts": {RetryConfig{Attempts: -1}, []string{"retry.attempts", "-1"}},
		"a cause":           {RetryConfig{Attempts: 2, Causes: []string{"timeout"}}, []string{"retry.causes", `"timeout"`, "throttle"}},
		"an unknown option": {RetryConfig{Unknown: map[string]any{"attempt": 2}}, []string{"retry.attempt", "retry.attempts"}},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			config := configFor("https://127.0.0.1:1")
			retry := row.retry
			config.Retry = &retry
			wantOptionError(t, config, row.want)
		})
	}
}

func TestMaxConcurrencyRefusesOtherRequestsAtOnce(t *testing.T) {
	discardLog(t)
	const bound = 3
	entered := make(chan bool, bound)
	release := make(chan bool)
	f := newFakeLambda(t, func(w http.ResponseWriter, _ []byte) {
		entered <- true
		<-release
		_, _ = io.WriteString(w, `{"statusCode":201}`)
	})
	config := testConfig(f)
	config.MaxConcurrency = bound
	statuses := make(chan int, bound)
	for i := 0; i < bound; i++ {
		go sendStatus(newTestHandler(t, config), statuses) // each through its own instance
	}
	for i := 0; i < bound; i++ {
		<-entered
	}
	resp := get(newTestHandler(t, config))
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") != "1" || f.invocations() != bound {
		t.Errorf("got %d %v after %d invocations, want 503 with Retry-After: 1 after %d",
			resp.StatusCode, resp.Header, f.invocations(), bound)
	}
	close(release)
	for i := 0; i < bound; i++ {
		if status := <-statuses; status != http.StatusCreated {
			t.Errorf("got %d for a request within the limit, want 201", status)
		}
	}
	go sendStatus(newTestHandler(t, config), statuses)
	if status := <-statuses; status != http.StatusCreated {
		t.Errorf("got %d after the others had ended, want 201", status)
	}
	if len(inFlight.counts) != 0 {
		t.Errorf("got counts %v after all have ended, want none", inFlight.counts)
	}
}

func TestFailedCallsOccupyNoSlots(t *testing.T) {
	discardLog(t)
	for name, handler := range map[string]func(w http.ResponseWriter, event []byte){
		"Lambda refuses the call": func(w http.ResponseWriter, _ []byte) { w.WriteHeader(http.StatusTooManyRequests) },
		"the function fails": func(w http.ResponseWriter, _ []byte) {
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
			_, _ = io.WriteString(w, `{"errorType":"Error"}`)
		},
		"the reply is not valid": replies(`{"statusCode":"none"}`),
		"the connection breaks":  func(w http.ResponseWriter, _ []byte) { w.Header().Set("Content-Length", "100") },
	} {
		f := newFakeLambda(t, handler)
		config := testConfig(f)
		config.MaxConcurrency = 1
		for way, l := range bothWays(t, config) {
			if got := get(l).StatusCode; got < http.StatusTooManyRequests {
				t.Errorf("%s, %s: got %d, want a failure", name, way, got)
			}
			if len(inFlight.counts) != 0 {
				t.Errorf("%s, %s: got counts %v, want none", name, way, inFlight.counts)
			}
		}
	}
}

func TestCallsWithoutCredentialsOccupyNoSlots(t *testing.T) {
	discardLog(t)
	config := testConfig(newFakeLambda(t, replies(`{}`)))
	config.MaxConcurrency = 1
	config.Credentials = &credentials.Config{WebIdentityTokenFile: "/does/not/exist", RoleArn: "arn:aws:iam::123456789012:role/x"}
	for way, l := range bothWays(t, config) {
		if got := get(l).StatusCode; got != http.StatusBadGateway {
			t.Errorf("%s: got %d, want 502", way, got)
		}
		if len(inFlight.counts) != 0 {
			t.Errorf("%s: got counts %v, want none", way, inFlight.counts)
		}
	}
}

// stalledWriter is a client that does not read its response.
type stalledWriter struct {
	*httptest.ResponseRecorder
	written, ended chan bool
}

func (w *stalledWriter) Write(p []byte) (int, error) {
	w.written <- true
	<-w.ended
	return len(p), nil
}

// A slow client does not keep a call of Lambda running.
func TestSlowClientsOccupyNoSlots(t *testing.T) {
	discardLog(t)
	f := newFakeLambda(t, replies(`{"statusCode":201,"body":"`+strings.Repeat("x", 100_000)+`"}`))
	config := testConfig(f)
	config.MaxConcurrency = 2
	for way, l := range bothWays(t, config) {
		var served sync.WaitGroup
		asked := make(chan bool)
		ended := make(chan bool)
		for i := 0; i < 2; i++ {
			r := httptest.NewRequest(http.MethodPost, "http://example.com/", http.NoBody)
			r.ContentLength = 100
			r.Body = &waitingBody{asked: asked, ended: ended}
			served.Add(1)
			go serveAndTell(l, r, &served)
		}
		<-asked
		<-asked
		if got := get(l).StatusCode; got != http.StatusCreated {
			t.Errorf("%s, beside stalled uploads: got %d, want 201", way, got)
		}
		written := make(chan bool)
		for i := 0; i < 2; i++ {
			w := &stalledWriter{httptest.NewRecorder(), written, ended}
			served.Add(1)
			go serveTo(l, w, &served)
		}
		<-written
		<-written
		if got := get(l).StatusCode; got != http.StatusCreated {
			t.Errorf("%s, beside clients that do not read: got %d, want 201", way, got)
		}
		close(ended)
		served.Wait()
		if len(inFlight.counts) != 0 {
			t.Errorf("%s: got counts %v after all have ended, want none", way, inFlight.counts)
		}
	}
}

func serveTo(l http.Handler, w *stalledWriter, served *sync.WaitGroup) {
	defer served.Done()
	l.ServeHTTP(w, getRequest("http://example.com/")) //yaegi:ok response-writer nothing flushes
}

func TestTheFirstWaitIsUnderASecond(t *testing.T) {
	discardLog(t)
	s := &script{answers: []string{apiAnswer("429 Too Many Requests", "TooManyRequestsException", ""), wireOK}}
	e := newRawEndpoint(t, s.behave)
	config := e.config()
	config.Retry = &RetryConfig{Attempts: 2}
	start := time.Now()
	resp := get(newRetryHandler(t, config)) // waits at most a nanosecond
	if took := time.Since(start); resp.StatusCode != http.StatusCreated || took >= time.Second {
		t.Errorf("got %d after %v, want 201 in under a second", resp.StatusCode, took)
	}
}

func sendStatus(handler http.Handler, statuses chan<- int) {
	statuses <- get(handler).StatusCode
}

func TestInvalidConnectionOptions(t *testing.T) {
	rows := map[string]struct {
		change func(c *Config)
		want   []string
	}{
		"maxConcurrency":          {func(c *Config) { c.MaxConcurrency = -1 }, []string{"maxConcurrency", "-1", "0"}},
		"maxIdleConnections":      {func(c *Config) { c.MaxIdleConnections = 0 }, []string{"maxIdleConnections", "0"}},
		"proxyURL":                {func(c *Config) { c.ProxyURL = "ftp://proxy" }, []string{"proxyURL", "ftp://proxy", "socks5"}},
		"proxyURL without a host": {func(c *Config) { c.ProxyURL = "proxy:3128" }, []string{"proxyURL", "proxy:3128"}},
		"an unknown option":       {func(c *Config) { c.TLS = &TLSConfig{Unknown: map[string]any{"caFiles": "x"}} }, []string{"tls.caFiles", "tls.caFile"}},
		"useFIPS with endpoint":   {func(c *Config) { c.UseFIPS = true }, []string{"useFIPS", "endpoint"}},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			config := configFor("https://127.0.0.1:1")
			row.change(config)
			wantOptionError(t, config, row.want)
		})
	}
	config := configFor("https://127.0.0.1:1")
	config.ProxyURL = "ftp://user:hunter2@proxy"
	_, err := New(context.Background(), http.NotFoundHandler(), config, "lambda@test")
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v, want an error without the password", err)
	}
}
