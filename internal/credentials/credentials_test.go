package credentials

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// The secrets of the tests: none of them may be in an error.
const (
	testSecret = "wJalrXUtnFEMI/SECRET"
	testToken  = "IQoJb3JpZ2luTOKEN"
	testJWT    = "eyJhbGciOiJSUzI1NiJ9.JWT"
)

// testNow is the time of the tests' clocks.
var testNow = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

// stoppedClock always tells testNow.
func stoppedClock() clock {
	return clock{
		now:     func() time.Time { return testNow },
		until:   func(t time.Time) time.Duration { return t.Sub(testNow) },
		elapsed: func() time.Duration { return 0 },
	}
}

// noLines is the log of tests in which New should log nothing.
func noLines(_ string) {}

// noAWSEnvironment clears AWS's variables and sets an empty home directory for a test.
func noAWSEnvironment(t *testing.T) {
	t.Helper()
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, "AWS_") {
			setenv(t, name, "")
		}
	}
	setenv(t, "HOME", t.TempDir())
}

// setenv sets a variable for one test. t.Setenv does not work under Yaegi, where os.Getenv reads an environment of
// the interpreter's own, which only os.Setenv writes.
func setenv(t *testing.T, name, value string) {
	t.Helper()
	before, wasSet := os.LookupEnv(name)
	if err := os.Setenv(name, value); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if wasSet {
			_ = os.Setenv(name, before)
		} else {
			_ = os.Unsetenv(name)
		}
	})
}

func setEnvironment(t *testing.T, variables map[string]string) {
	t.Helper()
	for name, value := range variables {
		setenv(t, name, value)
	}
}

// writeTestFile writes a file into a folder of the test's own, and returns its path.
func writeTestFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// testSettings returns settings with which sources reach handler, whatever address they call.
func testSettings(t *testing.T, options *Config, handler http.Handler) *credentialSettings {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	transport := transportTo(server.Listener.Addr().String())
	return &credentialSettings{
		options:   options.trimmed(),
		region:    "eu-central-1",
		clock:     stoppedClock(),
		timeout:   sourceTimeout,
		linkLocal: transport,
		remote:    transport,
		log:       func(_ string) {},
	}
}

// transportTo returns a transport whose connections all end at address.
func transportTo(address string) *http.Transport {
	dialer := &net.Dialer{}
	return &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, address)
		},
	}
}

// sourceServer answers the requests of a source by their path, and keeps them.
type sourceServer struct {
	answers  map[string]string // by path; "" for the others
	mu       sync.Mutex
	requests []*http.Request
	forms    []string
}

func (s *sourceServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	form, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.requests = append(s.requests, r)
	s.forms = append(s.forms, string(form))
	answer, ok := s.answers[r.Method+" "+r.URL.Path]
	s.mu.Unlock()
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	_, _ = io.WriteString(w, answer)
}

// asked returns the requests so far, as "METHOD host/path".
func (s *sourceServer) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]string, 0, len(s.requests))
	for _, r := range s.requests {
		list = append(list, r.Method+" "+r.Host+r.URL.Path)
	}
	return list
}

// fault is an answer that a source must refuse.
type fault struct {
	handler http.HandlerFunc
	want    string // part of the error
}

// answering returns a handler that always gives the same answer.
func answering(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// document returns an answer of the endpoints of containers and instances.
func document(expiration string) string {
	d := `{"Code":"Success","AccessKeyId":"ASIAFOUND","SecretAccessKey":"` + testSecret + `","Token":"` + testToken + `"`
	if expiration != "" {
		d += `,"Expiration":"` + expiration + `"`
	}
	return d + "}"
}

// faults are the answers that every source of documents must refuse.
func faults() map[string]fault {
	secret := `"SecretAccessKey":"` + testSecret + `","Token":"` + testToken + `"`
	return map[string]fault{
		"refused":                    {answering(http.StatusForbidden, `{"code":"AccessDenied","message":"`+testToken+`"}`), "answered 403"},
		"no endpoint":                {answering(http.StatusNotFound, ""), "answered 404"},
		"out of order, three times":  {answering(http.StatusInternalServerError, testToken), "answered 500"},
		"empty":                      {answering(http.StatusOK, ""), "not a JSON document"},
		"not JSON":                   {answering(http.StatusOK, `{"AccessKeyId":"A",`+secret), "not a JSON document"},
		"JSON of another type":       {answering(http.StatusOK, `["`+testSecret+`"]`), "not a JSON document"},
		"an error with status 200":   {answering(http.StatusOK, `{"Code":"Failed","Message":"`+testToken+`"}`), "the error Failed"},
		"an error that is no code":   {answering(http.StatusOK, `{"Code":"`+testSecret+`"}`), "the answer is the error"},
		"empty values":               {answering(http.StatusOK, `{"AccessKeyId":"","SecretAccessKey":"","Token":"","Expiration":""}`), "is empty"},
		"no secret":                  {answering(http.StatusOK, `{"AccessKeyId":"ASIAFOUND","Token":"`+testToken+`"}`), "is empty"},
		"line break in a value":      {answering(http.StatusOK, `{"AccessKeyId":"A\r\nX-Evil: 1",`+secret+`}`), "line break"},
		"Expiration that is no time": {answering(http.StatusOK, document(testSecret)), "Expiration is not a time"},
		"endless":                    {endless, "over 65536 bytes"},
		"slow":                       {silent, "context deadline exceeded"},
		"redirect":                   {redirects, "answered 302"},
	}
}

// endless answers until the client stops reading.
func endless(w http.ResponseWriter, _ *http.Request) {
	chunk := []byte(strings.Repeat(testSecret, 1000))
	for {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

// silent answers only when the client has gone, which the server notices once the body is read.
func silent(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// redirects points to an address that would give a good answer.
func redirects(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/elsewhere" {
		_, _ = io.WriteString(w, document(""))
		return
	}
	http.Redirect(w, r, "/elsewhere", http.StatusFound)
}

// checkFault asserts that a source fails within its time for the given reason, and that the error holds no secret.
func checkFault(t *testing.T, source credentialSource, s *credentialSettings, want string) {
	t.Helper()
	if want == "context deadline exceeded" {
		s.timeout = 50 * time.Millisecond
	}
	c, err := askSource(&source, s)
	if err == nil {
		t.Fatalf("the source answered %q", c.keys.AccessKeyID)
	}
	if !strings.Contains(err.Error(), want) {
		t.Errorf("error %q, want one with %q", err, want)
	}
	for _, secret := range []string{testSecret, testToken, testJWT} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error tells a secret: %v", err)
		}
	}
}

// checkFound asserts what a source found.
func checkFound(t *testing.T, c *keySet, err error, key string, expires time.Time) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if c.keys.AccessKeyID != key || c.keys.SecretAccessKey != testSecret {
		t.Errorf("found key %q", c.keys.AccessKeyID)
	}
	if !c.expires.Equal(expires) {
		t.Errorf("expires %v, want %v", c.expires, expires)
	}
}

func checkStrings(t *testing.T, what string, got, want []string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s:\n%s\nwant:\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
