package cache

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A value in Redis is a line, a head in JSON and the body:
//
//	TLC1 <bytes of the head> <bytes of the body> <CRC-32 of both, decimal>\n
//
// Whoever can write to Redis can write pages. A value that is damaged, or stands under another key, is a miss.
const magic = "TLC1 "

const (
	maxHeadBytes = 64 << 10
	maxFields    = 200
	maxSkew      = 60000 // that the clocks of replicas may differ by
	maxLife      = 30 * 24 * 3600 * 1000
	afterlife    = 600000 // of what can be validated
)

// storedHead is the head of a value: of a response, or of the index of a second level. It does not hold the
// freshness, which is computed from the header again.
type storedHead struct {
	Key          string     `json:"k"` // SHA-256 of the key that it stands under
	Status       int        `json:"s,omitempty"`
	OriginStatus int        `json:"o,omitempty"`
	Stored       int64      `json:"t"` // when it was received
	Age          int64      `json:"a"` // that it had then
	Header       [][]string `json:"h,omitempty"`
	Generation   string     `json:"g,omitempty"` // of an index
	Lists        [][]string `json:"l,omitempty"` // of an index: names
}

// keySum returns the name of a key in Redis.
func keySum(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// nameInRedis is the part of a sum that the name of a value has.
func nameInRedis(sum string) string { return sum[:32] }

// encodeEntry returns the value for an entry. ok is false if JSON cannot carry a header of it, or if the head is too
// long.
func encodeEntry(sum string, e *entry) (value []byte, ok bool) {
	head := storedHead{
		Key:          sum,
		Status:       e.status,
		OriginStatus: e.originStatus,
		Stored:       e.received,
		Age:          e.received - e.born,
	}
	for i, name := range e.names {
		for _, text := range e.values[i] {
			if !utf8.ValidString(text) {
				return nil, false
			}
			head.Header = append(head.Header, []string{name, text})
		}
	}
	return encodeValue(&head, e.body)
}

// encodeIndex returns the value for an index.
func encodeIndex(sum string, x *index, now int64) (value []byte, ok bool) {
	return encodeValue(&storedHead{Key: sum, Stored: now, Generation: x.generation, Lists: x.lists}, nil)
}

func encodeValue(head *storedHead, body []byte) (value []byte, ok bool) {
	encoded, err := json.Marshal(head)
	if err != nil || len(encoded) > maxHeadBytes || len(head.Header) > maxFields {
		return nil, false
	}
	check := strconv.FormatUint(uint64(crc32.Update(crc32.ChecksumIEEE(encoded), crc32.IEEETable, body)), 10)
	line := magic + strconv.Itoa(len(encoded)) + " " + strconv.Itoa(len(body)) + " " + check + "\n"
	value = make([]byte, 0, len(line)+len(encoded)+len(body))
	value = append(value, line...)
	value = append(value, encoded...)
	return append(value, body...), true
}

// decodeValue parses a value, and checks that it is complete and belongs to the key.
func decodeValue(value []byte, sum string, now int64) (*storedHead, []byte, error) {
	end := bytes.IndexByte(value, '\n')
	if end < 0 || !bytes.HasPrefix(value, []byte(magic)) {
		return nil, nil, fmt.Errorf("begins with %.8q", value)
	}
	numbers := strings.Split(string(value[len(magic):end]), " ")
	if len(numbers) != 3 {
		return nil, nil, fmt.Errorf("a first line with %d numbers", len(numbers))
	}
	headLength, headErr := strconv.ParseUint(numbers[0], 10, 31)
	bodyLength, bodyErr := strconv.ParseUint(numbers[1], 10, 31)
	check, checkErr := strconv.ParseUint(numbers[2], 10, 32)
	rest := value[end+1:]
	if headErr != nil || bodyErr != nil || checkErr != nil || headLength > maxHeadBytes ||
		uint64(len(rest)) != headLength+bodyLength {
		return nil, nil, fmt.Errorf("%d bytes, not %.40q", len(rest), numbers)
	}
	if uint64(crc32.ChecksumIEEE(rest)) != check {
		return nil, nil, fmt.Errorf("another sum than %d", check)
	}
	head := &storedHead{}
	if err := json.Unmarshal(rest[:headLength], head); err != nil {
		return nil, nil, errors.New("a head that is not JSON")
	}
	if head.Key != sum {
		return nil, nil, errors.New("another key")
	}
	if head.Stored > now+maxSkew || head.Stored < 0 || head.Age < 0 {
		return nil, nil, fmt.Errorf("a time that is not: %d", head.Stored)
	}
	return head, rest[headLength:], nil
}

// decodeEntry makes an entry of a value, as if the response had just come.
func decodeEntry(c *Cache, head *storedHead, body []byte, headOnly bool) (*entry, error) {
	if len(head.Header) > maxFields {
		return nil, fmt.Errorf("%d fields", len(head.Header))
	}
	header := make(http.Header, len(head.Header))
	for _, field := range head.Header {
		if len(field) != 2 || !validField(field[0], field[1]) {
			return nil, fmt.Errorf("a field that must not be stored: %.60q", field)
		}
		header[field[0]] = append(header[field[0]], field[1])
	}
	v := judgeReply(c, head.Status, header, head.Stored, head.Stored)
	if !v.store || head.OriginStatus < 200 || head.OriginStatus > 599 {
		return nil, fmt.Errorf("a response that must not be stored, of status %d", head.Status)
	}
	if head.Age > v.fresh.age {
		v.fresh.age = head.Age
	}
	v.head = headOnly
	length := header["Content-Length"]
	if !headOnly && hasBody(head.Status) && (len(length) != 1 || length[0] != strconv.Itoa(len(body))) {
		return nil, fmt.Errorf("a body of %d bytes with Content-Length %q", len(body), length)
	}
	e := newEntry(head.Status, header, body, &v)
	e.originStatus = head.OriginStatus
	return e, nil
}

// controlCharacters are the characters that must not be in a header's value: all but the tab (RFC 9110 5.5).
const controlCharacters = "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x0a\x0b\x0c\x0d\x0e\x0f" +
	"\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f"

// validField reports whether a field may be in a stored response.
func validField(name, value string) bool {
	return tokenPattern.MatchString(name) && http.CanonicalHeaderKey(name) == name && !hopByHop[name] &&
		name != "Set-Cookie" && name != "Age" && !strings.ContainsAny(value, controlCharacters)
}

// lifeOf returns for how many milliseconds Redis is to keep an entry; 0 means it is not written.
func lifeOf(e *entry, now int64) int64 {
	end := e.freshUntil
	if e.staleUntil > end {
		end = e.staleUntil
	}
	if e.errorUntil > end {
		end = e.errorUntil
	}
	if canValidate(e) {
		end += afterlife
	}
	switch life := end - now; {
	case life <= 0:
		return 0
	case life > maxLife:
		return maxLife
	default:
		return life
	}
}
