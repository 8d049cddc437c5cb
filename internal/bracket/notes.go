// Package bracket holds what the rooms around an origin share: Notes, which they make of one request
// on its way, and Writer, through which they see the response.
//
// The origin is the Lambda function or, where none is set, the router's service. A bracket is an
// ordinary func(http.Handler) http.Handler that is built only where its options are set.
package bracket

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// Notes is what the rooms tell each other about one request. It belongs to the goroutine that serves
// the request.
type Notes struct {
	// Failure names the cause where this plugin made the response itself, because the origin failed
	// or was not asked. Such a response meets no response hook, and no cache stores it. "" where the
	// origin responded.
	Failure string

	// FellBack reports whether the next handler responded because the function failed.
	FellBack bool

	// HoldsFallback reports whether the cache decides what becomes of a failure: a stale response comes
	// before the next handler.
	HoldsFallback bool

	// FallbackHeld reports whether the next handler would have responded in the place of the failure.
	FallbackHeld bool

	// OriginStatus is the status that the origin itself sent, whatever a hook made of it later. 0
	// before the origin has responded.
	OriginStatus int

	// EdgeRequestID is the request id in the events of all hooks. "" before the first.
	EdgeRequestID string

	// Authorizer is what the authorizer says of the caller, ready for requestContext.authorizer of
	// the function's own event format. It means something only where Authorized is true.
	Authorizer json.RawMessage
	Authorized bool

	// Marks are the ids and the time that the authorizer's event has named, for the function's event
	// to name the same. They mean something only where Marked is true.
	Marks  Marks
	Marked bool

	// TraceHeader is the X-Amzn-Trace-Id of all calls for this request. "" for none.
	TraceHeader string

	// Function, Route and RequestID are, for the access log, the function that was called, the route
	// that named it, and the id that Lambda gave to the call. "" where there is none.
	Function  string
	Route     string
	RequestID string

	// Results of the rooms for the access log, such as "hit" or "allow". "" where a room is not set.
	CacheResult      string
	AuthorizerResult string

	// Timings lists what took how long, in the order of their ends, for Server-Timing.
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

// Begin returns the notes of a request, and the request with new ones in its context where it had
// none.
func Begin(r *http.Request) (*http.Request, *Notes) {
	ctx := r.Context()
	if notes, ok := ctx.Value(notesKey).(*Notes); ok {
		return r, notes
	}
	notes := &Notes{}
	return r.WithContext(context.WithValue(ctx, notesKey, notes)), notes
}

// BeginAnew returns a request with notes of its own, for work that outlives the request that asks for
// it. They say the same of its caller, and nothing of its response.
func BeginAnew(r *http.Request) (*http.Request, *Notes) {
	notes := &Notes{}
	if before, ok := NotesIn(r.Context()); ok {
		notes.Authorizer = before.Authorizer
		notes.Authorized = before.Authorized
	}
	return r.WithContext(context.WithValue(r.Context(), notesKey, notes)), notes
}

// NotesIn returns the notes in a context. ok is false where no room has begun any.
func NotesIn(ctx context.Context) (notes *Notes, ok bool) {
	found, ok := ctx.Value(notesKey).(*Notes)
	if !ok {
		return nil, false // in Yaegi an assertion that fails leaves its variable as it was
	}
	return found, true
}
