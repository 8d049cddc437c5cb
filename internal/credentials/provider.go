package credentials

import (
	"context"
	"crypto/sha256"
	"math/rand"
	"os"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed05e46011/lambda/internal/sigv4"
	"github.com/seed05e46011/lambda/internal/wait"
)

const (
	// refreshWindow is how long before their end credentials are refreshed. Jitter shortens it by up to a tenth, so
	// that a fleet does not ask all at once.
	refreshWindow = 5 * time.Minute

	// maxRefreshPause limits the time between two attempts within refreshWindow.
	maxRefreshPause = time.Minute

	// maxHold limits for how long requests fail without a new attempt, once there are no valid credentials and
	// freeAttempts in a row have failed. This spares the source, and requests do not wait for an error that is
	// already known.
	maxHold      = time.Second
	freeAttempts = 3

	// maxRefusalPause limits the time between two attempts while AWS keeps refusing the credentials that the source
	// returns. Refusals more than twice that apart count as unrelated.
	maxRefusalPause = 5 * time.Minute

	// maxSafetyMargin limits how long before their end credentials are no longer used: the request still has to
	// travel.
	maxSafetyMargin = 5 * time.Second

	// never is how far away the end is of credentials that do not end.
	never = 100 * 365 * 24 * time.Hour
)

// Provider returns credentials from a cache, and asks their sources for new ones in time. It is safe for concurrent
// use. Instances of the plugin share it, and it outlives them.
type Provider struct {
	id       int64
	settings *credentialSettings
	sources  []credentialSource
	until    func(t time.Time) time.Duration // settings.clock's
	current  atomic.Value                    // *keySet: never nil; empty before a source has returned one

	mu       sync.Mutex
	flight   *credentialFlight // nil: no refresh is under way
	answered *credentialSource // the source of the current credentials
	failures int               // since the last success
	lastErr  error             // of the last failure
	hold     time.Duration     // time of clock.elapsed: without valid credentials, no attempt before it

	refusals    int           // in a row, each of newer credentials than the last
	refusalHold time.Duration // time of clock.elapsed: Refused does nothing before it
}

// credentialFlight is a refresh under way. Requests without valid credentials wait for it.
type credentialFlight struct {
	done        context.Context // done once credentials and err are set
	end         context.CancelFunc
	credentials *keySet
	err         error
}

func newCredentialFlight() *credentialFlight {
	done, end := context.WithCancel(context.Background())
	return &credentialFlight{done: done, end: end}
}

// providers holds the providers by a hash of everything that they depend on, so that all handlers with the same
// source share one cache. It outlives instances and reloads of Traefik's configuration.
var providers = struct {
	sync.Mutex
	byKey map[[sha256.Size]byte]*Provider
}{}

// maxProviders limits how many providers are kept, since each rotated key in the configuration adds one. Handlers
// keep the provider that they have.
const maxProviders = 256

// New returns the provider for config. Equal settings share one. A nil config means no options. region is that of the
// function, where STS is called, or "" if it is not known. warn logs options that are allowed but dangerous. log logs
// changes in the state of a source; a shared provider uses the first log that it was given. New asks no source. Its
// error names the option that is wrong.
func New(config *Config, region string, warn, log func(line string)) (*Provider, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	options := config.trimmed()
	if host, ok := hostInClear(options.StsEndpoint); ok {
		warn("credentials.stsEndpoint " + host + ": http:// sends tokens and credentials in clear text: use https://")
	}
	settings := &credentialSettings{
		options:   options,
		region:    region,
		clock:     systemClock,
		timeout:   sourceTimeout,
		linkLocal: linkLocalTransport,
		remote:    remoteTransport,
		log:       log,
	}
	if !options.assumesRole() {
		return sharedProvider(settings), nil
	}
	base := *settings
	base.options = options.withoutRole()
	settings.base = sharedProvider(&base)
	return sharedProvider(settings), nil
}

