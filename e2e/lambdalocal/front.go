package lambdalocal

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Limits of https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html; AWS words its refusal of a
// reply with 100 bytes more.
const (
	maxPayload       = 6 << 20
	maxEventPayload  = 1 << 20
	maxReply         = maxPayload + 100
	maxClientContext = 3583
	// maxDrained is what is read of a request that is too large, so that its sender gets to read the answer.
	maxDrained = 64 << 20
)

const (
	typeRequestResponse = "RequestResponse"
	typeEvent           = "Event"
	typeDryRun          = "DryRun"
)

// operation is one of the two ways to call a function.
type operation struct {
	name, pathPrefix, pathSuffix string
	// types are the invocation types allowed.
	types []string
}

var (
	operationInvoke = operation{"InvokeFunction", "/2015-03-31/functions/", "/invocations",
		[]string{typeEvent, typeRequestResponse, typeDryRun}}
	operationStream = operation{"InvokeWithResponseStream", "/2021-11-15/functions/", "/response-streaming-invocations",
		[]string{typeRequestResponse, typeDryRun}}
)

// call is a request to the Invoke API, read and found good.
type call struct {
	id             functionID
	operation      operation
	invocationType string
	invocation     *invocation
}

func (s *Server) serveInvoke(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		(&apiError{http.StatusServiceUnavailable, "ServiceException", "The endpoint is closing."}).write(w)
		return
	}
	defer s.background.Done()
	start := time.Now()
	requestID := uuid.NewString()
	traceID := traceID(r.Header, start)
	w.Header().Set("X-Amzn-Requestid", requestID)
	w.Header().Set("X-Amzn-Trace-Id", traceID)

	outcome := "200"
	c, refusal := s.readCall(r)
	if refusal == nil {
		c.invocation.requestID, c.invocation.traceID = requestID, traceID
		outcome, refusal = s.dispatch(w, r, c)
	}
	if refusal != nil {
		refusal.write(w)
		outcome = fmt.Sprintf("%d %s", refusal.status, refusal.errorType)
	}
	what := r.Method + " " + r.URL.EscapedPath()
	if c != nil {
		what = c.id.name + " " + c.invocationType
	}
	s.log.Printf("%s: %s in %v, request %s", what, outcome, time.Since(start).Round(10*time.Microsecond), requestID)
}

// readCall reads the request and checks its signature, then what it asks for.
func (s *Server) readCall(r *http.Request) (*call, *apiError) {
	op, name, ok := parsePath(r)
	if !ok {
		return nil, &apiError{http.StatusNotFound, "UnknownOperationException", ""}
	}
	body, refusal := readPayload(r, op)
	if refusal != nil {
		return nil, refusal
	}
	_, region, refusal := verify(r, body, "lambda", s.acceptedCredentials(), time.Now())
	if refusal != nil {
		return nil, refusal
	}
	id, refusal := parseFunctionID(name, r.URL.Query().Get("Qualifier"), region)
	if refusal != nil {
		return nil, refusal
	}
	s.records.invoked(Request{
		Function: id.name, Method: r.Method, Target: r.RequestURI, Host: r.Host,
		Header: r.Header.Clone(), PayloadBytes: len(body),
	})
	c := &call{id: id, operation: op, invocationType: r.Header.Get("X-Amz-Invocation-Type")}
	if c.invocationType == "" {
		c.invocationType = typeRequestResponse
	}
	c.invocation, refusal = newInvocation(r.Header, body)
	if refusal != nil {
		return nil, refusal
	}
	c.invocation.functionARN = id.arn()
	return c, nil
}

// parsePath takes the operation and the function's name out of the path. An ARN may come escaped or not.
func parsePath(r *http.Request) (operation, string, bool) {
	if r.Method != http.MethodPost {
		return operation{}, "", false
	}
	for _, op := range []operation{operationInvoke, operationStream} {
		name, found := strings.CutPrefix(r.URL.EscapedPath(), op.pathPrefix)
		name, suffix := strings.CutSuffix(name, op.pathSuffix)
		if found && suffix {
			name, err := url.PathUnescape(name)
			return op, name, err == nil
		}
	}
	return operation{}, "", false
}

