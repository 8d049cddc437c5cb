package lambda

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// everyByte repeats all bytes up to last until size is reached.
func everyByte(last, size int) []byte {
	var all []byte
	for b := 0; b <= last; b++ {
		all = append(all, byte(b))
	}
	return bytes.Repeat(all, size/len(all)+1)[:size]
}

func TestLargeBodiesArriveLikeSmallOnes(t *testing.T) {
	cases := map[string]struct {
		contentType string
		body        []byte
		isBase64    bool
	}{
		"text with all of ASCII":                 {"text/plain", everyByte(0x7f, minSplicedBody+1), false},
		"text in several pieces":                 {"text/plain", everyByte(0x7f, 1<<20), false},
		"text cut within a letter":               {"text/plain", []byte("a" + strings.Repeat("é", 400<<10)), false},
		"text that looks like an escape":         {"text/html", []byte(strings.Repeat(`<\u003c\\u0026\ufffd&>`, 30000)), false},
		"text with line separators":              {"text/plain", []byte(strings.Repeat("\u2028\u2029", 90000)), false},
		"shorter text that looks like an escape": {"text/html", []byte(strings.Repeat(`<\u003c\\u0026\ufffd&>`, 4000)), false},
		"bytes":                                  {"image/png", everyByte(0xff, 1<<20), true},
		"bytes that do not fill the Base64":      {"image/png", everyByte(0xff, minSplicedBody+1), true},
		"text that is not UTF-8":                 {"text/plain", everyByte(0xff, minSplicedBody), true},
	}
	for _, format := range []string{"http-api-v2", "rest-api", "alb", "vmod"} {
		for name, tc := range cases {
			t.Run(format+"/"+name, func(t *testing.T) {
				f := newFakeLambda(t, replies(`{"statusCode":200}`))
				config := testConfig(f)
				config.EventFormat = format
				r := httptest.NewRequest(http.MethodPost, "http://example.com/", bytes.NewReader(tc.body))
				r.Header.Set("Content-Type", tc.contentType)
				serve(newTestHandler(t, config), r)
				event := f.lastEvent(t)
				body, _ := event["body"].(string)
				got := []byte(body)
				if tc.isBase64 {
					got, _ = base64.StdEncoding.DecodeString(body)
				}
				if event["isBase64Encoded"] != tc.isBase64 || !bytes.Equal(got, tc.body) {
					t.Errorf("got isBase64Encoded %v, %d bytes, want %t, %d bytes",
						event["isBase64Encoded"], len(got), tc.isBase64, len(tc.body))
				}
			})
		}
	}
}

func TestMarksInARequestAreText(t *testing.T) {
	f := newFakeLambda(t, replies(`{"statusCode":200}`))
	body := strings.Repeat(textMark+base64Mark, 10000)
	r := httptest.NewRequest(http.MethodPost, "http://example.com/", strings.NewReader(body))
	r.Header.Set("Content-Type", "text/plain")
	serve(newTestHandler(t, testConfig(f)), r)
	if got := f.lastEvent(t)["body"]; got != body {
		t.Error("got another body, want the request's")
	}
}

// An event that is written over its body must not write over what is still to be encoded.
func TestEventsAreTheSameOverTheirBodies(t *testing.T) {
	for name, tc := range map[string]struct {
		mark string
		body []byte
	}{
		"bytes":                      {base64Mark, everyByte(0xff, 100_000)},
		"one byte":                   {base64Mark, []byte("a")},
		"text":                       {textMark, bytes.Repeat([]byte("hello, "), 40_000)},
		"text with quotes":           {textMark, bytes.Repeat([]byte(`{"a":"b"}`), 30_000)},
		"text with rarer characters": {textMark, bytes.Repeat([]byte("\x01 aaaaaaaa"), 100_000)}, // no room was left for them
	} {
		event := []byte(`{"version":"2.0","body":"` + tc.mark + `","isBase64Encoded":true}`)
		want := spliceBody(event, tc.body, false)
		for room := 0; room < len(want); room = 2*room + 1 {
			body := append(make([]byte, 0, len(tc.body)+room), tc.body...)
			if got := spliceBody(event, body, true); !bytes.Equal(got, want) {
				t.Fatalf("%s, room for %d bytes: got another event, want that of a body elsewhere", name, room)
			}
		}
	}
}

func TestOnlyBodiesThatNobodyElseNeedsAreWrittenOver(t *testing.T) {
	body := strings.Repeat("a", minOwnArray)
	for name, needed := range map[string]bool{
		"nobody else needs the body":         false,
		"the next handler may need the body": true,
	} {
		config := configFor("http://127.0.0.1:1")
		config.Fallback = needed
		x := prepared(t, newTestHandler(t, config).(*Lambda), &worker{}, body)
		if !strings.Contains(string(x.req.event), body) {
			t.Errorf("%s: got an event of %d bytes, want one with the body", name, len(x.req.event))
		}
		if over := cap(x.req.event) == spliceCapacity(len(body)); over == needed {
			t.Errorf("%s: got the event over the body %t, want %t", name, over, !needed)
		}
		if kept := string(x.req.body) == body; kept != needed {
			t.Errorf("%s: got the body kept %t, want %t", name, kept, needed)
		}
	}
}
