package credentials

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed05e46011/lambda/internal/sigv4"
)

// testClock is a clock that the test moves.
type testClock struct {
	mu     sync.Mutex
	now    time.Time
	jumped time.Duration // what of now is no time that has passed
}

func (c *testClock) time() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *testClock) until(t time.Time) time.Duration { return t.Sub(c.time()) }

func (c *testClock) set(t time.Time) {
	c.mu.Lock()
	c.now = t
	c.mu.Unlock()
}

// jump sets the wall clock forward or back without letting time pass.
func (c *testClock) jump(d time.Duration) {
	c.mu.Lock()
	c.now = c.now.Add(d)
	c.jumped += d
	c.mu.Unlock()
}

func (c *testClock) elapsed() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now.Sub(testNow) - c.jumped
}

// scriptedSource gives the answers of the test's script.
type scriptedSource struct {
	mu     sync.Mutex
	answer *keySet
	err    error
	asked  int
	gate   chan struct{} // nil, or what an answer waits for
}

func (s *scriptedSource) retrieve(_ context.Context, _ *credentialSettings) (*keySet, error) {
	s.mu.Lock()
	s.asked++
	answer := s.answer
	err := s.err
	gate := s.gate
	s.mu.Unlock()
	if gate != nil {
		<-gate
	}
	return answer, err
}

func (s *scriptedSource) set(answer *keySet, err error) {
	s.mu.Lock()
	s.answer = answer
	s.err = err
	s.mu.Unlock()
}

func (s *scriptedSource) timesAsked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// scriptedProvider returns a provider with one source and a clock, both controlled by the test.
func scriptedProvider(c *testClock, sources ...*scriptedSource) *Provider {
	settings := &credentialSettings{
		options: &Config{},
		clock:   clock{now: c.time, until: c.until, elapsed: c.elapsed},
		timeout: sourceTimeout,
		log:     func(_ string) {},
	}
	p := newUnsharedProvider(settings)
	p.sources = nil
	for _, s := range sources {
		p.sources = append(p.sources, scripted(s))
	}
	return p
}

func scripted(s *scriptedSource) credentialSource {
	return credentialSource{"script", s.retrieve}
}

// settled waits for the refresh under way, if there is one.
func settled(p *Provider) {
	p.mu.Lock()
	flight := p.flight
	p.mu.Unlock()
	if flight != nil {
		<-flight.done.Done()
	}
}

// key returns a set of credentials that ends at the given time after testNow; never for 0.
func key(id string, end time.Duration) *keySet {
	c := &keySet{keys: sigv4.Credentials{AccessKeyID: id, SecretAccessKey: testSecret, SessionToken: testToken}}
	if end > 0 {
		c.expires = testNow.Add(end)
	}
	return c
}

// fromFile and fromInstance mark credentials as those of a file and of an instance.
func fromFile(c *keySet) *keySet {
	c.recheck = fileRecheck
	return c
}

func fromInstance(c *keySet) *keySet {
	c.recheck = imdsRecheck
	c.outlivesOutage = true
	return c
}

// step is one request in a script.
type step struct {
	at        time.Duration // after testNow
	answer    *keySet       // what the source answers from now on; nil: as before
	fails     bool          // the source fails from now on
	wantKey   string        // that signs; "" for an error
	wantAsked int           // how often the source was asked so far, once a refresh is done
}

var errSource = errors.New("the source is out of order")

