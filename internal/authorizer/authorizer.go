// Package authorizer decides who may pass before a request reaches its origin, as API Gateway does: with a Lambda
// authorizer in one of its four event formats, or with an HTTP API's JWT authorizer.
//
// A request passes only if the authorizer allows it. Otherwise it gets 401, 403, 414 or 500: a request that cannot be
// decided gets 500 and never passes. The result goes to the function's event (bracket.Notes) and into headers for the
// service (option requestHeaders). The request's body is never read.
package authorizer

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/seed05e46011/lambda/internal/bracket"
	"github.com/seed05e46011/lambda/internal/wait"
)

// Core holds what the core hands over. All of its functions are set, and safe for concurrent use.
type Core struct {
	// Name is the middleware's name, as Traefik qualifies it.
	Name string

	// Function identifies the authorizer's function: its name or ARN, qualifier, region and endpoint, and the
	// credentials that call it. Instances of equal Name and Function share cached results.
	Function string

	// Partition ("aws"), Region, AccountID, APIID and Stage make the ARN that policies are matched
	// against.
	Partition, Region, AccountID, APIID, Stage string

	// StageVariables may be identity sources. nil for none.
	StageVariables map[string]string

	// Shape is the form of the result in the function's own event.
	Shape Shape

	// Routed reports whether some requests may match no route. Matches tells which: these get 404 before they are
	// authorized.
	Routed  bool
	Matches func(r *http.Request) bool

	// Event makes the authorizer's event of a request. It does not read the body.
	Event func(r *http.Request, identity *Identity) ([]byte, error)

	// Invoke calls the authorizer's function. If the function itself fails, payload is its error, {"errorMessage":
	// …}, beside err. For all other errors payload is nil. The text of err is fit for the log.
	Invoke func(ctx context.Context, event []byte) (payload []byte, err error)

	// Query decodes the query as it stands in the function's event.
	Query func(r *http.Request) url.Values

	// Variable returns the value of a variable of $context, named as in identity sources: "path",
	// "identity.sourceIp". "" for none.
	Variable func(r *http.Request, name string) string

	// ClientIP returns the client's bare address.
	ClientIP func(r *http.Request) string

	// Cause names the cause of an error of Invoke for the log: "throttle", "timeout" ….
	Cause func(err error) string

	// Fail responds with this middleware's own body for a status: 404 or 499.
	Fail func(w http.ResponseWriter, r *http.Request, status int)

	// Log writes one line to the operator's log.
	Log func(line string)

	// Observe counts a result, such as ResultAllow, and CacheHit, CacheMiss or, if results are not cached,
	// CacheUnused.
	Observe func(result, cache string)
}

// Identity holds the parts of an authorizer's event that depend on the authorizer.
type Identity struct {
	Format  string   // a constant of this package
	ARN     string   // methodArn or routeArn
	Sources []string // the values of the identity sources, in their order; empty for none
}

// Authorizer authorizes the requests of one instance.
type Authorizer struct {
	core        Core
	settings    *settings
	refusals    *refusals
	arnPrefix   string  // "arn:aws:execute-api:eu-west-1:123456789012:api/stage/"
	label       string  // the function, or "jwt", for the log
	fingerprint string  // of everything else that a decision depends on
	keys        *keySet // of a JWT's issuer; nil for Lambda authorizers

	setsHeaders bool // option requestHeaders is set

	// plainHeader is the identity source if it is one header whose results are cached: most requests then pass by
	// cachedAllow. "" otherwise.
	plainHeader string
}

// outcome is the result for one request.
type outcome struct {
	decision *decision
	refused  *refusal      // nil for a request that may pass
	latency  time.Duration // of the call; 0 where there was none
	cache    string        // CacheHit, CacheMiss or CacheUnused
}

// New checks the options and returns the authorizer. Its errors name the option.
func New(config *Config, core Core) (*Authorizer, error) {
	s, err := parse(config)
	if err != nil {
		return nil, err
	}
	a := &Authorizer{core: core, settings: s, refusals: httpRefusals}
	a.setsHeaders = len(s.headers) > 0
	if s.format.rest {
		a.refusals = restRefusals
	}
	a.arnPrefix = "arn:" + core.Partition + ":execute-api:" + core.Region + ":" + core.AccountID + ":" +
		core.APIID + "/" + core.Stage + "/"
	a.fingerprint = fingerprintOf(config, &a.core)
	a.label = config.Function
	if s.verifiesJWT {
		a.label = "jwt"
		a.keys = sharedKeySet(s.jwt.issuer, s.jwt.jwksURL)
	}
	if (s.verifiesJWT || s.ttl > 0) && len(s.sources) == 1 && s.sources[0].kind == sourceHeader {
		a.plainHeader = s.sources[0].name
	}
	return a, nil
}

