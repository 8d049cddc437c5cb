package lambda

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/seed05e46011/lambda/internal/logline"
)

// loggedBy returns the lines that write leaves in Traefik's log at level ERROR.
func loggedBy(t *testing.T, write func()) []string {
	t.Helper()
	logged := captureLog(t)
	write()
	return strings.Split(strings.TrimSuffix(logged.text(), "\n"), "\n")
}

// writtenLines returns a line of each kind that the core writes, in a format.
func writtenLines(t *testing.T, format string) []string {
	t.Helper()
	config := testConfig(newFakeLambda(t, replies(`""`)))
	config.LogFormat = format
	config.LogType = logTypeTail
	l, err := newLambda(http.NotFoundHandler(), config, "lambda@file")
	if err != nil {
		t.Fatal(err)
	}
	req := newRequest(l, httptest.NewRequest(http.MethodGet, "http://example.com/", nil))
	req.routeKey = `GET /a "b"/{id}`
	req.answer = http.Header{requestIDHeader: {"7f1c2a90-5a3e-4d0c"}}
	hostile := errors.New("x\nlambda@file: 200 OK: function=\"y z\" a=b: \u2028 \x00")
	return loggedBy(t, func() {
		for c := range causeNames {
			f := failureOf(c, hostile)
			logFailure(l, req, f, l.status(c), "")
			logline.AdmitAll()
			logFailure(l, req, f, 599, " fallback=next")
		}
		logTail(l, req, "bGluZSAxCmxpbmUgMjogYT1i")
		warnOnce(l.log, "endpoint 192.0.2.1 "+format+": http:// sends events and replies in clear text: use https://")
		l.log.Error("lambda: probe: orders:live went sick: 2 good of the last 8, 3 needed; last: timeout after 2s")
	})
}

func TestEveryLineIsOfTheDocumentedPattern(t *testing.T) {
	pattern := regexp.MustCompile(logline.Pattern)
	for _, line := range writtenLines(t, logline.FormatText) {
		parts := pattern.FindStringSubmatch(line)
		if parts == nil {
			t.Errorf("got %q, want it to match the documented pattern", line)
			continue
		}
		fields := parts[pattern.SubexpIndex("fields")]
		if parts[pattern.SubexpIndex("status")] != "" && !failureFields.MatchString(fields) {
			t.Errorf("got fields %q of %q, want those of a failure in their order", fields, line)
		}
	}
}

// failureFields are the fields of a failure, in order.
var failureFields = regexp.MustCompile(
	`^function=\S+ route=("([^"\\]|\\.)*"|-) requestId=\S+ duration=\S+ cause=[a-z-]+( (fallback=next|connection=aborted))?( omitted=[0-9]+)?$`)

func TestEveryLineIsAnObjectInJSON(t *testing.T) {
	for _, line := range writtenLines(t, logline.FormatJSON) {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			t.Errorf("got %q: %v, want an object", line, err)
			continue
		}
		if object["source"] == nil || object["message"] == nil {
			t.Errorf("got %q, want source and message in it", line)
		}
		if object["status"] != nil && (object["cause"] == nil || object["route"] != `GET /a "b"/{id}`) {
			t.Errorf("got %q, want cause and route in it", line)
		}
	}
}

func TestLogFormatIsTextOrJSON(t *testing.T) {
	config := testConfig(newFakeLambda(t, replies(`""`)))
	config.LogFormat = "xml"
	_, err := newLambda(http.NotFoundHandler(), config, "lambda@file")
	if err == nil || err.Error() != `logFormat: "xml": want one of text, json` {
		t.Errorf("got %v, want an error that names logFormat", err)
	}
}

func TestClientsCannotFillTheLog(t *testing.T) {
	logged := captureLog(t)
	e := newRawEndpoint(t, answers(apiAnswer("429 Too Many Requests", "TooManyRequestsException", "")))
	handler := newTestHandler(t, e.config())
	start := time.Now()
	for i := 0; i < 50; i++ {
		if got := get(handler).StatusCode; got != http.StatusServiceUnavailable {
			t.Fatalf("got %d, want 503", got)
		}
	}
	most := 1 + int(time.Since(start)/time.Second)
	if got := strings.Count(logged.text(), "cause=throttle"); got < 1 || got > most {
		t.Errorf("got %d lines for 50 requests, want 1 to %d", got, most)
	}
}

func TestThePatternIsDocumented(t *testing.T) {
	page, err := os.ReadFile("docs/operations.md")
	if err != nil {
		t.Skip("the documentation is not part of what Yaegi interprets")
	}
	if !strings.Contains(string(page), "\n"+logline.Pattern+"\n") {
		t.Errorf("got docs/operations.md without %s, want it there", logline.Pattern)
	}
}