func TestCredentialCache(t *testing.T) {
	const m = time.Minute
	tests := map[string][]step{
		"long-term keys are asked for once": {
			{at: 0, answer: key("A", 0), wantKey: "A", wantAsked: 1},
			{at: 5 * 365 * 24 * time.Hour, wantKey: "A", wantAsked: 1},
		},
		"a file is read again after seconds, while requests go on": {
			{at: 0, answer: fromFile(key("A", 0)), wantKey: "A", wantAsked: 1},
			{at: 4 * time.Second, answer: fromFile(key("B", 0)), wantKey: "A", wantAsked: 1},
			{at: 6 * time.Second, wantKey: "A", wantAsked: 2},
			{at: 7 * time.Second, wantKey: "B", wantAsked: 2},
		},
		"a file that is being written does not count": {
			{at: 0, answer: fromFile(key("A", 0)), wantKey: "A", wantAsked: 1},
			{at: 6 * time.Second, fails: true, wantKey: "A", wantAsked: 2},
			{at: 8 * time.Second, answer: fromFile(key("B", 0)), wantKey: "A", wantAsked: 3},
			{at: 9 * time.Second, wantKey: "B", wantAsked: 3},
		},
		"refreshed in the background within the last five minutes": {
			{at: 0, answer: key("A", 60*m), wantKey: "A", wantAsked: 1},
			{at: 54 * m, answer: key("B", 120*m), wantKey: "A", wantAsked: 1},
			{at: 56 * m, wantKey: "A", wantAsked: 2},
			{at: 57 * m, wantKey: "B", wantAsked: 2},
		},
		"a request waits where nothing is valid any more": {
			{at: 0, answer: key("A", 60*m), wantKey: "A", wantAsked: 1},
			{at: 61 * m, answer: key("B", 120*m), wantKey: "B", wantAsked: 2},
		},
		"not signed with in the last seconds": {
			{at: 0, answer: key("A", 60*m), wantKey: "A", wantAsked: 1},
			{at: 60*m - time.Second, answer: key("B", 120*m), wantKey: "B", wantAsked: 2},
		},
		"short ones are refreshed with the next request, then at half of what is left": {
			{at: 0, answer: key("A", 4*time.Second), wantKey: "A", wantAsked: 1},
			{at: 0, answer: key("B", 8*time.Second), wantKey: "A", wantAsked: 2},
			{at: 3 * time.Second, wantKey: "B", wantAsked: 2},
			{at: 5 * time.Second, answer: key("C", 12*time.Second), wantKey: "B", wantAsked: 3},
			{at: 6 * time.Second, wantKey: "C", wantAsked: 3},
		},
		"an outage while they are valid fails no request, and is tried out ever more rarely": {
			{at: 0, answer: key("A", 60*m), wantKey: "A", wantAsked: 1},
			{at: 56 * m, fails: true, wantKey: "A", wantAsked: 2},
			{at: 56 * m, wantKey: "A", wantAsked: 2},
			{at: 56*m + 2*time.Second, wantKey: "A", wantAsked: 3},
			{at: 56*m + 3*time.Second, wantKey: "A", wantAsked: 3},
			{at: 56*m + 5*time.Second, wantKey: "A", wantAsked: 4},
			{at: 58 * m, answer: key("B", 120*m), wantKey: "A", wantAsked: 5},
			{at: 58 * m, wantKey: "B", wantAsked: 5},
		},
		"an outage that outlasts them fails requests until it ends": {
			{at: 0, answer: key("A", 60*m), wantKey: "A", wantAsked: 1},
			{at: 61 * m, fails: true, wantKey: "", wantAsked: 2},
			{at: 61 * m, wantKey: "", wantAsked: 3},
			{at: 61 * m, answer: key("B", 120*m), wantKey: "B", wantAsked: 4},
		},
		"a source that fails again and again is spared": {
			{at: 0, fails: true, wantKey: "", wantAsked: 1},
			{at: 0, wantKey: "", wantAsked: 2},
			{at: 0, wantKey: "", wantAsked: 3},
			{at: 10 * time.Millisecond, wantKey: "", wantAsked: 3},
			{at: time.Second, wantKey: "", wantAsked: 4},
			{at: 3 * time.Second, answer: key("A", 60*m), wantKey: "A", wantAsked: 5},
		},
		"those of an instance are asked for every hour, though they last longer": {
			{at: 0, answer: fromInstance(key("A", 360*m)), wantKey: "A", wantAsked: 1},
			{at: 54 * m, wantKey: "A", wantAsked: 1},
			{at: 56 * m, answer: fromInstance(key("B", 420*m)), wantKey: "A", wantAsked: 2},
			{at: 57 * m, wantKey: "B", wantAsked: 2},
		},
		"those of an instance outlive an outage of its service": {
			{at: 0, answer: fromInstance(key("A", 60*m)), wantKey: "A", wantAsked: 1},
			{at: 61 * m, fails: true, wantKey: "A", wantAsked: 2},
			{at: 65 * m, wantKey: "A", wantAsked: 3},
			{at: 75 * m, wantKey: "A", wantAsked: 4},
			{at: 76*m + 30*time.Second, answer: fromInstance(key("B", 120*m)), wantKey: "A", wantAsked: 5},
			{at: 77 * m, wantKey: "B", wantAsked: 5},
		},
		"expired ones of an instance are used for minutes, as its service is out of order": {
			{at: 60 * m, answer: fromInstance(key("A", 30*m)), wantKey: "A", wantAsked: 1},
			{at: 75 * m, wantKey: "A", wantAsked: 2},
		},
		"expired ones of another source are refused": {
			{at: 60 * m, answer: key("A", 30*m), wantKey: "", wantAsked: 1},
			{at: 60 * m, answer: key("B", 90*m), wantKey: "B", wantAsked: 2},
		},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			clock := &testClock{}
			source := &scriptedSource{}
			provider := scriptedProvider(clock, source)
			for i := range steps {
				runStep(t, i, &steps[i], clock, source, provider)
			}
		})
	}
}

