package e2e_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFailureHasItsStatusAndOneLogLine(t *testing.T) {
	for name, row := range map[string]struct {
		options m
		target  string
		status  int
		logged  []string
	}{
		"a wrong secret key": {
			m{"function": "echo", "credentials": m{"accessKeyId": accessKeyID, "secretAccessKey": "wrong"}}, "/",
			502, []string{"Lambda answered 403", "function=echo"},
		},
		"an unknown access key": {
			m{"function": "echo", "credentials": m{"accessKeyId": "AKIDOTHER", "secretAccessKey": secretKey}}, "/",
			502, []string{"Lambda answered 403"},
		},
		"no credentials": {
			m{"function": "echo", "credentials": nil}, "/",
			502, []string{"no credentials: environment: not set up: AWS_ACCESS_KEY_ID"},
		},
		"no region": {
			m{"function": "echo", "region": nil}, "/",
			502, []string{"no region: looked in", "AWS_REGION"},
		},
		"a function that does not exist": {
			m{"function": "nothing"}, "/",
			502, []string{"Lambda answered 404", "ResourceNotFoundException", "function=nothing"},
		},
		"a function that fails": {
			m{"function": "fail"}, "/",
			502, []string{"the function failed"},
		},
		"a function that fails, with a status of the operator's": {
			m{"function": "fail", "functionErrorStatus": 500}, "/",
			500, []string{"the function failed"},
		},
		"a function that takes too long": {
			m{"function": "sleep", "timeout": "200ms"}, "/?ms=2000",
			504, []string{"no complete reply within timeout"},
		},
		"nobody listens at the endpoint": {
			m{"function": "echo", "endpoint": "http://127.0.0.1:1"}, "/",
			502, []string{"connection refused"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, row.options)
			before := time.Now()
			got := s.get(t, row.target)
			assert.Equal(t, row.status, got.StatusCode)
			assert.JSONEq(t, `{"message":"`+http.StatusText(row.status)+`"}`, got.body, "nothing of the cause")
			assert.Less(t, time.Since(before), patience)
			line := s.logLine(t, row.status)
			for _, want := range row.logged {
				assert.Contains(t, line, want)
			}
			assert.Equal(t, 1, countLines(gateway.Logs(), s.middleware+": "), "log lines of the request")
		})
	}
}

func TestClientThatLeavesEndsTheCall(t *testing.T) {
	const second = time.Second
	started := make(chan struct{})
	ended := make(chan struct{})
	endpoint := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		close(started)
		<-r.Context().Done()
		close(ended)
	}))
	defer endpoint.Close()
	s := newSite(t, m{"function": "echo", "endpoint": endpoint.URL})

	ctx, leave := context.WithCancel(t.Context())
	go func() {
		<-started
		leave()
	}()
	response, err := gateway.Client().Do(s.request(t, "POST", "/", strings.NewReader("body")).WithContext(ctx))
	if err == nil {
		_ = response.Body.Close()
	}
	require.ErrorIs(t, err, context.Canceled)
	select {
	case <-ended:
	case <-time.After(second):
		t.Error("a second after the client the call is still there")
	}
	waiting, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	line, err := gateway.AwaitLog(waiting, `"`+s.middleware+`"`)
	require.NoError(t, err)
	assert.Contains(t, line, `"POST / HTTP/1.1" 499 `, "in the access log")
}

