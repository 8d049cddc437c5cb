// Package credentials finds AWS credentials where AWS's SDKs find them: options, environment, web identity, shared files,
// containers and EC2 instances, and roles that are assumed with what was found. A Provider caches and refreshes them.
package credentials

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/seed05e46011/lambda/internal/sigv4"
)

// keySet is what a source answers: credentials and how long they last. It is never changed once it is shared. A value of
// this type is never printed or marshalled as a whole: under Yaegi neither unexported fields nor
// a String method would keep the secret.
type keySet struct {
	keys    sigv4.Credentials
	expires time.Time // zero: never

	// recheck is after how long the source is asked again although nothing expires: files change
	// without notice. 0: never.
	recheck time.Duration

	// outlivesOutage lets the credentials be used past expires while their source is out of order.
	outlivesOutage bool

	// What the cache decides (provider.go). The source is asked anew from refreshAt on, which is never after usableUntil,
	// and from recheckAt on. These are signed with until usableUntil at most.
	refreshAt   time.Time     // of the wall clock, as expiry is
	recheckAt   time.Duration // of clock.elapsed
	usableUntil time.Time
}

// credentialSource is one place where credentials may be found.
type credentialSource struct {
	name string // what a log line calls it

	// retrieve asks the source. It returns errNotSetUp, wrapped, where the source is not set up
	// at all: the next one is asked. Any other error ends the search, as in AWS's SDKs: who set a
	// source up wants to know that it fails, not be served by another one.
	retrieve func(ctx context.Context, s *credentialSettings) (*keySet, error)
}

var (
	errNoCredentials = errors.New("no credentials")
	errNotSetUp      = errors.New("not set up")
)

// credentialSettings is all that the sources depend on.
type credentialSettings struct {
	options   *Config
	region    string // whose STS is called; "" where it is not known
	clock     clock
	timeout   time.Duration     // bounds all that one source does for one answer
	linkLocal http.RoundTripper // for the metadata services of a host: no proxy
	remote    http.RoundTripper // for all else
	base      *Provider         // whose credentials assume options.RoleARN
	log       func(line string) // takes a line for the operator
}

// clock is the time. Tests have their own.
type clock struct {
	now   func() time.Time
	until func(t time.Time) time.Duration // one call is cheaper than now and a subtraction

	// elapsed is a time that only ever goes on, and is counted from any start. What waits does so by it: a wall clock
	// that is set back by an hour must not make an hour out of a second.
	elapsed func() time.Duration
}

var systemClock = clock{now: time.Now, until: time.Until, elapsed: sinceStart}

var started = time.Now()

func sinceStart() time.Duration { return time.Since(started) }

// credentialSources returns the places to look at, in the order of AWS's SDKs. An option that
// names a source leaves out what would come before it.
func credentialSources(options *Config) []credentialSource {
	sharedFiles := credentialSource{"shared files", sharedFileCredentials}
	container := credentialSource{"container", containerCredentials}
	imds := credentialSource{"EC2 instance metadata", imdsCredentials}
	switch {
	case options.hasKeys():
		return []credentialSource{{"options", staticCredentials}}
	case options.WebIdentityTokenFile != "":
		return []credentialSource{{"web identity", webIdentityCredentials}}
	case options.namesSharedFiles():
		return []credentialSource{sharedFiles, container, imds}
	default:
		return []credentialSource{
			{"environment", environmentCredentials},
			{"web identity", webIdentityCredentials},
			sharedFiles,
			container,
			imds,
		}
	}
}

// retrieveFrom asks the sources in their order, and returns the one that answered. The error
// says of each that was asked why it did not.
func retrieveFrom(sources []credentialSource, s *credentialSettings) (*keySet, *credentialSource, error) {
	var reasons []string
	for i := range sources {
		c, err := askSource(&sources[i], s)
		if err == nil {
			return c, &sources[i], nil
		}
		reasons = append(reasons, sources[i].name+": "+err.Error())
		if !errors.Is(err, errNotSetUp) {
			break
		}
	}
	return nil, nil, fmt.Errorf("%w: %s", errNoCredentials, strings.Join(reasons, "; "))
}

// sourceTimeout is credentialSettings.timeout but in tests.
const sourceTimeout = 5 * time.Second

// askSource asks one source. It has its own time: the request that needs the credentials may be
// cancelled, others wait for the same answer.
func askSource(source *credentialSource, s *credentialSettings) (c *keySet, err error) {
	// It runs in a goroutine of its own, where a panic would end Traefik.
	defer func() {
		if p := recover(); p != nil {
			c = nil
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), s.timeout)
	defer cancel()
	c, err = source.retrieve(ctx, s)
	if err != nil {
		return nil, err
	}
	return c, checkCredentials(c, s.clock.now())
}

// checkCredentials refuses what no request can be signed with.
func checkCredentials(c *keySet, now time.Time) error {
	switch {
	case c.keys.AccessKeyID == "" || c.keys.SecretAccessKey == "":
		return errors.New("the access key id or the secret access key is empty")
	case strings.ContainsAny(c.keys.AccessKeyID+c.keys.SecretAccessKey+c.keys.SessionToken, "\r\n"):
		return errors.New("a value has a line break")
	case !c.outlivesOutage && !c.expires.IsZero() && !c.expires.After(now):
		return fmt.Errorf("what it answered expired at %s", c.expires.UTC().Format(time.RFC3339))
	}
	return nil
}

// logf tells the operator that the state of a provider has changed.
func logf(s *credentialSettings, format string, args ...any) {
	s.log(fmt.Sprintf("credentials: "+format, args...))
}
