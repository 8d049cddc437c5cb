// Package branches has calls that are written out within cases, branches and blocks.
package branches

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
	for round := 0; round < 6; round++ {
		switch round {
		case 0:
			note(out, early(round))
		case 1, 2:
			note(out, early(round))
			if round == 2 {
				break
			}
			note(out, "after")
		case 3:
		default:
			text := early(round)
			note(out, text)
		}
		switch {
		case round > 4:
			if early(round) == "late" {
				continue
			}
		case round > 2 || round == 0:
			{
				note(out, early(round+1))
			}
		}
		switch text := early(round); text {
		case "early":
			note(out, "a tag with a variable")
		}
		note(out, nested(out, round))
	}
}

//lambda:inline
func note(out *[]string, text string) { *out = append(*out, text) }

//lambda:inline
func early(n int) string {
	if n < 2 {
		return "early"
	}
	if n == 3 {
		return "three"
	}
	return "late"
}

//lambda:inline
func nested(out *[]string, n int) string {
	if n%2 == 0 {
		if n == 4 {
			return early(n)
		}
		switch n {
		case 0:
			note(out, early(0))
			return "zero"
		case 2:
			note(out, fmt.Sprint("two ", early(9)))
		}
	} else if early(n) == "early" {
		return "odd"
	}
	return "end"
}
