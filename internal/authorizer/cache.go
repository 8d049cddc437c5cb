package authorizer

import (
	"container/list"
	"context"
	"crypto/sha256"
	"strconv"
	"sync"
)

// cache holds the decisions used last, up to a number of bytes. It is safe for concurrent use.
type cache struct {
	mu      sync.Mutex
	entries map[string]*list.Element // of *entry
	order   *list.List               // the one used last in front
	size    int
	flights map[string]*flight
}

// entry is a decision in a cache.
type entry struct {
	key      string
	decision *decision
	expires  int64 // milliseconds since 1970
	touch    int64 // a use after this moment puts it in front again
}

// flight is a call under way for an identity, and the requests that wait for it.
type flight struct {
	done     context.Context // done once the result is set
	end      context.CancelFunc
	decision *decision
	err      error
}

// decisions is the cache of all instances. Traefik rebuilds them whenever its configuration changes, and a cache in
// an instance would be lost each time.
var decisions = newCache()

// touchPause is how long an entry stays where it is in the order, in milliseconds: an order of seconds
// is enough to tell what is used.
const touchPause = 1000

// maxCacheBytes limits a cache by the estimated size of its decisions.
const maxCacheBytes = 32 << 20

func newCache() *cache {
	return &cache{entries: map[string]*list.Element{}, order: list.New(), flights: map[string]*flight{}}
}

// cacheKey returns the key of an identity. It is a hash, so that no token stays in memory. Several values are hashed
// with their lengths, so that "a,b" and "c" differ from "a" and "b,c". fingerprint stands for everything else that a
// decision depends on.
func cacheKey(fingerprint string, values []string) string {
	text := fingerprint
	for _, value := range values {
		if len(values) > 1 {
			text += strconv.Itoa(len(value)) + ":"
		}
		text += value
	}
	sum := sha256.Sum256([]byte(text))
	return string(sum[:])
}

// lookUp returns the decision for a key. found is false if there is none, or if it has expired.
func lookUp(c *cache, key string, now int64) (d *decision, found bool) {
	c.mu.Lock()
	element := c.entries[key]
	if element == nil {
		c.mu.Unlock()
		return nil, false
	}
	e := element.Value.(*entry)
	if e.expires <= now {
		drop(c, element)
		c.mu.Unlock()
		return nil, false
	}
	if now > e.touch {
		touch(c, element, now)
	}
	c.mu.Unlock()
	return e.decision, true
}

// touch puts an entry in front. The caller holds the lock.
func touch(c *cache, element *list.Element, now int64) {
	e := element.Value.(*entry)
	e.touch = now + touchPause
	c.order.MoveToFront(element)
}

// store keeps a decision until expires. A decision that would take more than a sixteenth of the cache is not kept.
func store(c *cache, key string, d *decision, expires int64) {
	if d.size > maxCacheBytes/16 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if element := c.entries[key]; element != nil {
		drop(c, element)
	}
	c.entries[key] = c.order.PushFront(&entry{key: key, decision: d, expires: expires})
	c.size += d.size
	for c.size > maxCacheBytes {
		drop(c, c.order.Back())
	}
}

// drop removes an entry. The caller holds the lock.
func drop(c *cache, element *list.Element) {
	e := element.Value.(*entry)
	c.order.Remove(element)
	delete(c.entries, e.key)
	c.size -= e.decision.size
}

// join returns the flight for a key. If a decision has arrived since the caller looked, the flight has ended already.
// begun is true if the flight is new: the caller then makes sure that land is called.
func join(c *cache, key string, now int64) (f *flight, begun bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.flights[key]; f != nil {
		return f, false
	}
	done, end := context.WithCancel(context.Background())
	f = &flight{done: done, end: end}
	if element := c.entries[key]; element != nil {
		e := element.Value.(*entry)
		if e.expires > now {
			f.decision = e.decision
			end()
			return f, false
		}
	}
	c.flights[key] = f
	return f, true
}

// land ends a flight.
func land(c *cache, key string, f *flight) {
	c.mu.Lock()
	delete(c.flights, key)
	c.mu.Unlock()
	f.end()
}
