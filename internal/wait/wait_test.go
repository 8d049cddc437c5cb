package wait

import (
	"context"
	"testing"
	"time"
)

func TestFor(t *testing.T) {
	ended, end := context.WithCancel(context.Background())
	end()
	if !For(context.Background(), ended) {
		t.Error("got false where what was waited for had ended, want true")
	}
	if For(ended, context.Background()) {
		t.Error("got true where the waiting was given up, want false")
	}
	later, endLater := context.WithTimeout(context.Background(), time.Millisecond)
	defer endLater()
	if !For(context.Background(), later) {
		t.Error("got false where it ended while it was waited for, want true")
	}
}

func TestPause(t *testing.T) {
	if !Pause(context.Background(), time.Millisecond) {
		t.Error("got false after the whole pause, want true")
	}
	ended, end := context.WithCancel(context.Background())
	end()
	if Pause(ended, time.Hour) {
		t.Error("got true after a pause that was given up, want false")
	}
}
