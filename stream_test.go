package lambda

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/seed05e46011/lambda/internal/eventstream"
	"github.com/seed05e46011/lambda/internal/eventstream/eventstreamtest"
)

// frame, chunkFrame and the others write frames.
func frame(payload string, headers ...string) []byte {
	return eventstreamtest.Frame(payload, headers...)
}

func rawFrame(headers []byte, payload string) []byte {
	return eventstreamtest.RawFrame(headers, payload)
}

func chunkFrame(payload string) []byte { return eventstreamtest.Chunk(payload) }

func completeFrame(payload string) []byte { return eventstreamtest.Complete(payload) }

// streams returns a function that sends the pieces, each flushed separately.
func streams(contentType string, pieces ...[]byte) func(http.ResponseWriter, []byte) {
	return func(w http.ResponseWriter, _ []byte) {
		w.Header().Set("Content-Type", eventStreamType)
		w.Header().Set("X-Amzn-Remapped-Content-Type", contentType)
		w.Header().Set("X-Amzn-Requestid", "lambda-request-id")
		for _, piece := range pieces {
			_, _ = w.Write(piece)
			w.(http.Flusher).Flush()
		}
	}
}

func prelude(json string) []byte { return chunkFrame(json + "\x00\x00\x00\x00\x00\x00\x00\x00") }

// ends is the frame that ends a stream without an error.
func ends() []byte { return completeFrame(`{"ErrorCode":null,"ErrorDetails":null,"LogResult":null}`) }

func streamConfig(f *fakeLambda) *Config {
	config := testConfig(f)
	config.InvokeMode = invokeModeStream
	return config
}

