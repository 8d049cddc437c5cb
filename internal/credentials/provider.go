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
	// refreshWindow is how long before their end credentials are asked for anew. Jitter takes up
	// to a tenth of it away, so that a fleet does not ask all at once.
	refreshWindow = 5 * time.Minute

	// maxRefreshPause bounds the time between two attempts within refreshWindow.
	maxRefreshPause = time.Minute

	// maxHold bounds for how long requests fail without a new attempt, where there is no valid
	// credential and freeAttempts in a row have failed: the source is spared, and a request does
	// not wait for an answer that is known.
	maxHold      = time.Second
	freeAttempts = 3

	// maxRefusalPause bounds the time between two attempts where AWS goes on refusing what the source answers. Refusals
	// further apart than twice that have nothing to do with each other.
	maxRefusalPause = 5 * time.Minute

	// maxSafetyMargin bounds how long before their end credentials are no longer signed with, as
	// the request is still to travel.
	maxSafetyMargin = 5 * time.Second

	// never is the end of what does not end.
	never = 100 * 365 * 24 * time.Hour
)

// Provider returns credentials out of a cache before their sources. It is safe for concurrent use, and outlives the
// instances of the plugin that share it.
type Provider struct {
	id       int64
	settings *credentialSettings
	sources  []credentialSource
	until    func(t time.Time) time.Duration // settings.clock's
	current  atomic.Value                    // *keySet, never nil, empty before the first answer

	mu       sync.Mutex
	flight   *credentialFlight // nil: no refresh is under way
	answered *credentialSource // which source the current credentials are from
	failures int               // since the last answer
	lastErr  error             // of the last failure
	hold     time.Duration     // of clock.elapsed: no attempt before, where there are no valid credentials

	refusals    int           // in a row, each of newer credentials than the one before
	refusalHold time.Duration // of clock.elapsed: Refused does nothing before
}

// credentialFlight is a refresh under way, that all wait for who have no valid credential.
type credentialFlight struct {
	done        context.Context // ends when the two below are set
	end         context.CancelFunc
	credentials *keySet
	err         error
}

func newCredentialFlight() *credentialFlight {
	done, end := context.WithCancel(context.Background())
	return &credentialFlight{done: done, end: end}
}

// providers keeps the providers over instances and reloads of Traefik's configuration,
// by a hash of all that they depend on: every handler on the same source shares one cache.
var providers = struct {
	sync.Mutex
	byKey map[[sha256.Size]byte]*Provider
}{}

// maxProviders bounds what rotated keys in the configuration leave behind. Handlers
// keep the provider that they have.
const maxProviders = 256

// New returns the provider for config, the same one for equal settings. A nil config is one without options. region is
// that of the function, empty where it is not known: STS is called there. warn takes a line about what is allowed and
// dangerous, log one about the state of a source; the lines of a provider that is shared go to the first log that it was
// given. No source is asked before Retrieve. The error names the option that is wrong.
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

// sharedProvider returns the provider for settings, the same one for the same settings.
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

// identity lists all that the credentials of settings depend on. The region is part of it only
// where STS may be called: one role of an instance serves functions in all regions.
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
	sort.Strings(variables) // Yaegi has them in any order
	return variables
}

// made counts the providers of the process, for their ids.
var made int64

// ID returns a number that tells the provider from all others: what was found out with its credentials holds for those of
// the same number.
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

// Retrieve returns valid credentials, which must not be changed, and for how long they can be signed with. It waits
// only where there are none; those that end soon are refreshed in the background. The error is for the log: it says
// which sources were asked and why each did not answer, or that ctx has ended.
func (p *Provider) Retrieve(ctx context.Context) (*sigv4.Credentials, time.Duration, error) {
	c, err := retrieve(ctx, p)
	if err != nil {
		return nil, 0, err
	}
	return &c.keys, p.until(c.usableUntil), nil
}

