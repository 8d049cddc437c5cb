package lambdalocal

import (
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// invocation is an event on its way through one instance.
type invocation struct {
	requestID     string
	functionARN   string
	traceID       string
	clientContext string
	tenantID      string
	payload       []byte

	// consume takes the function's reply. The body ends with io.EOF when the function has written all of it; an
	// error of the function midway comes as a *functionError from Read. It returns what is to be reported in
	// place of the reply, or nil.
	consume func(contentType string, body io.Reader) *functionError

	// log is the log tail, set before the invocation is over if logTail is.
	logTail bool
	log     []byte
}

// functionError is an error that is the function's own: the caller gets 200 and X-Amz-Function-Error.
type functionError struct {
	// payload is the JSON object that describes it: errorType, errorMessage and what the function adds.
	payload []byte
}

func (e *functionError) Error() string { return string(e.payload) }

// errorType is what the payload says it is; empty if it does not say.
func (e *functionError) errorType() string {
	var shape struct {
		ErrorType string `json:"errorType"`
	}
	_ = json.Unmarshal(e.payload, &shape)
	return shape.ErrorType
}

// newFunctionError words an error that Lambda finds at the function, as AWS does.
func newFunctionError(errorType, format string, args ...any) *functionError {
	payload, err := json.Marshal(struct {
		ErrorType    string `json:"errorType"`
		ErrorMessage string `json:"errorMessage"`
	}{errorType, fmt.Sprintf(format, args...)})
	if err != nil {
		panic(err) // Two strings always marshal.
	}
	return &functionError{payload}
}

func timedOut(requestID string, after time.Duration) *functionError {
	return newFunctionError("Sandbox.Timedout", "RequestId: %s Error: Task timed out after %.2f seconds", requestID, after.Seconds())
}

// exited reports the end of the process; cause is nil if it ended with status 0.
func exited(requestID string, cause error) *functionError {
	if cause == nil {
		return newFunctionError("Runtime.ExitError", "RequestId: %s Error: Runtime exited without providing a reason", requestID)
	}
	return newFunctionError("Runtime.ExitError", "RequestId: %s Error: Runtime exited with error: %v", requestID, cause)
}

func invalidEntrypoint(requestID string, cause error) *functionError {
	return newFunctionError("Runtime.InvalidEntrypoint", "RequestId: %s Error: %v", requestID, cause)
}

const typeResponseTooLarge = "Function.ResponseSizeTooLarge"

func responseTooLarge(limit int) *functionError {
	return newFunctionError(typeResponseTooLarge, "Response payload size exceeded maximum allowed payload size (%d bytes).", limit)
}

// errTruncated stands for a reply that broke off, until the reason is known.
var errTruncated = newFunctionError("Runtime.TruncatedResponse", "")