// newTestServer serves a handler over HTTP, since only a real connection can be cut.
func newTestServer(t *testing.T, handler http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

// answerOf is the response that a client received.
type answerOf struct {
	status int
	header http.Header
	body   string
	err    error // while reading the body
}

func fetch(t *testing.T, method, url string) answerOf {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	return answerOf{resp.StatusCode, resp.Header, string(body), err}
}

func TestStreamIsInvokedThroughTheStreamingAPI(t *testing.T) {
	f := newFakeLambda(t, streams(preludeType, prelude(`{}`), ends()))
	config := streamConfig(f)
	config.Qualifier = "live"
	fetch(t, http.MethodGet, newTestServer(t, newTestHandler(t, config)).URL)
	if got := f.requests[0].RequestURI; got != "/2021-11-15/functions/hello/response-streaming-invocations?Qualifier=live" {
		t.Errorf("got a call of %s, want the streaming API with the qualifier", got)
	}
}

func TestStreamedReply(t *testing.T) {
	for name, test := range map[string]struct {
		contentType string
		pieces      [][]byte
		status      int
		header      string // "Name: value|value"
		body        string
	}{
		"a prelude with status and headers": {
			preludeType, [][]byte{prelude(`{"statusCode":201,"headers":{"x-a":"1"}}`), chunkFrame("hello "), chunkFrame("world"), ends()},
			201, "X-A: 1", "hello world",
		},
		"a prelude, with a parameter in its type": {
			preludeType + "; charset=utf-8", [][]byte{prelude(`{"statusCode":201}`), ends()},
			201, "", "",
		},
		"cookies and multiple values": {
			preludeType, [][]byte{prelude(`{"cookies":["a=b","c=d"],"multiValueHeaders":{"x-a":["1","2"]}}`), ends()},
			200, "Set-Cookie: a=b|c=d", "",
		},
		"a status as text": {
			preludeType, [][]byte{prelude(`{"statusCode":"404"}`), chunkFrame("no"), ends()},
			404, "Content-Type: application/octet-stream", "no",
		},
		"nulls in the prelude": {
			preludeType, [][]byte{prelude(`{"statusCode":null,"headers":null,"multiValueHeaders":null,"cookies":null}`), chunkFrame("yes"), ends()},
			200, "Content-Type: application/octet-stream", "yes",
		},
		"a body in the prelude's frame, with the delimiter's bytes in it": {
			preludeType, [][]byte{chunkFrame("{}\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00end"), ends()},
			200, "", "\x00\x00\x00\x00\x00\x00\x00\x00end",
		},
		"a prelude of the maximal length": {
			preludeType, [][]byte{prelude(`{"headers":{"x-a":"` + strings.Repeat("a", maxPreludeLen-len(`{"headers":{"x-a":""}}`)-8) + `"}}`), chunkFrame("yes"), ends()},
			200, "", "yes",
		},
		"no prelude: the stream is the body": {
			"", [][]byte{chunkFrame(`{"statusCode":404}`), ends()},
			200, "Content-Type: application/octet-stream", `{"statusCode":404}`,
		},
		"no prelude, the function's content type": {
			"text/plain", [][]byte{chunkFrame("hello"), ends()},
			200, "Content-Type: text/plain", "hello",
		},
		"no prelude, no body": {
			"", [][]byte{ends()},
			200, "Content-Type: application/octet-stream", "",
		},
		"empty chunks": {
			"", [][]byte{chunkFrame(""), chunkFrame("a"), chunkFrame(""), chunkFrame("b"), ends()},
			200, "", "ab",
		},
		"an end without details": {
			"", [][]byte{chunkFrame("a"), completeFrame("")},
			200, "", "a",
		},
		"hop-by-hop headers are dropped": {
			preludeType, [][]byte{prelude(`{"headers":{"connection":"x-a","x-a":"1","keep-alive":"2","transfer-encoding":"gzip"}}`), chunkFrame("a"), ends()},
			200, "X-A: ", "a",
		},
		"an honest Content-Length is kept": {
			preludeType, [][]byte{prelude(`{"headers":{"content-length":"11"}}`), chunkFrame("hello "), chunkFrame("world"), ends()},
			200, "Content-Length: 11", "hello world",
		},
		"an honest Content-Length, all in one frame": {
			preludeType, [][]byte{chunkFrame("{\"headers\":{\"content-length\":\"5\"}}\x00\x00\x00\x00\x00\x00\x00\x00hello"), ends()},
			200, "Content-Length: 5", "hello",
		},
		"an invalid Content-Length": {
			preludeType, [][]byte{prelude(`{"headers":{"content-length":"-5"}}`), chunkFrame("hello"), ends()},
			200, "Content-Length: ", "hello",
		},
		"a Content-Length with a sign": {
			preludeType, [][]byte{prelude(`{"headers":{"content-length":"+5"}}`), chunkFrame("hello"), ends()},
			200, "Content-Length: ", "hello",
		},
		"a Content-Length of 0, and a body": {
			preludeType, [][]byte{prelude(`{"headers":{"content-length":"0"}}`), chunkFrame("hello"), ends()},
			200, "Content-Length: ", "hello",
		},
		"204 has no body": {
			preludeType, [][]byte{prelude(`{"statusCode":204,"headers":{"content-length":"5","x-a":"1"}}`), chunkFrame("hello"), ends()},
			204, "X-A: 1", "",
		},
		"304 has no body": {
			preludeType, [][]byte{prelude(`{"statusCode":304,"headers":{"etag":"e"}}`), chunkFrame("hello"), ends()},
			304, "Etag: e", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeLambda(t, streams(test.contentType, test.pieces...))
			got := fetch(t, http.MethodGet, newTestServer(t, newTestHandler(t, streamConfig(f))).URL)
			if got.err != nil || got.status != test.status || got.body != test.body {
				t.Errorf("got %d %q, %v, want %d %q", got.status, got.body, got.err, test.status, test.body)
			}
			name, values, _ := strings.Cut(test.header, ": ")
			if have := strings.Join(got.header[name], "|"); have != values {
				t.Errorf("%s: got %q, want %q", name, have, values)
			}
		})
	}
}

func TestRawStreamedReplyIsTheBody(t *testing.T) {
	f := newFakeLambda(t, streams(preludeType, chunkFrame(`"hello`), chunkFrame(`"`), ends()))
	config := streamConfig(f)
	config.ResponseFormat = responseRaw
	config.ContentType = "text/plain"
	got := fetch(t, http.MethodGet, newTestServer(t, newTestHandler(t, config)).URL)
	if got.err != nil || got.body != `"hello"` || got.header.Get("Content-Type") != "text/plain" {
		t.Errorf("got %q %v, %v, want the body as text/plain", got.body, got.header, got.err)
	}
}

