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
	"sync"
	"sync/atomic"
)

const (
	// MaxFrame is the largest frame that is read, headers included: AWS allows a payload of 16 MB.
	MaxFrame = 16 << 20

	headLength     = 12
	checksumLength = 4
	frameOverhead  = headLength + checksumLength
	firstBuffer    = 4 << 10
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

	// Ready is set if the frame after the last one has arrived as well: Next will not wait for the source.
	Ready bool

	source  io.Reader
	buffer  []byte
	unread  []byte // the bytes in buffer that no frame has been made of
	headers []byte // the three fields above were read from these; most frames repeat them
	failed  error  // of the frame that Next will read
}

// NewReader returns a Reader of the frames in source.
func NewReader(source io.Reader) *Reader {
	return &Reader{source: source, buffer: make([]byte, firstBuffer)}
}

// Next reads a frame, sets the fields of r and returns the frame's payload, which is valid until the next call. Frames
// with the same headers that have arrived as well are read as one, with their payloads joined. The error is ErrEnd if
// the source ends between two frames. A frame that is cut short, broken or too long has an error of its own. After an
// error nothing more can be read.
func (r *Reader) Next() ([]byte, error) {
	if r.failed != nil {
		return nil, r.failed
	}
	if len(r.unread) < headLength {
		if err := fill(r, headLength); err != nil {
			return nil, errorOfHead(err)
		}
	}
	var payloads []byte
	for {
		frame := r.unread
		length := binary.BigEndian.Uint32(frame)
		headersLength := binary.BigEndian.Uint32(frame[4:])
		if binary.BigEndian.Uint32(frame[8:]) != crc32.ChecksumIEEE(frame[:8]) {
			return broken(r, payloads, errors.New("a frame's lengths do not match their checksum"))
		}
		if length < frameOverhead || length > MaxFrame || headersLength > length-frameOverhead {
			return broken(r, payloads, fmt.Errorf("a frame of %d bytes with %d bytes of headers", length, headersLength))
		}
		total := int(length)
		if len(frame) < total { // only the first one
			if err := fill(r, total); err != nil {
				return nil, fmt.Errorf("a frame cut short: %w", err)
			}
			frame = r.unread
		}
		end := total - checksumLength
		if binary.BigEndian.Uint32(frame[end:]) != crc32.ChecksumIEEE(frame[:end]) {
			return broken(r, payloads, errors.New("a frame does not match its checksum"))
		}
		headersEnd := headLength + int(headersLength)
		headers := frame[headLength:headersEnd]
		if !bytes.Equal(headers, r.headers) {
			if payloads != nil {
				return payloads, nil
			}
			if err := readHeaders(r, headers); err != nil {
				return nil, err
			}
		}
		if payloads == nil {
			payloads = frame[headersEnd:end]
		} else {
			payloads = append(payloads, frame[headersEnd:end]...) // in r.buffer, over frames that have been read
		}
		r.unread = frame[total:]
		r.Ready = len(r.unread) >= headLength && len(r.unread) >= int(binary.BigEndian.Uint32(r.unread))
		if !r.Ready {
			return payloads, nil
		}
	}
}

// broken returns the payloads read before a broken frame, if there are any, and err for it only then.
func broken(r *Reader, payloads []byte, err error) ([]byte, error) {
	if payloads == nil {
		return nil, err
	}
	r.failed = err
	return payloads, nil
}

// fill reads until n bytes are unread, and as many more as are there and fit the buffer.
func fill(r *Reader, n int) error {
	before := len(r.unread)
	if n > len(r.buffer) {
		size := 2 * len(r.buffer) // so that frames that grow little by little are not copied each time
		if size < n || size > MaxFrame {
			size = n
		}
		bigger := make([]byte, size)
		copy(bigger, r.unread)
		r.buffer = bigger
	} else {
		copy(r.buffer, r.unread)
	}
	read, err := io.ReadAtLeast(r.source, r.buffer[before:], n-before)
	r.unread = r.buffer[:before+read]
	if errors.Is(err, io.EOF) && before > 0 {
		return io.ErrUnexpectedEOF
	}
	return err
}

// errorOfHead returns the error of a frame whose head has not arrived because of err.
func errorOfHead(err error) error {
	if errors.Is(err, io.EOF) {
		return ErrEnd
	}
	return fmt.Errorf("the head of a frame: %w", err)
}

// valueSizes are the sizes of a header's value by its type: true, false, byte, i16, i32, i64, bytes, string,
// timestamp, UUID.
var valueSizes = []int{0, 0, 1, 2, 4, 8, sizePrefixed, sizePrefixed, 8, 16}

const (
	sizePrefixed = -1 // u16 length, value
	typeString   = 7
)

var errHeaders = errors.New("a frame's headers are broken")

// parsedHeaders holds what headers mean, by their bytes. The frames of all streams have few different ones, and
// parsing them takes longer than the rest of a frame.
var parsedHeaders sync.Map

// maxParsedHeaders limits the length of what is kept in parsedHeaders. maxParsed limits their number.
const (
	maxParsedHeaders = 256
	maxParsed        = 64
)

var parsedCount int32

// meaning is what a frame's headers mean: see Reader.
type meaning struct{ messageType, eventType, exception string }

// readHeaders sets the fields of r from a frame's headers.
func readHeaders(r *Reader, headers []byte) error {
	r.headers = append(r.headers[:0], headers...)
	known, ok := parsedHeaders.Load(string(headers))
	if !ok {
		parsed, err := parseHeaders(headers)
		if err != nil {
			return err
		}
		if len(headers) <= maxParsedHeaders && atomic.AddInt32(&parsedCount, 1) <= maxParsed {
			parsedHeaders.Store(string(headers), parsed)
		}
		known = parsed
	}
	m := known.(*meaning)
	r.MessageType = m.messageType
	r.EventType = m.eventType
	r.Exception = m.exception
	return nil
}

// parseHeaders reads headers, each of which is: u8 length of its name, the name, u8 type, value.
func parseHeaders(headers []byte) (*meaning, error) {
	m := &meaning{}
	for len(headers) > 0 {
		valueType := int(headers[0]) + 1
		if valueType >= len(headers) || int(headers[valueType]) >= len(valueSizes) {
			return nil, errHeaders
		}
		start := valueType + 1
		size := valueSizes[headers[valueType]]
		if size == sizePrefixed {
			if len(headers) < start+2 {
				return nil, errHeaders
			}
			size = int(binary.BigEndian.Uint16(headers[start:]))
			start += 2
		}
		if len(headers) < start+size {
			return nil, errHeaders
		}
		if headers[valueType] == typeString {
			setHeader(m, string(headers[1:valueType]), string(headers[start:start+size]))
		}
		headers = headers[start+size:]
	}
	return m, nil
}

func setHeader(m *meaning, name, value string) {
	switch name {
	case ":message-type":
		m.messageType = value
	case ":event-type":
		m.eventType = value
	case ":exception-type", ":error-code":
		m.exception = value
	}
}
