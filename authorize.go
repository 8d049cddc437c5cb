package lambda

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/seed05e46011/lambda/internal/authorizer"
	"github.com/seed05e46011/lambda/internal/aws"
	"github.com/seed05e46011/lambda/internal/bracket"
	"github.com/seed05e46011/lambda/internal/metrics"
	"github.com/seed05e46011/lambda/internal/route"
)

// newAuthorizer builds the bracket of option authorizer.
func newAuthorizer(l *Lambda, config *Config) (*authorizer.Authorizer, error) {
	group := config.Authorizer
	core := authorizer.Core{
		Name:   l.name,
		Shape:  authorizerShapes[config.EventFormat],
		Routed: (l.functions.routes != nil || l.functions.byPath != nil) && !l.failures.passUnmatched,
		Query:  func(r *http.Request) url.Values { return parseQuery(&request{http: r}) },
		Log:    func(line string) { l.log.Limited(line) },
	}
	if !config.hasFunction() {
		core.Shape = authorizer.ShapeNone
	}
	label := "jwt"
	t := l.functions.target
	if group.Function != "" {
		called, invoke, err := newCaller(l, config).authorizer(group)
		if err != nil {
			return nil, err
		}
		core.Invoke = invoke
		core.Function = called.endpoint + "\n" + called.region
		label = called.label
		if t == nil || t.function.AccountID == "" {
			t = called
		}
	}
	format := authorizerFormats[config.Authorizer.EventFormat]
	if format == nil { // not set, or invalid: authorizer.New reports that
		format = authorizerFormats[authorizer.FormatHTTPAPIv2]
	}
	guarded := guardedBy(l, config, t, format)
	core.Region = guarded.events.context.region
	core.Partition = aws.Partition(core.Region)
	core.AccountID = guarded.events.context.accountID
	core.APIID = guarded.events.context.apiID
	core.Stage = guarded.events.context.stage
	core.StageVariables = guarded.events.context.stageVariables
	core.Matches = func(r *http.Request) bool { return matches(l, r) }
	core.Event = func(r *http.Request, identity *authorizer.Identity) ([]byte, error) {
		return authorizerEvent(guarded, format, r, identity)
	}
	core.Variable = func(r *http.Request, name string) string { return contextVariable(guarded, r, name) }
	core.Cause = func(err error) string { return causeNames[asFailure(err).cause] }
	core.ClientIP = func(r *http.Request) string { return clientAddress(l, r) }
	core.Fail = func(w http.ResponseWriter, r *http.Request, status int) {
		if status == http.StatusNotFound {
			fail(l, w, newRequest(l, r), noRoute("no route matches"))
			return
		}
		failBracket(l, w, r, status)
	}
	core.Observe = authorizerCounter(label)
	a, err := authorizer.New(group, core)
	if err != nil {
		return nil, err
	}
	return a, nil
}

// authorizerCounter returns the func that counts an authorizer's results.
func authorizerCounter(label string) func(result, cache string) {
	countResult := metrics.AuthorizerResults(label)
	countCache := metrics.AuthorizerCache(label)
	return func(result, cache string) {
		if atomic.LoadInt32(metered) == 0 {
			return
		}
		countResult(result)
		if cache != authorizer.CacheUnused {
			countCache(cache)
		}
	}
}

// authorizer returns an authorizer's function and the func that calls it. If the function fails, the
// call returns its payload, which tells the reason.
func (c *caller) authorizer(config *authorizer.Config) (*target, func(context.Context, []byte) ([]byte, error), error) {
	function, err := aws.ParseFunction(config.Function, config.Qualifier)
	if err != nil {
		return nil, nil, fmt.Errorf("authorizer.%w", err)
	}
	t, err := newTarget(function, c.api)
	if err != nil {
		return nil, nil, err
	}
	call := func(ctx context.Context, event []byte) ([]byte, error) {
		payload, err := invoke(ctx, c.lambda, newCall(ctx, t, event))
		if err != nil {
			return asFailure(err).payload, err
		}
		return payload, nil
	}
	return t, call, nil
}

