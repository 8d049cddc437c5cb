package bracket

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"strconv"
)

// Writer is the ResponseWriter through which the rooms see a response. One Writer serves all rooms of
// a request: a room finds the Writer of the rooms before it with Wrap. It belongs to the goroutine
// that serves the request.
//
// Interpreted types lose every method but those of http.ResponseWriter and http.Hijacker on their way
// into compiled code: a compiled handler behind a Writer sees no http.Flusher. So Writer flushes after
// each Write while the response declares no Content-Length.
type Writer struct {
	client http.ResponseWriter
	header http.Header // of the response: the client's own unless the Writer is apart
	apart  bool
	before http.Header // what the header held before any room or origin wrote to it
	heads  []HeadFunc  // the last registered sees the head first
	tees   []tee       // likewise
	asking int         // the index in heads of the room that is asked; -1 before

	status   int // of the head that was written; 0 before
	replaced bool
	body     []byte // in place of the origin's, where replaced
	flushes  bool   // after each Write
	hijacked bool
	held     bool  // the client gets nothing of it
	left     int64 // of the length that the origin declared; -1 where it declared none
	sent     int   // bytes of the body that the client's writer has taken
}

// tee is a TeeFunc and the room that registered it. It does not see a body that a room further out puts in place.
type tee struct {
	f    TeeFunc
	room int // index in heads
	sees source
}

// source is the body that a tee sees.
type source int

const (
	clients source = iota // what the client gets
	origins               // what the origin writes, which a room further out replaced
	nothing               // no more: it has seen a body that a room further out replaced
)

// Head is the head of a response on its way out.
type Head struct {
	Status int         // a HeadFunc may change it
	Header http.Header // the client's own: a HeadFunc changes it in place

	writer *Writer
}

// HeadFunc sees the head of the final response before it is written. Interim responses (1xx) and
// connections that are taken over pass without it.
type HeadFunc func(head *Head)

// TeeFunc sees each piece of the body as it leaves its room for the next one further out, before the client gets it.
// It must not keep or change the piece. complete reports whether the declared Content-Length is reached with it.
type TeeFunc func(piece []byte, complete bool)

// Wrap returns the Writer that w is, or a new one around w.
func Wrap(w http.ResponseWriter) *Writer {
	if writer, ok := w.(*Writer); ok {
		return writer
	}
	return &Writer{client: w, header: w.Header(), before: w.Header().Clone(), asking: -1, left: -1}
}

// Apart returns a Writer around w for a room that may replace the origin's response, such as a cache. Rooms nearer to
// the origin find it with Wrap. Its header reaches w with the head.
func Apart(w http.ResponseWriter) *Writer {
	return &Writer{client: w, header: http.Header{}, apart: true, before: http.Header{}, asking: -1, left: -1}
}

// OnHead registers a function for the head. The function registered last, by the room next to the origin, sees the
// head first.
func (w *Writer) OnHead(f HeadFunc) { w.heads = append(w.heads, f) }

// OnBody registers a function for the body, in the order of OnHead: after OnHead of the same room, or
// from within the room's HeadFunc.
func (w *Writer) OnBody(f TeeFunc) {
	room := w.asking
	if room < 0 {
		room = len(w.heads) - 1
	}
	w.tees = append(w.tees, tee{f: f, room: room})
}

// Replace sends body in place of what the origin writes, and declares its length. An empty body leaves the response
// without one. Rooms further in still see the original body.
func (h *Head) Replace(body []byte) {
	w := h.writer
	for i := range w.tees {
		if w.tees[i].room <= w.asking || w.tees[i].sees != clients {
			continue
		}
		w.tees[i].sees = origins
		if w.replaced {
			w.tees[i].sees = nothing
			w.tees[i].f(w.body, true)
		}
	}
	w.replaced = true
	w.body = body
	h.Header["Content-Length"] = []string{strconv.Itoa(len(body))}
}

// Hold keeps the response from the client and from rooms further out. The room then responds itself. The functions of
// OnBody still get the body.
func (h *Head) Hold() { h.writer.held = true }

// Replaced reports whether the body of the response is replaced, and with what.
func (h *Head) Replaced() (body []byte, replaced bool) { return h.writer.body, h.writer.replaced }

// Instead drops the response with its header, and sends what serve writes.
func (h *Head) Instead(serve func(w http.ResponseWriter)) {
	for name := range h.Header {
		delete(h.Header, name)
	}
	for name, values := range h.writer.before {
		h.Header[name] = values
	}
	own := &recorder{header: h.Header, status: http.StatusOK}
	serve(own)
	h.Status = own.status
	length := h.Header["Content-Length"]
	h.Replace(own.body)
	if len(own.body) == 0 && length != nil {
		h.Header["Content-Length"] = length // of what HEAD does not get
	}
}

// recorder keeps a response that is made in place of another one.
type recorder struct {
	header http.Header
	status int
	body   []byte
}

// Header returns the header of the response.
func (r *recorder) Header() http.Header { return r.header }

// WriteHeader keeps the status.
func (r *recorder) WriteHeader(status int) { r.status = status }

// Write keeps a piece of the body.
func (r *recorder) Write(piece []byte) (int, error) {
	r.body = append(r.body, piece...)
	return len(piece), nil
}

