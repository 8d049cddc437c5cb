package lambda

import (
	"errors"
	"os"
)

// errNoRegion says where a region was looked for.
var errNoRegion = errors.New("no region: looked in option region, the function's ARN, AWS_REGION and AWS_DEFAULT_REGION")

// resolveRegion returns the region to call, "" for none: option is the operator's, arn that of
// the function's ARN.
func resolveRegion(option, arn string) string {
	for _, region := range []string{option, arn, os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION")} {
		if region != "" {
			return region
		}
	}
	return ""
}