// fingerprintOf hashes everything that a decision depends on besides the identity.
func fingerprintOf(c *Config, core *Core) string {
	parts := []string{
		core.Name, core.Function, core.Region, core.AccountID, core.APIID, core.Stage, strconv.Itoa(int(core.Shape)),
		c.Function, c.Qualifier, c.EventFormat, c.IdentityValidation, c.TTL, strings.Join(c.IdentitySource, "\n"),
	}
	if c.JWT != nil {
		parts = append(parts, c.JWT.Issuer, c.JWT.JWKSURL)
		parts = append(parts, strings.Join(c.JWT.Audience, "\n"), strings.Join(c.JWT.Scopes, "\n"))
	}
	headers := make([]string, 0, len(c.RequestHeaders))
	for name, text := range c.RequestHeaders {
		headers = append(headers, strconv.Quote(name)+":"+strconv.Quote(text))
	}
	sort.Strings(headers)
	sum := sha256.Sum256([]byte(strings.Join(append(parts, headers...), "\x00")))
	return string(sum[:])
}

// Handler returns the bracket around next, which lets only allowed requests pass. It first removes the headers that
// only the authorizer may set, so that neither the origin nor the authorizer's own event sees what a client wrote
// there.
func (a *Authorizer) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.setsHeaders {
			removeHeaders(a.settings.headers, r.Header)
		}
		request, notes := bracket.Begin(r)
		if a.core.Routed && !a.core.Matches(r) {
			notes.Failure = "no-route"
			a.core.Fail(w, request, http.StatusNotFound)
			return
		}
		d := cachedAllow(a, r)
		if d == nil {
			if !authorize(a, w, request, notes) {
				return
			}
		} else {
			notes.Authorizer = d.cachedNote
			notes.Authorized = true
			notes.AuthorizerResult = ResultAllow
			if a.setsHeaders {
				setHeaders(r.Header, d.headers)
			}
			a.core.Observe(ResultAllow, CacheHit)
		}
		next.ServeHTTP(w, request)
	})
}

// cachedAllow returns the decision for a request whose identity is cached and allowed, as most are. It returns nil if
// that takes a closer look. It does the work of authorize in one function, because in Yaegi a call costs more than
// the body it runs.
func cachedAllow(a *Authorizer, r *http.Request) *decision {
	values := r.Header[a.plainHeader]
	if len(values) != 1 || len(r.URL.Path) > maxARN/4 {
		return nil
	}
	sum := sha256.Sum256([]byte(a.fingerprint + values[0])) // cacheKey
	now := time.Now().UnixMilli()
	decisions.mu.Lock()
	element := decisions.entries[string(sum[:])]
	if element == nil {
		decisions.mu.Unlock()
		return nil
	}
	e := element.Value.(*entry)
	if now > e.touch {
		touch(decisions, element, now)
	}
	decisions.mu.Unlock()
	d := e.decision
	if e.expires <= now || (!d.allowsAll && !plainlyAllows(a, d, r)) {
		return nil
	}
	return d
}

// plainlyAllows reports whether a plain policy allows a request whose path has one reading.
func plainlyAllows(a *Authorizer, d *decision, r *http.Request) bool {
	if !d.plain {
		return false
	}
	asked := a.arnPrefix + r.Method + r.URL.EscapedPath()
	return !strings.ContainsAny(asked, "*%") && d.plainAllow.MatchString(asked) &&
		(d.plainDeny == nil || !d.plainDeny.MatchString(asked))
}

// authorize reports whether a request may pass, and responds if it may not.
func authorize(a *Authorizer, w http.ResponseWriter, r *http.Request, notes *bracket.Notes) bool {
	o := ask(a, r)
	if o.refused == nil {
		o.refused = pass(a, r, notes, o)
	}
	if o.refused == nil {
		notes.AuthorizerResult = ResultAllow
		a.core.Observe(ResultAllow, o.cache)
		return true
	}
	notes.AuthorizerResult = o.refused.result
	notes.Failure = o.refused.result
	a.core.Observe(o.refused.result, o.cache)
	if o.refused.status == statusClientClosedRequest {
		a.core.Fail(w, r, statusClientClosedRequest)
	} else {
		refuse(w, r, o.refused)
	}
	return false
}

