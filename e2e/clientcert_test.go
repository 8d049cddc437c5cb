package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFunctionGetsTheClientsCertificate(t *testing.T) {
	certificate, authority := newClientCertificate(t)
	verify := m{"clientAuthType": "VerifyClientCertIfGiven", "caFiles": []string{authority}}
	for name, row := range map[string]struct {
		format     string
		clientAuth m
		sent       []tls.Certificate
		want       string
	}{
		"HTTP API 2.0":    {"http-api-v2", verify, []tls.Certificate{certificate}, `"authentication":{"clientCert":{`},
		"REST API":        {"rest-api", verify, []tls.Certificate{certificate}, `"userArn":null,"clientCert":{`},
		"none":            {"http-api-v2", verify, nil, ""},
		"asked for alone": {"http-api-v2", m{"clientAuthType": "RequestClientCert"}, []tls.Certificate{certificate}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, m{"function": "echo", "eventFormat": row.format})
			routers[s.name()].(m)["tls"] = m{"options": "clients"}
			require.NoError(t, gateway.Update(t.Context(), m{
				"http": m{"routers": routers, "middlewares": middlewares},
				"tls":  m{"options": m{"clients": m{"clientAuth": row.clientAuth}}},
			}))
			text := s.overTLS(t, row.sent)
			if row.want == "" {
				assert.NotContains(t, text, "clientCert")
				return
			}
			assert.Contains(t, text, row.want+`"clientCertPem":"-----BEGIN CERTIFICATE-----\n`)
			assert.Contains(t, text, `"subjectDN":"O=Example,CN=client","issuerDN":"O=Example,CN=client","serialNumber":"42"`)
		})
	}
}

// overTLS returns the answer to a request with the site's name in the handshake, by which Traefik chooses its options.
func (s *site) overTLS(t *testing.T, certificates []tls.Certificate) string {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{
		Certificates: certificates, ServerName: s.host, InsecureSkipVerify: true, MinVersion: tls.VersionTLS12,
	}}
	t.Cleanup(transport.CloseIdleConnections)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, gateway.TLSURL, http.NoBody)
	require.NoError(t, err)
	request.Host = s.host
	response, err := transport.RoundTrip(request)
	require.NoError(t, err)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode, "%s", content)
	return string(content)
}

// newClientCertificate returns a certificate that is its own authority, and the authority's file.
func newClientCertificate(t *testing.T) (certificate tls.Certificate, authority string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(42),
		Subject:      pkix.Name{Organization: []string{"Example"}, CommonName: "client"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		IsCA:         true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	authority = filepath.Join(t.TempDir(), "authority.pem")
	require.NoError(t, os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, authority
}

// name is that of the site's router.
func (s *site) name() string {
	name, _, _ := strings.Cut(s.host, ".")
	return name
}
