package cache

import (
	"errors"
	"time"
)

// errBusy is the error of a pool whose connections are all in use: a miss is faster than waiting.
var errBusy = errors.New("all connections are in use")

// take returns the connection that was used last, or a new one. reused reports which.
func take(c *redis, now time.Time) (conn *redisConn, reused bool, err error) {
	c.mutex.Lock()
	closeOld(c, now)
	if n := len(c.idle); n > 0 {
		last := c.idle[n-1]
		c.idle = c.idle[:n-1]
		c.mutex.Unlock()
		return last, true, nil
	}
	busy := c.open >= maxConnections
	c.mutex.Unlock()
	if busy {
		return nil, false, errBusy
	}
	fresh, err := dialInto(c, now)
	return fresh, false, err
}

// dialInto opens a connection that counts.
func dialInto(c *redis, now time.Time) (*redisConn, error) {
	c.mutex.Lock()
	c.open++
	c.mutex.Unlock()
	conn, err := dialRedis(&c.settings, now.Add(c.settings.timeout))
	if err != nil {
		c.mutex.Lock()
		c.open--
		c.mutex.Unlock()
		return nil, err
	}
	return conn, nil
}

// closeOld closes connections that have been idle for long. The mutex is held.
func closeOld(c *redis, now time.Time) {
	for len(c.idle) > 0 && now.Sub(c.idle[0].idle) > idleTimeout {
		_ = c.idle[0].conn.Close()
		c.idle = c.idle[1:]
		c.open--
	}
}

// closeIdle closes all connections that are not in use.
func closeIdle(c *redis) {
	c.mutex.Lock()
	for _, conn := range c.idle {
		_ = conn.conn.Close()
		c.open--
	}
	c.idle = nil
	c.mutex.Unlock()
}

func closeConn(c *redis, conn *redisConn) {
	_ = conn.conn.Close()
	c.mutex.Lock()
	c.open--
	c.mutex.Unlock()
}

func giveBack(c *redis, conn *redisConn) {
	c.mutex.Lock()
	retired := c.retired
	if !retired {
		conn.idle = time.Now()
		c.idle = append(c.idle, conn)
	}
	c.mutex.Unlock()
	if retired {
		closeConn(c, conn)
	}
}

// retire closes the connections of a client whose options have changed, as they are given back.
func retire(c *redis) {
	c.mutex.Lock()
	c.retired = true
	c.mutex.Unlock()
	closeIdle(c)
}