func TestStreamHeadRequest(t *testing.T) {
	f := newFakeLambda(t, streams(preludeType, prelude(`{"headers":{"content-length":"1000000"}}`), chunkFrame("hello")))
	got := fetch(t, http.MethodHead, newTestServer(t, newTestHandler(t, streamConfig(f))).URL)
	if got.err != nil || got.status != 200 || got.header.Get("Content-Length") != "1000000" {
		t.Errorf("got %d %v, %v, want 200 with Content-Length: 1000000", got.status, got.header, got.err)
	}
}

func TestStreamPreludeSplitAnywhere(t *testing.T) {
	whole := "{\"statusCode\":201}\x00\x00\x00\x00\x00\x00\x00\x00body"
	for split := 0; split <= len(whole); split++ {
		f := newFakeLambda(t, streams(preludeType, chunkFrame(whole[:split]), chunkFrame(whole[split:]), ends()))
		got := fetch(t, http.MethodGet, newTestServer(t, newTestHandler(t, streamConfig(f))).URL)
		if got.err != nil || got.status != 201 || got.body != "body" {
			t.Errorf("split at %d: got %d %q, %v, want 201 \"body\"", split, got.status, got.body, got.err)
		}
	}
}

// badFrames are faults of the stream, with the text that the log must contain.
var badFrames = map[string]struct {
	pieces [][]byte
	log    string
}{
	"lengths that do not match their checksum": {
		[][]byte{eventstreamtest.Flipped(chunkFrame("x"), 3)}, "lengths do not match their checksum",
	},
	"a payload that does not match its checksum": {
		[][]byte{eventstreamtest.Flipped(chunkFrame("x"), len(chunkFrame("x"))-5)}, "does not match its checksum",
	},
	"a frame of 4 GB":                          {[][]byte{eventstreamtest.Head(0xffffffff, 0)}, "a frame of 4294967295 bytes"},
	"a frame over 16 MB":                       {[][]byte{eventstreamtest.Head(eventstream.MaxFrame+1, 0)}, "a frame of 16777217 bytes"},
	"a frame of length 0":                      {[][]byte{eventstreamtest.Head(0, 0)}, "a frame of 0 bytes"},
	"a frame shorter than any can be":          {[][]byte{eventstreamtest.Head(15, 0)}, "a frame of 15 bytes"},
	"headers longer than the frame":            {[][]byte{eventstreamtest.Head(20, 5)}, "a frame of 20 bytes with 5 bytes of headers"},
	"headers of 4 GB":                          {[][]byte{eventstreamtest.Head(100, 0xfffffff0)}, "with 4294967280 bytes of headers"},
	"a frame cut within its head":              {[][]byte{chunkFrame("x")[:5]}, "the head of a frame: unexpected EOF"},
	"a frame cut after its head":               {[][]byte{chunkFrame("x")[:12]}, "a frame cut short"},
	"a frame cut within its payload":           {[][]byte{chunkFrame("hello")[:len(chunkFrame("hello"))-6]}, "a frame cut short"},
	"a header without a type":                  {[][]byte{rawFrame([]byte("\x02ab"), "")}, "headers are broken"},
	"a header of an unknown type":              {[][]byte{rawFrame([]byte("\x01a\x0a"), "")}, "headers are broken"},
	"a header without its length":              {[][]byte{rawFrame([]byte("\x01a\x07\x00"), "")}, "headers are broken"},
	"a header longer than all headers":         {[][]byte{rawFrame([]byte("\x01a\x07\x00\x05abcd"), "")}, "headers are broken"},
	"a header's name that exceeds the headers": {[][]byte{rawFrame([]byte("\xffa"), "")}, "headers are broken"},
	"an unknown kind of event":                 {[][]byte{frame("{}", ":message-type", "event", ":event-type", "Secret")}, `unknown kind of event "Secret"`},
	"no kind of message":                       {[][]byte{rawFrame(nil, "hello")}, `unknown kind of message ""`},
	"an exception": {
		[][]byte{frame(`{"message":"secret"}`, ":message-type", "exception", ":exception-type", "ServiceException")},
		`Lambda ended the stream: "ServiceException"`,
	},
	"an error": {
		[][]byte{frame("", ":message-type", "error", ":error-code", "InternalError", ":error-message", "secret")},
		`Lambda ended the stream: "InternalError"`,
	},
	"no end":                        {nil, "ended without InvokeComplete"},
	"an end that is not JSON":       {[][]byte{completeFrame("secret")}, "InvokeComplete is not JSON"},
	"a function's error at the end": {[][]byte{completeFrame(`{"ErrorCode":"Function.Broken","ErrorDetails":"secret"}`)}, `the function failed ("Function.Broken")`},
}

