// Package edge runs Lambda@Edge functions, which were written for Amazon CloudFront, around any origin: the Lambda
// function of this middleware, or the router's service.
//
// Viewer and Origin are its two brackets. Other rooms, such as a cache, sit between them. Events and replies are
// those that AWS documents:
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/lambda-event-structure.html
package edge

import (
	"context"
	"net/http"

	"github.com/seed05e46011/lambda/internal/bracket"
)

// Invoke calls a function once with an event, and returns its reply. The error says why there is no reply. Its text
// is fit for the log.
type Invoke = func(ctx context.Context, event []byte) (reply []byte, err error)

// Core holds what the middleware hands over. No field may be nil.
type Core struct {
	// Name is the middleware's name in the log.
	Name string

	// Invoker returns the Invoke for a function. Its errors begin with the wrong option, as in "function: …" or in
	// "qualifier: …".
	Invoker func(function, qualifier string) (Invoke, error)

	// Cause names the cause of an error of Invoke for the log: "throttle", "timeout" ….
	Cause func(err error) string

	// ClientIP returns the client's address without its port.
	ClientIP func(r *http.Request) string

	// Fail responds with a status and this middleware's short body.
	Fail func(w http.ResponseWriter, r *http.Request, status int)

	// Log writes one line for the operator. Debug writes one about something that clients can cause as often as they
	// like.
	Log   func(line string)
	Debug func(line string)

	// Admit reports whether a line about such a cause may be logged now, since clients could fill the log. field
	// counts the lines that were left out and goes behind the cause; it may be "". kind names the hook.
	Admit func(kind, cause string) (field string, admitted bool)

	// Observer returns the func that counts the calls of a hook, such as "viewer-request": "ok",
	// "generated" where a request hook responded itself, "bad_reply" or "error".
	Observer func(hook, function string) func(result string)
}

// Edge holds the hooks of one middleware. It is safe for concurrent use.
type Edge struct {
	core           *Core
	viewerRequest  *hook // nil where the option is not set, and so below
	originRequest  *hook
	originResponse *hook
	viewerResponse *hook
	distributionID string
	domainName     string // "" for the request's host
	origins        hosts
}

// New checks the options and returns the hooks. Its errors name the wrong option.
func New(config *Config, core Core) (*Edge, error) { return parse(config, &core) }

// Viewer runs viewerRequest and viewerResponse around everything that responds to a request. It returns next if
// neither is set.
func (e *Edge) Viewer(next http.Handler) http.Handler {
	if e.viewerRequest == nil && e.viewerResponse == nil {
		return next
	}
	return &viewer{edge: e, next: next}
}

// Origin runs originRequest and originResponse around the origin, and sends requests to the origins that
// originRequest chooses. It notes the origin's own status, on which viewerResponse depends.
func (e *Edge) Origin(next http.Handler) http.Handler {
	if e.originRequest == nil && e.originResponse == nil && e.viewerResponse == nil {
		return next
	}
	return &origin{edge: e, next: next}
}

// viewer is the bracket next to the client.
type viewer struct {
	edge *Edge
	next http.Handler
}

// ServeHTTP runs the viewer's hooks.
func (v *viewer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e := v.edge
	r, notes := bracket.Begin(r)
	if e.viewerRequest != nil {
		changed, responded := e.onRequest(w, r, newCall(e, e.viewerRequest, r.Host, notes))
		if responded {
			return
		}
		r = changed.http
	}
	if e.viewerResponse == nil {
		v.next.ServeHTTP(w, r)
		return
	}
	writer := bracket.Wrap(w)
	writer.OnHead(func(head *bracket.Head) {
		status := notes.OriginStatus
		if status == 0 {
			status = head.Status
		}
		if isOrigins(notes) && status < http.StatusBadRequest {
			e.onResponse(head, r, newCall(e, e.viewerResponse, r.Host, notes))
		}
	})
	v.next.ServeHTTP(writer, r) //yaegi:ok response-writer Writer flushes itself
	writer.Finish()
}

// isOrigins reports whether a response is the origin's. No hook runs for a response that this plugin made because of
// a failure, or that the next handler made in place of the function.
func isOrigins(notes *bracket.Notes) bool { return notes.Failure == "" && !notes.FellBack }

// origin is the bracket next to the origin.
type origin struct {
	edge *Edge
	next http.Handler
}

// ServeHTTP runs the origin's hooks.
func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e := o.edge
	r, notes := bracket.Begin(r)
	// A middleware in front may try again after a failure.
	notes.Failure = ""
	notes.FellBack = false
	host := r.Host
	block := defaultOrigin(r)
	next := o.next
	if e.originRequest != nil {
		call := newCall(e, e.originRequest, host, notes)
		call.origin = block
		changed, responded := e.onRequest(w, r, call)
		if responded {
			return
		}
		r = changed.http
		block = changed.origin
		if changed.elsewhere {
			next = e.proxyTo(block, call)
		}
	}
	if e.originResponse == nil && e.viewerResponse == nil {
		next.ServeHTTP(w, r)
		return
	}
	writer := bracket.Wrap(w)
	writer.OnHead(func(head *bracket.Head) {
		notes.OriginStatus = head.Status
		if e.originResponse != nil && isOrigins(notes) {
			call := newCall(e, e.originResponse, host, notes)
			call.origin = block
			e.onResponse(head, r, call)
		}
	})
	next.ServeHTTP(writer, r) //yaegi:ok response-writer Writer flushes itself
	writer.Finish()
}
