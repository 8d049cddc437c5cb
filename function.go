package lambda

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/seed05e46011/lambda/internal/aws"
	"github.com/seed05e46011/lambda/internal/credentials"
	"github.com/seed05e46011/lambda/internal/metrics"
	"github.com/seed05e46011/lambda/internal/sigv4"
)

// target is a function with all of its invocation that does not depend on the request.
type target struct {
	function       *aws.Function
	url            *url.URL // what to post to
	endpoint       string   // the same as text
	host           string   // the Host header
	plain          bool     // http://
	canonicalPath  string
	canonicalQuery string
	region         string // "" where only the instance's metadata may know it

	label  string            // what metrics call it: "name" or "name:qualifier"
	counts *metrics.Function // nil for a name from a path, which is looked up

	// What newTarget was told, and, where region is "", the *target in the instance's region.
	api      *lambdaAPI
	regional atomic.Value

	// prepared holds the *preparedInvocation of the second (invoke.go).
	prepared atomic.Value
}

// lambdaAPI is where functions are called: what the targets of a handler have in common.
type lambdaAPI struct {
	endpoint       string // "" for the region's own
	region         string // of option region, "" where the functions' ARNs and fallbackRegion count
	fallbackRegion string // of the environment or the profile; "" for none
	fips           bool
	dualStack      bool
	streamed       bool // calls InvokeWithResponseStream instead of Invoke
}

func newLambdaAPI(c *Config) *lambdaAPI {
	return &lambdaAPI{
		endpoint:       c.Endpoint,
		region:         c.Region,
		fallbackRegion: credentials.Region(c.Credentials),
		fips:           c.UseFIPS,
		dualStack:      c.UseDualStack,
		streamed:       c.InvokeMode == invokeModeStream,
	}
}

// regionOf returns the region to call f in, "" where nobody has said.
func (a *lambdaAPI) regionOf(f *aws.Function) string {
	for _, region := range []string{a.region, f.Region, a.fallbackRegion} {
		if region != "" {
			return region
		}
	}
	return ""
}

// regionOf returns the region of option function, or what is known of one where there is none.
func regionOf(t *target, api *lambdaAPI) string {
	if t != nil {
		return t.region
	}
	return api.regionOf(&aws.Function{})
}

// endpointIn returns the base URL of the API in a region.
func (a *lambdaAPI) endpointIn(region string) string {
	if a.endpoint != "" {
		return a.endpoint
	}
	return aws.Endpoint("lambda", region, a.fips, a.dualStack)
}

// newTarget returns the target of f.
func newTarget(f *aws.Function, api *lambdaAPI) (*target, error) {
	region := api.regionOf(f)
	base, err := url.Parse(api.endpointIn(region))
	if err != nil {
		return nil, fmt.Errorf("endpoint: %w", err)
	}
	path := strings.TrimSuffix(base.EscapedPath(), "/") + invocationPath(f, api.streamed)
	query := ""
	if f.Qualifier != "" {
		query = "Qualifier=" + url.QueryEscape(f.Qualifier)
	}
	t := &target{
		function:       f,
		label:          f.Name,
		host:           sigv4.HostHeader(base),
		plain:          base.Scheme == "http",
		canonicalPath:  sigv4.CanonicalPath(path),
		canonicalQuery: query,
		region:         region,
		api:            api,
	}
	if f.Qualifier != "" {
		t.label += ":" + f.Qualifier
	}
	t.endpoint = base.Scheme + "://" + t.host + path
	if query != "" {
		t.endpoint += "?" + query
	}
	invocation, err := http.NewRequestWithContext(context.Background(), http.MethodPost, t.endpoint, http.NoBody) //nolint:gosec // the operator names it
	if err != nil {
		return nil, fmt.Errorf("endpoint: %w", err)
	}
	t.url = invocation.URL
	t.prepared.Store(&preparedInvocation{})
	return t, nil
}

func invocationPath(f *aws.Function, streamed bool) string {
	if streamed {
		return "/2021-11-15/functions/" + url.QueryEscape(f.Ref) + "/response-streaming-invocations"
	}
	return "/2015-03-31/functions/" + url.QueryEscape(f.Ref) + "/invocations"
}

// regionalTarget returns the target of a request, which has no region, in that of the EC2 instance.
func regionalTarget(ctx context.Context, req *request) (*target, error) {
	t := req.target
	regional, ok := t.regional.Load().(*target)
	if ok {
		return regional, nil
	}
	region, err := credentials.InstanceRegion(ctx)
	if err != nil {
		return nil, interrupted(ctx, req, causeRegion, err)
	}
	api := *t.api
	api.region = region
	regional, err = newTarget(t.function, &api)
	if err != nil {
		return nil, failureOf(causeRegion, err)
	}
	t.regional.Store(regional)
	return regional, nil
}
