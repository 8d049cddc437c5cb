package cache

import (
	"net/http"
	"strconv"
	"time"
)

// hit is what plain GETs get of an entry, made for one second of its age. Nothing changes it: readers
// do not hold the store's mutex.
type hit struct {
	until   time.Duration // since started
	none    bool          // there is nothing to get
	unless  []string      // headers whose requests get it by a longer way, or not at all
	entry   *entry
	names   []string
	values  [][]string
	age     []string // Age
	line    []string // Cache-Status
	special bool     // it is to be announced
	body    []byte
}

// miss stands for no hit.
var miss = &hit{none: true}

// started is what hits count the time from: in Yaegi one time.Since is half of what the time of day
// takes. The clock may be set, or stand still while the machine sleeps: what that does to a hit ends
// with its second.
var started = time.Now()

// What a request must not have to get a hit: conditions and upgrades, and, where the entry asks for
// it, an identity.
var (
	conditional = []string{"Range", "If-None-Match", "If-Modified-Since", "If-Match", "If-Unmodified-Since", "Upgrade"}
	authorized  = append([]string{"Authorization"}, conditional...)
	personified = append([]string{"Cookie"}, authorized...)
)

// renew returns the hit for a request and its target, which is what ServeHTTP knows it by: scheme,
// host, path and query like its key, in fewer pieces. It is good for the current second, which is also
// enough to know what was asked for last. The store's mutex is held.
func renew(h *handler, target string, r *http.Request) *hit {
	s := h.store
	now := nowMillis()
	rec := s.records[keyOf(h.cache, r)]
	if rec == nil || now >= rec.entry.hitUntil || r.URL.Opaque != "" || r.URL.Path == "" {
		return miss // of a target without a path, another request could have the same
	}
	if rec.target != target {
		delete(s.hits, rec.target)
		rec.target = target
	}
	touch(s, rec)
	e := rec.entry
	age := (now - e.born) / 1000
	until := e.born + (age+1)*1000
	if until > e.hitUntil {
		until = e.hitUntil
	}
	if age < 0 { // the clock of another replica is ahead
		age = 0
	}
	line := cacheName + "; hit; ttl=" + ttlOf(e, now)
	found := &hit{
		until:   time.Since(started) + time.Duration(until-now)*time.Millisecond,
		unless:  unlessOf(e),
		entry:   e,
		names:   e.names,
		values:  e.values,
		age:     []string{strconv.FormatInt(age, 10)},
		line:    append(append(make([]string, 0, len(e.upstream)+1), e.upstream...), line),
		special: e.status != http.StatusOK || h.cache.core.Noted,
		body:    e.body,
	}
	s.hits[target] = found
	return found
}

func unlessOf(e *entry) []string {
	switch {
	case e.anyone:
		return conditional
	case e.byTTL:
		return personified
	default:
		return authorized
	}
}
