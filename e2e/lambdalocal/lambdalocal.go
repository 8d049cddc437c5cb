// Package lambdalocal is a local AWS Lambda endpoint for development and tests.
//
// In front it speaks Lambda's Invoke and InvokeWithResponseStream APIs and verifies the signature of every request with AWS's own signer;
// behind it speaks the Lambda Runtime API, streamed responses included, so that the binary which would be deployed to the `provided.al2023`
// runtime answers unchanged. Handlers in Node and Python run in runtimes that this package brings along. Functions are
// processes: started on demand, one per concurrent invocation, reused afterwards, replaced after a crash, a timeout or a
// change of their files, gone with [Server.Close].
//
//	server, err := lambdalocal.Start(ctx, lambdalocal.Config{
//		Functions: map[string]lambdalocal.Function{
//			"hello": {Command: []string{"./hello"}},
//		},
//	})
//	// AWS_ENDPOINT_URL_LAMBDA=server.URL(), credentials test/test
//
// Every qualifier exists: a version executes as itself, an alias as $LATEST. Functions live in whatever account
// and region the caller names. There are no policies: good credentials may invoke everything.
package lambdalocal

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"
)

// Defaults of [Config] and [Function]. The timeout and its unit are those of AWS.
const (
	DefaultAddr        = "127.0.0.1:0"
	DefaultRegion      = "us-east-1"
	DefaultConcurrency = 10
	DefaultTimeout     = 3 * time.Second
)

// DefaultCredential is accepted when a [Config] names none.
var DefaultCredential = Credential{AccessKeyID: "test", SecretAccessKey: "test"}

// Config says what a [Server] serves and where.
type Config struct {
	// Addr is the host:port to listen on.
	//
	// Default: 127.0.0.1:0, a free port on the loopback interface.
	Addr string

	// TLS serves https with a certificate for localhost, 127.0.0.1, ::1 and the host of Addr, signed by a
	// certificate authority that is made at the start and whose key is thrown away. See [Server.CAPEM].
	TLS bool

	// Region is what functions see as AWS_REGION. Requests signed for any region are answered.
	//
	// Default: us-east-1.
	Region string

	// Credentials are those that may sign.
	//
	// Default: [DefaultCredential] alone.
	Credentials []Credential

	// Functions by name. Start fails if a name is none that Lambda allows, or if a function cannot be found or built.
	Functions map[string]Function

	// GenericStreamType answers InvokeWithResponseStream with the content type application/vnd.amazon.eventstream,
	// whatever the function's is. AWS's service model has the function's content type there, which tells a
	// caller whether the stream begins with a prelude; not everyone between the caller and AWS keeps it.
	//
	// Default: false, the function's content type.
	GenericStreamType bool

	// Log takes a line per invocation and what functions print, each line with the function's name and the request id
	// of the invocation in front.
	//
	// Default: nil, nothing is logged.
	Log io.Writer
}

// Credential is an access key that may sign requests.
type Credential struct {
	AccessKeyID     string
	SecretAccessKey string
	// SessionToken, if set, must come along in X-Amz-Security-Token; if not set, no token may.
	SessionToken string
	// Expires is when the credential ends: after that, its signatures are refused with ExpiredTokenException.
	//
	// Default: never.
	Expires time.Time
}

// Function is code that answers events. One of Command, Handler and Package says where it is.
//
// When a file of it changes, the next invocation has a new process. The files are those of a Command that are named in
// it, the sources in the folder of a Handler and below, and for a Package also those of its module.
type Function struct {
	// Command is a program that speaks the Lambda Runtime API, and its arguments.
	Command []string

	// Handler is a function in a file of Node's or Python's, as Lambda's option of that name has it: "app.handler",
	// "src/app.handler". A relative path is one below the working directory, which then is the task's root; that of
	// any other is the file's own folder. The machine's node or python3 runs it.
	Handler string

	// Package is the folder of a Go program that speaks the Runtime API, as those on aws-lambda-go do. It is built by
	// Start and after each change, with the machine's go.
	Package string

	// Env is added to this process's environment, as NAME=value; it cannot override AWS_LAMBDA_RUNTIME_API.
	Env []string

	// Concurrency is the number of invocations at one time, each with a process of its own; the one after
	// that is refused with 429 TooManyRequestsException.
	//
	// Default: 10.
	Concurrency int

	// Timeout is what an invocation may take, without the start of the process, which has 10 seconds as in
	// AWS. A process that takes longer is killed.
	//
	// Default: 3s.
	Timeout time.Duration
}

// Server is a running endpoint. Its methods may be called from several goroutines.
type Server struct {
	config    Config
	listener  net.Listener
	http      *http.Server
	caPEM     []byte
	functions map[string]*function
	// scratch is a folder for the runtimes and for what is built, "" where there is neither. Close removes it.
	scratch string
	log     *log.Logger
	records records

	// forget releases what waits for the context of Start to end.
	forget    context.CancelFunc
	closeOnce sync.Once
	closeErr  error

	mu      sync.Mutex
	granted []Credential
	closed  bool
	// background counts requests, invocations of type Event and processes: all that Close waits for.
	background sync.WaitGroup
}

