package lambda

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/seed05e46011/lambda/internal/credentials"
)

// formatLambda returns a handler with an event format. set changes its options and may be nil.
func formatLambda(tb testing.TB, format string, set func(*Config)) *Lambda {
	tb.Helper()
	config := CreateConfig()
	config.Function = "arn:aws:lambda:eu-central-1:123456789012:function:hello"
	config.Credentials = &credentials.Config{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}
	config.EventFormat = format
	if format == "template" {
		config.Template = `{"do": {{ json .Method }}, "on": {{ json .Path }}, "by": {{ json .ClientIP }}, "repeat": {{ json (index .Query "repeat") }},
			"redirect": {{ .Query.Get "redirect" | json }}, "probe": {{ .Header.Get "X-Probe" | json }}, "theme": {{ json .Cookies.theme }}, "body": {{ with .Body }}{{ . }}{{ else }}null{{ end }}}`
	}
	if set != nil {
		set(config)
	}
	l, err := newLambda(http.NotFoundHandler(), config, "lambda@test")
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

// eventOf returns the event for a request.
func eventOf(tb testing.TB, l *Lambda, r *http.Request) []byte {
	tb.Helper()
	req := newRequest(l, r)
	req.millis = time.Date(2026, time.July, 10, 19, 19, 5, 123e6, time.UTC).UnixMilli()
	req.second = newSecond(req.millis / 1000)
	req.traceID = "Root=1-" + req.second.traceTime + req.traceID[len("Root=1-00000000"):]
	if err := readBody(r.Context(), l, req, &worker{}); err != nil {
		tb.Fatal(err)
	}
	if err := encodeEvent(l, req); err != nil {
		tb.Fatal(err)
	}
	return req.event
}

// decoded returns an event as a map.
func decoded(tb testing.TB, event []byte) map[string]any {
	tb.Helper()
	var object map[string]any
	if err := json.Unmarshal(event, &object); err != nil {
		tb.Fatalf("%v: %s", err, event)
	}
	return object
}

// at returns the value at a path of keys in an event, as JSON; "absent" if there is none.
func at(object map[string]any, path string) string {
	keys := strings.Split(path, " ")
	for _, key := range keys[:len(keys)-1] {
		inner, ok := object[key].(map[string]any)
		if !ok {
			return "absent"
		}
		object = inner
	}
	value, ok := object[keys[len(keys)-1]]
	if !ok {
		return "absent"
	}
	text, _ := marshal(value)
	return string(text)
}

// awkwardRequest is a request with parts that each front door treats differently.
func awkwardRequest() *http.Request {
	r := httptest.NewRequest(http.MethodPost,
		"http://example.com:8080/capture/space%20value/a%2Fb?repeat=one&repeat=two&redirect=https%3A%2F%2Fexample.com%2Fa%2Fb&literalPlus=a+b&encodedPlus=a%2Bb&empty=",
		strings.NewReader(`{"text":"ä <&>"}`))
	r.RemoteAddr = "203.0.113.7:50000"
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Content-Length", "17")
	r.Header.Set("Cookie", "session=abc123; theme=dark")
	r.Header.Set("User-Agent", "probe/1.0")
	r.Header["X-Probe"] = []string{"first", "second"}
	return r
}

// identifiers match the random values in an event, by their shapes.
var identifiers = []struct {
	pattern *regexp.Regexp
	kind    string
}{
	{regexp.MustCompile(`"Root=1-6a5145a9-[0-9a-f]{24}"`), `"(trace id)"`},
	{regexp.MustCompile(`"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"`), `"(UUID)"`},
	{regexp.MustCompile(`"[A-Za-z0-9_-]{15}="`), `"(16 characters of Base64)"`},
}

func TestEventsEqualTheFrontDoorsByteForByte(t *testing.T) {
	for _, format := range eventFormatNames() {
		t.Run(format, func(t *testing.T) {
			var indented bytes.Buffer
			l := formatLambda(t, format, nil)
			if err := json.Indent(&indented, eventOf(t, l, awkwardRequest()), "", "  "); err != nil {
				t.Fatal(err)
			}
			got := indented.String() + "\n"
			for _, id := range identifiers {
				got = id.pattern.ReplaceAllString(got, id.kind)
			}
			want, err := os.ReadFile(filepath.Join("testdata", "event-"+format+".json"))
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got %s\nwant %s", got, want)
			}
		})
	}
}

