package e2e_test

import (
	"bufio"
	"compress/gzip"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/lambdalocal"
)

// protocols are the ways in which clients reach Traefik.
var protocols = map[string]struct {
	proto string
	tls   bool
	http2 bool
}{
	"HTTP/1.1":          {"HTTP/1.1", false, false},
	"HTTP/1.1 over TLS": {"HTTP/1.1", true, false},
	"HTTP/2":            {"HTTP/2.0", true, true},
}

// overProtocols runs a test with each protocol: open sends a GET request and returns its answer, the body unread.
func overProtocols(t *testing.T, s *site, test func(t *testing.T, open func(target string) *http.Response)) {
	t.Helper()
	for name, row := range protocols {
		client := &http.Client{Transport: &http.Transport{
			TLSClientConfig:    &tls.Config{InsecureSkipVerify: true},
			ForceAttemptHTTP2:  row.http2,
			DisableCompression: true,
		}}
		t.Cleanup(client.CloseIdleConnections)
		base := gateway.URL
		if row.tls {
			base = gateway.TLSURL
		}
		t.Run(name, func(t *testing.T) {
			test(t, func(target string) *http.Response {
				request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+target, http.NoBody)
				require.NoError(t, err)
				request.Host = s.host
				response, err := client.Do(request)
				require.NoError(t, err)
				t.Cleanup(func() { _ = response.Body.Close() })
				require.Equal(t, row.proto, response.Proto)
				return response
			})
		})
	}
}

func newStreamSite(t *testing.T, function string) *site {
	t.Helper()
	return newSite(t, m{"function": function, "invokeMode": "RESPONSE_STREAM"})
}

func TestStreamedEventsArriveWhenTheyAreWritten(t *testing.T) {
	s := newStreamSite(t, "sse")
	overProtocols(t, s, func(t *testing.T, open func(string) *http.Response) {
		open("/?events=1") // the process is started by now
		response := open("/?events=7&ms=400")
		assert.Equal(t, 200, response.StatusCode)
		assert.Equal(t, "text/event-stream", response.Header.Get("Content-Type"))
		late := readEvents(t, response.Body)
		require.Len(t, late, 7)
		for _, delay := range late {
			assert.Less(t, delay, 400*time.Millisecond, "before the next one was written")
		}
		slices.Sort(late) // a machine that does much else delays one or the other
		assert.Less(t, late[3], 100*time.Millisecond, "half of %v", late)
	})
}

// Compressed by Traefik's own middleware, each event still comes by itself.
func TestStreamedEventsArriveThroughCompress(t *testing.T) {
	s := newStreamSite(t, "sse")
	name, _, _ := strings.Cut(s.middleware, "@")
	routers[name].(m)["middlewares"] = []string{"squeeze", name}
	middlewares["squeeze"] = m{"compress": m{}}
	defer delete(middlewares, "squeeze")
	require.NoError(t, gateway.Update(t.Context(), m{"http": m{"routers": routers, "middlewares": middlewares}}))
	request := s.request(t, http.MethodGet, "/?events=4&ms=300", http.NoBody)
	request.Header.Set("Accept-Encoding", "gzip")
	response, err := gateway.Client().Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	assert.Equal(t, "gzip", response.Header.Get("Content-Encoding"))
	text, err := gzip.NewReader(response.Body)
	require.NoError(t, err)
	late := readEvents(t, text)
	require.Len(t, late, 4)
	for _, delay := range late {
		assert.Less(t, delay, 300*time.Millisecond, "before the next one was written")
	}
}

// readEvents reads the events of the function sse to their end, and returns how long after its write each arrived.
func readEvents(t *testing.T, body io.Reader) []time.Duration {
	t.Helper()
	var late []time.Duration
	lines := bufio.NewScanner(body)
	for lines.Scan() {
		data, isData := strings.CutPrefix(lines.Text(), "data: ")
		if !isData {
			continue
		}
		var event struct{ N, At int64 }
		require.NoError(t, json.Unmarshal([]byte(data), &event))
		late = append(late, time.Since(time.Unix(0, event.At)))
		assert.EqualValues(t, len(late), event.N)
	}
	require.NoError(t, lines.Err())
	return late
}

func TestLargeStreamPassesInLittleMemory(t *testing.T) {
	const size, growth = 200 << 20, 60 << 20
	s := newStreamSite(t, "bigfile")
	overProtocols(t, s, func(t *testing.T, open func(string) *http.Response) {
		for range 2 { // what connections, pools and the garbage collector's headroom take is taken once
			drain(t, open("/?size=100000000"), 100000000)
		}
		before := residentMemory(t)
		response := open("/?length=" + strconv.Itoa(size))
		assert.EqualValues(t, size, response.ContentLength)
		for part := range 10 {
			n, err := io.CopyN(io.Discard, response.Body, size/10)
			require.NoError(t, err, "after %d bytes of part %d", n, part)
			assert.Less(t, residentMemory(t)-before, growth, "after %d%%", (part+1)*10)
		}
		drain(t, response, 0)
	})
}

// drain reads the rest of a body, of which the length is known.
func drain(t *testing.T, response *http.Response, length int64) {
	t.Helper()
	n, err := io.Copy(io.Discard, response.Body)
	require.NoError(t, err)
	assert.Equal(t, length, n)
}

// residentMemory returns how many bytes of memory Traefik has.
func residentMemory(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", gateway.PID()))
	require.NoError(t, err)
	pages, err := strconv.Atoi(strings.Fields(string(status))[1])
	require.NoError(t, err)
	return pages * os.Getpagesize()
}

