package logline

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/seed05e46011/lambda/internal/bracket"
)

// AccessLog writes one line for each request, with facts that Traefik's own access log does not have. It belongs
// around all other brackets. source is the middleware.
func (l *Logger) AccessLog(source string, next http.Handler) http.Handler {
	return &accessLog{write: l.Access, source: source, next: next, now: time.Now}
}

type accessLog struct {
	write  func(line string)
	source string
	next   http.Handler
	now    func() time.Time
}

// access holds what is known of one request.
type access struct {
	log    *accessLog
	began  time.Time
	notes  *bracket.Notes
	writer *bracket.Writer
}

// ServeHTTP writes the line when the response has ended or was cut.
func (h *accessLog) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	noted, notes := bracket.Begin(r)
	a := &access{log: h, began: h.now(), notes: notes, writer: bracket.Wrap(w)}
	defer finish(a)
	h.next.ServeHTTP(a.writer, noted) //yaegi:ok response-writer Writer flushes itself
	a.writer.Finish()
}

func finish(a *access) {
	status := a.writer.Status()
	if a.writer.Hijacked() {
		status = http.StatusSwitchingProtocols
	}
	route := "-"
	if a.notes.Route != "" {
		route = strconv.Quote(a.notes.Route)
	}
	a.log.write(fmt.Sprintf("%s: request: function=%s route=%s status=%d requestId=%s duration=%s bytes=%d cache=%s authorizer=%s",
		a.log.source, value(a.notes.Function), route, status, value(a.notes.RequestID),
		a.log.now().Sub(a.began).Round(time.Millisecond), a.writer.Sent(),
		value(a.notes.CacheResult), value(a.notes.AuthorizerResult)))
}