func runStep(t *testing.T, i int, s *step, clock *testClock, source *scriptedSource, p *Provider) {
	t.Helper()
	clock.set(testNow.Add(s.at))
	if s.fails {
		source.set(nil, errSource)
	}
	if s.answer != nil {
		source.set(s.answer, nil)
	}
	c, err := retrieve(context.Background(), p)
	settled(p)
	got := ""
	if err == nil {
		got = c.keys.AccessKeyID
	}
	if got != s.wantKey {
		t.Errorf("step %d: signed with %q (%v), want %q", i, got, err, s.wantKey)
	}
	if asked := source.timesAsked(); asked != s.wantAsked {
		t.Errorf("step %d: the source was asked %d times so far, want %d", i, asked, s.wantAsked)
	}
}

// retrieveInto is one of many requests at a time.
func retrieveInto(ctx context.Context, p *Provider, keys chan<- string) {
	c, err := retrieve(ctx, p)
	if err != nil {
		keys <- err.Error()
		return
	}
	keys <- c.keys.AccessKeyID
}

func retrieveMany(p *Provider, n int) map[string]int {
	keys := make(chan string, n)
	for i := 0; i < n; i++ {
		go retrieveInto(context.Background(), p, keys)
	}
	count := map[string]int{}
	for i := 0; i < n; i++ {
		key, ok := <-keys
		if ok {
			count[key]++
		}
	}
	return count
}

func TestRetrieveTellsForHowLongCredentialsCanSign(t *testing.T) {
	for name, c := range map[string]struct {
		end, want time.Duration
	}{
		"credentials that end":       {end: time.Hour, want: time.Hour - maxSafetyMargin},
		"credentials that never end": {want: never},
	} {
		p := scriptedProvider(&testClock{now: testNow}, &scriptedSource{answer: key("A", c.end)})
		if _, usable, err := p.Retrieve(context.Background()); usable != c.want || err != nil {
			t.Errorf("%s: got %v and error %v, want %v", name, usable, err, c.want)
		}
	}
}

func TestManyRequestsAtExpiryMakeOneRefreshAndNoneWaits(t *testing.T) {
	clock := &testClock{now: testNow}
	source := &scriptedSource{answer: key("A", time.Hour)}
	p := scriptedProvider(clock, source)
	if count := retrieveMany(p, 200); count["A"] != 200 || source.timesAsked() != 1 {
		t.Fatalf("signed with %v, asked %d times", count, source.timesAsked())
	}
	clock.set(testNow.Add(57 * time.Minute))
	source.gate = make(chan struct{})
	source.set(key("B", 2*time.Hour), nil)
	// The gate stays closed until all have their answer.
	if count := retrieveMany(p, 200); count["A"] != 200 {
		t.Errorf("signed with %v", count)
	}
	close(source.gate)
	settled(p)
	if count := retrieveMany(p, 200); count["B"] != 200 || source.timesAsked() != 2 {
		t.Errorf("signed with %v, asked %d times", count, source.timesAsked())
	}
}

