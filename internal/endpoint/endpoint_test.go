package endpoint

import "testing"

func TestIsBase(t *testing.T) {
	for name, row := range map[string]struct {
		text string
		want bool
	}{
		"a host":                  {"https://lambda.example", true},
		"plain HTTP":              {"http://lambda.example", true},
		"an address":              {"http://[::1]:9001", true},
		"a port and a path":       {"https://lambda.example:8443/x/", true},
		"no scheme":               {"lambda.example", false},
		"a port without a scheme": {"lambda.example:8443", false},
		"another scheme":          {"ftp://lambda.example", false},
		"no host":                 {"https:///x", false},
		"a password":              {"https://user:secret@lambda.example", false},
		"a query":                 {"https://lambda.example/?a=b", false},
		"a fragment":              {"https://lambda.example/#a", false},
		"a line break":            {"https://lambda.example/\n", false},
		"nothing":                 {"", false},
	} {
		if got := IsBase(row.text); got != row.want {
			t.Errorf("%s: got %t, want %t", name, got, row.want)
		}
	}
}

func TestRedact(t *testing.T) {
	for name, row := range map[string]struct{ text, want string }{
		"nothing to hide":              {"https://lambda.example/x", "https://lambda.example/x"},
		"a password":                   {"https://user:secret@lambda.example/x", "…@lambda.example/x"},
		"a password with an at":        {"https://user:s@cret@lambda.example", "…@lambda.example"},
		"a password in an invalid URL": {"user:secret@lambda example", "…@lambda example"},
		"an at in the path":            {"https://user:secret@lambda.example/a@b", "…@b"},
	} {
		if got := Redact(row.text); got != row.want {
			t.Errorf("%s: got %q, want %q", name, got, row.want)
		}
	}
}

func TestIsLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost":         true,
		"127.0.0.1":         true,
		"127.8.8.8":         true,
		"::1":               true,
		"::ffff:127.0.0.1":  true,
		"lambda.localhost":  false,
		"localhost.example": false,
		"127.0.0.1.example": false,
		"0.0.0.0":           false,
		"10.0.0.1":          false,
		"169.254.170.2":     false,
		"::":                false,
		"":                  false,
	} {
		if got := IsLoopback(host); got != want {
			t.Errorf("%s: got %t, want %t", host, got, want)
		}
	}
}
