/*
+build compiled

Yaegi heeds the line above, in a block comment too, and leaves this file out; Go does not. Fuzzing
needs the compiler's instrumentation.
*/

package lambda

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

// latin1Decoded reverses latin1.
func latin1Decoded(s string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteByte(byte(r))
	}
	return b.String()
}

// text returns a field of an event that must be a string.
func text(t *testing.T, object map[string]any, path string) string {
	t.Helper()
	var s string
	if err := json.Unmarshal([]byte(at(object, path)), &s); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return s
}

// formatLambdas returns a handler for each format.
func formatLambdas(tb testing.TB) map[string]*Lambda {
	tb.Helper()
	lambdas := map[string]*Lambda{}
	for _, format := range eventFormatNames() {
		lambdas[format] = formatLambda(tb, format, nil)
	}
	return lambdas
}

// bodyFields are the formats' fields for the body, and for whether it is Base64.
var bodyFields = map[string]struct{ flag, yes string }{
	"http-api-v2": {"isBase64Encoded", "true"}, "http-api-v1": {"isBase64Encoded", "true"}, "rest-api": {"isBase64Encoded", "true"},
	"function-url": {"isBase64Encoded", "true"}, "alb": {"isBase64Encoded", "true"}, "alb-multi-value": {"isBase64Encoded", "true"},
	"vmod": {"isBase64Encoded", "true"}, "httpjson": {"bodyEncoding", `"base64"`},
}

func FuzzEventsKeepEveryByteOfTheBody(f *testing.F) {
	lambdas := formatLambdas(f)
	f.Add("text/plain", []byte("ä"))
	f.Add("application/json", []byte("\xff\x00"))
	f.Add("", []byte("\u2028\\ufffd\ufffd<"))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		for format, field := range bodyFields {
			r := getRequest("http://example.com/")
			r.Header.Set("Content-Type", contentType)
			l := lambdas[format]
			req := newRequest(l, r)
			req.body = body
			if err := encodeEvent(l, req); err != nil {
				t.Fatal(err)
			}
			object := decoded(t, req.event)
			got := []byte{}
			if at(object, "body") != "absent" && at(object, "body") != "null" {
				got = []byte(text(t, object, "body"))
			}
			if at(object, field.flag) == field.yes {
				bytes, err := base64.StdEncoding.DecodeString(string(got))
				if err != nil {
					t.Fatal(err)
				}
				got = bytes
			}
			if string(got) != string(body) {
				t.Errorf("%s: got %q, want %q", format, got, body)
			}
		}
	})
}

func FuzzEventsKeepEveryByteOfPathsAndHeaders(f *testing.F) {
	lambdas := formatLambdas(f)
	f.Add("/a b/ä%", "value")
	f.Add("/\xff/%2F", "caf\xe9")
	f.Add("/\ufffd", "\ufffd")
	f.Fuzz(func(t *testing.T, path, value string) {
		target := &url.URL{Path: "/" + path}
		r := getRequest("http://example.com/")
		r.URL.Path = target.Path
		r.URL.RawPath = ""
		r.Header["X-Value"] = []string{value}
		for format, field := range map[string]string{"http-api-v1": "path", "function-url": "rawPath", "alb": "path", "vmod": "path"} {
			l := lambdas[format]
			req := newRequest(l, r)
			if err := encodeEvent(l, req); err != nil {
				t.Fatal(err)
			}
			object := decoded(t, req.event)
			if got := text(t, object, field); got != target.EscapedPath() {
				t.Errorf("%s: got %q, want %q", format, got, target.EscapedPath())
			}
			name := "x-value"
			if format == "http-api-v1" {
				name = "X-Value"
			}
			got := text(t, object, "headers "+name)
			if !utf8.ValidString(value) {
				got = latin1Decoded(got)
			}
			if got != value {
				t.Errorf("%s: got %q, want %q", format, got, value)
			}
		}
	})
}

