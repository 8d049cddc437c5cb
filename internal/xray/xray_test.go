package xray

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/seed05e46011/lambda/internal/bracket"
)

const (
	root    = "1-5759e988-bd862e3fe1be46a994272793"
	parent  = "53995c3f42cd8ad8"
	trusted = "192.0.2.1:4711"
	anybody = "203.0.113.9:4711"
)

// sent matches every header that is ever sent.
var sent = regexp.MustCompile(`^Root=1-[0-9a-f]{8}-[0-9a-f]{24}(;Parent=[0-9a-f]{16})?(;Sampled=[01])?$`)

func newTracer(t testing.TB) *Tracer {
	t.Helper()
	tracer, err := New([]string{"192.0.2.0/24", "2001:db8::1"})
	if err != nil {
		t.Fatal(err)
	}
	return tracer
}

func headerFor(tracer *Tracer, peer string, values []string) string {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = peer
	if values != nil {
		r.Header[HeaderName] = values
	}
	return tracer.Header(r)
}

func TestNewTracesHaveTheTimeAndAreDistinct(t *testing.T) {
	tracer := newTracer(t)
	tracer.now = func() time.Time { return time.Unix(0x5759e988, 0) }
	seen := map[string]bool{}
	for i := 0; i < 1000; i++ {
		header := headerFor(tracer, trusted, nil)
		if !strings.HasPrefix(header, "Root=1-5759e988-") || !sent.MatchString(header) {
			t.Fatalf("got %q, want a Root of the time and nothing else", header)
		}
		seen[header] = true
	}
	if len(seen) != 1000 {
		t.Errorf("got %d distinct traces of 1000, want all", len(seen))
	}
}

func TestHeadersAreBuiltFromParsedFields(t *testing.T) {
	whole := "Root=" + root + ";Parent=" + parent + ";Sampled="
	cases := map[string]struct {
		peer, value, want string
	}{
		"a stranger's Root is kept":                   {anybody, "Root=" + root, "Root=" + root},
		"a stranger cannot force a sample":            {anybody, whole + "1", "Root=" + root},
		"a stranger cannot prevent a sample":          {anybody, whole + "0", "Root=" + root},
		"a stranger's other fields are not even read": {anybody, "Root=" + root + ";Sampled=yes;Parent=x", "Root=" + root},
		"a trusted peer's sample counts":              {trusted, whole + "1", whole + "1"},
		"a trusted peer's refusal counts":             {trusted, whole + "0", whole + "0"},
		"a trusted peer asks for a decision":          {trusted, whole + "?", "Root=" + root + ";Parent=" + parent},
		"the order of fields is no matter":            {trusted, "Sampled=1;Parent=" + parent + ";Root=" + root, whole + "1"},
		"blanks around fields":                        {trusted, " Root=" + root + " ; Sampled=1 ;", "Root=" + root + ";Sampled=1"},
		"a load balancer's Self stays behind":         {trusted, "Self=1-67891234-12456789abcdef012345678;Root=" + root, "Root=" + root},
		"Lineage and custom fields stay behind":       {trusted, whole + "1;Lineage=a87bd80c:1|68fd508a:5;CalledFrom=app", whole + "1"},
		"a trusted IPv6 peer":                         {"[2001:db8::1]:1", whole + "1", whole + "1"},
		"a trusted IPv4 peer on an IPv6 socket":       {"[::ffff:192.0.2.1]:1", whole + "1", whole + "1"},
		"a peer that cannot be read":                  {"@", whole + "1", "Root=" + root},
	}
	for name, tc := range cases {
		if got := headerFor(newTracer(t), tc.peer, []string{tc.value}); got != tc.want {
			t.Errorf("%s: got %q, want %q", name, got, tc.want)
		}
	}
}

func TestMalformedHeadersBeginANewTrace(t *testing.T) {
	valid := "Root=" + root
	cases := map[string][]string{
		"two lines":                      {valid, valid},
		"no line":                        {},
		"nothing in it":                  {""},
		"513 bytes":                      {valid + ";" + strings.Repeat("x", 512-len(valid))},
		"Root twice":                     {valid + ";" + valid},
		"Sampled twice":                  {valid + ";Sampled=0;Sampled=1"},
		"another name that begins alike": {"RootX=" + root},
		"another case":                   {"root=" + root},
		"digits in upper case":           {"Root=" + strings.ToUpper(root)},
		"a short time":                   {"Root=1-5759e98-bd862e3fe1be46a994272793"},
		"a short id":                     {"Root=1-5759e988-bd862e3fe1be46a99427279"},
		"a long id":                      {valid + "0"},
		"another version":                {"Root=2" + root[1:]},
		"an id of zeros":                 {"Root=1-5759e988-000000000000000000000000"},
		"a time of zeros":                {"Root=1-00000000-bd862e3fe1be46a994272793"},
		"a line feed in it":              {"Root=" + root + "\n"},
		"a trusted Sampled of a word":    {valid + ";Sampled=true"},
		"a trusted Sampled of 2":         {valid + ";Sampled=2"},
		"a trusted Parent that is short": {valid + ";Parent=53995c3f42cd8ad"},
		"a trusted Parent of zeros":      {valid + ";Parent=0000000000000000"},
	}
	for name, values := range cases {
		got := headerFor(newTracer(t), trusted, values)
		if name == "a line feed in it" {
			if got != valid { // it is trimmed, as net/http does itself
				t.Errorf("%s: got %q, want %q", name, got, valid)
			}
			continue
		}
		if strings.Contains(got, root) || !sent.MatchString(got) {
			t.Errorf("%s: got %q, want a new Root", name, got)
		}
	}
}

func TestBracketTracesRequestsInNotesAndHeader(t *testing.T) {
	inside := ""
	noted := ""
	next := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		inside = strings.Join(r.Header[HeaderName], ", ")
		notes, _ := bracket.NotesIn(r.Context())
		noted = notes.TraceHeader
	})
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header[HeaderName] = []string{"Root=" + root + ";Sampled=1", "Root=x"}
	newTracer(t).Bracket(next).ServeHTTP(httptest.NewRecorder(), r)
	if !sent.MatchString(inside) || inside != noted {
		t.Errorf("got %q in the header and %q in the notes, want the same new trace", inside, noted)
	}
	if len(r.Header[HeaderName]) != 2 {
		t.Errorf("got %q in the caller's request, want it unchanged", r.Header[HeaderName])
	}
}

func TestNewRefusesInvalidAddresses(t *testing.T) {
	_, err := New([]string{"192.0.2.0/33"})
	if err == nil || !strings.HasPrefix(err.Error(), `xrayTrustedIPs: "192.0.2.0/33": want`) {
		t.Errorf("got %v, want an error that names xrayTrustedIPs", err)
	}
}

func FuzzHeader(f *testing.F) {
	f.Add("Root=" + root + ";Parent=" + parent + ";Sampled=1")
	f.Add("Self=1;Root=" + root)
	f.Add("Sampled=1;Root=;")
	f.Fuzz(func(t *testing.T, value string) {
		tracer := newTracer(t)
		for _, peer := range []string{trusted, anybody} {
			got := headerFor(tracer, peer, []string{value})
			if !sent.MatchString(got) {
				t.Errorf("%q from %s: got %q, want what fits the grammar", value, peer, got)
			}
			if peer == anybody && strings.Contains(got, ";") {
				t.Errorf("%q: got %q from a stranger, want Root alone", value, got)
			}
		}
	})
}
