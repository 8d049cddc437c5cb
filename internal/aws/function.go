package aws

import (
	"fmt"
	"regexp"
	"strings"
)

// functionPattern is the pattern of FunctionName with its parts named, from
// https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#lambda-Invoke-request-FunctionName
// with wider regions: AWS's pattern does not match the European Sovereign Cloud, eusc-de-east-1.
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
	// MaxFunctionName is the length of the longest name of a function.
	MaxFunctionName = 64

	maxFunctionARN = 256
)

// Function is a parsed reference to a Lambda function.
type Function struct {
	Ref       string // name, partial ARN or ARN, without the qualifier: as in the path of an invocation
	Name      string
	Qualifier string // version or alias; empty for $LATEST
	Region    string // empty unless Ref is an ARN
	AccountID string // empty unless Ref is an ARN or a partial one
}

// ParseFunction parses a function's name, partial ARN or ARN, and its qualifier, which is empty or a version, an alias
// or $LATEST. Its errors begin with "function: " or "qualifier: ", the options of these values.
func ParseFunction(ref, qualifier string) (*Function, error) {
	m := functionPattern.FindStringSubmatch(ref)
	// AWS's pattern also matches ARNs that lack parts, and then takes another part for the name.
	cut := strings.HasPrefix(ref, "arn:") && (m == nil || m[2] == "" || m[3] == "" || !strings.Contains(ref, ":function:"))
	if m == nil || cut || len(ref) > maxFunctionARN || len(m[4]) > MaxFunctionName {
		return nil, fmt.Errorf("function: %q: want a function's name, its partial ARN or its ARN", ref)
	}
	f := &Function{Ref: ref, Name: m[4], Qualifier: m[5], Region: m[2], AccountID: m[3]}
	if f.Qualifier != "" {
		f.Ref = strings.TrimSuffix(ref, ":"+f.Qualifier)
	}
	switch {
	case qualifier == "":
	case !qualifierPattern.MatchString(qualifier):
		return nil, fmt.Errorf("qualifier: %q: want a version, an alias or $LATEST", qualifier)
	case f.Qualifier != "" && f.Qualifier != qualifier:
		return nil, fmt.Errorf("qualifier: %q: function %q has another one already", qualifier, ref)
	default:
		f.Qualifier = qualifier
	}
	return f, nil
}