// guardedBy returns the handler that makes an authorizer's events. It has the routes and the settings
// of l, but calls nothing.
func guardedBy(l *Lambda, config *Config, t *target, format *authorizerFormat) *Lambda {
	settings := &eventSettings{context: newEventContext(config, t, format.setContext), maxBytes: maxEventBytes}
	setHTTPAPIv2Common(settings, "")
	functions := l.functions
	functions.byPath = nil // not part of an authorizer's event
	return &Lambda{name: l.name, functions: functions, events: settings}
}

// authorizedRequest returns the request for r that its authorizer's event is made from.
func authorizedRequest(l *Lambda, r *http.Request) *request {
	req := newRequest(l, r)
	adoptNotes(req)
	if l.functions.clientIP != nil {
		req.clientIP = forwardedIP(l.functions.clientIP, req)
	}
	if l.functions.routes != nil {
		_ = resolveByKey(l.functions.routes, req) // a request without a route keeps the key $default
	}
	return req
}

// matches reports whether there is a function for a request.
func matches(l *Lambda, r *http.Request) bool {
	if l.functions.byPath != nil {
		return resolveByPath(l.functions.byPath, &request{http: r}) == nil
	}
	return route.Find(l.functions.routes.table, r) != nil
}

// authorizerEvent makes an authorizer's event. The ids in it are noted, so that the function's event
// contains the same ones.
func authorizerEvent(l *Lambda, format *authorizerFormat, r *http.Request, identity *authorizer.Identity) ([]byte, error) {
	req := authorizedRequest(l, r)
	req.authorizing = identity
	if notes, ok := bracket.NotesIn(r.Context()); ok && !notes.Marked {
		notes.Marks = bracket.Marks{RequestID: req.requestID, UUID: requestUUID(req), TraceID: req.traceID, Time: req.time}
		notes.Marked = true
	}
	event, err := format.encode(l.events, req)
	if err == nil && req.lossy {
		event, err = format.encode(l.events, withoutInvalidUTF8(req))
	}
	if err == nil && len(event) > l.events.maxBytes {
		return nil, tooLarge("event", int64(l.events.maxBytes))
	}
	return event, err
}

// adoptNotes copies the authorizer's notes into the request, for the function's event.
func adoptNotes(req *request) {
	if notes, ok := bracket.NotesIn(req.http.Context()); ok {
		req.authorizer = notes.Authorizer
		if notes.Marked {
			adoptMarks(req, &notes.Marks)
		}
	}
}

func adoptMarks(req *request, marks *bracket.Marks) {
	req.requestID = marks.RequestID
	req.uuid = marks.UUID
	req.traceID = marks.TraceID
	req.millis = marks.Time.UnixMilli()
	req.second = secondOf(req.millis / 1000)
}

// contextVariable returns the value of a variable of $context. A path has the event's form, but is
// always as the client sent it: one cached result must not serve two requests that a function can tell
// apart.
func contextVariable(l *Lambda, r *http.Request, name string) string {
	switch name {
	case "accountId":
		return l.events.context.accountID
	case "apiId":
		return l.events.context.apiID
	case "stage":
		return l.events.context.stage
	case "httpMethod":
		return r.Method
	case "protocol":
		return r.Proto
	case "domainName", "domainPrefix":
		domain, label := hostname(r.Host)
		if name == "domainPrefix" {
			return label
		}
		return domain
	case "identity.sourceIp":
		return clientAddress(l, r)
	case "identity.userAgent":
		return strings.Join(r.Header["User-Agent"], ",")
	}
	return requestVariable(l, authorizedRequest(l, r), name)
}

// requestVariable returns a variable's value that depends on more of the request.
func requestVariable(l *Lambda, req *request, name string) string {
	switch name {
	case "path":
		path := escapedPath(req)
		if l.events.context.stage != defaultRouteKey {
			path = "/" + l.events.context.stage + path
		}
		return path
	case "routeKey":
		return req.routeKey
	case "requestId":
		return req.requestID
	case "requestTime":
		return req.second.logTime
	case "requestTimeEpoch":
		return strconv.FormatInt(req.millis, 10)
	default:
		return ""
	}
}

// joinSources returns the identity sources joined by commas.
func joinSources(identity *authorizer.Identity) string { return strings.Join(identity.Sources, ",") }

// singles returns m, or an empty map for nil, which JSON would write as null.
func singles(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

// lists is singles for maps of lists.
func lists(m map[string][]string) map[string][]string {
	if m == nil {
		return map[string][]string{}
	}
	return m
}
