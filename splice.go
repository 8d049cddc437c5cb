package lambda

import (
	"bytes"
	"encoding"
	"encoding/base64"
	"encoding/json"
	"unicode/utf8"
)

// eventBody returns a body for json.Marshal: a string, or bytes, which it encodes as Base64. A mark
// takes the place of a large body until spliceBody replaces it.
//
//lambda:inline
func eventBody(body []byte, base64 bool) any {
	switch {
	case base64 && len(body) >= minSplicedBody:
		return base64Mark
	case base64:
		return body
	case len(body) >= minSplicedBody:
		return textMark
	default:
		return string(body)
	}
}

// minSplicedBody is the size from which on bodies bypass encoding/json, which would hold several copies
// and be slower.
const minSplicedBody = 32 << 10

// The marks that take a large body's place in an event, and in a reply. They are random, so that no
// text of a client or a function can equal them.
var (
	textMark   = newMark()
	base64Mark = newMark()
)

func newMark() string { return "body " + randomUUID() }

// minOwnArray is the size from which on a body has an array of its own, with room for the event. Smaller ones
// are read into memory that a worker keeps, which costs less.
const minOwnArray = 2 << 20

// spliceCapacity returns the capacity of such an array. Base64 is a third longer than the body, and 16 KB are more
// than most events contain beside it.
func spliceCapacity(size int) int { return size + size/3 + 16<<10 }

// spliceBody puts a large body into an event, in the place of its mark. With over, the event may take the
// body's array, so that only one of the two is in memory.
func spliceBody(event, body []byte, over bool) []byte {
	if head, tail, found := bytes.Cut(event, []byte(base64Mark)); found {
		s := newSplice(head, body, len(event)+base64.StdEncoding.EncodedLen(len(body)), over)
		spliceBase64(s)
		return append(s.event, tail...)
	}
	if head, tail, found := bytes.Cut(event, []byte(textMark)); found {
		escapes := 0
		for _, character := range oftenEscaped {
			escapes += bytes.Count(body, character)
		}
		s := newSplice(head, body, len(event)+len(body)+escapes, over)
		spliceText(s)
		return append(s.event, tail...)
	}
	return event
}

// splice is an event that is being written up to the end of its body.
type splice struct {
	event []byte
	rest  []byte // of the body: what is still to be encoded
	over  bool   // rest ends where event's capacity ends
}

// newSplice returns a splice that begins with head. size is that of the whole event and the mark; of text, an
// estimate.
func newSplice(head, body []byte, size int, over bool) *splice {
	s := &splice{rest: body, over: over && size <= cap(body)}
	if s.over {
		s.event = body[:0]
		s.rest = body[cap(body)-len(body) : cap(body)]
		copy(s.rest, body)
	} else {
		s.event = make([]byte, 0, size)
	}
	s.event = append(s.event, head...)
	return s
}

// roomIn returns how much can be appended to the event without writing over the rest of its body.
func roomIn(s *splice) int {
	room := cap(s.event) - len(s.event)
	if s.over {
		room -= len(s.rest)
	}
	return room
}

// spliceBase64 appends the body in Base64. There is always room for some of it, since size counts the mark.
func spliceBase64(s *splice) {
	for len(s.rest) > 0 {
		piece := s.rest
		if room := roomIn(s); base64.StdEncoding.EncodedLen(len(piece)) > room {
			piece = piece[:room/4*3]
		}
		s.rest = s.rest[len(piece):]
		s.event = base64.StdEncoding.AppendEncode(s.event, piece)
	}
}

// spliceText appends the body as JSON without its quotes. The body is valid UTF-8. It is encoded in pieces, which
// keeps memory use close to the size of the result.
func spliceText(s *splice) {
	const size = 256 << 10
	encoder := json.NewEncoder(s)
	encoder.SetEscapeHTML(false)
	for len(s.rest) > 0 {
		end := size
		if end > len(s.rest) {
			end = len(s.rest)
		}
		for end < len(s.rest) && !utf8.RuneStart(s.rest[end]) { // within a character
			end--
		}
		var piece encoding.TextMarshaler = bodyText(s.rest[:end]) // Yaegi keeps the methods of an interface
		s.rest = s.rest[end:]
		_ = encoder.Encode(piece) // cannot fail
	}
}

// Write appends a JSON string, as a json.Encoder writes it, without its quotes and the line end.
func (s *splice) Write(line []byte) (int, error) {
	text := line[len(`"`) : len(line)-len(`"`+"\n")]
	if len(text) > roomIn(s) {
		s.event = append(make([]byte, 0, len(s.event)+len(text)+2*len(s.rest)), s.event...)
		s.over = false
	}
	s.event = append(s.event, text...)
	return len(line), nil
}

// oftenEscaped are the characters of ordinary texts that JSON escapes.
var oftenEscaped = [][]byte{[]byte(`"`), []byte(`\`), []byte("\n"), []byte("\r"), []byte("\t")}

// bodyText is a text that encoding/json encodes without a copy as a string.
type bodyText []byte

// MarshalText returns the text itself.
func (t bodyText) MarshalText() ([]byte, error) { return t, nil } //yaegi:ok json-method it is not nested
