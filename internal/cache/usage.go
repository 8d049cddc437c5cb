package cache

// Usage holds the counts of the caches of one middleware since the last call of Usages, and their current contents.
type Usage struct {
	Middleware string

	// Requests counts requests by what the cache had for them: "hit", "stale", "revalidated", "miss",
	// "collapsed", "bypass" or "error_stale".
	Requests map[string]int64

	Stores, Evictions int64
	Bytes, Entries    int64

	// Redis reports whether there is one, RedisUp whether it is asked.
	Redis, RedisUp  bool
	RedisOperations map[Operation]int64
}

// Operation is a kind of operation in Redis: "get", "set" or "del", with the result "ok", "miss",
// "error" or "skipped".
type Operation struct {
	Name, Result string
}

// Usages returns the usage of all caches. A cache only counts, since a hit must cost next to nothing. The code that
// shows metrics calls Usages.
func Usages() []Usage {
	stores.mutex.Lock()
	defer stores.mutex.Unlock()
	usages := make([]Usage, 0, len(stores.byKey))
	for _, s := range stores.byKey {
		usages = append(usages, usageOf(s))
	}
	return usages
}

func usageOf(s *store) Usage {
	s.mutex.Lock()
	now := statsOf(s)
	now.Bytes = s.bytes
	now.Entries = int64(len(s.records))
	client := s.redis
	if client != nil {
		now.Redis = redisStats(client)
	}
	before := s.reported
	s.reported = now
	s.mutex.Unlock()
	return Usage{
		Middleware: s.middleware,
		Requests: map[string]int64{
			"hit":         now.Hits - before.Hits,
			"stale":       now.Stale - before.Stale,
			"revalidated": now.Revalidated - before.Revalidated,
			"miss":        now.Misses - before.Misses,
			"collapsed":   now.Collapsed - before.Collapsed,
			"bypass":      now.Bypassed - before.Bypassed,
			"error_stale": now.StaleErrors - before.StaleErrors,
		},
		Stores:          now.Stores - before.Stores,
		Evictions:       now.Evictions - before.Evictions,
		Bytes:           now.Bytes,
		Entries:         now.Entries,
		Redis:           client != nil,
		RedisUp:         now.Redis.Up,
		RedisOperations: operationsOf(&now.Redis, &before.Redis),
	}
}

func operationsOf(now, before *RedisStats) map[Operation]int64 {
	return map[Operation]int64{
		{"get", "ok"}:      now.Found - before.Found,
		{"get", "miss"}:    now.Missing - before.Missing,
		{"get", "error"}:   now.Failed - before.Failed,
		{"get", "skipped"}: now.Skipped - before.Skipped,
		{"set", "ok"}:      now.Sets - before.Sets,
		{"set", "error"}:   now.SetsFailed - before.SetsFailed,
		{"set", "skipped"}: now.SetsSkipped - before.SetsSkipped,
		{"del", "ok"}:      now.Deletes - before.Deletes,
		{"del", "error"}:   now.DeletesFailed - before.DeletesFailed,
		{"del", "skipped"}: now.DeletesSkipped - before.DeletesSkipped,
	}
}
