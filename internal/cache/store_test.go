package cache

import (
	"context"
	"net/http/httptest"
	"strconv"
	"testing"
)

func TestTheBytesOfAStoreAreExact(t *testing.T) {
	config := &Config{MaxBytes: 200000, MaxEntryBytes: 1000}
	x := newTested(t, config, true, respond(200, "Cache-Control", "max-age=60", "Vary", "X-Kind"))
	other := newTested(t, config, true, respond(200, "Cache-Control", "max-age=60"))
	if x.cache.store != other.cache.store {
		t.Error("got two stores for one name and one set of settings, want one")
	}
	get(x, "/0", "X-Kind", "0")
	get(other, "/other")
	storeMany(x.cache.store)
	s := x.cache.store
	sum := int64(0)
	for _, r := range s.records {
		sum += r.size
	}
	if s.bytes != sum || s.bytes > s.maxBytes || s.order.Len() != len(s.records) {
		t.Errorf("got %d bytes for %d records in a list of %d, want the sum %d, %d at most",
			s.bytes, len(s.records), s.order.Len(), sum, s.maxBytes)
	}
	if len(s.pending) > 0 || len(s.flights) > 0 {
		t.Errorf("got %d calls and %d flights left, want none", len(s.pending), len(s.flights))
	}
	if stats := x.cache.Stats(); stats.Evictions == 0 || stats.Bytes != s.bytes {
		t.Errorf("got %+v, want evictions", stats)
	}
}

// storeMany stores 10,000 responses, most of them variants of 300 pages.
func storeMany(s *store) {
	r := httptest.NewRequest("GET", "/", nil)
	header := map[string][]string{"Cache-Control": {"max-age=60"}}
	v := &verdict{received: nowMillis(), fresh: freshness{explicit: true, lifetime: 60000}}
	plain := newEntry(200, header, []byte("body"), v)
	v.names = []string{"X-Kind"}
	variant := newEntry(200, header, []byte("body of a variant"), v)
	for i := 0; i < 10000; i++ {
		r.Header.Set("X-Kind", strconv.Itoa(i%7))
		e := variant
		if i%13 == 0 {
			e = plain
		}
		keep(s, "page "+strconv.Itoa(i%300), r, e)
	}
}

func TestStoresOutliveTheirInstances(t *testing.T) {
	life, end := context.WithCancel(context.Background())
	first := storeFor(life, "m", t.Name(), 1000, 0)
	end()
	if again := storeFor(life, "m", t.Name(), 1000, 1); again != first {
		t.Error("got another store after a reload, want the same")
	}
	if another := storeFor(context.Background(), "m", t.Name()+" of another function", 1000, 2); another == first {
		t.Error("got the store of other settings, want one of its own")
	}
	storeFor(context.Background(), "m", t.Name()+" later", 1000, storeIdle+2)
	if again := storeFor(context.Background(), "m", t.Name(), 1000, storeIdle+3); again == first {
		t.Error("got the store back 10 minutes after its last instance, want a new one")
	}
}

func TestTheOldestVariantLeaves(t *testing.T) {
	x := newTested(t, &Config{}, true, respond(200, "Cache-Control", "max-age=60", "Vary", "X-Kind"))
	for i := 0; i <= maxVariants; i++ {
		get(x, "/", "X-Kind", strconv.Itoa(i))
	}
	wantStatus(t, "the second", get(x, "/", "X-Kind", "1"), "; hit; ttl=60")
	wantStatus(t, "the last", get(x, "/", "X-Kind", "64"), "; hit; ttl=60")
	wantStatus(t, "the first", get(x, "/", "X-Kind", "0"), "; fwd=vary-miss; stored; ttl=60")
	if entries := x.cache.Stats().Entries; entries != maxVariants+1 {
		t.Errorf("got %d records, want %d variants and their index", entries, maxVariants)
	}
}
