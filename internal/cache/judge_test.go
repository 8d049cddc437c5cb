package cache

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestWhatMayBeStored(t *testing.T) {
	const fresh = "max-age=60"
	for what, row := range map[string]struct {
		status int
		ttl    int64
		header http.Header
		store  bool
		mark   bool
	}{
		"a fresh response":    {200, 0, http.Header{"Cache-Control": {fresh}}, true, false},
		"a fresh error":       {500, 0, http.Header{"Cache-Control": {fresh}}, true, false},
		"an unknown status":   {299, 0, http.Header{"Cache-Control": {fresh}}, true, false},
		"a part":              {206, 0, http.Header{"Cache-Control": {fresh}}, false, false},
		"a 304":               {304, 0, http.Header{"Cache-Control": {fresh}}, false, false},
		"a cookie":            {200, 0, http.Header{"Cache-Control": {fresh}, "Set-Cookie": {"a=b"}}, false, true},
		"private":             {200, 0, http.Header{"Cache-Control": {"private, " + fresh}}, false, true},
		"private for a field": {200, 0, http.Header{"Cache-Control": {`private="X-A", ` + fresh}}, false, true},
		"any variant":         {200, 0, http.Header{"Cache-Control": {fresh}, "Vary": {"X-A, *"}}, false, true},
		"no-store":            {200, 0, http.Header{"Cache-Control": {"no-store, " + fresh}}, false, true},
		"no-store that is understood": {
			200, 0, http.Header{"Cache-Control": {"no-store, must-understand, " + fresh}}, true, false,
		},
		"no-store that is not": {
			299, 0, http.Header{"Cache-Control": {"no-store, must-understand, " + fresh}}, false, true,
		},
		"no-cache":                   {200, 0, http.Header{"Cache-Control": {"no-cache, " + fresh}}, false, true},
		"no-cache with an ETag":      {200, 0, http.Header{"Cache-Control": {"no-cache"}, "Etag": {`"a"`}}, true, false},
		"stale at once":              {200, 0, http.Header{"Cache-Control": {"max-age=0"}}, false, true},
		"stale at once, with a date": {200, 0, http.Header{"Expires": {"0"}, "Last-Modified": {"x"}}, true, false},
		"silent":                     {200, 0, http.Header{"Etag": {`"a"`}, "Last-Modified": {"x"}}, false, true},
		"silent with ttl":            {200, 60, http.Header{}, true, false},
		"silent 302 with ttl":        {302, 60, http.Header{}, false, true},
		"silent 404 with ttl":        {404, 60, http.Header{}, true, false},
		"silent 500 with ttl":        {500, 60, http.Header{}, false, true},
		"silent, Pragma":             {200, 60, http.Header{"Pragma": {"no-cache"}}, false, true},
		"max-age beside Pragma":      {200, 0, http.Header{"Pragma": {"no-cache"}, "Cache-Control": {fresh}}, true, false},
		"private for CDNs": {
			200, 0, http.Header{"Cdn-Cache-Control": {"private"}, "Cache-Control": {fresh}}, false, true,
		},
		"no-store for browsers, not us": {
			200, 0, http.Header{"Cdn-Cache-Control": {fresh}, "Cache-Control": {"no-store"}}, true, false,
		},
	} {
		c := &Cache{settings: &settings{ttl: row.ttl * 1000}}
		a := &asked{r: httptest.NewRequest("GET", "/", nil), called: now1994, received: now1994}
		v := judge(c, a, row.status, row.header)
		if v.store != row.store || v.mark != row.mark {
			t.Errorf("%s: got store %v, mark %v, want %v, %v", what, v.store, v.mark, row.store, row.mark)
		}
	}
}

func TestHeadersThatAreNotStored(t *testing.T) {
	header := storedHeader(http.Header{
		"Connection": {"close, X-Hop"}, "X-Hop": {"a"}, "Keep-Alive": {"a"}, "Proxy-Authenticate": {"a"}, "Te": {"a"},
		"Proxy-Authentication-Info": {"a"}, "Transfer-Encoding": {"chunked"}, "Upgrade": {"h2c"}, "Age": {"1"},
		"X-Kept": {"a", "b"}, "Cache-Status": {"upstream; hit"},
	}, now1994)
	if len(header) != 3 || len(header["X-Kept"]) != 2 || header.Get("Date") != "Sun, 06 Nov 1994 08:49:37 GMT" {
		t.Errorf("got %v, want X-Kept, Cache-Status and a Date", header)
	}
}
