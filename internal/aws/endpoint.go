// Package aws knows how AWS names things: functions, regions, partitions and the endpoints of its services.
package aws

import "strings"

// partition is one of AWS's closed worlds: accounts, names and endpoints of their own.
type partition struct {
	regionPrefix    string
	domain          string
	dualStackDomain string
}

// partitions lists the partitions whose domains differ from those of the first one, as AWS's SDKs have them in
// partitions.json. The last row is for all others, aws and aws-us-gov.
var partitions = []partition{
	{"cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"},
	{"eusc-", "amazonaws.eu", "api.amazonwebservices.eu"},
	{"us-iso-", "c2s.ic.gov", "api.aws.ic.gov"},
	{"us-isob-", "sc2s.sgov.gov", "api.aws.scloud"},
	{"eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"},
	{"us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"},
	{"", "amazonaws.com", "api.aws"},
}

func partitionOf(region string) partition {
	i := 0
	for !strings.HasPrefix(region, partitions[i].regionPrefix) {
		i++
	}
	return partitions[i]
}

// IsRegion reports whether s looks like a region, such as "eu-central-1".
func IsRegion(s string) bool { return regionPattern.MatchString(s) }

// Endpoint returns the base URL of a service in a region, such as "https://lambda.eu-central-1.amazonaws.com". fips
// asks for the endpoint with validated cryptography, dualStack for the one that has IPv6 as well.
func Endpoint(service, region string, fips, dualStack bool) string {
	if fips {
		service += "-fips"
	}
	domain := partitionOf(region).domain
	if dualStack {
		domain = partitionOf(region).dualStackDomain
	}
	return "https://" + service + "." + region + "." + domain
}

// STSEndpoint returns the base URL of STS in a region; for an empty region that of the global endpoint, which signs
// for us-east-1. In GovCloud every endpoint of STS has validated cryptography under its usual name.
func STSEndpoint(region string, fips, dualStack bool) string {
	if region == "" {
		return "https://sts.amazonaws.com"
	}
	if strings.HasPrefix(region, "us-gov-") && !dualStack {
		fips = false
	}
	return Endpoint("sts", region, fips, dualStack)
}
