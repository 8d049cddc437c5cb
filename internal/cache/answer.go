package cache

import (
	"bytes"
	"net/http"
	"strconv"
)

// cacheName is the name of this cache in Cache-Status.
const cacheName = "traefik-lambda"

// addStatus appends this cache's member to the Cache-Status of those before it.
func addStatus(header http.Header, line string) {
	before := header["Cache-Status"]
	header["Cache-Status"] = append(before[:len(before):len(before)], line)
}

// statusLine returns the member of Cache-Status for a request that was forwarded. ttl is "" if nothing is stored.
func statusLine(x *exchange, stored bool, ttl string) string {
	line := cacheName + "; fwd=" + x.tell.forward
	if x.tell.forward == "stale" && x.call.status != 0 {
		status := x.call.status
		if x.call.action == validates {
			status = http.StatusNotModified
		}
		line += "; fwd-status=" + strconv.Itoa(status)
	}
	if stored {
		line += "; stored"
	}
	if x.tell.collapsed {
		line += "; collapsed"
	}
	if ttl != "" {
		line += "; ttl=" + ttl
	}
	if x.tell.detail != "" {
		line += "; detail=" + x.tell.detail
	}
	return line
}

// answerFresh answers from a fresh entry: a hit, or a response that another request has just fetched.
func answerFresh(x *exchange, now int64) {
	ttl := ttlOf(x.entry, now)
	if x.tell.collapsed {
		x.tell.forward = "uri-miss"
		tally(x, &x.cache.store.stats.Collapsed)
		answer(x, x.entry, statusLine(x, false, ttl), "collapsed")
		return
	}
	tally(x, &x.cache.store.stats.Hits)
	answer(x, x.entry, cacheName+"; hit; ttl="+ttl, "hit")
}

// answerStale answers from a stale entry without asking the origin.
func answerStale(x *exchange, now int64, detail string) {
	result := "stale"
	counter := &x.cache.store.stats.Stale
	if detail == "stale-if-error" {
		result = "error_stale"
		counter = &x.cache.store.stats.StaleErrors
	}
	tally(x, counter)
	answer(x, x.entry, cacheName+"; hit; ttl="+ttlOf(x.entry, now)+"; detail="+detail, result)
}

// retryMillis is for how long the origin is not asked again after a failure, while a stale response can serve.
const retryMillis = 1000

// answerError answers from a stale entry because the origin has failed.
func answerError(x *exchange) {
	s := x.cache.store
	s.mutex.Lock()
	x.entry.retryAt = nowMillis() + retryMillis
	s.stats.StaleErrors++
	s.mutex.Unlock()
	release(x)
	x.tell.detail = "stale-if-error"
	x.tell.forward = "stale"
	answer(x, x.entry, statusLine(x, false, ""), "error_stale")
}

// answer writes an entry, or the part or the 304 that the request asks for.
func answer(x *exchange, e *entry, line string, result string) {
	x.notes.OriginStatus = e.originStatus
	x.notes.CacheResult = result
	x.notes.Failure = ""
	now := nowMillis()
	age := (now - e.born) / 1000
	if age < 0 {
		age = 0
	}
	header := x.w.Header()
	for i, name := range e.names {
		header[name] = e.values[i]
	}
	header["Age"] = []string{strconv.FormatInt(age, 10)}
	addStatus(header, line)
	switch {
	case e.status == http.StatusOK && !e.head && isConditional(x.r.Header):
		if _, typed := header["Content-Type"]; !typed {
			header["Content-Type"] = nil // otherwise Go's server guesses the type
		}
		http.ServeContent(x.w, x.r, "", e.modified, bytes.NewReader(e.body))
	case x.r.Method == http.MethodHead:
		x.w.WriteHeader(e.status)
	default:
		x.w.WriteHeader(e.status)
		_, _ = x.w.Write(e.body) // fails only where the client has gone
	}
}

// isConditional reports whether a request asks for a part, or only for a response that has changed.
func isConditional(header http.Header) bool {
	return header["Range"] != nil || header["If-None-Match"] != nil || header["If-Modified-Since"] != nil
}

// answerFailure answers with a failure, unless the fallback responds.
func answerFailure(x *exchange, f *failure) {
	tally(x, &x.cache.store.stats.Misses)
	x.notes.Failure = f.cause
	x.notes.CacheResult = "miss"
	switch {
	case x.background:
		return
	case f.fallsBack:
		x.notes.Failure = ""
		x.cache.core.FallBack(x.w, x.original)
		return
	}
	header := x.w.Header()
	for name, values := range f.header {
		header[name] = values
	}
	if x.tell.forward == "" {
		x.tell.forward = "uri-miss"
	}
	addStatus(header, statusLine(x, false, ""))
	x.w.WriteHeader(f.status)
	if x.r.Method != http.MethodHead {
		_, _ = x.w.Write(f.body) // fails only where the client has gone
	}
}

// writeHeld writes a response that was held back and is not stored.
func writeHeld(x *exchange) {
	p := &x.call
	header := x.w.Header()
	for name, values := range p.header {
		header[name] = values
	}
	addStatus(header, statusLine(x, false, ""))
	x.w.WriteHeader(p.status)
	if bodied(x) {
		_, _ = x.w.Write(p.body) // fails only where the client has gone
	}
}
