// Standin stands in for Lambda in the benchmark: it answers the Invoke API at the cost of an HTTP server, and any other
// request with what the function would have answered, for reverse proxies. Its first socket serves HTTP, its second
// HTTPS with the certificate of package httptest.
//
// A function's name says what it answers: json-100 is 100 bytes of JSON, binary-4096-500ms is 4096 bytes after half a
// second (function.go has all kinds). Other requests name it in the first segment of their path.
package main

import (
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/seed05e46011/lambda/e2e/bench/child"
)

func main() {
	plain, err := child.Listener(0)
	if err != nil {
		log.Fatal(err)
	}
	secure, err := child.Listener(1)
	if err != nil {
		log.Fatal(err)
	}
	handler := newHandler()
	(&httptest.Server{Listener: plain, Config: &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}}).Start()
	(&httptest.Server{Listener: secure, Config: &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}}).StartTLS()
	child.Wait()
}

// handler is the stand-in. It makes each function's answers once.
type handler struct {
	*http.ServeMux
	functions sync.Map // of *function by name
}

func newHandler() *handler {
	h := &handler{ServeMux: http.NewServeMux()}
	h.HandleFunc("POST /2015-03-31/functions/{name}/invocations", h.invoke)
	h.HandleFunc("POST /2021-11-15/functions/{name}/response-streaming-invocations", h.stream)
	h.HandleFunc("GET /credentials", credentials)
	h.HandleFunc("/{name}/", h.plain)
	return h
}

func (h *handler) invoke(w http.ResponseWriter, r *http.Request) {
	if f := h.run(w, r); f != nil {
		invoked(w.Header())
		answer(w, "application/json", f.reply)
	}
}

// stream answers with a prelude, and with the body in pieces, each flushed by itself.
func (h *handler) stream(w http.ResponseWriter, r *http.Request) {
	f := h.run(w, r)
	if f == nil {
		return
	}
	header := w.Header()
	invoked(header)
	header.Set("Content-Type", "application/vnd.amazon.eventstream")
	header.Set("X-Amzn-Remapped-Content-Type", "application/vnd.awslambda.http-integration-response")
	writePieces(w, f.frames)
}

// invoked are the headers of any invocation.
func invoked(header http.Header) {
	header.Set("X-Amzn-Requestid", "7f1c2a90-5a3e-4d0c-9d6b-6f1a2b3c4d5e")
	header.Set("X-Amzn-Trace-Id", "Root=1-67a1b2c3-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=0")
	header.Set("X-Amz-Executed-Version", "$LATEST")
}

// plain answers as the function does, for reverse proxies: in pieces where it streams.
func (h *handler) plain(w http.ResponseWriter, r *http.Request) {
	f := h.run(w, r)
	if f == nil {
		return
	}
	maps.Copy(w.Header(), f.header)
	if f.pieces != nil {
		writePieces(w, f.pieces)
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(f.body)))
	w.WriteHeader(f.status)
	_, _ = w.Write(f.body) // It fails only where the client has gone.
}

func writePieces(w http.ResponseWriter, pieces [][]byte) {
	controller := http.NewResponseController(w)
	for _, piece := range pieces {
		_, _ = w.Write(piece) // It fails only where the client has gone.
		_ = controller.Flush()
	}
}

func answer(w http.ResponseWriter, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // It fails only where the client has gone.
}

// run takes the whole request in and waits as long as the function takes. It answers itself, and returns nil, where
// there is no such function.
func (h *handler) run(w http.ResponseWriter, r *http.Request) *function {
	f := h.function(r.PathValue("name"))
	if f == nil {
		http.NotFound(w, r)
		return nil
	}
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return nil
	}
	if f.delay > 0 {
		time.Sleep(f.delay)
	}
	return f
}

func (h *handler) function(name string) *function {
	if f, known := h.functions.Load(name); known {
		return f.(*function)
	}
	f := newFunction(name)
	if f != nil {
		h.functions.Store(name, f)
	}
	return f
}

// issued counts the credentials.
var issued struct {
	sync.Mutex
	count int
}

// credentials answers as a container's credential endpoint does: with new ones each time, which expire so soon that
// their holders have to refresh them again and again.
func credentials(w http.ResponseWriter, _ *http.Request) {
	issued.Lock()
	issued.count++
	id := "ASIA" + strings.Repeat("0", 8) + strconv.Itoa(10000000+issued.count)
	issued.Unlock()
	answer(w, "application/json", encode(map[string]any{
		"AccessKeyId":     id,
		"SecretAccessKey": "secret of " + id,
		"Token":           "token of " + id,
		"Expiration":      time.Now().Add(credentialLife).UTC().Format(time.RFC3339),
	}))
}

// credentialLife ends two seconds after the five minutes in which the SDK asks anew.
const credentialLife = 5*time.Minute + 2*time.Second
