package lambda

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/seed05e46011/lambda/internal/sigv4"
)

// second is one second of the clock, in the formats of requests and signatures. Interpreted code
// formats times slowly, so that everything within a second shares one.
type second struct {
	unix      int64
	amzDate   string // in sigv4.TimeFormat
	logTime   string // in commonLogTime
	traceTime string // hexadecimal, as in trace ids
}

const commonLogTime = "02/Jan/2006:15:04:05 -0700" // the Common Log Format's

// lastSecond holds the most recently used *second.
var lastSecond atomic.Value

func init() { lastSecond.Store(&second{}) }

// secondOf returns a second, given as a Unix time.
func secondOf(unix int64) *second {
	s := lastSecond.Load().(*second)
	if s.unix == unix {
		return s
	}
	s = newSecond(unix)
	lastSecond.Store(s)
	return s
}

func newSecond(unix int64) *second {
	t := time.Unix(unix, 0).UTC()
	return &second{
		unix:      unix,
		amzDate:   t.Format(sigv4.TimeFormat),
		logTime:   t.Format(commonLogTime),
		traceTime: strconv.FormatInt(unix, 16),
	}
}