// eventCase is one field in the events of some formats.
type eventCase struct {
	name    string
	formats string // separated by blanks
	field   string // keys separated by blanks; "" for the whole event
	want    string // JSON, or "absent"
}

const (
	version1   = "rest-api http-api-v1"
	version2   = "http-api-v2 function-url"
	balancer   = "alb alb-multi-value"
	lowerMaps  = "http-api-v2 function-url alb vmod"
	emptyBody  = "alb alb-multi-value httpjson vmod"
	everything = version1 + " " + version2 + " " + balancer + " httpjson vmod"
)

func getRequest(url string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, url, nil)
	r.RemoteAddr = "203.0.113.7:50000"
	return r
}

func checkEvents(t *testing.T, r func() *http.Request, set func(*Config), cases []eventCase) {
	t.Helper()
	for _, c := range cases {
		for _, format := range strings.Fields(c.formats) {
			t.Run(format+"/"+c.name, func(t *testing.T) {
				event := eventOf(t, formatLambda(t, format, set), r())
				got := string(event)
				if c.field != "" {
					got = at(decoded(t, event), c.field)
				}
				if got != c.want {
					t.Errorf("%s: got %s, want %s", c.field, got, c.want)
				}
			})
		}
	}
}

func TestEventsOfAMinimalRequest(t *testing.T) {
	request := func() *http.Request { return getRequest("http://example.com/") }
	checkEvents(t, request, nil, []eventCase{
		{"no body is null", version1, "body", "null"},
		{"without a body the key is absent", version2, "body", "absent"},
		{"no body is the empty string", emptyBody, "body", `""`},
		{"no body is not Base64", version1 + " " + version2 + " " + balancer + " vmod", "isBase64Encoded", "false"},
		{"no query is null", version1, "queryStringParameters", "null"},
		{"no query is null in both maps", version1, "multiValueQueryStringParameters", "null"},
		{"without a query the key is absent", version2, "queryStringParameters", "absent"},
		{"no query is an empty map", "alb vmod", "queryStringParameters", "{}"},
		{"no query is an empty map", "alb-multi-value", "multiValueQueryStringParameters", "{}"},
		{"no query is the empty string", version2, "rawQueryString", `""`},
		{"one kind of map only", "alb", "multiValueHeaders", "absent"},
		{"one kind of map only", "alb-multi-value", "headers", "absent"},
		{"without cookies the key is absent", version2, "cookies", "absent"},
		{"no path parameters are null", version1, "pathParameters", "null"},
		{"without path parameters the key is absent", version2, "pathParameters", "absent"},
		{"no stage variables are null", version1, "stageVariables", "null"},
		{"without stage variables the key is absent", version2, "stageVariables", "absent"},
		{"no User-Agent is the empty string", version2, "requestContext http userAgent", `""`},
		{"no User-Agent is null", version1, "requestContext identity userAgent", "null"},
		{"the root is its own resource", "rest-api", "resource", `"/"`},
		{"without an authorizer the key is absent", version1 + " " + version2, "requestContext authorizer", "absent"},
		{"an empty request is an empty object", "raw", "", "{}"},
		{"the host is among the headers", lowerMaps, "headers host", `"example.com"`},
		{"the host is among the headers", version1, "headers Host", `"example.com"`},
	})
}