func TestCancelledRequestDoesNotCancelTheRefreshOfOthers(t *testing.T) {
	clock := &testClock{now: testNow}
	source := &scriptedSource{answer: key("A", time.Hour), gate: make(chan struct{})}
	p := scriptedProvider(clock, source)
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := retrieve(cancelled, p); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	keys := make(chan string, 1)
	go retrieveInto(context.Background(), p, keys)
	close(source.gate)
	got, ok := <-keys
	if !ok || got != "A" || source.timesAsked() != 1 {
		t.Errorf("signed with %q, asked %d times", got, source.timesAsked())
	}
}

func TestPanicInASourceIsAnError(t *testing.T) {
	p := scriptedProvider(&testClock{now: testNow})
	p.sources = []credentialSource{{"broken", brokenSource}}
	_, err := retrieve(context.Background(), p)
	if err == nil || !strings.Contains(err.Error(), "panic") {
		t.Errorf("error %v", err)
	}
}

func brokenSource(_ context.Context, s *credentialSettings) (*keySet, error) {
	return &keySet{keys: sigv4.Credentials{AccessKeyID: s.base.sources[1].name}}, nil
}

func TestWhileCredentialsAreValidOnlyTheirSourceIsAsked(t *testing.T) {
	clock := &testClock{now: testNow}
	files := &scriptedSource{answer: fromFile(key("FILE", 0))}
	instance := &scriptedSource{answer: key("INSTANCE", time.Hour)}
	p := scriptedProvider(clock, files, instance)
	if count := retrieveMany(p, 1); count["FILE"] != 1 {
		t.Fatalf("signed with %v", count)
	}
	files.set(nil, errNotSetUp) // as while it is written anew
	clock.set(testNow.Add(time.Minute))
	retrieveMany(p, 1)
	settled(p)
	if count := retrieveMany(p, 1); count["FILE"] != 1 || instance.timesAsked() != 0 {
		t.Errorf("signed with %v, the instance was asked %d times", count, instance.timesAsked())
	}
}

func TestErrorSaysWhereItLooked(t *testing.T) {
	noAWSEnvironment(t)
	setenv(t, "AWS_EC2_METADATA_DISABLED", "true")
	p, err := New(nil, "eu-central-1", noLines, noLines)
	if err != nil {
		t.Fatal(err)
	}
	_, err = retrieve(context.Background(), p)
	if !errors.Is(err, errNoCredentials) {
		t.Fatalf("error %v", err)
	}
	for _, want := range []string{
		"environment: not set up: AWS_ACCESS_KEY_ID", "web identity: not set up: AWS_WEB_IDENTITY_TOKEN_FILE",
		"shared files: not set up: profile \"default\" is neither in", "container: not set up: neither AWS_CONTAINER",
		"EC2 instance metadata: not set up: AWS_EC2_METADATA_DISABLED",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q, want one with %q", err, want)
		}
	}
}

