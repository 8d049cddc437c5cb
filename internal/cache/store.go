package cache

import (
	"container/list"
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"sync"
	"time"
)

// store holds responses in memory. It outlives the instances that use it, since Traefik rebuilds them on every change
// of its configuration. Callers of its functions hold its mutex, except where a function says otherwise.
type store struct {
	mutex     sync.Mutex
	records   map[string]*record
	order     *list.List // of keys; the one that was asked for last is in front
	bytes     int64
	maxBytes  int64
	flights   map[string]*flight
	refreshes int               // that run in the background
	encodings map[string]string // Accept-Encoding → its codings, sorted
	hits      map[string]*hit   // of records that were asked for lately, by their targets
	served    int64             // hits, which stats lacks
	stats     Stats
	reported  Stats // by Usages

	middleware string

	// pending lists the calls of the origin by the first levels of their keys. An invalidation dooms those of its
	// key: they began before it, so their responses are not stored.
	pending map[string][]*pending

	redis *redis // nil if no instance uses it

	lives []context.Context // of the instances
	used  int64             // when an instance was built last
}

// Stats holds the counts of a cache and its current contents.
type Stats struct {
	Hits, Stale, Revalidated, Misses, Collapsed, Bypassed, StaleErrors int64

	Stores, Evictions int64
	Bytes, Entries    int64

	Redis RedisStats
}

// The kinds of records.
const (
	recordEntry = iota + 1 // a response
	recordIndex            // what a second level is made of
	recordMark             // responses of this key are not stored
)

// record is the value of one key in a store.
type record struct {
	kind    int
	entry   *entry // of recordEntry; else one that is no hit
	index   *index // of recordIndex
	until   int64  // of recordMark
	size    int64
	element *list.Element
	target  string // whose hit it has; "" for none
}

// noHit is the entry of records without one: it is never fresh. It is not changed.
var noHit = &entry{}

// index leads from the first level of a key to the second.
type index struct {
	generation string     // part of all keys of the second level: without it nothing finds them
	lists      [][]string // names, the newest list first
	variants   []string   // keys of the second level, the newest last
	px         int64      // for how long Redis is to keep it
}

const (
	maxLists    = 3
	maxVariants = 64
)

// statsOf returns the counts of a store.
func statsOf(s *store) Stats {
	stats := s.stats
	stats.Hits += s.served
	return stats
}

// stores holds the stores of all instances, by their settings. If all instances of a store have ended, it is dropped
// ten minutes after the last one was built.
var stores = struct {
	mutex sync.Mutex
	byKey map[string]*store
}{byKey: map[string]*store{}}

const storeIdle = 10 * 60 * 1000

// storeFor returns the store for the settings that key identifies. The store is kept at least as long as life.
// storeFor is safe for concurrent use.
func storeFor(life context.Context, middleware, key string, maxBytes, now int64) *store {
	stores.mutex.Lock()
	defer stores.mutex.Unlock()
	s, known := stores.byKey[key]
	if !known {
		s = newStore(maxBytes)
		s.middleware = middleware
		stores.byKey[key] = s
	}
	s.lives = append(s.lives, life)
	s.used = now
	for k, other := range stores.byKey {
		other.lives = living(other.lives)
		if len(other.lives) == 0 && now-other.used > storeIdle {
			delete(stores.byKey, k)
			if other.redis != nil {
				retire(other.redis)
			}
		}
	}
	return s
}

func living(lives []context.Context) []context.Context {
	var kept []context.Context
	for _, life := range lives {
		if life.Err() == nil {
			kept = append(kept, life)
		}
	}
	return kept
}

func newStore(maxBytes int64) *store {
	return &store{
		records:   map[string]*record{},
		order:     list.New(),
		maxBytes:  maxBytes,
		flights:   map[string]*flight{},
		pending:   map[string][]*pending{},
		encodings: map[string]string{},
		hits:      map[string]*hit{},
	}
}

// put sets the record of a key. To make room it drops the records that were not requested for the longest time.
func put(s *store, key string, r *record) {
	drop(s, key)
	if r.size > s.maxBytes {
		return
	}
	r.element = s.order.PushFront(key)
	s.records[key] = r
	s.bytes += r.size
	for s.bytes > s.maxBytes {
		last, ok := s.order.Back().Value.(string)
		if !ok {
			return
		}
		drop(s, last)
		s.stats.Evictions++
	}
}

// drop removes a key, if it is there.
func drop(s *store, key string) {
	r, known := s.records[key]
	if !known {
		return
	}
	s.order.Remove(r.element)
	delete(s.records, key)
	delete(s.hits, r.target)
	s.bytes -= r.size
}

