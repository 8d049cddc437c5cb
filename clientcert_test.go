package lambda

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// newClientCertificate returns a self-signed certificate.
func newClientCertificate(t *testing.T) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(42),
		Subject:      pkix.Name{Country: []string{"US"}, Organization: []string{"Example, Inc."}, CommonName: "client"},
		NotBefore:    time.Date(2026, time.August, 5, 9, 36, 4, 0, time.UTC),
		NotAfter:     time.Date(2027, time.December, 15, 9, 36, 4, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

func TestEventsHaveTheVerifiedClientCertificate(t *testing.T) {
	certificate := newClientCertificate(t)
	verified := &tls.ConnectionState{
		PeerCertificates: []*x509.Certificate{certificate},
		VerifiedChains:   [][]*x509.Certificate{{certificate}},
	}
	for _, row := range []struct {
		name, format, path string
		state              *tls.ConnectionState
		found              bool
	}{
		{"HTTP API 2.0", "http-api-v2", "requestContext authentication", verified, true},
		{"HTTP API 1.0", "http-api-v1", "requestContext identity", verified, true},
		{"REST API", "rest-api", "requestContext identity", verified, true},
		{"a Function URL has no certificate", "function-url", "requestContext authentication", verified, false},
		{"not verified, 2.0", "http-api-v2", "requestContext authentication", &tls.ConnectionState{PeerCertificates: verified.PeerCertificates}, false},
		{"not verified, REST API", "rest-api", "requestContext identity", &tls.ConnectionState{PeerCertificates: verified.PeerCertificates}, false},
		{"no certificate", "http-api-v2", "requestContext authentication", &tls.ConnectionState{}, false},
		{"no TLS", "http-api-v2", "requestContext authentication", nil, false},
		{"no TLS, 1.0", "http-api-v1", "requestContext identity", nil, false},
	} {
		r := httptest.NewRequest("GET", "https://example.com/", nil)
		r.TLS = row.state
		event := decoded(t, eventOf(t, formatLambda(t, row.format, nil), r))
		got := at(event, row.path+" clientCert subjectDN")
		want := "absent"
		if row.found {
			want = `"C=US,O=Example\\, Inc.,CN=client"`
		}
		if got != want {
			t.Errorf("%s: got the subject %s, want %s", row.name, got, want)
		}
		for key, want := range map[string]string{
			"issuerDN":           `"C=US,O=Example\\, Inc.,CN=client"`,
			"serialNumber":       `"42"`,
			"validity notBefore": `"Aug  5 09:36:04 2026 GMT"`,
			"validity notAfter":  `"Dec 15 09:36:04 2027 GMT"`,
		} {
			if got := at(event, row.path+" clientCert "+key); row.found && got != want {
				t.Errorf("%s: %s: got %s, want %s", row.name, key, got, want)
			}
		}
		if got := at(event, row.path+" clientCert clientCertPem"); row.found && !strings.HasPrefix(got, `"-----BEGIN CERTIFICATE-----\n`) {
			t.Errorf("%s: got clientCertPem %s, want a certificate in PEM", row.name, got)
		}
		if got := at(event, "requestContext authentication"); row.format == "http-api-v2" && !row.found && got != "absent" {
			t.Errorf("%s: got authentication %s, want none", row.name, got)
		}
	}
}

func TestSerialNumbersAreWrittenLikeOpenSSL(t *testing.T) {
	for number, want := range map[string]string{
		"1":                    "1",
		"9223372036854775807":  "9223372036854775807",
		"9223372036854775808":  "80:00:00:00:00:00:00:00",
		"18446744073709551617": "01:00:00:00:00:00:00:00:01",
	} {
		n, _ := new(big.Int).SetString(number, 10)
		if got := serialNumber(n); got != want {
			t.Errorf("%s: got %s, want %s", number, got, want)
		}
	}
}
