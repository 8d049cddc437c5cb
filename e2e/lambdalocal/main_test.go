package lambdalocal_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/lambdalocal"
)

// functionsDir holds the binaries of e2e/functions.
var functionsDir string

func TestMain(m *testing.M) {
	os.Exit(runWithFunctions(m))
}

// runWithFunctions builds the functions once for all tests.
func runWithFunctions(m *testing.M) int {
	dir, err := os.MkdirTemp("", "lambdalocal")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	build := exec.CommandContext(context.Background(), "go", "build", "-o", dir, "../functions/...")
	if output, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build functions: %v\n%s", err, output)
		return 1
	}
	functionsDir = dir
	return m.Run()
}

func binary(name string) []string {
	return []string{filepath.Join(functionsDir, name)}
}

// start serves config until the test ends, and then checks that no process is left.
func start(t *testing.T, config lambdalocal.Config) *lambdalocal.Server {
	t.Helper()
	server, err := lambdalocal.Start(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = server.Close()
		require.Empty(t, server.Processes())
	})
	return server
}

// functions are the named ones with default settings.
func functions(names ...string) map[string]lambdalocal.Function {
	m := map[string]lambdalocal.Function{}
	for _, name := range names {
		m[name] = lambdalocal.Function{Command: binary(name)}
	}
	return m
}

// client is AWS's own, with the default credential and no retries.
func client(server *lambdalocal.Server, options ...func(*lambda.Options)) *lambda.Client {
	return lambda.New(lambda.Options{
		Region:       "us-east-1",
		BaseEndpoint: aws.String(server.URL()),
		Credentials:  credentials.NewStaticCredentialsProvider("test", "test", ""),
		Retryer:      aws.NopRetryer{},
		HTTPClient:   &http.Client{Transport: &plainBodies{&http.Transport{}}},
	}, options...)
}

// plainBodies hides the WriteTo of request bodies. smithy-go closes a body once the response has begun. A transport
// that looks for the body's end after that gets an error from WriteTo, unlike from Read, and closes the connection.
type plainBodies struct{ transport *http.Transport }

func (p *plainBodies) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		r = r.WithContext(r.Context()) // a copy
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	return p.transport.RoundTrip(r)
}

func invoke(t *testing.T, server *lambdalocal.Server, name, payload string) *lambda.InvokeOutput {
	t.Helper()
	out, err := client(server).Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &name, Payload: []byte(payload)})
	require.NoError(t, err)
	return out
}

// eventually waits for what another process is about to do.
func eventually(t *testing.T, condition func() bool, what string) {
	t.Helper()
	require.Eventually(t, condition, 10*time.Second, 5*time.Millisecond, what)
}

func alive(pid int) bool {
	return syscall.Kill(pid, 0) == nil
}

// lockedBuffer is a log that may be read while the server writes it.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

// cancelled is a context that the test ends by hand.
func cancelled(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return ctx, cancel
}