// badHeads are faults before the body.
var badHeads = map[string]struct {
	pieces [][]byte
	log    string
}{
	"a prelude without a delimiter":   {[][]byte{chunkFrame(`{"statusCode":200}`), ends()}, "the stream ends within its prelude"},
	"a delimiter after 16 KB":         {[][]byte{chunkFrame(strings.Repeat(" ", maxPreludeLen-7)), prelude("{}"), ends()}, "no delimiter in the first 16384 bytes"},
	"a prelude that is not JSON":      {[][]byte{prelude("secret"), ends()}, "prelude: not a JSON object"},
	"a prelude that is not an object": {[][]byte{prelude("[]"), ends()}, "prelude: not a JSON object"},
	"a prelude of null":               {[][]byte{prelude("null"), ends()}, "prelude: not a JSON object"},
	"status 99":                       {[][]byte{prelude(`{"statusCode":99}`), ends()}, "statusCode 99"},
	"status 101":                      {[][]byte{prelude(`{"statusCode":101}`), ends()}, "statusCode 101"},
	"status 600":                      {[][]byte{prelude(`{"statusCode":600}`), ends()}, "statusCode 600"},
	"an invalid status":               {[][]byte{prelude(`{"statusCode":{}}`), ends()}, "statusCode"},
	"a header with a line break":      {[][]byte{prelude(`{"headers":{"x-a":"1\r\nSet-Cookie: secret"}}`), ends()}, "control character"},
	"more than the Content-Length":    {[][]byte{chunkFrame("{\"headers\":{\"content-length\":\"4\"}}\x00\x00\x00\x00\x00\x00\x00\x00hello"), ends()}, "more bytes than its Content-Length"},
	"a function's error in a prelude": {[][]byte{chunkFrame("{"), completeFrame(`{"ErrorCode":"Runtime.Exit"}`)}, `"Runtime.Exit"`},
}

func TestStreamFailsBeforeTheFirstByte(t *testing.T) {
	for name, test := range badFrames {
		t.Run(name, func(t *testing.T) {
			checkStreamFails(t, test.pieces, test.log)
			checkStreamFails(t, append([][]byte{chunkFrame(`{"statusCode":201}`)}, test.pieces...), test.log)
		})
	}
	for name, test := range badHeads {
		t.Run(name, func(t *testing.T) { checkStreamFails(t, test.pieces, test.log) })
	}
}

func checkStreamFails(t *testing.T, pieces [][]byte, wantLog string) {
	t.Helper()
	l := captureLog(t)
	f := newFakeLambda(t, streams(preludeType, pieces...))
	got := fetch(t, http.MethodGet, newTestServer(t, newTestHandler(t, streamConfig(f))).URL)
	if got.err != nil || got.status != http.StatusBadGateway || got.body != `{"message":"Bad Gateway"}` {
		t.Errorf("got %d %q, %v, want 502 with the status text", got.status, got.body, got.err)
	}
	checkOneLine(t, l, "lambda@test: 502 Bad Gateway: function=hello ", " requestId=lambda-request-id ", wantLog)
}

func checkOneLine(t *testing.T, l *logBuffer, want ...string) {
	t.Helper()
	line := l.text()
	if strings.Count(line, "\n") != 1 {
		t.Fatalf("got %q, want one line", line)
	}
	for _, part := range want {
		if !strings.Contains(line, part) {
			t.Errorf("got %q, want %q in it", line, part)
		}
	}
	if strings.Contains(line, "secret") {
		t.Errorf("got %q, want no secret in it", line)
	}
}

