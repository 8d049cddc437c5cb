package logline

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

// lines are lines of each kind, with their parts and their JSON.
var lines = []struct {
	name, line, source, status, topic, fields, message, json string
}{
	{
		"a failure",
		`lambda@file: 504 Gateway Timeout: function=hello route="GET /a \"b\" {x}" requestId=- duration=62s cause=timeout: no complete reply: at all`,
		"lambda@file", "504", "", `function=hello route="GET /a \"b\" {x}" requestId=- duration=62s cause=timeout`, "no complete reply: at all",
		`{"source":"lambda@file","status":504,"reason":"Gateway Timeout","function":"hello","route":"GET /a \"b\" {x}","requestId":"-",` +
			`"duration":"62s","cause":"timeout","message":"no complete reply: at all"}`,
	},
	{
		"a failure without a function, and with a note",
		`lambda@docker: 502 Bad Gateway: function=- route=- requestId=- duration=1ms cause=connect fallback=next: refused`,
		"lambda@docker", "502", "", "function=- route=- requestId=- duration=1ms cause=connect fallback=next", "refused",
		`{"source":"lambda@docker","status":502,"reason":"Bad Gateway","function":"-","route":"-","requestId":"-","duration":"1ms",` +
			`"cause":"connect","fallback":"next","message":"refused"}`,
	},
	{
		"a status that has no text",
		`lambda@file: 599 : function=hello cause=function-error: it failed`,
		"lambda@file", "599", "", "function=hello cause=function-error", "it failed",
		`{"source":"lambda@file","status":599,"reason":"","function":"hello","cause":"function-error","message":"it failed"}`,
	},
	{
		"a probe",
		"lambda: probe: orders:live went sick: 2 good of the last 8, 3 needed; last: timeout after 2s",
		"lambda", "", "probe", "", "orders:live went sick: 2 good of the last 8, 3 needed; last: timeout after 2s",
		`{"source":"lambda","topic":"probe","message":"orders:live went sick: 2 good of the last 8, 3 needed; last: timeout after 2s"}`,
	},
	{
		"credentials",
		"lambda: credentials: container credentials answers again",
		"lambda", "", "credentials", "", "container credentials answers again",
		`{"source":"lambda","topic":"credentials","message":"container credentials answers again"}`,
	},
	{
		"the end of a function's log",
		`lambda@file: log tail of function=hello requestId=7f1c2a90-5a3e: "a: b\nc=d"`,
		"lambda@file", "", "log tail", "function=hello requestId=7f1c2a90-5a3e", `"a: b\nc=d"`,
		`{"source":"lambda@file","topic":"log tail","function":"hello","requestId":"7f1c2a90-5a3e","message":"\"a: b\\nc=d\""}`,
	},
	{
		"a request",
		`lambda@file: request: function=orders:live route="$default" status=200 requestId=7f1c duration=12ms bytes=345 cache=hit authorizer=-`,
		"lambda@file", "", "request",
		`function=orders:live route="$default" status=200 requestId=7f1c duration=12ms bytes=345 cache=hit authorizer=-`, "",
		`{"source":"lambda@file","topic":"request","function":"orders:live","route":"$default","status":200,"requestId":"7f1c",` +
			`"duration":"12ms","bytes":345,"cache":"hit","authorizer":"-"}`,
	},
	{
		"a warning",
		"lambda: tls.insecureSkipVerify is on: whoever is on the way to Lambda can read the events",
		"lambda", "", "", "", "tls.insecureSkipVerify is on: whoever is on the way to Lambda can read the events",
		`{"source":"lambda","message":"tls.insecureSkipVerify is on: whoever is on the way to Lambda can read the events"}`,
	},
}

func TestPatternFindsTheParts(t *testing.T) {
	pattern := regexp.MustCompile(Pattern)
	for _, tc := range lines {
		parts := pattern.FindStringSubmatch(tc.line)
		if parts == nil {
			t.Errorf("%s: got no match", tc.name)
			continue
		}
		for group, want := range map[string]string{
			"source": tc.source, "status": tc.status, "topic": tc.topic, "fields": tc.fields, "message": tc.message,
		} {
			if got := parts[pattern.SubexpIndex(group)]; got != want {
				t.Errorf("%s: got %s %q, want %q", tc.name, group, got, want)
			}
		}
	}
}

func TestJSONHasTheSameParts(t *testing.T) {
	for _, tc := range lines {
		got := JSON(tc.line)
		if got != tc.json {
			t.Errorf("%s: got %s, want %s", tc.name, got, tc.json)
		}
		if !json.Valid([]byte(got)) {
			t.Errorf("%s: got %s, want valid JSON", tc.name, got)
		}
	}
}

func TestFieldsAreQuotedWhereTheyNeedIt(t *testing.T) {
	for value, want := range map[string]string{
		"":                   "f=-",
		"orders:live":        "f=orders:live",
		"$LATEST":            "f=$LATEST",
		"two words":          `f="two words"`,
		"ends:":              `f="ends:"`,
		"a=b":                `f="a=b"`,
		"line\nlambda: 200 ": `f="line\nlambda: 200 "`,
		`quote"`:             `f="quote\""`,
	} {
		if got := Field("f", value); got != want {
			t.Errorf("%q: got %s, want %s", value, got, want)
		}
	}
}

func TestOneLine(t *testing.T) {
	text, _ := New(FormatText)
	if got := text.format("lambda: a\r\nlambda: b\u2028c"); got != "lambda: a  lambda: b c" {
		t.Errorf("got %q, want one line", got)
	}
	object, _ := New(FormatJSON)
	if got := object.format("no: line\nof ours"); strings.Contains(got, "\n") || !json.Valid([]byte(got)) {
		t.Errorf("got %q, want one object in one line", got)
	}
}

func TestNewRefusesOtherFormats(t *testing.T) {
	_, err := New("logfmt")
	if want := `logFormat: "logfmt": want one of text, json`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
