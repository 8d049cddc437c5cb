// Package aws knows how AWS names things: functions, regions, partitions and the endpoints of its services.
package aws

import "strings"

// partition is a part of AWS with its own accounts, names and endpoints.
type partition struct {
	name            string // as ARNs begin with it, "arn:name:"
	regionPrefix    string
	domain          string
	dualStackDomain string
}

// partitions lists the partitions as AWS's SDKs have them in partitions.json. The last row is for all other regions.
var partitions = []partition{
	{"aws-cn", "cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"},
	{"aws-eusc", "eusc-", "amazonaws.eu", "api.amazonwebservices.eu"},
	{"aws-iso", "us-iso-", "c2s.ic.gov", "api.aws.ic.gov"},
	{"aws-iso-b", "us-isob-", "sc2s.sgov.gov", "api.aws.scloud"},
	{"aws-iso-e", "eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"},
	{"aws-iso-f", "us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"},
	{"aws-us-gov", "us-gov-", "amazonaws.com", "api.aws"},
	{"aws", "", "amazonaws.com", "api.aws"},
}

func partitionOf(region string) partition {
	i := 0
	for !strings.HasPrefix(region, partitions[i].regionPrefix) {
		i++
	}
	return partitions[i]
}

// Partition returns the partition of a region by its name in ARNs: "aws", "aws-cn" …. For an empty region it returns
// "aws".
func Partition(region string) string { return partitionOf(region).name }

// IsRegion reports whether s looks like a region, such as "eu-central-1".
func IsRegion(s string) bool { return regionPattern.MatchString(s) }

// Endpoint returns the base URL of a service in a region, such as "https://lambda.eu-central-1.amazonaws.com". fips
// selects the endpoint with validated cryptography, dualStack the one with IPv6.
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

// STSEndpoint returns the base URL of STS in a region. For an empty region it returns the global endpoint, which
// expects signatures for us-east-1. In GovCloud every endpoint of STS has validated cryptography under its usual
// name.
func STSEndpoint(region string, fips, dualStack bool) string {
	if region == "" {
		return "https://sts.amazonaws.com"
	}
	if strings.HasPrefix(region, "us-gov-") && !dualStack {
		fips = false
	}
	return Endpoint("sts", region, fips, dualStack)
}
