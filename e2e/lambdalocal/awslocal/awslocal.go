// Package awslocal serves, on one address of the loopback interface, what gives credentials to AWS's SDKs: STS, the
// container credentials of ECS and EKS Pod Identity, and the instance metadata service (IMDSv2) of EC2. What it issues
// may sign at a [lambdalocal.Server] until it expires.
//
//	aws, err := awslocal.Start(ctx, awslocal.Config{Lambda: server})
//	env, err := aws.Environment(awslocal.Container, dir)
package awslocal

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/seed05e46011/lambda/e2e/lambdalocal"
)

// DefaultLifetime is how long credentials last unless [Config] says otherwise.
const DefaultLifetime = time.Hour

// Config says whose credentials a [Server] issues.
type Config struct {
	// Lambda is where the credentials are good, and whose signatures STS takes. Required.
	Lambda *lambdalocal.Server

	// Lifetime is how long what is issued lasts.
	//
	// Default: an hour.
	Lifetime time.Duration

	// Log takes a line for each set of credentials that is issued, without its secrets.
	//
	// Default: nil, nothing is logged.
	Log io.Writer
}

// Server is a running service. Its methods may be called from several goroutines.
type Server struct {
	config   Config
	listener net.Listener
	http     *http.Server
	served   chan struct{} // closed when nothing is served any more

	// The tokens that callers have to show.
	imdsToken, containerToken, webIdentityToken string

	mu     sync.Mutex
	outage bool
	issued []Issue
}

// Issue is one set of credentials that was given out.
type Issue struct {
	Source      Source
	AccessKeyID string // begins with ASIA and the source's name in upper case
}

// Start serves until ctx ends or [Server.Close] is called.
func Start(ctx context.Context, config Config) (*Server, error) {
	if config.Lifetime == 0 {
		config.Lifetime = DefaultLifetime
	}
	if config.Log == nil {
		config.Log = io.Discard
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for callers of AWS: %w", err)
	}
	s := &Server{
		config: config, listener: listener, served: make(chan struct{}),
		imdsToken: rand.Text(), containerToken: rand.Text(), webIdentityToken: rand.Text(),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{$}", s.serveSTS)
	mux.HandleFunc("GET "+containerPath, s.serveContainer)
	mux.HandleFunc("PUT /latest/api/token", s.serveIMDSToken)
	mux.HandleFunc("GET /latest/meta-data/", s.serveIMDS)
	s.http = &http.Server{Handler: s.unlessOutage(mux), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		defer close(s.served)
		_ = s.http.Serve(listener) // It always ends with an error.
	}()
	context.AfterFunc(ctx, func() { _ = s.Close() })
	return s, nil
}

// URL is the base URL of every service, without a slash at the end.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() }

// Close stops serving.
func (s *Server) Close() error {
	err := s.http.Close()
	<-s.served
	return err
}

// SetOutage makes every service answer 503 from now on, or serve again.
func (s *Server) SetOutage(outage bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outage = outage
}

// Issued is what was given out so far, the oldest first.
func (s *Server) Issued() []Issue {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Issue(nil), s.issued...)
}

func (s *Server) unlessOutage(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		outage := s.outage
		s.mu.Unlock()
		if outage {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// issue makes credentials that are good at the Lambda endpoint until they expire.
func (s *Server) issue(source Source) lambdalocal.Credential {
	s.mu.Lock()
	defer s.mu.Unlock()
	credential := lambdalocal.Credential{
		AccessKeyID:     fmt.Sprintf("ASIA%s%d", strings.ToUpper(string(source)), len(s.issued)+1),
		SecretAccessKey: rand.Text(),
		SessionToken:    rand.Text(),
		// As AWS has them: without fractions of a second.
		Expires: time.Now().Add(s.config.Lifetime).Truncate(time.Second).Add(time.Second),
	}
	s.config.Lambda.Grant(credential)
	s.issued = append(s.issued, Issue{source, credential.AccessKeyID})
	_, _ = fmt.Fprintf(s.config.Log, "credentials: %s issued by %s, until %s\n",
		credential.AccessKeyID, source, credential.Expires.Format(time.TimeOnly))
	return credential
}
