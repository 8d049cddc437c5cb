// Package xray makes the X-Amzn-Trace-Id of calls to Lambda.
//
// The header is built from parsed fields and never copied: a client must neither force traces, which cost money, nor
// prevent them. Any client may name the trace (Root). The caller's segment (Parent) and the decision to sample
// (Sampled) count only if they come from a trusted peer.
// https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
package xray

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"github.com/seed05e46011/lambda/internal/bracket"
	"github.com/seed05e46011/lambda/internal/option"
)

// HeaderName is the header's name in its canonical form, which differs from how AWS writes it.
const HeaderName = "X-Amzn-Trace-Id"

// maxHeaderBytes bounds the header that is parsed. A longer one is malformed.
const maxHeaderBytes = 512

// Tracer makes the trace headers of one middleware. It is safe for concurrent use.
type Tracer struct {
	trusted []netip.Prefix
	now     func() time.Time
}

// New returns the tracer for the option xrayTrustedIPs: the addresses and CIDR ranges of the TCP peers whose Parent
// and Sampled count. Without any, none do.
func New(trustedIPs []string) (*Tracer, error) {
	trusted, err := option.Prefixes("xrayTrustedIPs", trustedIPs)
	if err != nil {
		return nil, err
	}
	return &Tracer{trusted: trusted, now: time.Now}, nil
}

// Bracket puts a trace header into each request's notes, and into its header in place of the client's. It belongs
// around all other brackets, so that authorizer, hooks and function are called in one trace.
func (t *Tracer) Bracket(next http.Handler) http.Handler {
	return &tracing{tracer: t, next: next}
}

type tracing struct {
	tracer *Tracer
	next   http.Handler
}

// ServeHTTP hands on a copy of the request, since the caller's must not change.
func (h *tracing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := h.tracer.Header(r)
	traced, notes := bracket.Begin(r)
	notes.TraceHeader = header
	traced = traced.WithContext(traced.Context())
	traced.Header = r.Header.Clone()
	traced.Header[HeaderName] = []string{header}
	h.next.ServeHTTP(w, traced)
}

// Header returns the trace header of the calls for a request.
func (t *Tracer) Header(r *http.Request) string {
	values := r.Header[HeaderName]
	if len(values) != 1 {
		return NewHeader(t.now())
	}
	sent, ok := parse(values[0])
	if !ok {
		return NewHeader(t.now())
	}
	if !t.trusts(r.RemoteAddr) {
		return build(fields{root: sent.root})
	}
	if !wellFormed(sent) {
		return NewHeader(t.now())
	}
	return build(sent)
}

// trusts reports whether a TCP peer is one of xrayTrustedIPs.
func (t *Tracer) trusts(remoteAddr string) bool {
	if len(t.trusted) == 0 {
		return false
	}
	peer, err := netip.ParseAddrPort(remoteAddr)
	if err != nil {
		return false
	}
	addr := peer.Addr().Unmap().WithZone("")
	for _, prefix := range t.trusted {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// NewHeader returns the header of a new trace, for a call that no request caused: a probe, or a refresh of the cache.
// The function's own settings decide whether it is sampled.
func NewHeader(now time.Time) string {
	random := make([]byte, 12)
	_, _ = rand.Read(random)                                                             // never fails (crypto/rand)
	return fmt.Sprintf("Root=1-%08x-%s", uint32(now.Unix()), hex.EncodeToString(random)) //nolint:gosec // 8 digits, up to 2106
}

// fields are the parts of a trace header that are read. All others, such as Self and Lineage, are dropped.
type fields struct {
	root    string
	parent  string // "" where the header has none
	sampled string // "" likewise
}

// parse reads a header. It returns false if the header has no valid Root, is too long, or repeats a field, since then
// two readers may choose differently. The other values are the client's, unchecked.
func parse(value string) (fields, bool) {
	if len(value) > maxHeaderBytes {
		return fields{}, false
	}
	seen := map[string]string{}
	for _, part := range strings.Split(value, ";") {
		name, text, _ := strings.Cut(strings.TrimSpace(part), "=")
		if _, twice := seen[name]; twice && name != "" {
			return fields{}, false
		}
		seen[name] = text
	}
	valid := validRoot(seen["Root"])
	return fields{root: seen["Root"], parent: seen["Parent"], sampled: seen["Sampled"]}, valid
}

var (
	rootPattern   = regexp.MustCompile(`^1-[0-9a-f]{8}-[0-9a-f]{24}$`)
	parentPattern = regexp.MustCompile(`^[0-9a-f]{16}$`)
)

const (
	noTime   = "1-00000000-"
	noTrace  = "-000000000000000000000000"
	noParent = "0000000000000000"
)

func validRoot(root string) bool {
	return rootPattern.MatchString(root) && !strings.HasPrefix(root, noTime) && !strings.HasSuffix(root, noTrace)
}

// wellFormed reports whether Parent and Sampled are absent or valid. "Sampled=?" asks for a decision
// and is valid.
func wellFormed(f fields) bool {
	if f.parent != "" && (!parentPattern.MatchString(f.parent) || f.parent == noParent) {
		return false
	}
	return f.sampled == "" || f.sampled == "0" || f.sampled == "1" || f.sampled == "?"
}

// build returns the header of fields that are known to be well-formed.
func build(f fields) string {
	header := "Root=" + f.root
	if f.parent != "" {
		header += ";Parent=" + f.parent
	}
	if f.sampled == "0" || f.sampled == "1" {
		header += ";Sampled=" + f.sampled
	}
	return header
}
