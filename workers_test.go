package lambda

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed05e46011/lambda/internal/route"
)

// ofOneRequest matches the values that differ between requests, whichever handler serves them.
var ofOneRequest = regexp.MustCompile(`"(?:requestId|extendedRequestId)":"[^"]+"|"(?:time|requestTime)":"[^"]{26}"|"(?:timeEpoch|requestTimeEpoch)":\d{13}|Root=1-[0-9a-f]{8}-[0-9a-f]{24}|duration=[\d.]+m?s|lambda;dur=[\d.]+`)

// handlerOf returns the handler with the generated workers, or one that calls their sources.
func handlerOf(l *Lambda, generated bool) http.Handler {
	if generated {
		return l
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{lambda: l, w: w, r: r}
		prepare(x, &worker{})
		callFunction(x)
		if x.resp != nil {
			conclude(x, &worker{})
		}
		if !x.answered {
			finish(x)
		}
	})
}

// checkBothWays serves a request with the generated workers and with their sources, and fails if the
// events, the responses or the log lines differ. header is what the ResponseWriter's header contains
// before.
func checkBothWays(t *testing.T, f *fakeLambda, l *Lambda, newRequest func() *http.Request, header http.Header) {
	t.Helper()
	both := map[bool]string{}
	for _, generated := range []bool{false, true} {
		setHTTPAPIv2Common(l.events, "example.org") // of an earlier request
		logged := captureLog(t)
		f.mu.Lock()
		f.events = nil
		f.mu.Unlock()
		w := httptest.NewRecorder()
		for name, values := range header {
			w.Header()[name] = values
		}
		handlerOf(l, generated).ServeHTTP(w, newRequest())
		result := w.Result()
		f.mu.Lock()
		outcome := fmt.Sprintf("%d %q\n%q\nevents: %s\nlog: %s", result.StatusCode, result.Header, w.Body, f.events, logged.text())
		f.mu.Unlock()
		both[generated] = ofOneRequest.ReplaceAllString(outcome, "(differs)")
	}
	if both[true] != both[false] {
		t.Errorf("got from the generated workers\n%.2000s\nwant, from their sources,\n%.2000s", both[true], both[false])
	}
}

