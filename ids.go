package lambda

import (
	"crypto/rand"
	"encoding/hex"
)

// idDigits are the random digits of a request's ids: 24 for a trace header like those of AWS X-Ray,
// and 15 for an id like those of HTTP APIs, which are Base64 of 11 bytes.
// https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
const idDigits = 24 + 15

// idsAtOnce is for how many requests a worker draws digits at a time.
const idsAtOnce = 16

// randomHex returns idDigits random digits. Each is used once.
//
//lambda:inline
func randomHex(self *worker) string {
	if len(self.random) < idDigits {
		self.random = moreDigits()
	}
	random := self.random[:idDigits]
	self.random = self.random[idDigits:]
	return random
}

func moreDigits() string {
	random := make([]byte, idDigits*idsAtOnce/2) // two digits each
	_, _ = rand.Read(random)                     // never fails (crypto/rand)
	return hex.EncodeToString(random)
}

// requestUUID returns the request's id in the form that REST APIs and Function URLs use.
//
//lambda:inline
func requestUUID(req *request) string {
	if req.uuid == "" {
		req.uuid = randomUUID()
	}
	return req.uuid
}

// randomUUID returns a random UUID (RFC 9562 5.4).
//
//lambda:inline
func randomUUID() string {
	random := make([]byte, 16)
	_, _ = rand.Read(random) // never fails (crypto/rand)
	random[6] = random[6]&0x0f | 0x40
	random[8] = random[8]&0x3f | 0x80
	id := hex.EncodeToString(random)
	return id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]
}