func TestRefusedCredentialsAreRefreshedOnceASecond(t *testing.T) {
	clock := &testClock{now: testNow}
	source := &scriptedSource{answer: key("A", time.Hour)}
	p := scriptedProvider(clock, source)
	first, err := retrieve(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < 3; i++ {
		refused(p, &first.keys)
		retrieveMany(p, 1)
		settled(p)
	}
	if asked := source.timesAsked(); asked != 2 {
		t.Errorf("asked %d times", asked)
	}
	source.set(key("B", time.Hour), nil)
	clock.set(testNow.Add(2 * time.Second))
	refused(p, &first.keys)
	retrieveMany(p, 1)
	settled(p)
	refused(p, &first.keys) // late: others sign by now
	if count := retrieveMany(p, 1); count["B"] != 1 || source.timesAsked() != 3 {
		t.Errorf("signed with %v, asked %d times", count, source.timesAsked())
	}
}

func TestClockSetBackFreezesNothing(t *testing.T) {
	const back = -time.Hour
	t.Run("while the source is out of order", func(t *testing.T) {
		clock := &testClock{now: testNow}
		source := &scriptedSource{err: errSource}
		p := scriptedProvider(clock, source)
		for i := 0; i < 2*freeAttempts; i++ {
			retrieveMany(p, 1)
			settled(p)
		}
		source.set(key("A", time.Hour), nil)
		clock.jump(back)
		clock.set(clock.time().Add(2 * maxHold))
		if count := retrieveMany(p, 1); count["A"] != 1 {
			t.Errorf("got %v, want a new attempt after %s", count, 2*maxHold)
		}
	})
	t.Run("before a file is read again", func(t *testing.T) {
		clock := &testClock{now: testNow}
		source := &scriptedSource{answer: fromFile(key("A", 0))}
		p := scriptedProvider(clock, source)
		retrieveMany(p, 1)
		source.set(fromFile(key("B", 0)), nil)
		clock.jump(back)
		clock.set(clock.time().Add(2 * fileRecheck))
		retrieveMany(p, 1)
		settled(p)
		if count := retrieveMany(p, 1); count["B"] != 1 {
			t.Errorf("got %v, want the file read again", count)
		}
	})
	t.Run("after a refusal", func(t *testing.T) {
		clock := &testClock{now: testNow}
		source := &scriptedSource{answer: key("A", 0)}
		p := scriptedProvider(clock, source)
		retrieveMany(p, 1)
		p.Refused(&key("A", 0).keys, "ExpiredToken")
		retrieveMany(p, 1)
		settled(p)
		clock.jump(back)
		clock.set(clock.time().Add(2 * time.Second))
		p.Refused(&key("A", 0).keys, "ExpiredToken")
		retrieveMany(p, 1)
		settled(p)
		if asked := source.timesAsked(); asked != 3 {
			t.Errorf("got %d questions, want 3", asked)
		}
	})
}

func TestStandingRefusalsAreAskedForLessAndLess(t *testing.T) {
	clock := &testClock{now: testNow}
	source := &scriptedSource{answer: key("A", 0)}
	p := scriptedProvider(clock, source)
	refuse := func(seconds int) {
		for i := 0; i < seconds; i++ {
			retrieveMany(p, 1)
			settled(p)
			if !p.Refused(&key("A", 0).keys, "InvalidSignatureException") {
				t.Fatal("got false for a code about the credentials, want true")
			}
			clock.set(clock.time().Add(time.Second))
		}
	}
	refuse(3600)
	const doublings = 9 // 1 s to 256 s: 511 s
	const most = 1 + doublings + (3600-511)/300 + 1
	if asked := source.timesAsked(); asked < doublings || asked > most {
		t.Errorf("got %d questions in an hour, want %d at most", asked, most)
	}
	clock.set(clock.time().Add(time.Hour))
	before := source.timesAsked()
	refuse(3)
	if asked := source.timesAsked() - before; asked < 2 {
		t.Errorf("got %d questions after an hour without refusals, want one at once", asked)
	}
	if p.Refused(&key("A", 0).keys, "ResourceNotFoundException") {
		t.Error("got true for a code about the function, want false")
	}
}

func TestProvidersAreSharedBySettings(t *testing.T) {
	noAWSEnvironment(t)
	keys := &Config{AccessKeyID: "A", SecretAccessKey: testSecret}
	rotated := &Config{AccessKeyID: "A", SecretAccessKey: "other"}
	role := &Config{AccessKeyID: "A", SecretAccessKey: testSecret, RoleArn: testRole}
	tests := map[string]struct {
		a, b             *Config
		regionA, regionB string
		want             bool
	}{
		"no options":                            {nil, &Config{}, "eu-west-1", "eu-west-1", true},
		"no options, in other regions":          {nil, nil, "eu-west-1", "eu-west-2", true},
		"the same keys, but white space":        {keys, &Config{AccessKeyID: " A\n", SecretAccessKey: testSecret}, "r", "r", true},
		"a secret rotated under the same key":   {keys, rotated, "r", "r", false},
		"a role":                                {role, role, "r", "r", true},
		"a role of another region's STS":        {role, role, "r", "s", false},
		"a role and the keys that it is got by": {role, keys, "r", "r", false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			a, err := New(tc.a, tc.regionA, noLines, noLines)
			if err != nil {
				t.Fatal(err)
			}
			b, err := New(tc.b, tc.regionB, noLines, noLines)
			if err != nil {
				t.Fatal(err)
			}
			if (a == b) != tc.want {
				t.Errorf("shared: %v", a == b)
			}
		})
	}
}

