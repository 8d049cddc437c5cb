package lambda

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"time"
)

// newTraceID returns a trace header as AWS X-Ray makes them, from
// https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
func newTraceID(now time.Time) string {
	random := make([]byte, 12)
	_, _ = rand.Read(random) // never fails (crypto/rand)
	return "Root=1-" + strconv.FormatInt(now.Unix(), 16) + "-" + hex.EncodeToString(random)
}

// newRequestID returns an id as API Gateway gives it to requests of HTTP APIs.
func newRequestID() string {
	random := make([]byte, 11)
	_, _ = rand.Read(random) // never fails (crypto/rand)
	return base64.URLEncoding.EncodeToString(random)
}

// uuidOf returns 16 random bytes as an id as API Gateway gives it to requests of REST APIs, and
// Lambda to those of Function URLs: a random UUID (RFC 9562 5.4).
func uuidOf(random []byte) string {
	random[6] = random[6]&0x0f | 0x40
	random[8] = random[8]&0x3f | 0x80
	id := hex.EncodeToString(random)
	return id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]
}

func randomBytes(n int) []byte {
	random := make([]byte, n)
	_, _ = rand.Read(random) // never fails (crypto/rand)
	return random
}
