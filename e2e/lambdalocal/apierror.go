package lambdalocal

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// apiError is a refusal by Lambda itself, before a function ran.
// https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html, "Errors".
type apiError struct {
	status    int
	errorType string
	message   string
}

func (e *apiError) Error() string { return e.errorType + ": " + e.message }

// ErrorCode is the type of the error, by the name that AWS's SDKs have for it.
func (e *apiError) ErrorCode() string { return e.errorType }

func notFound(message string) *apiError {
	return &apiError{http.StatusNotFound, "ResourceNotFoundException", message}
}

func validationError(member, value, pattern string) *apiError {
	return &apiError{http.StatusBadRequest, "ValidationException", fmt.Sprintf(
		"1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: "+
			"Member must satisfy regular expression pattern: %s", value, member, pattern)}
}

func invalidContent(message string) *apiError {
	return &apiError{http.StatusBadRequest, "InvalidRequestContentException", message}
}

func tooLarge(limit int64, operation string) *apiError {
	return &apiError{http.StatusRequestEntityTooLarge, "RequestTooLargeException",
		fmt.Sprintf("Request must be smaller than %d bytes for the %s operation", limit, operation)}
}

func tooManyRequests() *apiError {
	return &apiError{http.StatusTooManyRequests, "TooManyRequestsException", "Rate Exceeded."}
}

// body has the shape that the error's type has in Lambda's service model: they differ in case and members.
func (e *apiError) body() []byte {
	var shape map[string]string
	switch e.errorType {
	case "ResourceNotFoundException":
		shape = map[string]string{"Type": "User", "Message": e.message}
	case "TooManyRequestsException":
		shape = map[string]string{"Type": "User", "message": e.message, "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded"}
	case "InvalidParameterValueException", "InvalidRequestContentException", "RequestTooLargeException":
		shape = map[string]string{"Type": "User", "message": e.message}
	default:
		shape = map[string]string{"message": e.message}
	}
	body, err := json.Marshal(shape)
	if err != nil {
		panic(err) // A map of strings always marshals.
	}
	return body
}

func (e *apiError) write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Amzn-Errortype", e.errorType)
	if e.status == http.StatusTooManyRequests {
		h.Set("Retry-After", "1")
	}
	w.WriteHeader(e.status)
	_, _ = w.Write(e.body()) //nolint:gosec // G705: it is JSON and says so.
}
