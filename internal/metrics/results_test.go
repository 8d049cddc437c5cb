package metrics

import (
	"strings"
	"testing"
)

// seriesOf returns a vector's series as text, without those at 0.
func seriesOf(v *vector) string {
	found := []string{}
	for labels, value := range v.series {
		if value != 0 {
			found = append(found, labels)
		}
	}
	return strings.Join(found, " ")
}

func TestResultsAreCountedUnderTheirLabels(t *testing.T) {
	begin()
	enable()
	BeginCache("c@file")
	AddCacheRequests("c@file", "hit", 1)
	AddCacheStores("c@file", 1)
	AddCacheEvictions("c@file", 1)
	AddCacheRedis("c@file", "get", "miss", 1)
	AuthorizerResults("auth:live")("deny")
	AuthorizerCache("auth:live")("miss")
	EdgeCalls("viewer-request", "hook")("generated")
	Probes("orders")("bad")
	for name, tc := range map[string]struct {
		vector *vector
		want   string
	}{
		"a request with a cache":      {cacheRequests, `middleware="c@file",result="hit"`},
		"a reply that was stored":     {cacheStores, `middleware="c@file"`},
		"a reply that was evicted":    {cacheEvicts, `middleware="c@file"`},
		"an operation in Redis":       {cacheRedis, `middleware="c@file",op="get",result="miss"`},
		"a decision":                  {authResults, `function="auth:live",result="deny"`},
		"a decision that is not kept": {authCache, `function="auth:live",result="miss"`},
		"a call of a hook":            {edgeCalls, `hook="viewer-request",function="hook",result="generated"`},
		"a probe":                     {probes, `function="orders",result="bad"`},
	} {
		if got := seriesOf(tc.vector); got != tc.want {
			t.Errorf("%s: got %s, want %s", name, got, tc.want)
		}
	}
}

func TestNothingIsCountedBeforeAnInstanceShowsIt(t *testing.T) {
	begin()
	AuthorizerResults("auth")("allow")
	if got := seriesOf(authResults); got != "" {
		t.Errorf("got %s, want nothing", got)
	}
	if got := len(authResults.series); got != 4 {
		t.Errorf("got %d series at 0, want one for each of 4 results", got)
	}
}
