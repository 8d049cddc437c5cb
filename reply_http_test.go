package lambda

import (
	"net/http"
	"testing"
)

func TestHTTPMessages(t *testing.T) {
	for name, row := range map[string]struct {
		method, payload string
		body            string // "error" if the message is refused
		length          string
	}{
		"HEAD with a length":            {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "", "5"},
		"GET with a length and no body": {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "error", ""},
		"GET":                           {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "hi", "2"},
		"GET without headers":           {"GET", "HTTP/1.1 200 OK\r\n\r\nhi", "hi", ""},
		"LF, and an empty line later":   {"GET", "HTTP/1.1 200 OK\nA: b\n\nhi\n\nho", "hi\n\nho", ""},
		"chunks with CRLF":              {"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhi\r\n1\r\n!\r\n0\r\n\r\n", "hi!", ""},
		"chunks with LF":                {"GET", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\nhi\nA\n0123456789\n0\nTrailer: x\n\n", "hi0123456789", ""},
		"a chunk cut short":             {"GET", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhi", "error", ""},
		"no last chunk":                 {"GET", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\nhi\n", "error", ""},
		"a chunk longer than its size":  {"GET", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\nhim\n0\n\n", "error", ""},
		"hop-by-hop headers":            {"GET", "HTTP/1.1 200 OK\r\nConnection: close, X-Private\r\nX-Private: 1\r\n\r\nhi", "hi", ""},
	} {
		got := newReply(http.Header{}, row.method)
		err := decodeHTTPMessage(&replySettings{}, []byte(row.payload), got)
		if row.body == "error" {
			if err == nil {
				t.Errorf("%s: got no error, want one", name)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: got %v, want no error", name, err)
			continue
		}
		if string(got.body) != row.body || got.header.Get("Content-Length") != row.length || got.header.Get("X-Private") != "" {
			t.Errorf("%s: got %q %v, want %q", name, got.body, got.header, row.body)
		}
	}
}

func TestHEADTellsTheLengthOfAnHTTPMessage(t *testing.T) {
	for name, payload := range map[string]string{
		"announced":          "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
		"of a body":          "HTTP/1.1 200 OK\r\n\r\nhello",
		"of a body's chunks": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
	} {
		f := newFakeLambda(t, replies(payload))
		config := testConfig(f)
		config.ResponseFormat = responseHTTP
		for way, l := range bothWays(t, config) {
			resp := serve(l, changed(func(r *http.Request) { r.Method = http.MethodHead })())
			if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Length") != "5" {
				t.Errorf("%s, %s: got %d %v, want 200 with Content-Length: 5", name, way, resp.StatusCode, resp.Header)
			}
		}
	}
}
