// Package values reads what the round before must not have left.
package values

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

type pair struct {
	name string
	list []int
}

//lambda:worker generated
func source(out *[]string) {
	inputs := []any{"text", 7, nil, true, "last", []any{"a", 1}}
	known := map[string]int{"text": 1, "last": 2}
	for _, input := range inputs {
		note(out, zeroes(input))
		note(out, asserted(input))
		note(out, fmt.Sprint(looked(known, input)))
		note(out, resulted(input))
		if text, ok := input.(string); ok {
			note(out, "a string "+text)
		} else {
			note(out, "no string "+text)
		}
	}
}

//lambda:inline
func note(out *[]string, text string) { *out = append(*out, text) }

//lambda:inline
func zeroes(input any) string {
	var text string
	var number int
	var yes bool
	var list []string
	var m map[string]int
	var p *pair
	var s pair
	var a [2]int
	var e error
	if input == "text" {
		text = "set"
		number = 3
		yes = true
		list = []string{"x"}
		m = map[string]int{"y": 1}
		p = &pair{name: "p"}
		s.name = "s"
		s.list = append(s.list, 1)
		a[1] = 5
		e = fmt.Errorf("e")
	}
	return fmt.Sprint(text, number, yes, list, len(m), p == nil, s.name, len(s.list), a[1], e)
}

//lambda:inline
func asserted(input any) string {
	text, isText := input.(string)
	number, _ := input.(int)
	yes, _ := input.(bool)
	list, isList := input.([]any)
	return fmt.Sprint(text, isText, number, yes, len(list), isList)
}

//lambda:inline
func looked(known map[string]int, input any) int {
	text, _ := input.(string)
	number, found := known[text]
	if !found {
		return -number
	}
	return number
}

//lambda:inline
func resulted(input any) (text string) {
	if input == nil {
		text += "nothing"
	}
	return text + "."
}
