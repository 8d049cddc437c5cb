package bracket

import (
	"net/http/httptest"
	"testing"
)

func TestBeginKeepsTheNotesOfARequest(t *testing.T) {
	request := httptest.NewRequest("GET", "/", nil)
	if _, ok := NotesIn(request.Context()); ok {
		t.Error("got notes in a request that no room has begun, want none")
	}
	begun, notes := Begin(request)
	notes.Failure = "throttle"
	again, same := Begin(begun)
	if again != begun || same.Failure != "throttle" {
		t.Errorf("got request %p with %+v, want %p with what was noted before", again, same, begun)
	}
	if found, ok := NotesIn(begun.Context()); !ok || found.Failure != "throttle" {
		t.Errorf("got %+v, %v, want the notes", found, ok)
	}
}