func TestEventsCarryBodiesByTheRuleOfTheirFrontDoor(t *testing.T) {
	post := func(contentType, encoding, body string) func() *http.Request {
		return func() *http.Request {
			r := httptest.NewRequest(http.MethodPost, "http://example.com/", strings.NewReader(body))
			if contentType != "" {
				r.Header.Set("Content-Type", contentType)
			}
			if encoding != "" {
				r.Header.Set("Content-Encoding", encoding)
			}
			return r
		}
	}
	const text, encoded = `"a+b"`, `"YSti"`
	for _, c := range []struct{ contentType, encoding, asText, asBase64 string }{
		{"text/plain", "", "rest-api http-api-v1 http-api-v2 function-url alb alb-multi-value vmod", ""},
		{"Text/HTML; charset=ISO-8859-1", "", "rest-api http-api-v1 http-api-v2 function-url alb vmod", ""},
		{"application/json;charset=utf-8", "", "rest-api http-api-v1 http-api-v2 function-url alb vmod", ""},
		{"application/javascript", "", "rest-api http-api-v2 alb vmod", ""},
		{"application/xml", "", "rest-api http-api-v2 alb vmod", ""},
		{"application/problem+json", "", "rest-api http-api-v2 function-url http-api-v1", "alb alb-multi-value vmod"},
		{"image/svg+xml", "", "rest-api http-api-v2 function-url", "alb vmod"},
		{"application/x-www-form-urlencoded", "", "rest-api http-api-v1 http-api-v2 function-url vmod", "alb alb-multi-value"},
		{"application/octet-stream", "", "rest-api", "http-api-v1 http-api-v2 function-url alb alb-multi-value vmod"},
		{"", "", "rest-api", "http-api-v1 http-api-v2 function-url alb alb-multi-value vmod"},
		{"text/plain", "gzip", "rest-api http-api-v1 http-api-v2 function-url vmod", "alb alb-multi-value"},
	} {
		checkEvents(t, post(c.contentType, c.encoding, "a+b"), nil, []eventCase{
			{c.contentType + " is text", c.asText, "body", text},
			{c.contentType + " is not Base64", c.asText, "isBase64Encoded", "false"},
			{c.contentType + " is binary", c.asBase64, "body", encoded},
			{c.contentType + " is Base64", c.asBase64, "isBase64Encoded", "true"},
		})
	}
	checkEvents(t, post("text/plain", "", "\xff\x00"), nil, []eventCase{
		{"a body that is not UTF-8 is never text", everything, "body", `"/wA="`},
		{"a body that is not UTF-8 is Base64", "httpjson", "bodyEncoding", `"base64"`},
		{"a body that is not UTF-8 is a JSON string of its Base64", "raw", "", `"/wA="`},
	})
	checkEvents(t, post("image/png", "", "a+b"), func(c *Config) { c.BinaryMediaTypes = []string{" Image/* "} }, []eventCase{
		{"image/* in binaryMediaTypes", "rest-api httpjson", "body", encoded},
	})
	checkEvents(t, post("text/plain", "", "a+b"), func(c *Config) { c.BinaryMediaTypes = []string{"image/*", "text/x"} }, []eventCase{
		{"text/plain, not in binaryMediaTypes", everything, "body", text},
	})
	checkEvents(t, post("", "", "a+b"), func(c *Config) { c.BinaryMediaTypes = []string{"*/*"} }, []eventCase{
		{"*/* in binaryMediaTypes", everything, "body", encoded},
	})
	checkEvents(t, post("text/plain", "", "not JSON"), nil, []eventCase{{"text goes as a JSON string", "raw", "", `"not JSON"`}})
	checkEvents(t, post("application/json", "", ` {"a": [1]} `), nil, []eventCase{{"JSON goes as it is", "raw", "", ` {"a": [1]} `}})
}

