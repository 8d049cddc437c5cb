package lambdalocal

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"
)

// maxRuntimeError bounds the description of an error that a process posts.
const maxRuntimeError = 1 << 20

// Names from https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html and, for the trailers,
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming
const (
	runtimePrefix    = "/2018-06-01/runtime"
	headerRequestID  = "Lambda-Runtime-Aws-Request-Id"
	headerDeadline   = "Lambda-Runtime-Deadline-Ms"
	headerARN        = "Lambda-Runtime-Invoked-Function-Arn"
	headerTrace      = "Lambda-Runtime-Trace-Id"
	headerContext    = "Lambda-Runtime-Client-Context"
	headerTenant     = "Lambda-Runtime-Aws-Tenant-Id"
	headerErrorType  = "Lambda-Runtime-Function-Error-Type"
	trailerErrorType = "Lambda-Runtime-Function-Error-Type"
	trailerErrorBody = "Lambda-Runtime-Function-Error-Body"
)

func (i *instance) runtimeAPI() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+runtimePrefix+"/invocation/next", i.serveNext)
	mux.HandleFunc("POST "+runtimePrefix+"/invocation/{id}/response", i.serveResponse)
	mux.HandleFunc("POST "+runtimePrefix+"/invocation/{id}/error", i.serveError)
	mux.HandleFunc("POST "+runtimePrefix+"/init/error", i.serveInitError)
	return mux
}

// serveNext holds the process until there is an event for it.
func (i *instance) serveNext(w http.ResponseWriter, r *http.Request) {
	var p *pending
	select {
	case p = <-i.events:
	case <-r.Context().Done():
		return
	}
	i.mu.Lock()
	i.current = p
	i.mu.Unlock()

	deadline := time.Now().Add(i.function.config.Timeout)
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set(headerRequestID, p.requestID)
	h.Set(headerDeadline, strconv.FormatInt(deadline.UnixMilli(), 10))
	h.Set(headerARN, p.functionARN)
	h.Set(headerTrace, p.traceID)
	if p.clientContext != "" {
		h.Set(headerContext, p.clientContext)
	}
	if p.tenantID != "" {
		h.Set(headerTenant, p.tenantID)
	}
	h.Set("Content-Length", strconv.Itoa(len(p.payload)))
	_, _ = w.Write(p.payload)
}

// finish takes the current invocation if its id is the one in the path: each is answered once.
func (i *instance) finish(id string) *pending {
	i.mu.Lock()
	defer i.mu.Unlock()
	p := i.current
	if p == nil || p.requestID != id {
		return nil
	}
	i.current = nil
	return p
}

func (i *instance) serveResponse(w http.ResponseWriter, r *http.Request) {
	p := i.finish(r.PathValue("id"))
	if p == nil {
		writeRuntimeStatus(w, http.StatusBadRequest, "InvalidRequestID")
		return
	}
	i.reply(w, p, &reply{
		contentType: r.Header.Get("Content-Type"),
		body:        &responseBody{request: r, requestID: p.requestID},
	})
}

func (i *instance) serveError(w http.ResponseWriter, r *http.Request) {
	p := i.finish(r.PathValue("id"))
	if p == nil {
		writeRuntimeStatus(w, http.StatusBadRequest, "InvalidRequestID")
		return
	}
	i.reply(w, p, &reply{failure: readRuntimeError(r)})
}

func (i *instance) reply(w http.ResponseWriter, p *pending, answer *reply) {
	answer.verdict = make(chan int, 1)
	p.reply <- answer
	status := http.StatusGone // The invocation timed out before the reply was taken.
	select {
	case status = <-answer.verdict:
	case <-p.over:
		select {
		case status = <-answer.verdict: // Given just before the end.
		default:
		}
	}
	writeRuntimeStatus(w, status, http.StatusText(status))
}

func (i *instance) serveInitError(w http.ResponseWriter, r *http.Request) {
	failure := readRuntimeError(r)
	i.mu.Lock()
	i.initError = failure
	i.mu.Unlock()
	writeRuntimeStatus(w, http.StatusAccepted, "Accepted")
}

// readRuntimeError takes the error as the process describes it, else what its header says.
func readRuntimeError(r *http.Request) *functionError {
	payload, err := io.ReadAll(io.LimitReader(r.Body, maxRuntimeError))
	if err == nil && json.Valid(payload) {
		return &functionError{payload}
	}
	errorType := r.Header.Get(headerErrorType)
	if errorType == "" {
		errorType = "Runtime.Unknown"
	}
	return newFunctionError(errorType, "%s", payload)
}

func writeRuntimeStatus(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	key := "status"
	if status >= http.StatusBadRequest {
		key = "errorType"
	}
	_ = json.NewEncoder(w).Encode(map[string]string{key: text})
}

// responseBody turns the error trailers of a process that failed while it wrote into an error of Read.
type responseBody struct {
	request   *http.Request
	requestID string
}

func (b *responseBody) Read(p []byte) (int, error) {
	n, err := b.request.Body.Read(p)
	switch {
	case err == nil:
		return n, nil
	case !errors.Is(err, io.EOF):
		return n, errTruncated
	}
	if failure := b.trailerError(); failure != nil {
		return n, failure
	}
	return n, io.EOF
}

func (b *responseBody) trailerError() *functionError {
	trailer := b.request.Trailer
	errorType := trailer.Get(trailerErrorType)
	if errorType == "" {
		return nil
	}
	payload, err := base64.StdEncoding.DecodeString(trailer.Get(trailerErrorBody))
	if err != nil || !json.Valid(payload) {
		return newFunctionError(errorType, "RequestId: %s Error: %s", b.requestID, errorType)
	}
	return &functionError{payload}
}