func TestStreamIsAbortedAfterTheFirstByte(t *testing.T) {
	for name, test := range badFrames {
		t.Run(name, func(t *testing.T) {
			checkStreamAborted(t, append(prelude(`{"statusCode":200}`), chunkFrame("hello ")...), test.pieces, test.log)
		})
	}
	for name, test := range map[string]struct {
		pieces [][]byte
		log    string
	}{
		"fewer bytes than its Content-Length":      {[][]byte{chunkFrame(" "), ends()}, "1 bytes fewer than its Content-Length"},
		"more bytes than its Content-Length":       {[][]byte{chunkFrame(" "), chunkFrame("world"), ends()}, "more bytes than its Content-Length"},
		"one byte more, in a frame of its own":     {[][]byte{chunkFrame("  "), chunkFrame("!"), ends()}, "more bytes than its Content-Length"},
		"an error after the declared length":       {[][]byte{chunkFrame("  "), completeFrame(`{"ErrorCode":"Broken"}`)}, `"Broken"`},
		"no end after the declared length":         {[][]byte{chunkFrame("  ")}, "ended without InvokeComplete"},
		"a broken frame after the declared length": {[][]byte{chunkFrame("  "), eventstreamtest.Head(0, 0)}, "a frame of 0 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			first := append(prelude(`{"headers":{"content-length":"7"}}`), chunkFrame("hello")...)
			checkStreamAborted(t, first, test.pieces, test.log)
		})
	}
}

// checkStreamAborted sends the first piece, and the others once the client has received it.
func checkStreamAborted(t *testing.T, first []byte, rest [][]byte, wantLog string) {
	t.Helper()
	l := captureLog(t)
	f := newWaitingFunction(t)
	f.contentType = preludeType
	server := newTestServer(t, newTestHandler(t, f.config()))
	f.next <- first
	resp, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.ReadFull(resp.Body, make([]byte, len("hello"))); err != nil {
		t.Fatal(err)
	}
	for _, piece := range rest {
		f.next <- piece
	}
	close(f.next)
	if _, err := io.ReadAll(resp.Body); err == nil || resp.StatusCode != http.StatusOK {
		t.Errorf("got %d, %v, want 200 and a body that breaks off", resp.StatusCode, err)
	}
	server.Close() // after this the server logs nothing more
	checkOneLine(t, l, "lambda@test: 200 OK: function=hello ", " requestId=lambda-request-id ", " connection=aborted: ", wantLog)
}

func TestStreamThatIsCutAtOnceHasItsHead(t *testing.T) {
	l := captureLog(t)
	wire := bytes.Join([][]byte{prelude(`{}`), chunkFrame("hello"), eventstreamtest.Head(0, 0)}, nil)
	server := newTestServer(t, newTestHandler(t, streamConfig(newFakeLambda(t, streams(preludeType, wire)))))
	got := fetch(t, http.MethodGet, server.URL)
	if got.err == nil || got.status != 200 || got.body != "hello" {
		t.Errorf("got %d %q, %v, want 200 and a body that breaks off after hello", got.status, got.body, got.err)
	}
	server.Close()
	checkOneLine(t, l, "lambda@test: 200 OK: function=hello ", " connection=aborted: ")
}

// waitingFunction is a function that writes each piece when the test sends it.
type waitingFunction struct {
	*httptest.Server
	contentType string
	next        chan []byte   // the pieces; closed to end
	gone        chan struct{} // closed when the call was cancelled
}

func newWaitingFunction(t *testing.T) *waitingFunction {
	t.Helper()
	f := &waitingFunction{contentType: "text/plain", next: make(chan []byte, 8), gone: make(chan struct{})}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	return f
}

func (f *waitingFunction) serve(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("X-Amzn-Remapped-Content-Type", f.contentType)
	w.Header().Set("X-Amzn-Requestid", "lambda-request-id")
	for {
		select {
		case piece := <-f.next:
			if piece == nil {
				return
			}
			_, _ = w.Write(piece)
			w.(http.Flusher).Flush()
		case <-r.Context().Done():
			close(f.gone)
			return
		}
	}
}

func (f *waitingFunction) config() *Config {
	return streamConfig(&fakeLambda{Server: f.Server})
}

// awaitGone waits until the call was cancelled.
func (f *waitingFunction) awaitGone() error {
	select {
	case <-f.gone:
		return nil
	case <-time.After(10 * time.Second):
		return errors.New("got a running call after 10 s, want it cancelled")
	}
}

func TestStreamDeliversEachChunkWhenItIsWritten(t *testing.T) {
	f := newWaitingFunction(t)
	server := newTestServer(t, newTestHandler(t, f.config()))
	f.next <- chunkFrame("one")
	resp, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 100)
	for _, chunk := range []string{"one", "two", "three"} {
		n, err := resp.Body.Read(buffer)
		if err != nil || string(buffer[:n]) != chunk {
			t.Fatalf("got %q, %v, want %q", buffer[:n], err, chunk)
		}
		if chunk == "one" {
			f.next <- chunkFrame("two")
		} else {
			f.next <- chunkFrame("three")
		}
	}
	f.next <- ends()
	close(f.next)
	if rest := bodyOf(t, resp); rest != "three" {
		t.Errorf("got %q, want three", rest)
	}
}