func retrieve(ctx context.Context, p *Provider) (*keySet, error) {
	c := p.current.Load().(*keySet)
	if !due(p, c) {
		return c, nil
	}
	return retrieveDue(ctx, p)
}

// due reports whether the source is to be asked for others than c.
func due(p *Provider, c *keySet) bool {
	return p.until(c.refreshAt) <= 0 || p.settings.clock.elapsed() >= c.recheckAt
}

// retrieveDue sees to it that a refresh is under way, and waits for it if it must.
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

// joinRefresh returns the valid credentials, nil for none, and the refresh under way, which it
// starts if one is due. nil for both: it is too early for another attempt after lastErr.
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

// refusals are the errors with which AWS, STS and Lambda say that they do not take the credentials
// that signed, whatever they are used for.
var refusals = map[string]bool{
	"ExpiredToken":                true,
	"ExpiredTokenException":       true,
	"InvalidClientTokenId":        true,
	"InvalidSignatureException":   true,
	"SignatureDoesNotMatch":       true,
	"UnrecognizedClientException": true,
}

// Refused tells that AWS answered a request that c signed with an error of this code, and reports whether the code is
// about c, and not about what was asked for. If so, c was revoked or replaced before its time: its source is asked anew
// in the background, at once and, as long as AWS refuses what it answers, after pauses that double from a second to
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

// refresh asks the sources once, and tells all who wait. It runs in a goroutine of its own, where
// a panic would end Traefik.
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
		// Where no credentials are valid, the requests that fail tell of it.
		logf(p.settings, "no refresh, those at hand are used until %s: %v",
			flight.credentials.usableUntil.UTC().Format(time.RFC3339), err)
	}
}

// sourcesToAsk returns the sources of a refresh. As long as there are valid credentials, it is
// the one that they are from: a file that is just being written must not let another identity
// sign.
func sourcesToAsk(p *Provider) []credentialSource {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.answered != nil && p.until(p.current.Load().(*keySet).usableUntil) > 0 {
		return []credentialSource{*p.answered}
	}
	return p.sources
}

// settle ends a refresh with its outcome, and returns how many before it failed in a row.
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

// settleAnswer makes c the current credentials. Times are kept without their monotonic part
// (Round): that clock stands still while the machine sleeps, and the credentials expire.
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
		// The source goes on answering what ends soon. The pause halves as the end comes near.
		refreshIn = usable
		recheckIn = shorter(recheckIn, shorter(usable/2, maxRefreshPause))
	}
	p.current.Store(withTimes(c, now.Add(refreshIn), p.settings.clock.elapsed()+recheckIn, now.Add(usable)))
}

// settleFailure keeps the current credentials, and sets when to try again.
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

// outageExtension returns until when credentials are used that their source, out of order, could
// not replace: AWS's services take those of an instance's role for longer, and its SDKs count on
// it in the same way.
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

// doubling returns first, doubled times times, at most longest.
func doubling(first time.Duration, times int, longest time.Duration) time.Duration {
	d := first
	for i := 0; i < times && d < longest; i++ {
		d *= 2
	}
	return shorter(d, longest)
}

// randomUpTo returns a duration below d: what many do at a time, each does at another.
func randomUpTo(d time.Duration) time.Duration {
	return time.Duration(rand.Int63n(int64(d))) //nolint:gosec // nobody gains by a guess
}

func shorter(a, b time.Duration) time.Duration {
	if a < b {
		return a
	}
	return b
}

// Expiry is when the credentials of a source end.
type Expiry struct {
	Source string // as the log names it: "container"
	Time   time.Time
}

// forgottenAfter is how long after their end credentials are told of by Expiries.
const forgottenAfter = time.Hour

// Expiries returns when the credentials end that providers have now, the first to end of each source. Those that do not
// expire are left out, and so are those that ended an hour ago: since then nobody has asked for new ones.
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

// expiryOf returns the source of a provider's credentials, and when they end: when the source said, or, where they are
// used beyond that because the source fails, when that is over.
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
