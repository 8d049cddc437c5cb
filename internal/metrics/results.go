package metrics

import (
	"sync"
	"sync/atomic"
)

// vector is a family of counters that are not counts of functions.
type vector struct {
	name   string
	help   string
	mu     sync.Mutex
	series map[string]int64 // by the labels as they are written
}

// maxSeries limits a vector. Labels come from the configuration, and reloads could bring new ones for ever. What
// exceeds the limit is not counted.
const maxSeries = 10000

func newVector(name, help string) *vector {
	return &vector{name: name, help: help, series: map[string]int64{}}
}

// The vectors live as long as the process: counters must not fall on a reload.
var (
	cacheRequests = newVector("cache_requests_total", "Requests by what the cache had for them.")
	cacheStores   = newVector("cache_stores_total", "Replies stored.")
	cacheEvicts   = newVector("cache_evictions_total", "Replies evicted to make room.")
	cacheRedis    = newVector("cache_redis_operations_total", "Operations of the cache in Redis.")
	authResults   = newVector("authorizer_results_total", "Requests by what the authorizer decided.")
	authCache     = newVector("authorizer_cache_total", "Requests by whether a decision was kept for them.")
	edgeCalls     = newVector("edge_calls_total", "Calls of edge hooks by result.")
	probes        = newVector("probes_total", "Probes by result.")

	vectors = []*vector{cacheRequests, cacheStores, cacheEvicts, cacheRedis, authResults, authCache, edgeCalls, probes}
)

// count adds by to a series. If by is 0, the series starts at 0.
func count(v *vector, labels string, by int64) {
	v.mu.Lock()
	if _, ok := v.series[labels]; ok || len(v.series) < maxSeries {
		v.series[labels] += by
	}
	v.mu.Unlock()
}

// counter returns the func that counts results under fixed labels. The known results begin at 0:
// without that, Prometheus would not see the first of them as an increase.
func counter(v *vector, fixed string, known []string) func(result string) {
	for _, result := range known {
		count(v, fixed+","+label("result", result), 0)
	}
	return func(result string) {
		if atomic.LoadInt32(&enabled) != 0 {
			count(v, fixed+","+label("result", result), 1)
		}
	}
}

// BeginCache has the counters of a cache begin at 0, so that Prometheus sees the first of each as an
// increase. The results of requests are "hit", "stale", "revalidated", "miss", "collapsed", "bypass" and
// "error_stale"; those of operations in Redis ("get", "set" and "del") "ok", "miss", "error" and
// "skipped".
func BeginCache(middleware string) {
	for _, result := range []string{"hit", "stale", "revalidated", "miss", "collapsed", "bypass", "error_stale"} {
		AddCacheRequests(middleware, result, 0)
	}
	for _, op := range []string{"get", "set", "del"} {
		for _, result := range []string{"ok", "miss", "error", "skipped"} {
			if result != "miss" || op == "get" {
				AddCacheRedis(middleware, op, result, 0)
			}
		}
	}
	AddCacheStores(middleware, 0)
	AddCacheEvictions(middleware, 0)
}

// AddCacheRequests adds to the requests that the cache of a middleware served, by result. A cache counts by itself,
// because a hit must cost next to nothing. Its counts are added at each scrape.
func AddCacheRequests(middleware, result string, n int64) {
	count(cacheRequests, label("middleware", middleware)+","+label("result", result), n)
}

// AddCacheStores adds to the replies that the cache of a middleware stored.
func AddCacheStores(middleware string, n int64) {
	count(cacheStores, label("middleware", middleware), n)
}

// AddCacheEvictions adds to the replies that were evicted for others.
func AddCacheEvictions(middleware string, n int64) {
	count(cacheEvicts, label("middleware", middleware), n)
}

// AddCacheRedis adds to the operations in Redis.
func AddCacheRedis(middleware, op, result string, n int64) {
	count(cacheRedis, label("middleware", middleware)+","+label("op", op)+","+label("result", result), n)
}

// AuthorizerResults returns the func that counts decisions: "allow", "deny", "unauthorized" or "error". For tokens,
// which no function decides on, function is "jwt".
func AuthorizerResults(function string) func(result string) {
	return counter(authResults, label("function", function), []string{"allow", "deny", "unauthorized", "error"})
}

// AuthorizerCache returns the func that counts uses of the cache of decisions: "hit" or "miss".
func AuthorizerCache(function string) func(result string) {
	return counter(authCache, label("function", function), []string{"hit", "miss"})
}

// EdgeCalls returns the func that counts the calls of a hook, such as "viewer-request": "ok",
// "generated", "bad_reply" or "error".
func EdgeCalls(hook, function string) func(result string) {
	fixed := label("hook", hook) + "," + label("function", function)
	return counter(edgeCalls, fixed, []string{"ok", "generated", "bad_reply", "error"})
}

// Probes returns the func that counts the probes of a function: "good", "bad" or "skipped".
func Probes(function string) func(result string) {
	return counter(probes, label("function", function), []string{"good", "bad", "skipped"})
}