func ask(a *Authorizer, r *http.Request) *outcome {
	values, known := identityOf(a, r)
	if a.settings.verifiesJWT {
		if !known {
			return &outcome{refused: noToken, cache: CacheUnused}
		}
		return askToken(a, r, values)
	}
	if !known || (a.settings.validates && !a.settings.validation.MatchString(values[0])) {
		return &outcome{refused: a.refusals.unauthorized, cache: CacheUnused}
	}
	return askFunction(a, r, values)
}

// pass puts the result for an allowed caller where the origin finds it.
func pass(a *Authorizer, r *http.Request, notes *bracket.Notes, o *outcome) *refusal {
	d := o.decision
	if d.headerErr != nil {
		return failed(a, causeHeaders, d.headerErr)
	}
	encoded, err := noteFor(a, d, o.latency)
	if err != nil {
		return failed(a, causeContext, err)
	}
	notes.Authorizer = encoded
	notes.Authorized = true
	setHeaders(r.Header, d.headers)
	return nil
}

// clientGone is the refusal for a client that has gone.
var clientGone = &refusal{result: ResultError, status: statusClientClosedRequest}

// statusClientClosedRequest is the status that Traefik's own proxy logs if the client has gone.
const statusClientClosedRequest = 499

// failed logs why the authorizer failed, and returns the response.
func failed(a *Authorizer, cause string, err error) *refusal {
	a.core.Log(fmt.Sprintf("%s: 500 Internal Server Error: authorizer=%s cause=%s: %s",
		a.core.Name, a.label, cause, oneLine.Replace(err.Error())))
	return a.refusals.failed
}

// The causes of failures, in the log, beside those of calls.
const (
	causeEvent    = "event"     // the event could not be made
	causeBadReply = "bad-reply" // the function's reply is not valid
	causeHeaders  = "headers"   // requestHeaders cannot be rendered
	causeKeys     = "keys"      // the issuer's keys are not available
	causeContext  = "context"   // the context cannot be written into the function's event
)

// oneLine makes foreign text safe for the log: it cannot start a line of its own.
var oneLine = strings.NewReplacer("\n", " ", "\r", " ")

// askFunction asks the Lambda authorizer, or the cache.
func askFunction(a *Authorizer, r *http.Request, values []string) *outcome {
	t := targetOf(a.arnPrefix, r)
	if len(t.sent) > maxARN {
		return &outcome{refused: a.refusals.tooLong, cache: CacheUnused}
	}
	if a.settings.ttl <= 0 {
		return askNow(a, r, &t, values)
	}
	key := cacheKey(a.fingerprint, values)
	d, found := lookUp(decisions, key, time.Now().UnixMilli())
	if found {
		return judge(a, r, &t, &outcome{decision: d, cache: CacheHit})
	}
	return askShared(a, r, &t, key, values)
}

// judge evaluates a decision for a request.
func judge(a *Authorizer, r *http.Request, t *target, o *outcome) *outcome {
	d := o.decision
	if d.simple {
		if !d.allowed {
			o.refused = a.refusals.explicitDeny
		}
		return o
	}
	switch evaluate(d.policy, t, factsFor(a, d, r)) {
	case verdictAllow:
	case verdictExplicitDeny:
		o.refused = a.refusals.explicitDeny
	default:
		o.refused = a.refusals.implicitDeny
	}
	return o
}

// noFacts is for policies without conditions.
var noFacts = &facts{}

// factsFor returns the values that conditions may ask for.
func factsFor(a *Authorizer, d *decision, r *http.Request) *facts {
	if !d.conditional() {
		return noFacts
	}
	f := &facts{
		now:       time.Now(),
		sourceIP:  a.core.ClientIP(r),
		referer:   headerValue(r, "Referer"),
		userAgent: headerValue(r, "User-Agent"),
		secure:    r.TLS != nil,
	}
	if proto := r.Header.Get("X-Forwarded-Proto"); proto != "" { // set by Traefik or by a proxy that it trusts
		f.secure = strings.EqualFold(proto, "https") || strings.EqualFold(proto, "wss")
	}
	return f
}

