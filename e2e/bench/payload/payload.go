// Package payload makes the bodies that the benchmark's clients and functions send.
package payload

import (
	"bytes"
	"math/rand/v2"
)

// JSON returns a JSON document of size bytes, at least 32, with as many quotes as such documents usually have: an event
// carries it as a string, in which each of them is escaped.
func JSON(size int) []byte {
	const head, row, tail = `{"items":[`, `{"id":"7f1c2a90","name":"a name","price":12.5},`, `0],"padding":""}`
	rows := max(0, size-len(head)-len(tail)) / len(row)
	padding := max(0, size-len(head)-len(tail)-rows*len(row))
	document := append([]byte(head), bytes.Repeat([]byte(row), rows)...)
	document = append(document, tail[:len(tail)-2]...)
	document = append(document, bytes.Repeat([]byte("x"), padding)...)
	return append(document, tail[len(tail)-2:]...)
}

// Text returns size bytes of plain text with quotes and line ends, which an event and a reply carry escaped.
func Text(size int) []byte {
	return repeated("She said \"yes\", and\tmeant 'no'.\r\nA second line.\n", size)
}

// HTML returns an HTML page of size bytes, at least 64.
func HTML(size int) []byte {
	const head, tail = "<!doctype html><title>A page</title>\n", "</html>\n"
	rows := repeated("<p class=\"row\"><a href=\"/items/7?a=1&amp;b=2\">A name</a></p>\n", size-len(head)-len(tail))
	return append(append([]byte(head), rows...), tail...)
}

func repeated(row string, size int) []byte {
	return bytes.Repeat([]byte(row), size/len(row)+1)[:size]
}

// Binary returns size bytes that are no text, the same at every call.
func Binary(size int) []byte {
	data := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{}).Read(data) // It never fails.
	return data
}
