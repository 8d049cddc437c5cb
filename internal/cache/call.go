package cache

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/seed05e46011/lambda/internal/bracket"
)

// call is one call of the origin and its outcome.
type call struct {
	asked       asked
	conditional bool // it asks whether the entry is still good

	action   action
	status   int
	header   http.Header // of the response; belongs to the Writer
	kept     http.Header // the part that is stored
	declared int64       // its Content-Length; -1 for none
	verdict  verdict

	outdated bool // its values in Redis have to be deleted
	collects bool // the body goes into body
	body     []byte
	entry    *entry
	stored   bool
}

// action is how a response is handled, decided by its head.
type action int

const (
	passes    action = iota // to the client
	tees                    // to the client, and into the store
	holds                   // into the store, and from there to the client
	fails                   // this middleware made it because the origin failed
	errs                    // the origin sent an error, and a stale response is there
	validates               // the entry is still good
)

// callAlone forwards a request for whose response no other request waits.
func callAlone(x *exchange) {
	s := x.cache.store
	s.mutex.Lock()
	x.pending = begin(s, x.key)
	s.mutex.Unlock()
	defer endCall(s, x.key, x.pending)
	ask(x, x.r.Context())
	conclude(x)
}

// lead forwards a request for whose response others wait.
func lead(x *exchange) {
	defer endCall(x.cache.store, x.key, x.pending) // also where the origin panics, to cut the connection
	defer land(x.cache.store, x.flightKey, x.flight)
	if !detachable(x) {
		ask(x, x.r.Context())
		conclude(x)
		return
	}
	ctx, release := detach(x.r.Context(), x.cache.store, x.flight)
	ask(x, ctx)
	release()
	conclude(x)
}

func endCall(s *store, key string, p *pending) {
	s.mutex.Lock()
	end(s, key, p)
	s.mutex.Unlock()
}

// detachable reports whether the call may outlive the client that makes it. A streamed reply is written to that
// client as it arrives, so it may not.
func detachable(x *exchange) bool {
	return x.cache.core.Function && !x.cache.core.Streamed && !x.background
}

// ask calls the origin, and returns when it has responded.
func ask(x *exchange, ctx context.Context) { //nolint:revive // x is whose context this is
	x.call = call{declared: -1}
	x.call.asked = asked{r: x.r, authorized: x.cache.core.Authorized || x.notes.Authorized, called: nowMillis()}
	x.notes.Failure = ""
	x.notes.HoldsFallback = true
	x.notes.FallbackHeld = false
	r := outgoing(x, ctx)
	w := bracket.Apart(x.w)
	w.OnHead(func(head *bracket.Head) { onHead(x, head) })
	w.OnBody(func(piece []byte, complete bool) { onBody(x, piece, complete) })
	x.next.ServeHTTP(w, r) //yaegi:ok response-writer the Writer flushes itself
	if ctx.Err() == nil {
		w.Finish()
	}
	x.notes.HoldsFallback = false
}

// outgoing returns the request for the origin. If others wait, it asks for the whole response, or whether the entry
// is still valid. The condition of its own client is then judged on the result.
func outgoing(x *exchange, ctx context.Context) *http.Request { //nolint:revive // x is whose context this is
	r := x.r.WithContext(ctx)
	if !x.leads && !x.parallel {
		return r
	}
	r.Header = x.r.Header.Clone()
	delete(r.Header, "If-None-Match")
	delete(r.Header, "If-Modified-Since")
	e := x.entry
	if !x.found || !canValidate(e) || e.head != (r.Method == http.MethodHead) {
		return r
	}
	x.call.conditional = true
	if e.etag != "" {
		r.Header["If-None-Match"] = []string{e.etag}
	}
	if e.lastModified != "" {
		r.Header["If-Modified-Since"] = []string{e.lastModified}
	}
	return r
}

// onHead decides by the head of a response how it is handled.
func onHead(x *exchange, head *bracket.Head) {
	p := &x.call
	p.asked.received = nowMillis()
	p.status = head.Status
	p.header = head.Header
	declared, err := strconv.ParseInt(head.Header.Get("Content-Length"), 10, 64)
	if err == nil {
		p.declared = declared
	}
	if x.notes.OriginStatus == 0 {
		x.notes.OriginStatus = p.status
	}
	p.action = actionOf(x)
	switch p.action {
	case passes:
		release(x)
		addStatus(head.Header, statusLine(x, false, ""))
	case tees:
		if p.declared < 0 && bodied(x) {
			release(x) // its size is unknown: it may be too large to store
		}
		ttl := p.verdict.fresh.lifetime/1000 - p.verdict.fresh.age/1000
		addStatus(head.Header, statusLine(x, true, strconv.FormatInt(ttl, 10)))
	default:
		head.Hold()
	}
}