// sharedProvider returns the provider for settings. Equal settings share one.
func sharedProvider(s *credentialSettings) *Provider {
	key := sha256.Sum256([]byte(strings.Join(identity(s), "\x00")))
	providers.Lock()
	defer providers.Unlock()
	p, ok := providers.byKey[key]
	if !ok {
		if providers.byKey == nil || len(providers.byKey) >= maxProviders {
			providers.byKey = map[[sha256.Size]byte]*Provider{}
		}
		p = newUnsharedProvider(s)
		providers.byKey[key] = p
	}
	return p
}

// identity lists everything that the credentials of settings depend on. The region counts only if STS may be called:
// one role of an instance serves functions in all regions.
func identity(s *credentialSettings) []string {
	id := s.options.values()
	if s.base != nil || mayCallSTS(s.options) {
		id = append(id, s.region)
	}
	if !s.options.hasKeys() || s.base != nil {
		id = append(id, awsEnvironment()...)
	}
	return id
}

// awsEnvironment lists the variables that sources may read.
func awsEnvironment() []string {
	var variables []string
	for _, variable := range os.Environ() {
		if strings.HasPrefix(variable, "AWS_") || strings.HasPrefix(variable, "HOME=") {
			variables = append(variables, variable)
		}
	}
	sort.Strings(variables) // Yaegi lists them in any order
	return variables
}

// made counts the providers of the process. Their ids come from it.
var made int64

// ID returns a number that is unique to the provider. Whatever was learnt with a provider's credentials holds for
// that number.
func (p *Provider) ID() int64 { return p.id }

func newUnsharedProvider(s *credentialSettings) *Provider {
	p := &Provider{id: atomic.AddInt64(&made, 1), settings: s, until: s.clock.until}
	p.sources = credentialSources(s.options)
	if s.base != nil {
		p.sources = []credentialSource{{"role " + s.options.RoleArn, assumedRoleCredentials}}
	}
	p.current.Store(&keySet{})
	return p
}

// Retrieve returns valid credentials, and for how long they can sign. The caller must not change them. Retrieve waits
// only if there are no valid credentials; those that end soon are refreshed in the background. The error is fit for
// the log: it lists why each source returned none, or is that of ctx.
func (p *Provider) Retrieve(ctx context.Context) (*sigv4.Credentials, time.Duration, error) {
	c, err := retrieve(ctx, p)
	if err != nil {
		return nil, 0, err
	}
	usable := p.until(c.usableUntil)
	return &c.keys, usable, nil
}

func retrieve(ctx context.Context, p *Provider) (*keySet, error) {
	c := p.current.Load().(*keySet)
	if !due(p, c) {
		return c, nil
	}
	return retrieveDue(ctx, p)
}

// due reports whether c has to be refreshed.
func due(p *Provider, c *keySet) bool {
	return p.until(c.refreshAt) <= 0 || p.settings.clock.elapsed() >= c.recheckAt
}

// retrieveDue starts a refresh unless one is under way, and waits for it if there are no valid credentials.
func retrieveDue(ctx context.Context, p *Provider) (*keySet, error) {
	c, flight, lastErr := joinRefresh(p)
	if c != nil {
		return c, nil
	}
	if flight == nil {
		return nil, lastErr
	}
	if !wait.For(ctx, flight.done) {
		return nil, ctx.Err()
	}
	return flight.credentials, flight.err
}

// joinRefresh returns the valid credentials, nil for none, and the refresh under way, which it starts if one is due.
// It returns neither if it is too early for another attempt after lastErr.
func joinRefresh(p *Provider) (c *keySet, flight *credentialFlight, lastErr error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c = p.current.Load().(*keySet)
	valid := p.until(c.usableUntil) > 0
	held := !valid && p.settings.clock.elapsed() < p.hold
	if p.flight == nil && !held && due(p, c) {
		p.flight = newCredentialFlight()
		go refresh(p, p.flight)
	}
	if !valid {
		c = nil
	}
	return c, p.flight, p.lastErr
}

// refusals are the error codes by which AWS, STS and Lambda refuse the credentials themselves, whatever they sign.
var refusals = map[string]bool{
	"ExpiredToken":                true,
	"ExpiredTokenException":       true,
	"InvalidClientTokenId":        true,
	"InvalidSignatureException":   true,
	"SignatureDoesNotMatch":       true,
	"UnrecognizedClientException": true,
}