func TestEventsNeverLoseWhatIsNotUTF8(t *testing.T) {
	request := func() *http.Request {
		r := getRequest("http://example.com/a%FFb?q=%FF&ok=%C3%A4&bad=%zz&semi=1;2")
		r.Header.Set("X-Latin", "caf\xe9")
		return r
	}
	checkEvents(t, request, nil, []eventCase{
		{"a path stays escaped", version1 + " " + balancer + " vmod", "path", `"/a%FFb"`},
		{"a path stays escaped in formats that decode paths", version2, "rawPath", `"/a%FFb"`},
		{"a path stays escaped in formats that decode paths", version2, "requestContext http path", `"/a%FFb"`},
		{"a path stays escaped in formats that decode paths", "httpjson", "meta path", `"/a%FFb"`},
		{"a header is read as ISO 8859-1", lowerMaps, "headers x-latin", `"café"`},
		{"a header is read as ISO 8859-1", version1, "headers X-Latin", `"café"`},
		{"a query value stays escaped", version1 + " " + version2 + " vmod", "queryStringParameters q", `"%FF"`},
		{"a broken escape stays as it is", version1 + " " + version2 + " vmod", "queryStringParameters bad", `"%zz"`},
		{"a semicolon is not a separator", version1 + " " + version2 + " vmod", "queryStringParameters semi", `"1;2"`},
		{"a raw query stays as sent", version2, "rawQueryString", `"q=%FF&ok=%C3%A4&bad=%zz&semi=1;2"`},
		{"ALB does not decode the query", "alb", "queryStringParameters", `{"bad":"%zz","ok":"%C3%A4","q":"%FF","semi":"1;2"}`},
	})
	valid := func() *http.Request { return getRequest("http://example.com/?ok=%C3%A4&bad=%&plus=a+b;") }
	checkEvents(t, valid, nil, []eventCase{
		{"other values are decoded beside a broken escape", version1 + " " + version2 + " vmod", "queryStringParameters", `{"bad":"%","ok":"ä","plus":"a b;"}`},
	})
}

func TestEventsHaveAllOfManyQueryParameters(t *testing.T) {
	query := "first=1" + strings.Repeat("&many=2", 20000) + "&last=3"
	for _, format := range []string{"rest-api", "http-api-v2", "alb"} {
		event := decoded(t, eventOf(t, formatLambda(t, format, nil), getRequest("http://example.com/?"+query)))
		if first, last := at(event, "queryStringParameters first"), at(event, "queryStringParameters last"); first != `"1"` || last != `"3"` {
			t.Errorf("%s: got first %s, last %s, want \"1\", \"3\"", format, first, last)
		}
	}
}

func TestEventsHaveTheOriginOfARequest(t *testing.T) {
	forwarded := func() *http.Request {
		r := getRequest("http://example.com/")
		r.Header.Set("X-Forwarded-For", "198.51.100.1")
		r.Header.Set("X-Forwarded-Proto", "https")
		r.Header.Set("X-Forwarded-Port", "443")
		r.Header.Set("X-Amzn-Trace-Id", "Root=1-2-3")
		r.Header["X_forwarded_proto"] = []string{"evil"}
		r.Header["X.forwarded.for"] = []string{"evil"}
		r.Header["X_real_ip"] = []string{"evil"}
		r.Header.Set("Connection", "X-User")
		r.Header.Set("X-User", "set by an earlier middleware")
		r.Header["Cookie"] = []string{"a=1", "b=2; c=3"}
		return r
	}
	checkEvents(t, forwarded, nil, []eventCase{
		{"the peer is added to X-Forwarded-For", lowerMaps, "headers x-forwarded-for", `"198.51.100.1, 203.0.113.7"`},
		{"the peer is added to X-Forwarded-For", version1, "headers X-Forwarded-For", `"198.51.100.1, 203.0.113.7"`},
		{"the peer is the caller", version2, "requestContext http sourceIp", `"203.0.113.7"`},
		{"the peer is the caller", version1, "requestContext identity sourceIp", `"203.0.113.7"`},
		{"X-Forwarded-Proto stays", lowerMaps, "headers x-forwarded-proto", `"https"`},
		{"X-Forwarded-Port stays", version1, "headers X-Forwarded-Port", `"443"`},
		{"the client's trace id stays", lowerMaps, "headers x-amzn-trace-id", `"Root=1-2-3"`},
		{"the client's trace id stays", version1, "headers X-Amzn-Trace-Id", `"Root=1-2-3"`},
		{"an alias of X-Forwarded-Proto is dropped", lowerMaps, "headers x_forwarded_proto", "absent"},
		{"an alias of X-Forwarded-Proto is dropped", version1, "headers X_forwarded_proto", "absent"},
		{"an alias of X-Forwarded-For is dropped", lowerMaps, "headers x.forwarded.for", "absent"},
		{"an alias of X-Real-Ip is dropped", version1, "multiValueHeaders X_real_ip", "absent"},
		{"Connection is dropped", lowerMaps, "headers connection", "absent"},
		{"headers named by Connection are not dropped", lowerMaps, "headers x-user", `"set by an earlier middleware"`},
		{"cookies of several headers are one list", version2, "cookies", `["a=1","b=2","c=3"]`},
		{"cookies leave the headers", "http-api-v2", "headers cookie", "absent"},
		{"cookies stay in the headers", "function-url", "headers cookie", `"a=1; b=2; c=3"`},
	})
	plain := func() *http.Request { return getRequest("http://example.com:8000/") }
	checkEvents(t, plain, nil, []eventCase{
		{"the port is the client's", lowerMaps, "headers x-forwarded-port", `"8000"`},
		{"only AWS's front doors add a trace id", "vmod", "headers x-amzn-trace-id", "absent"},
		{"only AWS's front doors add a trace id", "httpjson", "meta headers x-amzn-trace-id", "absent"},
		{"the domain name has no port", version1 + " " + version2, "requestContext domainName", `"example.com"`},
		{"no TLS headers without TLS", "function-url", "headers x-amzn-tls-version", "absent"},
	})
}

