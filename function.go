package lambda

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"

	"github.com/seed05e46011/lambda/internal/sigv4"
)

// functionPattern is the pattern of FunctionName with its parts named, from
// https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#lambda-Invoke-request-FunctionName
// with wider regions: that of the European Sovereign Cloud, eusc-de-east-1, is not in the pattern.
var functionPattern = regexp.MustCompile(
	`^(?:arn:(aws[a-zA-Z-]*)?:lambda:)?(?:(` + regionExpr + `):)?(?:(\d{12}):)?(?:function:)?` +
		`([a-zA-Z0-9\-_.]+)(?::(` + qualifierExpr + `))?$`)

const (
	regionExpr    = `[a-z]{2,4}(?:-[a-z]+)+-\d`
	qualifierExpr = `\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9\-_]+`
)

var (
	regionPattern    = regexp.MustCompile(`^` + regionExpr + `$`)
	qualifierPattern = regexp.MustCompile(`^(?:` + qualifierExpr + `)$`)
)

const (
	maxFunctionName = 64
	maxFunctionARN  = 256
)

// function is what a reference to a Lambda function says.
type function struct {
	ref       string // as the path of an invocation names it: without the qualifier
	name      string
	qualifier string // "" for $LATEST
	region    string // "" unless ref is an ARN
	accountID string // "" unless ref is an ARN or a partial one
}

// parseFunction reads the options function and qualifier.
func parseFunction(ref, qualifier string) (*function, error) {
	m := functionPattern.FindStringSubmatch(ref)
	// AWS's pattern takes an ARN that lacks parts, and then something else for the name.
	cut := strings.HasPrefix(ref, "arn:") && (m == nil || m[2] == "" || m[3] == "" || !strings.Contains(ref, ":function:"))
	if m == nil || cut || len(ref) > maxFunctionARN || len(m[4]) > maxFunctionName {
		return nil, fmt.Errorf("function: %q: want a function's name, its partial ARN or its ARN", ref)
	}
	f := &function{ref: ref, name: m[4], qualifier: m[5], region: m[2], accountID: m[3]}
	if f.qualifier != "" {
		f.ref = strings.TrimSuffix(ref, ":"+f.qualifier)
	}
	switch {
	case qualifier == "":
	case !qualifierPattern.MatchString(qualifier):
		return nil, fmt.Errorf("qualifier: %q: want a version, an alias or $LATEST", qualifier)
	case f.qualifier != "" && f.qualifier != qualifier:
		return nil, fmt.Errorf("qualifier: %q: function %q has another one already", qualifier, ref)
	default:
		f.qualifier = qualifier
	}
	return f, nil
}

// target is a function with all of its invocation that does not depend on the request.
type target struct {
	*function
	url            *url.URL // what to post to
	endpoint       string   // the same as text
	host           string   // the Host header
	plain          bool     // http://
	canonicalPath  string
	canonicalQuery string
	region         string // "" where only the instance's metadata may know it

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
		fallbackRegion: resolveRegion("", "", c.Credentials),
		fips:           c.UseFIPS,
		dualStack:      c.UseDualStack,
		streamed:       c.InvokeMode == invokeModeStream,
	}
}

// regionOf returns the region to call f in, "" where nobody has said.
func (a *lambdaAPI) regionOf(f *function) string {
	for _, region := range []string{a.region, f.region, a.fallbackRegion} {
		if region != "" {
			return region
		}
	}
	return ""
}

// endpointIn returns the base URL of the API in a region.
func (a *lambdaAPI) endpointIn(region string) string {
	if a.endpoint != "" {
		return a.endpoint
	}
	host := "lambda"
	if a.fips {
		host = "lambda-fips"
	}
	if a.dualStack {
		return "https://" + host + "." + region + "." + partitionOf(region).dualStackDNSSuffix
	}
	return "https://" + host + "." + region + "." + dnsSuffix(region)
}

// newTarget returns the target of f.
func newTarget(f *function, api *lambdaAPI) (*target, error) {
	region := api.regionOf(f)
	base, err := url.Parse(api.endpointIn(region))
	if err != nil {
		return nil, fmt.Errorf("endpoint: %w", err)
	}
	path := strings.TrimSuffix(base.EscapedPath(), "/") + invocationPath(f, api.streamed)
	query := ""
	if f.qualifier != "" {
		query = "Qualifier=" + url.QueryEscape(f.qualifier)
	}
	t := &target{
		function:       f,
		host:           withoutDefaultPort(base),
		plain:          base.Scheme == "http",
		canonicalPath:  sigv4.CanonicalPath(path),
		canonicalQuery: query,
		region:         region,
		api:            api,
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

func invocationPath(f *function, streamed bool) string {
	if streamed {
		return "/2021-11-15/functions/" + url.QueryEscape(f.ref) + "/response-streaming-invocations"
	}
	return "/2015-03-31/functions/" + url.QueryEscape(f.ref) + "/invocations"
}

// withoutDefaultPort returns the Host header for u. AWS's signers leave the scheme's own port
// out of it.
func withoutDefaultPort(u *url.URL) string {
	if (u.Scheme == "https" && u.Port() == "443") || (u.Scheme == "http" && u.Port() == "80") {
		return strings.TrimSuffix(u.Host, ":"+u.Port())
	}
	return u.Host
}

// partition is one of AWS's closed worlds: accounts, names and endpoints of their own.
type partition struct {
	regionPrefix       string
	dnsSuffix          string
	dualStackDNSSuffix string
}

// partitions lists those whose endpoints are not under amazonaws.com, as AWS's SDKs have them
// in partitions.json. The last one is all others, aws and aws-us-gov.
var partitions = []partition{
	{"cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"},
	{"eusc-", "amazonaws.eu", "api.amazonwebservices.eu"},
	{"us-iso-", "c2s.ic.gov", "api.aws.ic.gov"},
	{"us-isob-", "sc2s.sgov.gov", "api.aws.scloud"},
	{"eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"},
	{"us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"},
	{"", "amazonaws.com", "api.aws"},
}

// dnsSuffix returns the domain of AWS's endpoints in the partition of a region.
func dnsSuffix(region string) string { return partitionOf(region).dnsSuffix }

func partitionOf(region string) partition {
	i := 0
	for !strings.HasPrefix(region, partitions[i].regionPrefix) {
		i++
	}
	return partitions[i]
}
