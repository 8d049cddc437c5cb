package authorizer

import (
	"net/http"
	"strconv"
)

// The results of an authorizer, as metrics and the access log name them.
const (
	ResultAllow        = "allow"
	ResultDeny         = "deny"
	ResultUnauthorized = "unauthorized"
	ResultError        = "error"
)

// How the cache served a request.
const (
	CacheHit    = "hit" // also if another request's call was awaited
	CacheMiss   = "miss"
	CacheUnused = "unused" // results are not cached, or the cache was not asked
)

// refusal is the response to a request that is refused.
type refusal struct {
	result    string
	status    int
	body      string
	errorType string // of x-amzn-ErrorType; "" for none
	challenge string // of WWW-Authenticate; "" for none
}

// refusals are the responses of one front door. AWS's texts differ from one to the other.
type refusals struct {
	unauthorized *refusal // no identity, or an unknown one
	implicitDeny *refusal // nothing allows it
	explicitDeny *refusal
	failed       *refusal // the authorizer failed
	tooLong      *refusal // the ARN is too long
}

// restRefusals: only denies have a capital Message, and a failure has no message at all.
var restRefusals = &refusals{
	unauthorized: &refusal{
		result: ResultUnauthorized, status: http.StatusUnauthorized,
		body: `{"message":"Unauthorized"}`, errorType: "UnauthorizedException",
	},
	implicitDeny: &refusal{
		result: ResultDeny, status: http.StatusForbidden,
		body: `{"Message":"User is not authorized to access this resource"}`, errorType: "AccessDeniedException",
	},
	explicitDeny: &refusal{
		result: ResultDeny, status: http.StatusForbidden,
		body:      `{"Message":"User is not authorized to access this resource with an explicit deny"}`,
		errorType: "AccessDeniedException",
	},
	failed: &refusal{
		result: ResultError, status: http.StatusInternalServerError,
		body: `{"message":null}`, errorType: "AuthorizerConfigurationException",
	},
	tooLong: &refusal{
		result: ResultError, status: http.StatusRequestURITooLong,
		body: `{"message":"Request URI Too Long"}`,
	},
}

// httpRefusals are the responses of HTTP APIs.
var httpRefusals = &refusals{
	unauthorized: &refusal{
		result: ResultUnauthorized, status: http.StatusUnauthorized, body: `{"message":"Unauthorized"}`,
	},
	implicitDeny: &refusal{result: ResultDeny, status: http.StatusForbidden, body: `{"message":"Forbidden"}`},
	explicitDeny: &refusal{result: ResultDeny, status: http.StatusForbidden, body: `{"message":"Forbidden"}`},
	failed: &refusal{
		result: ResultError, status: http.StatusInternalServerError, body: `{"message":"Internal Server Error"}`,
	},
	tooLong: &refusal{
		result: ResultError, status: http.StatusRequestURITooLong, body: `{"message":"Request URI Too Long"}`,
	},
}

// refuse writes a refusal.
func refuse(w http.ResponseWriter, r *http.Request, f *refusal) {
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Content-Length", strconv.Itoa(len(f.body)))
	if f.errorType != "" {
		header.Set("X-Amzn-Errortype", f.errorType)
	}
	if f.challenge != "" {
		header.Set("Www-Authenticate", f.challenge)
	}
	if r.ContentLength != 0 && r.ProtoMajor == 1 {
		header.Set("Connection", "close") // otherwise Go's server waits for the unread body
	}
	w.WriteHeader(f.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte(f.body)) // fails only if the client has gone
	}
}
