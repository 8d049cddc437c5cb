package logline

import (
	"regexp"
	"strconv"
	"sync"
	"time"
)

// limits holds for each kind of line when one was logged last, and how many were left out since. It outlives the
// instances: a reload must not let through lines that were held back.
var limits = struct {
	sync.Mutex
	kinds map[string]*limit
}{kinds: map[string]*limit{}}

type limit struct {
	last    time.Time
	omitted int
}

const (
	interval = time.Second

	// maxKinds limits the size of limits: kinds come and go with the configuration.
	maxKinds = 10000
)

// Admit reports whether a line of this kind may be logged now, and how many of its kind were left out since the last
// one. One line a second is admitted. A kind is a middleware and a cause, something of which an operator wants to see
// at least one line. Use it for lines that clients can cause as often as they like.
func Admit(kind string, now time.Time) (omitted int, admitted bool) {
	limits.Lock()
	defer limits.Unlock()
	known := limits.kinds[kind]
	if known == nil {
		if len(limits.kinds) >= maxKinds {
			limits.kinds = map[string]*limit{}
		}
		limits.kinds[kind] = &limit{last: now}
		return 0, true
	}
	if now.Sub(known.last) < interval {
		known.omitted++
		return 0, false
	}
	left := known.omitted
	known.last = now
	known.omitted = 0
	return left, true
}

// causePattern finds the cause among the fields of a line.
var causePattern = regexp.MustCompile(`(?:^| )cause=([^ ]+)`)

// Limited writes a line as Error does, but only one a second for the same source, status and cause. The next line
// says how many were left out.
func (l *Logger) Limited(line string) {
	line = OneLine(line)
	at := linePattern.FindStringSubmatchIndex(line)
	if at == nil || at[2*fieldsGroup] < 0 {
		l.Error(line)
		return
	}
	fields := line[at[2*fieldsGroup]:at[2*fieldsGroup+1]]
	kind := line[:at[2*fieldsGroup]] // source, status and topic
	if cause := causePattern.FindStringSubmatch(fields); cause != nil {
		kind += cause[1]
	}
	omitted, admitted := Admit(kind, time.Now())
	if admitted {
		end := at[2*fieldsGroup+1]
		l.Error(line[:end] + Omitted(omitted) + line[end:])
	}
}

// AdmitAll forgets what was logged, so that the next line of each kind is admitted. Tests start with it.
func AdmitAll() {
	limits.Lock()
	defer limits.Unlock()
	limits.kinds = map[string]*limit{}
}

// Omitted returns the field that counts the lines left out, with a blank before it; "" for none.
func Omitted(n int) string {
	if n == 0 {
		return ""
	}
	return " omitted=" + strconv.Itoa(n)
}
