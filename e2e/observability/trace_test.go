package observability_test

import (
	"compress/gzip"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// sink is a collector of OpenTelemetry spans over HTTP.
type sink struct {
	server *httptest.Server

	mu    sync.Mutex
	spans []*tracepb.Span
}

func startSink() *sink {
	s := &sink{}
	s.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, err := exported(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.keep(data)
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	return s
}

// exported reads a request to export spans, which Traefik compresses. It has the form of TracesData.
func exported(r *http.Request) (*tracepb.TracesData, error) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(r.Body)
		if err != nil {
			return nil, err
		}
		body = unzipped
	}
	content, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	data := &tracepb.TracesData{}
	return data, proto.Unmarshal(content, data)
}

func (s *sink) keep(data *tracepb.TracesData) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, resource := range data.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			s.spans = append(s.spans, scope.GetSpans()...)
		}
	}
}

// of returns the spans of a trace.
func (s *sink) of(trace string) []*tracepb.Span {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []*tracepb.Span
	for _, span := range s.spans {
		if hex.EncodeToString(span.GetTraceId()) == trace {
			found = append(found, span)
		}
	}
	return found
}

const (
	traceID  = "0af7651916cd43dd8448eb211c80319c"
	parentID = "b7ad6b7169203331"
)

func TestTraceparentReachesTheFunctionUnchangedAndJoinsTraefiksSpan(t *testing.T) {
	watched(t, map[string]m{"traced": function("echo", nil)})
	traceparent := "00-" + traceID + "-" + parentID + "-01"
	status, event := get(t, "traced", "/", http.Header{"Traceparent": {traceparent}, "Tracestate": {"vendor=1"}})
	require.Equal(t, http.StatusOK, status)
	assert.Contains(t, event, `"traceparent":"`+traceparent+`"`)
	assert.Contains(t, event, `"tracestate":"vendor=1"`)
	require.Eventually(t, func() bool { return len(spans.of(traceID)) > 0 }, patience, 100*time.Millisecond,
		"Traefik sends no span of the trace")
	found := spans.of(traceID)
	parents := make([]string, 0, len(found))
	for _, span := range found {
		parents = append(parents, hex.EncodeToString(span.GetParentSpanId()))
	}
	assert.Contains(t, parents, parentID, "Traefik's span and the function's have the same parent: the client's")
}

func TestWithoutTraceparentTheFunctionGetsNone(t *testing.T) {
	watched(t, map[string]m{"untraced": function("echo", nil)})
	status, event := get(t, "untraced", "/", nil)
	require.Equal(t, http.StatusOK, status)
	assert.NotContains(t, event, "traceparent")
}