// Refused takes the error code with which AWS answered a request that c signed, and reports whether the code is about
// c rather than about the request. If it is, c was revoked or replaced early: the provider asks its source again in
// the background. It does so at once and then, while AWS keeps refusing, after pauses that double from a second to
// maxRefusalPause.
func (p *Provider) Refused(c *sigv4.Credentials, code string) bool {
	if refusals[code] {
		refused(p, c)
		return true
	}
	return false
}

func refused(p *Provider, c *sigv4.Credentials) {
	p.mu.Lock()
	defer p.mu.Unlock()
	current := p.current.Load().(*keySet)
	elapsed := p.settings.clock.elapsed()
	if current.keys != *c || elapsed < p.refusalHold {
		return
	}
	if elapsed > p.refusalHold+2*maxRefusalPause {
		p.refusals = 0
	}
	p.refusalHold = elapsed + doubling(time.Second, p.refusals, maxRefusalPause)
	p.refusals++
	p.current.Store(withTimes(current, current.refreshAt, elapsed, current.usableUntil))
}

// refresh asks the sources once and ends the flight. It runs in its own goroutine, where a panic would end Traefik.
func refresh(p *Provider, flight *credentialFlight) {
	defer func() {
		if r := recover(); r != nil {
			logf(p.settings, "panic in a refresh: %v", r)
		}
	}()
	c, source, err := retrieveFrom(sourcesToAsk(p), p.settings)
	failuresBefore := settle(p, flight, c, source, err)
	switch {
	case err == nil && failuresBefore > 0:
		logf(p.settings, "%s answers again", source.name)
	case err != nil && failuresBefore == 0 && flight.credentials != nil:
		// Without valid credentials the requests fail, and log it themselves.
		logf(p.settings, "no refresh, those at hand are used until %s: %v",
			flight.credentials.usableUntil.UTC().Format(time.RFC3339), err)
	}
}

// sourcesToAsk returns the sources of a refresh. While there are valid credentials it is only their own source: a
// file that is just being written must not lead to another identity.
func sourcesToAsk(p *Provider) []credentialSource {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.answered != nil && p.until(p.current.Load().(*keySet).usableUntil) > 0 {
		return []credentialSource{*p.answered}
	}
	return p.sources
}

// settle ends a refresh. It returns how many refreshes in a row had failed before it.
func settle(p *Provider, flight *credentialFlight, c *keySet, source *credentialSource, err error) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	failuresBefore := p.failures
	if err == nil {
		settleAnswer(p, c, source)
	} else {
		settleFailure(p, err)
	}
	flight.err = err
	current := p.current.Load().(*keySet)
	if err == nil || p.until(current.usableUntil) > 0 {
		flight.credentials = current
		flight.err = nil
	}
	p.flight = nil
	flight.end()
	return failuresBefore
}

// settleAnswer makes c the current credentials. It strips the monotonic part of times (Round): the monotonic clock
// stands still while the machine sleeps, and credentials expire meanwhile.
func settleAnswer(p *Provider, c *keySet, source *credentialSource) {
	now := p.settings.clock.now().Round(0)
	hadValid := p.until(p.current.Load().(*keySet).usableUntil) > 0
	p.answered = source
	p.failures = 0
	p.lastErr = nil
	p.hold = 0
	refreshIn := never
	usable := never
	if expires := effectiveExpiry(c, now); !expires.IsZero() {
		life := expires.Sub(now)
		usable = life - shorter(maxSafetyMargin, life/10)
		refreshIn = life - refreshWindow + randomUpTo(refreshWindow/10)
	}
	recheckIn := never
	if c.recheck > 0 {
		recheckIn = c.recheck
	}
	if refreshIn <= 0 && hadValid {
		// The source keeps returning credentials that end soon. The pause halves as the end comes near.
		refreshIn = usable
		recheckIn = shorter(recheckIn, shorter(usable/2, maxRefreshPause))
	}
	p.current.Store(withTimes(c, now.Add(refreshIn), p.settings.clock.elapsed()+recheckIn, now.Add(usable)))
}

