// Package calls has a call in every place where it is written out, and in those where it stays one.
package calls

import (
	"fmt"
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
	for round := 0; round < 3; round++ {
		note(out, "a statement")
		text := join("a", fmt.Sprint(round))
		note(out, text)
		var other string = join(text, "var")
		note(out, other)
		left, right := split("l-r", "-")
		note(out, left+right)
		left, _ = split("x-y", "-")
		note(out, left)
		_, err := split("none", "?")
		note(out, err)
		_ = join("for", "nothing")
		note(out, join(join("a", "b"), join("c", strings.ToUpper(join("d", "e")))))
		if join("a", "b") == "a.b" && round > 0 {
			note(out, "a condition")
		}
		if round > 0 && join("a", "b") == "a.b" {
			note(out, "a call that stays behind &&")
		}
		switch join("s", "t") {
		case join("s", "t"):
			note(out, "a tag")
		default:
			note(out, "no tag")
		}
		for i := 0; i < count("abc"); i++ {
			note(out, fmt.Sprint("in a header ", i))
		}
		for _, part := range strings.Split(join("r", "s"), ".") {
			note(out, part)
		}
		list := []string{join("in", "a literal"), "", join("and", "last")}
		list[1] = join("an", "element")
		list[count("ab")] += join("+", "=")
		note(out, strings.Join(list, ","))
		note(out, deep(round))
		note(out, fmt.Sprint(flag(true), flag(false), flag(!false)))
		note(out, unused("x", sideEffect(out), "z"))
		note(out, changed("p"))
		note(out, fmt.Sprint(wide(7)/2, wide(int64(round))))
	}
}

//lambda:inline
func note(out *[]string, text string) { *out = append(*out, text) }

//lambda:inline
func join(a, b string) string { return a + "." + b }

//lambda:inline
func split(text, at string) (string, string) {
	before, after, found := strings.Cut(text, at)
	if !found {
		return "", "no " + at
	}
	return before, after
}

//lambda:inline
func count(text string) int { return len(text) }

//lambda:inline
func deep(n int) string {
	text := deeper(n, "a")
	return text + deeper(n+1, "b")
}

//lambda:inline
func deeper(n int, text string) string {
	switch {
	case n > 1:
		return text + deepest(n)
	case n == 1:
		return text
	}
	return "-" + deepest(-n)
}

//lambda:inline
func deepest(n int) string { return fmt.Sprint(n * 2) }

//lambda:inline
func flag(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

func sideEffect(out *[]string) string {
	note(out, "it happens")
	return "y"
}

//lambda:inline
func unused(a, _, c string) string { return a }

//lambda:inline
func changed(text string) string {
	text += "!"
	text = text + text
	return text
}

//lambda:inline
func wide(n int64) int64 { return n + 1 }
