package authorizer

import "testing"

func TestConditions(t *testing.T) {
	cases := []struct {
		condition string
		allow     string // what an Allow with it says
		deny      string // what a Deny with it says, of what is allowed elsewhere
	}{
		{`{}`, "allow", "explicit"},
		{`null`, "error", "error"},
		{`[]`, "error", "error"},
		{`{"IpAddress":null}`, "error", "error"},
		{`{"IpAddress":{"aws:SourceIp":null}}`, "error", "error"},
		{`{"IpAddress":{"aws:SourceIp":[["203.0.113.7"]]}}`, "error", "error"},

		{`{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`, "allow", "explicit"},
		{`{"IpAddress":{"aws:SourceIp":"203.0.113.7"}}`, "allow", "explicit"},
		{`{"IpAddress":{"AWS:sourceip":["10.0.0.0/8","203.0.113.7"]}}`, "allow", "explicit"},
		{`{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`, "implicit", "allow"},
		{`{"IpAddress":{"aws:SourceIp":[]}}`, "implicit", "allow"},
		{`{"NotIpAddress":{"aws:SourceIp":["10.0.0.0/8","203.0.113.7"]}}`, "implicit", "allow"},
		{`{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`, "allow", "explicit"},
		{`{"IpAddress":{"aws:SourceIp":"anywhere"}}`, "implicit", "explicit"},
		{`{"StringEquals":{"aws:SourceIp":"203.0.113.7"}}`, "allow", "explicit"},

		{`{"StringEquals":{"aws:UserAgent":"curl/8.9.1"}}`, "allow", "explicit"},
		{`{"StringEquals":{"aws:UserAgent":"CURL/8.9.1"}}`, "implicit", "allow"},
		{`{"StringEqualsIgnoreCase":{"aws:UserAgent":"CURL/8.9.1"}}`, "allow", "explicit"},
		{`{"StringNotEqualsIgnoreCase":{"aws:UserAgent":"CURL/8.9.1"}}`, "implicit", "allow"},
		{`{"StringNotEquals":{"aws:UserAgent":["a","b"]}}`, "allow", "explicit"},
		{`{"StringNotEquals":{"aws:UserAgent":["a","curl/8.9.1"]}}`, "implicit", "allow"},
		{`{"StringLike":{"aws:UserAgent":"curl/*"}}`, "allow", "explicit"},
		{`{"StringNotLike":{"aws:UserAgent":"curl/*"}}`, "implicit", "allow"},
		{`{"StringEquals":{"aws:UserAgent":"curl/8.9.1"},"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`, "implicit", "allow"},

		{`{"StringEquals":{"aws:Referer":"x"}}`, "implicit", "allow"},
		{`{"StringEqualsIfExists":{"aws:Referer":"x"}}`, "allow", "explicit"},
		{`{"StringNotEquals":{"aws:Referer":"x"}}`, "allow", "explicit"},
		{`{"Null":{"aws:Referer":"true"}}`, "allow", "explicit"},
		{`{"Null":{"aws:Referer":false}}`, "implicit", "allow"},
		{`{"Null":{"aws:UserAgent":"true"}}`, "implicit", "allow"},
		{`{"ArnLike":{"aws:SourceArn":"*"}}`, "implicit", "allow"},
		{`{"ArnLikeIfExists":{"aws:SourceArn":"arn:aws:s3:::x"}}`, "allow", "explicit"},

		{`{"Bool":{"aws:SecureTransport":"true"}}`, "allow", "explicit"},
		{`{"Bool":{"aws:SecureTransport":true}}`, "allow", "explicit"},
		{`{"Bool":{"aws:SecureTransport":"False"}}`, "implicit", "allow"},
		{`{"Bool":{"aws:SecureTransport":"maybe"}}`, "implicit", "explicit"},

		{`{"DateGreaterThan":{"aws:CurrentTime":"2026-11-21T15:40:37Z"}}`, "allow", "explicit"},
		{`{"DateGreaterThan":{"aws:CurrentTime":"2026-11-21T16:40:38+01:00"}}`, "implicit", "allow"},
		{`{"DateGreaterThanEquals":{"aws:CurrentTime":"2026-11-21T15:40:38Z"}}`, "allow", "explicit"},
		{`{"DateLessThan":{"aws:CurrentTime":"2026-11-22"}}`, "allow", "explicit"},
		{`{"DateLessThanEquals":{"aws:CurrentTime":"2026-11-20"}}`, "implicit", "allow"},
		{`{"DateEquals":{"aws:CurrentTime":"2026-11-21T15:40:38Z"}}`, "allow", "explicit"},
		{`{"DateNotEquals":{"aws:CurrentTime":"2026-11-21T15:40:38Z"}}`, "implicit", "allow"},
		{`{"DateLessThan":{"aws:CurrentTime":"tomorrow"}}`, "implicit", "explicit"},
		{`{"NumericLessThan":{"aws:EpochTime":1795275639}}`, "allow", "explicit"},
		{`{"NumericLessThan":{"aws:EpochTime":"1795275638"}}`, "implicit", "allow"},
		{`{"DateGreaterThan":{"aws:EpochTime":"1795275637"}}`, "allow", "explicit"},

		{`{"StringEquals":{"aws:username":"u"}}`, "implicit", "explicit"},
		{`{"StringEqualsIfExists":{"aws:username":"u"}}`, "implicit", "explicit"},
		{`{"Null":{"aws:username":"true"}}`, "implicit", "explicit"},
		{`{"NullIfExists":{"aws:Referer":"true"}}`, "implicit", "explicit"},
		{`{"stringequals":{"aws:UserAgent":"curl/8.9.1"}}`, "implicit", "explicit"},
		{`{"BinaryEquals":{"aws:UserAgent":"Y3VybA=="}}`, "implicit", "explicit"},
		{`{"ForAnyValue:StringLike":{"aws:UserAgent":"*"}}`, "implicit", "explicit"},
		{`{"StringLike":{"aws:UserAgent":"${aws:username}"}}`, "implicit", "explicit"},
		{`{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"},"StringEquals":{"aws:username":"u"}}`, "implicit", "explicit"},
	}
	for _, c := range cases {
		conditioned := `,"Condition":` + c.condition
		if got := say(statementsOf(allow+`"*"`+conditioned), "GET", "/a", standardFacts); got != c.allow {
			t.Errorf("an Allow with %s: got %s, want %s", c.condition, got, c.allow)
		}
		got := say(statementsOf(allow+`"*"`, deny+`"*"`+conditioned), "GET", "/a", standardFacts)
		if got != c.deny {
			t.Errorf("a Deny with %s: got %s, want %s", c.condition, got, c.deny)
		}
	}
}

