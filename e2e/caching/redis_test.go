package caching_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/internal/traefik"
)

const password = "correct horse"

// redis is Debian's server, as its own process.
type redis struct {
	address string
	process *exec.Cmd
}

// startRedis starts a server on a port of its own, or on the given one.
func startRedis(t *testing.T, port string, more ...string) *redis {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		program, err = exec.LookPath("valkey-server")
	}
	if err != nil {
		t.Skip("there is no redis-server and no valkey-server: `make e2e` installs Debian's")
	}
	if port == "" {
		port = freePort(t)
	}
	arguments := []string{ //nolint:prealloc // more is a handful
		"--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--requirepass", password, "--dir", t.TempDir(),
		"--maxmemory", "8mb", "--maxmemory-policy", "allkeys-lru",
	}
	if len(more) == 0 {
		more = []string{"--port", port}
	} else {
		more = append(more, "--port", "0", "--tls-port", port)
	}
	r := &redis{address: net.JoinHostPort("127.0.0.1", port)}
	r.process = exec.CommandContext(context.WithoutCancel(t.Context()), program, append(arguments, more...)...)
	output, err := r.process.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, r.process.Start())
	t.Cleanup(func() { r.kill() })
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "Ready to accept connections") {
			go func() { _, _ = io.Copy(io.Discard, output) }()
			return r
		}
	}
	require.FailNow(t, "redis-server has ended")
	return nil
}

// freePort returns a port that is not in use: Redis cannot choose one itself.
func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
}

func (r *redis) port() string { return r.address[strings.LastIndex(r.address, ":")+1:] }

func (r *redis) kill() {
	_ = r.process.Process.Signal(syscall.SIGCONT)
	_ = r.process.Process.Kill()
	_ = r.process.Wait()
}

func (r *redis) signal(t *testing.T, signal syscall.Signal) {
	t.Helper()
	require.NoError(t, r.process.Process.Signal(signal))
}

// ask sends a command of one line, and returns the text of its reply.
func (r *redis) ask(t *testing.T, command string) string {
	t.Helper()
	conn, err := net.Dial("tcp", r.address)
	require.NoError(t, err)
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "AUTH %q\r\n%s\r\n", password, command)
	require.NoError(t, err)
	reader := bufio.NewReader(conn)
	_, err = reader.ReadString('\n') // of AUTH
	require.NoError(t, err)
	line, err := reader.ReadString('\n')
	require.NoError(t, err)
	size, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(line, "$")))
	if err != nil || size < 0 {
		return strings.TrimSpace(line)
	}
	text := make([]byte, size)
	_, err = io.ReadFull(reader, text)
	require.NoError(t, err)
	return string(text)
}

// counting is a Lambda endpoint whose function replies with the number of its call.
type counting struct {
	*httptest.Server
	calls atomic.Int64
}

func newCounting(t *testing.T) *counting {
	t.Helper()
	c := &counting{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := c.calls.Add(1)
		_, _ = fmt.Fprintf(w, `{"statusCode":200,"headers":{"cache-control":"max-age=600"},"body":"call %d"}`, n)
	}))
	t.Cleanup(c.Close)
	return c
}

// shared returns the options of a middleware that shares through a server.
func shared(r *redis, endpoint string, more m) m {
	options := m{"address": r.address, "password": password, "timeout": "500ms"}
	for name, value := range more {
		options[name] = value
	}
	return function(endpoint, m{"cache": m{"redis": options}})
}

func TestTwoReplicasShareThroughRedis(t *testing.T) {
	server := startRedis(t, "")
	lambda := newCounting(t)
	options := shared(server, lambda.URL, m{"db": 3, "username": "default"})
	one := start(t, traefik.Options{Dynamic: cached(options, "")})
	two := start(t, traefik.Options{Dynamic: cached(options, "")})

	first := get(t, one, "/page?a=b")
	assert.Equal(t, "traefik-lambda; fwd=uri-miss; stored; ttl=600", first.Header.Get("Cache-Status"))
	require.Eventually(t, func() bool { return strings.Contains(server.ask(t, "INFO keyspace"), "keys=1,") },
		20*time.Second, 10*time.Millisecond)
	second := get(t, two, "/page?a=b")
	assert.Contains(t, second.Header.Get("Cache-Status"), "traefik-lambda; hit; ")
	assert.Equal(t, "call 1", second.body)
	assert.Equal(t, int64(1), lambda.calls.Load(), "calls of the function")

	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, two.URL+"/page?a=b", http.NoBody)
	require.NoError(t, err)
	request.Host = host
	send(t, two, request)
	three := start(t, traefik.Options{Dynamic: cached(options, "")}) // with nothing in memory
	assert.Contains(t, get(t, three, "/page?a=b").Header.Get("Cache-Status"), "; fwd=uri-miss", "after an invalidation")
	assert.NotContains(t, one.Logs()+two.Logs()+three.Logs(), "cache: redis")
}