// The first to end says what a client is told that sends a part of a body, and then nothing: the middleware's timeout,
// or readTimeout of Traefik's entry point.
func TestClientThatStallsIsToldSo(t *testing.T) {
	for name, row := range map[string]struct {
		timeout, readTimeout string
		http2                bool
		status               int
		logged               string
	}{
		"timeout":                  {"1s", "1m", false, 504, "no complete body within timeout"},
		"timeout, over HTTP/2":     {"1s", "1m", true, 504, "no complete body within timeout"},
		"readTimeout":              {"1m", "1s", false, 400, "read the request body"},
		"readTimeout, over HTTP/2": {"1m", "1s", true, 400, "read the request body"},
		"timeout, no readTimeout":  {"1s", "0s", false, 504, "no complete body within timeout"},
		"both, and they are equal": {"1s", "1s", false, 400, "read the request body"},
	} {
		t.Run(name, func(t *testing.T) {
			const readTimeout = ".transport.respondingtimeouts.readtimeout="
			instance, _ := newTraefik(t, 1, m{"function": "echo", "endpoint": lambda.URL(), "timeout": row.timeout},
				"--entrypoints.web"+readTimeout+row.readTimeout, "--entrypoints.websecure"+readTimeout+row.readTimeout, "--log.level=DEBUG")
			url := instance.URL
			if row.http2 {
				url = instance.TLSURL
			}
			body, rest := io.Pipe()
			defer rest.Close()
			go func() { _, _ = io.WriteString(rest, "a part") }()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/0", body)
			require.NoError(t, err)
			reply := send(t, request)
			assert.Equal(t, row.status, reply.StatusCode)
			_, err = instance.AwaitLog(ctx, row.logged)
			assert.NoError(t, err)
		})
	}
}

func TestThrottledClientIsToldToComeBack(t *testing.T) {
	s := newSite(t, m{"function": "narrow"})
	first := s.request(t, "GET", "/?ms=1000", http.NoBody)
	second := s.request(t, "GET", "/?ms=1000", http.NoBody)
	answers := make(chan answer, 1)
	go func() {
		response, err := gateway.Client().Do(first)
		if err == nil {
			_ = response.Body.Close()
		}
		answers <- answer{Response: response}
	}()
	one, other := send(t, second), <-answers
	require.NotNil(t, other.Response)
	if one.StatusCode == 200 {
		one, other = other, one
	}
	assert.Equal(t, 200, other.StatusCode, "the invocation that there is room for")
	assert.Equal(t, 503, one.StatusCode)
	assert.Equal(t, "1", one.Header.Get("Retry-After"))
	assert.Contains(t, s.logLine(t, 503), "TooManyRequestsException")
}

func TestBodyOverTheLimitIsRefusedWithoutInvoking(t *testing.T) {
	const limit = 1000
	s := newSite(t, m{"function": "echo", "maxRequestBodyBytes": limit})
	for name, row := range map[string]struct {
		size, contentLength int64
		status              int
	}{
		"a byte over, announced": {limit + 1, limit + 1, 413},
		"a byte over, chunked":   {limit + 1, -1, 413},
		"just the limit":         {limit, limit, 200},
		"just the limit chunked": {limit, -1, 200},
	} {
		t.Run(name, func(t *testing.T) {
			before := lambda.Invocations("echo")
			request := s.request(t, "POST", "/", strings.NewReader(strings.Repeat("x", int(row.size))))
			request.ContentLength = row.contentLength
			got := send(t, request)
			assert.Equal(t, row.status, got.StatusCode)
			invoked := 0
			if row.status == 200 {
				invoked = 1
			}
			assert.Equal(t, invoked, lambda.Invocations("echo")-before, "invocations")
		})
	}
}

func TestEventOverLambdasLimitIsRefusedWithoutInvoking(t *testing.T) {
	s := newSite(t, m{"function": "echo"})
	before := lambda.Invocations("echo")
	// Base64 makes an event of more than 6 MB of it.
	got := send(t, s.request(t, "POST", "/", strings.NewReader(strings.Repeat("\xff", 5_000_000))))
	assert.Equal(t, 413, got.StatusCode)
	assert.Equal(t, before, lambda.Invocations("echo"))
}

