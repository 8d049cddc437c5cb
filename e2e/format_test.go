package e2e_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTemplatesMakeThePayload(t *testing.T) {
	s := newSite(t, m{
		"function": "echo", "eventFormat": "template",
		"template": `{"path": {{ json .Path }}, "q": {{ .Query.Get "q" | json }}}`,
	})
	assert.JSONEq(t, `{"path":"/a b","q":"\"<&>\n"}`, s.get(t, "/a%20b?q=%22%3C%26%3E%0A").body)
}

func TestEventHeadersAreTheOperators(t *testing.T) {
	s := newSite(t, m{
		"function":     "echo",
		"eventHeaders": m{"X-User": "operator", "X-Client": "{{ .ClientIP }}"},
	})
	request := s.request(t, http.MethodGet, "/", http.NoBody)
	request.Header.Set("X-User", "client")
	got := echo(t, request)
	assert.Equal(t, "operator", got.Headers["x-user"])
	assert.Equal(t, "127.0.0.1", got.Headers["x-client"])
}

func TestRawPayloadsAndReplies(t *testing.T) {
	s := newSite(t, m{"function": "echo", "eventFormat": "raw", "responseFormat": "raw", "contentType": "application/xml"})
	reply := s.get(t, "/?a=1")
	assert.Equal(t, "application/xml", reply.Header.Get("Content-Type"))
	assert.JSONEq(t, `{"statusCode":200,"headers":{"content-type":"application/json"},"multiValueHeaders":null,"body":"{\"a\":\"1\"}","cookies":null}`, reply.body)
}