func TestStreamSendsTheHeadBeforeTheFirstByteOfTheBody(t *testing.T) {
	f := newFakeLambda(t, nil)
	config := streamConfig(f)
	release := make(chan struct{})
	f.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		streams(preludeType, prelude(`{"statusCode":202}`))(w, nil)
		select {
		case <-release:
		case <-r.Context().Done():
		}
		_, _ = w.Write(ends())
	})
	resp, err := http.Get(newTestServer(t, newTestHandler(t, config)).URL)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 202 {
		t.Errorf("got %d, want 202", resp.StatusCode)
	}
	close(release)
	if body := bodyOf(t, resp); body != "" {
		t.Errorf("got %q, want no body", body)
	}
}

func TestStreamTimeoutToTheFirstByte(t *testing.T) {
	patiently(t, func(timeout time.Duration) error {
		l := captureLog(t)
		f := newWaitingFunction(t)
		config := f.config()
		config.Timeout = timeout.String()
		config.IdleTimeout = "1h"
		f.next <- chunkFrame("") // contains no byte
		got := fetch(t, http.MethodGet, newTestServer(t, newTestHandler(t, config)).URL)
		if got.status != http.StatusGatewayTimeout || got.err != nil {
			return fmt.Errorf("got %d %q, %w, want 504", got.status, got.body, got.err)
		}
		checkOneLine(t, l, "504 Gateway Timeout")
		return f.awaitGone()
	})
}

func TestStreamIdleTimeout(t *testing.T) {
	l := captureLog(t)
	f := newWaitingFunction(t)
	config := f.config()
	config.IdleTimeout = "50ms"
	f.next <- chunkFrame("hello")
	got := fetch(t, http.MethodGet, newTestServer(t, newTestHandler(t, config)).URL)
	if got.status != 200 || got.body != "hello" || got.err == nil {
		t.Errorf("got %d %q, %v, want 200 and a body that breaks off after hello", got.status, got.body, got.err)
	}
	if err := f.awaitGone(); err != nil {
		t.Error(err)
	}
	checkOneLine(t, l, "cause=timeout connection=aborted", "no chunk within idleTimeout")
}

func TestStreamTimeoutEndsWithTheFirstByte(t *testing.T) {
	patiently(t, func(timeout time.Duration) error {
		f := newWaitingFunction(t)
		config := f.config()
		config.Timeout = timeout.String()
		config.IdleTimeout = "1h"
		f.next <- chunkFrame("hello")
		later := time.AfterFunc(timeout*3/2, func() {
			f.next <- ends()
			close(f.next)
		})
		defer later.Stop()
		got := fetch(t, http.MethodGet, newTestServer(t, newTestHandler(t, config)).URL)
		if got.body != "hello" || got.err != nil {
			return fmt.Errorf("got %d %q, %w, want hello", got.status, got.body, got.err)
		}
		return nil
	})
}

func TestStreamIsCancelledWhenTheClientDisconnects(t *testing.T) {
	l := captureLog(t)
	f := newWaitingFunction(t)
	server := newTestServer(t, newTestHandler(t, f.config()))
	f.next <- chunkFrame("hello")
	resp, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if err := f.awaitGone(); err != nil {
		t.Error(err)
	}
	server.Close()
	if text := l.text(); text != "" {
		t.Errorf("got %q, want no line about a client that disconnected", text)
	}
}

func TestStreamGivesTheConnectionBack(t *testing.T) {
	f := newFakeLambda(t, streams("", chunkFrame("hello"), ends()))
	server := newTestServer(t, newTestHandler(t, streamConfig(f)))
	fetch(t, http.MethodGet, server.URL)
	fetch(t, http.MethodGet, server.URL)
	if f.requests[0].RemoteAddr != f.requests[1].RemoteAddr {
		t.Error("got another connection for the second call, want the same")
	}
}

