// Package defects has what Yaegi does otherwise than Go, in the form that the generated code has it.
package defects

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
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

type failure struct{ text string }

func (f *failure) Error() string { return f.text }

type reply struct {
	Status any
	Body   any
}

//lambda:worker generated
func source(out *[]string) {
	self := &reply{}
	defer finished(out, self)
	inputs := []string{`{"Status":200,"Body":"a"}`, `{"Status":"x"}`, `{}`, `[`, `{"Status":204,"Body":7}`}
	replies := make(chan string, len(inputs))
	for _, input := range inputs {
		replies <- input
	}
	close(replies)
	for {
		input, open := <-replies
		if !open {
			return
		}
		object, err := parsed(input)
		note(out, fmt.Sprint(err != nil, wrapped(err)))
		if err != nil {
			continue
		}
		status, ok := statusOf(object)
		note(out, fmt.Sprint(status, ok, bodyOf(object)))
		header := http.Header{}
		added(header, "X-A", bodyOf(object))
		if value, found := header["X-A"]; found {
			note(out, value[0])
		} else {
			note(out, fmt.Sprint("none ", len(value)))
		}
		text, err := read(strings.NewReader(input), 3)
		note(out, fmt.Sprint(text, err))
		sent(replies, out)
		self.Body = status
	}
}

func finished(out *[]string, self *reply) {
	note(out, fmt.Sprint("finished ", self.Body))
}

//lambda:inline
func note(out *[]string, text string) { *out = append(*out, text) }

//lambda:inline
func parsed(input string) (*reply, error) {
	object := &reply{}
	if err := json.Unmarshal([]byte(input), object); err != nil {
		return nil, failed(input)
	}
	return object, nil
}

func failed(input string) *failure { return &failure{text: "failed: " + input} }

//lambda:inline
func wrapped(err error) string {
	if err == nil {
		return "-"
	}
	f, ok := err.(*failure)
	if !ok {
		return "other"
	}
	return f.text
}

//lambda:inline
func statusOf(object *reply) (status int, ok bool) {
	number, isNumber := object.Status.(float64)
	if isNumber {
		status = int(number)
		ok = true
	}
	return status, ok
}

//lambda:inline
func bodyOf(object *reply) string {
	body, _ := object.Body.(string)
	return body
}

//lambda:inline
func added(header http.Header, name, value string) {
	if value == "" {
		return
	}
	header[name] = []string{value}
}

//lambda:inline
func read(r io.Reader, n int64) (string, error) {
	content, err := io.ReadAll(io.LimitReader(r, n))
	if err != nil {
		return "", err
	}
	return string(content), nil
}

//lambda:inline
func sent(replies chan string, out *[]string) {
	if len(replies) == 100 {
		replies <- "never"
	}
	*out = append(*out, fmt.Sprint("left ", len(replies)))
}
