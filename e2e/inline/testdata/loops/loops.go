// Package loops has loops in functions that are written out, and such functions in loops.
package loops

import (
	"fmt"
	"sort"
	"strings"
)

// Direct returns what the source notes.
func Direct() []string {
	var out []string
	source(&out)
	return out
}

// Generated returns what the function notes that is generated.
func Generated() []string {
	var out []string
	generated(&out)
	return out
}

//lambda:worker generated
func source(out *[]string) {
	jobs := make(chan int, 3)
	jobs <- 3
	jobs <- 0
	jobs <- 2
	close(jobs)
	for {
		job, open := <-jobs
		if !open {
			return
		}
		note(out, fmt.Sprint("sum ", sum(job)))
		for i := 0; i < job; i++ {
			if skip(i) {
				continue
			}
			for j := i; j < 3; j++ {
				if stop(i, j) {
					break
				}
				note(out, fmt.Sprint(i, j))
			}
		}
		names := keys(map[string]int{"a": job, "b": 2})
		for _, name := range names {
			note(out, name)
		}
		for k := range names {
			note(out, fmt.Sprint(k, odd(k)))
		}
		for range names {
			note(out, "again")
		}
		job2 := 0
		for job2 < 2 {
			job2++
		}
		note(out, fmt.Sprint(job2))
		(&counter{step: 2}).count(out, strings.NewReader("abc"))
		(&counter{step: 2}).countGenerated(out, strings.NewReader("abc"))
	}
}

type counter struct{ step int }

//lambda:worker countGenerated
func (c *counter) count(out *[]string, r *strings.Reader) {
	for n := r.Len(); n > 0; n -= c.step {
		note(out, fmt.Sprint("counted ", n, waited(n)))
	}
}

//lambda:inline
func waited(n int) string {
	done := make(chan int, 1)
	done <- n
	<-done
	return folded(n, true)
}

//lambda:inline
func folded(n int, all bool) string {
	odd := n % 2
	if all {
		return "all"
	}
	return fmt.Sprint(odd)
}

//lambda:inline
func note(out *[]string, text string) { *out = append(*out, text) }

//lambda:inline
func sum(n int) int {
	total := 0
	for i := 0; i <= n; i++ {
		if i == 1 {
			continue
		}
		total += i
	}
	return total
}

//lambda:inline
func skip(i int) bool { return i == 1 }

//lambda:inline
func stop(i, j int) bool {
	if j > i+1 {
		return true
	}
	return false
}

//lambda:inline
func keys(m map[string]int) []string {
	names := make([]string, 0, len(m))
	for name, n := range m {
		if n > 0 {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}

//lambda:inline
func odd(n int) bool {
	for {
		if n == 0 {
			return false
		}
		if n == 1 {
			return true
		}
		n -= 2
	}
}
