package cache

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// entry is a stored response. It does not change, except for the fields that the store changes under its mutex:
// retryAt, trustedUntil and hitUntil.
type entry struct {
	status       int
	originStatus int // what the origin sent, before a hook changed it
	names        []string
	values       [][]string // of names; without spare capacity, so that append copies them
	body         []byte
	head         bool     // the response to a HEAD, which has no body
	upstream     []string // its Cache-Status

	received     int64
	born         int64 // when the response was of age 0
	freshUntil   int64
	staleUntil   int64
	errorUntil   int64
	anyone       bool  // requests with an identity may get it, too
	byTTL        bool  // it lives by option ttl
	shared       bool  // public, s-maxage or must-revalidate: for requests with Authorization too
	retryAt      int64 // until when the origin is not asked again after a failure
	trustedUntil int64 // until when it is used without asking Redis
	hitUntil     int64 // until when it is fresh and trusted

	etag         string // "" for none
	lastModified string // "" for none
	modified     time.Time
	dependsOn    []string // the names of its second level
}

// hopByHop lists the headers that are for one connection only (RFC 9110 7.6.1), and those that a cache must not store
// (RFC 9111 3.1).
var hopByHop = map[string]bool{
	"Connection": true, "Keep-Alive": true, "Proxy-Authenticate": true, "Proxy-Authorization": true,
	"Proxy-Authentication-Info": true, "Proxy-Connection": true, "Te": true, "Trailer": true,
	"Transfer-Encoding": true, "Upgrade": true,
}

// storedHeader returns a copy of a response's header as it is stored: with a Date, and without the headers that are
// for one connection. Age is left out, since each answer has its own.
func storedHeader(header http.Header, received int64) http.Header {
	kept := make(http.Header, len(header)+1)
	named := strings.Join(header["Connection"], ",")
	for name, values := range header {
		if !hopByHop[name] && name != "Age" {
			kept[name] = append(make([]string, 0, len(values)), values...)
		}
	}
	if named != "" {
		for _, name := range strings.Split(named, ",") {
			kept.Del(strings.Trim(name, " \t"))
		}
	}
	if _, dated := kept["Date"]; !dated {
		kept["Date"] = []string{formatDate(received)}
	}
	return kept
}

// newEntry makes an entry of a response that may be stored. header is the entry's own.
func newEntry(status int, header http.Header, body []byte, v *verdict) *entry {
	e := &entry{
		status:       status,
		originStatus: status,
		body:         append(make([]byte, 0, len(body)), body...), // exact: it pins nothing larger
		received:     v.received,
		born:         v.received - v.fresh.age,
		byTTL:        v.fresh.byTTL,
		shared:       v.shared,
		anyone:       v.shared && !v.fresh.byTTL,
		head:         v.head,
		dependsOn:    v.names,
	}
	e.freshUntil = e.born + v.fresh.lifetime
	e.staleUntil = e.freshUntil + v.fresh.stale
	e.errorUntil = e.freshUntil + v.fresh.staleError
	trust(e, forever)
	setValidators(e, header)
	e.upstream = header["Cache-Status"]
	if !e.head && hasBody(status) {
		header["Content-Length"] = []string{strconv.Itoa(len(body))}
	}
	for name, values := range header {
		e.names = append(e.names, name)
		e.values = append(e.values, values[:len(values):len(values)])
	}
	return e
}

// setValidators notes the validators of a response, with which later requests ask whether it has changed.
func setValidators(e *entry, header http.Header) {
	if etag := header["Etag"]; len(etag) == 1 {
		e.etag = etag[0]
	}
	if millis, ok := parseDate(header["Last-Modified"]); ok {
		e.lastModified = header["Last-Modified"][0]
		e.modified = time.UnixMilli(millis)
	}
}

// headerOf returns the header of an entry, whose values are the entry's own.
func headerOf(e *entry) http.Header {
	header := make(http.Header, len(e.names))
	for i, name := range e.names {
		header[name] = e.values[i]
	}
	return header
}

// hasBody reports whether a response of this status may have a body (RFC 9110 6.4.1).
func hasBody(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// trustMillis is for how long a copy in memory is used before Redis is asked whether it still holds the response.
const (
	trustMillis = 5000
	forever     = 1 << 62
)

// trust sets until when Redis need not be asked for an entry.
func trust(e *entry, until int64) {
	e.trustedUntil = until
	e.hitUntil = e.freshUntil
	if until < e.hitUntil {
		e.hitUntil = until
	}
}

// recordOverhead is what a record takes beside its text, with a hit of it: maps, list, slices and structs.
const recordOverhead = 1280

// entrySize returns the bytes that an entry takes.
func entrySize(key string, e *entry) int64 {
	size := len(e.body) + 3*len(key) + recordOverhead
	for i, name := range e.names {
		size += len(name)
		for _, value := range e.values[i] {
			size += len(value)
		}
	}
	return int64(size)
}

// canValidate reports whether the origin can be asked if the entry is still good.
func canValidate(e *entry) bool { return e.etag != "" || e.lastModified != "" }

// ttlOf returns for how many seconds more an entry is fresh; less than 0 since when it is not. With
// the age it makes the lifetime.
func ttlOf(e *entry, now int64) string {
	return strconv.FormatInt((e.freshUntil-e.born)/1000-(now-e.born)/1000, 10)
}
