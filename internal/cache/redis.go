package cache

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

// redis is the server through which replicas of Traefik share their responses. It is never essential: if a result is
// not certain, it counts as a miss. The mutex protects all fields but settings, prefix and limit.
type redis struct {
	settings redisSettings
	prefix   string // of all keys
	limit    int64  // of a value
	log      func(line string)

	mutex    sync.Mutex
	idle     []*redisConn // the one used last at the end
	open     int          // connections, idle and in use
	puts     int          // under way in the background
	retired  bool         // no connection is kept
	failures int          // in a row
	until    int64        // the breaker is open; 0 where it is closed
	pause    int64        // how long the breaker was open last
	trying   bool         // a request is testing whether the breaker can be closed
	said     map[string]int64
	stats    RedisStats
}

// RedisStats counts the operations of a cache in Redis.
type RedisStats struct {
	Configured bool
	Up         bool // false while the breaker is open

	Found, Missing, Failed, Skipped int64 // of reads
	Sets, SetsFailed, SetsSkipped   int64

	Deletes, DeletesFailed, DeletesSkipped int64
}

const (
	maxConnections = 16
	maxPuts        = 16
	idleTimeout    = 30 * time.Second

	failuresToOpen = 3
	firstPause     = 1000 // milliseconds
	longestPause   = 30000
	sayAgain       = 60000 // a line of one kind, at most once in so many milliseconds
	maxSaid        = 32
)

// redisStats returns the counts of a client.
func redisStats(c *redis) RedisStats {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	stats := c.stats
	stats.Configured = true
	stats.Up = c.until == 0
	return stats
}

func newRedis(s *redisSettings, identity string, maxEntryBytes int64, log func(line string)) *redis {
	return &redis{
		settings: *s,
		prefix:   s.prefix + "1:" + identity + ":",
		limit:    maxEntryBytes + maxHeadBytes,
		log:      log,
		said:     map[string]int64{},
	}
}

// outcome is the result of an operation.
type outcome int

const (
	skipped outcome = iota // not tried: the breaker is open, or there are too many
	failed                 // the result is unusable
	missing                // Redis has no value
	done
)

// redisGet reads a value.
func redisGet(c *redis, key string) (value []byte, result outcome) {
	reply, result := redisDo(c, []byte(command("GET", c.prefix+key)))
	if result == done && !reply.found {
		result = missing
	}
	c.mutex.Lock()
	switch result {
	case done:
		c.stats.Found++
	case missing:
		c.stats.Missing++
	case failed:
		c.stats.Failed++
	default:
		c.stats.Skipped++
	}
	c.mutex.Unlock()
	return reply.bulk, result
}

// redisSet writes a value that lives for px milliseconds.
func redisSet(c *redis, key string, value []byte, px int64) {
	name := c.prefix + key
	request := "*5\r\n" + part("SET") + part(name) + "$" + strconv.Itoa(len(value)) + "\r\n"
	end := "\r\n" + part("PX") + part(strconv.FormatInt(px, 10))
	bytes := make([]byte, 0, len(request)+len(value)+len(end))
	bytes = append(bytes, request...)
	bytes = append(bytes, value...) // not through a string: it may be large
	_, result := redisDo(c, append(bytes, end...))
	c.mutex.Lock()
	switch result {
	case done:
		c.stats.Sets++
	case failed:
		c.stats.SetsFailed++
	default:
		c.stats.SetsSkipped++
	}
	c.mutex.Unlock()
}

// redisDelete removes a value.
func redisDelete(c *redis, key string) {
	_, result := redisDo(c, []byte(command("DEL", c.prefix+key)))
	c.mutex.Lock()
	switch result {
	case done:
		c.stats.Deletes++
	case failed:
		c.stats.DeletesFailed++
	default:
		c.stats.DeletesSkipped++
	}
	c.mutex.Unlock()
}

// redisDo sends a command on a connection of the pool. An idle connection may have died meanwhile. If it fails before
// the reply begins, the command is sent once more on a new one.
func redisDo(c *redis, request []byte) (redisReply, outcome) {
	now := time.Now()
	ok, trial := admitted(c, now.UnixMilli())
	if !ok {
		return redisReply{}, skipped
	}
	conn, reply, err := converse(c, request, now)
	switch {
	case errors.Is(err, errBusy):
		if trial {
			giveUpTrial(c)
		}
		return redisReply{}, skipped
	case err != nil:
		broken(c, err, trial, nowMillis())
		return redisReply{}, failed
	default:
		return accept(c, conn, reply, trial)
	}
}

