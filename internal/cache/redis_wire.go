package cache

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// redisConn is a connection to Redis, which speaks RESP2
// (https://redis.io/docs/latest/develop/reference/protocol-spec/).
type redisConn struct {
	conn   net.Conn
	reader *bufio.Reader
	idle   time.Time // since when
}

// redisReply is one reply of Redis.
type redisReply struct {
	failed bool   // an error reply; text begins with its word
	text   string // of a simple string, an error or a number
	found  bool   // there is a bulk string
	bulk   []byte
}

// The errors of a connection, after which it is closed.
var (
	errGarbage = errors.New("not a reply of Redis")
	errTooLong = errors.New("a value over cache.maxEntryBytes")
)

// command returns a command in Redis' form, each part with its length, so that no byte in a part has a meaning.
func command(parts ...string) string {
	text := "*" + strconv.Itoa(len(parts)) + "\r\n"
	for _, p := range parts {
		text += part(p)
	}
	return text
}

func part(text string) string { return "$" + strconv.Itoa(len(text)) + "\r\n" + text + "\r\n" }

// dialRedis opens a connection, logs in and selects the database.
func dialRedis(s *redisSettings, deadline time.Time) (*redisConn, error) {
	secret, err := secretOf(s)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Deadline: deadline}
	conn, err := dialer.DialContext(context.Background(), "tcp", s.address)
	if err != nil {
		return nil, err
	}
	if s.tls {
		conn = tls.Client(conn, &tls.Config{ServerName: s.host, MinVersion: tls.VersionTLS12})
	}
	c := &redisConn{conn: conn, reader: bufio.NewReader(conn)}
	if err := c.conn.SetDeadline(deadline); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if err := greet(c, s, secret); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return c, nil
}

// refusal is an error reply to a greeting.
const refusal = "redis refused: "

// greet sends AUTH and SELECT, as far as the options want them, in one go.
func greet(c *redisConn, s *redisSettings, secret string) error {
	greeting := ""
	replies := 0
	switch {
	case s.username != "":
		greeting = command("AUTH", s.username, secret)
		replies++
	case secret != "":
		greeting = command("AUTH", secret)
		replies++
	}
	if s.db > 0 {
		greeting += command("SELECT", strconv.Itoa(s.db))
		replies++
	}
	if replies == 0 {
		return nil
	}
	if _, err := c.conn.Write([]byte(greeting)); err != nil {
		return err
	}
	for i := 0; i < replies; i++ {
		reply, err := readReply(c, 0)
		if err != nil {
			return err
		}
		if reply.failed {
			return errors.New(refusal + word(reply.text))
		}
	}
	return nil
}

// word returns the first word of an error reply. The rest may quote the command.
func word(text string) string {
	first, _, _ := strings.Cut(text, " ")
	return strings.Trim(first, "-")
}

// readReply reads one reply, whose bulk string has limit bytes at most.
func readReply(c *redisConn, limit int64) (redisReply, error) {
	reply := redisReply{}
	line, err := c.reader.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return reply, errGarbage
	}
	if err != nil {
		return reply, err
	}
	if len(line) < 3 || !bytes.HasSuffix(line, []byte("\r\n")) {
		return reply, errGarbage
	}
	reply.text = string(line[1 : len(line)-2])
	switch line[0] {
	case '+', ':':
		return reply, nil
	case '-':
		reply.failed = true
		return reply, nil
	case '$':
		return readBulk(c, reply, limit)
	default:
		return reply, errGarbage
	}
}

// readBulk reads the bytes of a bulk string, whose length is the text of reply.
func readBulk(c *redisConn, reply redisReply, limit int64) (redisReply, error) {
	if reply.text == "-1" {
		return reply, nil
	}
	n, err := strconv.ParseInt(reply.text, 10, 64)
	if err != nil || n < 0 {
		return reply, errGarbage
	}
	if n > limit {
		return reply, errTooLong
	}
	bulk := make([]byte, n+2)
	if _, err := io.ReadFull(c.reader, bulk); err != nil {
		return reply, err
	}
	if bulk[n] != '\r' || bulk[n+1] != '\n' {
		return reply, errGarbage
	}
	reply.found = true
	reply.bulk = bulk[:n]
	return reply, nil
}

// roundTrip sends one command and reads its reply. started reports whether any byte of the reply has arrived.
func roundTrip(c *redisConn, request []byte, limit int64) (reply redisReply, started bool, err error) {
	_, err = c.conn.Write(request)
	if err != nil {
		return redisReply{}, false, err
	}
	_, err = c.reader.Peek(1)
	if err != nil {
		return redisReply{}, false, err
	}
	reply, err = readReply(c, limit)
	if err == nil && c.reader.Buffered() > 0 {
		err = fmt.Errorf("%w: more than one", errGarbage)
	}
	return reply, true, err
}