// touch marks a record as used last.
func touch(s *store, r *record) { s.order.MoveToFront(r.element) }

// find returns the entry for a request under the first level of a key. varies reports whether the key has a second
// level.
func find(s *store, key string, r *http.Request) (e *entry, found, varies bool) {
	rec, known := s.records[key]
	if !known {
		return nil, false, false
	}
	touch(s, rec)
	if rec.kind == recordEntry {
		return rec.entry, true, false
	}
	for _, names := range rec.index.lists {
		variant := s.records[variantKey(s, key, rec.index.generation, names, r)]
		if variant != nil {
			touch(s, variant)
			return variant.entry, true, true
		}
	}
	return nil, false, true
}

// keep stores an entry for a request under the first level of a key, and returns the key under which it is stored.
func keep(s *store, key string, r *http.Request, e *entry) string {
	s.stats.Stores++
	drop(s, markKey(key))
	if len(e.dependsOn) == 0 {
		put(s, key, &record{kind: recordEntry, entry: e, size: entrySize(key, e)})
		return key
	}
	x := indexFor(s, key, e.dependsOn)
	variant := variantKey(s, key, x.generation, e.dependsOn, r)
	addVariant(s, x, variant)
	put(s, key, &record{kind: recordIndex, entry: noHit, index: x, size: indexSize(key, x)})
	put(s, variant, &record{kind: recordEntry, entry: e, size: entrySize(variant, e)})
	return variant
}

// indexFor returns the index of a key with names in front. If the key has none, the index is new.
func indexFor(s *store, key string, names []string) *index {
	x := &index{}
	if rec, known := s.records[key]; known && rec.kind == recordIndex {
		x = rec.index
	} else {
		x.generation = newGeneration()
	}
	lists := [][]string{names}
	for _, other := range x.lists {
		if !sameNames(other, names) && len(lists) < maxLists {
			lists = append(lists, other)
		}
	}
	x.lists = lists
	return x
}

func newGeneration() string {
	random := make([]byte, 8)
	_, _ = rand.Read(random) // never fails
	return hex.EncodeToString(random)
}

func sameNames(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i, name := range a {
		if name != b[i] {
			return false
		}
	}
	return true
}

// addVariant notes a key of the second level. If there are too many, the oldest is dropped: clients choose the
// values.
func addVariant(s *store, x *index, variant string) {
	kept := make([]string, 0, len(x.variants)+1)
	for _, other := range x.variants {
		if other != variant {
			kept = append(kept, other)
		}
	}
	kept = append(kept, variant)
	if len(kept) > maxVariants {
		drop(s, kept[0])
		kept = kept[1:]
	}
	x.variants = kept
}

func indexSize(key string, x *index) int64 {
	size := 2*len(key) + recordOverhead
	for _, names := range x.lists {
		for _, name := range names {
			size += len(name)
		}
	}
	for _, variant := range x.variants {
		size += len(variant)
	}
	return int64(size)
}

// markMillis is for how long requests do not wait for each other after a response that could not be stored.
const markMillis = 10000

// mark notes that responses of a key are not stored.
func mark(s *store, key string, now int64) {
	put(s, key, &record{kind: recordMark, entry: noHit, until: now + markMillis, size: int64(2*len(key) + recordOverhead)})
}

// marked reports whether a mark stands under a key.
func marked(s *store, key string, now int64) bool {
	rec, known := s.records[key]
	return known && rec.until > now
}

// pending is a response that may be stored later.
type pending struct {
	doomed bool // its key was invalidated since it was asked for
}

// begin notes that a response for the first level of a key is asked for.
func begin(s *store, key string) *pending {
	p := &pending{}
	s.pending[key] = append(s.pending[key], p)
	return p
}

// end removes the note of begin.
func end(s *store, key string, p *pending) {
	all := s.pending[key]
	kept := make([]*pending, 0, len(all))
	for _, other := range all {
		if other != p {
			kept = append(kept, other)
		}
	}
	if len(kept) == 0 {
		delete(s.pending, key)
		return
	}
	s.pending[key] = kept
}

// doom drops everything stored under the first level of a key. Responses to requests that are under way are not
// stored.
func doom(s *store, key string) {
	drop(s, key)
	drop(s, headKey(key))
	for _, p := range s.pending[key] {
		p.doomed = true
	}
}

// nowMillis is the time, in milliseconds since 1970. It needs no mutex.
func nowMillis() int64 { return time.Now().UnixMilli() }
