package lambda

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/seed05e46011/lambda/internal/aws"
	"github.com/seed05e46011/lambda/internal/bracket"
	"github.com/seed05e46011/lambda/internal/cache"
	"github.com/seed05e46011/lambda/internal/metrics"
)

// newCache builds the cache of option cache, for as long as life lasts.
func newCache(life context.Context, l *Lambda, config *Config) (*cache.Cache, error) {
	identity, err := cacheIdentity(config)
	if err != nil {
		return nil, err
	}
	metrics.BeginCache(l.name)
	return cache.New(life, config.Cache, cache.Core{
		Name:     l.name,
		Settings: identity,
		// A request that the options hand to the router's service must not leave its goroutine.
		Function:   config.hasFunction() && config.Unmatched != unmatchedNext,
		Streamed:   l.calls.streamed,
		Authorized: config.Authorizer != nil,
		Noted:      config.Edge != nil || config.AccessLog,
		Timeout:    l.limits.timeout,
		Fail: func(w http.ResponseWriter, r *http.Request, status int) {
			failBracket(l, w, r, status)
		},
		FallBack: func(w http.ResponseWriter, r *http.Request) {
			noteFailure(r, causeRefused, true)
			l.next.ServeHTTP(w, r)
		},
		Log: func(line string) { l.log.Error(l.name + ": " + line) },
	})
}

// cacheIdentity returns what stored responses depend on: all options but credentials, and the region
// that is not in them.
func cacheIdentity(config *Config) ([]byte, error) {
	c := *config
	c.Credentials = nil
	group := *config.Cache
	group.Redis = nil
	c.Cache = &group
	options, err := json.Marshal(c) //yaegi:ok secret-printed credentials are off, and the rest is only hashed
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	return append(options, newLambdaAPI(config).regionOf(&aws.Function{})...), nil
}

// fallsBack hands a failure on to the next handler. Behind a cache it only notes that it would: a stale
// response comes first.
func fallsBack(l *Lambda, req *request, status int) bool {
	if !l.failures.fallback || !replayable(req) || !canFallBack(status) {
		return false
	}
	notes, ok := bracket.NotesIn(req.http.Context())
	if ok && notes.HoldsFallback {
		notes.FallbackHeld = true
		return false
	}
	return true
}

// cacheGauges returns what the caches hold, and counts what they have done since the last time.
func cacheGauges() []metrics.Gauge {
	bytes := map[string]float64{} // by middleware: after a change of its options it has two caches for a while
	entries := map[string]float64{}
	up := map[string]float64{}
	for _, usage := range cache.Usages() {
		name := usage.Middleware
		for result, n := range usage.Requests {
			metrics.AddCacheRequests(name, result, n)
		}
		for operation, n := range usage.RedisOperations {
			metrics.AddCacheRedis(name, operation.Name, operation.Result, n)
		}
		metrics.AddCacheStores(name, usage.Stores)
		metrics.AddCacheEvictions(name, usage.Evictions)
		bytes[name] += float64(usage.Bytes)
		entries[name] += float64(usage.Entries)
		if usage.Redis {
			up[name] += 0
		}
		if usage.RedisUp {
			up[name] = 1
		}
	}
	gauges := gaugesByLabel(metrics.CacheBytes, bytes)
	gauges = append(gauges, gaugesByLabel(metrics.CacheEntries, entries)...)
	return append(gauges, gaugesByLabel(metrics.CacheRedisUp, up)...)
}

func gaugesByLabel(family string, values map[string]float64) []metrics.Gauge {
	gauges := make([]metrics.Gauge, 0, len(values))
	for label, value := range values {
		gauges = append(gauges, metrics.Gauge{Family: family, Label: label, Value: value})
	}
	return gauges
}