func TestFunctionURLEventsDescribeTLS(t *testing.T) {
	request := func() *http.Request {
		r := httptest.NewRequest(http.MethodGet, "https://example.com/", nil)
		r.TLS.Version = tls.VersionTLS13
		r.TLS.CipherSuite = tls.TLS_AES_128_GCM_SHA256
		r.Header.Set("X-Amzn-Tls-Version", "evil")
		return r
	}
	checkEvents(t, request, nil, []eventCase{
		{"the version", "function-url", "headers x-amzn-tls-version", `"TLSv1.3"`},
		{"the cipher suite", "function-url", "headers x-amzn-tls-cipher-suite", `"TLS_AES_128_GCM_SHA256"`},
		{"the port", lowerMaps, "headers x-forwarded-port", `"443"`},
		{"the scheme", lowerMaps, "headers x-forwarded-proto", `"https"`},
	})
}

func TestRESTEventsHaveTheNamesOfHTTP2InLowerCase(t *testing.T) {
	request := func() *http.Request {
		r := getRequest("http://example.com/")
		r.Proto = "HTTP/2.0"
		r.ProtoMajor = 2
		r.Header.Set("Accept", "*/*")
		r.Header.Set("User-Agent", "probe")
		return r
	}
	checkEvents(t, request, nil, []eventCase{
		{"the client's names", "rest-api", "headers accept", `"*/*"`},
		{"the client's names, all values", "rest-api", "multiValueHeaders accept", `["*/*"]`},
		{"AWS's spelling of User-Agent", "rest-api", "headers User-Agent", `"probe"`},
		{"AWS's spelling of Host", "rest-api", "headers Host", `"example.com"`},
		{"AWS's spelling of X-Forwarded-For", "rest-api", "headers X-Forwarded-For", `"203.0.113.7"`},
		{"HTTP APIs keep canonical names", "http-api-v1", "headers Accept", `"*/*"`},
	})
}

func TestOptionsDescribeTheAPIInEvents(t *testing.T) {
	options := func(c *Config) {
		c.Stage = "test"
		c.StageVariables = map[string]string{"table": "t1"}
		c.AccountID = "210987654321"
		c.APIID = "api1"
	}
	request := func() *http.Request { return getRequest("http://example.com/a%2Fb") }
	checkEvents(t, request, options, []eventCase{
		{"the stage", version1 + " " + version2, "requestContext stage", `"test"`},
		{"the stage before the path", version1, "requestContext path", `"/test/a%2Fb"`},
		{"the path without the stage", version1, "path", `"/a%2Fb"`},
		{"the stage's variables", version1 + " " + version2, "stageVariables", `{"table":"t1"}`},
		{"the account", version1 + " " + version2, "requestContext accountId", `"210987654321"`},
		{"the API", version1 + " " + version2, "requestContext apiId", `"api1"`},
		{"the target group", balancer, "requestContext elb targetGroupArn", `"arn:aws:elasticloadbalancing:eu-central-1:210987654321:targetgroup/api1/0000000000000000"`},
	})
	checkEvents(t, request, nil, []eventCase{
		{"the account of the function", version1 + " http-api-v2", "requestContext accountId", `"123456789012"`},
		{"no account", "function-url", "requestContext accountId", `"anonymous"`},
		{"no stage before the path", "http-api-v1", "requestContext path", `"/a%2Fb"`},
		{"a stage before the path", "rest-api", "requestContext path", `"/prod/a%2Fb"`},
	})
}

