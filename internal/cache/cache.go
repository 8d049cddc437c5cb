// Package cache is a shared HTTP cache (RFC 9111) in front of an origin: the Lambda function or, if none is set, the
// router's service.
//
// It stores only what responses themselves allow, and nothing that a request could have influenced unnoticed.
// Concurrent requests for the same resource become one call of the origin. A stale response is sent while a fresh one
// is fetched, or if the origin fails. Cache-Status on each response says where it came from (RFC 9211).
package cache

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"time"

	"github.com/seed05e46011/lambda/internal/bracket"
)

// Core holds what the middleware hands over to its cache. All of its funcs are set.
type Core struct {
	// Name is the middleware's name, as Traefik qualifies it. Settings are all of its options but credentials:
	// another function must not inherit what is stored.
	Name     string
	Settings []byte

	// Function reports whether every request that the cache forwards ends at a Lambda function. Such a call may run
	// in a goroutine of its own, with another context than the request's. Streamed reports whether the reply is
	// written as it arrives.
	Function bool
	Streamed bool

	// Authorized reports whether an authorizer has let the request in.
	Authorized bool

	// Noted reports whether a room further out reads bracket.Notes.
	Noted bool

	// Timeout bounds a call in the background.
	Timeout time.Duration

	// Fail answers with this middleware's short body for a status.
	Fail func(w http.ResponseWriter, r *http.Request, status int)

	// FallBack answers with the next handler in place of a failure.
	FallBack func(w http.ResponseWriter, r *http.Request)

	// Log writes one line to Traefik's log.
	Log func(line string)
}

// Cache is a cache with its options, for the handlers of one middleware on one router. It is safe for
// concurrent use.
type Cache struct {
	core     Core
	settings *settings
	store    *store

	forwards  bool // requests may reach the router's service
	cutsQuery bool // some parameters do not count

	shares bool   // with other replicas,
	redis  *redis // through Redis
}

// New builds a cache. Caches with the same core.Name and core.Settings share what they store. life ends with the
// configuration that the cache belongs to. Errors name the option.
func New(life context.Context, config *Config, core Core) (*Cache, error) {
	s, err := parse(config)
	if err != nil {
		return nil, err
	}
	shared := redisSettings{}
	if config.Redis != nil {
		shared, err = parseRedis(config.Redis)
		if err != nil {
			return nil, err
		}
	}
	sum := sha256.Sum256(append([]byte(core.Name+"\n"), core.Settings...))
	identity := hex.EncodeToString(sum[:])
	c := &Cache{core: core, settings: s, forwards: !core.Function, cutsQuery: s.query.set}
	c.store = storeFor(life, core.Name, identity, s.maxBytes, nowMillis())
	if config.Redis != nil {
		c.shares = true
		c.redis = redisFor(c.store, &shared, identity[:32], s.maxEntryBytes, core.Log)
	}
	return c, nil
}

// Stats returns the counts of the cache and its current contents. Caches that share a store return the same.
func (c *Cache) Stats() Stats {
	c.store.mutex.Lock()
	defer c.store.mutex.Unlock()
	stats := statsOf(c.store)
	stats.Bytes = c.store.bytes
	stats.Entries = int64(len(c.store.records))
	if c.shares {
		stats.Redis = redisStats(c.redis)
	}
	return stats
}

// Handler returns next with the cache in front.
func (c *Cache) Handler(next http.Handler) http.Handler {
	return &handler{cache: c, next: next}
}

// handler is one cache in front of one origin.
type handler struct {
	cache *Cache
	next  http.Handler
}

// ServeHTTP answers a plain GET from a fresh entry, and leaves everything else to serveOther. In Yaegi each call and
// each local variable costs time, used or not, so this function makes few calls.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := h.cache
	header := r.Header
	if r.Method != http.MethodGet || r.ContentLength != 0 || c.cutsQuery ||
		header["Range"] != nil || header["If-None-Match"] != nil || header["If-Modified-Since"] != nil ||
		header["If-Match"] != nil || header["If-Unmodified-Since"] != nil || header["Upgrade"] != nil {
		serveOther(c, h.next, w, r)
		return
	}
	key := keyOf(c, r)
	now := time.Now().UnixMilli()
	s := c.store
	s.mutex.Lock()
	rec := s.records[key]
	if rec == nil || now >= rec.entry.hitUntil || !rec.entry.anyone &&
		(header["Authorization"] != nil || rec.entry.byTTL && header["Cookie"] != nil) {
		s.mutex.Unlock()
		serveOther(c, h.next, w, r)
		return
	}
	e := rec.entry
	s.hits++
	if now >= e.shownUntil {
		touch(s, rec) // once a second is enough to order entries by last use
		show(e, now)
	}
	age := e.shownAge
	status := e.shownStatus
	s.mutex.Unlock()
	if c.core.Noted {
		note(r, e, "hit")
	}
	header = w.Header()
	for i, name := range e.names {
		header[name] = e.values[i]
	}
	header["Age"] = age
	header["Cache-Status"] = status
	if e.status != http.StatusOK {
		w.WriteHeader(e.status)
	}
	_, _ = w.Write(e.body) // fails only where the client has gone
}

// show makes the headers of a hit for one second of an entry's age. The store's mutex is held.
func show(e *entry, now int64) {
	age := (now - e.born) / 1000
	if age < 0 { // the clock of another replica is ahead
		age = 0
	}
	line := cacheName + "; hit; ttl=" + ttlOf(e, now)
	e.shownUntil = e.born + (age+1)*1000
	e.shownAge = []string{strconv.FormatInt(age, 10)}
	e.shownStatus = append(append(make([]string, 0, len(e.upstream)+1), e.upstream...), line)
}

// note tells the rooms further out what an answer from an entry is.
func note(r *http.Request, e *entry, result string) {
	if notes, ok := bracket.NotesIn(r.Context()); ok {
		notes.OriginStatus = e.originStatus
		notes.CacheResult = result
		notes.Failure = ""
	}
}
