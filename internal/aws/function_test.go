package aws

import (
	"strings"
	"testing"
)

func TestParseFunction(t *testing.T) {
	const arn = "arn:aws:lambda:eu-central-1:123456789012:function:hello"
	for name, tc := range map[string]struct {
		ref, qualifier string
		want           Function
	}{
		"a name":                   {"hello", "", Function{Ref: "hello", Name: "hello"}},
		"a name with its alias":    {"hello:live", "", Function{Ref: "hello", Name: "hello", Qualifier: "live"}},
		"a qualifier beside it":    {"hello", "42", Function{Ref: "hello", Name: "hello", Qualifier: "42"}},
		"the same qualifier twice": {"hello:live", "live", Function{Ref: "hello", Name: "hello", Qualifier: "live"}},
		"$LATEST":                  {"hello", "$LATEST", Function{Ref: "hello", Name: "hello", Qualifier: "$LATEST"}},
		"a partial ARN":            {"123456789012:hello", "", Function{Ref: "123456789012:hello", Name: "hello", AccountID: "123456789012"}},
		"an ARN":                   {arn, "", Function{Ref: arn, Name: "hello", Region: "eu-central-1", AccountID: "123456789012"}},
		"an ARN with a version":    {arn + ":7", "", Function{Ref: arn, Name: "hello", Qualifier: "7", Region: "eu-central-1", AccountID: "123456789012"}},
		"of the sovereign cloud": {"arn:aws-eusc:lambda:eusc-de-east-1:123456789012:function:f", "", Function{
			Ref: "arn:aws-eusc:lambda:eusc-de-east-1:123456789012:function:f", Name: "f", Region: "eusc-de-east-1", AccountID: "123456789012"}},
	} {
		got, err := ParseFunction(tc.ref, tc.qualifier)
		if err != nil || *got != tc.want {
			t.Errorf("%s: got %v, %v, want %v", name, got, err, tc.want)
		}
	}
}

func TestParseFunctionRefuses(t *testing.T) {
	for name, tc := range map[string]struct{ ref, qualifier, want string }{
		"nothing":                    {"", "", `function: ""`},
		"a path":                     {"a/b", "", `function: "a/b"`},
		"another service's ARN":      {"arn:aws:s3:::bucket", "", "function: "},
		"an ARN without its region":  {"arn:aws:lambda:123456789012:function:hello", "", "function: "},
		"an ARN without its account": {"arn:aws:lambda:eu-central-1:function:hello", "", "function: "},
		"a name of 65 letters":       {strings.Repeat("a", 65), "", "function: "},
		"a qualifier with a slash":   {"hello", "a/b", `qualifier: "a/b"`},
		"two different qualifiers":   {"hello:live", "42", `qualifier: "42": function "hello:live" has another one`},
	} {
		if _, err := ParseFunction(tc.ref, tc.qualifier); err == nil || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want an error that begins with %s", name, err, tc.want)
		}
	}
}
