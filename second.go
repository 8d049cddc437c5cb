package lambda

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/seed05e46011/lambda/internal/sigv4"
)

// second is one second of the clock as requests and signatures write it. Interpreted code formats
// a time slowly: all that happens within a second shares what was made for the first of it.
type second struct {
	unix      int64
	amzDate   string // in sigv4.TimeFormat
	logTime   string // in commonLogTime
	traceTime string // hexadecimal, as in trace ids
}

const commonLogTime = "02/Jan/2006:15:04:05 -0700" // of the Common Log Format

// lastSecond holds the *second that was asked for last.
var lastSecond atomic.Value

func init() { lastSecond.Store(&second{}) }

// secondOf returns the second that a time in milliseconds since 1970 is in.
func secondOf(milliseconds int64) *second {
	s := lastSecond.Load().(*second)
	if s.unix == milliseconds/1000 {
		return s
	}
	s = newSecond(milliseconds / 1000)
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