// Start serves until ctx ends or [Server.Close] is called. No process is started before the first invocation.
func Start(ctx context.Context, config Config) (*Server, error) {
	config = config.withDefaults()
	s := &Server{config: config, log: newLogger(config.Log)}
	s.records.init()
	if err := s.setUp(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.scratch))
	}
	s.background.Go(func() {
		if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			s.log.Printf("serve: %v", err)
		}
	})
	ctx, s.forget = context.WithCancel(ctx)
	context.AfterFunc(ctx, func() { _ = s.Close() })
	return s, nil
}

func (s *Server) setUp(ctx context.Context) error {
	if s.config.needScratch() {
		if err := s.makeScratch(); err != nil {
			return err
		}
	}
	if err := s.addFunctions(ctx); err != nil {
		return err
	}
	return s.listen(ctx)
}

// needScratch reports whether something has to be written before functions run. Where all of them are commands nothing has,
// so that the server runs in an image without a file system to write to.
func (c Config) needScratch() bool {
	for _, f := range c.Functions {
		if f.Handler != "" || f.Package != "" {
			return true
		}
	}
	return false
}

func (s *Server) makeScratch() (err error) {
	s.scratch, err = os.MkdirTemp("", "lambdalocal-")
	if err != nil {
		return fmt.Errorf("make a folder for the runtimes: %w", err)
	}
	return writeRuntimes(s.scratch)
}

func (c Config) withDefaults() Config {
	if c.Addr == "" {
		c.Addr = DefaultAddr
	}
	if c.Region == "" {
		c.Region = DefaultRegion
	}
	if len(c.Credentials) == 0 {
		c.Credentials = []Credential{DefaultCredential}
	}
	return c
}

func newLogger(w io.Writer) *log.Logger {
	if w == nil {
		w = io.Discard
	}
	return log.New(w, "", log.Ltime|log.Lmicroseconds)
}

func (s *Server) addFunctions(ctx context.Context) error {
	s.functions = make(map[string]*function, len(s.config.Functions))
	for name, config := range s.config.Functions {
		if !bareNamePattern.MatchString(name) || len(name) > maxBareName {
			return fmt.Errorf("function %q: name must have 1 to %d characters of a-z, A-Z, 0-9, - and _", name, maxBareName)
		}
		if config.Concurrency < 0 || config.Timeout < 0 {
			return fmt.Errorf("function %q: concurrency and timeout must not be negative", name)
		}
		program, err := newProgram(name, config, s.scratch)
		if err == nil {
			err = program.prepare(ctx)
		}
		if err != nil {
			return fmt.Errorf("function %q: %w", name, err)
		}
		s.functions[name] = newFunction(name, config, program, s)
	}
	return nil
}

func (s *Server) listen(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.config.Addr)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", s.config.Addr, err)
	}
	s.listener = listener
	s.http = &http.Server{
		Handler:           http.HandlerFunc(s.serveInvoke),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          s.log,
	}
	if !s.config.TLS {
		return nil
	}
	certificate, caPEM, err := newCertificate(s.config.Addr)
	if err != nil {
		return errors.Join(fmt.Errorf("make certificate: %w", err), listener.Close())
	}
	s.caPEM = caPEM
	s.listener = tls.NewListener(listener, &tls.Config{
		Certificates: []tls.Certificate{certificate},
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"http/1.1"},
	})
	return nil
}

// URL is the endpoint's base URL, such as http://127.0.0.1:9001, without a slash at the end.
func (s *Server) URL() string {
	scheme := "http"
	if s.config.TLS {
		scheme = "https"
	}
	return scheme + "://" + s.listener.Addr().String()
}

// CAPEM is the certificate of the authority to trust, in PEM; nil without [Config.TLS].
func (s *Server) CAPEM() []byte { return s.caPEM }

// Credentials are those that may sign, with the default in its place.
func (s *Server) Credentials() []Credential { return s.config.Credentials }

// Grant lets one more credential sign, until it expires.
func (s *Server) Grant(c Credential) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.granted = append(s.granted, c)
}

func (s *Server) acceptedCredentials() []Credential {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Concat(s.config.Credentials, s.granted)
}

// Authenticate returns the credential that signed a request with this body for another service of AWS, or why its
// signature is refused.
func (s *Server) Authenticate(r *http.Request, body []byte, service string) (Credential, error) {
	credential, _, refusal := verify(r, body, service, s.acceptedCredentials(), time.Now())
	if refusal != nil {
		return Credential{}, refusal
	}
	return credential, nil
}

// enter counts a request in, unless the server is closed.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.background.Add(1)
	return true
}

// Close ends every process, waits until they are gone and stops serving. Invocations under way fail.
func (s *Server) Close() error {
	s.closeOnce.Do(func() {
		s.forget()
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
		for _, f := range s.functions {
			f.close()
		}
		s.closeErr = s.http.Close()
		s.background.Wait()
		s.closeErr = errors.Join(s.closeErr, os.RemoveAll(s.scratch))
	})
	return s.closeErr
}
