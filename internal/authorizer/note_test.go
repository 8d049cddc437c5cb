package authorizer

import (
	"errors"
	"regexp"
	"strings"
	"testing"
)

// iamReply is richReply as a policy, with the values that flat contexts allow.
const iamReply = `{"principalId":"u1","usageIdentifierKey":"k","policyDocument":{"Version":"2012-10-17","Statement":` +
	`{"Effect":"Allow","Action":"*","Resource":"*"}},` +
	`"context":{"user":"a","admin":true,"n":9007199254740993,"none":null,"principalId":"x"}}`

func TestTheFunctionsOwnFormatDecidesTheShape(t *testing.T) {
	cases := []struct {
		sentence, format, payload string
		shape                     Shape
		want                      string
	}{
		{"2.0 keeps types", FormatHTTPAPIv2, richReply, ShapeHTTPAPIv2,
			`{"lambda":{"admin":true,"custom:role":"r","f":1.50,"html":"<&>","n":9007199254740993,` +
				`"none":null,"roles":["a","b"],"user":"u1"}}`},
		{"2.0 without context", FormatHTTPAPIv2, simpleAllow, ShapeHTTPAPIv2, `{"lambda":null}`},
		{"2.0 with context null", FormatHTTPAPIv2, `{"isAuthorized":true,"context":null}`, ShapeHTTPAPIv2, `{"lambda":null}`},
		{"2.0 with an empty context", FormatHTTPAPIv2, `{"isAuthorized":true,"context":{}}`, ShapeHTTPAPIv2, `{"lambda":{}}`},
		{"2.0 of a policy has no principal", FormatHTTPAPIv2, allowAll, ShapeHTTPAPIv2, `{"lambda":null}`},
		{"1.0 is flat", FormatHTTPAPIv1, iamReply, ShapeHTTPAPIv1,
			`{"admin":"true","n":"9007199254740993","principalId":"u1","user":"a"}`},
		{"1.0 of a simple reply", FormatHTTPAPIv2, richReply, ShapeHTTPAPIv1,
			`{"admin":"true","custom:role":"r","f":"1.50","html":"<&>","n":"9007199254740993",` +
				`"roles":"[\"a\",\"b\"]","user":"u1"}`},
		{"1.0 without principal", FormatHTTPAPIv1, strings.Replace(allowAll, `"principalId":"u1",`, "", 1), ShapeHTTPAPIv1,
			`{"principalId":""}`},
		{"REST tells the latency", FormatRESTAPI, iamReply, ShapeRESTAPI,
			`{"admin":"true","integrationLatency":N,"n":"9007199254740993","principalId":"u1","user":"a"}`},
		{"REST of a token authorizer", FormatRESTAPIToken, allowAll, ShapeRESTAPI,
			`{"integrationLatency":N,"principalId":"u1"}`},
		{"another format than the authorizer's", FormatRESTAPI, iamReply, ShapeHTTPAPIv2,
			`{"lambda":{"admin":true,"n":9007199254740993,"none":null,"principalId":"x","user":"a"}}`},
		{"no place for it", FormatHTTPAPIv2, richReply, ShapeNone, ""},
	}
	for _, c := range cases {
		g := newGateway(t, &Config{EventFormat: c.format}, c.shape)
		g.payload = c.payload
		g.get("/", token)
		got := latency.ReplaceAllString(g.note(), `"integrationLatency":N`)
		if got != c.want {
			t.Errorf("%s: got %s, want %s", c.sentence, got, c.want)
		}
	}
}

var latency = regexp.MustCompile(`"integrationLatency":\d+`)

func TestACachedResultHasNoLatency(t *testing.T) {
	g := newGateway(t, &Config{EventFormat: FormatRESTAPI, TTL: "1h"}, ShapeRESTAPI)
	g.payload = allowAll
	g.get("/", token)
	g.get("/", token)
	if got, want := g.note(), `{"integrationLatency":0,"principalId":"u1"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestFlatContextsHaveNoNestedValues(t *testing.T) {
	for _, format := range []string{FormatHTTPAPIv1, FormatRESTAPI, FormatRESTAPIToken} {
		for _, context := range []string{`{"a":[]}`, `{"a":{}}`, `{"claims":"x"}`, `"a"`} {
			g := newGateway(t, &Config{EventFormat: format}, ShapeRESTAPI)
			g.payload = allowAll[:len(allowAll)-1] + `,"context":` + context + `}`
			if w := g.get("/", token); w.Code != 500 {
				t.Errorf("%s, %s: got %d, want 500", format, context, w.Code)
			}
		}
	}
}

func TestSimpleRepliesAreOfFormat2Alone(t *testing.T) {
	for _, format := range []string{FormatHTTPAPIv1, FormatRESTAPI, FormatRESTAPIToken} {
		g := newGateway(t, &Config{EventFormat: format}, ShapeRESTAPI)
		g.payload = simpleAllow
		if w := g.get("/", token); w.Code != 500 {
			t.Errorf("%s: got %d, want 500", format, w.Code)
		}
	}
}

func TestRefusedRequestsLeaveNoNote(t *testing.T) {
	g := newGateway(t, &Config{}, ShapeHTTPAPIv2)
	g.err = errors.New("throttled")
	r := newRequest("GET", "/", token)
	g.send(r)
	if g.notes != nil {
		t.Errorf("got %v, want nothing for the origin", g.notes)
	}
}
