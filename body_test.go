package lambda

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"
)

func TestLargeRepliesAreReadLikeSmallOnes(t *testing.T) {
	encoded := base64.StdEncoding.EncodeToString(everyByte(0xff, minSplicedBody))
	quoted, _ := json.Marshal(string(everyByte(0x7f, minSplicedBody)))
	cases := map[string]struct {
		payload string
		status  int
		body    []byte
	}{
		"Base64":                                {`{"statusCode":200,"body":"` + encoded + `","isBase64Encoded":true}`, 200, everyByte(0xff, minSplicedBody)},
		"Base64 after blanks":                   {`{"isBase64Encoded": true, "statusCode": 201, "body" : "` + encoded + `" }`, 201, everyByte(0xff, minSplicedBody)},
		"text that could be Base64":             {`{"statusCode":200,"body":"` + encoded + `"}`, 200, []byte(encoded)},
		"text with escapes":                     {`{"statusCode":200,"body":` + string(quoted) + `}`, 200, everyByte(0x7f, minSplicedBody)},
		"Base64 cut short":                      {`{"statusCode":200,"body":"` + encoded[:len(encoded)-1] + `","isBase64Encoded":true}`, 502, nil},
		"Base64 with a raw line feed":           {`{"statusCode":200,"body":"` + encoded + "\n" + `","isBase64Encoded":true}`, 502, nil},
		"Base64 with an escaped line feed":      {`{"statusCode":200,"body":"` + encoded + `\n","isBase64Encoded":true}`, 200, everyByte(0xff, minSplicedBody)},
		"a payload cut short":                   {`{"statusCode":200,"isBase64Encoded":true,"body":"` + encoded, 502, nil},
		"a body twice: the last one wins":       {`{"statusCode":200,"isBase64Encoded":true,"body":"` + encoded + `","body":"YWJj"}`, 200, []byte("abc")},
		"a key body in headers is ignored":      {`{"statusCode":200,"isBase64Encoded":true,"headers":{"body":"` + encoded + `"},"body":"YWJj"}`, 200, []byte("abc")},
		"a key body only in headers is ignored": {`{"statusCode":200,"isBase64Encoded":true,"headers":{"body":"` + encoded + `"}}`, 200, nil},
		"this plugin's mark is text":            {`{"statusCode":200,"body":"` + base64Mark + strings.Repeat(" ", minSplicedBody) + `"}`, 200, []byte(base64Mark + strings.Repeat(" ", minSplicedBody))},
		"this plugin's mark is not Base64":      {`{"statusCode":200,"body":"` + base64Mark + strings.Repeat(" ", minSplicedBody) + `","isBase64Encoded":true}`, 502, nil},
		"an object without a statusCode":        {`{"body":"` + encoded + `","isBase64Encoded":true}`, 200, []byte(`{"body":"` + encoded + `","isBase64Encoded":true}`)},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f := newFakeLambda(t, replies(tc.payload))
			resp := serve(newTestHandler(t, testConfig(f)), httptest.NewRequest(http.MethodGet, "http://example.com/", nil))
			body := bodyOf(t, resp)
			if resp.StatusCode != tc.status || (tc.status < 300 && body != string(tc.body)) {
				t.Errorf("got %d with %d bytes, want %d with %d", resp.StatusCode, len(body), tc.status, len(tc.body))
			}
		})
	}
}

// waitingBody is a body that stalls until the test ends.
type waitingBody struct {
	asked, ended chan bool
}

func (b *waitingBody) Read(_ []byte) (int, error) {
	b.asked <- true
	<-b.ended
	return 0, io.ErrUnexpectedEOF
}

func (b *waitingBody) Close() error { return nil }

// heapInUse returns the bytes of the heap in use.
func heapInUse() int {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int(stats.HeapAlloc)
}

func serveAndTell(h http.Handler, r *http.Request, served *sync.WaitGroup) {
	defer served.Done()
	serve(h, r)
}