func TestEventHeadersReplaceTheClients(t *testing.T) {
	options := func(c *Config) {
		c.EventHeaders = map[string]string{
			"X-User": "operator", "x-from": "{{ .ClientIP }} {{ .Method }}", "X-Forwarded-For": "{{ .Header.Get \"X-Forwarded-For\" }}",
			"Host": "inner.example", "X-Query": `{{ .Query.Get "q" }}`, "X-Amzn-Trace-Id": "Root=1-a-b",
		}
	}
	request := func() *http.Request {
		r := getRequest("http://example.com/?q=a%0d%0aX-Evil:%20b")
		r.Header["X-User"] = []string{"client", "twice"}
		r.Header.Set("X-Forwarded-For", "198.51.100.1")
		return r
	}
	checkEvents(t, request, options, []eventCase{
		{"a constant", lowerMaps, "headers x-user", `"operator"`},
		{"a constant", version1, "multiValueHeaders X-User", `["operator"]`},
		{"a constant", "httpjson", "meta headers x-user", `["operator"]`},
		{"a template", lowerMaps, "headers x-from", `"203.0.113.7 GET"`},
		{"X-Forwarded-For, without the peer", lowerMaps, "headers x-forwarded-for", `"198.51.100.1"`},
		{"the host", lowerMaps, "headers host", `"inner.example"`},
		{"a trace id in a format without one", "vmod", "headers x-amzn-trace-id", `"Root=1-a-b"`},
		{"line ends become blanks", lowerMaps, "headers x-query", `"a  X-Evil: b"`},
	})
}

func TestRoutesAreInTheEvents(t *testing.T) {
	for _, c := range []struct{ format, field, want string }{
		{"http-api-v2", "routeKey", `"GET /users/{id}/{rest+}"`},
		{"http-api-v2", "requestContext routeKey", `"GET /users/{id}/{rest+}"`},
		{"http-api-v2", "pathParameters", `{"id":"a/b c","rest":"d/e f"}`},
		{"http-api-v1", "resource", `"/users/{id}/{rest+}"`},
		{"http-api-v1", "pathParameters", `{"id":"a/b c","rest":"d/e f"}`},
		{"http-api-v1", "requestContext resourcePath", `"/users/{id}/{rest+}"`},
		{"http-api-v1", "requestContext resourceId", `"GET /users/{id}/{rest+}"`},
		{"rest-api", "resource", `"/users/{id}/{rest+}"`},
		{"rest-api", "pathParameters", `{"id":"a%2Fb%20c","rest":"d/e%20f"}`},
	} {
		l := formatLambda(t, c.format, nil)
		req := newRequest(l, getRequest("http://example.com/users/a%2Fb%20c/d/e%20f"))
		req.routeKey = "GET /users/{id}/{rest+}"
		req.pathParameters = map[string]string{"id": "a/b c", "rest": "d/e f"}
		if err := encodeEvent(l, req); err != nil {
			t.Fatal(err)
		}
		if got := at(decoded(t, req.event), c.field); got != c.want {
			t.Errorf("%s %s: got %s, want %s", c.format, c.field, got, c.want)
		}
	}
}

func TestRawEventsWithoutABodyAreTheQuery(t *testing.T) {
	checkEvents(t, func() *http.Request { return getRequest("http://example.com/?a=1&b=2&b=%223") }, nil, []eventCase{
		{"a list for a repeated name", "raw", "", `{"a":"1","b":["2","\"3"]}`},
	})
}

