// Package eventstreamtest writes frames of event streams for tests, broken ones too.
package eventstreamtest

import (
	"encoding/binary"
	"hash/crc32"
)

const (
	overhead   = 16 // a frame's bytes besides headers and payload
	typeString = 7
)

// Frame returns a frame. headers are names and values in turn, all of them strings.
func Frame(payload string, headers ...string) []byte { return RawFrame(Headers(headers...), payload) }

// Headers returns the block of headers of a frame.
func Headers(namesAndValues ...string) []byte {
	var block []byte
	for i := 0; i < len(namesAndValues); i += 2 {
		name := namesAndValues[i]
		value := namesAndValues[i+1]
		block = append(block, byte(len(name)))
		block = append(block, name...)
		block = append(block, typeString, byte(len(value)>>8), byte(len(value)))
		block = append(block, value...)
	}
	return block
}

// RawFrame returns a frame with a block of headers as it is, well formed or not.
func RawFrame(headers []byte, payload string) []byte {
	f := make([]byte, 8, overhead+len(headers)+len(payload))
	binary.BigEndian.PutUint32(f, uint32(overhead+len(headers)+len(payload)))
	binary.BigEndian.PutUint32(f[4:], uint32(len(headers)))
	f = appendChecksum(f)
	f = append(f, headers...)
	f = append(f, payload...)
	return appendChecksum(f)
}

// Head returns the first 12 bytes of a frame, and a few more, with lengths that may contradict what follows.
func Head(total, headers uint32) []byte {
	f := make([]byte, 8)
	binary.BigEndian.PutUint32(f, total)
	binary.BigEndian.PutUint32(f[4:], headers)
	return append(appendChecksum(f), "hello, world"...)
}

// Chunk returns a frame with a piece of a function's reply.
func Chunk(payload string) []byte {
	return Frame(payload, ":event-type", "PayloadChunk", ":content-type", "application/octet-stream", ":message-type", "event")
}

// Complete returns a frame that ends a function's reply.
func Complete(payload string) []byte {
	return Frame(payload, ":event-type", "InvokeComplete", ":content-type", "application/json", ":message-type", "event")
}

// Flipped returns a frame with one bit changed.
func Flipped(f []byte, at int) []byte {
	f[at] ^= 1
	return f
}

func appendChecksum(f []byte) []byte {
	checksum := make([]byte, 4)
	binary.BigEndian.PutUint32(checksum, crc32.ChecksumIEEE(f))
	return append(f, checksum...)
}