// settleFailure keeps the current credentials and sets the time of the next attempt.
func settleFailure(p *Provider, err error) {
	now := p.settings.clock.now().Round(0)
	p.failures++
	p.lastErr = err
	if p.failures >= freeAttempts {
		p.hold = p.settings.clock.elapsed() + doubling(50*time.Millisecond, p.failures-freeAttempts, maxHold)
	}
	c := p.current.Load().(*keySet)
	usableUntil := c.usableUntil
	if c.outlivesOutage && p.until(usableUntil) < refreshWindow {
		usableUntil = outageExtension(now)
	}
	usable := p.until(usableUntil)
	if usable > 0 {
		pause := doubling(time.Second, p.failures-1, maxRefreshPause)
		p.current.Store(withTimes(c, usableUntil, p.settings.clock.elapsed()+shorter(pause, usable/2), usableUntil))
	}
}

// effectiveExpiry returns the end of c, zero for none.
func effectiveExpiry(c *keySet, now time.Time) time.Time {
	if c.outlivesOutage && !c.expires.After(now) {
		return outageExtension(now)
	}
	return c.expires
}

// outageExtension returns until when credentials of a failing source are used after their end. AWS accepts those of
// an instance's role for longer, and its SDKs rely on that in the same way.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-static-credentials.html
func outageExtension(now time.Time) time.Time {
	return now.Add(5*time.Minute + randomUpTo(10*time.Minute))
}

// withTimes returns c with the cache's times set.
func withTimes(c *keySet, refreshAt time.Time, recheckAt time.Duration, usableUntil time.Time) *keySet {
	timed := *c
	timed.refreshAt = refreshAt
	timed.recheckAt = recheckAt
	timed.usableUntil = usableUntil
	return &timed
}

// doubling returns first, doubled as many times as given, but at most longest.
func doubling(first time.Duration, times int, longest time.Duration) time.Duration {
	d := first
	for i := 0; i < times && d < longest; i++ {
		d *= 2
	}
	return shorter(d, longest)
}

// randomUpTo returns a random duration below d, so that many callers do not act at the same moment.
func randomUpTo(d time.Duration) time.Duration {
	return time.Duration(rand.Int63n(int64(d))) //nolint:gosec // guessing it gains nothing
}

func shorter(a, b time.Duration) time.Duration {
	if a < b {
		return a
	}
	return b
}

// Expiry is the time when the credentials of a source end.
type Expiry struct {
	Source string // as the log names it: "container"
	Time   time.Time
}

// forgottenAfter is how long after their end Expiries still lists credentials.
const forgottenAfter = time.Hour

// Expiries returns the end of the credentials that providers hold now, the earliest for each source. Credentials that
// do not expire are left out. So are those that ended over an hour ago: no request has needed new ones since.
func Expiries() []Expiry {
	ends := map[string]time.Time{}
	for _, p := range all() {
		source, end, ok := expiryOf(p)
		if !ok {
			continue
		}
		if known, found := ends[source]; found && known.Before(end) {
			continue
		}
		ends[source] = end
	}
	sources := make([]string, 0, len(ends))
	for source := range ends {
		sources = append(sources, source)
	}
	sort.Strings(sources)
	list := make([]Expiry, 0, len(sources))
	for _, source := range sources {
		list = append(list, Expiry{Source: source, Time: ends[source]})
	}
	return list
}

func all() []*Provider {
	providers.Lock()
	defer providers.Unlock()
	list := make([]*Provider, 0, len(providers.byKey))
	for _, p := range providers.byKey {
		list = append(list, p)
	}
	return list
}

// expiryOf returns the source of a provider's credentials and their end. If the source fails and they are used for
// longer, it returns the later end.
func expiryOf(p *Provider) (string, time.Time, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.current.Load().(*keySet)
	if p.answered == nil || c.expires.IsZero() {
		return "", time.Time{}, false
	}
	end := c.expires
	if c.outlivesOutage && c.usableUntil.After(end) {
		end = c.usableUntil
	}
	return p.answered.name, end, p.until(end) > -forgottenAfter
}