// converse sends a command and reads its reply. If that fails, it closes the connection.
func converse(c *redis, request []byte, now time.Time) (*redisConn, redisReply, error) {
	conn, reused, err := take(c, now)
	if err != nil {
		return nil, redisReply{}, err
	}
	_ = conn.conn.SetDeadline(now.Add(c.settings.timeout)) // fails only where the connection is closed
	reply, started, err := roundTrip(conn, request, c.limit)
	if err == nil {
		return conn, reply, nil
	}
	closeConn(c, conn)
	if !reused || started || time.Since(now) >= c.settings.timeout {
		return nil, redisReply{}, err
	}
	fresh, err := dialInto(c, now)
	if err != nil {
		return nil, redisReply{}, err
	}
	second, _, err := roundTrip(fresh, request, c.limit)
	if err != nil {
		closeConn(c, fresh)
	}
	return fresh, second, err
}

// accept gives a connection back, and judges its reply.
func accept(c *redis, conn *redisConn, reply redisReply, trial bool) (redisReply, outcome) {
	if !reply.failed {
		giveBack(c, conn)
		mended(c, trial)
		return reply, done
	}
	name := word(reply.text)
	switch name {
	case "NOAUTH", "WRONGPASS", "NOPERM":
		closeConn(c, conn)
		lockedOut(c, name, nowMillis())
	case "READONLY": // a replica, since another server leads: its name may lead there by now
		closeConn(c, conn)
		closeIdle(c)
		mended(c, trial)
		say(c, name, "cache: redis is a read-only replica: all connections are opened anew", nowMillis())
	case "MOVED", "ASK":
		giveBack(c, conn)
		mended(c, trial)
		say(c, name, "cache: redis is a Cluster, which is not supported: nothing is shared", nowMillis())
	default: // LOADING, OOM, MASTERDOWN, BUSY …
		giveBack(c, conn)
		mended(c, trial)
		say(c, name, "cache: redis answers "+strconv.Quote(name)+": nothing is shared", nowMillis())
	}
	return redisReply{}, failed
}

// say logs a line, unless one of its kind was logged within the last minute.
func say(c *redis, kind, line string, now int64) {
	c.mutex.Lock()
	last, known := c.said[kind]
	silent := known && now-last < sayAgain
	if !silent {
		if len(c.said) >= maxSaid {
			c.said = map[string]int64{}
		}
		c.said[kind] = now
	}
	c.mutex.Unlock()
	if !silent {
		c.log(line)
	}
}

// admitted reports whether Redis may be asked. While the breaker is open no request waits for Redis. After the pause
// one request tries: trial reports that it is this one.
func admitted(c *redis, now int64) (ok, trial bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.until == 0 {
		return true, false
	}
	if now < c.until || c.trying {
		return false, false
	}
	c.trying = true
	return true, true
}

// giveUpTrial gives up a trial that found no connection.
func giveUpTrial(c *redis) {
	c.mutex.Lock()
	c.trying = false
	c.mutex.Unlock()
}

// broken counts a failure, and opens the breaker after several in a row. While it is open only the trial counts, here
// and in mended: failures of what was asked before would add up to a long pause at once, and a reply to it would close
// the breaker to a server that is gone.
func broken(c *redis, err error, trial bool, now int64) {
	if strings.HasPrefix(err.Error(), refusal) {
		lockedOut(c, strings.TrimPrefix(err.Error(), refusal), now)
		return
	}
	c.mutex.Lock()
	if c.until != 0 && !trial {
		c.mutex.Unlock()
		return
	}
	c.failures++
	c.trying = false
	opens := c.failures >= failuresToOpen
	first := opens && c.until == 0
	if opens {
		c.pause *= 2
		if c.pause < firstPause {
			c.pause = firstPause
		}
		if c.pause > longestPause {
			c.pause = longestPause
		}
		c.until = now + c.pause
	}
	c.mutex.Unlock()
	if first {
		c.log(fmt.Sprintf("cache: redis %s fails, and is not asked for a while: %v", c.settings.address, err))
	}
}

// lockedOut opens the breaker for long: only new credentials help.
func lockedOut(c *redis, name string, now int64) {
	c.mutex.Lock()
	first := c.until == 0
	c.trying = false
	c.failures = failuresToOpen
	c.pause = longestPause
	c.until = now + longestPause
	c.mutex.Unlock()
	if first {
		c.log("cache: redis " + c.settings.address + " refuses the credentials (" + strconv.Quote(name) + ")")
	}
}

// mended notes a reply. The trial's closes the breaker.
func mended(c *redis, trial bool) {
	c.mutex.Lock()
	if c.until != 0 && !trial {
		c.mutex.Unlock()
		return
	}
	closes := c.until != 0
	c.failures = 0
	c.until = 0
	c.pause = 0
	c.trying = false
	c.mutex.Unlock()
	if closes {
		c.log("cache: redis " + c.settings.address + " answers again")
	}
}