func TestRedisOverTLS(t *testing.T) {
	certificate, key := selfSigned(t)
	server := startRedis(t, "", "--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", certificate,
		"--tls-auth-clients", "no")
	lambda := newCounting(t)
	file := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(file, []byte(password+"\n"), 0o600))
	options := function(lambda.URL, m{"cache": m{"redis": m{
		"address": server.address, "passwordFile": file, "tls": true, "timeout": "2s",
	}}})
	environment := []string{"SSL_CERT_FILE=" + certificate}
	one := start(t, traefik.Options{Dynamic: cached(options, ""), Env: environment})
	get(t, one, "/")
	two := start(t, traefik.Options{Dynamic: cached(options, ""), Env: environment}) // meanwhile it is written
	assert.Contains(t, get(t, two, "/").Header.Get("Cache-Status"), "; hit; ", "%s\n%s", one.Logs(), two.Logs())

	stranger := start(t, traefik.Options{Dynamic: cached(options, "")}) // who does not trust the certificate
	for i := range 5 {
		assert.Equal(t, http.StatusOK, get(t, stranger, "/"+strconv.Itoa(i)).StatusCode)
	}
	require.Eventually(t, func() bool { return strings.Contains(stranger.Logs(), "certificate") },
		20*time.Second, 10*time.Millisecond)
}

// selfSigned writes a certificate for 127.0.0.1 and its key.
func selfSigned(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	encoded, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(t, err)
	encodedKey, err := x509.MarshalECPrivateKey(private)
	require.NoError(t, err)
	folder := t.TempDir()
	certificate = filepath.Join(folder, "certificate.pem")
	key = filepath.Join(folder, "key.pem")
	for file, block := range map[string]*pem.Block{
		certificate: {Type: "CERTIFICATE", Bytes: encoded}, key: {Type: "EC PRIVATE KEY", Bytes: encodedKey},
	} {
		require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(block), 0o600))
	}
	return certificate, key
}

// crowd asks for pages of their own until its context ends, and counts what was wrong or slow.
type crowd struct {
	gateway *traefik.Instance
	pages   atomic.Int64
	wrong   atomic.Int64
	slow    atomic.Int64
	done    sync.WaitGroup
}

func (c *crowd) run(ctx context.Context, t *testing.T) {
	for range 8 {
		c.done.Add(1)
		go func() {
			defer c.done.Done()
			for ctx.Err() == nil {
				c.ask(t)
			}
		}()
	}
}

func (c *crowd) ask(t *testing.T) {
	began := time.Now()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
		c.gateway.URL+"/"+strconv.FormatInt(c.pages.Add(1), 10), http.NoBody)
	if err != nil {
		c.wrong.Add(1)
		return
	}
	response, err := c.gateway.Client().Do(request)
	if err != nil {
		c.wrong.Add(1)
		return
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK || !strings.HasPrefix(string(body), "call ") {
		c.wrong.Add(1)
	}
	if time.Since(began) > 5*time.Second {
		c.slow.Add(1)
	}
}

func TestRedisFailsUnderLoad(t *testing.T) {
	server := startRedis(t, "")
	lambda := newCounting(t)
	gateway := start(t, traefik.Options{Dynamic: cached(shared(server, lambda.URL, nil), "")})
	ctx, stop := context.WithCancel(t.Context())
	clients := &crowd{gateway: gateway}
	clients.run(ctx, t)
	await := func(what, line string, times int) {
		require.Eventually(t, func() bool { return strings.Count(gateway.Logs(), line) == times },
			time.Minute, 10*time.Millisecond, "%s:\n%s", what, gateway.Logs())
	}
	awaitPages := func() {
		before := clients.pages.Load()
		require.Eventually(t, func() bool { return clients.pages.Load() > before+100 }, time.Minute, 10*time.Millisecond)
	}
	awaitPages()

	server.signal(t, syscall.SIGSTOP)
	await("a stall", "is not asked for a while", 1)
	awaitPages()
	server.signal(t, syscall.SIGCONT)
	await("after the stall", "answers again", 1)

	server.kill()
	await("a server that is gone", "is not asked for a while", 2)
	awaitPages()
	server = startRedis(t, server.port())
	await("another server", "answers again", 2)
	awaitPages()

	stop()
	clients.done.Wait()
	assert.Zero(t, clients.wrong.Load(), "wrong responses of %d", clients.pages.Load())
	assert.Zero(t, clients.slow.Load(), "slow responses of %d", clients.pages.Load())
	assert.Equal(t, 4, strings.Count(gateway.Logs(), "cache: redis"), "lines of the log:\n%s", gateway.Logs())
	assert.NotEqual(t, ":0", server.ask(t, "DBSIZE"), "pages in the other server")
	assert.NotContains(t, gateway.Logs(), password)
}

func TestAFullRedisAndAWrongPassword(t *testing.T) {
	server := startRedis(t, "")
	lambda := newCounting(t)
	server.ask(t, "CONFIG SET maxmemory-policy noeviction")
	server.ask(t, "CONFIG SET maxmemory 1")
	for what, row := range map[string]struct {
		options m
		line    string
	}{
		"a full server":    {nil, `cache: redis answers "OOM"`},
		"a wrong password": {m{"password": "wrong secret"}, `refuses the credentials ("WRONGPASS")`},
	} {
		gateway := start(t, traefik.Options{Dynamic: cached(shared(server, lambda.URL, row.options), "")})
		for i := range 20 {
			assert.Equal(t, http.StatusOK, get(t, gateway, "/"+strconv.Itoa(i)).StatusCode, what)
		}
		assert.Contains(t, get(t, gateway, "/1").Header.Get("Cache-Status"), "; hit; ", what)
		require.Eventually(t, func() bool { return strings.Count(gateway.Logs(), row.line) == 1 },
			20*time.Second, 10*time.Millisecond, "%s: %s", what, gateway.Logs())
		assert.Equal(t, 1, strings.Count(gateway.Logs(), "cache: redis"), what)
		assert.NotContains(t, gateway.Logs(), "wrong secret", what)
	}
}
