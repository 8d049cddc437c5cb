// Package bracket holds what the rooms around an origin share: Notes about one request, and Writer, through which
// they see the response.
//
// The origin is the Lambda function or, if none is set, the router's service. A bracket is an ordinary
// func(http.Handler) http.Handler. It is built only if its options are set.
package bracket

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// Notes holds what the rooms tell each other about one request. It belongs to the goroutine that serves the request.
type Notes struct {
	// Failure names the cause if this plugin made the response itself, because the origin failed or was not asked.
	// Such a response meets no response hook and is not stored. "" if the origin responded.
	Failure string

	// FellBack reports whether the next handler responded because the function failed.
	FellBack bool

	// HoldsFallback reports whether the cache handles failures first: it prefers a stale response to the next
	// handler.
	HoldsFallback bool

	// FallbackHeld reports whether the next handler would have responded in place of the failure.
	FallbackHeld bool

	// OriginStatus is the status that the origin itself sent, before any hook changed it. 0 before the origin has
	// responded.
	OriginStatus int

	// EdgeRequestID is the request id in the events of all hooks. "" before the first.
	EdgeRequestID string

	// Authorizer is the authorizer's result for the caller, ready for requestContext.authorizer in the function's
	// event. It is valid only if Authorized is true.
	Authorizer json.RawMessage
	Authorized bool

	// Marks are the ids and the time in the authorizer's event. The function's event repeats them. They are valid
	// only if Marked is true.
	Marks  Marks
	Marked bool

	// TraceHeader is the X-Amzn-Trace-Id of all calls for this request. "" for none.
	TraceHeader string

	// Function, Route and RequestID are for the access log: the function that was called, the route that named it,
	// and Lambda's id of the call. "" for none.
	Function  string
	Route     string
	RequestID string

	// Results of the rooms for the access log, such as "hit" or "allow". "" where a room is not set.
	CacheResult      string
	AuthorizerResult string

	// Timings lists the parts of a request and their durations for Server-Timing, in the order in which they ended.
	Timings []Timing
	parts   []*part // of the rooms that are timed
}

// Marks are the ids and the time of a request, as events name them.
type Marks struct {
	RequestID string // short, as HTTP APIs make them
	UUID      string // as REST APIs and Function URLs make them
	TraceID   string // "Root=1-…"
	Time      time.Time
}

// Timing is one part of a request in Server-Timing.
type Timing struct {
	Name string // a token, such as "authorizer"
	Took time.Duration
}

// notesKey is the key of a request's notes in its context. It is a pointer, since Yaegi cannot tell
// apart keys of two empty struct types.
var notesKey = new(int32)

// Begin returns the notes of a request. If it has none, the returned request has new ones in its context.
func Begin(r *http.Request) (*http.Request, *Notes) {
	ctx := r.Context()
	if notes, ok := ctx.Value(notesKey).(*Notes); ok {
		return r, notes
	}
	notes := &Notes{}
	return r.WithContext(context.WithValue(ctx, notesKey, notes)), notes
}

// BeginAnew returns a request with new notes, for work that outlives the original request. They repeat what is known
// of the caller, and are empty about the response.
func BeginAnew(r *http.Request) (*http.Request, *Notes) {
	notes := &Notes{}
	if before, ok := NotesIn(r.Context()); ok {
		notes.Authorizer = before.Authorizer
		notes.Authorized = before.Authorized
	}
	return r.WithContext(context.WithValue(r.Context(), notesKey, notes)), notes
}

// NotesIn returns the notes in a context. ok is false if there are none.
func NotesIn(ctx context.Context) (notes *Notes, ok bool) {
	found, ok := ctx.Value(notesKey).(*Notes)
	if !ok {
		return nil, false // in Yaegi an assertion that fails leaves its variable as it was
	}
	return found, true
}