func TestRolesShareTheCredentialsThatAssumeThem(t *testing.T) {
	noAWSEnvironment(t)
	a, errA := New(&Config{RoleArn: testRole}, "eu-west-1", noLines, noLines)
	b, errB := New(&Config{RoleArn: testRole + "2", ExternalID: "ext"}, "eu-west-2", noLines, noLines)
	if errA != nil || errB != nil || a.settings.base != b.settings.base {
		t.Errorf("not shared: %v %v", errA, errB)
	}
}

func TestAssumedRole(t *testing.T) {
	noAWSEnvironment(t)
	sts := &fakeSTS{}
	settings := testSettings(t, &Config{
		RoleArn: testRole, ExternalID: "ext", Duration: "2h", RoleSessionName: "me", StsEndpoint: "http://sts.example",
	}, sts)
	base := *settings
	base.options = &Config{AccessKeyID: "AKIABASE", SecretAccessKey: testSecret}
	settings.base = newUnsharedProvider(&base)
	c, err := retrieve(context.Background(), newUnsharedProvider(settings))
	checkFound(t, c, err, "ASIAAPP", testNow.Add(time.Hour))
	checkStrings(t, "calls of STS", sts.calls(), []string{"AssumeRole " + testRole +
		" as me ExternalId=ext DurationSeconds=7200 signed by AKIABASE/20260301/eu-central-1/sts/aws4_request"})
}

func TestBaseThatSTSRefusesIsRefreshed(t *testing.T) {
	noAWSEnvironment(t)
	settings := testSettings(t, &Config{RoleArn: testRole, StsEndpoint: "http://sts.example"},
		answering(http.StatusForbidden, stsError("ExpiredToken")))
	clock := &testClock{now: testNow}
	source := &scriptedSource{answer: key("A", time.Hour)}
	settings.base = scriptedProvider(clock, source)
	_, err := retrieve(context.Background(), newUnsharedProvider(settings))
	if err == nil || !strings.Contains(err.Error(), "403 ExpiredToken") || strings.Contains(err.Error(), testToken) {
		t.Errorf("error %v", err)
	}
	retrieveMany(settings.base, 1)
	settled(settings.base)
	if asked := source.timesAsked(); asked != 2 {
		t.Errorf("the base's source was asked %d times", asked)
	}
}

func BenchmarkRetrieveCredentials(b *testing.B) {
	source := &scriptedSource{answer: key("A", time.Hour)}
	p := scriptedProvider(&testClock{now: testNow}, source)
	p.until = time.Until
	p.settings.clock = systemClock
	source.answer.expires = time.Now().Add(time.Hour)
	ctx := context.Background()
	for i := 0; i < b.N; i++ {
		if _, err := retrieve(ctx, p); err != nil {
			b.Fatal(err)
		}
	}
}

func TestExpiriesTellWhenTheCredentialsOfASourceEnd(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	c := &testClock{now: now}
	c.set(now)
	ends := map[string]time.Time{
		"first":    now.Add(2 * time.Hour),
		"second":   now.Add(time.Hour),
		"expired":  now.Add(-30 * time.Minute),
		"long ago": now.Add(-2 * time.Hour),
		"never":    {},
	}
	providers.Lock()
	saved := providers.byKey
	providers.byKey = map[[sha256.Size]byte]*Provider{}
	for name, end := range ends {
		p := scriptedProvider(c)
		source := &credentialSource{name: name}
		if name == "second" {
			source = &credentialSource{name: "first"}
		}
		p.answered = source
		p.current.Store(&keySet{expires: end})
		providers.byKey[sha256.Sum256([]byte(name))] = p
	}
	providers.byKey[sha256.Sum256([]byte("unasked"))] = scriptedProvider(c)
	providers.Unlock()
	got := Expiries()
	providers.Lock()
	providers.byKey = saved
	providers.Unlock()
	if len(got) != 2 || got[0].Source != "expired" || !got[0].Time.Equal(ends["expired"]) ||
		got[1].Source != "first" || !got[1].Time.Equal(ends["second"]) {
		t.Errorf("got %v, want that of expired, and the earlier one of first", got)
	}
}
