package wait

import (
	"context"
	"testing"
	"time"
)

func TestEndedReportsWhichOfTheTwoEnds(t *testing.T) {
	ended, end := context.WithCancel(context.Background())
	end()
	open, cancel := context.WithCancel(context.Background())
	defer cancel()
	if !Ended(open, ended) {
		t.Error("got false where it is done, want true")
	}
	if Ended(ended, open) {
		t.Error("got true where the waiting context has ended, want false")
	}
}

func TestPauseReportsWhetherThereIsTimeLeft(t *testing.T) {
	if !Pause(context.Background(), time.Millisecond) {
		t.Error("got false from a context without an end, want true")
	}
	ended, end := context.WithCancel(context.Background())
	end()
	if Pause(ended, time.Hour) {
		t.Error("got true from a context that has ended, want false")
	}
}
