package lambda

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed05e46011/lambda/internal/route"
)

// replyCase is a function's payload and the client's response to it.
type replyCase struct {
	name     string
	formats  string // eventFormat, separated by blanks
	response string // responseFormat
	payload  string
	status   int
	header   string // "Name: a | b", one on each line; "-Name" for a header that must be absent
	body     string
}

const (
	badHTTPAPI   = `{"message":"Internal Server Error"}`
	badGateway   = `{"message":"Bad Gateway"}`
	badREST      = `{"message": "Internal server error"}`
	badALB       = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"
	inferring    = "http-api-v2 function-url raw template"
	objects      = "http-api-v1 rest-api vmod alb alb-multi-value"
	gatewayLike  = inferring + " " + objects
	gatewayProxy = "http-api-v1 http-api-v2 rest-api"
)

var replyCases = []replyCase{
	{"a status, a header and a body", gatewayLike, "auto", `{"statusCode":201,"headers":{"x-a":"1"},"body":"hi"}`, 201, "X-A: 1", "hi"},
	{"a status as a string of digits", gatewayLike, "auto", `{"statusCode":"404","body":""}`, 404, "", ""},
	{"a status alone", gatewayLike, "auto", `{"statusCode":204}`, 204, "-Content-Type\n-Content-Length", ""},
	{"304 has no content type", gatewayLike, "auto", `{"statusCode":304,"headers":{"etag":"x"},"body":"b"}`, 304, "Etag: x\n-Content-Type\n-Content-Length", ""},
	{"null in every other field", gatewayLike, "auto", `{"statusCode":200,"headers":null,"multiValueHeaders":null,"cookies":null,"body":null,"isBase64Encoded":null}`, 200, "", ""},
	{"headers with a number, true, null and a list", gatewayLike, "auto", `{"statusCode":200,"headers":{"x-n":3,"x-t":true,"x-0":null,"x-l":["a",1,false]}}`, 200, "X-N: 3\nX-T: true\nX-L: a | 1 | false\n-X-0", ""},
	{"headers with strings and other types", gatewayLike, "auto", `{"statusCode":200,"headers":{"x-a":"1","x-n":3,"x-b":"2","x-t":true,"x-c":"4","x-0":null},"body":"b"}`, 200, "X-A: 1\nX-B: 2\nX-C: 4\nX-N: 3\nX-T: true\n-X-0", "b"},
	{"one name in headers and multiValueHeaders", gatewayLike, "auto", `{"statusCode":200,"headers":{"X-A":"single"},"multiValueHeaders":{"x-a":["m1","m2"]}}`, 200, "X-A: m1 | m2", ""},
	{"multiValueHeaders with a plain string", gatewayLike, "auto", `{"statusCode":200,"multiValueHeaders":{"x-a":"one"}}`, 200, "X-A: one", ""},
	{"cookies in any format", gatewayLike, "auto", `{"statusCode":200,"cookies":["a=1","b=2"]}`, 200, "Set-Cookie: a=1 | b=2", ""},
	{"a cookie in cookies and in multiValueHeaders is sent once", gatewayLike, "auto", `{"statusCode":200,"cookies":["a=1"],"multiValueHeaders":{"set-cookie":["a=1"]}}`, 200, "Set-Cookie: a=1", ""},
	{"cookies under names that differ in case", gatewayLike, "auto", `{"statusCode":200,"headers":{"Set-Cookie":"a=1","set-cookie":"b=2","SET-COOKIE":"c=3"}}`, 200, "Set-Cookie: c=3 | a=1 | b=2", ""},
	{"Base64 with a NUL in it", gatewayLike, "auto", `{"statusCode":200,"body":"YQBi/w==","isBase64Encoded":true}`, 200, "Content-Length: 4", "a\x00b\xff"},
	{"a Content-Length that is too small", gatewayLike, "auto", `{"statusCode":200,"headers":{"content-length":"1"},"body":"four"}`, 200, "Content-Length: 4", "four"},
	{"a Content-Length that is too large", gatewayLike, "auto", `{"statusCode":200,"headers":{"content-length":"100"},"body":"four"}`, 200, "Content-Length: 4", "four"},
	{"hop-by-hop headers and those that Connection names", gatewayLike, "auto", `{"statusCode":200,"headers":{"connection":"close, X-Hop","x-hop":"1","keep-alive":"2","upgrade":"h2c","transfer-encoding":"chunked","te":"x","trailer":"x","proxy-authenticate":"x"}}`, 200, "-Connection\n-X-Hop\n-Keep-Alive\n-Upgrade\n-Transfer-Encoding\n-Te\n-Trailer\n-Proxy-Authenticate", ""},
	{"unknown fields", gatewayLike, "auto", `{"statusCode":200,"statusDescription":"200 OK","extra":{"a":1},"body":"b"}`, 200, "", "b"},
	{"known fields and their names in another case", gatewayLike, "auto", `{"StatusCode":500,"statusCode":200,"STATUSCODE":501,"body":"b","BODY":"c","Headers":{"x-a":"1"},"IsBase64encoded":true,"Cookies":["d=1"]}`, 200, "-X-A\n-Set-Cookie", "b"},
	{"a header without a value", gatewayLike, "auto", `{"statusCode":200,"headers":{"x-a":"","x-b":"1"},"body":"b"}`, 200, "X-A: \nX-B: 1", "b"},
	{"a status with a fraction of 0", gatewayLike, "auto", `{"statusCode":200.0,"body":"b"}`, 200, "", "b"},
	{"a status with an exponent", gatewayLike, "auto", `{"statusCode":2e2,"body":"b"}`, 200, "", "b"},
	{"Base64 with null for the body", gatewayLike, "auto", `{"statusCode":200,"body":null,"isBase64Encoded":true}`, 200, "Content-Length: 0", ""},
	{"Base64 without a body", gatewayLike, "auto", `{"statusCode":200,"isBase64Encoded":true}`, 200, "Content-Length: 0", ""},
	{"no cookies beside one in headers", gatewayLike, "auto", `{"statusCode":200,"headers":{"set-cookie":"a=1"},"cookies":[]}`, 200, "Set-Cookie: a=1", ""},
	{"an empty cookie", gatewayLike, "auto", `{"statusCode":200,"cookies":["","a=1"]}`, 200, "Set-Cookie:  | a=1", ""},
	{"the same cookie twice", gatewayLike, "auto", `{"statusCode":200,"cookies":["a=1","a=1"]}`, 200, "Set-Cookie: a=1 | a=1", ""},
	{"of fields given twice the last counts", gatewayLike, "auto", `{"statusCode":"x","body":5,"headers":["a"],"cookies":"c","isBase64Encoded":"x","statusCode":201,"body":"b","headers":{"x-a":"1"},"cookies":["a=1"],"isBase64Encoded":false}`, 201, "X-A: 1\nSet-Cookie: a=1", "b"},
	{"headers given twice are not merged", gatewayLike, "auto", `{"statusCode":200,"headers":{"x-a":"1"},"headers":{"x-b":"2"},"multiValueHeaders":{"x-c":["3"]},"multiValueHeaders":{"x-d":["4"]}}`, 200, "-X-A\nX-B: 2\n-X-C\nX-D: 4", ""},
	{"null after a value", gatewayLike, "auto", `{"statusCode":200,"body":"b","headers":{"x-a":"1"},"cookies":["a=1"],"isBase64Encoded":true,"body":null,"headers":null,"cookies":null,"isBase64Encoded":null}`, 200, "-X-A\n-Set-Cookie", ""},
	{"statusDescription does not reach the client", gatewayLike, "auto", `{"statusCode":200,"statusDescription":"200 OK\r\nX-Evil: 1"}`, 200, "-X-Evil", ""},

	{"no content type", "http-api-v1 http-api-v2", "auto", `{"statusCode":200,"body":"b"}`, 200, "Content-Type: text/plain; charset=utf-8", "b"},
	{"no content type", "rest-api function-url vmod", "auto", `{"statusCode":200,"body":"b"}`, 200, "Content-Type: application/json", "b"},
	{"no content type", "alb alb-multi-value", "auto", `{"statusCode":200,"body":"b"}`, 200, "Content-Type: application/octet-stream", "b"},
	{"no content type", "http-api-v1 http-api-v2", "strict", `{"statusCode":200,"body":"b"}`, 200, "Content-Type: text/plain; charset=utf-8", "b"},
	{"no content type", "rest-api function-url", "strict", `{"statusCode":200,"body":"b"}`, 200, "Content-Type: application/json", "b"},

	{"no statusCode: the payload is the body", inferring, "auto", `{"a": 1}`, 200, "Content-Type: application/json", `{"a": 1}`},
	{"statusCode in another case is ignored", inferring, "auto", `{"StatusCode":500}`, 200, "", `{"StatusCode":500}`},
	{"statusCode in another case is ignored", "http-api-v1 rest-api", "auto", `{"StatusCode":200}`, 502, "", badGateway},
	{"a JSON string: its text", inferring, "auto", `"a \"b\""`, 200, "Content-Type: application/json", `a "b"`},
	{"null", inferring, "auto", `null`, 200, "Content-Type: application/json", `null`},
	{"a list", inferring, "auto", `[1]`, 200, "", `[1]`},
	{"not JSON", inferring, "auto", `<p>`, 200, "Content-Type: application/json", `<p>`},
	{"an empty payload", inferring, "auto", ``, 200, "", ``},
	{"null for statusCode: the payload is the body", inferring, "auto", `{"statusCode":null}`, 200, "Content-Type: application/json", `{"statusCode":null}`},
	{"null after a statusCode: the payload is the body", inferring, "auto", `{"statusCode":404,"statusCode":null}`, 200, "", `{"statusCode":404,"statusCode":null}`},
	{"null after a statusCode", "http-api-v1 rest-api", "auto", `{"statusCode":200,"statusCode":null}`, 502, "", badGateway},
	{"no statusCode", "http-api-v1 rest-api", "auto", `{"body":"b"}`, 502, "Content-Type: application/json", badGateway},
	{"null", "http-api-v1 rest-api", "auto", `null`, 502, "", badGateway},
	{"a JSON string", "http-api-v1 rest-api", "auto", `"hi"`, 502, "", badGateway},
	{"not JSON", "http-api-v1 rest-api", "auto", `<p>`, 502, "", badGateway},
	{"an empty payload", "http-api-v1 rest-api", "auto", ``, 502, "", badGateway},
	{"no statusCode", "alb alb-multi-value", "auto", `{"body":"b"}`, 502, "Content-Type: text/html", badALB},
	{"no statusCode", "vmod", "auto", `{"body":"b"}`, 502, "Content-Type: text/plain; charset=utf-8", "Bad Gateway"},
	{"a fractional status", "function-url", "auto", `{"statusCode":200.5}`, 502, "Content-Type: application/json", `{"Message":"Bad Gateway"}`},

	{"status 0", gatewayProxy, "auto", `{"statusCode":0}`, 502, "", badGateway},
	{"status 99", gatewayProxy, "auto", `{"statusCode":99}`, 502, "", badGateway},
	{"status 101", gatewayProxy, "auto", `{"statusCode":101}`, 502, "", badGateway},
	{"status 103", gatewayProxy, "auto", `{"statusCode":103,"body":"b"}`, 502, "", badGateway},
	{"status 600", gatewayProxy, "auto", `{"statusCode":600}`, 502, "", badGateway},
	{"status 200.5", gatewayProxy, "auto", `{"statusCode":200.5}`, 502, "", badGateway},
	{"a huge status", gatewayProxy, "auto", `{"statusCode":1e300}`, 502, "", badGateway},
	{"a status in words", gatewayProxy, "auto", `{"statusCode":"abc"}`, 502, "", badGateway},
	{"a status that is true", gatewayProxy, "auto", `{"statusCode":true}`, 502, "", badGateway},
	{"a status in a list", gatewayProxy, "auto", `{"statusCode":[200]}`, 502, "", badGateway},
	{"headers in a list", gatewayProxy, "auto", `{"statusCode":200,"headers":["a"],"body":"b"}`, 502, "", badGateway},
	{"multiValueHeaders in a string", gatewayProxy, "auto", `{"statusCode":200,"multiValueHeaders":"a"}`, 502, "", badGateway},
	{"an object for a header", gatewayProxy, "auto", `{"statusCode":200,"headers":{"x":{"y":1}}}`, 502, "", badGateway},
	{"cookies in a string", gatewayProxy, "auto", `{"statusCode":200,"cookies":"a=1"}`, 502, "", badGateway},
	{"null in cookies", gatewayProxy, "auto", `{"statusCode":200,"cookies":["a=1",null]}`, 502, "", badGateway},
	{"null in place of an earlier cookie", gatewayProxy, "auto", `{"statusCode":200,"cookies":["a=1"],"cookies":[null]}`, 502, "", badGateway},
	{"a number in cookies", gatewayProxy, "auto", `{"statusCode":200,"cookies":[1]}`, 502, "", badGateway},
	{"a body that is a number", gatewayProxy, "auto", `{"statusCode":200,"body":5}`, 502, "", badGateway},
	{"a body that is an object", gatewayProxy, "auto", `{"statusCode":200,"body":{"a":1}}`, 502, "", badGateway},
	{"isBase64Encoded in a string", gatewayProxy, "auto", `{"statusCode":200,"body":"YQ==","isBase64Encoded":"true"}`, 502, "", badGateway},
	{"Base64 that is broken", gatewayProxy, "auto", `{"statusCode":200,"body":"YQ=","isBase64Encoded":true}`, 502, "", badGateway},
	{"CRLF in a header's value", gatewayProxy, "auto", `{"statusCode":200,"headers":{"x-a":"1\r\nX-Evil: 1"}}`, 502, "-X-Evil", badGateway},
	{"CRLF in a header's name", gatewayProxy, "auto", `{"statusCode":200,"headers":{"x-a: 1\r\nx-evil":"1"}}`, 502, "-X-Evil", badGateway},
	{"a header without a name", gatewayProxy, "auto", `{"statusCode":200,"headers":{"":"1"}}`, 502, "", badGateway},
	{"NUL in a cookie", gatewayProxy, "auto", `{"statusCode":200,"cookies":["a=\u0000"]}`, 502, "", badGateway},
	{"a reply cut short", gatewayProxy, "auto", `{"statusCode":200,"body":"tr`, 502, "", badGateway},
	{"a byte order mark", gatewayProxy, "auto", "\ufeff" + `{"statusCode":200}`, 502, "", badGateway},
	{"10,000 levels of JSON", gatewayProxy, "auto", `{"statusCode":200,"x":` + strings.Repeat("[", 10001) + strings.Repeat("]", 10001) + `}`, 502, "", badGateway},
	{"two documents", gatewayProxy, "auto", `{"statusCode":200}{"statusCode":200}`, 502, "", badGateway},

	{"strict: no statusCode", "rest-api", "strict", `{"body":"b"}`, 502, "Content-Type: application/json", badREST},
	{"strict: a status as a string", "rest-api", "strict", `{"statusCode":"200"}`, 502, "", badREST},
	{"strict: status 0", "rest-api", "strict", `{"statusCode":0}`, 502, "", badREST},
	{"strict: status 200.5", "rest-api", "strict", `{"statusCode":200.5}`, 502, "", badREST},
	{"strict: not JSON", "rest-api", "strict", `<p>`, 502, "Content-Type: application/json", `{"message":"Internal server error"}`},
	{"strict: JSON, not an object", "rest-api", "strict", `[]`, 502, "", badREST},
	{"strict: an unknown field", "rest-api", "strict", `{"statusCode":200,"cookies":[]}`, 502, "", badREST},
	{"strict: a header that is a number", "rest-api", "strict", `{"statusCode":200,"headers":{"x":1}}`, 502, "", badREST},
	{"strict: a multi-value header that is a string", "rest-api", "strict", `{"statusCode":200,"multiValueHeaders":{"x":"1"}}`, 502, "", badREST},
	{"strict: multi values first, then the single one", "rest-api", "strict", `{"statusCode":200,"headers":{"X-A":"s"},"multiValueHeaders":{"x-a":["m1","m2"]}}`, 200, "X-A: m1 | m2 | s", ""},
	{"strict: the single one first, then multi values", "http-api-v1", "strict", `{"statusCode":200,"headers":{"X-A":"s"},"multiValueHeaders":{"x-a":["m1","m2"]}}`, 200, "X-A: s | m1 | m2", ""},
	{"strict: values of two headers stay apart", "rest-api alb-multi-value", "strict", `{"statusCode":200,"multiValueHeaders":{"x-a":["1","2"],"x-b":["3"]}}`, 200, "X-A: 1 | 2\nX-B: 3", ""},
	{"strict: multi values are ignored", "http-api-v2 function-url alb", "strict", `{"statusCode":200,"headers":{"X-A":"s"},"multiValueHeaders":{"x-a":["m1"]}}`, 200, "X-A: s", ""},
	{"strict: only multi values", "alb-multi-value", "strict", `{"statusCode":200,"headers":{"X-A":"s"},"multiValueHeaders":{"x-a":["m1","m2"]}}`, 200, "X-A: m1 | m2", ""},
	{"strict: no statusCode", "http-api-v1", "strict", `{"body":"b"}`, 500, "Content-Type: application/json", badHTTPAPI},
	{"strict: not JSON", "http-api-v1", "strict", `<p>`, 500, "", badHTTPAPI},
	{"strict: the field cookies is unknown", "http-api-v1", "strict", `{"statusCode":200,"cookies":["a=1"]}`, 200, "-Set-Cookie", ""},
	{"strict: no statusCode", "http-api-v2 function-url", "strict", `{"body":"b"}`, 200, "Content-Type: application/json", `{"body":"b"}`},
	{"strict: a reply cut short is the body", "http-api-v2 function-url", "strict", `{"statusCode":2`, 200, "", `{"statusCode":2`},
	{"strict: a JSON string", "http-api-v2 function-url", "strict", `"hi"`, 200, "", `hi`},
	{"strict: status 0", "http-api-v1 http-api-v2", "strict", `{"statusCode":0}`, 500, "", badHTTPAPI},
	{"strict: cookies", "http-api-v2 function-url", "strict", `{"statusCode":200,"cookies":["a=1","b=2"]}`, 200, "Set-Cookie: a=1 | b=2", ""},
	{"strict: status 0", "function-url", "strict", `{"statusCode":0}`, 502, "Content-Type: application/json", "Internal Server Error"},
	{"strict: no statusCode", "alb alb-multi-value", "strict", `{"body":"b"}`, 502, "Content-Type: text/html", badALB},
	{"strict: not JSON", "alb alb-multi-value", "strict", `<p>`, 502, "", badALB},
	{"strict: no effect on other products' formats", "vmod", "strict", `{"statusCode":"200","body":"b"}`, 200, "", "b"},

	{"raw: the payload", gatewayLike, "raw", `{"statusCode":404}`, 200, "Content-Type: application/json", `{"statusCode":404}`},
	{"raw: the text of a JSON string", gatewayLike, "raw", `"<p>\u00e4</p>"`, 200, "Content-Type: application/json", `<p>ä</p>`},
	{"raw: a string cut short", gatewayLike, "raw", `"<p>`, 200, "", `"<p>`},
	{"raw: an empty payload", gatewayLike, "raw", ``, 200, "Content-Length: 0", ``},

	{"http: a response", gatewayLike, "http", "HTTP/1.1 201 Created\r\nContent-Type: text/html\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n<p>", 201, "Content-Type: text/html\nSet-Cookie: a=1 | b=2", "<p>"},
	{"http: lines that end with LF only", "vmod", "http", "HTTP/1.1 200 OK\nX-A: 1\n\nbody\r\n\r\nmore", 200, "X-A: 1", "body\r\n\r\nmore"},
	{"http: an empty line in the body", "vmod", "http", "HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\nbody\n\nmore", 200, "X-A: 1", "body\n\nmore"},
	{"http: in chunks", "vmod", "http", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 200, "-Transfer-Encoding\nContent-Length: 5", "abcde"},
	{"http: in a JSON string", "vmod", "http", `"HTTP/1.1 200 OK\r\n\r\nbody"`, 200, "", "body"},
	{"http: no reason phrase", "vmod", "http", "HTTP/1.1 200\r\n\r\nbody", 200, "", "body"},
	{"http: a Content-Length that is too small", "vmod", "http", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nfour", 200, "Content-Length: 4", "four"},
	{"http: a Content-Length that is too large", "vmod", "http", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfour", 502, "", "Bad Gateway"},
	{"http: a Content-Length in words", "vmod", "http", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nfour", 502, "", "Bad Gateway"},
	{"http: chunks cut short", "vmod", "http", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", 502, "", "Bad Gateway"},
	{"http: hop-by-hop headers", "vmod", "http", "HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 1\r\n\r\n", 200, "-Connection\n-X-Hop\n-Keep-Alive", ""},
	{"http: NUL in a header", "vmod", "http", "HTTP/1.1 200 OK\r\nX-A: a\x00b\r\n\r\n", 502, "", "Bad Gateway"},
	{"http: status 101", "vmod", "http", "HTTP/1.1 101 Switching Protocols\r\n\r\n", 502, "", "Bad Gateway"},
	{"http: status 600", "vmod", "http", "HTTP/1.1 600 X\r\n\r\n", 502, "", "Bad Gateway"},
	{"http: a head cut short", "vmod", "http", "HTTP/1.1 200 OK\r\nX-A: 1\r\n", 502, "", "Bad Gateway"},
	{"http: JSON", "vmod", "http", `{"statusCode":200}`, 502, "", "Bad Gateway"},
	{"http: an empty payload", "vmod", "http", "", 502, "", "Bad Gateway"},

	{"httpjson: a reply", "httpjson", "auto", `{"type":"HTTPJSON-REP","meta":{"status":201,"headers":{"x-a":["1","2"],"content-type":["text/html"]}},"body":"b"}`, 201, "X-A: 1 | 2\nContent-Type: text/html", "b"},
	{"httpjson: Base64", "httpjson", "auto", `{"type":"HTTPJSON-REP","meta":{"status":200},"body":"YQBi","bodyEncoding":"base64"}`, 200, "", "a\x00b"},
	{"httpjson: no meta", "httpjson", "auto", `{"type":"HTTPJSON-REP","body":"b"}`, 200, "Content-Type: application/json", "b"},
	{"httpjson: no status", "httpjson", "auto", `{"type":"HTTPJSON-REP","meta":{},"body":"b"}`, 200, "", "b"},
	{"httpjson: a status below 0", "httpjson", "auto", `{"type":"HTTPJSON-REP","meta":{"status":-1},"body":"b"}`, 200, "", "b"},
	{"httpjson: another object is the body", "httpjson", "auto", `{"statusCode":404}`, 200, "Content-Type: application/json", `{"statusCode":404}`},
	{"httpjson: a JSON string stays quoted", "httpjson", "auto", `"hi"`, 200, "", `"hi"`},
	{"httpjson: not JSON", "httpjson", "auto", `<p>`, 200, "Content-Type: application/json", `<p>`},
	{"httpjson: status 99", "httpjson", "auto", `{"type":"HTTPJSON-REP","meta":{"status":99}}`, 502, "", "Bad Gateway"},
	{"httpjson: status 103", "httpjson", "auto", `{"type":"HTTPJSON-REP","meta":{"status":103}}`, 502, "", "Bad Gateway"},
	{"httpjson: meta in a list", "httpjson", "auto", `{"type":"HTTPJSON-REP","meta":[]}`, 502, "", "Bad Gateway"},
	{"httpjson: a reply cut short", "httpjson", "auto", `{"type":"HTTPJSON-REP","meta":`, 502, "", "Bad Gateway"},
	{"httpjson: CRLF in a value", "httpjson", "auto", `{"type":"HTTPJSON-REP","meta":{"headers":{"x":["a\r\nb"]}}}`, 502, "", "Bad Gateway"},
	{"httpjson: Base64 that is broken", "httpjson", "auto", `{"type":"HTTPJSON-REP","body":"%","bodyEncoding":"base64"}`, 502, "", "Bad Gateway"},
}

func TestRepliesBecomeTheirFrontDoorsResponses(t *testing.T) {
	payload := ""
	f := newFakeLambda(t, func(w http.ResponseWriter, _ []byte) { _, _ = w.Write([]byte(payload)) })
	for _, c := range replyCases {
		payload = c.payload
		for _, format := range strings.Fields(c.formats) {
			t.Run(format+"/"+c.response+"/"+c.name, func(t *testing.T) {
				l := formatLambda(t, format, func(config *Config) {
					config.Endpoint = f.URL
					config.ResponseFormat = c.response
				})
				resp := serve(l, httptest.NewRequest(http.MethodGet, "http://example.com/", nil))
				if body := bodyOf(t, resp); resp.StatusCode != c.status || body != c.body {
					t.Errorf("got %d %q, want %d %q", resp.StatusCode, body, c.status, c.body)
				}
				checkHeader(t, resp.Header, c.header)
			})
		}
	}
}

// checkHeader compares a header with the replyCase's.
func checkHeader(t *testing.T, header http.Header, want string) {
	t.Helper()
	for _, line := range strings.Split(want, "\n") {
		name, values, _ := strings.Cut(line, ": ")
		if absent := strings.TrimPrefix(name, "-"); absent != name {
			values = ""
			name = absent
		}
		if got := strings.Join(header[name], " | "); name != "" && got != values {
			t.Errorf("%s: got %q, want %q", name, got, values)
		}
	}
}

func TestFailuresHaveTheShapeOfTheirFrontDoor(t *testing.T) {
	f := newFakeLambda(t, func(w http.ResponseWriter, _ []byte) {
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		_, _ = w.Write([]byte(`{"errorType":"Boom"}`))
	})
	const (
		functionError = "the function fails"
		tooLarge      = "the body is too large"
		noRoute       = "no route takes the request"
	)
	for _, c := range []struct {
		failure, formats, response string
		status                     int
		body                       string
	}{
		{functionError, "http-api-v1 http-api-v2 rest-api", "auto", 502, badGateway},
		{functionError, "function-url", "auto", 502, `{"Message":"Bad Gateway"}`},
		{functionError, "alb alb-multi-value", "auto", 502, badALB},
		{functionError, "httpjson vmod raw template", "auto", 502, "Bad Gateway"},
		{functionError, "http-api-v1 http-api-v2", "strict", 500, badHTTPAPI},
		{functionError, "rest-api", "strict", 502, badREST},
		{functionError, "function-url", "strict", 502, "Internal Server Error"},
		{functionError, "alb alb-multi-value", "strict", 502, badALB},
		{tooLarge, "http-api-v1 http-api-v2 function-url", "strict", 413, `{"message":"Request Entity Too Large"}`},
		{tooLarge, "rest-api", "strict", 413, `{"message":"Request Too Long"}`},
		{tooLarge, "alb", "strict", 413, strings.ReplaceAll(badALB, "502 Bad Gateway", "413 Request Entity Too Large")},
		{tooLarge, "rest-api http-api-v2", "auto", 413, `{"message":"Request Entity Too Large"}`},
		{noRoute, "rest-api", "strict", 403, `{"message":"Missing Authentication Token"}`},
		{noRoute, "rest-api", "auto", 404, `{"message":"Not Found"}`},
		{noRoute, "http-api-v1 http-api-v2", "strict", 404, `{"message":"Not Found"}`},
	} {
		for _, format := range strings.Fields(c.formats) {
			t.Run(format+"/"+c.response+"/"+c.failure, func(t *testing.T) {
				l := formatLambda(t, format, func(config *Config) {
					config.Endpoint = f.URL
					config.ResponseFormat = c.response
					config.MaxRequestBodyBytes = 8
					if c.failure == noRoute {
						config.Function = ""
						config.Routes = []route.Config{{RouteKey: "GET /elsewhere", Function: "hello"}}
						config.Region = "eu-central-1"
					}
				})
				body := "{}"
				if c.failure == tooLarge {
					body = strings.Repeat("1", 9)
				}
				resp := serve(l, httptest.NewRequest(http.MethodPost, "http://example.com/", strings.NewReader(body)))
				if got := bodyOf(t, resp); resp.StatusCode != c.status || got != c.body {
					t.Errorf("got %d %q, want %d %q", resp.StatusCode, got, c.status, c.body)
				}
			})
		}
	}
}

func TestFunctionErrorStatusOverrulesTheFrontDoor(t *testing.T) {
	f := newFakeLambda(t, func(w http.ResponseWriter, _ []byte) { w.Header().Set("X-Amz-Function-Error", "Unhandled") })
	l := formatLambda(t, "http-api-v2", func(config *Config) {
		config.Endpoint = f.URL
		config.ResponseFormat = "strict"
		config.FunctionErrorStatus = 503
	})
	if resp := serve(l, getRequest("http://example.com/")); resp.StatusCode != 503 {
		t.Errorf("got %d, want 503", resp.StatusCode)
	}
}

func TestRawRepliesHaveTheContentTypeOfTheOption(t *testing.T) {
	f := newFakeLambda(t, replies(`"<p>"`))
	l := formatLambda(t, "raw", func(config *Config) {
		config.Endpoint = f.URL
		config.ResponseFormat = "raw"
		config.ContentType = "text/html; charset=utf-8"
	})
	resp := serve(l, getRequest("http://example.com/"))
	if body := bodyOf(t, resp); body != "<p>" || resp.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("got %q %q, want <p> as text/html", body, resp.Header.Get("Content-Type"))
	}
}

// manyHeaders returns a reply with this number of header lines, each of size bytes.
func manyHeaders(field string, lines, size int, separator string) string {
	values := make([]string, 0, lines)
	for i := 0; i < lines; i++ {
		value := `"` + strconv.Itoa(i) + strings.Repeat("x", size) + `"`
		if separator == ":" {
			value = `"x-` + strconv.Itoa(i) + `":` + value
		}
		values = append(values, value)
	}
	return `"` + field + `":` + string("[{"[strings.Index(",:", separator)]) + strings.Join(values, ",") + string("]}"[strings.Index(",:", separator)])
}

func TestReplyHeadersAreLimited(t *testing.T) {
	cookies := manyHeaders("cookies", 8000, 10, ",")
	for name, row := range map[string]struct {
		fields string
		status int
	}{
		"50,000 headers":                          {manyHeaders("headers", 50_000, 1, ":"), 502},
		"1,001 headers":                           {manyHeaders("headers", 1001, 1, ":"), 502},
		"1,000 headers":                           {manyHeaders("headers", 1000, 1, ":"), 200},
		"40 headers of over 1 MB":                 {manyHeaders("headers", 40, 30_000, ":"), 502},
		"200 headers of over 1 MB":                {manyHeaders("headers", 200, 6_000, ":"), 502},
		"200 headers of under 1 MB":               {manyHeaders("headers", 200, 5_000, ":"), 200},
		"1,001 cookies":                           {manyHeaders("cookies", 1001, 1, ","), 502},
		"8,000 cookies in both fields":            {cookies + `,"multiValueHeaders":{"set-cookie":` + strings.TrimPrefix(cookies, `"cookies":`) + `}`, 502},
		"a Connection that names 500,000 headers": {`"headers":{"connection":"` + strings.Repeat("a,", 500_000) + `"}`, 502},
	} {
		for _, format := range []string{"http-api-v2", "rest-api"} {
			t.Run(name+", "+format, func(t *testing.T) {
				discardLog(t)
				f := newFakeLambda(t, replies(`{"statusCode":200,"body":"hi",`+row.fields+`}`))
				config := testConfig(f)
				config.EventFormat = format
				for way, l := range bothWays(t, config) {
					start := time.Now()
					if got := get(l).StatusCode; got != row.status {
						t.Errorf("%s: got %d, want %d", way, got, row.status)
					}
					if took := time.Since(start); took > 20*time.Second {
						t.Errorf("%s: got a reply after %v, want it within 20s", way, took)
					}
				}
			})
		}
	}
}

func TestNumbersOutsideFloat64AreRefused(t *testing.T) {
	for payload, status := range map[string]int{
		`{"statusCode":1e400,"body":"b"}`:                       502,
		`{"statusCode":200,"headers":{"x-n":1e400},"body":"b"}`: 502,
		`{"statusCode":200,"body":"b","other":1e400}`:           200,
		`{"n":1e400}`: 200, // the payload is the body itself
		`1e400`:       200,
	} {
		discardLog(t)
		f := newFakeLambda(t, replies(payload))
		config := testConfig(f)
		for way, l := range bothWays(t, config) {
			if got := get(l).StatusCode; got != status {
				t.Errorf("%s, %s: got %d, want %d", payload, way, got, status)
			}
		}
	}
	l := formatLambda(t, "http-api-v2", func(c *Config) { c.ResponseFormat = responseStrict })
	if err := decodeReply(l, []byte(`{"statusCode":1e400}`), newReply(http.Header{}, http.MethodGet)); err == nil {
		t.Error("strict: got no error, want one")
	}
}

// decodeTheLongWay is decodeObject without its short ways.
func decodeTheLongWay(settings *replySettings, payload []byte, reply *reply) error {
	object := &proxyReply{}
	err := json.Unmarshal(payload, object)
	if object.StatusCode == nil && settings.bare {
		return decodeBare(payload, err, reply)
	}
	if err != nil {
		return notJSON(err)
	}
	status, err := replyStatus(object.StatusCode)
	if err != nil {
		return err
	}
	body, err := replyBody(object.Body, object.IsBase64Encoded)
	if err != nil {
		return err
	}
	err = addAllHeaders(reply.header, object)
	completeReply(reply, status, body, settings.contentType)
	return err
}

// checkShortWays compares what decodeObject makes of a payload with what it makes of it the long way.
func checkShortWays(t *testing.T, payload []byte) {
	t.Helper()
	for _, bare := range []bool{false, true} {
		settings := &replySettings{bare: bare, contentType: "text/plain"}
		got := newReply(http.Header{}, http.MethodGet)
		want := newReply(http.Header{}, http.MethodGet)
		gotErr := decodeObject(settings, append([]byte(nil), payload...), got) // which may write to it
		wantErr := decodeTheLongWay(settings, payload, want)
		if fmt.Sprint(gotErr) != fmt.Sprint(wantErr) {
			t.Errorf("%.300q: got error %v, want %v", payload, gotErr, wantErr)
		}
		if gotErr != nil || wantErr != nil {
			continue
		}
		if got.status != want.status || string(got.body) != string(want.body) || !reflect.DeepEqual(got.header, want.header) {
			t.Errorf("%.300q: got %d %v %.300q, want %d %v %.300q", payload,
				got.status, got.header, got.body, want.status, want.header, want.body)
		}
	}
}

func TestShortWaysDecodeAsTheLongOne(t *testing.T) {
	large := strings.Repeat("QUJD", decodedPiece/4) // "ABC"
	for _, body := range []string{
		large, large + large, large + "QQ==", large + large + "QUI=", large[:len(large)-4] + "QQ==",
		large[:len(large)-4] + "QQ==" + large, large + large[:len(large)-4] + "QUI=" + "QUJD", large + "QUI=QUJD",
		large + "Q", large + "%", "%" + large, large + large + "QUJ%" + large, large + "QQ", large + "QQ=", large + "QR==",
		large + "Q=Q=", large[:len(large)-1], large[:len(large)-1] + "=", large[:len(large)-2] + "==" + "QUJD",
	} {
		checkShortWays(t, []byte(`{"statusCode":200,"body":"`+body+`","isBase64Encoded":true}`))
		checkShortWays(t, []byte(`{"body":"`+body+`","isBase64Encoded":true}`))
	}
	for _, c := range replyCases {
		checkShortWays(t, []byte(c.payload))
	}
	for _, row := range allocationReplies {
		checkShortWays(t, []byte(row.payload))
	}
}

// What the short way takes, it has to take as the long one does.
func TestPlainHeadersAreThoseOfTheLongWay(t *testing.T) {
	for name, tc := range map[string]struct {
		reply string
		plain bool
	}{
		"strings":                           {`{"headers":{"x-a":"1","Content-Type":"text/plain"}}`, true},
		"numbers, true, false and null":     {`{"headers":{"x-a":5,"x-b":-2.50,"x-c":1e21,"x-d":true,"x-e":false,"x-f":null}}`, true},
		"null alone":                        {`{"headers":{"x-a":null}}`, true},
		"null, and a name that is no token": {`{"headers":{"x a":null,"x-b":"1"}}`, true},
		"null for a name in another case":   {`{"headers":{"x-a":null,"X-A":1}}`, true},
		"names that differ in case alone":   {`{"headers":{"x-a":1,"X-A":2}}`, false},
		"the same beside null":              {`{"headers":{"x-a":1,"X-A":2,"x-b":null}}`, false},
		"a list":                            {`{"headers":{"x-a":["1","2"],"x-b":1}}`, false},
		"an object":                         {`{"headers":{"x-a":{}}}`, false},
		"null and a list of values":         {`{"headers":{"x-a":null},"multiValueHeaders":{"x-a":["1"]}}`, true},
		"a number and a list of values":     {`{"headers":{"x-a":1},"multiValueHeaders":{"x-a":["1"]}}`, false},
		"an empty list of values":           {`{"multiValueHeaders":{"x-a":[]}}`, false},
		"a string in place of a list":       {`{"multiValueHeaders":{"x-a":"1"}}`, false},
		"a control character in a list":     {`{"multiValueHeaders":{"x-a":["1","\u0007"]}}`, false},
		"cookies":                           {`{"headers":{"x-a":"1"},"cookies":["a=1","b=2",""]}`, true},
		"no cookies":                        {`{"headers":{"set-cookie":"a=1"},"cookies":[]}`, true},
		"cookies in two places":             {`{"headers":{"set-cookie":"a=1"},"cookies":["b=2"]}`, false},
		"cookies, one of them null":         {`{"cookies":["a=1",null]}`, false},
		"a control character in a cookie":   {`{"cookies":["a=\u007f"]}`, false},
	} {
		object := &proxyReply{}
		if err := unmarshalReply([]byte(tc.reply), object); err != nil {
			t.Fatal(err)
		}
		got := http.Header{}
		if plain := addPlainHeaders(got, object); plain != tc.plain {
			t.Errorf("%s: got %v from the short way, want %v", name, plain, tc.plain)
		}
		want := http.Header{}
		if err := addAllHeaders(want, object); tc.plain && (err != nil || !reflect.DeepEqual(got, want)) {
			t.Errorf("%s: got %v, want %v as the long way has it, %v", name, got, want, err)
		}
	}
}
