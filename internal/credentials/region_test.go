package credentials

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// forgetInstanceRegion makes the next InstanceRegion ask.
func forgetInstanceRegion() {
	instanceRegion.Lock()
	instanceRegion.region = ""
	instanceRegion.retryAt = time.Time{}
	instanceRegion.Unlock()
}

func TestRegion(t *testing.T) {
	const config = "[default]\nregion = ap-south-1\n[profile dev]\nregion = ap-east-1\n"
	tests := map[string]struct {
		env     map[string]string
		options *Config
		want    string
	}{
		"AWS_REGION comes first":   {env: map[string]string{"AWS_REGION": "eu-west-3", "AWS_DEFAULT_REGION": "us-west-1"}, want: "eu-west-3"},
		"then AWS_DEFAULT_REGION":  {env: map[string]string{"AWS_DEFAULT_REGION": "us-west-1"}, want: "us-west-1"},
		"then the default profile": {want: "ap-south-1"},
		"or AWS_PROFILE":           {env: map[string]string{"AWS_PROFILE": "dev"}, want: "ap-east-1"},
		"or the profile of the options": {env: map[string]string{"AWS_PROFILE": "other"},
			options: &Config{Profile: "dev"}, want: "ap-east-1"},
		"none":                  {env: map[string]string{"AWS_PROFILE": "other"}},
		"none without its file": {options: &Config{ConfigFile: "/does/not/exist"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			noAWSEnvironment(t)
			setEnvironment(t, tc.env)
			setenv(t, "AWS_CONFIG_FILE", writeTestFile(t, "config", config))
			if got := Region(tc.options); got != tc.want {
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
		region, err := InstanceRegion(context.Background())
		if err != nil || region != "eu-south-2" {
			t.Errorf("region %q: %v", region, err)
		}
	}
	if asked := server.asked(); len(asked) != 2 {
		t.Errorf("asked %v", asked)
	}
}

func TestInstanceRegionFaults(t *testing.T) {
	server := &sourceServer{answers: map[string]string{
		imdsTokenRoute:                           testJWT,
		"GET /latest/meta-data/placement/region": "nowhere/..",
	}}
	serveIMDS(t, server)
	for i := 0; i < 3; i++ {
		region, err := InstanceRegion(context.Background())
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
	instanceRegion.flight = flight // it never ends
	instanceRegion.Unlock()
	_, err := InstanceRegion(ctx)
	instanceRegion.Lock()
	instanceRegion.flight = nil
	instanceRegion.Unlock()
	if err == nil {
		t.Error("the request went on")
	}
}
