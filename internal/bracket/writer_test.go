package bracket

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestRoomsSeeTheHeadFromTheOriginOutwards(t *testing.T) {
	client := httptest.NewRecorder()
	w := Wrap(client)
	seen := ""
	w.OnHead(func(head *Head) { seen += "outer " + head.Header.Get("X-Room") })
	Wrap(w).OnHead(func(head *Head) {
		seen += "inner, "
		head.Header.Set("X-Room", "inner")
		head.Status = 201
	})
	_, _ = w.Write([]byte("body"))
	if want := "inner, outer inner"; seen != want {
		t.Errorf("got %q, want %q", seen, want)
	}
	if client.Code != 201 || w.Status() != 201 || client.Body.String() != "body" {
		t.Errorf("got %d %q, want 201 %q", client.Code, client.Body, "body")
	}
}

func TestReplacedBodies(t *testing.T) {
	client := httptest.NewRecorder()
	w := Wrap(client)
	teed := ""
	completed := false
	w.OnBody(func(piece []byte, complete bool) {
		teed += string(piece)
		completed = complete
	})
	w.OnHead(func(head *Head) { head.Replace([]byte("ours")) })
	_, err := w.Write([]byte("of the origin"))
	if err != nil || client.Body.String() != "ours" || client.Header().Get("Content-Length") != "4" {
		t.Errorf("got %v, %q, Content-Length %q, want %q and 4", err, client.Body, client.Header().Get("Content-Length"), "ours")
	}
	if teed != "ours" || !completed {
		t.Errorf("got %q, complete %v to the tee, want %q, true", teed, completed, "ours")
	}
}

func TestResponsesOfUnknownLengthAreFlushed(t *testing.T) {
	for length, want := range map[string]bool{"": true, "4": false} {
		client := httptest.NewRecorder()
		w := Wrap(client)
		if length != "" {
			w.Header().Set("Content-Length", length)
		}
		_, _ = w.Write([]byte("abcd"))
		if client.Flushed != want {
			t.Errorf("Content-Length %q: got flushed %v, want %v", length, client.Flushed, want)
		}
	}
}

func TestSwitchedProtocolsPassTheRooms(t *testing.T) {
	client := httptest.NewRecorder()
	w := Wrap(client)
	asked := false
	w.OnHead(func(_ *Head) { asked = true })
	w.WriteHeader(http.StatusSwitchingProtocols)
	if asked {
		t.Error("got a room asked about 101, want none")
	}
	if _, _, err := w.Hijack(); err == nil || w.Hijacked() {
		t.Errorf("got %v, hijacked %v of a recorder, want an error", err, w.Hijacked())
	}
}
