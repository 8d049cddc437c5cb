// Package order notes the order in which calls are made.
package order

import "fmt"

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
	for round := 0; round < 2; round++ {
		n := plain(out, 1) + inlined(out, 2) + plain(out, 3) + inlined(out, 4) + plain(out, 5)
		note(out, fmt.Sprint(n))
		plain3(plain(out, 1), inlined(out, 2), plain(out, 3))
		note(out, three(plain(out, 1), inlined(out, 2), plain(out, 3)))
		if inlined(out, 1) == 0 || plain(out, 2) == 2 {
			note(out, "or")
		}
		if plain(out, 1) == 1 && inlined(out, 2) == 2 {
			note(out, "and")
		}
		list := []int{plain(out, 1), inlined(out, 2), plain(out, 3)}
		list[plain(out, 1)] = 5
		note(out, fmt.Sprint(list, pair(out)))
	}
}

//lambda:inline
func note(out *[]string, text string) { *out = append(*out, text) }

func plain(out *[]string, n int) int {
	note(out, fmt.Sprint("plain ", n))
	return n
}

//lambda:inline
func inlined(out *[]string, n int) int {
	note(out, fmt.Sprint("inlined ", n))
	return n
}

func plain3(_, _, _ int) {}

//lambda:inline
func three(a, b, c int) string { return fmt.Sprint(a, b, c) }

//lambda:inline
func pair(out *[]string) int {
	a, b := both(inlined(out, 1), plain(out, 2))
	return a*10 + b
}

//lambda:inline
func both(a, b int) (int, int) { return b, a }
