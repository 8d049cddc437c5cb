package awslocal

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"github.com/seed05e46011/lambda/e2e/lambdalocal"
)

// The role that callers assume. Others are refused.
const (
	roleARN    = "arn:aws:iam::123456789012:role/traefik"
	externalID = "traefik"

	maxForm      = 64 << 10
	stsNamespace = "https://sts.amazonaws.com/doc/2011-06-15/"
)

var sessionNamePattern = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)

// serveSTS answers AssumeRole, whose signature AWS's own signer verifies, and AssumeRoleWithWebIdentity.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_Operations.html
func (s *Server) serveSTS(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxForm))
	if err != nil {
		return // The caller is gone.
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || form.Get("Version") != "2011-06-15" || !sessionNamePattern.MatchString(form.Get("RoleSessionName")) {
		writeSTSError(w, http.StatusBadRequest, "ValidationError")
		return
	}
	action := form.Get("Action")
	switch action {
	case "AssumeRole":
		if _, err := s.config.Lambda.Authenticate(r, body, "sts"); err != nil {
			writeSTSError(w, http.StatusForbidden, stsCode(err))
			return
		}
		if form.Get("RoleArn") != roleARN || form.Get("ExternalId") != externalID {
			writeSTSError(w, http.StatusForbidden, "AccessDenied")
			return
		}
		writeSession(w, action, s.issue(AssumeRole))
	case "AssumeRoleWithWebIdentity":
		if !same(form.Get("WebIdentityToken"), s.webIdentityToken) {
			writeSTSError(w, http.StatusBadRequest, "InvalidIdentityToken")
			return
		}
		if form.Get("RoleArn") != roleARN || r.Header.Get("Authorization") != "" {
			writeSTSError(w, http.StatusForbidden, "AccessDenied")
			return
		}
		writeSession(w, action, s.issue(IRSA))
	default:
		writeSTSError(w, http.StatusBadRequest, "InvalidAction")
	}
}

// stsCode is what STS calls a refusal of Lambda's.
func stsCode(err error) string {
	var coded interface{ ErrorCode() string }
	if !errors.As(err, &coded) {
		return "AccessDenied"
	}
	switch code := coded.ErrorCode(); code {
	case "ExpiredTokenException":
		return "ExpiredToken"
	case "UnrecognizedClientException":
		return "InvalidClientTokenId"
	case "InvalidSignatureException":
		return "SignatureDoesNotMatch"
	default:
		return code
	}
}

// session is the answer to either action; xml.Name names the elements after it.
type session struct {
	XMLName xml.Name
	Result  sessionResult
}

type sessionResult struct {
	XMLName     xml.Name
	Credentials sessionCredentials `xml:"Credentials"`
}

type sessionCredentials struct {
	AccessKeyID     string `xml:"AccessKeyId"`
	SecretAccessKey string `xml:"SecretAccessKey"`
	SessionToken    string `xml:"SessionToken"`
	Expiration      string `xml:"Expiration"`
}

func writeSession(w http.ResponseWriter, action string, c lambdalocal.Credential) {
	writeXML(w, http.StatusOK, session{
		XMLName: xml.Name{Space: stsNamespace, Local: action + "Response"},
		Result: sessionResult{
			XMLName: xml.Name{Local: action + "Result"},
			Credentials: sessionCredentials{
				AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken,
				Expiration: c.Expires.UTC().Format(time.RFC3339),
			},
		},
	})
}

// errorResponse is how services of the query protocol refuse.
type errorResponse struct {
	XMLName xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ ErrorResponse"`
	Code    string   `xml:"Error>Code"`
	Message string   `xml:"Error>Message"`
}

func writeSTSError(w http.ResponseWriter, status int, code string) {
	writeXML(w, status, errorResponse{Code: code, Message: "Refused by the local STS."})
}

func writeXML(w http.ResponseWriter, status int, document any) {
	content, err := xml.Marshal(document)
	if err != nil {
		panic(err) // These structs always marshal.
	}
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	_, _ = w.Write(content)
}