func TestAnAnnouncedBodyTakesNoMemoryBeforeItArrives(t *testing.T) {
	const clients, most = 200, 40 << 20
	discardLog(t)
	for way, l := range bothWays(t, configFor("http://127.0.0.1:1")) {
		for _, readTimeout := range []time.Duration{0, time.Second} { // reads in a goroutine, or in place
			var served sync.WaitGroup
			asked := make(chan bool)
			ended := make(chan bool)
			before := heapInUse()
			for i := 0; i < clients; i++ {
				served.Add(1)
				r := httptest.NewRequest(http.MethodPost, "http://example.com/", http.NoBody)
				r.ContentLength = 6_000_000
				r.Body = &waitingBody{asked: asked, ended: ended}
				server := &http.Server{ReadTimeout: readTimeout}
				go serveAndTell(l, r.WithContext(context.WithValue(r.Context(), http.ServerContextKey, server)), &served)
			}
			for i := 0; i < clients; i++ {
				<-asked
			}
			if grown := heapInUse() - before; grown > most {
				t.Errorf("%s: %d heads take %d MB, want at most %d", way, clients, grown>>20, most>>20)
			}
			close(ended)
			served.Wait()
		}
	}
}

func TestBodiesOfEverySizeAreReadWhole(t *testing.T) {
	for _, size := range []int{1, firstBodyBytes - 1, firstBodyBytes, firstBodyBytes + 1, 300_000, 1 << 20, 6 << 20} {
		want := bytes.Repeat([]byte("0123456789abcde"), size/15+1)[:size]
		got, err := readAll(iotest.HalfReader(bytes.NewReader(want)), int64(size), 6<<20, nil)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes: got %d, %v, want all", size, len(got), err)
		}
		if _, err := readAll(bytes.NewReader(want[1:]), int64(size), 6<<20, nil); err == nil {
			t.Errorf("one byte fewer than %d: got no error, want one", size)
		}
	}
}

// A client that sends part of a body and then stalls gets a response when the first of two limits ends:
// the server's ReadTimeout, which is Traefik's readTimeout, or option timeout.
func TestStalledBodiesEndInTime(t *testing.T) {
	discardLog(t)
	f := newFakeLambda(t, replies(`{"statusCode":200}`))
	const later = 60 // times as long as the limit that ends first
	for name, tc := range map[string]struct {
		readTimeout int
		timeout     int
		http2       bool
		status      int
	}{
		"ReadTimeout ends first":              {1, later, false, 400},
		"ReadTimeout ends first, over HTTP/2": {1, later, true, 400},
		"timeout ends first":                  {later, 1, false, 504},
		"timeout ends first, over HTTP/2":     {later, 1, true, 504},
		"there is no ReadTimeout":             {0, 1, false, 504},
	} {
		for length, announced := range map[string]int64{"with a length": 100, "without a length": -1} {
			t.Run(name+"/a body "+length, func(t *testing.T) {
				patiently(t, func(limit time.Duration) error { // ReadTimeout holds for the TLS handshake too
					config := testConfig(f)
					config.Timeout = (time.Duration(tc.timeout) * limit).String()
					server := httptest.NewUnstartedServer(newTestHandler(t, config))
					server.Config.ReadTimeout = time.Duration(tc.readTimeout) * limit
					server.EnableHTTP2 = tc.http2
					server.StartTLS()
					defer server.Close()
					status, err := sendPart(server, announced)
					if err == nil && (status != tc.status || f.invocations() != 0) {
						err = fmt.Errorf("got %d after %d invocations, want %d after none", status, f.invocations(), tc.status)
					}
					return err
				})
			})
		}
	}
}

// sendPart sends a part of a body, of more bytes or of no announced length, and returns the status of the response.
func sendPart(server *httptest.Server, announced int64) (status int, err error) {
	body, rest := io.Pipe()
	defer func() { _ = rest.Close() }()
	go func() { _, _ = rest.Write([]byte("a part")) }()
	r, err := http.NewRequest(http.MethodPost, server.URL, body)
	if err != nil {
		return 0, err
	}
	r.ContentLength = announced
	client := server.Client()
	client.Timeout = time.Minute // not to wait for the test's own end
	resp, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}
