// Package targets has functions whose variables are the caller's.
package targets

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
	for round := 0; round < 4; round++ {
		quotient, rest := divided(round*7, 3)
		note(out, fmt.Sprint(quotient, rest))
		quotient, rest = divided(quotient, 2)
		note(out, fmt.Sprint("an argument is a target ", quotient, rest))
		rest, quotient = divided(rest+quotient, 2)
		note(out, fmt.Sprint("the other way round ", quotient, rest))
		total, text := summed([]int{round, 1})
		note(out, fmt.Sprint(total, text))
		_, text = summed([]int{total})
		note(out, text)
		low, high := ordered(round, 2)
		note(out, fmt.Sprint(low, high))
		low, high = ordered(high, low)
		note(out, fmt.Sprint(low, high))
		kept := round
		pointed := &kept
		kept = doubled(pointed)
		note(out, fmt.Sprint("something points to the target ", kept))
		shared = 1
		shared = raised(round)
		note(out, fmt.Sprint("a variable of the package ", shared))
		word, ok := named(round)
		note(out, fmt.Sprint(word, ok))
		word, ok = renamed(round)
		note(out, fmt.Sprint(word, ok))
	}
}

//lambda:inline
func note(out *[]string, text string) { *out = append(*out, text) }

//lambda:inline
func divided(n, by int) (int, int) {
	quotient := n / by
	rest := n - quotient*by
	if rest == 0 {
		return quotient, 0
	}
	return quotient, rest
}

//lambda:inline
func summed(list []int) (int, string) {
	sum := 0
	text := "sum"
	for _, n := range list {
		sum += n
		text += fmt.Sprint(" ", n)
	}
	if sum > 3 {
		return 0, fmt.Sprint(text, " is ", sum)
	}
	return sum, text
}

//lambda:inline
func ordered(a, b int) (int, int) {
	low := a
	high := b
	if a > b {
		return high, low
	}
	return low, high
}

//lambda:inline
func doubled(n *int) int {
	result := 1
	result += *n * 2
	return result
}

var shared int

//lambda:inline
func raised(n int) int {
	result := 5
	return result + n + shared
}

//lambda:inline
func named(n int) (text string, ok bool) {
	if n == 1 {
		return
	}
	if n == 2 {
		return "two", true
	}
	text = fmt.Sprint(n)
	return text, ok
}

//lambda:inline
func renamed(n int) (text string, ok bool) {
	text = "n"
	for i := 0; i < n; i++ {
		text += "+"
	}
	if n > 1 {
		return text, true
	}
	text, ok = named(n)
	return
}
