package lambda

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestLinesOfAKindComeOnceASecond(t *testing.T) {
	admitAllLines()
	start := time.Now()
	for i, step := range []struct {
		kind     string
		after    time.Duration
		omitted  int
		admitted bool
	}{
		{"a", 0, 0, true},
		{"a", 0, 0, false},
		{"b", 0, 0, true},
		{"a", time.Second - 1, 0, false},
		{"a", time.Second, 2, true},
		{"a", 2*time.Second - 1, 0, false},
		{"a", time.Hour, 1, true},
		{"a", 2 * time.Hour, 0, true},
	} {
		omitted, admitted := admitLine(step.kind, start.Add(step.after))
		if omitted != step.omitted || admitted != step.admitted {
			t.Errorf("step %d: got %d %t, want %d %t", i, omitted, admitted, step.omitted, step.admitted)
		}
	}
	for i := 0; i < 2*maxLogKinds; i++ {
		admitLine(fmt.Sprint("kind ", i), start)
	}
	if got := len(logLimits.kinds); got > maxLogKinds {
		t.Errorf("got %d kinds, want at most %d", got, maxLogKinds)
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
