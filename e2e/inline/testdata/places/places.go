// Package places keeps the addresses of variables, each of which must have a place of its own.
package places

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
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

type box struct {
	n     int
	inner struct{ text string }
}

//lambda:worker generated
func source(out *[]string) {
	var kept []*box
	var texts []*string
	for round := 0; round < 3; round++ {
		kept = append(kept, boxed(round))
		texts = append(texts, texted(round))
		note(out, hashed(fmt.Sprint(round)))
		note(out, written("a", round))
		parameter := round
		kept = append(kept, moved(box{n: parameter * 100}))
		note(out, fmt.Sprint(counted(round), early(round)))
	}
	for i, b := range kept {
		note(out, fmt.Sprint(i, b.n, b.inner.text))
	}
	for _, text := range texts {
		note(out, *text)
	}
}

//lambda:inline
func note(out *[]string, text string) { *out = append(*out, text) }

//lambda:inline
func boxed(n int) *box {
	if n > 1 {
		return nilBox()
	}
	b := box{n: n}
	b.n++
	b.inner.text += fmt.Sprint(n)
	return &b
}

//lambda:inline
func nilBox() *box {
	var b box
	b.inner.text = "zero"
	return &b
}

//lambda:inline
func texted(n int) *string {
	b := &box{}
	text := &b.inner.text
	*text = fmt.Sprint("t", n)
	return text
}

//lambda:inline
func hashed(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}

//lambda:inline
func written(text string, n int) string {
	var buffer bytes.Buffer
	for i := 0; i < n; i++ {
		buffer.WriteString(text)
	}
	return buffer.String() + "."
}

//lambda:inline
func moved(b box) *box {
	b.n++
	return &b
}

//lambda:inline
func counted(n int) int {
	total := n
	pointer := &total
	*pointer += 5
	if n == 1 {
		return *pointer
	}
	return total + 1
}

//lambda:inline
func early(n int) string {
	if n == 0 {
		return "none"
	}
	b := box{n: n}
	p := &b
	if n == 1 {
		return fmt.Sprint(p.n)
	}
	b.n = 7
	return fmt.Sprint(p.n)
}
