package authorizer

import (
	"strconv"
	"testing"
)

func TestKeysTellIdentitiesApart(t *testing.T) {
	seen := map[string]string{}
	for name, key := range map[string]string{
		"a,b and c":        cacheKey("f", []string{"a,b", "c"}),
		"a and b,c":        cacheKey("f", []string{"a", "b,c"}),
		"a,b,c":            cacheKey("f", []string{"a,b,c"}),
		"a, b and c":       cacheKey("f", []string{"a", "b", "c"}),
		"1:a":              cacheKey("f", []string{"1:a"}),
		"another function": cacheKey("g", []string{"a", "b", "c"}),
	} {
		if other, found := seen[key]; found {
			t.Errorf("got one key for %s and %s, want two", name, other)
		}
		seen[key] = name
	}
}

func TestInstancesThatDifferShareNothing(t *testing.T) {
	core := Core{Name: "a@file", Function: "f"}
	base := fingerprintOf(&Config{Function: "f"}, &core)
	other := core
	other.Function = "f:2"
	named := core
	named.Name = "b@file"
	for name, got := range map[string]string{
		"format":      fingerprintOf(&Config{Function: "f", EventFormat: FormatRESTAPI}, &core),
		"sources":     fingerprintOf(&Config{Function: "f", IdentitySource: []string{"$request.header.A"}}, &core),
		"ttl":         fingerprintOf(&Config{Function: "f", TTL: "1s"}, &core),
		"validation":  fingerprintOf(&Config{Function: "f", IdentityValidation: "x"}, &core),
		"headers":     fingerprintOf(&Config{Function: "f", RequestHeaders: map[string]string{"A": "b"}}, &core),
		"jwt":         fingerprintOf(&Config{Function: "f", JWT: &JWTConfig{}}, &core),
		"function":    fingerprintOf(&Config{Function: "f"}, &other),
		"middlewares": fingerprintOf(&Config{Function: "f"}, &named),
	} {
		if got == base {
			t.Errorf("%s: got the fingerprint of another configuration", name)
		}
	}
	if fingerprintOf(&Config{Function: "f"}, &core) != base {
		t.Error("got two fingerprints of one configuration, want one: caches outlive reloads")
	}
}

func TestACacheKeepsWhatIsUsedWithinItsBytes(t *testing.T) {
	c := newCache()
	d := &decision{size: maxCacheBytes / 32}
	for i := 0; i < 32; i++ {
		store(c, strconv.Itoa(i), d, 1<<60)
	}
	if _, found := lookUp(c, "0", 1); !found || c.size > maxCacheBytes {
		t.Fatalf("got found %v at %d bytes, want all of them", found, c.size)
	}
	lookUp(c, "0", 10_000) // used
	store(c, "new", d, 1<<60)
	_, usedKept := lookUp(c, "0", 10_000)
	_, oldestKept := lookUp(c, "1", 10_000)
	if !usedKept || oldestKept || c.size > maxCacheBytes || len(c.entries) != 32 {
		t.Errorf("got used %v, oldest %v, %d entries, want true, false, 32", usedKept, oldestKept, len(c.entries))
	}
	store(c, "large", &decision{size: maxCacheBytes}, 1<<60)
	if _, found := lookUp(c, "large", 1); found {
		t.Error("got what would fill the cache alone, want it left out")
	}
}

func TestExpiredDecisionsAreGone(t *testing.T) {
	c := newCache()
	store(c, "k", &decision{size: 1}, 100)
	if _, found := lookUp(c, "k", 99); !found {
		t.Error("got nothing before the end, want the decision")
	}
	if _, found := lookUp(c, "k", 100); found || c.size != 0 || len(c.entries) != 0 {
		t.Errorf("got found %v, %d bytes at the end, want nothing", found, c.size)
	}
	store(c, "k", &decision{size: 1}, 100)
	store(c, "k", &decision{size: 2}, 100)
	if c.size != 2 || c.order.Len() != 1 {
		t.Errorf("got %d bytes in %d entries after storing twice, want 2 in 1", c.size, c.order.Len())
	}
}

func TestADecisionThatArrivedMeanwhileIsUsed(t *testing.T) {
	c := newCache()
	store(c, "k", &decision{size: 1}, 100)
	if f, begun := join(c, "k", 50); begun || f.done.Err() == nil || f.decision == nil {
		t.Errorf("got begun %v, want what is stored", begun)
	}
	f, begun := join(c, "k", 200)
	if !begun {
		t.Error("got no flight where what is stored has expired, want one")
	}
	if other, begunToo := join(c, "k", 200); begunToo || other != f {
		t.Error("got a second flight, want the first")
	}
	land(c, "k", f)
	if f.done.Err() == nil || len(c.flights) != 0 {
		t.Error("got a flight after it has landed, want none")
	}
}
