package bracket

import (
	"net/http"
	"strconv"
	"time"
)

// part is the time that one room takes for a request, on the way in and on the way out.
type part struct {
	name    string
	running bool
	since   time.Time // where running
	took    time.Duration
}

func (p *part) start() {
	p.running = true
	p.since = time.Now()
}

func (p *part) stop() {
	if p.running {
		p.took += time.Since(p.since)
	}
	p.running = false
}

// Timed returns the bracket room around next, and notes the time that the room itself takes: until it calls next, and
// again from the head of the response on. name is a token, such as "authorizer".
func Timed(name string, next http.Handler, room func(next http.Handler) http.Handler) http.Handler {
	var inner http.Handler = &timedInside{name: name, next: next}
	return &timedOutside{name: name, next: room(inner)}
}

// timedOutside sits in front of a room: requests enter and responses leave through it.
type timedOutside struct {
	name string
	next http.Handler
}

// ServeHTTP notes what the room took when the head of the response leaves it.
func (t *timedOutside) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	noted, notes := Begin(r)
	p := &part{name: t.name}
	notes.parts = append(notes.parts, p)
	writer := Wrap(w)
	writer.OnHead(func(_ *Head) {
		p.stop()
		notes.Timings = append(notes.Timings, Timing{Name: p.name, Took: p.took})
	})
	p.start()
	t.next.ServeHTTP(writer, noted) //yaegi:ok response-writer Writer flushes itself
	writer.Finish()
}

// timedInside sits behind a room: requests leave and responses enter through it.
type timedInside struct {
	name string
	next http.Handler
}

// ServeHTTP stops the room's time while others serve the request.
func (t *timedInside) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p := partOf(r, t.name)
	if p == nil { // a room may ask in the background, without the notes of a request
		t.next.ServeHTTP(w, r)
		return
	}
	p.stop()
	writer := Wrap(w)
	writer.OnHead(func(_ *Head) { p.start() })
	t.next.ServeHTTP(writer, r) //yaegi:ok response-writer Writer flushes itself
	writer.Finish()
}

// partOf returns the time of a room for a request, nil if it is not timed.
func partOf(r *http.Request, name string) *part {
	notes, ok := NotesIn(r.Context())
	if !ok {
		return nil
	}
	for _, p := range notes.parts {
		if p.name == name {
			return p
		}
	}
	return nil
}

// ServerTiming returns next with the header Server-Timing on its responses. It lists the timings in the notes in the
// order in which they ended, behind an entry that is there already. It belongs around all rooms.
// https://www.w3.org/TR/server-timing/
func ServerTiming(next http.Handler) http.Handler { return &serverTiming{next: next} }

type serverTiming struct{ next http.Handler }

// ServeHTTP adds the header when the head of the response has passed all rooms.
func (s *serverTiming) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	noted, notes := Begin(r)
	writer := Wrap(w)
	writer.OnHead(func(head *Head) {
		for _, timing := range notes.Timings {
			head.Header["Server-Timing"] = append(head.Header["Server-Timing"], timing.Entry())
		}
	})
	s.next.ServeHTTP(writer, noted) //yaegi:ok response-writer Writer flushes itself
	writer.Finish()
}

// Entry returns the timing as Server-Timing has it, in milliseconds: "authorizer;dur=12.3".
func (t Timing) Entry() string {
	milliseconds := float64(t.Took) / float64(time.Millisecond)
	return t.Name + ";dur=" + strconv.FormatFloat(milliseconds, 'f', 1, 64)
}
