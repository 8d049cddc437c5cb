package lambda

import (
	"sync"
	"testing"
)

func TestAllWorkersShareASecond(t *testing.T) {
	const workers = 8
	for unix := int64(1); unix <= 100; unix++ {
		got := make([]*second, workers)
		var started, done sync.WaitGroup
		started.Add(workers)
		done.Add(workers)
		for i := 0; i < workers; i++ {
			go takeSecond(got, i, unix, &started, &done)
		}
		done.Wait()
		for i, s := range got {
			if s != got[0] || s.unix != unix {
				t.Fatalf("worker %d: got %p of second %d, want %p of second %d", i, s, s.unix, got[0], unix)
			}
		}
	}
}

// takeSecond lets all workers ask at the same time.
func takeSecond(got []*second, i int, unix int64, started, done *sync.WaitGroup) {
	started.Done()
	started.Wait()
	got[i] = secondOf(unix)
	done.Done()
}