func TestBrokenStreamIsAFailedTransfer(t *testing.T) {
	for name, row := range map[string]struct{ target, logged string }{
		"the function fails":          {"/?chunks=3", "cause=function-error connection=aborted: the function failed (\"errorString\")"},
		"the function's process ends": {"/?chunks=3&mode=exit", "cause=function-error connection=aborted: the function failed (\"Runtime.ExitError\")"},
		"the function hangs":          {"/?chunks=3&mode=hang", "cause=timeout connection=aborted: no chunk within idleTimeout"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, m{"function": "breaks", "invokeMode": "RESPONSE_STREAM", "idleTimeout": "1s"})
			overProtocols(t, s, func(t *testing.T, open func(string) *http.Response) {
				response := open(row.target)
				assert.Equal(t, 200, response.StatusCode)
				body, err := io.ReadAll(response.Body)
				require.Error(t, err)
				assert.Equal(t, "line 1\nline 2\nline 3\n", string(body))
				assert.NotContains(t, string(body), "on purpose")
			})
			assert.Contains(t, s.logLine(t, 200), row.logged)
			assert.Eventually(t, func() bool { return countLines(gateway.Logs(), s.middleware+": ") == len(protocols) }, patience,
				10*time.Millisecond, "one log line for each")
			assert.NotContains(t, gateway.Logs(), "on purpose")
		})
	}
}

// curl is what users look with. Without one the clients above have to do.
func TestCurlReportsABrokenStream(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Log("no curl on this machine")
		return
	}
	s := newStreamSite(t, "breaks")
	for protocol, code := range map[string]int{"--http1.1": 18, "--http2": 92} {
		cmd := exec.CommandContext(t.Context(), curl, "-sSk", protocol, "-H", "Host: "+s.host, gateway.TLSURL+"/")
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit, "%s: %s", protocol, out)
		assert.Equal(t, code, exit.ExitCode(), "%s: %s", protocol, out)
		assert.Contains(t, string(out), "line 3\n")
	}
}

func TestStreamThatFailsBeforeItsFirstByteIsAnOrdinaryFailure(t *testing.T) {
	s := newStreamSite(t, "fail")
	overProtocols(t, s, func(t *testing.T, open func(string) *http.Response) {
		response := open("/")
		assert.Equal(t, 502, response.StatusCode)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		assert.JSONEq(t, `{"message":"Bad Gateway"}`, string(body))
	})
	assert.Contains(t, s.logLine(t, 502), "cause=function-error: the function failed (")
}

func TestStreamedContentLengthThatIsALieFails(t *testing.T) {
	s := newStreamSite(t, "bigfile")
	for _, length := range []int{99999, 100001} {
		overProtocols(t, s, func(t *testing.T, open func(string) *http.Response) {
			_, err := io.Copy(io.Discard, open(fmt.Sprintf("/?size=100000&length=%d", length)).Body)
			assert.Error(t, err)
		})
	}
}

func TestClientThatLeavesAStreamEndsTheCall(t *testing.T) {
	logged := len(gateway.Logs())
	for function, path := range map[string]string{
		"sse":     "/?events=1000&ms=10", // most of the time it waits for the function
		"bigfile": "/",                   // most of the time it writes to the client
	} {
		s := newStreamSite(t, function)
		overProtocols(t, s, func(t *testing.T, open func(string) *http.Response) {
			before := lambda.Cancelled(function)
			response := open(path)
			_, err := io.ReadFull(response.Body, make([]byte, 10))
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			assert.Eventually(t, func() bool { return lambda.Cancelled(function) > before }, patience, 10*time.Millisecond)
		})
		// Another request: by then the lines of the others would be there.
		overProtocols(t, s, func(_ *testing.T, open func(string) *http.Response) { open("/?events=1&size=1") })
	}
	assert.Empty(t, gateway.Logs()[logged:], "that clients leave is no error")
}

// Functions in Node write through AWS's awslambda.streamifyResponse.
func TestStreamsOfNode(t *testing.T) {
	server, err := lambdalocal.Start(t.Context(), lambdalocal.Config{
		Functions:   map[string]lambdalocal.Function{"clock": nodeFunction(nodeFolder(t), "clock")},
		Credentials: []lambdalocal.Credential{credential},
	})
	require.NoError(t, err)
	defer func() { assert.NoError(t, server.Close()) }()
	s := newSite(t, m{"function": "clock", "endpoint": server.URL(), "invokeMode": "RESPONSE_STREAM"})
	overProtocols(t, s, func(t *testing.T, open func(string) *http.Response) {
		response := open("/?ms=400")
		assert.Equal(t, 201, response.StatusCode)
		assert.Equal(t, "text/event-stream", response.Header.Get("Content-Type"))
		assert.Equal(t, []string{"a=1", "b=2"}, response.Header["Set-Cookie"])
		late := readEvents(t, response.Body)
		require.Len(t, late, 3)
		for _, delay := range late {
			assert.Less(t, delay, 400*time.Millisecond, "before the next one was written")
		}

		assert.Equal(t, 502, open("/?fail=early").StatusCode)
		_, err := io.ReadAll(open("/?fail=late&ms=1").Body)
		assert.Error(t, err)
	})
	for _, status := range []int{502, 201} {
		assert.Contains(t, s.logLine(t, status), "the function failed (\"RangeError\")")
	}
}
