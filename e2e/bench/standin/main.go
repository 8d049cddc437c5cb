// Standin stands in for Lambda in the benchmark: it answers the Invoke API at the cost of an HTTP server, and any other
// request with what the function would have answered, for reverse proxies. Its first socket serves HTTP, its second
// HTTPS with the certificate of package httptest.
//
// A function's name says what it answers: json-100 is 100 bytes of JSON, httpjson-100 the same in a reply of the format
// httpjson, binary-4096-500ms is 4096 bytes after half a second. Other requests name it in the first segment of their
// path.
package main

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/seed05e46011/lambda/e2e/bench/child"
	"github.com/seed05e46011/lambda/e2e/bench/payload"
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

// function is what a name promises.
type function struct {
	contentType string
	body        []byte
	reply       []byte // the body in the shape of an HTTP API's reply
	delay       time.Duration
}

// handler is the stand-in. It makes each function's answers once.
type handler struct {
	*http.ServeMux
	functions sync.Map // of *function by name
}

func newHandler() *handler {
	h := &handler{ServeMux: http.NewServeMux()}
	h.HandleFunc("POST /2015-03-31/functions/{name}/invocations", h.invoke)
	h.HandleFunc("GET /credentials", credentials)
	h.HandleFunc("/{name}/", h.plain)
	return h
}

func (h *handler) invoke(w http.ResponseWriter, r *http.Request) {
	if f := h.run(w, r); f != nil {
		header := w.Header()
		header.Set("X-Amzn-Requestid", "7f1c2a90-5a3e-4d0c-9d6b-6f1a2b3c4d5e")
		header.Set("X-Amzn-Trace-Id", "Root=1-67a1b2c3-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=0")
		header.Set("X-Amz-Executed-Version", "$LATEST")
		answer(w, "application/json", f.reply)
	}
}

func (h *handler) plain(w http.ResponseWriter, r *http.Request) {
	if f := h.run(w, r); f != nil {
		answer(w, f.contentType, f.body)
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

var namePattern = regexp.MustCompile(`^(json|httpjson|binary)-([0-9]{1,7})(?:-([0-9]{1,5}ms))?$`)

// newFunction returns nil for a name that promises nothing.
func newFunction(name string) *function {
	parts := namePattern.FindStringSubmatch(name)
	if parts == nil {
		return nil
	}
	size, _ := strconv.Atoi(parts[2])        // The pattern lets digits pass alone,
	delay, _ := time.ParseDuration(parts[3]) // and here nothing or milliseconds.
	f := &function{contentType: "application/json", delay: delay}
	switch parts[1] {
	case "json":
		f.body = payload.JSON(size)
		f.reply = proxyReply(f.contentType, string(f.body), false)
	case "httpjson":
		f.body = payload.JSON(size)
		f.reply = httpJSONReply(f.contentType, string(f.body))
	default:
		f.contentType = "application/octet-stream"
		f.body = payload.Binary(size)
		f.reply = proxyReply(f.contentType, base64.StdEncoding.EncodeToString(f.body), true)
	}
	return f
}

func proxyReply(contentType, body string, isBase64 bool) []byte {
	return encode(map[string]any{
		"statusCode":      http.StatusOK,
		"headers":         map[string]string{"content-type": contentType},
		"body":            body,
		"isBase64Encoded": isBase64,
	})
}

func httpJSONReply(contentType, body string) []byte {
	return encode(map[string]any{
		"type": "HTTPJSON-REP",
		"meta": map[string]any{"status": http.StatusOK, "headers": map[string]string{"content-type": contentType}},
		"body": body,
	})
}

func encode(object map[string]any) []byte {
	encoded, err := json.Marshal(object)
	if err != nil {
		panic(err) // Strings, numbers and maps of them always have a JSON form.
	}
	return encoded
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
