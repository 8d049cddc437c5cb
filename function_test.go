package lambda

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seed05e46011/lambda/internal/aws"
	"github.com/seed05e46011/lambda/internal/credentials"
)

func TestRegionOf(t *testing.T) {
	const arn = "arn:aws:lambda:eu-west-2:123456789012:function:f"
	for name, tc := range map[string]struct{ option, fallback, ref, want string }{
		"the option comes first":  {"eu-west-1", "eu-west-3", arn, "eu-west-1"},
		"then the function's ARN": {"", "eu-west-3", arn, "eu-west-2"},
		"then the environment":    {"", "eu-west-3", "f", "eu-west-3"},
		"none":                    {"", "", "f", ""},
	} {
		f, err := aws.ParseFunction(tc.ref, "")
		if err != nil {
			t.Fatal(err)
		}
		api := &lambdaAPI{region: tc.option, fallbackRegion: tc.fallback}
		if got := api.regionOf(f); got != tc.want {
			t.Errorf("%s: got %q, want %q", name, got, tc.want)
		}
	}
}

// setVariable sets an environment variable for one test. It does not use t.Setenv: under Yaegi,
// os.Getenv reads an environment of the interpreter's own, which only os.Setenv writes.
func setVariable(t *testing.T, name, value string) {
	t.Helper()
	before := os.Getenv(name)
	if err := os.Setenv(name, value); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Setenv(name, before) })
}

func TestFunctionIsInvokedInTheRegionOfTheInstance(t *testing.T) {
	asked := 0
	imds := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method + " " + r.URL.Path {
		case "PUT /latest/api/token":
			_, _ = w.Write([]byte("token"))
		case "GET /latest/meta-data/placement/region":
			asked++
			_, _ = w.Write([]byte("eu-south-2"))
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(imds.Close)
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"} {
		setVariable(t, name, "")
	}
	setVariable(t, "HOME", t.TempDir())
	setVariable(t, "AWS_EC2_METADATA_SERVICE_ENDPOINT", imds.URL)
	lambda := newFakeLambda(t, replies(`{"statusCode":200}`))
	config := testConfig(lambda)
	config.Region = ""
	handler := newTestHandler(t, config)
	for i := 0; i < 2; i++ {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://example.com/", http.NoBody))
		if w.Code != http.StatusOK {
			t.Fatalf("got status %d, want 200", w.Code)
		}
		if got := lambda.requests[i].Header.Get("Authorization"); !strings.Contains(got, "/eu-south-2/lambda/aws4_request, ") {
			t.Errorf("got %s, want it signed for eu-south-2", got)
		}
	}
	if asked != 1 {
		t.Errorf("got %d questions to the instance, want 1", asked)
	}
}

// Invocations are prepared for a whole second, but not with credentials that Lambda refused during it.
func TestRefusedCredentialsAreReplacedAtOnce(t *testing.T) {
	discardLog(t)
	f := newFakeLambda(t, nil)
	f.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Authorization"), "Credential=A/") {
			w.Header().Set("X-Amzn-Errortype", "UnrecognizedClientException:")
			w.WriteHeader(http.StatusForbidden)
		}
	})
	keyID := filepath.Join(t.TempDir(), "id")
	secret := filepath.Join(t.TempDir(), "secret")
	for path, content := range map[string]string{keyID: "A", secret: "secret"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l := formatLambda(t, "raw", func(c *Config) {
		c.Endpoint = f.URL
		c.Credentials = &credentials.Config{AccessKeyIDFile: keyID, SecretAccessKeyFile: secret}
	})
	if resp := serve(l, getRequest("http://example.com/")); resp.StatusCode != http.StatusBadGateway {
		t.Errorf("got %d with refused credentials, want 502", resp.StatusCode)
	}
	if err := os.WriteFile(keyID, []byte("B"), 0o600); err != nil {
		t.Fatal(err)
	}
	status := 0
	for deadline := time.Now().Add(3 * time.Second); status != http.StatusOK && time.Now().Before(deadline); {
		status = serve(l, getRequest("http://example.com/")).StatusCode // the first one starts the refresh
	}
	if status != http.StatusOK {
		t.Errorf("got %d with the new credentials, want 200", status)
	}
}