func FuzzEventsKeepEveryByteOfTheQuery(f *testing.F) {
	lambdas := formatLambdas(f)
	f.Add("a=1&a=2&b=%zz;c&%FF=%C3%A4+x")
	f.Fuzz(func(t *testing.T, rawQuery string) {
		if strings.ContainsAny(rawQuery, controlCharacters) {
			t.Skip("net/http lets no control character into a URL")
		}
		l := lambdas["http-api-v2"]
		r := getRequest("http://example.com/")
		r.URL.RawQuery = rawQuery
		req := newRequest(l, r)
		if err := encodeEvent(l, req); err != nil {
			t.Fatal(err)
		}
		object := decoded(t, req.event)
		if got, want := text(t, object, "rawQueryString"), escapeInvalidUTF8(rawQuery); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		values, err := url.ParseQuery(rawQuery)
		if err != nil || !utf8.ValidString(rawQuery+unescapedAll(values)) {
			return // parts stay as sent (TestEventsNeverLoseWhatIsNotUTF8)
		}
		parameters, _ := object["queryStringParameters"].(map[string]any)
		for name, list := range values {
			if joined := strings.Join(list, ","); parameters[name] != joined {
				t.Errorf("%q: got %v, want %q", name, parameters[name], joined)
			}
		}
	})
}

// unescapedAll returns all names and values of a query, one a line: side by side, parts that are not UTF-8
// could become a character.
func unescapedAll(values url.Values) string {
	all := ""
	for name, list := range values {
		all += name + "\n" + strings.Join(list, "\n") + "\n"
	}
	return all
}

func FuzzBothWaysDoTheSame(f *testing.F) {
	var payload string
	lambda := newFakeLambda(f, func(w http.ResponseWriter, event []byte) { replies(payload)(w, event) })
	l := newTestHandler(f, testConfig(lambda)).(*Lambda)
	for _, c := range replyCases {
		f.Add("/a b", "a=1&a=<", "X-A", "caf\xe9", "body", c.payload)
	}
	f.Fuzz(func(t *testing.T, path, query, name, value, body, reply string) {
		payload = reply
		checkBothWays(t, lambda, l, changed(func(r *http.Request) {
			r.URL.Path = path
			r.URL.RawQuery = query
			r.Header[name] = []string{value}
			r.Body = io.NopCloser(strings.NewReader(body))
			r.ContentLength = int64(len(body))
		}), nil)
	})
}

func FuzzRepliesAreGoodOrRefused(f *testing.F) {
	for _, c := range replyCases {
		f.Add([]byte(c.payload))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		for _, format := range eventFormatNames() {
			for _, response := range []string{responseAuto, responseStrict, responseRaw, responseHTTP} {
				config := CreateConfig()
				config.ResponseFormat = response
				l := &Lambda{replies: newReplySettings(config, eventFormats[format])}
				l.replyFormat = replyFormatOf(response, l.replies, eventFormats[format])
				reply := newReply(http.Header{}, http.MethodGet)
				if err := decodeReply(l, append([]byte(nil), payload...), reply); err == nil { // it may write to it
					checkReply(t, reply)
				}
			}
		}
	})
}

func FuzzShortWaysDecodeAsTheLongOne(f *testing.F) {
	for _, c := range replyCases {
		f.Add([]byte(c.payload))
	}
	for _, row := range allocationReplies {
		f.Add([]byte(row.payload))
	}
	f.Fuzz(checkShortWays)
}

// checkReply fails for replies that must never be written to a client.
func checkReply(t *testing.T, reply *reply) {
	t.Helper()
	if reply.status < 200 || reply.status > 599 {
		t.Errorf("got status %d, want 200 to 599", reply.status)
	}
	if len(reply.header["Content-Type"]) == 0 && !bodyless(reply.status) {
		t.Error("got no Content-Type, want one")
	}
	for name, values := range reply.header {
		if name != http.CanonicalHeaderKey(name) || !tokenPattern.MatchString(name) || hopByHop[name] {
			t.Errorf("got header %q, want a canonical name that is not hop-by-hop", name)
		}
		if strings.ContainsAny(strings.Join(values, ""), controlCharacters) {
			t.Errorf("got header %q: %q, want no control characters", name, values)
		}
	}
}
