package lambdalocal

import (
	"maps"
	"net/http"
	"slices"
	"sync"
)

// maxRequests bounds what [Server.Requests] remembers.
const maxRequests = 256

// Request is an invocation as it arrived, after its signature was found good.
type Request struct {
	// Function is the bare name that the request's name or ARN leads to.
	Function string
	// Method, Target (path and query as they travelled) and Host make the first lines of the request.
	Method, Target, Host string
	Header               http.Header
	// PayloadBytes is the length of the event.
	PayloadBytes int
}

// records is what tests ask for afterwards.
type records struct {
	mu          sync.Mutex
	invocations map[string]int
	cancelled   map[string]int
	requests    []Request
}

func (r *records) init() {
	r.invocations = map[string]int{}
	r.cancelled = map[string]int{}
}

func (r *records) invoked(request Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.invocations[request.Function]++
	if len(r.requests) == maxRequests {
		r.requests = slices.Delete(r.requests, 0, 1)
	}
	r.requests = append(r.requests, request)
}

func (r *records) cancel(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cancelled[name]++
}

// Invocations is the number of requests with a good signature that named the function: also those of type
// DryRun, those refused afterwards, and those for a function that does not exist.
func (s *Server) Invocations(name string) int {
	s.records.mu.Lock()
	defer s.records.mu.Unlock()
	return s.records.invocations[name]
}

// Cancelled is the number of the function's invocations whose caller went away before it had the whole reply.
// The function runs on, as in AWS.
func (s *Server) Cancelled(name string) int {
	s.records.mu.Lock()
	defer s.records.mu.Unlock()
	return s.records.cancelled[name]
}

// Requests are the last 256 invocations of all functions, the oldest first. The slice is the caller's own, the
// headers in it are not to be changed.
func (s *Server) Requests() []Request {
	s.records.mu.Lock()
	defer s.records.mu.Unlock()
	return slices.Clone(s.records.requests)
}

// Processes are the ids of the processes that are running now, in no order: the leaders of their process groups.
func (s *Server) Processes() []int {
	var pids []int
	for f := range maps.Values(s.functions) {
		pids = append(pids, f.processes()...)
	}
	return pids
}