// Status returns the status that was written, 0 before.
func (w *Writer) Status() int { return w.status }

// Sent returns how many bytes of the body were sent to the client.
func (w *Writer) Sent() int { return w.sent }

// Hijacked reports whether the connection was taken over, for a WebSocket for example.
func (w *Writer) Hijacked() bool { return w.hijacked }

// Header returns the header of the response.
func (w *Writer) Header() http.Header { return w.header }

// Finish writes the head of a response that has none yet, as Go's server does for a handler that returns without
// writing. Each room calls it when its next handler has returned.
func (w *Writer) Finish() {
	if w.status == 0 && !w.hijacked {
		w.WriteHeader(http.StatusOK)
	}
	if w.apart && !w.held {
		copyHeader(w.client.Header(), w.header) // trailers
	}
}

// WriteHeader asks the rooms, and writes the head.
func (w *Writer) WriteHeader(status int) {
	if status < 200 && status != http.StatusSwitchingProtocols {
		w.writeInterim(status)
		return
	}
	if w.status != 0 {
		return
	}
	w.status = status
	if status != http.StatusSwitchingProtocols {
		w.askRooms()
	}
	if !w.held {
		w.writeHead()
	}
	switch {
	case !hasBody(w.status):
	case w.replaced:
		w.teeBody()
		if !w.held {
			w.sent, _ = w.client.Write(w.body) //nolint:gosec // the response is the function's, markup and all
			w.Flush()                          // the origin may go on for long with what is dropped
		}
	case !w.held && w.flushes && len(w.header["Content-Type"]) > 0: // else Go's server has to see the body first
		w.Flush()
	}
}

// writeHead hands the head to the client.
func (w *Writer) writeHead() {
	if w.apart {
		copyHeader(w.client.Header(), w.header)
	}
	w.client.WriteHeader(w.status)
}

// writeInterim hands the head of an interim response to the client, whose header is as before
// afterwards.
func (w *Writer) writeInterim(status int) {
	if !w.apart {
		w.client.WriteHeader(status)
		return
	}
	header := w.client.Header()
	before := header.Clone()
	copyHeader(header, w.header)
	w.client.WriteHeader(status)
	for name := range w.header {
		delete(header, name)
	}
	copyHeader(header, before)
}

func copyHeader(to, from http.Header) {
	for name, values := range from {
		to[name] = values
	}
}

// askRooms asks the rooms about the head, and notes what length it declares before and after that.
func (w *Writer) askRooms() {
	declared, ok := length(w.header)
	if ok {
		w.left = declared
	}
	if len(w.heads) > 0 {
		w.askHeads()
		_, ok = length(w.header)
	}
	w.flushes = !ok
}

// askHeads lets the rooms see and change the head, from the origin outwards.
func (w *Writer) askHeads() {
	header := w.header
	_, typed := header["Content-Type"]
	head := &Head{Status: w.status, Header: header, writer: w}
	for i := len(w.heads) - 1; i >= 0; i-- {
		w.asking = i
		w.heads[i](head)
	}
	w.status = head.Status
	if len(header["Content-Type"]) == 0 && typed {
		header["Content-Type"] = nil // Go's server guesses the type of a body where this key is missing
	}
}

// length returns the Content-Length that a header declares. ok is false where it declares none.
func length(header http.Header) (declared int64, ok bool) {
	declared, err := strconv.ParseInt(header.Get("Content-Length"), 10, 64)
	return declared, err == nil
}

// Write writes a piece of the body, and the head before it. If the body is replaced, the piece reaches the rooms
// further in, but not the client.
func (w *Writer) Write(piece []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if len(w.tees) > 0 {
		w.teePiece(piece)
	}
	if w.replaced || w.held {
		return len(piece), nil
	}
	n, err := w.client.Write(piece)
	w.sent += n
	if err == nil && w.flushes {
		w.Flush()
	}
	return n, err
}

// teePiece hands a piece of the origin's body to the rooms that see it.
func (w *Writer) teePiece(piece []byte) {
	if w.left >= 0 {
		w.left -= int64(len(piece))
	}
	for i := len(w.tees) - 1; i >= 0; i-- {
		if w.tees[i].sees == origins || w.tees[i].sees == clients && !w.replaced {
			w.tees[i].f(piece, w.left == 0)
		}
	}
}

// teeBody hands the body that replaces the origin's to the rooms that see it.
func (w *Writer) teeBody() {
	for i := len(w.tees) - 1; i >= 0; i-- {
		if w.tees[i].sees == clients {
			w.tees[i].f(w.body, true)
		}
	}
}

// Flush sends what is buffered, where the client's writer can.
func (w *Writer) Flush() {
	if flusher, ok := w.client.(http.Flusher); ok {
		flusher.Flush()
	}
}

// Hijack takes the connection over. The rooms see nothing of what follows.
func (w *Writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	hijacker, ok := w.client.(http.Hijacker)
	if !ok {
		return nil, nil, errors.New("the connection cannot be taken over")
	}
	conn, buffered, err := hijacker.Hijack()
	w.hijacked = err == nil
	return conn, buffered, err
}

// hasBody reports whether a response of this status may have a body (RFC 9110 6.4.1).
func hasBody(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}
