// Package returns leaves functions in all the ways there are.
package returns

import (
	"errors"
	"fmt"
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

var errOdd = errors.New("odd")

type failure struct{ text string }

func (f *failure) Error() string { return f.text }

type box struct {
	n    int
	text string
}

//lambda:worker generated
func source(out *[]string) {
	for round := 0; round < 5; round++ {
		n, err := half(round)
		note(out, fmt.Sprint("half ", n, " ", err))
		note(out, fmt.Sprint("first ", first([]int{1, 3, 5, round}, 4)))
		note(out, "named "+named(round))
		if err := step(round); err != nil {
			note(out, "if "+err.Error())
		} else if text := kind(round); text != "" {
			note(out, "else if "+text)
		} else {
			note(out, "else")
		}
		a, b := swapped(round, 10)
		a, b = swapped(a, b)
		a, b = swapped(b, a)
		note(out, fmt.Sprint("swapped ", a, b))
		note(out, fmt.Sprint("passed on ", passedOn(round)))
		var x any
		x = pointer(round)
		note(out, fmt.Sprint("an interface ", x == nil))
		err = pointerAsError(round)
		note(out, fmt.Sprint("an error ", err))
		kept := &box{n: round}
		kept.text = kind(round)
		kept.n = grown(kept.n)
		note(out, fmt.Sprint("a field ", kept.n, kept.text))
		copied := moved(box{n: round, text: "v"})
		note(out, fmt.Sprint("a struct ", copied.n, copied.text))
		ended(out, round)
		if skipped(round) {
			continue
		}
		note(out, "the end of the round")
	}
}

//lambda:inline
func note(out *[]string, text string) { *out = append(*out, text) }

//lambda:inline
func half(n int) (int, error) {
	if n%2 == 1 {
		return 0, errOdd
	}
	return n / 2, nil
}

//lambda:inline
func first(list []int, least int) int {
	for i, n := range list {
		if n >= least {
			return i
		}
	}
	return -1
}

//lambda:inline
func named(n int) (text string) {
	if n == 0 {
		return
	}
	text = "n"
	if n == 1 {
		return
	}
	if n == 2 {
		return text + "2"
	}
	text += "+"
	return text
}

//lambda:inline
func step(n int) error {
	if n > 3 {
		return fmt.Errorf("%d is too many", n)
	}
	_, err := half(n)
	return err
}

//lambda:inline
func kind(n int) string {
	switch n {
	case 0:
		return "none"
	case 1, 2:
		if n == 2 {
			return "two"
		}
	default:
		return ""
	}
	return "one"
}

//lambda:inline
func swapped(a, b int) (int, int) { return b, a }

//lambda:inline
func passedOn(n int) string {
	if n > 2 {
		return kind(n - 2)
	}
	return kind(n)
}

//lambda:inline
func pointer(n int) *box {
	if n > 1 {
		return &box{n: n}
	}
	return nil
}

//lambda:inline
func pointerAsError(n int) error {
	if n > 2 {
		return failed(n)
	}
	return nil
}

//lambda:inline
func failed(n int) *failure { return &failure{text: fmt.Sprint("failed ", n)} }

//lambda:inline
func grown(n int) int { return n*10 + 1 }

//lambda:inline
func moved(b box) box {
	b.n++
	return b
}

//lambda:inline
func ended(out *[]string, n int) {
	if n == 0 {
		return
	}
	for {
		if n == 3 {
			return
		}
		n++
		if n > 4 {
			break
		}
	}
	note(out, "ended")
}

//lambda:inline
func skipped(n int) bool { return n == 1 }
