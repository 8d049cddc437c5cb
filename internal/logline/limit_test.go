package logline

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"testing"
	"time"
)

func TestLinesOfAKindComeOnceASecond(t *testing.T) {
	AdmitAll()
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
		omitted, admitted := Admit(step.kind, start.Add(step.after))
		if omitted != step.omitted || admitted != step.admitted {
			t.Errorf("step %d: got %d %t, want %d %t", i, omitted, admitted, step.omitted, step.admitted)
		}
	}
	for i := 0; i < 2*maxKinds; i++ {
		Admit(fmt.Sprint("kind ", i), start)
	}
	if got := len(limits.kinds); got > maxKinds {
		t.Errorf("got %d kinds, want at most %d", got, maxKinds)
	}
}

func TestLimitedLinesTellHowManyWereLeftOut(t *testing.T) {
	AdmitAll()
	var written bytes.Buffer
	log.SetOutput(&written)
	log.SetFlags(0)
	defer log.SetOutput(os.Stderr)
	logger, _ := New(FormatText)
	const line = "lambda@file: 500 Internal Server Error: authorizer=guard cause=throttle: Lambda answered 429"
	for i := 0; i < 3; i++ {
		logger.Limited(line)
	}
	limits.Lock()
	for _, known := range limits.kinds {
		known.last = known.last.Add(-interval)
	}
	limits.Unlock()
	logger.Limited(line)
	logger.Limited("lambda@file: 500 Internal Server Error: authorizer=guard cause=timeout: no reply")
	logger.Limited("lambda: a line without fields")
	want := line + "\n" +
		"lambda@file: 500 Internal Server Error: authorizer=guard cause=throttle omitted=2: Lambda answered 429\n" +
		"lambda@file: 500 Internal Server Error: authorizer=guard cause=timeout: no reply\n" +
		"lambda: a line without fields\n"
	if written.String() != want {
		t.Errorf("got\n%swant\n%s", written.String(), want)
	}
}
