package lambda

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
	"unicode/utf8"
)

// readBody reads the whole body, up to the limit. It waits for a stalled client until ctx ends, or
// until Traefik's readTimeout (60 s by default) if that ends earlier.
//
//lambda:inline
func readBody(ctx context.Context, l *Lambda, req *request, self *worker) (err error) {
	r := req.http
	if r.ContentLength == 0 || r.Body == nil {
		return nil
	}
	if r.ContentLength > l.limits.maxRequestBodyBytes {
		return tooLarge("request body", l.limits.maxRequestBodyBytes)
	}
	req.bodyTouched = true
	var body, memory []byte
	if r.ContentLength < minOwnArray {
		memory = self.memory
		self.memory = nil // if reading fails, a goroutine may still read into it
	}
	server, _ := r.Context().Value(http.ServerContextKey).(*http.Server)
	if server != nil && server.ReadTimeout > 0 && server.ReadTimeout <= l.limits.timeout {
		body, err = readAll(r.Body, r.ContentLength, l.limits.maxRequestBodyBytes, memory)
	} else {
		body, err = readWithin(ctx, r, l.limits.maxRequestBodyBytes, memory)
	}
	if err != nil {
		return unreadable(ctx, req, fmt.Errorf("read the request body: %w", err))
	}
	if int64(len(body)) > l.limits.maxRequestBodyBytes {
		return tooLarge("request body", l.limits.maxRequestBodyBytes)
	}
	if len(body) < minOwnArray && !l.events.keepsBody {
		self.memory = body
	}
	req.body = body
	req.bodyRead = true
	if time.Since(req.time.Round(0)) > time.Second { // by the wall clock: the monotonic one stops in suspend
		redate(req)
	}
	return nil
}

// unreadable returns the failure of a body that could not be read. When a server's ReadTimeout ends it,
// net/http ends the request's context, too, as if the client had disconnected.
func unreadable(ctx context.Context, req *request, err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return failureOf(causeUnreadable, err)
	}
	if ctx.Err() != nil && req.http.Context().Err() == nil {
		return failureOf(causeStalled, errors.New("no complete body within timeout"))
	}
	return interrupted(ctx, req, causeUnreadable, err)
}

// readWithin is readAll until ctx ends. It reads in a goroutine, since Traefik lets no middleware set a
// read deadline. That costs half as much as encoding the event.
func readWithin(ctx context.Context, r *http.Request, limit int64, memory []byte) ([]byte, error) {
	read := &bodyRead{}
	done, end := context.WithCancel(ctx)
	go readWholeBody(read, end, r, limit, memory)
	<-done.Done()
	if ctx.Err() != nil {
		return nil, ctx.Err() // the goroutine may still write to read
	}
	return read.body, read.err
}

// bodyRead is the result of reading a body.
type bodyRead struct {
	body []byte
	err  error
}

func readWholeBody(read *bodyRead, end context.CancelFunc, r *http.Request, limit int64, memory []byte) {
	defer endReading(read, end)
	body, err := readAll(r.Body, r.ContentLength, limit, memory)
	read.body = body
	read.err = err
}

// endReading keeps a panic of a body that an earlier middleware wrapped. Panicking in this goroutine
// would end Traefik.
func endReading(read *bodyRead, end context.CancelFunc) {
	if p := recover(); p != nil {
		read.err = fmt.Errorf("panic: %v", p)
	}
	end()
}

// readAll reads size bytes of r. If size is negative or over limit, it reads up to limit+1 bytes. It uses
// memory if that is large enough.
//
//lambda:inline
func readAll(r io.Reader, size, limit int64, memory []byte) ([]byte, error) {
	if size < 0 || size > limit {
		return readUnsized(r, limit, memory)
	}
	if size > firstBodyBytes && size > int64(cap(memory)) {
		return readGrowing(r, int(size))
	}
	body := sized(memory, size)
	_, err := io.ReadFull(r, body)
	return body, err
}

// readUnsized reads up to limit+1 bytes. It returns nil for an empty body.
//
//lambda:inline
func readUnsized(r io.Reader, limit int64, memory []byte) ([]byte, error) {
	buffer := bytes.NewBuffer(memory[:0])
	_, err := buffer.ReadFrom(io.LimitReader(r, limit+1))
	if buffer.Len() == 0 {
		return nil, err
	}
	return buffer.Bytes(), err
}

// sized returns size bytes of memory if it has as many, else new ones.
//
//lambda:inline
func sized(memory []byte, size int64) []byte {
	if int64(cap(memory)) < size {
		return make([]byte, size)
	}
	return memory[:size]
}

// A client can announce a large body and send none of it, again and again. So the buffer starts with
// firstBodyBytes and grows to bodyGrowth times what has arrived, up to 1/trustedShare of the announced
// size. Once so much has arrived, that size is trusted.
const (
	firstBodyBytes = 64 << 10
	bodyGrowth     = 4
	trustedShare   = 8
)

// readGrowing reads size bytes, which are more than firstBodyBytes. Behind a body of minOwnArray or more, it
// leaves room for spliceBody.
func readGrowing(r io.Reader, size int) ([]byte, error) {
	body := make([]byte, firstBodyBytes)
	_, err := io.ReadFull(r, body)
	for err == nil && len(body) < size {
		read := len(body)
		room := size
		if share := size / trustedShare; read < share {
			room = read * bodyGrowth
			if room > share {
				room = share
			}
		}
		capacity := room
		if room == size && size >= minOwnArray {
			capacity = spliceCapacity(size)
		}
		grown := make([]byte, room, capacity)
		copy(grown, body)
		_, err = io.ReadFull(r, grown[read:])
		body = grown
	}
	return body, err
}

// isText reports whether HTTP APIs and Function URLs pass a body of this content type as text. A body
// that is not UTF-8 is never text, whatever its content type.
//
//lambda:inline
func isText(contentType string, body []byte) bool {
	textual, known := textTypes[contentType]
	if !known {
		textual = isTextType(contentType)
	}
	return textual && utf8.Valid(body)
}

// mediaTypeOf returns a content type without parameters, in lower case.
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

// textTypes holds the media types other than text/* that are text.
var textTypes = map[string]bool{
	"application/json":                  true,
	"application/javascript":            true,
	"application/xml":                   true,
	"application/x-www-form-urlencoded": true,
}

// isBinaryMediaType reports whether option binaryMediaTypes contains a content type.
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
