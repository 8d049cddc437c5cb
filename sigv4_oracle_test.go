/*
+build compiled

Yaegi heeds the line above, in a block comment too, and leaves this file out; Go does not. The
tests here compare with AWS's own signer, which only needs to run compiled.
*/

package lambda

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/seed05e46011/lambda/internal/aws"
	"github.com/seed05e46011/lambda/internal/sigv4"
)

// resigned returns the Authorization header that AWS's signer gives to a request as it arrived.
func resigned(arrived *http.Request, body []byte, c *sigv4.Credentials, region, service string) (string, error) {
	again, err := http.NewRequestWithContext(context.Background(), arrived.Method,
		"http://"+arrived.Host+arrived.RequestURI, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	for name, values := range arrived.Header {
		if name != "Authorization" && name != "Content-Length" {
			again.Header[name] = values
		}
	}
	date, err := time.Parse(sigv4.TimeFormat, arrived.Header.Get("X-Amz-Date"))
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(body)
	keys := sdk.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}
	err = v4.NewSigner().SignHTTP(context.Background(), keys, again, hex.EncodeToString(sum[:]), service, region, date)
	return again.Header.Get("Authorization"), err
}

// wire is a server that keeps the last request as it arrived.
type wire struct {
	*httptest.Server
	request *http.Request
	body    []byte
}

func newWire(t testing.TB) *wire {
	w := &wire{}
	w.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		w.request = r
		w.body, _ = io.ReadAll(r.Body)
	}))
	t.Cleanup(w.Close)
	return w
}

// send puts a signed request on the wire and compares it with AWS's signature of what arrived.
func (w *wire) send(t testing.TB, req *http.Request, c *sigv4.Credentials, region, service string) {
	t.Helper()
	resp, err := transportFor(transportSettings{maxIdle: 2}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	w.check(t, c, region, service)
}

// check compares the signature of the last request with AWS's of what arrived.
func (w *wire) check(t testing.TB, c *sigv4.Credentials, region, service string) {
	t.Helper()
	want, err := resigned(w.request, w.body, c, region, service)
	if err != nil {
		t.Fatal(err)
	}
	if got := w.request.Header.Get("Authorization"); got != want {
		t.Errorf("%s\ngot  %s\nwant %s", w.request.RequestURI, got, want)
	}
}

func TestInvocationsAreSignedAsAWSSignsThem(t *testing.T) {
	w := newWire(t)
	random := rand.New(rand.NewSource(1)) // the same cases each time
	for i := 0; i < 2000; i++ {
		region := pick(random, "eu-central-1", "us-east-1", "us-gov-west-1", "cn-north-1", "us-isob-east-1", "eusc-de-east-1")
		f, err := aws.ParseFunction(randomFunction(random, region), pick(random, "", "", "42", "live", "$LATEST"))
		if err != nil {
			t.Fatal(err)
		}
		target, err := newTarget(f, &lambdaAPI{
			endpoint: w.URL + pick(random, "", "", "/", "/base/path", "/ba$e/p%20th/"),
			region:   region,
			streamed: random.Intn(2) == 0,
		})
		if err != nil {
			t.Fatal(err)
		}
		creds := &sigv4.Credentials{AccessKeyID: randomText(random, 20), SecretAccessKey: randomText(random, 40)}
		if random.Intn(2) == 0 {
			creds.SessionToken = randomText(random, 300) + "/+=="
		}
		event := make([]byte, randomSize(random))
		_, _ = random.Read(event)
		var headers http.Header
		if random.Intn(2) == 0 {
			headers = http.Header{"X-Amz-Client-Context": {"e30="}, "X-Amz-Log-Type": {"Tail"}, "X-Amz-Tenant-Id": {"a  b"}}
		}
		req := &request{event: event, invocationHeaders: headers, target: target}
		redate(req)
		invocation := newInvocation(context.Background(), &Lambda{}, req, newPreparedInvocation(target, creds, req.signed), &worker{})
		w.send(t, invocation, creds, region, "lambda")
	}
}

func TestBothWaysSignAsAWSSigns(t *testing.T) {
	w := newWire(t)
	for _, generated := range []bool{true, false} {
		for name, token := range map[string]string{"keys for good": "", "temporary keys": "token/+=="} {
			t.Run(fmt.Sprintf("%s, generated %t", name, generated), func(t *testing.T) {
				config := configFor(w.URL)
				config.Credentials.SessionToken = token
				l := newTestHandler(t, config).(*Lambda)
				creds := &sigv4.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret", SessionToken: token}
				l.functions.target.prepared.Store(newPreparedInvocation(l.functions.target, creds, newSecond(1))) // of long ago
				// As often as makes every worker sign twice.
				for i := 0; i < 2*maxIdleWorkers; i++ {
					serve(handlerOf(l, generated), httptest.NewRequest(http.MethodPost, "http://example.com/", strings.NewReader("body")))
					w.check(t, creds, "eu-central-1", "lambda")
				}
				if got := w.request.Header.Get("X-Amz-Security-Token"); got != token {
					t.Errorf("session token %q", got)
				}
				date, err := time.Parse(sigv4.TimeFormat, w.request.Header.Get("X-Amz-Date"))
				if err != nil || time.Since(date) > time.Minute {
					t.Errorf("signed as of %v (%v)", date, err)
				}
			})
		}
	}
}

func pick(random *rand.Rand, choices ...string) string { return choices[random.Intn(len(choices))] }

func randomFunction(random *rand.Rand, region string) string {
	name := randomText(random, 1+random.Intn(aws.MaxFunctionName))
	account := fmt.Sprintf("%012d", random.Int63n(1e12))
	partition := pick(random, "aws", "aws-cn", "aws-us-gov", "aws-iso-b")
	return pick(random, name, account+":function:"+name, account+":"+name,
		"arn:"+partition+":lambda:"+region+":"+account+":function:"+name)
}

func randomText(random *rand.Rand, length int) string {
	const alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	text := make([]byte, length)
	for i := range text {
		text[i] = alphabet[random.Intn(len(alphabet))]
	}
	return string(text)
}

// randomSize returns a size from 0 to 4 MB, most of them small.
func randomSize(random *rand.Rand) int {
	if random.Intn(200) == 0 {
		return random.Intn(4 << 20)
	}
	return random.Intn(4096)
}
