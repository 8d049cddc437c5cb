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
	h := &handler{cache: c, next: next, store: c.store, forwards: c.forwards}
	if c.cutsQuery { // which takes the longer way
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serveOther(h, w, r) })
	}
	return h
}

// handler is one cache in front of one origin.
type handler struct {
	cache *Cache
	next  http.Handler

	// Of the cache, since a hit has no time to look them up.
	store    *store
	forwards bool
}

// ServeHTTP answers a plain GET from a fresh entry, and leaves everything else to serveOther. In Yaegi each call costs
// time, and so does each expression in this function, evaluated or not. So it has few of both, and renew makes once a
// second what takes more.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := r.Header
	proto := header["X-Forwarded-Proto"]
	if len(proto) == 0 || r.Method != http.MethodGet || r.ContentLength != 0 {
		serveOther(h, w, r)
		return
	}
	target := proto[0] + "\n" + r.Host + "\n" + r.URL.RequestURI()
	if h.forwards {
		target += "\n" + r.RequestURI
	}
	s := h.store
	s.mutex.Lock()
	found := s.hits[target]
	if found == nil || time.Since(started) >= found.until {
		found = renew(h, target, r)
	}
	for _, name := range found.unless {
		if header[name] != nil {
			found = miss
			break
		}
	}
	if found.none {
		s.mutex.Unlock()
		serveOther(h, w, r)
		return
	}
	s.served++
	s.mutex.Unlock()
	header = w.Header()
	values := found.values
	for i, name := range found.names {
		header[name] = values[i]
	}
	header["Age"] = found.age
	header["Cache-Status"] = found.line
	if found.special {
		announce(w, r, found.entry)
	}
	_, _ = w.Write(found.body) // fails only where the client has gone
}

// announce does for a hit what most do without: it sends another status than 200, and notes for the
// rooms further out what the answer is.
func announce(w http.ResponseWriter, r *http.Request, e *entry) {
	if notes, ok := bracket.NotesIn(r.Context()); ok {
		notes.OriginStatus = e.originStatus
		notes.CacheResult = "hit"
		notes.Failure = ""
	}
	w.WriteHeader(e.status)
}
