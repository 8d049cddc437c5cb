package cache

import (
	"fmt"
	"net/http"
)

// share holds what one request stores in Redis.
type share struct {
	key     string // the first level
	variant string // the second; the same as key where there is none
	entry   *entry
	index   index  // a copy; of a key with a second level
	first   string // the first level, of a GET
	pending *pending
}

// indexToShare returns a copy of the index that leads to an entry, and makes it live as long as its longest variant.
// The caller holds the store's mutex.
func indexToShare(s *store, key string, e *entry) index {
	if len(e.dependsOn) == 0 {
		return index{}
	}
	rec, known := s.records[key]
	if !known || rec.kind != recordIndex {
		return index{} // too large for memory
	}
	x := rec.index
	if life := lifeOf(e, e.received); life > x.px {
		x.px = life
	}
	return index{generation: x.generation, lists: x.lists, px: x.px}
}

// publish writes an entry to Redis in the background. If many writes are under way, the entry stays in memory only.
func publish(c *Cache, sh *share) {
	r := c.redis
	r.mutex.Lock()
	busy := r.puts >= maxPuts
	if busy {
		r.stats.SetsSkipped++
	} else {
		r.puts++
	}
	r.mutex.Unlock()
	if busy {
		endCall(c.store, sh.first, sh.pending)
		return
	}
	go deliver(c, sh)
}

// deliver writes an entry, and the index that leads to it. It deletes them again if the key was
// invalidated meanwhile.
func deliver(c *Cache, sh *share) {
	defer func() {
		// A panic in a goroutine would end Traefik.
		if p := recover(); p != nil {
			c.core.Log("cache: redis: " + fmt.Sprint(p))
		}
		endPut(c.redis)
		endCall(c.store, sh.first, sh.pending)
	}()
	now := nowMillis()
	life := lifeOf(sh.entry, now)
	sum := keySum(sh.variant)
	value, ok := encodeEntry(sum, sh.entry)
	if !ok || life == 0 {
		return
	}
	redisSet(c.redis, nameInRedis(sum), value, life)
	first := keySum(sh.key)
	if sh.key != sh.variant && sh.index.px > 0 {
		list, fits := encodeIndex(first, &sh.index, now)
		if fits {
			redisSet(c.redis, nameInRedis(first), list, sh.index.px)
		}
	}
	c.store.mutex.Lock()
	doomed := sh.pending.doomed
	c.store.mutex.Unlock()
	if doomed {
		redisDelete(c.redis, nameInRedis(first))
	}
}

func endPut(r *redis) {
	r.mutex.Lock()
	r.puts--
	r.mutex.Unlock()
}

// unpublish deletes the values in Redis under the first level of a key.
func unpublish(c *Cache, key string) {
	redisDelete(c.redis, nameInRedis(keySum(key)))
	redisDelete(c.redis, nameInRedis(keySum(headKey(key))))
}

// fetched holds what Redis has under a key.
type fetched struct {
	key    string
	sum    string
	head   *storedHead
	body   []byte
	result outcome
}

// fetch asks Redis for the response to a request under the first level of a key. headOnly is set for the key of
// responses to HEAD.
func fetch(x *exchange, key string, headOnly bool, now int64) {
	s := x.cache.store
	f := read(x.cache, key, now)
	if f.result == done && f.head.Generation != "" {
		f = fetchVariant(x, &f, now)
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	switch {
	case f.result == done:
		adoptEntry(x.cache, &f, headOnly, now)
	case !x.held:
	case f.result != missing: // Redis does not respond: memory is used for longer
		trust(x.entry, now+trustMillis)
	case now >= x.entry.trustedUntil: // another replica has invalidated it
		drop(s, key)
	}
}

// fetchVariant asks for the second level that an index leads to.
func fetchVariant(x *exchange, first *fetched, now int64) fetched {
	s := x.cache.store
	s.mutex.Lock()
	variants := adopt(s, first.key, first.head, x.r)
	s.mutex.Unlock()
	for _, variant := range variants {
		f := read(x.cache, variant, now)
		if f.result != missing {
			return f
		}
	}
	return fetched{result: missing}
}

// read returns a complete value from Redis, and deletes a damaged one.
func read(c *Cache, key string, now int64) fetched {
	sum := keySum(key)
	value, result := redisGet(c.redis, nameInRedis(sum))
	f := fetched{key: key, sum: sum, result: result}
	if result != done {
		return f
	}
	head, body, err := decodeValue(value, sum, now)
	if err != nil {
		spoilt(c, sum, err)
		f.result = missing
		return f
	}
	f.head = head
	f.body = body
	return f
}

// spoilt deletes a damaged value and logs it.
func spoilt(c *Cache, sum string, err error) {
	redisDelete(c.redis, nameInRedis(sum))
	say(c.redis, "spoilt", "cache: redis has a value that is not ours: "+err.Error(), nowMillis())
}

// adopt takes over another replica's index, and returns the keys of the second level that may answer the request. The
// caller holds the mutex.
func adopt(s *store, key string, head *storedHead, r *http.Request) []string {
	if len(head.Lists) > maxLists {
		head.Lists = head.Lists[:maxLists]
	}
	rec, known := s.records[key]
	if !known || rec.kind != recordIndex || rec.index.generation != head.Generation {
		x := &index{generation: head.Generation, lists: head.Lists}
		put(s, key, &record{kind: recordIndex, entry: noHit, index: x, size: indexSize(key, x)})
	} else {
		rec.index.lists = head.Lists
	}
	variants := make([]string, 0, len(head.Lists))
	for _, names := range head.Lists {
		variants = append(variants, variantKey(s, key, head.Generation, names, r))
	}
	return variants
}

// adoptEntry takes over another replica's response, unless memory has one that is as new. The caller holds the mutex.
func adoptEntry(c *Cache, f *fetched, headOnly bool, now int64) {
	s := c.store
	rec, known := s.records[f.key]
	if known && rec.kind == recordEntry && rec.entry.received >= f.head.Stored {
		trust(rec.entry, now+trustMillis)
		return
	}
	e, err := decodeEntry(c, f.head, f.body, headOnly)
	if err != nil {
		go spoilt(c, f.sum, err)
		return
	}
	trust(e, now+trustMillis)
	put(s, f.key, &record{kind: recordEntry, entry: e, size: entrySize(f.key, e)})
}

// redisFor returns the client of a store, which outlives instances, for the given options. The store's
// mutex is not held.
func redisFor(s *store, settings *redisSettings, identity string, maxEntryBytes int64, log func(line string)) *redis {
	s.mutex.Lock()
	before := s.redis
	same := before != nil && before.settings == *settings
	if !same {
		s.redis = newRedis(settings, identity, maxEntryBytes, log)
	}
	current := s.redis
	s.mutex.Unlock()
	if before != nil && !same {
		retire(before)
	}
	return current
}
