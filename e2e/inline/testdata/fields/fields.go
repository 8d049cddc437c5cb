// Package fields has arguments that are fields, and functions that change them.
package fields

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

type box struct {
	n     int
	text  string
	other string
	inner *box
	value pair
}

type pair struct{ a, b int }

//lambda:worker generated
func source(out *[]string) {
	total = 0
	x := &box{text: "t", inner: &box{text: "inner"}}
	for round := 0; round < 3; round++ {
		x.n = round
		note(out, rare(x.n, x.text, x))
		note(out, rare(x.inner.n, x.inner.text, x))
		note(out, fmt.Sprint(setsIt(x, x.n), x.n))
		note(out, fmt.Sprint(setsOther(x, x.n), x.other))
		note(out, fmt.Sprint(setsWhole(x, x.value.a), x.value))
		note(out, fmt.Sprint(calls(x, x.n), x.n))
		note(out, fmt.Sprint(besides(x, x.n), x.n))
		note(out, fmt.Sprint(loops(x, x.n), x.n))
		note(out, fmt.Sprint(passesOn(x, x.n), x.n))
		note(out, fmt.Sprint(setsParameter(x.n), x.n))
		x.inner = setsBase(x.inner, x.inner.text)
		x.text = first(x.text, x.inner.text)
		note(out, x.text)
		counted(&total)
		note(out, fmt.Sprint("a variable of the package ", total))
	}
}

//lambda:inline
func note(out *[]string, text string) { *out = append(*out, text) }

//lambda:inline
func rare(n int, text string, x *box) string {
	x.other = "rare"
	if n == 1 {
		return fmt.Sprint(text, n)
	}
	return "-"
}

//lambda:inline
func setsIt(x *box, n int) string {
	x.n = 10
	return fmt.Sprint("before ", n)
}

//lambda:inline
func setsOther(x *box, n int) string {
	x.other = "o"
	return fmt.Sprint("other ", n)
}

//lambda:inline
func setsWhole(x *box, a int) string {
	x.value = pair{a: 7}
	return fmt.Sprint("whole ", a)
}

//lambda:inline
func calls(x *box, n int) string {
	change(x)
	return fmt.Sprint("called ", n)
}

//lambda:inline
func besides(x *box, n int) int {
	return n + change(x)
}

func change(x *box) int {
	x.n++
	return x.n * 100
}

//lambda:inline
func loops(x *box, n int) int {
	sum := 0
	for i := 0; i < 2; i++ {
		sum += n
		x.n++
	}
	return sum
}

//lambda:inline
func passesOn(x *box, n int) string { return setsIt(x, n) }

//lambda:inline
func setsParameter(n int) int {
	n++
	return n
}

//lambda:inline
func setsBase(x *box, text string) *box {
	x.n++
	return &box{text: text + "'"}
}

//lambda:inline
func first(a, b string) string {
	text := a
	if len(text) > 3 {
		return b
	}
	return text + b
}

var total int

//lambda:inline
func counted(n *int) { *n += 2 }
