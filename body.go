package lambda

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
	"unicode/utf8"
)

// readBody reads the whole body, up to the limit. A client that stalls is not waited for longer
// than ctx lasts: where Traefik's own readTimeout (60 s by default) ends no later, that does.
//
//lambda:inline
func readBody(ctx context.Context, l *Lambda, req *request) (err error) {
	r := req.http
	if r.ContentLength == 0 || r.Body == nil {
		return nil
	}
	if r.ContentLength > l.limits.maxRequestBodyBytes {
		return tooLarge("request body", l.limits.maxRequestBodyBytes)
	}
	req.bodyTouched = true
	var body []byte
	server, _ := r.Context().Value(http.ServerContextKey).(*http.Server)
	if server != nil && server.ReadTimeout > 0 && server.ReadTimeout <= l.limits.timeout {
		body, err = readAll(r.Body, r.ContentLength, l.limits.maxRequestBodyBytes)
	} else {
		body, err = readWithin(ctx, r, l.limits.maxRequestBodyBytes)
	}
	if err != nil {
		return unreadable(ctx, req, fmt.Errorf("read the request body: %w", err))
	}
	if int64(len(body)) > l.limits.maxRequestBodyBytes {
		return tooLarge("request body", l.limits.maxRequestBodyBytes)
	}
	req.body = body
	req.bodyRead = true
	if time.Since(req.time.Round(0)) > time.Second { // by the wall clock: the other one stands still in a suspend
		redate(req)
	}
	return nil
}

// unreadable is the failure of a body that has not come. Where a server's ReadTimeout ends it, it
// looks as if the client had left: net/http ends the request's context then.
func unreadable(ctx context.Context, req *request, err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return failureOf(causeUnreadable, err)
	}
	if ctx.Err() != nil && req.http.Context().Err() == nil {
		return failureOf(causeStalled, errors.New("no complete body within timeout"))
	}
	return interrupted(ctx, req, causeUnreadable, err)
}

// readWithin is readAll while ctx lasts. It takes a goroutine, which costs as much as half of the
// event, since Traefik lets no middleware set a deadline for reading.
func readWithin(ctx context.Context, r *http.Request, limit int64) ([]byte, error) {
	read := &bodyRead{}
	done, end := context.WithCancel(ctx)
	go readWholeBody(read, end, r, limit)
	<-done.Done()
	if ctx.Err() != nil {
		return nil, ctx.Err() // what is in read is still being written
	}
	return read.body, read.err
}

// bodyRead is what came of reading a body.
type bodyRead struct {
	body []byte
	err  error
}

func readWholeBody(read *bodyRead, end context.CancelFunc, r *http.Request, limit int64) {
	defer endReading(read, end)
	body, err := readAll(r.Body, r.ContentLength, limit)
	read.body = body
	read.err = err
}

// endReading keeps a panic of a body that an earlier middleware has wrapped: in a goroutine it
// would end Traefik.
func endReading(read *bodyRead, end context.CancelFunc) {
	if p := recover(); p != nil {
		read.err = fmt.Errorf("panic: %v", p)
	}
	end()
}

// readAll reads r: as many bytes as it has where its size is known, else up to one byte over limit.
// It returns nil for a body without bytes.
//
//lambda:inline
func readAll(r io.Reader, size, limit int64) (body []byte, err error) {
	switch {
	case size < 0 || size > limit:
		body, err = io.ReadAll(io.LimitReader(r, limit+1))
	case size <= firstBodyBytes:
		body = make([]byte, size)
		_, err = io.ReadFull(r, body)
	default:
		body, err = readGrowing(r, int(size))
	}
	if len(body) == 0 {
		return nil, err
	}
	return body, err
}

// A client can announce a large body and send none of it, over and over. So a body gets room for
// firstBodyBytes at first, then for bodyGrowth times what has come; its announced size is believed
// once the trustedShare-th part of it is there.
const (
	firstBodyBytes = 64 << 10
	bodyGrowth     = 4
	trustedShare   = 8
)

// readGrowing reads size bytes, more than firstBodyBytes.
func readGrowing(r io.Reader, size int) ([]byte, error) {
	body := make([]byte, firstBodyBytes)
	_, err := io.ReadFull(r, body)
	for err == nil && len(body) < size {
		read := len(body)
		room := read * bodyGrowth
		if room > size || read*trustedShare >= size {
			room = size
		}
		grown := make([]byte, room)
		copy(grown, body)
		_, err = io.ReadFull(r, grown[read:])
		body = grown
	}
	return body, err
}

