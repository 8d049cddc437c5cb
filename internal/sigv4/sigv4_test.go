package sigv4

import (
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestCanonicalQuery(t *testing.T) {
	for name, tc := range map[string]struct{ query, want string }{
		"none":                                  {"", ""},
		"a name without a value":                {"a", "a="},
		"a blank is %20, and + is escaped":      {"a=b+c&d=e%2Bf", "a=b%20c&d=e%2Bf"},
		"values of one name are sorted":         {"a=2&a=1&a=10", "a=1&a=10&a=2"},
		"a name comes before a longer one":      {"a-b=1&a1=2&a=3", "a=3&a-b=1&a1=2"},
		"upper case comes before lower case":    {"b=1&B=2&a=3", "B=2&a=3&b=1"},
		"names are sorted once escaped":         {"Param-3=Value3&Param=Value2&%E1%88%B4=Value1", "%E1%88%B4=Value1&Param=Value2&Param-3=Value3"},
		"values are sorted once escaped":        {"a=z&a=%7B", "a=%7B&a=z"},
		"a line break is no border":             {"a%0Ab=1&a=2", "a=2&a%0Ab=1"},
		"what need not be escaped stays so":     {"a-._~=%7E", "a-._~=~"},
		"slashes and colons are escaped, too":   {"a=/b:c", "a=%2Fb%3Ac"},
		"an escape of an escape stays distinct": {"a=%252F", "a=%252F"},
	} {
		query, err := url.ParseQuery(tc.query)
		if err != nil {
			t.Fatal(err)
		}
		if got := CanonicalQuery(query); got != tc.want {
			t.Errorf("%s: got %s, want %s", name, got, tc.want)
		}
	}
}

func TestCanonicalPath(t *testing.T) {
	for name, tc := range map[string]struct{ path, want string }{
		"none is the root":                  {"", "/"},
		"the root":                          {"/", "/"},
		"an escape is escaped once more":    {"/functions/arn%3Aaws/x", "/functions/arn%253Aaws/x"},
		"an escaped slash is no slash":      {"/a%2Fb", "/a%252Fb"},
		"a colon is sent as it is, escaped": {"/a:b", "/a%3Ab"},
	} {
		if got := CanonicalPath(tc.path); got != tc.want {
			t.Errorf("%s: got %s, want %s", name, got, tc.want)
		}
	}
}

// The example of https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
func TestSigningKey(t *testing.T) {
	const want = "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
	for i := 0; i < 2; i++ { // derived, and kept
		key := SigningKey("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20150830", "us-east-1", "iam")
		if got := hex.EncodeToString(key); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if other := SigningKey("another", "20150830", "us-east-1", "iam"); hex.EncodeToString(other) == want {
		t.Error("got the key of another secret")
	}
}

// AWS's example of a signed GET, in the same place.
func TestSign(t *testing.T) {
	req, err := http.NewRequest(http.MethodGet, "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	req.Header.Set("User-Agent", "is not signed")
	c := &Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
	Sign(req, nil, c, "us-east-1", "iam", time.Date(2015, time.August, 30, 12, 36, 0, 0, time.UTC))
	got := req.Header.Get("Authorization")
	want := "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, " +
		"SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	c.SessionToken = "token"
	Sign(req, nil, c, "us-east-1", "iam", time.Unix(0, 0))
	got = req.Header.Get("Authorization")
	if req.Header.Get("X-Amz-Security-Token") != "token" || !strings.Contains(got, "x-amz-security-token,") {
		t.Errorf("got %s, want a signed session token", got)
	}
}
