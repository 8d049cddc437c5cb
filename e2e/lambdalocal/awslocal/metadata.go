package awslocal

import (
	"crypto/subtle"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/seed05e46011/lambda/e2e/lambdalocal"
)

const (
	containerPath = "/v2/credentials"
	rolesPath     = "/latest/meta-data/iam/security-credentials/"
	instanceRole  = "traefik"
	instanceZone  = "eu-central-1"
)

// serveContainer answers as ECS and EKS Pod Identity do.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
func (s *Server) serveContainer(w http.ResponseWriter, r *http.Request) {
	if !same(r.Header.Get("Authorization"), s.containerToken) {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	writeDocument(w, s.issue(Container))
}

// serveIMDSToken begins a session of IMDSv2.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
func (s *Server) serveIMDSToken(w http.ResponseWriter, r *http.Request) {
	const header = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds"
	if seconds, err := strconv.Atoi(r.Header.Get(header)); err != nil || seconds < 1 || seconds > 21600 {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	w.Header().Set(header, r.Header.Get(header))
	_, _ = io.WriteString(w, s.imdsToken)
}

// serveIMDS answers what an instance is asked for its credentials and its region.
func (s *Server) serveIMDS(w http.ResponseWriter, r *http.Request) {
	if !same(r.Header.Get("X-Aws-Ec2-Metadata-Token"), s.imdsToken) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	switch r.URL.Path {
	case rolesPath:
		_, _ = io.WriteString(w, instanceRole)
	case rolesPath + instanceRole:
		writeDocument(w, s.issue(IMDS))
	case "/latest/meta-data/placement/region":
		_, _ = io.WriteString(w, instanceZone)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// writeDocument writes credentials as containers and instances get them.
func writeDocument(w http.ResponseWriter, c lambdalocal.Credential) {
	document, err := json.Marshal(map[string]string{
		"Code": "Success", "Type": "AWS-HMAC", "LastUpdated": time.Now().UTC().Format(time.RFC3339),
		"AccessKeyId": c.AccessKeyID, "SecretAccessKey": c.SecretAccessKey, "Token": c.SessionToken,
		"Expiration": c.Expires.UTC().Format(time.RFC3339),
	})
	if err != nil {
		panic(err) // A map of strings always marshals.
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(document)
}
