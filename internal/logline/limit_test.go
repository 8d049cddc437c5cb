package logline

import (
	"fmt"
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
