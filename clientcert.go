package lambda

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"net/http"
	"strings"
	"time"
)

// Client certificates, in the form that API Gateway uses with mutual TLS:
// https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-mutual-tls.html

// clientCert is a client's certificate in events.
type clientCert struct {
	PEM          string             `json:"clientCertPem"`
	SubjectDN    string             `json:"subjectDN"`
	IssuerDN     string             `json:"issuerDN"`
	SerialNumber string             `json:"serialNumber"`
	Validity     clientCertValidity `json:"validity"`
}

type clientCertValidity struct {
	NotBefore string `json:"notBefore"`
	NotAfter  string `json:"notAfter"`
}

// verifiedClientCert returns the certificate that Traefik verified; nil for none. A certificate that
// Traefik requested without verifying it proves nothing, and API Gateway passes on only verified ones.
func verifiedClientCert(r *http.Request) *clientCert {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return nil
	}
	return newClientCert(r.TLS.VerifiedChains[0][0])
}

func newClientCert(certificate *x509.Certificate) *clientCert {
	return &clientCert{
		PEM:          string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})),
		SubjectDN:    distinguishedName(certificate.RawSubject),
		IssuerDN:     distinguishedName(certificate.RawIssuer),
		SerialNumber: serialNumber(certificate.SerialNumber),
		Validity: clientCertValidity{
			NotBefore: opensslTime(certificate.NotBefore),
			NotAfter:  opensslTime(certificate.NotAfter),
		},
	}
}

// distinguishedName returns a name in the certificate's own order, "C=US,O=Example,CN=client". Go's
// String reverses it, as RFC 2253 requires. It returns "" for a malformed name, which no verified
// certificate has.
func distinguishedName(raw []byte) string {
	var name pkix.RDNSequence
	if _, err := asn1.Unmarshal(raw, &name); err != nil {
		return ""
	}
	for i, j := 0, len(name)-1; i < j; i, j = i+1, j-1 {
		name[i], name[j] = name[j], name[i]
	}
	return name.String()
}

// serialNumber returns a number as OpenSSL writes it: "1", and "a1:0b:…" beyond 64 bits.
func serialNumber(n *big.Int) string {
	if n.IsInt64() {
		return n.String()
	}
	digits := hex.EncodeToString(n.Bytes())
	pairs := make([]string, 0, len(digits)/2)
	for i := 0; i < len(digits); i += 2 {
		pairs = append(pairs, digits[i:i+2])
	}
	return strings.Join(pairs, ":")
}

// opensslTime returns a time as OpenSSL writes it: "Aug  5 09:36:04 2021 GMT".
func opensslTime(t time.Time) string {
	return t.UTC().Format("Jan _2 15:04:05 2006") + " GMT"
}
