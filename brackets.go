package lambda

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/seed05e46011/lambda/internal/aws"
	"github.com/seed05e46011/lambda/internal/bracket"
	"github.com/seed05e46011/lambda/internal/edge"
	"github.com/seed05e46011/lambda/internal/logline"
	"github.com/seed05e46011/lambda/internal/metrics"
)

// hasFunction reports whether the options name functions. Without one the router's service is the
// origin.
func (c *Config) hasFunction() bool {
	return c.Function != "" || len(c.Routes) > 0 || c.PathPrefix != ""
}

// hasBrackets reports whether the options ask for rooms around the origin.
func (c *Config) hasBrackets() bool { return c.Edge != nil || c.Authorizer != nil || c.Cache != nil }

// addBrackets puts the rooms that the options ask for around an origin. A request meets them from the
// last to the first, its response from the first to the last.
func addBrackets(ctx context.Context, l *Lambda, origin http.Handler, config *Config) (http.Handler, error) {
	handler := origin
	var hooks *edge.Edge
	if config.Edge != nil {
		e, err := newEdge(l, config)
		if err != nil {
			return nil, err
		}
		hooks = e
		handler = timed(l, "edge-origin", handler, func(next http.Handler) http.Handler { return hooks.Origin(next) })
	}
	if config.Cache != nil {
		stored, err := newCache(ctx, l, config)
		if err != nil {
			return nil, err
		}
		handler = timed(l, "cache", handler, func(next http.Handler) http.Handler { return stored.Handler(next) })
	}
	if config.Authorizer != nil {
		a, err := newAuthorizer(l, config)
		if err != nil {
			return nil, err
		}
		handler = timed(l, "authorizer", handler, func(next http.Handler) http.Handler { return a.Handler(next) })
	}
	if config.Edge != nil {
		handler = timed(l, "edge-viewer", handler, func(next http.Handler) http.Handler { return hooks.Viewer(next) })
	}
	if l.calls.serverTiming {
		handler = bracket.ServerTiming(handler)
	}
	return handler, nil
}

// timed returns what room makes of next, with the time taken where option serverTiming tells it.
func timed(l *Lambda, name string, next http.Handler, room func(next http.Handler) http.Handler) http.Handler {
	if l.calls.serverTiming {
		return bracket.Timed(name, next, room)
	}
	return room(next)
}

// newEdge builds the hooks of option edge.
func newEdge(l *Lambda, config *Config) (*edge.Edge, error) {
	caller := newCaller(l, config)
	return edge.New(config.Edge, edge.Core{
		Name:     l.name,
		Invoker:  func(function, qualifier string) (edge.Invoke, error) { return caller.invoker(function, qualifier) },
		Cause:    func(err error) string { return causeNames[asFailure(err).cause] },
		ClientIP: func(r *http.Request) string { return clientAddress(l, r) },
		Fail: func(w http.ResponseWriter, r *http.Request, status int) {
			failBracket(l, w, r, status)
		},
		Admit:    func(kind, cause string) (string, bool) { return admitHook(l, kind, cause) },
		Log:      func(line string) { l.log.Error(line) },
		Debug:    func(line string) { l.log.Debug(line) },
		Observer: metrics.EdgeCalls,
	})
}

// admitHook reports whether the log takes a line about a failed hook, as logFailure does for functions.
func admitHook(l *Lambda, hook, name string) (field string, admitted bool) {
	for c := range causedAtWill {
		if causeNames[c] == name {
			omitted, admitted := logline.Admit(l.name+" "+hook+" "+name, time.Now())
			return logline.Omitted(omitted), admitted
		}
	}
	return "", true
}

// caller calls the functions of rooms: with the credentials and over the connections of the origin's
// function, but once, and for the reply.
type caller struct {
	lambda *Lambda
	api    *lambdaAPI
}

func newCaller(l *Lambda, config *Config) *caller {
	api := newLambdaAPI(config)
	api.streamed = false
	calls := callSettings{
		credentials: l.calls.credentials,
		transport:   l.calls.transport,
		logType:     l.calls.logType,
		plain:       true,
		proxied:     l.calls.proxied,
		xray:        l.calls.xray,
	}
	return &caller{api: api, lambda: &Lambda{
		name:    l.name,
		log:     l.log,
		calls:   calls,
		replies: &replySettings{takenStatus: statusOK},
	}}
}

// invoker returns the func that calls a function. Where a call fails, its error is a *failure.
func (c *caller) invoker(name, qualifier string) (func(context.Context, []byte) ([]byte, error), error) {
	function, err := aws.ParseFunction(name, qualifier)
	if err != nil {
		return nil, err
	}
	t, err := newTarget(function, c.api)
	if err != nil {
		return nil, err
	}
	l := c.lambda
	return func(ctx context.Context, event []byte) ([]byte, error) {
		return invoke(ctx, l, newCall(ctx, t, event))
	}, nil
}

// newCall returns a call of a room as invoke takes it. That the client has left looks like a timeout
// from there: rooms ask the context of their request.
func newCall(ctx context.Context, t *target, event []byte) *request {
	req := &request{target: t, event: event, uncounted: true}
	req.http = blankRequest.WithContext(context.WithoutCancel(ctx))
	redate(req)
	return req
}

// failBracket responds in the name of a room, with the status text in the shape of the format's own
// front door.
func failBracket(l *Lambda, w http.ResponseWriter, r *http.Request, status int) {
	contentType, body := l.format.failureBody(status, statusText(status))
	header := w.Header()
	header.Set("Content-Type", contentType)
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte(body)) // fails only where the client has gone
	}
}

// noteFailure tells rooms further out that this middleware responds itself, or, with fallback, the
// next handler in the function's place.
func noteFailure(r *http.Request, c cause, fellBack bool) {
	notes, ok := bracket.NotesIn(r.Context())
	switch {
	case !ok:
	case fellBack:
		notes.FellBack = true
	default:
		notes.Failure = causeNames[c]
	}
}
