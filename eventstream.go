package lambda

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// AWS's event streams, application/vnd.amazon.eventstream:
// https://smithy.io/2.0/aws/amazon-eventstream.html
//
// A frame is, in big endian: u32 its length, u32 the length of its headers, u32 CRC of these
// eight bytes, headers, payload, u32 CRC of all before.
const (
	frameHeadLen  = 12
	frameOverhead = 16
	maxFrameLen   = 16 << 20 // what AWS allows for a payload; here, headers and all
)

// frameReader reads frames. All work on each byte is compiled code, and memory is one buffer that
// has the size of the largest frame.
type frameReader struct {
	source io.Reader
	buffer []byte

	// headers are those that messageType, eventType and exception were read from. They seldom
	// differ from one frame to the next.
	headers     []byte
	messageType string // "event", "exception" or "error"
	eventType   string // of an event
	exception   string // what an exception or an error is called
}

// errNoFrame says that a stream has ended where a frame may end, but before one that ends it.
var errNoFrame = errors.New("ended without InvokeComplete")

// nextFrame reads a frame and returns its payload, which is valid until the next call. At the
// end of the source, between two frames, the error is errNoFrame.
func nextFrame(r *frameReader) ([]byte, error) {
	growFrame(r, frameHeadLen)
	if n, err := io.ReadFull(r.source, r.buffer); n == 0 && errors.Is(err, io.EOF) {
		return nil, errNoFrame
	} else if err != nil {
		return nil, fmt.Errorf("the head of a frame: %w", err)
	}
	total := binary.BigEndian.Uint32(r.buffer)
	headersLen := binary.BigEndian.Uint32(r.buffer[4:])
	if binary.BigEndian.Uint32(r.buffer[8:]) != crc32.ChecksumIEEE(r.buffer[:8]) {
		return nil, errors.New("a frame's lengths do not match their checksum")
	}
	if total < frameOverhead || total > maxFrameLen || headersLen > total-frameOverhead {
		return nil, fmt.Errorf("a frame of %d bytes with %d bytes of headers", total, headersLen)
	}
	growFrame(r, int(total))
	if _, err := io.ReadFull(r.source, r.buffer[frameHeadLen:]); err != nil {
		return nil, fmt.Errorf("a frame cut short: %w", err)
	}
	end := len(r.buffer) - 4
	if binary.BigEndian.Uint32(r.buffer[end:]) != crc32.ChecksumIEEE(r.buffer[:end]) {
		return nil, errors.New("a frame does not match its checksum")
	}
	headersEnd := frameHeadLen + int(headersLen)
	if err := readFrameHeaders(r, r.buffer[frameHeadLen:headersEnd]); err != nil {
		return nil, err
	}
	return r.buffer[headersEnd:end], nil
}

// growFrame makes the buffer n bytes long and keeps the head that is in it.
func growFrame(r *frameReader, n int) {
	if n > cap(r.buffer) {
		size := 2 * cap(r.buffer) // frames that grow little by little must not be copied each time
		if size < n || size > maxFrameLen {
			size = n
		}
		bigger := make([]byte, size)
		copy(bigger, r.buffer)
		r.buffer = bigger
	}
	r.buffer = r.buffer[:n]
}

// frameValueSizes are the sizes of a header's value by its type: true, false, byte, i16, i32,
// i64, bytes, string, timestamp, UUID.
var frameValueSizes = []int{0, 0, 1, 2, 4, 8, sizePrefixed, sizePrefixed, 8, 16}

const (
	sizePrefixed    = -1 // u16 length, value
	frameTypeString = 7
)

var errFrameHeaders = errors.New("a frame's headers are broken")

// readFrameHeaders takes the headers that say what a frame is out of a frame's headers: each u8
// length of its name, the name, u8 type, value.
func readFrameHeaders(r *frameReader, headers []byte) error {
	if len(headers) > 0 && bytes.Equal(headers, r.headers) {
		return nil
	}
	r.headers = append(r.headers[:0], headers...)
	r.messageType = ""
	r.eventType = ""
	r.exception = ""
	for len(headers) > 0 {
		valueType := int(headers[0]) + 1
		if valueType >= len(headers) || int(headers[valueType]) >= len(frameValueSizes) {
			return errFrameHeaders
		}
		start := valueType + 1
		size := frameValueSizes[headers[valueType]]
		if size == sizePrefixed {
			if len(headers) < start+2 {
				return errFrameHeaders
			}
			size = int(binary.BigEndian.Uint16(headers[start:]))
			start += 2
		}
		if len(headers) < start+size {
			return errFrameHeaders
		}
		if headers[valueType] == frameTypeString {
			setFrameHeader(r, string(headers[1:valueType]), string(headers[start:start+size]))
		}
		headers = headers[start+size:]
	}
	return nil
}

func setFrameHeader(r *frameReader, name, value string) {
	switch name {
	case ":message-type":
		r.messageType = value
	case ":event-type":
		r.eventType = value
	case ":exception-type", ":error-code":
		r.exception = value
	}
}