func TestWrongOptionDisablesItsRouterAlone(t *testing.T) {
	good := newSite(t, m{"function": "echo"})
	for name, row := range map[string]struct {
		options m
		named   string
	}{
		"an option that does not exist":     {m{"function": "echo", "functoin": "x"}, "functoin: no such option: did you mean function?"},
		"an unknown option of a group":      {m{"function": "echo", "credentials": m{"accessKey": "x"}}, "credentials.accessKey: no such option"},
		"a duration that is none":           {m{"function": "echo", "timeout": "soon"}, "timeout: "},
		"a negative size":                   {m{"function": "echo", "maxRequestBodyBytes": -1}, "maxRequestBodyBytes: "},
		"no function":                       {m{}, "function, routes, pathPrefix: 0 of them set"},
		"an ARN that is none":               {m{"function": "arn:aws:lambda:eu-central-1:12345:function:x"}, "function: "},
		"an ARN of another service":         {m{"function": "arn:aws:s3:::bucket"}, "function: "},
		"an event format that there is not": {m{"function": "echo", "eventFormat": "http-api"}, "eventFormat: "},
		"an endpoint that is no URL":        {m{"function": "echo", "endpoint": "lambda"}, "endpoint: "},
		"a status that is none":             {m{"function": "echo", "functionErrorStatus": 42}, "functionErrorStatus: "},
		"half a key":                        {m{"function": "echo", "credentials": m{"accessKeyId": "x"}}, "credentials: "},
		"a text where a number belongs":     {m{"function": "echo", "maxRequestBodyBytes": "6MB"}, "maxRequestBodyBytes"},
	} {
		t.Run(name, func(t *testing.T) {
			logged := len(gateway.Logs())
			bad := newSite(t, row.options)
			assert.Equal(t, 404, bad.get(t, "/").StatusCode)
			assert.Equal(t, 200, good.get(t, "/").StatusCode)
			log := gateway.Logs()[logged:]
			assert.Equal(t, 1, countLines(log, " routerName="+bad.middleware), log)
			assert.Contains(t, log, row.named)
		})
	}
}

// The endpoint repeats what it got, as AWS does where a signature is wrong.
func TestNoSecretInTheLogNorInTheAnswer(t *testing.T) {
	var seen http.Header
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header.Clone()
		w.Header().Set("X-Amzn-Errortype", "InvalidSignatureException")
		w.WriteHeader(http.StatusForbidden)
		_ = json.NewEncoder(w).Encode(m{"message": "The Canonical String for this request should have been 'POST\nx-amz-security-token:" +
			r.Header.Get("X-Amz-Security-Token") + "\n" + r.Header.Get("Authorization") + "'"})
	}))
	defer endpoint.Close()
	s := newSite(t, m{"function": "echo", "endpoint": endpoint.URL, "exposeErrors": true})
	got := s.get(t, "/")
	assert.Equal(t, 502, got.StatusCode)
	s.logLine(t, 502)

	_, signature, found := strings.Cut(seen.Get("Authorization"), "Signature=")
	require.True(t, found, "the call is signed")
	for _, secret := range []string{secretKey, sessionToken, signature} {
		assert.NotContains(t, gateway.Logs(), secret)
		assert.NotContains(t, got.body, secret)
	}
}

func TestNoHeaderOfTheClientIsOnTheCall(t *testing.T) {
	var seen http.Header
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header.Clone()
		_, _ = io.WriteString(w, `{"statusCode":204}`)
	}))
	defer endpoint.Close()
	s := newSite(t, m{"function": "echo", "endpoint": endpoint.URL})
	request := s.request(t, "GET", "/", http.NoBody)
	for _, name := range []string{"X-Amz-Invocation-Type", "X-Amz-Client-Context", "X-Amz-Log-Type", "X-Amz-Tenant-Id", "Cookie", "X-Custom"} {
		request.Header.Set(name, "of-the-client")
	}
	request.Header.Set("User-Agent", "of-the-client")
	request.Header.Set("Authorization", "of-the-client")
	assert.Equal(t, 204, send(t, request).StatusCode)
	for name, values := range seen {
		assert.NotContains(t, values, "of-the-client", name)
	}
	assert.Contains(t, seen.Get("Authorization"), "AWS4-HMAC-SHA256 Credential="+accessKeyID)
	assert.Equal(t, sessionToken, seen.Get("X-Amz-Security-Token"))
}
