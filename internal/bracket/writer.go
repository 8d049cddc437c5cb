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
	heads  []HeadFunc // the last registered sees the head first
	tees   []TeeFunc  // likewise

	status   int // of the head that was written; 0 before
	replaced bool
	body     []byte // in place of the origin's, where replaced
	flushes  bool   // after each Write
	hijacked bool
	left     int64 // of the declared length; -1 where none is declared
}

// Head is the head of a response on its way out.
type Head struct {
	Status int         // a HeadFunc may change it
	Header http.Header // the client's own: a HeadFunc changes it in place

	writer *Writer
}

// HeadFunc sees the head of the final response before it is written. Interim responses (1xx) and
// connections that are taken over pass without it.
type HeadFunc func(head *Head)

// TeeFunc sees each piece of the body before the client gets it. It must not keep or change the piece.
// complete reports whether the declared Content-Length is reached with it.
type TeeFunc func(piece []byte, complete bool)

// Wrap returns the Writer that w is, or a new one around w.
func Wrap(w http.ResponseWriter) *Writer {
	if writer, ok := w.(*Writer); ok {
		return writer
	}
	return &Writer{client: w, left: -1}
}

// OnHead registers a function for the head. The one that is registered last, by the room next to the
// origin, sees the head first.
func (w *Writer) OnHead(f HeadFunc) { w.heads = append(w.heads, f) }

// OnBody registers a function for the body, in the order of OnHead.
func (w *Writer) OnBody(f TeeFunc) { w.tees = append(w.tees, f) }

// Replace has body sent in place of what the origin writes, and declares its length. An empty body
// leaves the response without one.
func (h *Head) Replace(body []byte) {
	h.writer.replaced = true
	h.writer.body = body
	h.Header["Content-Length"] = []string{strconv.Itoa(len(body))}
}

// Replaced reports whether the body of the response is replaced, and with what.
func (h *Head) Replaced() (body []byte, replaced bool) { return h.writer.body, h.writer.replaced }

// Status returns the status that was written, 0 before.
func (w *Writer) Status() int { return w.status }

// Hijacked reports whether the connection was taken over, for a WebSocket for example.
func (w *Writer) Hijacked() bool { return w.hijacked }

// Header returns the header of the response.
func (w *Writer) Header() http.Header { return w.client.Header() }

// WriteHeader asks the rooms, and writes the head.
func (w *Writer) WriteHeader(status int) {
	if status < 200 && status != http.StatusSwitchingProtocols {
		w.client.WriteHeader(status)
		return
	}
	if w.status != 0 {
		return
	}
	w.status = status
	if status != http.StatusSwitchingProtocols {
		w.askRooms()
	}
	w.client.WriteHeader(w.status)
	if w.replaced && hasBody(w.status) {
		w.send(w.body)
	}
}

// askRooms lets the rooms see and change the head, from the origin outwards.
func (w *Writer) askRooms() {
	head := &Head{Status: w.status, Header: w.client.Header(), writer: w}
	for i := len(w.heads) - 1; i >= 0; i-- {
		w.heads[i](head)
	}
	w.status = head.Status
	declared, err := strconv.ParseInt(head.Header.Get("Content-Length"), 10, 64)
	if err == nil {
		w.left = declared
	}
	w.flushes = err != nil
}

// Write writes a piece of the body, and the head before it. What the origin writes of a body that is
// replaced is dropped.
func (w *Writer) Write(piece []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.replaced {
		return len(piece), nil
	}
	return w.send(piece)
}

// send hands a piece to the rooms, and then to the client.
func (w *Writer) send(piece []byte) (int, error) {
	if w.left >= 0 {
		w.left -= int64(len(piece))
	}
	for i := len(w.tees) - 1; i >= 0; i-- {
		w.tees[i](piece, w.left == 0)
	}
	n, err := w.client.Write(piece)
	if err == nil && w.flushes {
		w.Flush()
	}
	return n, err
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