// actionOf returns how a response is handled.
func actionOf(x *exchange) action {
	p := &x.call
	switch {
	case x.notes.Failure != "":
		p.collects = true
		return fails
	case x.notes.FellBack:
		return passes
	case p.conditional && p.status == http.StatusNotModified:
		return validates
	case isError(p.status) && x.found && p.asked.received < x.entry.errorUntil:
		return errs
	}
	if x.r.Context().Err() != nil && !detachable(x) && !x.background {
		return passes // the origin may have failed because the client has gone
	}
	p.verdict = judge(x.cache, &p.asked, p.status, p.header)
	if !p.verdict.store || p.declared > x.cache.settings.maxEntryBytes && bodied(x) {
		p.verdict.mark = p.verdict.mark || p.verdict.store
		markReply(x)
		return passes
	}
	p.kept = storedHeader(p.header, p.asked.received)
	p.collects = true
	if x.background || x.cache.core.Function && !x.cache.core.Streamed {
		return holds
	}
	if isConditional(x.r.Header) && p.declared >= 0 && bodied(x) {
		return holds
	}
	return tees
}

// isError reports whether a stale response is better than this one.
func isError(status int) bool {
	switch status {
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	default:
		return false
	}
}

// bodied reports whether the response that is under way has a body.
func bodied(x *exchange) bool {
	return x.r.Method != http.MethodHead && hasBody(x.call.status)
}

// markReply notes that a response is not stored, so that requests do not wait for the next one. It also drops the
// stored responses, which are out of date, unless the origin has only failed.
func markReply(x *exchange) {
	p := &x.call
	s := x.cache.store
	outdated := p.verdict.mark && x.found && p.status < http.StatusInternalServerError
	s.mutex.Lock()
	if p.verdict.identity {
		mark(s, identityKey(x.key), p.asked.received)
	}
	if p.verdict.mark {
		mark(s, markKey(x.key), p.asked.received)
	}
	if outdated {
		drop(s, storeKey(x))
	}
	s.mutex.Unlock()
	p.outdated = outdated
}

// storeKey returns the first level of the key that the response to a request is stored under.
func storeKey(x *exchange) string {
	if x.r.Method == http.MethodHead {
		return headKey(x.key)
	}
	return x.key
}

// release lets the waiting requests continue.
func release(x *exchange) {
	if x.leads {
		land(x.cache.store, x.flightKey, x.flight)
	}
}

// onBody keeps a piece of the body. A complete response is stored before the client gets the last piece, because the
// client may read slowly while others wait.
func onBody(x *exchange, piece []byte, complete bool) {
	p := &x.call
	if !p.collects {
		return
	}
	if p.action == tees && int64(len(p.body)+len(piece)) > x.cache.settings.maxEntryBytes {
		p.collects = false
		p.body = nil
		p.verdict.mark = true
		markReply(x)
		release(x)
		return
	}
	p.body = append(p.body, piece...)
	if complete && p.action == tees {
		keepReply(x)
		release(x)
	}
}

// keepReply makes an entry of the response, and stores it unless its key was invalidated meanwhile.
func keepReply(x *exchange) {
	p := &x.call
	p.collects = false
	p.entry = newEntry(p.status, p.kept, p.body, &p.verdict)
	p.entry.originStatus = x.notes.OriginStatus
	s := x.cache.store
	key := storeKey(x)
	variant := ""
	index := index{}
	s.mutex.Lock()
	var putting *pending // of Redis
	if !x.pending.doomed {
		variant = keep(s, key, x.r, p.entry)
		p.stored = true
	}
	if p.stored && x.cache.shares {
		trust(p.entry, p.entry.received+trustMillis)
		index = indexToShare(s, key, p.entry)
		putting = begin(s, x.key)
	}
	s.mutex.Unlock()
	if p.stored && x.cache.shares {
		publish(x.cache, &share{key: key, variant: variant, entry: p.entry, index: index, first: x.key, pending: putting})
	}
}

// conclude sends the response if it was held back, and stores it if it became complete only now.
func conclude(x *exchange) {
	p := &x.call
	if p.outdated && x.cache.shares {
		unpublish(x.cache, x.key)
	}
	switch p.action {
	case passes:
		countForwarded(x)
	case tees:
		if p.collects && whole(x) {
			keepReply(x)
		}
		countForwarded(x)
	case holds:
		concludeHeld(x)
	case fails:
		concludeFailure(x)
	case errs:
		answerError(x)
	case validates:
		concludeValidation(x)
	}
}