// The common part of one host's events is kept: it must not appear in those of another.
func TestEventsNameTheHostOfTheirRequest(t *testing.T) {
	l := formatLambda(t, "http-api-v2", nil)
	for _, c := range []struct{ host, domain, prefix string }{
		{"a.example.com", `"a.example.com"`, `"a"`},
		{"a.example.com", `"a.example.com"`, `"a"`},
		{"b.example.com:8080", `"b.example.com"`, `"b"`},
		{"", `""`, `""`},
		{"a.example.com:8080", `"a.example.com"`, `"a"`},
		{"localhost", `"localhost"`, `"localhost"`},
		{"[2001:db8::1]:8080", `"[2001:db8::1]"`, `"[2001:db8::1]"`},
	} {
		r := getRequest("http://example.com/")
		r.Host = c.host
		event := decoded(t, eventOf(t, l, r))
		domain := at(event, "requestContext domainName")
		prefix := at(event, "requestContext domainPrefix")
		if domain != c.domain || prefix != c.prefix || at(event, "version") != `"2.0"` {
			t.Errorf("%q: got %s and %s, want %s and %s", c.host, domain, prefix, c.domain, c.prefix)
		}
	}
}

// templateLambda returns a handler whose payload is a template's result.
func templateLambda(t *testing.T, f *fakeLambda, text string) *Lambda {
	t.Helper()
	return formatLambda(t, "template", func(c *Config) {
		c.Endpoint = f.URL
		c.Template = text
	})
}

func TestTemplatesMustMakeJSON(t *testing.T) {
	f := newFakeLambda(t, replies(`{"statusCode":200}`))
	for _, text := range []string{`{"a": {{ .Body }}}`, `{{ index .PathParameters 1 }}`, ` `, `{{ template "none" }}`} {
		l := templateLambda(t, f, text)
		resp := serve(l, getRequest("http://example.com/"))
		if body := bodyOf(t, resp); resp.StatusCode != http.StatusInternalServerError || body != "Internal Server Error" {
			t.Errorf("%s: got %d %q, want 500 with the status text", text, resp.StatusCode, body)
		}
	}
	if f.invocations() != 0 {
		t.Errorf("got %d invocations, want none", f.invocations())
	}
}

// If the type of an interpreted struct is printed, all of its fields are printed, too.
func TestTemplatesThatFailPrintNoTypes(t *testing.T) {
	for text, loads := range map[string]bool{
		`{{ .Nothing }}`:                        false,
		`{{ if .Body }}{{ .Nothing }}{{ end }}`: true, // fails only for a request
		`{{ index .Query.id 0 }}`:               true, // correct for a request with an id
	} {
		config := validConfig()
		config.EventFormat, config.Template = "template", text
		l, err := newLambda(http.NotFoundHandler(), config, "lambda@test")
		if (err == nil) != loads {
			t.Fatalf("%s: got %v, want that it loads: %t", text, err, loads)
		}
		if loads {
			r := httptest.NewRequest(http.MethodPost, "http://example.com/", http.NoBody)
			_, err = renderJSON(l.events.template, &templateData{Body: "x", Header: r.Header})
		}
		if err == nil || strings.Contains(err.Error(), "struct") || strings.Contains(err.Error(), " in type ") {
			t.Errorf("%s: got %v, want an error without a type", text, err)
		}
	}
}

func TestTemplatesQuoteValues(t *testing.T) {
	l := formatLambda(t, "template", func(c *Config) {
		c.Template = `{"q": {{ .Query.Get "q" | json }}, "none": {{ json .Cookies.none }}, "binary": {{ json .IsBase64Encoded }}, "body": {{ json .Body }}}`
	})
	r := httptest.NewRequest(http.MethodPost, "http://example.com/?q=%22%7D%3C%0a", strings.NewReader("\xff"))
	if got := string(eventOf(t, l, r)); got != `{"q": "\"}<\n", "none": "", "binary": true, "body": "/w=="}` {
		t.Errorf("got %s, want quoted values", got)
	}
}
