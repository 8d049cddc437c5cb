// Package tables calls functions by the fields of a table.
package tables

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

type kind int

const (
	kindCircle kind = iota + 1
	kindSquare
	kindLine
	kindPoint
)

type shape struct {
	kind   kind //lambda:case
	area   func(size float64) (float64, error)
	draw   func(out *[]string, name string)
	legend string
}

var shapes = map[string]*shape{
	"circle": {kind: kindCircle, area: circleArea, draw: drawRound},
	"square": {kind: kindSquare, area: squareArea, draw: drawSharp, legend: "four sides"},
	"line":   {kind: kindLine, area: noArea, draw: drawSharp},
}

var point = shape{kind: kindPoint, area: noArea, draw: drawSharp}

type drawing struct{ shape *shape }

//lambda:worker generated
func source(out *[]string) {
	for _, name := range []string{"circle", "square", "line", "point", "circle"} {
		d := &drawing{shape: shapes[name]}
		if d.shape == nil {
			d.shape = &point
		}
		d.shape.draw(out, name+" "+d.shape.legend)
		area, err := d.shape.area(size(2))
		note(out, fmt.Sprint(area, err))
		note(out, described(d, 3))
	}
}

//lambda:inline
func note(out *[]string, text string) { *out = append(*out, text) }

//lambda:inline
func size(n float64) float64 { return n * 2 }

//lambda:inline
func described(d *drawing, n float64) string {
	area, err := checked(d, n)
	if err != nil {
		return "no area"
	}
	return fmt.Sprint("area ", area)
}

//lambda:inline
func checked(d *drawing, n float64) (float64, error) {
	if n < 0 {
		return 0, nil
	}
	return d.shape.area(n)
}

//lambda:inline
func circleArea(size float64) (float64, error) {
	if size > 3 {
		return 0, errors.New("too large")
	}
	return 3 * size * size, nil
}

//lambda:inline
func squareArea(size float64) (float64, error) { return size * size, nil }

func noArea(_ float64) (float64, error) { return 0, errors.New("none") }

//lambda:inline
func drawRound(out *[]string, name string) { note(out, "("+name+")") }

//lambda:inline
func drawSharp(out *[]string, name string) {
	if name == "line " {
		return
	}
	note(out, "["+name+"]")
}
