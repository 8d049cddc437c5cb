// Package credentials finds AWS credentials where AWS's SDKs look for them: options, environment, web identity,
// shared files, containers and EC2 instances. It can assume a role with them. A Provider caches and refreshes them.
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

// keySet holds the credentials that a source returned, and how long they last. It is not changed once it is shared.
// Never print or marshal a keySet as a whole: under Yaegi neither unexported fields nor a String method would hide
// the secret.
type keySet struct {
	keys    sigv4.Credentials
	expires time.Time // zero: never

	// recheck is the time after which the source is asked again even if nothing expires, because files change without
	// notice. 0 means never.
	recheck time.Duration

	// outlivesOutage allows the use of the credentials after expires while their source fails.
	outlivesOutage bool

	// The cache sets these times (provider.go). It asks the source again from refreshAt on, which is never after
	// usableUntil, and from recheckAt on. Requests are signed with these keys until usableUntil.
	refreshAt   time.Time     // wall clock, like expires
	recheckAt   time.Duration // time of clock.elapsed
	usableUntil time.Time
}

// credentialSource is one place to look for credentials.
type credentialSource struct {
	name string // as log lines show it

	// retrieve asks the source. If the source is not set up at all, it returns an error that wraps errNotSetUp, and
	// the next source is asked. Any other error ends the search, as in AWS's SDKs: if a source is set up and fails,
	// the operator needs to see that failure, and not to be served with another identity.
	retrieve func(ctx context.Context, s *credentialSettings) (*keySet, error)
}

var (
	errNoCredentials = errors.New("no credentials")
	errNotSetUp      = errors.New("not set up")
)

// credentialSettings holds everything that the sources depend on.
type credentialSettings struct {
	options   *Config
	region    string // the region of STS; "" if it is not known
	clock     clock
	timeout   time.Duration     // limits one question to one source, retries included
	linkLocal http.RoundTripper // for metadata services on the host; uses no proxy
	remote    http.RoundTripper // for all other services
	base      *Provider         // provides the credentials that assume options.RoleArn
	log       func(line string) // writes a line for the operator
}

// clock tells the time. Tests replace it.
type clock struct {
	now   func() time.Time
	until func(t time.Time) time.Duration // one call is cheaper than now and a subtraction

	// elapsed is a time that never goes back, counted from an arbitrary start. Pauses are measured with it: if
	// somebody sets the wall clock back by an hour, a pause of a second must not last an hour.
	elapsed func() time.Duration
}

var systemClock = clock{now: time.Now, until: time.Until, elapsed: sinceStart}

var started = time.Now()

func sinceStart() time.Duration { return time.Since(started) }

// credentialSources returns the places to look, in the order of AWS's SDKs. If an option names a source, the sources
// before it are left out.
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

// retrieveFrom asks the sources in order and returns the first credentials, with their source. The error lists why
// each source that was asked returned none.
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

// sourceTimeout is the timeout in credentialSettings. Tests set shorter ones.
const sourceTimeout = 5 * time.Second

// askSource asks one source. It uses its own context: the request that needs the credentials may be cancelled while
// others wait for the same credentials.
func askSource(source *credentialSource, s *credentialSettings) (c *keySet, err error) {
	// It runs in its own goroutine, where a panic would end Traefik.
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

// checkCredentials refuses credentials that cannot sign a request.
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

// logf logs a change in the state of a provider.
func logf(s *credentialSettings, format string, args ...any) {
	s.log(fmt.Sprintf("credentials: "+format, args...))
}