func TestConditionsSeeTheRequest(t *testing.T) {
	ofShop := `{"StringLike":{"aws:Referer":"https://shop.example/*"}}`
	cases := map[string]struct {
		condition, header string
		status            int
	}{
		"address of the client": {`{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`, "X: y", allowed},
		"referer":               {ofShop, "Referer: https://shop.example/a", allowed},
		"another referer":       {ofShop, "Referer: https://evil.example/", 403},
		"user agent":            {`{"StringEquals":{"aws:UserAgent":"curl"}}`, "User-Agent: curl", allowed},
		"TLS before Traefik":    {`{"Bool":{"aws:SecureTransport":"true"}}`, "X-Forwarded-Proto: https", allowed},
		"no TLS":                {`{"Bool":{"aws:SecureTransport":"true"}}`, "X-Forwarded-Proto: http", 403},
		"the present":           {`{"DateGreaterThan":{"aws:CurrentTime":"2020-01-01"}}`, "X: y", allowed},
	}
	for name, c := range cases {
		g := newGateway(t, &Config{}, ShapeHTTPAPIv2)
		g.payload = `{"policyDocument":` + statementsOf(allow+`"*","Condition":`+c.condition) + `}`
		if w := g.get("/", token, c.header); w.Code != c.status {
			t.Errorf("%s: got %d, want %d", name, w.Code, c.status)
		}
	}
}
