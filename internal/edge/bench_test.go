package edge

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
)

// BenchmarkHook measures one hook of each kind without the call of its function, for a browser's request and a reply
// that adds a header.
func BenchmarkHook(b *testing.B) {
	const fields = `"accept":[{"value":"text/html"}],"accept-language":[{"value":"en"}],` +
		`"cookie":[{"value":"session=abc"}],` +
		`"referer":[{"value":"https://shop.example.com/"}],"user-agent":[{"value":"Mozilla/5.0"}]`
	replies := map[string]string{
		"viewerRequest": `{"uri":"/","headers":{"host":[{"value":"shop.example.com"}],` + fields + `,"x-a":[{"value":"1"}]}}`,
		"viewerResponse": `{"status":"200","headers":{"content-type":[{"value":"text/html"}],` +
			`"content-length":[{"value":"5"}],` +
			`"cache-control":[{"value":"no-cache"}],"x-a":[{"value":"1"}]}}`,
	}
	for name := range replies {
		reply := []byte(replies[name])
		s := &stage{}
		core := s.core()
		core.Invoker = func(_, _ string) (Invoke, error) {
			return func(_ context.Context, _ []byte) ([]byte, error) { return reply, nil }, nil
		}
		core.Observer = func(_, _ string) func(result string) { return func(_ string) {} }
		config := &Config{}
		if name == "viewerRequest" {
			config.ViewerRequest = &RequestHookConfig{Function: "f"}
		} else {
			config.ViewerResponse = &ResponseHookConfig{Function: "f"}
		}
		e, err := New(config, core)
		if err != nil {
			b.Fatal(err)
		}
		benchmarkHandler(b, name, e.Viewer(http.HandlerFunc(page)))
		if len(s.logged) > 0 {
			b.Fatalf("%s: got log %q, want none", name, s.logged[0])
		}
	}
}

func page(w http.ResponseWriter, _ *http.Request) {
	header := w.Header()
	header["Content-Type"] = []string{"text/html"}
	header["Cache-Control"] = []string{"no-cache"}
	header["Content-Length"] = []string{"5"}
	_, _ = w.Write([]byte("<p>Hi"))
}

func benchmarkHandler(b *testing.B, name string, handler http.Handler) {
	b.Helper()
	b.Run(name, func(b *testing.B) {
		for i := 0; i < b.N; i++ {
			r := httptest.NewRequest("GET", "http://shop.example.com/", nil)
			r.Header = http.Header{
				"Accept": {"text/html"}, "Accept-Language": {"en"}, "Cookie": {"session=abc"},
				"Referer": {"https://shop.example.com/"}, "User-Agent": {"Mozilla/5.0"},
			}
			handler.ServeHTTP(httptest.NewRecorder(), r)
		}
	})
}
