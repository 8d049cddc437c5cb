// Package checks has calls that an if follows which tests a result.
package checks

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

//lambda:worker generated
func source(out *[]string) {
	for round := 0; round < 6; round++ {
		if err := step(round); err != nil {
			note(out, "an error in a header "+err.Error())
		}
		half, err := halved(round)
		if err != nil {
			note(out, "an error "+err.Error())
			continue
		}
		note(out, fmt.Sprint("half ", half))
		n, last := halved(round + 2)
		if last != nil {
			note(out, "never")
		}
		note(out, fmt.Sprint("read later ", n, last))
		for i := 0; i < 2; i++ {
			last = step(round + i)
			if last != nil {
				break
			}
		}
		note(out, fmt.Sprint("set in a loop, read behind it ", last))
		err = step(round * 2)
		if err != nil {
			note(out, "err again "+err.Error())
		}
		err = errOdd
		err = step(3)
		if err != nil {
			note(out, "three")
		}
		note(out, fmt.Sprint("then ", err))
		if err := passed(round); err != nil {
			note(out, "passed on "+err.Error())
			if round > 4 {
				return
			}
		}
		if small(round) {
			note(out, "small")
		}
		if !small(round) {
			note(out, "not small")
		}
		ok := small(round)
		if !ok {
			note(out, "not ok")
		}
		note(out, fmt.Sprint("ok ", ok))
		if isSmall := small(round); isSmall {
			note(out, "is small")
		} else {
			note(out, "else")
		}
		text, found := lookedUp(round)
		if !found {
			text = "-"
		}
		note(out, text)
		note(out, fmt.Sprint("through two ", through(round), last))
		pair, err := both(round)
		if pair != nil {
			note(out, fmt.Sprint("a pair ", *pair))
		}
		if err != nil {
			note(out, "the second "+err.Error())
		}
		var converted any
		converted = pointer(round)
		if converted != nil {
			note(out, "an interface")
		}
		switch round {
		case 0, 2:
			if err := step(round + 1); err != nil {
				note(out, "in a case")
				break
			}
			note(out, "the end of a case")
		default:
			if err := step(round); err != nil {
				note(out, "in the default")
			}
		}
		note(out, fmt.Sprint("named ", named(round)))
	}
}

//lambda:inline
func note(out *[]string, text string) { *out = append(*out, text) }

//lambda:inline
func step(n int) error {
	if n == 0 {
		return nil
	}
	if n%2 == 1 {
		return errOdd
	}
	return nil
}

//lambda:inline
func halved(n int) (int, error) {
	if n%2 == 1 {
		return 0, fmt.Errorf("%d is odd", n)
	}
	return n / 2, nil
}

//lambda:inline
func passed(n int) error {
	if n > 3 {
		return step(n - 1)
	}
	if err := step(n); err != nil {
		return fmt.Errorf("passed: %w", err)
	}
	return step(n + 2)
}

//lambda:inline
func small(n int) bool {
	if n < 2 {
		return true
	}
	if n > 4 {
		return false
	}
	return n == 2
}

//lambda:inline
func lookedUp(n int) (text string, found bool) {
	text = names[n]
	if text == "" {
		return otherName(n)
	}
	return text, true
}

var names = map[int]string{0: "zero", 2: "two"}

func otherName(n int) (string, bool) { return fmt.Sprint(n), n > 3 }

//lambda:inline
func through(n int) error {
	half, err := halved(n)
	if err != nil {
		return err
	}
	err = step(half)
	if err != nil {
		return fmt.Errorf("%d: %w", half, err)
	}
	return nil
}

//lambda:inline
func both(n int) (*int, error) {
	if n == 1 {
		return nil, errOdd
	}
	if n == 2 {
		return nil, nil
	}
	return &n, nil
}

//lambda:inline
func pointer(n int) *int {
	if n == 2 {
		return &shared
	}
	return nil
}

var shared int

//lambda:inline
func named(n int) (err error) {
	if n == 5 {
		return
	}
	err = step(n)
	if err != nil {
		return
	}
	_, err = halved(n / 2)
	if err != nil {
		return err
	}
	return
}
