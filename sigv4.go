package lambda

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"

	"github.com/seed05e46011/lambda/internal/sigv4"
)

// signer holds the parts of an invocation's signature that are the same for one target during one
// second. That leaves two hashes and one HMAC for each call: in Yaegi every further step would be
// measurable. sigv4.Sign signs requests with other headers. Names follow
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
type signer struct {
	head          string // the canonical request up to the body's length
	tail          string // the canonical request between the body's length and the body's hash
	stringToSign  string // up to the canonical request's hash
	key           []byte
	authorization string // the header's value up to the signature
}

// newSigner returns the signer for one second, given in sigv4.TimeFormat.
func newSigner(t *target, c *sigv4.Credentials, amzDate string) *signer {
	date := amzDate[:8]
	scope := sigv4.Scope(date, t.region, "lambda")
	headers := "\nhost:" + t.host + "\nx-amz-date:" + amzDate
	signedHeaders := "content-length;host;x-amz-date"
	if c.SessionToken != "" {
		headers += "\nx-amz-security-token:" + c.SessionToken
		signedHeaders += ";x-amz-security-token"
	}
	return &signer{
		head:          "POST\n" + t.canonicalPath + "\n" + t.canonicalQuery + "\ncontent-length:",
		tail:          headers + "\n\n" + signedHeaders + "\n",
		stringToSign:  sigv4.StringToSign(amzDate, scope),
		key:           sigv4.SigningKey(c.SecretAccessKey, date, t.region, "lambda"),
		authorization: sigv4.Authorization(c.AccessKeyID, scope, signedHeaders),
	}
}

// sign returns the Authorization header of the invocation with this event.
//
//lambda:inline
func sign(s *signer, self *worker, event []byte) string {
	payload := sha256.Sum256(event)
	canonical := sha256.Sum256([]byte(s.head + strconv.Itoa(len(event)) + s.tail + hex.EncodeToString(payload[:])))
	if self.macSigner != s {
		self.mac = hmac.New(sha256.New, s.key)
		self.macSigner = s
	} else {
		self.mac.Reset()
	}
	self.mac.Write([]byte(s.stringToSign + hex.EncodeToString(canonical[:])))
	return s.authorization + hex.EncodeToString(self.mac.Sum(nil))
}
