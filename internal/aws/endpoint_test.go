package aws

import "testing"

// The hosts are those in AWS's SDKs: region, then plain, FIPS, dual stack, both.
func TestEndpoint(t *testing.T) {
	for region, want := range map[string][4]string{
		"eu-central-1": {
			"lambda.eu-central-1.amazonaws.com", "lambda-fips.eu-central-1.amazonaws.com",
			"lambda.eu-central-1.api.aws", "lambda-fips.eu-central-1.api.aws",
		},
		"us-gov-west-1": {
			"lambda.us-gov-west-1.amazonaws.com", "lambda-fips.us-gov-west-1.amazonaws.com",
			"lambda.us-gov-west-1.api.aws", "lambda-fips.us-gov-west-1.api.aws",
		},
		"cn-north-1": {
			"lambda.cn-north-1.amazonaws.com.cn", "lambda-fips.cn-north-1.amazonaws.com.cn",
			"lambda.cn-north-1.api.amazonwebservices.com.cn", "lambda-fips.cn-north-1.api.amazonwebservices.com.cn",
		},
		"us-iso-east-1": {
			"lambda.us-iso-east-1.c2s.ic.gov", "lambda-fips.us-iso-east-1.c2s.ic.gov",
			"lambda.us-iso-east-1.api.aws.ic.gov", "lambda-fips.us-iso-east-1.api.aws.ic.gov",
		},
		"us-isob-east-1": {
			"lambda.us-isob-east-1.sc2s.sgov.gov", "lambda-fips.us-isob-east-1.sc2s.sgov.gov",
			"lambda.us-isob-east-1.api.aws.scloud", "lambda-fips.us-isob-east-1.api.aws.scloud",
		},
		"eusc-de-east-1": {
			"lambda.eusc-de-east-1.amazonaws.eu", "lambda-fips.eusc-de-east-1.amazonaws.eu",
			"lambda.eusc-de-east-1.api.amazonwebservices.eu", "lambda-fips.eusc-de-east-1.api.amazonwebservices.eu",
		},
	} {
		for i, host := range want {
			if got := Endpoint("lambda", region, i&1 != 0, i&2 != 0); got != "https://"+host {
				t.Errorf("got %s, want https://%s", got, host)
			}
		}
	}
}

func TestSTSEndpoint(t *testing.T) {
	for name, tc := range map[string]struct {
		region          string
		fips, dualStack bool
		want            string
	}{
		"no region, the global one":              {"", false, false, "https://sts.amazonaws.com"},
		"of a region":                            {"eu-central-1", false, false, "https://sts.eu-central-1.amazonaws.com"},
		"FIPS":                                   {"us-east-2", true, false, "https://sts-fips.us-east-2.amazonaws.com"},
		"FIPS in GovCloud":                       {"us-gov-west-1", true, false, "https://sts.us-gov-west-1.amazonaws.com"},
		"dual stack":                             {"eu-central-1", false, true, "https://sts.eu-central-1.api.aws"},
		"dual stack in China":                    {"cn-north-1", false, true, "https://sts.cn-north-1.api.amazonwebservices.com.cn"},
		"dual stack in Europe's sovereign cloud": {"eusc-de-east-1", false, true, "https://sts.eusc-de-east-1.api.amazonwebservices.eu"},
		"dual stack in an isolated partition":    {"us-iso-east-1", false, true, "https://sts.us-iso-east-1.api.aws.ic.gov"},
		"both":                                   {"us-east-2", true, true, "https://sts-fips.us-east-2.api.aws"},
		"both in GovCloud":                       {"us-gov-west-1", true, true, "https://sts-fips.us-gov-west-1.api.aws"},
	} {
		if got := STSEndpoint(tc.region, tc.fips, tc.dualStack); got != tc.want {
			t.Errorf("%s: got %s, want %s", name, got, tc.want)
		}
	}
}

func TestIsRegion(t *testing.T) {
	for region, want := range map[string]bool{
		"eu-central-1": true, "us-gov-west-1": true, "eusc-de-east-1": true, "us-isob-east-1": true,
		"": false, "eu-central": false, "EU-CENTRAL-1": false, "nowhere/..": false, "eu-central-1.evil.example": false,
	} {
		if got := IsRegion(region); got != want {
			t.Errorf("%q: got %t, want %t", region, got, want)
		}
	}
}
