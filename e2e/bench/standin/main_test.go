package main

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/bench/payload"
)

func serve(t *testing.T, method, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	newHandler().ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader("{}")))
	return w
}

func TestAFunctionAnswersReverseProxiesAndInvocationsAlike(t *testing.T) {
	for _, name := range []string{
		"json-100", "json-65536", "text-65536", "binary-4096", "binary-100-1ms", "cookies-100", "page-30720", "redirect-0", "notfound-100",
	} {
		t.Run(name, func(t *testing.T) {
			plain := serve(t, http.MethodGet, "/"+name+"/route/0")
			invoked := serve(t, http.MethodPost, "/2015-03-31/functions/"+name+"/invocations")
			var reply events.APIGatewayV2HTTPResponse
			require.NoError(t, json.Unmarshal(invoked.Body.Bytes(), &reply))
			body := []byte(reply.Body)
			if reply.IsBase64Encoded {
				var err error
				body, err = base64.StdEncoding.DecodeString(reply.Body)
				require.NoError(t, err)
			}
			assert.Equal(t, plain.Body.String(), string(body))
			assert.Equal(t, plain.Code, reply.StatusCode)
			assert.Equal(t, plain.Header().Get("Content-Type"), reply.Headers["Content-Type"])
			assert.Equal(t, plain.Header()["Set-Cookie"], reply.Cookies)
		})
	}
}

func TestTheNameSaysWhatIsAnswered(t *testing.T) {
	f := newFunction("json-100-250ms")
	require.NotNil(t, f)
	assert.Len(t, f.body, 100)
	assert.Equal(t, 250*time.Millisecond, f.delay)
	assert.Contains(t, string(newFunction("httpjson-100").reply), `"type":"HTTPJSON-REP"`)
	assert.Contains(t, string(newFunction("multivalue-100").reply), `"Set-Cookie":["a=1; Path=/","b=2; Path=/"]`)
	assert.Contains(t, string(newFunction("loose-100").reply), `"x-none":null`)
	assert.Len(t, newFunction("page-1000").header, 13)

	for _, name := range []string{"", "json", "xml-5", "json-5-5s", "json--1", "json-12345678", "xjson-5"} {
		assert.Nil(t, newFunction(name), name)
	}
	assert.Equal(t, http.StatusNotFound, serve(t, http.MethodGet, "/xml-5/").Code)
	assert.Equal(t, http.StatusNotFound, serve(t, http.MethodPost, "/2015-03-31/functions/xml-5/invocations").Code)
}

func TestAStreamIsFlushedInPieces(t *testing.T) {
	invoked := serve(t, http.MethodPost, "/2021-11-15/functions/stream-4096/response-streaming-invocations")
	assert.True(t, invoked.Flushed)
	assert.Equal(t, 10, strings.Count(invoked.Body.String(), ":message-type"), "a prelude, eight pieces, an end")
	plain := serve(t, http.MethodGet, "/stream-4096/")
	assert.True(t, plain.Flushed)
	assert.Equal(t, payload.Text(4096), plain.Body.Bytes())
}

func TestCredentialsAreNewEachTimeAndDueForRefreshSoon(t *testing.T) {
	type issue struct {
		AccessKeyID, SecretAccessKey, Token string
		Expiration                          time.Time
	}
	var first, second issue
	require.NoError(t, json.Unmarshal(serve(t, http.MethodGet, "/credentials").Body.Bytes(), &first))
	require.NoError(t, json.Unmarshal(serve(t, http.MethodGet, "/credentials").Body.Bytes(), &second))
	assert.Len(t, first.AccessKeyID, 20)
	assert.NotEqual(t, first.AccessKeyID, second.AccessKeyID)
	assert.NotEqual(t, first.SecretAccessKey, second.SecretAccessKey)
	assert.WithinDuration(t, time.Now().Add(5*time.Minute), first.Expiration, 5*time.Second)
}
