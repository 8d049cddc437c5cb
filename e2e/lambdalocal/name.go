package lambdalocal

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
)

// account owns every function that is called by its bare name.
const account = "123456789012"

// latest is the qualifier of what runs when nothing else is asked for.
const latest = "$LATEST"

// https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html, "URI Request Parameters".
const (
	maxBareName = 64
	maxARN      = 256
	namePattern = `(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?` +
		`(function:)?([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?`
)

var (
	functionNamePattern = regexp.MustCompile(`^` + namePattern + `$`)
	qualifierPattern    = regexp.MustCompile(`^(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+)$`)
	bareNamePattern     = regexp.MustCompile(`^[a-zA-Z0-9-_]+$`)
	versionPattern      = regexp.MustCompile(`^[0-9]+$`)
)

// functionID is a function as a request names it.
type functionID struct {
	partition, region, account, name string
	// qualifier is empty if neither the name nor the query has one.
	qualifier string
}

// parseFunctionID takes the name apart: bare name, partial ARN or ARN, each with or without a qualifier.
// region is the one that the request is signed for.
func parseFunctionID(name, qualifier, region string) (functionID, *apiError) {
	m := functionNamePattern.FindStringSubmatch(name)
	if m == nil {
		return functionID{}, validationError("functionName", name, namePattern)
	}
	if qualifier != "" && !qualifierPattern.MatchString(qualifier) {
		return functionID{}, validationError("qualifier", qualifier, qualifierPattern.String())
	}
	id := functionID{ // The groups of namePattern, by their opening brackets.
		partition: m[2],
		region:    strings.TrimSuffix(m[3], ":"),
		account:   strings.TrimSuffix(m[8], ":"),
		name:      m[10],
		qualifier: m[12],
	}
	if len(name) > maxARN || len(id.name) > maxBareName {
		return functionID{}, validationError("functionName", name, namePattern)
	}
	if qualifier != "" && id.qualifier != "" && qualifier != id.qualifier {
		return functionID{}, &apiError{http.StatusBadRequest, "InvalidParameterValueException",
			"The derived qualifier from the function name does not match the specified qualifier."}
	}
	if id.qualifier == "" {
		id.qualifier = qualifier
	}
	return id.complete(region)
}

func (id functionID) complete(region string) (functionID, *apiError) {
	if id.region != "" && id.region != region {
		return functionID{}, notFound(fmt.Sprintf("Functions from '%s' are not reachable in this region ('%s')", id.region, region))
	}
	id.region = region
	if id.account == "" {
		id.account = account
	}
	if id.partition == "" {
		id.partition = partitionOf(region)
	}
	return id, nil
}

// partitionOf knows the partitions by the regions' prefixes:
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-region.html
func partitionOf(region string) string {
	for _, p := range []struct{ prefix, partition string }{
		{"cn-", "aws-cn"},
		{"us-gov-", "aws-us-gov"},
		{"us-isob-", "aws-iso-b"},
		{"us-isof-", "aws-iso-f"},
		{"eu-isoe-", "aws-iso-e"},
		{"us-iso-", "aws-iso"},
		{"eusc-", "aws-eusc"},
	} {
		if strings.HasPrefix(region, p.prefix) {
			return p.partition
		}
	}
	return "aws"
}

// arn is the invoked function's, with the qualifier if the caller gave one.
func (id functionID) arn() string {
	arn := "arn:" + id.partition + ":lambda:" + id.region + ":" + id.account + ":function:" + id.name
	if id.qualifier != "" {
		arn += ":" + id.qualifier
	}
	return arn
}

// executedVersion is the version that the qualifier leads to.
func (id functionID) executedVersion() string {
	if versionPattern.MatchString(id.qualifier) {
		return id.qualifier
	}
	return latest
}
