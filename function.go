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

// target is a function, with the parts of its invocations that do not depend on the request.
type target struct {
	function       *aws.Function
	url            *url.URL // where invocations are posted
	endpoint       string   // the same, as text
	host           string   // the Host header
	canonicalPath  string
	canonicalQuery string
	region         string // "" if only the EC2 instance's metadata may tell

	label  string            // its name in metrics: "name" or "name:qualifier"
	counts *metrics.Function // nil for a name from a path, which countsOf looks up

	// newTarget's argument and, if region is "", the *target in the instance's region.
	api      *lambdaAPI
	regional atomic.Value

	// prepared holds the current second's *preparedInvocation (invoke.go).
	prepared atomic.Value
}

// lambdaAPI is the Lambda API that a handler calls: what its targets share.
type lambdaAPI struct {
	endpoint       string // "" for the region's endpoint
	region         string // from option region; "" to use the functions' ARNs or fallbackRegion
	fallbackRegion string // from the environment or the profile; "" for none
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

// regionOf returns the region in which to call f; "" if unknown.
func (a *lambdaAPI) regionOf(f *aws.Function) string {
	for _, region := range []string{a.region, f.Region, a.fallbackRegion} {
		if region != "" {
			return region
		}
	}
	return ""
}

// regionOf returns the target's region or, without a target, the one that the API's settings give.
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
	invocation, err := http.NewRequestWithContext(context.Background(), http.MethodPost, t.endpoint, http.NoBody)
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

// regionalTarget returns the request's target in the EC2 instance's region, for a target without a
// region.
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