// errUnauthorized is the error with which a REST API's authorizer makes the client get 401.
var errUnauthorized = errors.New("Unauthorized") // AWS's own text

// call calls the function and turns its reply into a decision.
func call(ctx context.Context, a *Authorizer, event []byte) (*decision, error) {
	limited, cancel := context.WithTimeout(ctx, a.settings.timeout)
	defer cancel()
	payload, err := a.core.Invoke(limited, event)
	if err != nil {
		if a.settings.format.rest && saysUnauthorized(payload) {
			return nil, errUnauthorized
		}
		return nil, err
	}
	return newDecision(a, payload)
}

// saysUnauthorized reports whether a function failed with exactly this message.
func saysUnauthorized(payload []byte) bool {
	object, err := decodeObject(payload)
	if err != nil {
		return false
	}
	message, isText := object["errorMessage"].(string)
	return isText && message == "Unauthorized"
}

// eventFor makes the authorizer's event.
func eventFor(a *Authorizer, r *http.Request, t *target, values []string) ([]byte, error) {
	return a.core.Event(r, &Identity{Format: a.settings.format.name, ARN: t.sent, Sources: values})
}

// askNow calls the function for one request.
func askNow(a *Authorizer, r *http.Request, t *target, values []string) *outcome {
	event, err := eventFor(a, r, t, values)
	if err != nil {
		return &outcome{refused: failed(a, causeEvent, err), cache: CacheUnused}
	}
	began := time.Now()
	d, err := call(r.Context(), a, event)
	if err != nil {
		return &outcome{refused: refusalFor(a, r, err), cache: CacheUnused}
	}
	return judge(a, r, t, &outcome{decision: d, latency: time.Since(began), cache: CacheUnused})
}

// refusalFor returns the response if there is no decision.
func refusalFor(a *Authorizer, r *http.Request, err error) *refusal {
	if r.Context().Err() != nil {
		return clientGone
	}
	if err == errUnauthorized { //nolint:errorlint // never wrapped
		return a.refusals.unauthorized
	}
	return failed(a, causeOf(a, err), err)
}

// badReply begins the text of errors about replies.
const badReply = "the authorizer's reply: "

// causeOf names the cause of a failed call. Wrapped errors of interpreted types cannot be told apart, so the text
// shows which are about the reply.
func causeOf(a *Authorizer, err error) string {
	if strings.HasPrefix(err.Error(), badReply) {
		return causeBadReply
	}
	return a.core.Cause(err)
}

// askShared calls the function once for all concurrent requests of an identity.
func askShared(a *Authorizer, r *http.Request, t *target, key string, values []string) *outcome {
	event, err := eventFor(a, r, t, values)
	if err != nil {
		return &outcome{refused: failed(a, causeEvent, err), cache: CacheMiss}
	}
	o := &outcome{cache: CacheHit}
	began := time.Now()
	f, begun := join(decisions, key, began.UnixMilli())
	if begun {
		o.cache = CacheMiss
		go fly(context.WithoutCancel(r.Context()), a, f, key, event)
	}
	if !wait.For(r.Context(), f.done) {
		o.refused = clientGone
		return o
	}
	if f.err == nil {
		o.decision = f.decision
		if begun {
			o.latency = time.Since(began)
		}
		return judge(a, r, t, o)
	}
	switch {
	case begun:
		o.refused = refusalFor(a, r, f.err)
	case f.err == errUnauthorized: //nolint:errorlint // never wrapped
		o.refused = a.refusals.unauthorized
	default: // the request that began the flight has logged why
		o.refused = a.refusals.failed
	}
	return o
}

// fly makes the call of a flight. It has its own context: the request that began it may leave while others wait.
func fly(ctx context.Context, a *Authorizer, f *flight, key string, event []byte) {
	defer land(decisions, key, f)
	defer survive(f)
	d, err := call(ctx, a, event)
	f.decision = d
	f.err = err
	if err == nil {
		store(decisions, key, d, time.Now().Add(a.settings.ttl).UnixMilli())
	}
}

// survive turns a panic, which would end Traefik in this goroutine, into the flight's error.
func survive(f *flight) {
	if p := recover(); p != nil {
		f.err = fmt.Errorf("panic: %v", p)
	}
}