// countForwarded counts a response that the origin has sent to the client.
func countForwarded(x *exchange) {
	stats := &x.cache.store.stats
	x.notes.CacheResult = "miss"
	counter := &stats.Misses
	if x.tell.forward == "bypass" {
		x.notes.CacheResult = "bypass"
		counter = &stats.Bypassed
	}
	tally(x, counter)
}

// whole reports whether the whole response has arrived. If a handler ends early, the body is shorter than declared,
// or the client has gone.
func whole(x *exchange) bool {
	p := &x.call
	if bodied(x) && p.declared >= 0 && p.declared != int64(len(p.body)) {
		return false
	}
	return p.status != 0 && (p.declared >= 0 || x.r.Context().Err() == nil || detachable(x))
}

// concludeHeld stores a response, and answers from the entry.
func concludeHeld(x *exchange) {
	p := &x.call
	if !whole(x) || int64(len(p.body)) > x.cache.settings.maxEntryBytes {
		p.verdict.mark = true
		markReply(x)
		release(x)
		writeHeld(x)
		return
	}
	keepReply(x)
	release(x)
	tally(x, &x.cache.store.stats.Misses)
	answer(x, p.entry, statusLine(x, p.stored, ttlOf(p.entry, nowMillis())), "miss")
}

// concludeFailure answers with a stale response if there is one, else with the failure, which also answers the
// requests that wait.
func concludeFailure(x *exchange) {
	p := &x.call
	if p.status >= http.StatusInternalServerError && x.found && nowMillis() < x.entry.errorUntil {
		answerError(x)
		return
	}
	f := failure{cause: x.notes.Failure, status: p.status, header: p.header, body: p.body, fallsBack: x.notes.FallbackHeld}
	if x.leads && (p.status >= http.StatusInternalServerError || p.status == http.StatusTooManyRequests) {
		s := x.cache.store
		s.mutex.Lock()
		x.flight.failed = true
		x.flight.failure = shared(&f)
		s.mutex.Unlock()
	}
	release(x)
	answerFailure(x, &f)
}

// shared returns the part of a failure that waiting requests get: nothing that belongs to the first request only.
func shared(f *failure) failure {
	header := http.Header{}
	for _, name := range []string{"Content-Type", "Content-Length", "Retry-After"} {
		if values, present := f.header[name]; present {
			header[name] = values
		}
	}
	return failure{cause: f.cause, status: f.status, header: header, body: f.body, fallsBack: f.fallsBack}
}

// notMerged are the fields of a 304 that do not replace those of the entry: they describe the body of the 304, or are
// for its client only.
var notMerged = map[string]bool{
	"Content-Length": true, "Content-Encoding": true, "Content-Type": true, "Content-Range": true,
	"Set-Cookie": true,
}

// concludeValidation makes a new entry of the old one and the 304, and answers from it.
func concludeValidation(x *exchange) {
	p := &x.call
	e := x.entry
	if another(e, p.header) {
		askAgain(x)
		return
	}
	header := headerOf(e)
	header["Date"] = []string{formatDate(p.asked.received)}
	for name, values := range p.header {
		if !notMerged[name] {
			header[name] = values
		}
	}
	p.verdict = judge(x.cache, &p.asked, e.status, header)
	p.status = e.status
	p.body = e.body
	p.kept = storedHeader(header, p.asked.received)
	x.notes.OriginStatus = e.originStatus
	if p.verdict.store {
		keepReply(x)
	} else {
		markReply(x)
		p.entry = newEntry(p.status, p.kept, p.body, &p.verdict)
		p.entry.originStatus = e.originStatus
	}
	release(x)
	tally(x, &x.cache.store.stats.Revalidated)
	answer(x, p.entry, statusLine(x, p.stored, ttlOf(p.entry, nowMillis())), "revalidated")
}

// another reports whether a 304 names another strong ETag than the entry's. Then it is not about the entry.
func another(e *entry, header http.Header) bool {
	etag := header.Get("Etag")
	return etag != "" && e.etag != "" && etag != e.etag && !strings.HasPrefix(etag, "W/")
}

// askAgain drops an entry that a 304 does not fit, and asks for the whole response.
func askAgain(x *exchange) {
	s := x.cache.store
	s.mutex.Lock()
	drop(s, storeKey(x))
	s.mutex.Unlock()
	x.found = false
	x.notes.OriginStatus = 0
	ask(x, x.r.Context())
	conclude(x)
}
