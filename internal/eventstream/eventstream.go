// Package eventstream reads AWS's event streams, application/vnd.amazon.eventstream, the form of the replies of
// Lambda's InvokeWithResponseStream.
// https://smithy.io/2.0/aws/amazon-eventstream.html
//
// A frame, in big endian, is: u32 its length, u32 the length of its headers, u32 CRC of these eight bytes, headers,
// payload, u32 CRC of everything before it.
package eventstream

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

const (
	// MaxFrame is the largest frame that is read, headers included: AWS allows a payload of 16 MB.
	MaxFrame = 16 << 20

	headLength    = 12
	frameOverhead = 16
)

// ErrEnd is the error of a source that ends between two frames.
var ErrEnd = errors.New("ended without InvokeComplete")

// Reader reads frames. It keeps one buffer, of the size of the largest frame so far, and leaves all work per byte to
// compiled code, since Yaegi loops slowly. It is not safe for concurrent use.
type Reader struct {
	// MessageType is the kind of the last frame: "event", "exception" or "error"; "" if the frame names none.
	MessageType string

	// EventType is the name of the event if the last frame is one, such as "PayloadChunk".
	EventType string

	// Exception is the name of the exception or the code of the error if the last frame is one.
	Exception string

	source  io.Reader
	buffer  []byte
	headers []byte // the three fields above were read from these; most frames repeat them
}

// NewReader returns a Reader of the frames in source.
func NewReader(source io.Reader) *Reader { return &Reader{source: source} }

// Next reads a frame, sets the fields of r and returns the frame's payload, which is valid until the next call. The
// error is ErrEnd if the source ends between two frames. A frame that is cut short, broken or too long has an error
// of its own. After an error nothing more can be read.
func (r *Reader) Next() ([]byte, error) {
	resize(r, headLength)
	if n, err := io.ReadFull(r.source, r.buffer); n == 0 && errors.Is(err, io.EOF) {
		return nil, ErrEnd
	} else if err != nil {
		return nil, fmt.Errorf("the head of a frame: %w", err)
	}
	total := binary.BigEndian.Uint32(r.buffer)
	headersLength := binary.BigEndian.Uint32(r.buffer[4:])
	if binary.BigEndian.Uint32(r.buffer[8:]) != crc32.ChecksumIEEE(r.buffer[:8]) {
		return nil, errors.New("a frame's lengths do not match their checksum")
	}
	if total < frameOverhead || total > MaxFrame || headersLength > total-frameOverhead {
		return nil, fmt.Errorf("a frame of %d bytes with %d bytes of headers", total, headersLength)
	}
	resize(r, int(total))
	if _, err := io.ReadFull(r.source, r.buffer[headLength:]); err != nil {
		return nil, fmt.Errorf("a frame cut short: %w", err)
	}
	end := len(r.buffer) - 4
	if binary.BigEndian.Uint32(r.buffer[end:]) != crc32.ChecksumIEEE(r.buffer[:end]) {
		return nil, errors.New("a frame does not match its checksum")
	}
	headersEnd := headLength + int(headersLength)
	if err := readHeaders(r, r.buffer[headLength:headersEnd]); err != nil {
		return nil, err
	}
	return r.buffer[headersEnd:end], nil
}

// resize makes the buffer n bytes long and keeps its first bytes.
func resize(r *Reader, n int) {
	if n > cap(r.buffer) {
		size := 2 * cap(r.buffer) // so that frames that grow little by little are not copied each time
		if size < n || size > MaxFrame {
			size = n
		}
		bigger := make([]byte, size)
		copy(bigger, r.buffer)
		r.buffer = bigger
	}
	r.buffer = r.buffer[:n]
}

// valueSizes are the sizes of a header's value by its type: true, false, byte, i16, i32, i64, bytes, string,
// timestamp, UUID.
var valueSizes = []int{0, 0, 1, 2, 4, 8, sizePrefixed, sizePrefixed, 8, 16}

const (
	sizePrefixed = -1 // u16 length, value
	typeString   = 7
)

var errHeaders = errors.New("a frame's headers are broken")

// readHeaders sets the fields of r from a frame's headers, each of which is: u8 length of its name, the name, u8 type,
// value.
func readHeaders(r *Reader, headers []byte) error {
	if len(headers) > 0 && bytes.Equal(headers, r.headers) {
		return nil
	}
	r.headers = append(r.headers[:0], headers...)
	r.MessageType = ""
	r.EventType = ""
	r.Exception = ""
	for len(headers) > 0 {
		valueType := int(headers[0]) + 1
		if valueType >= len(headers) || int(headers[valueType]) >= len(valueSizes) {
			return errHeaders
		}
		start := valueType + 1
		size := valueSizes[headers[valueType]]
		if size == sizePrefixed {
			if len(headers) < start+2 {
				return errHeaders
			}
			size = int(binary.BigEndian.Uint16(headers[start:]))
			start += 2
		}
		if len(headers) < start+size {
			return errHeaders
		}
		if headers[valueType] == typeString {
			setHeader(r, string(headers[1:valueType]), string(headers[start:start+size]))
		}
		headers = headers[start+size:]
	}
	return nil
}

func setHeader(r *Reader, name, value string) {
	switch name {
	case ":message-type":
		r.MessageType = value
	case ":event-type":
		r.EventType = value
	case ":exception-type", ":error-code":
		r.Exception = value
	}
}