func TestStreamFallsBackBeforeTheFirstByteOnly(t *testing.T) {
	discardLog(t)
	for name, test := range map[string]struct {
		pieces [][]byte
		status int
		broken bool
	}{
		"no head":                  {[][]byte{prelude("secret")}, http.StatusTeapot, false},
		"a complete stream":        {[][]byte{prelude("{}"), chunkFrame("hello"), ends()}, http.StatusOK, false},
		"a stream that breaks off": {[][]byte{prelude("{}"), chunkFrame("hello")}, http.StatusOK, true},
	} {
		t.Run(name, func(t *testing.T) {
			config := streamConfig(newFakeLambda(t, streams(preludeType, test.pieces...)))
			config.Fallback = true
			next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
			handler, err := New(context.Background(), next, config, "lambda@test")
			if err != nil {
				t.Fatal(err)
			}
			got := fetch(t, http.MethodGet, newTestServer(t, handler).URL)
			if got.status != test.status || (got.err != nil) != test.broken {
				t.Errorf("got %d %q, %v, want %d, broken: %t", got.status, got.body, got.err, test.status, test.broken)
			}
		})
	}
}

func TestStreamThatWasAbortedGivesItsSlotBack(t *testing.T) {
	discardLog(t)
	config := streamConfig(newFakeLambda(t, streams("", chunkFrame("hello"))))
	config.MaxConcurrency = 1
	server := newTestServer(t, newTestHandler(t, config))
	for i := 0; i < 3; i++ {
		if got := fetch(t, http.MethodGet, server.URL); got.status != http.StatusOK || got.err == nil {
			t.Errorf("got %d %q, %v, want 200 and a body that breaks off", got.status, got.body, got.err)
		}
	}
}

func TestStreamedCallIsRetriedWhileThereIsTime(t *testing.T) {
	discardLog(t)
	throttled := 0
	f := newFakeLambda(t, func(w http.ResponseWriter, event []byte) {
		throttled++
		if throttled == 1 {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		streams("", chunkFrame("hello"), ends())(w, event)
	})
	config := streamConfig(f)
	config.Retry = &RetryConfig{Attempts: 2}
	got := fetch(t, http.MethodGet, newTestServer(t, newTestHandler(t, config)).URL)
	if got.body != "hello" || got.header.Get("X-Amzn-Requestid") != "lambda-request-id" || f.invocations() != 2 {
		t.Errorf("got %d %q after %d invocations, %v, want hello after 2", got.status, got.body, f.invocations(), got.err)
	}
}

func TestStreamedCallIsNotRetriedPastItsTimeout(t *testing.T) {
	discardLog(t)
	f := newFakeLambda(t, func(w http.ResponseWriter, _ []byte) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	config := streamConfig(f)
	config.Retry = &RetryConfig{Attempts: 2}
	got := fetch(t, http.MethodGet, newTestServer(t, newTestHandler(t, config)).URL)
	if got.status != http.StatusServiceUnavailable || f.invocations() != 1 {
		t.Errorf("got %d after %d invocations, %v, want 503 after 1", got.status, f.invocations(), got.err)
	}
}

func TestStreamOptions(t *testing.T) {
	for name, test := range map[string]struct {
		mode, idleTimeout, responseFormat, want string
	}{
		"an unknown mode":                 {"STREAM", "", "auto", `invokeMode: "STREAM": want one of BUFFERED, RESPONSE_STREAM`},
		"idleTimeout of a buffered reply": {"BUFFERED", "5s", "auto", `idleTimeout: "5s": only used with invokeMode RESPONSE_STREAM`},
		"an invalid idleTimeout":          {"RESPONSE_STREAM", "x", "auto", `idleTimeout: "x": want a duration above 0`},
		"an idleTimeout of 0":             {"RESPONSE_STREAM", "0s", "auto", `idleTimeout: "0s": want a duration above 0`},
		"a stream of HTTP":                {"RESPONSE_STREAM", "", "http", `responseFormat: "http": not with invokeMode RESPONSE_STREAM`},
	} {
		t.Run(name, func(t *testing.T) {
			config := CreateConfig()
			config.Function = "hello"
			config.InvokeMode = test.mode
			config.ResponseFormat = test.responseFormat
			config.IdleTimeout = test.idleTimeout
			_, err := New(context.Background(), nil, config, "lambda@test")
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q in it", err, test.want)
			}
		})
	}
}