// isText says whether HTTP APIs and Function URLs hand a body of this content type to the
// function as text. A body that is not UTF-8 is never text, whatever it says of itself.
//
//lambda:inline
func isText(contentType string, body []byte) bool {
	textual, known := textTypes[contentType]
	if !known {
		textual = isTextType(contentType)
	}
	return textual && utf8.Valid(body)
}

// mediaTypeOf returns a content type without its parameters, in lower case.
//
//lambda:inline
func mediaTypeOf(contentType string) string {
	mediaType, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(mediaType))
}

func isTextType(contentType string) bool {
	mediaType := mediaTypeOf(contentType)
	return textTypes[mediaType] || strings.HasPrefix(mediaType, "text/") ||
		strings.HasSuffix(mediaType, "+json") || strings.HasSuffix(mediaType, "+xml")
}

// textTypes holds the media types that are text and not text/*.
var textTypes = map[string]bool{
	"application/json":                  true,
	"application/javascript":            true,
	"application/xml":                   true,
	"application/x-www-form-urlencoded": true,
}

// eventBody returns a body as an event carries it: a string, or bytes, which encoding/json writes
// as Base64. For a large one a mark stands, until spliceBody.
//
//lambda:inline
func eventBody(body []byte, base64 bool) any {
	switch {
	case base64 && len(body) >= minSplicedBody:
		return base64Mark
	case base64:
		return body
	case len(body) >= minSplicedText:
		return textMark
	default:
		return string(body)
	}
}

// From these sizes on a body is not handed to encoding/json, which would hold it several times
// over, and would take longer for Base64.
const (
	minSplicedBody = 32 << 10
	minSplicedText = 512 << 10
)

// The marks that stand for a large body in an event, and in a reply. They are random, so that no
// text of a client's or a function's can be one.
var (
	textMark   = newMark()
	base64Mark = newMark()
)

func newMark() string { return "body " + randomUUID() }

// spliceBody puts a large body where its mark is in an event.
func spliceBody(event, body []byte) []byte {
	if head, tail, found := bytes.Cut(event, []byte(base64Mark)); found {
		spliced := make([]byte, 0, len(event)+base64.StdEncoding.EncodedLen(len(body)))
		spliced = append(spliced, head...)
		spliced = base64.StdEncoding.AppendEncode(spliced, body)
		return append(spliced, tail...)
	}
	if head, tail, found := bytes.Cut(event, []byte(textMark)); found {
		return spliceText(head, body, tail)
	}
	return event
}

// spliceText writes a text as the inside of a JSON string, piece by piece, so that what is in use
// besides the result stays small.
func spliceText(head, text, tail []byte) []byte {
	const piece = 256 << 10
	var spliced bytes.Buffer
	escapes := bytes.Count(text, []byte(`"`)) + bytes.Count(text, []byte(`\`)) + bytes.Count(text, []byte("\n"))
	spliced.Grow(len(head) + len(text) + escapes + len(tail) + bytes.MinRead)
	spliced.Write(head)
	for len(text) > piece {
		spliced.WriteString(jsonEscaper.Replace(string(text[:piece]))) // each escape is of one byte
		text = text[piece:]
	}
	spliced.WriteString(jsonEscaper.Replace(string(text)))
	spliced.Write(tail)
	return spliced.Bytes()
}

// jsonEscaper escapes what a JSON string must not have in it as it is (RFC 8259 7).
var jsonEscaper = newJSONEscaper()

func newJSONEscaper() *strings.Replacer {
	pairs := []string{`"`, `\"`, `\`, `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`}
	for b := 0; b < 0x20; b++ {
		pairs = append(pairs, string(rune(b)), fmt.Sprintf(`\u%04x`, b)) // of two pairs the first counts
	}
	return strings.NewReplacer(pairs...)
}

// isBinaryMediaType says whether option binaryMediaTypes names a content type.
//
//lambda:inline
func isBinaryMediaType(settings *eventSettings, contentType string) bool {
	if len(settings.binaryMediaTypes) == 0 {
		return false
	}
	return matchesMediaType(settings.binaryMediaTypes, contentType)
}

func matchesMediaType(patterns []string, contentType string) bool {
	mediaType := mediaTypeOf(contentType)
	for _, pattern := range patterns {
		if pattern == "*/*" || pattern == mediaType {
			return true
		}
		if prefix := strings.TrimSuffix(pattern, "*"); prefix != pattern && strings.HasPrefix(mediaType, prefix) {
			return true
		}
	}
	return false
}