// readPayload reads the whole body, as far as the limit of its invocation type allows.
func readPayload(r *http.Request, op operation) ([]byte, *apiError) {
	limit := int64(maxPayload)
	if r.Header.Get("X-Amz-Invocation-Type") == typeEvent {
		limit = maxEventPayload
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if err != nil {
		return nil, invalidContent("Could not read the request body.")
	}
	if int64(len(body)) > limit {
		_, _ = io.CopyN(io.Discard, r.Body, maxDrained)
		return nil, tooLarge(limit, op.name)
	}
	return body, nil
}

func newInvocation(h http.Header, payload []byte) (*invocation, *apiError) {
	if len(payload) == 0 {
		payload = []byte("{}") // What a function sees if nothing was sent.
	}
	if !json.Valid(payload) {
		return nil, invalidContent("Could not parse request body into json: the payload is not valid JSON")
	}
	clientContext, refusal := decodeClientContext(h.Get("X-Amz-Client-Context"))
	if refusal != nil {
		return nil, refusal
	}
	return &invocation{
		clientContext: clientContext,
		tenantID:      h.Get("X-Amz-Tenant-Id"),
		payload:       payload,
		logTail:       h.Get("X-Amz-Log-Type") == "Tail",
	}, nil
}

// decodeClientContext returns the JSON object on one line, as it goes into a header of the Runtime API.
func decodeClientContext(encoded string) (string, *apiError) {
	if encoded == "" {
		return "", nil
	}
	var oneLine bytes.Buffer
	object, err := base64.StdEncoding.DecodeString(encoded)
	if err == nil {
		err = json.Compact(&oneLine, object)
	}
	if err != nil || len(encoded) > maxClientContext {
		return "", invalidContent("Client context must be a valid Base64-encoded JSON object.")
	}
	return oneLine.String(), nil
}

// dispatch does what the invocation type says. Its outcome is for the log.
func (s *Server) dispatch(w http.ResponseWriter, r *http.Request, c *call) (string, *apiError) {
	f, ok := s.functions[c.id.name]
	if !ok {
		return "", notFound("Function not found: " + c.id.arn())
	}
	if !slices.Contains(c.operation.types, c.invocationType) {
		return "", &apiError{http.StatusBadRequest, "ValidationException", fmt.Sprintf(
			"1 validation error detected: Value '%s' at 'invocationType' failed to satisfy constraint: "+
				"Member must satisfy enum value set: [%s]", c.invocationType, strings.Join(c.operation.types, ", "))}
	}
	switch {
	case c.invocationType == typeDryRun:
		w.WriteHeader(http.StatusNoContent)
		return "204", nil
	case c.invocationType == typeEvent:
		c.invocation.consume = func(_ string, body io.Reader) *functionError {
			_, failure := readReply(body)
			return failure
		}
		if refusal := f.enqueue(c.invocation); refusal != nil {
			return "", refusal
		}
		w.Header().Set("X-Amz-Executed-Version", c.id.executedVersion())
		w.WriteHeader(http.StatusAccepted)
		return "202", nil
	case c.operation.name == operationStream.name:
		return s.invokeAndStream(w, r, f, c)
	default:
		return s.invokeAndReply(w, r, f, c)
	}
}

// invokeAndReply runs the function and sends its reply when all of it is there.
func (s *Server) invokeAndReply(w http.ResponseWriter, r *http.Request, f *function, c *call) (string, *apiError) {
	payload := []byte(nil)
	c.invocation.consume = func(_ string, body io.Reader) (failure *functionError) {
		payload, failure = readReply(body)
		return failure
	}
	callerIsThere := context.AfterFunc(r.Context(), func() { s.records.cancel(f.name) })
	failure, refusal := f.invoke(c.invocation)
	if !callerIsThere() {
		return "caller gone", nil
	}
	if refusal != nil {
		return "", refusal
	}
	outcome := "200"
	if failure != nil {
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		payload = failure.payload
		outcome = "200 Unhandled " + failure.errorType()
	}
	writeReply(w, c, payload)
	return outcome, nil
}

func writeReply(w http.ResponseWriter, c *call, payload []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Amz-Executed-Version", c.id.executedVersion())
	h.Set("Content-Length", strconv.Itoa(len(payload)))
	if c.invocation.logTail {
		h.Set("X-Amz-Log-Result", base64.StdEncoding.EncodeToString(c.invocation.log))
	}
	_, _ = w.Write(payload)
}

// readReply takes a whole reply in, up to the limit.
func readReply(body io.Reader) ([]byte, *functionError) {
	payload, err := io.ReadAll(io.LimitReader(body, maxReply+1))
	if failure := (*functionError)(nil); errors.As(err, &failure) {
		return nil, failure
	}
	if len(payload) > maxReply {
		return nil, responseTooLarge(maxReply)
	}
	return payload, nil
}

// traceID keeps the caller's, as AWS does, or makes one: https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
func traceID(h http.Header, now time.Time) string {
	if id := h.Get("X-Amzn-Trace-Id"); id != "" {
		return id
	}
	random := strings.ReplaceAll(uuid.NewString(), "-", "")
	return fmt.Sprintf("Root=1-%08x-%s;Sampled=0", now.Unix(), random[:24])
}