// changed returns a GET request that a row changes.
func changed(change func(*http.Request)) func() *http.Request {
	return func() *http.Request {
		r := getRequest("http://example.com/users/7")
		r.Header = http.Header{"Accept": {"*/*"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Port": {"443"}}
		change(r)
		return r
	}
}

var requestChanges = map[string]func(*http.Request){
	"a plain request":                 func(_ *http.Request) {},
	"a query":                         func(r *http.Request) { r.URL.RawQuery = "a=1&a=2&b=%20+" },
	"a query with < and a backslash":  func(r *http.Request) { r.URL.RawQuery = `a=<\u0026>` },
	"a query that is not UTF-8":       func(r *http.Request) { r.URL.RawQuery = "a=%FF&b=\xff" },
	"a path that is not UTF-8":        func(r *http.Request) { r.URL.Path = "/\xff" },
	"no path":                         func(r *http.Request) { r.URL.Path = "" },
	"another method and protocol":     func(r *http.Request) { r.Method, r.Proto = "PURGE", "HTTP/2.0" },
	"HEAD":                            func(r *http.Request) { r.Method = http.MethodHead },
	"a host with a port":              func(r *http.Request) { r.Host = "api.example.org:8443" },
	"no X-Forwarded-Port":             func(r *http.Request) { delete(r.Header, "X-Forwarded-Port") },
	"no forwarding headers":           func(r *http.Request) { r.Header = http.Header{} },
	"TLS, and no forwarding headers":  func(r *http.Request) { r.Header = http.Header{}; r.TLS = &tls.ConnectionState{} },
	"X-Forwarded-For":                 func(r *http.Request) { r.Header.Set("X-Forwarded-For", "192.0.2.1, 192.0.2.2") },
	"a trace id":                      func(r *http.Request) { r.Header.Set("X-Amzn-Trace-Id", "Root=1-0-1") },
	"a peer in IPv6":                  func(r *http.Request) { r.RemoteAddr = "[2001:db8::1%eth0]:50000" },
	"a peer without a port":           func(r *http.Request) { r.RemoteAddr = "@" },
	"cookies":                         func(r *http.Request) { r.Header["Cookie"] = []string{"a=1; b=2", "c=3"} },
	"a Cookie header without cookies": func(r *http.Request) { r.Header["Cookie"] = []string{""} },
	"repeated, empty and odd headers": func(r *http.Request) {
		r.Header["X-Many"] = []string{"1", "2"}
		r.Header["X-None"] = nil
		r.Header["x-LOWER"] = []string{""}
		r.Header["X-Latin-1"] = []string{"caf\xe9"}
	},
	"hop-by-hop headers": func(r *http.Request) {
		r.Header["Connection"] = []string{"X-Kept"}
		r.Header["X-Kept"] = []string{"kept"}
		r.Header["Te"] = []string{"trailers"}
	},
}

var bodies = map[string]struct {
	contentType, body string
	length            int64 // as declared
}{
	"JSON":                       {"application/json", `{"a":"<>"}`, 10},
	"text that is not ASCII":     {"text/plain", "ä", 2},
	"text that is not UTF-8":     {"text/plain", "\xff", 1},
	"bytes":                      {"image/png", "\x00\xff", 2},
	"no length":                  {"text/plain", "chunked", -1},
	"no length and no bytes":     {"text/plain", "", -1},
	"text of 600 KB":             {"text/plain", strings.Repeat("ä\n", 200_000), 600_000},
	"bytes of 40 KB":             {"", strings.Repeat("\xff", 40_000), 40_000},
	"fewer bytes than announced": {"text/plain", "x", 2},
	"more bytes than allowed":    {"text/plain", "", 7 << 20},
	"an event that is too large": {"", strings.Repeat("\xff", 5<<20), -1},
}

func TestBothWaysMakeTheSameEvents(t *testing.T) {
	f := newFakeLambda(t, replies(`{"statusCode":200,"headers":{"content-type":"text/html"},"body":"hi"}`))
	options := map[string]func(*Config){
		"function":     func(_ *Config) {},
		"Function URL": func(c *Config) { c.EventFormat = "function-url" },
		"routes": func(c *Config) {
			c.Function, c.Routes = "", []route.Config{{RouteKey: "ANY /users/{id}", Function: "hello"}}
		},
		"pathPrefix": func(c *Config) {
			c.Function, c.PathPrefix, c.StripPrefix, c.Include = "", "/users/", true, []string{"*"}
		},
		"ipStrategy": func(c *Config) { c.IPStrategy = &IPStrategy{Depth: 1} },
		"stage":      func(c *Config) { c.Stage, c.StageVariables = "live", map[string]string{"a": "1"} },
		"binary":     func(c *Config) { c.BinaryMediaTypes = []string{"application/*"} },
		"an ARN": func(c *Config) {
			c.Function = "arn:aws:lambda:eu-west-1:123456789012:function:hello:live"
			c.Region = ""
		},
		"eventHeaders":   func(c *Config) { c.EventHeaders = map[string]string{"X-Path": "{{.Path}}"} },
		"retry":          func(c *Config) { c.Retry = &RetryConfig{Attempts: 2} },
		"invocationType": func(c *Config) { c.InvocationType = "Event" },
		"logType":        func(c *Config) { c.LogType = "Tail" },
		"clientContext":  func(c *Config) { c.ClientContext = `{"custom":{"path":{{json .Path}}}}` },
		"serverTiming":   func(c *Config) { c.ServerTiming = true },
		"maxConcurrency": func(c *Config) { c.MaxConcurrency = 1 },
	}
	for format := range eventFormats {
		options["format "+format] = ofFormat(format)
	}
	for name, set := range options {
		config := testConfig(f)
		set(config)
		l := newTestHandler(t, config).(*Lambda)
		for request, change := range requestChanges {
			t.Run(name+"/"+request, func(t *testing.T) { checkBothWays(t, f, l, changed(change), nil) })
		}
	}
	traefik := &http.Server{ReadTimeout: time.Minute}
	servers := map[string]*http.Server{
		"Traefik":               traefik,
		"a longer read timeout": {ReadTimeout: time.Hour},
		"no server":             nil,
	}
	for _, name := range []string{"function", "binary", "format rest-api"} {
		config := testConfig(f)
		options[name](config)
		l := newTestHandler(t, config).(*Lambda)
		for body, b := range bodies {
			for server, s := range servers {
				if name != "function" && s != traefik {
					continue
				}
				t.Run(name+"/a body: "+body+"/"+server, func(t *testing.T) {
					checkBothWays(t, f, l, changed(func(r *http.Request) {
						*r = *r.WithContext(context.WithValue(r.Context(), http.ServerContextKey, s))
						r.Method = http.MethodPost
						r.Header["Content-Type"] = []string{b.contentType}
						r.Body = io.NopCloser(strings.NewReader(b.body))
						r.ContentLength = b.length
					}), nil)
				})
			}
		}
	}
}

// ofFormat sets the option eventFormat.
func ofFormat(format string) func(*Config) {
	return func(c *Config) {
		c.EventFormat = format
		if format == "template" {
			c.Template = `{"path":{{json .Path}}}`
		}
	}
}

func TestBothWaysRespondTheSame(t *testing.T) {
	var answer func(http.ResponseWriter)
	f := newFakeLambda(t, func(w http.ResponseWriter, _ []byte) { answer(w) })
	payload := func(payload string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { replies(payload)(w, nil) }
	}
	apiError := func(status int, kind string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("X-Amzn-Errortype", kind)
			w.Header().Set("X-Amzn-Requestid", "id-1")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `{"message":"no"}`)
		}
	}
	answers := map[string]func(http.ResponseWriter){
		"a function error": func(w http.ResponseWriter) {
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
			_, _ = io.WriteString(w, `{"errorType":"Oops"}`)
		},
		"a reply of unknown length": func(w http.ResponseWriter) {
			_ = http.NewResponseController(w).Flush()
			_, _ = io.WriteString(w, `{"statusCode":200,"body":"b"}`)
		},
		"a reply that breaks off": func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"statusCode":200,"body":"b"}`)
		},
		"a reply that is too large": func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", strconv.Itoa(maxReplyBytes+1))
			_, _ = io.WriteString(w, `{"statusCode":200,"body":"b"}`+strings.Repeat(" ", maxReplyBytes-28))
		},
		"a throttle":                   apiError(429, "TooManyRequestsException"),
		"an error of Lambda":           apiError(500, "ServiceException"),
		"credentials that are refused": apiError(403, "ExpiredTokenException"),
		"a redirect":                   apiError(307, ""),
		"a reply without a body":       payload(""),
		"a body that is null":          payload(`{"statusCode":200,"body":null}`),
		"a body twice, null last":      payload(`{"statusCode":200,"body":"b","body":null}`),
		"a header that is a number":    payload(`{"statusCode":200,"headers":{"x-n":1},"body":"b"}`),
		"a header in two cases":        payload(`{"statusCode":200,"headers":{"X-A":"1","x-a":"2"},"body":"b"}`),
		"headers twice":                payload(`{"statusCode":200,"headers":{"a":"1"},"headers":{"b":"2"},"body":"b"}`),
		"a text of 40 KB":              payload(`{"statusCode":200,"body":"` + strings.Repeat("ä", 20000) + `"}`),
		"bytes of 40 KB":               payload(`{"statusCode":200,"isBase64Encoded":true,"body":"` + strings.Repeat("AAAA", 10000) + `"}`),
	}
	for i, c := range replyCases {
		answers[fmt.Sprint(c.name, " ", i)] = payload(c.payload)
	}
	requests := map[string]struct {
		method string
		header http.Header // what the response's header contains before
	}{
		"GET":                               {http.MethodGet, nil},
		"HEAD":                              {http.MethodHead, nil},
		"GET, Content-Type without a value": {http.MethodGet, http.Header{"Content-Type": nil}},
		"GET, after earlier headers":        {http.MethodGet, http.Header{"Vary": {"Origin"}, "Content-Type": {"a/b"}, "X-A": {"0"}}},
	}
	for options, set := range map[string]func(*Config){
		"format 2.0":               func(_ *Config) {},
		"format 2.0, exposing":     func(c *Config) { c.ExposeErrors, c.FunctionErrorStatus = true, 500 },
		"format 2.0, fallback":     func(c *Config) { c.Fallback = true },
		"format 2.0, Function URL": func(c *Config) { c.EventFormat = "function-url" },
		"REST API":                 func(c *Config) { c.EventFormat = "rest-api" },
		"httpjson":                 func(c *Config) { c.EventFormat = "httpjson" },
		"strict":                   func(c *Config) { c.ResponseFormat = responseStrict },
		"raw":                      func(c *Config) { c.ResponseFormat = responseRaw },
		"Event":                    func(c *Config) { c.InvocationType = "Event" },
		"retry":                    func(c *Config) { c.Retry = &RetryConfig{Attempts: 2} },
		"serverTiming":             func(c *Config) { c.ServerTiming = true },
		"maxConcurrency":           func(c *Config) { c.MaxConcurrency = 1 },
	} {
		config := testConfig(f)
		set(config)
		l := newTestHandler(t, config).(*Lambda)
		for name, a := range answers {
			for request, r := range requests {
				if request != "GET" && !strings.HasPrefix(options, "format 2.0") {
					continue
				}
				t.Run(options+"/"+name+"/"+request, func(t *testing.T) {
					answer = a
					checkBothWays(t, f, l, changed(func(got *http.Request) { got.Method = r.method }), r.header)
				})
			}
		}
	}
}

// faultyWriter takes no body: write fails, or panics.
type faultyWriter struct {
	header http.Header
	write  func() error
}

func (w faultyWriter) Header() http.Header { return w.header }
func (w faultyWriter) WriteHeader(_ int)   {}

func (w faultyWriter) Write(_ []byte) (int, error) {
	err := w.write()
	return 0, err
}

// A worker's goroutine is not one of Go's server: a panic there would end Traefik.
func TestAPanicStaysWithItsRequest(t *testing.T) {
	f := newFakeLambda(t, replies(`{"statusCode":200,"body":"hi"}`))
	l := newTestHandler(t, testConfig(f))
	breaks := func() error { panic("a broken writer") }
	for i := 0; i < 3; i++ {
		if got := panicOf(l, faultyWriter{http.Header{}, breaks}); !strings.Contains(got, "a broken writer") {
			t.Errorf("got panic %q, want the writer's", got)
		}
		w := httptest.NewRecorder()
		l.ServeHTTP(w, getRequest("http://example.com/"))
		if w.Body.String() != "hi" {
			t.Errorf("got %d %q for the next request, want hi", w.Code, w.Body)
		}
	}
}

// Traefik reports a panic with any other value as a crash.
func TestAnAbortStaysGenuine(t *testing.T) {
	f := newFakeLambda(t, replies(`{"statusCode":200,"body":"hi"}`))
	l := newTestHandler(t, testConfig(f))
	cuts := func() error { abort(); return nil }
	for i := 0; i < 3; i++ {
		if !aborts(l, faultyWriter{http.Header{}, cuts}) {
			t.Error("got another panic or none, want http.ErrAbortHandler")
		}
	}
}

// aborts reports whether a handler panics with the genuine http.ErrAbortHandler.
func aborts(h http.Handler, w http.ResponseWriter) (genuine bool) {
	defer func() {
		genuine = false
		if err, ok := recover().(error); ok { //yaegi:ok recover-value compiled code panics
			genuine = err == http.ErrAbortHandler //nolint:errorlint // as net/http compares it
		}
	}()
	h.ServeHTTP(w, getRequest("http://example.com/"))
	return false
}

// panicOf returns the value that a handler panics with; "" for none.
func panicOf(h http.Handler, w http.ResponseWriter) (text string) {
	defer func() {
		text = ""
		if p := recover(); p != nil {
			text = fmt.Sprint(p)
		}
	}()
	h.ServeHTTP(w, getRequest("http://example.com/"))
	return ""
}

// gate holds the first Read of a body and the first Write of a response until all of them have begun.
type gate struct {
	body   io.Reader
	answer *httptest.ResponseRecorder

	bodies, answers *sync.WaitGroup
}

func (g *gate) Header() http.Header    { return g.answer.Header() }
func (g *gate) WriteHeader(status int) { g.answer.WriteHeader(status) }

func (g *gate) Read(p []byte) (int, error) {
	pass(&g.bodies)
	return g.body.Read(p)
}

func (g *gate) Write(p []byte) (int, error) {
	pass(&g.answers)
	return g.answer.Write(p)
}

func pass(all **sync.WaitGroup) {
	if *all != nil {
		(*all).Done()
		(*all).Wait()
		*all = nil
	}
}

func TestTheLastIdleWorkersStay(t *testing.T) {
	l := newTestHandler(t, testConfig(newFakeLambda(t, replies(`{"statusCode":200,"body":"hi"}`))))
	for i := 0; i < 3; i++ {
		retireIdle(&idleEncoders, toEncode)
		retireIdle(&idleDecoders, toDecode)
		encoders, decoders := atomic.LoadInt32(&idleEncoders), atomic.LoadInt32(&idleDecoders)
		if encoders != 1 || decoders != 1 {
			t.Errorf("got %d idle encoders and %d idle decoders, want the last one of each", encoders, decoders)
		}
		if got := get(l).StatusCode; got != http.StatusOK {
			t.Errorf("got %d, want 200", got)
		}
	}
}

func TestWorkersOfABurstRetire(t *testing.T) {
	const requests = 3 * maxIdleWorkers
	f := newFakeLambda(t, func(w http.ResponseWriter, event []byte) {
		_, _ = io.WriteString(w, `{"statusCode":200,"body":`+at(decoded(t, event), "rawPath")+`}`)
	})
	l := newTestHandler(t, testConfig(f))
	var encoding, decoding, answered sync.WaitGroup
	encoding.Add(requests)
	decoding.Add(requests)
	for i := 0; i < requests; i++ {
		answered.Add(1)
		go serveInBurst(t, l, "/"+strconv.Itoa(i), &gate{bodies: &encoding, answers: &decoding}, &answered)
	}
	answered.Wait()
	for name, idle := range map[string]int32{"encoders": atomic.LoadInt32(&idleEncoders), "decoders": atomic.LoadInt32(&idleDecoders)} {
		if idle < 1 || idle > maxIdleWorkers {
			t.Errorf("got %d idle %s, want 1 to %d", idle, name, maxIdleWorkers)
		}
	}
}

func serveInBurst(t *testing.T, l http.Handler, path string, g *gate, answered *sync.WaitGroup) {
	t.Helper()
	defer answered.Done()
	g.body = strings.NewReader("x")
	g.answer = httptest.NewRecorder()
	l.ServeHTTP(g, httptest.NewRequest(http.MethodPost, "http://example.com"+path, g)) //yaegi:ok response-writer nothing flushes
	if g.answer.Body.String() != path {
		t.Errorf("got %d %q, want %q", g.answer.Code, g.answer.Body, path)
	}
}

// An idle worker would hold large data until its next request.
func TestWorkersLeaveLargeBodiesAlone(t *testing.T) {
	for name, tc := range map[string]struct {
		body, reply       int64 // lengths; -1 for unknown
		largeEvent        bool
		writesWait        bool
		prepare, conclude bool // runs in the request's goroutine
	}{
		"nothing large":             {0, 100, false, false, false, false},
		"a large body":              {maxHeld, 100, true, false, true, true},
		"a body of unknown length":  {-1, 100, false, false, false, false},
		"an event of many headers":  {0, 100, true, false, false, true},
		"a large reply":             {0, maxHeld, false, false, false, true},
		"a reply of unknown length": {0, -1, false, false, false, true},
		"a hook on the response":    {0, 100, false, true, false, true},
	} {
		x := &exchange{
			lambda: &Lambda{brackets: bracketSettings{writesWait: tc.writesWait}},
			r:      &http.Request{ContentLength: tc.body},
			req:    &request{large: tc.largeEvent},
			resp:   &http.Response{ContentLength: tc.reply},
		}
		if prepare, conclude := preparesAlone(x), concludesAlone(x); prepare != tc.prepare || conclude != tc.conclude {
			t.Errorf("%s: got prepare %t and conclude %t, want %t and %t", name, prepare, conclude, tc.prepare, tc.conclude)
		}
	}
}

func TestEventsKnowWhetherTheyAreLarge(t *testing.T) {
	l := newTestHandler(t, testConfig(newFakeLambda(t, replies(`{}`)))).(*Lambda)
	for name, tc := range map[string]struct {
		header string
		want   bool
	}{
		"a small event":                          {"x", false},
		"a large event":                          {strings.Repeat("x", maxHeld), true},
		"a small event that is not UTF-8":        {"\xff", false},
		"a large event that is not UTF-8":        {"\xff" + strings.Repeat("x", maxHeld), true},
		"a large event of many escaped brackets": {strings.Repeat("<", maxHeld), true},
	} {
		r := httptest.NewRequest(http.MethodGet, "http://example.com/", nil)
		r.Header.Set("X-Test", tc.header)
		req := newRequest(l, r)
		if err := encodeEvent(l, req); err != nil || req.large != tc.want || req.large != (len(req.event) >= maxHeld) {
			t.Errorf("%s: got large %t of %d bytes and error %v, want large %t", name, req.large, len(req.event), err, tc.want)
		}
	}
}

func TestTheSourcesOfWorkersServeToo(t *testing.T) {
	f := newFakeLambda(t, replies(`{"statusCode":200,"body":"hi"}`))
	l := newTestHandler(t, testConfig(f)).(*Lambda)
	retireIdle(&idleEncoders, toEncode)
	retireIdle(&idleDecoders, toDecode)
	toEncode <- leave // the last ones
	toDecode <- leave
	atomic.AddInt32(&idleEncoders, 1) // two of each: neither is the last idle one, and starts a generated one
	atomic.AddInt32(&idleDecoders, 1)
	for i := 0; i < 2; i++ {
		go encodeLoop()
		go decodeLoop()
	}
	for i := 0; i < 3; i++ {
		w := httptest.NewRecorder()
		l.serve(w, getRequest("http://example.com/"))
		if got := w.Body.String(); got != "hi" {
			t.Errorf("got %q, want hi", got)
		}
	}
	config := streamConfig(newFakeLambda(t, streams("", chunkFrame("hi"), ends())))
	w := httptest.NewRecorder()
	newTestHandler(t, config).(*streaming).serve(w, getRequest("http://example.com/"))
	if got := w.Body.String(); got != "hi" {
		t.Errorf("got %q streamed, want hi", got)
	}
	if encoders, decoders := retireIdle(&idleEncoders, toEncode), retireIdle(&idleDecoders, toDecode); encoders != 1 || decoders != 1 {
		t.Errorf("got %d encoders and %d decoders, want one of each, and one that stays", encoders, decoders)
	}
	toEncode <- leave // the ones that stay: other tests count what the generated ones allocate
	toDecode <- leave
	atomic.AddInt32(&idleEncoders, -1)
	atomic.AddInt32(&idleDecoders, -1)
	startEncoder()
	startDecoder()
}

// A worker keeps its variables: the values of one request must not reach the next.
func TestWorkersCarryNothingToTheNextRequest(t *testing.T) {
	f := newFakeLambda(t, replies(`{"statusCode":200,"body":"hi"}`))
	config := testConfig(f)
	l := newTestHandler(t, config)
	config.Timeout = "100ms"
	impatient := newTestHandler(t, config)
	started := time.Now().Unix()
	for i := 0; i < 2*maxIdleWorkers || time.Now().Unix() == started; i++ {
		r := httptest.NewRequest(http.MethodPost, "http://example.com/", strings.NewReader("body"))
		l.ServeHTTP(httptest.NewRecorder(), r.WithContext(context.WithValue(r.Context(), http.ServerContextKey, &http.Server{ReadTimeout: time.Millisecond})))
	}

	body, rest := io.Pipe()
	defer rest.Close()
	r := httptest.NewRequest(http.MethodPost, "http://example.com/", body)
	r.ContentLength = 100
	w := httptest.NewRecorder()
	impatient.ServeHTTP(w, r)
	if w.Code != http.StatusGatewayTimeout {
		t.Errorf("got %d for a stalled body without ReadTimeout, want 504", w.Code)
	}

	for i := 0; i < maxIdleWorkers; i++ {
		l.ServeHTTP(httptest.NewRecorder(), getRequest("http://example.com/"))
		event := f.lastEvent(t)
		epoch, _ := strconv.ParseInt(at(event, "requestContext timeEpoch"), 10, 64)
		want := strconv.Quote(time.UnixMilli(epoch).UTC().Format(commonLogTime))
		if got := at(event, "requestContext time"); got != want {
			t.Fatalf("got time %s, want %s", got, want)
		}
		if _, found := event["body"]; found {
			t.Fatal("got an event with a body, want none")
		}
	}
}

// bigRequest is a request with 1 MB of headers. Its body breaks off once all requests of its kind have
// arrived.
func bigRequest(all chan<- bool, ended <-chan bool) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "http://example.com/", http.NoBody)
	r.Header.Set("X-Big", strings.Repeat("x", 1<<20))
	r.ContentLength = 100
	r.Body = &breakingBody{all, ended}
	server := &http.Server{ReadTimeout: time.Millisecond} // so that the body is read without another goroutine
	return r.WithContext(context.WithValue(r.Context(), http.ServerContextKey, server))
}

type breakingBody struct {
	asked chan<- bool
	ended <-chan bool
}

func (b *breakingBody) Read(_ []byte) (int, error) {
	b.asked <- true
	<-b.ended
	return 0, io.ErrUnexpectedEOF
}

func (b *breakingBody) Close() error { return nil }

func TestIdleWorkersHoldNoRequest(t *testing.T) {
	discardLog(t)
	l := newTestHandler(t, configFor("http://127.0.0.1:1"))
	before := heapInUse()
	asked := make(chan bool)
	ended := make(chan bool)
	var served sync.WaitGroup
	for i := 0; i < maxIdleWorkers; i++ {
		served.Add(1)
		go serveAndTell(l, bigRequest(asked, ended), &served)
	}
	for i := 0; i < maxIdleWorkers; i++ {
		<-asked
	}
	close(ended)
	served.Wait()
	if held := heapInUse() - before; held > 8<<20 {
		t.Errorf("got %d MB after %d requests of 1 MB, want at most 8", held>>20, maxIdleWorkers)
	}
}

func TestAPanicEndsTheContextOfItsRequest(t *testing.T) {
	f := newFakeLambda(t, replies(`{"statusCode":200,"body":"hi"}`))
	l := newTestHandler(t, testConfig(f)).(*Lambda)
	cancelled := false
	body := &closedBody{}
	x := &exchange{resp: &http.Response{}, lambda: l, panicked: true, panicOf: "a broken writer", cancel: func() { cancelled = true }}
	x.resp.Body = body
	_ = panicOfFinish(x)
	if !cancelled || !body.closed {
		t.Errorf("got cancelled %t, reply closed %t, want both", cancelled, body.closed)
	}
}

// closedBody records whether it was closed.
type closedBody struct{ closed bool }

func (b *closedBody) Read(_ []byte) (int, error) { return 0, io.EOF }

func (b *closedBody) Close() error {
	b.closed = true
	return nil
}

// panicOfFinish returns the value that finish panics with.
func panicOfFinish(x *exchange) (text string) {
	defer func() {
		text = fmt.Sprint(recover())
	}()
	finish(x)
	return ""
}

// prepared returns a request for the function, prepared by a worker.
func prepared(t *testing.T, l *Lambda, self *worker, body string) *exchange {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "http://example.com/", strings.NewReader(body))
	r.Header.Set("Content-Type", "text/plain")
	x := &exchange{lambda: l, w: httptest.NewRecorder(), r: r}
	prepare(x, self)
	t.Cleanup(func() { endCall(x) })
	return x
}

// endCall ends a call that was not made, since tests of metrics count those under way.
func endCall(x *exchange) {
	if !x.answered {
		x.callErr = io.ErrClosedPipe
		finish(x)
	}
}

func TestAWorkersNextRequestLeavesTheLastOneAsItWas(t *testing.T) {
	discardLog(t)
	f := newFakeLambda(t, replies(`{"statusCode":200}`))
	for name, tc := range map[string]struct {
		set    func(*Config)
		reuses bool
	}{
		"the event contains a copy of the body": {func(_ *Config) {}, true},
		"the event is the body":                 {func(c *Config) { c.EventFormat = "raw" }, false},
		"another service may get the body":      {func(c *Config) { c.Fallback = true }, false},
	} {
		config := testConfig(f)
		tc.set(config)
		l := newTestHandler(t, config).(*Lambda)
		self := &worker{}
		first := prepared(t, l, self, `["the first"]`)
		if first.err != nil {
			t.Fatal(first.err)
		}
		event, body := string(first.req.event), string(first.req.body)
		second := prepared(t, l, self, `["another"]`)
		if string(first.req.event) != event || !strings.Contains(string(second.req.event), "another") {
			t.Errorf("%s: got events %s, %s, want %s and another", name, first.req.event, second.req.event, event)
		}
		if reused := string(first.req.body) != body; reused != tc.reuses {
			t.Errorf("%s: got the body's memory reused %t, want %t", name, reused, tc.reuses)
		}
	}
}

func TestAWorkerGivesUpMemoryThatMayStillBeInUse(t *testing.T) {
	discardLog(t)
	for name, tc := range map[string]struct {
		header http.Header // Lambda's
		w      http.ResponseWriter
		keeps  bool
	}{
		"a reply":                        {http.Header{}, httptest.NewRecorder(), true},
		"the function's error, for logs": {http.Header{"X-Amz-Function-Error": {"Unhandled"}}, httptest.NewRecorder(), false},
		"a client that has disconnected": {http.Header{}, faultyWriter{http.Header{}, func() error { return io.ErrClosedPipe }}, false},
	} {
		l := newTestHandler(t, configFor("http://127.0.0.1:1")).(*Lambda)
		self := &worker{}
		x := prepared(t, l, self, "body")
		payload := `{"statusCode":200,"body":"hello"}`
		x.w = tc.w
		x.resp = &http.Response{
			StatusCode: http.StatusOK, Header: tc.header,
			Body: io.NopCloser(strings.NewReader(payload)), ContentLength: int64(len(payload)),
		}
		conclude(x, self)
		if kept := self.memory != nil; kept != tc.keeps {
			t.Errorf("%s: got the memory kept %t, want %t", name, kept, tc.keeps)
		}
	}
}

func TestAWorkerGivesUpTheMemoryOfABodyThatMayStillArrive(t *testing.T) {
	l := newTestHandler(t, configFor("http://127.0.0.1:1")).(*Lambda)
	self := &worker{memory: make([]byte, 100)}
	gone, leave := context.WithCancel(context.Background())
	leave()
	ended := make(chan bool)
	defer close(ended)
	r := httptest.NewRequest(http.MethodPost, "http://example.com/", &stalledReader{ended})
	r.ContentLength = 50
	x := &exchange{lambda: l, w: httptest.NewRecorder(), r: r.WithContext(gone)}
	prepare(x, self)
	if x.err == nil || self.memory != nil {
		t.Errorf("got %v, memory kept %t, want an error, and none", x.err, self.memory != nil)
	}
}
