package lambda

import (
	"strconv"
	"sync"
	"time"
)

// logLimits holds, by kind of line, when one was logged last and how many were left out since. It
// outlives the instances: a reload must not let through what was held back.
var logLimits = struct {
	sync.Mutex
	kinds map[string]*logLimit
}{kinds: map[string]*logLimit{}}

type logLimit struct {
	last    time.Time
	omitted int
}

const (
	logInterval = time.Second

	// maxLogKinds bounds logLimits: kinds come and go with the configuration.
	maxLogKinds = 10000
)

// admitLine reports whether a line of this kind may be logged now, as one in logInterval may, and
// how many of its kind were left out since the line before it. A kind is what an operator would
// want to see at least one line of: a middleware and a cause.
func admitLine(kind string, now time.Time) (omitted int, admitted bool) {
	logLimits.Lock()
	defer logLimits.Unlock()
	limit := logLimits.kinds[kind]
	if limit == nil {
		if len(logLimits.kinds) >= maxLogKinds {
			logLimits.kinds = map[string]*logLimit{}
		}
		logLimits.kinds[kind] = &logLimit{last: now}
		return 0, true
	}
	if now.Sub(limit.last) < logInterval {
		limit.omitted++
		return 0, false
	}
	left := limit.omitted
	limit.last = now
	limit.omitted = 0
	return left, true
}

// omittedNote is what a line says of those that were left out before it, "" for none.
func omittedNote(omitted int) string {
	if omitted == 0 {
		return ""
	}
	return " omitted=" + strconv.Itoa(omitted)
}
