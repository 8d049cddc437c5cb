package lambda

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// forgetInstanceRegion makes the next imdsRegion ask.
func forgetInstanceRegion() {
	instanceRegion.Lock()
	instanceRegion.region = ""
	instanceRegion.retryAt = time.Time{}
	instanceRegion.Unlock()
}

func TestResolveRegion(t *testing.T) {
	const config = "[default]\nregion = ap-south-1\n[profile dev]\nregion = ap-east-1\n"
	tests := map[string]struct {
		option, arn string
		env         map[string]string
		options     *CredentialsConfig
		want        string
	}{
		"option comes first":       {option: "eu-west-1", arn: "eu-west-2", env: map[string]string{"AWS_REGION": "eu-west-3"}, want: "eu-west-1"},
		"then the function's ARN":  {arn: "eu-west-2", env: map[string]string{"AWS_REGION": "eu-west-3"}, want: "eu-west-2"},
		"then AWS_REGION":          {env: map[string]string{"AWS_REGION": "eu-west-3", "AWS_DEFAULT_REGION": "us-west-1"}, want: "eu-west-3"},
		"then AWS_DEFAULT_REGION":  {env: map[string]string{"AWS_DEFAULT_REGION": "us-west-1"}, want: "us-west-1"},
		"then the default profile": {want: "ap-south-1"},
		"or AWS_PROFILE":           {env: map[string]string{"AWS_PROFILE": "dev"}, want: "ap-east-1"},
		"or the profile of the options": {env: map[string]string{"AWS_PROFILE": "other"},
			options: &CredentialsConfig{Profile: "dev"}, want: "ap-east-1"},
		"none":                  {env: map[string]string{"AWS_PROFILE": "other"}},
		"none without its file": {options: &CredentialsConfig{ConfigFile: "/does/not/exist"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			noAWSEnvironment(t)
			setEnvironment(t, tc.env)
			setenv(t, "AWS_CONFIG_FILE", writeTestFile(t, "config", config))
			if got := resolveRegion(tc.option, tc.arn, tc.options); got != tc.want {
				t.Errorf("region %q, want %q", got, tc.want)
			}
		})
	}
}

// serveIMDS makes server the metadata service of one test.
func serveIMDS(t *testing.T, server *sourceServer) {
	t.Helper()
	noAWSEnvironment(t)
	forgetInstanceRegion()
	t.Cleanup(forgetInstanceRegion)
	loopback := httptest.NewServer(server)
	t.Cleanup(loopback.Close)
	setenv(t, "AWS_EC2_METADATA_SERVICE_ENDPOINT", loopback.URL)
}

func TestRegionOfTheInstanceIsAskedForOnce(t *testing.T) {
	server := &sourceServer{answers: map[string]string{
		imdsTokenRoute:                           testJWT,
		"GET /latest/meta-data/placement/region": "eu-south-2\n",
	}}
	serveIMDS(t, server)
	for i := 0; i < 3; i++ {
		region, err := imdsRegion(context.Background())
		if err != nil || region != "eu-south-2" {
			t.Errorf("region %q: %v", region, err)
		}
	}
	if asked := server.asked(); len(asked) != 2 {
		t.Errorf("asked %v", asked)
	}
}

func TestRegionThatTheInstanceDoesNotTell(t *testing.T) {
	server := &sourceServer{answers: map[string]string{
		imdsTokenRoute:                           testJWT,
		"GET /latest/meta-data/placement/region": "nowhere/..",
	}}
	serveIMDS(t, server)
	for i := 0; i < 3; i++ {
		region, err := imdsRegion(context.Background())
		if err == nil || region != "" || !strings.Contains(err.Error(), "no region") {
			t.Errorf("region %q: %v", region, err)
		}
	}
	if asked := server.asked(); len(asked) != 2 {
		t.Errorf("asked again at once: %v", asked)
	}
}

func TestWaitForTheRegionEndsWithTheRequest(t *testing.T) {
	serveIMDS(t, &sourceServer{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	flight := newRegionFlight()
	instanceRegion.Lock()
	instanceRegion.flight = flight // that nobody ends
	instanceRegion.Unlock()
	_, err := imdsRegion(ctx)
	instanceRegion.Lock()
	instanceRegion.flight = nil
	instanceRegion.Unlock()
	if err == nil {
		t.Error("the request went on")
	}
}

func TestFunctionIsInvokedInTheRegionOfTheInstance(t *testing.T) {
	serveIMDS(t, &sourceServer{answers: map[string]string{
		imdsTokenRoute:                           testJWT,
		"GET /latest/meta-data/placement/region": "eu-south-2",
	}})
	lambda := newFakeLambda(t, replies(`{"statusCode":200}`))
	config := testConfig(lambda)
	config.Region = ""
	handler := newTestHandler(t, config)
	for i := 0; i < 2; i++ {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://example.com/", http.NoBody))
		if w.Code != http.StatusOK {
			t.Fatalf("status %d", w.Code)
		}
		if got := signedBy(lambda.requests[i]); !strings.HasSuffix(got, "/eu-south-2/lambda/aws4_request") {
			t.Errorf("signed by %s", got)
		}
	}
}
