package cache

import "testing"

func TestUsagesAreCountedOnce(t *testing.T) {
	x := newTested(t, &Config{}, true, respond(200, "Cache-Control", "max-age=60"))
	get(x, "/")
	get(x, "/")
	get(x, "/")
	for _, want := range []int64{2, 0} {
		found := false
		for _, usage := range Usages() {
			if usage.Middleware != t.Name() {
				continue
			}
			found = true
			if usage.Requests["hit"] != want || usage.Entries != 1 || usage.Redis || want > 0 && usage.Stores != 1 {
				t.Errorf("got %+v, want %d hits", usage, want)
			}
		}
		if !found {
			t.Error("got no usage of the cache")
		}
	}
}
