package cache

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeRedis is a test's Redis. It keeps values for ever, and follows its script.
type fakeRedis struct {
	listener net.Listener
	mutex    sync.Mutex
	values   map[string]string
	commands []string // by their names
	script   string   // what it does in place of replying: see reply
	open     []net.Conn
}

func startRedis(t *testing.T) *fakeRedis {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeRedis{listener: listener, values: map[string]string{}}
	go f.accept()
	t.Cleanup(f.stop)
	return f
}

func (f *fakeRedis) stop() {
	_ = f.listener.Close()
	f.mutex.Lock()
	defer f.mutex.Unlock()
	for _, conn := range f.open {
		_ = conn.Close()
	}
	f.open = nil
}

func (f *fakeRedis) accept() {
	for {
		conn, err := f.listener.Accept()
		if err != nil {
			return
		}
		f.mutex.Lock()
		f.open = append(f.open, conn)
		f.mutex.Unlock()
		go f.serve(conn)
	}
}

func (f *fakeRedis) serve(conn net.Conn) {
	reader := bufio.NewReader(conn)
	for {
		parts, err := readCommand(reader)
		if err != nil {
			_ = conn.Close()
			return
		}
		f.mutex.Lock()
		f.commands = append(f.commands, parts[0])
		reply, cut := f.reply(parts)
		f.mutex.Unlock()
		_, _ = conn.Write([]byte(reply))
		if cut {
			_ = conn.Close()
			return
		}
	}
}

func readCommand(reader *bufio.Reader) ([]string, error) {
	n, err := readNumber(reader, '*')
	if err != nil {
		return nil, err
	}
	parts := make([]string, 0, n)
	for i := 0; i < n; i++ {
		size, err := readNumber(reader, '$')
		if err != nil {
			return nil, err
		}
		text := make([]byte, size+2)
		if _, err := io.ReadFull(reader, text); err != nil {
			return nil, err
		}
		parts = append(parts, string(text[:size]))
	}
	return parts, nil
}

func readNumber(reader *bufio.Reader, kind byte) (int, error) {
	line, err := reader.ReadString('\n')
	if err != nil {
		return 0, err
	}
	if line[0] != kind {
		return 0, fmt.Errorf("got %q, want %c", line, kind)
	}
	return strconv.Atoi(strings.TrimSpace(line[1:]))
}

// reply returns the reply to a command, and reports whether the connection is cut after it.
func (f *fakeRedis) reply(parts []string) (text string, cut bool) {
	switch kind, argument, _ := strings.Cut(f.script, " "); kind {
	case "cut":
		return "", true
	case "stall":
		return "", false
	case "garbage":
		return argument, false
	case "half":
		return "$100\r\nhalf", true
	case "error":
		return "-" + argument + " some words\r\n", false
	case "password":
		if parts[0] == "AUTH" && parts[len(parts)-1] != argument {
			return "-WRONGPASS " + parts[len(parts)-1] + "\r\n", false
		}
	}
	switch parts[0] {
	case "GET":
		value, known := f.values[parts[1]]
		if !known {
			return "$-1\r\n", false
		}
		return "$" + strconv.Itoa(len(value)) + "\r\n" + value + "\r\n", false
	case "DEL":
		delete(f.values, parts[1])
		return ":1\r\n", false
	case "SET":
		f.values[parts[1]] = parts[2]
	}
	return "+OK\r\n", false
}

func (f *fakeRedis) does(script string) {
	f.mutex.Lock()
	f.script = script
	f.mutex.Unlock()
}

func (f *fakeRedis) size() int {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return len(f.values)
}

func (f *fakeRedis) asked(name string) int {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	n := 0
	for _, command := range f.commands {
		if command == name {
			n++
		}
	}
	return n
}

func (f *fakeRedis) config() *Config {
	return &Config{Redis: &RedisConfig{Address: f.listener.Addr().String(), Timeout: "10s"}}
}

// impatient is the configuration of tests in which Redis stalls.
func (f *fakeRedis) impatient() *Config {
	config := f.config()
	config.Redis.Timeout = "200ms"
	return config
}

// replica returns a cache like that of another process, with its own memory.
func replica(t *testing.T, name string, config *Config, origin http.HandlerFunc) *tested {
	t.Helper()
	stores.mutex.Lock()
	stores.byKey = map[string]*store{}
	stores.mutex.Unlock()
	return newNamed(t, name, config, true, origin)
}

func TestReplicasShareThroughRedis(t *testing.T) {
	for what, vary := range map[string]string{"one level": "", "two levels": "X-Kind"} {
		f := startRedis(t)
		a := replica(t, what, f.config(), respond(200, "Cache-Control", "max-age=60", "Vary", vary, "X-Own", "ü"))
		b := replica(t, what, f.config(), respond(200, "Cache-Control", "max-age=60", "Vary", vary))
		get(a, "/", "X-Kind", "1")
		values := 1
		if vary != "" {
			values = 2
		}
		until(t, "value in Redis", func() bool { return f.size() == values })
		w := get(b, "/", "X-Kind", "1")
		wantStatus(t, what, w, "; hit; ttl=60")
		if w.Body.String() != "body 1" || w.Header().Get("X-Own") != "ü" || b.calls != 0 {
			t.Errorf("%s: got %q with %v after %d calls, want the other replica's", what, w.Body, w.Header(), b.calls)
		}
		gets := f.asked("GET")
		if get(b, "/", "X-Kind", "1"); f.asked("GET") != gets {
			t.Errorf("%s: got Redis asked again within 5 s, want it trusted", what)
		}
		send(a, "POST", "/")
		letPass(b, 6*time.Second)
		wantStatus(t, what+", invalidated by the other", get(b, "/", "X-Kind", "1"), "; fwd=uri-miss; stored; ttl=60")
	}
}

func TestAnotherFunctionFindsNothingInRedis(t *testing.T) {
	f := startRedis(t)
	a := replica(t, "one", f.config(), respond(200, "Cache-Control", "max-age=60"))
	get(a, "/")
	until(t, "value in Redis", func() bool { return f.size() == 1 })
	b := replica(t, "another", f.config(), respond(200, "Cache-Control", "max-age=60"))
	wantStatus(t, "another name", get(b, "/"), "; fwd=uri-miss; stored; ttl=60")
}

func TestFailuresOfRedisAreMisses(t *testing.T) {
	for script, lines := range map[string]int{
		"cut":                     1,
		"stall":                   1,
		"half":                    1,
		"garbage hello\r\n":       1,
		"garbage $x\r\n":          1,
		"garbage $-5\r\n":         1,
		"garbage $99999999\r\n":   1,
		"garbage *1\r\n$1\r\na":   1,
		"garbage $1\r\naXX":       1,
		"garbage +OK\n":           1,
		"garbage +OK\r\n+OK\r\n":  1,
		"garbage $5\r\nlying\r\n": 1,
		"error LOADING":           1,
		"error OOM":               1,
		"error MASTERDOWN":        1,
		"error BUSY":              1,
		"error READONLY":          1,
		"error MOVED":             1,
		"error NOAUTH":            1,
		"error NOPERM":            1,
	} {
		f := startRedis(t)
		f.does(script)
		x := replica(t, script, f.impatient(), respond(200, "Cache-Control", "max-age=60"))
		for i := 0; i < 8; i++ {
			began := time.Now()
			w := get(x, "/"+strconv.Itoa(i))
			if w.Code != 200 || !strings.HasPrefix(w.Body.String(), "body ") {
				t.Errorf("%s: got %d %q, want the origin's response", script, w.Code, w.Body)
			}
			if took := time.Since(began); took > time.Second {
				t.Errorf("%s: got the response after %v, want it within the timeout", script, took)
			}
			wantStatus(t, script, get(x, "/"+strconv.Itoa(i)), "; hit; ttl=60")
		}
		until(t, "end of the writes", func() bool { return puts(x) == 0 })
		if got := x.lines(); len(got) != lines {
			t.Errorf("%s: got lines %q, want %d", script, got, lines)
		}
	}
}

func puts(x *tested) int {
	x.cache.redis.mutex.Lock()
	defer x.cache.redis.mutex.Unlock()
	return x.cache.redis.puts
}

func TestTheBreakerOpensAndCloses(t *testing.T) {
	f := startRedis(t)
	x := replica(t, t.Name(), f.config(), respond(200, "Cache-Control", "max-age=60"))
	f.does("cut")
	r := x.cache.redis
	for i := 0; i < 10; i++ {
		_, _ = redisGet(r, "key")
	}
	if got := f.asked("GET"); got != failuresToOpen {
		t.Errorf("got %d reads, want %d before the breaker opens", got, failuresToOpen)
	}
	stats := x.cache.Stats().Redis
	if stats.Up || stats.Failed != 3 || stats.Skipped != 7 {
		t.Errorf("got %+v, want it down after 3 failures", stats)
	}
	passed(r, 1500)
	_, _ = redisGet(r, "key")
	_, result := redisGet(r, "key")
	if got := f.asked("GET"); got != failuresToOpen+1 || result != skipped {
		t.Errorf("got %d reads after the pause and then %d, want one trial and no more", got, result)
	}
	passed(r, 1500)
	if _, result := redisGet(r, "key"); result != skipped {
		t.Errorf("got %d 1.5 s after the second failure, want the pause doubled", result)
	}
	passed(r, 1500)
	f.does("")
	if _, result := redisGet(r, "key"); result != missing || !x.cache.Stats().Redis.Up {
		t.Errorf("got %d after it recovered, want a reply", result)
	}
	if lines := x.lines(); len(lines) != 2 || !strings.Contains(lines[1], "answers again") {
		t.Errorf("got lines %q, want one when it opens and one when it closes", lines)
	}
}

func TestWhatWasAskedBeforeTheBreakerOpenedDoesNotMoveIt(t *testing.T) {
	f := startRedis(t)
	x := replica(t, t.Name(), f.impatient(), respond(200, "Cache-Control", "max-age=60"))
	f.does("stall")
	r := x.cache.redis
	ended := make(chan bool)
	for i := 0; i < maxConnections/2; i++ {
		go readKey(r, ended)
	}
	for i := 0; i < maxConnections/2; i++ {
		<-ended
	}
	mended(r, false)
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.pause != firstPause || r.until == 0 {
		t.Errorf("got a pause of %d ms until %d, want %d ms", r.pause, r.until, firstPause)
	}
}

func readKey(r *redis, ended chan bool) {
	_, _ = redisGet(r, "key")
	ended <- true
}

// passed shortens the rest of a pause of the breaker.
func passed(r *redis, millis int64) {
	r.mutex.Lock()
	r.until -= millis
	r.mutex.Unlock()
}

func TestAConnectionThatDiedIdleIsReplaced(t *testing.T) {
	f := startRedis(t)
	x := replica(t, t.Name(), f.config(), respond(200))
	r := x.cache.redis
	_, _ = redisGet(r, "key")
	f.mutex.Lock()
	for _, conn := range f.open {
		_ = conn.Close()
	}
	f.mutex.Unlock()
	if _, result := redisGet(r, "key"); result != missing {
		t.Errorf("got %d on a connection that died, want a reply on a new one", result)
	}
	if r.open != 1 || len(r.idle) != 1 || len(x.lines()) != 0 {
		t.Errorf("got %d connections, %d idle, lines %q, want 1, 1, none", r.open, len(r.idle), x.lines())
	}
}

func TestCredentials(t *testing.T) {
	f := startRedis(t)
	f.does("password right")
	config := f.config()
	config.Redis.Password = "wrong"
	x := replica(t, t.Name(), config, respond(200, "Cache-Control", "max-age=60"))
	get(x, "/")
	until(t, "end of the writes", func() bool { return puts(x) == 0 })
	lines := x.lines()
	if len(lines) != 1 || strings.Contains(lines[0], "wrong") || !strings.Contains(lines[0], "WRONGPASS") {
		t.Errorf("got lines %q, want one without the password", lines)
	}
	config.Redis.Password = "right"
	config.Redis.Username = "cache"
	config.Redis.DB = 2
	y := newNamed(t, t.Name(), config, true, respond(200))
	if y.cache.store != x.cache.store || y.cache.redis == x.cache.redis {
		t.Error("got another memory or the old client for another password, want the same and a new one")
	}
	if _, result := redisGet(y.cache.redis, "key"); result != missing || f.asked("SELECT") != 1 {
		t.Errorf("got %d with %d SELECTs, want a reply after one", result, f.asked("SELECT"))
	}
}

func TestRedisConfig(t *testing.T) {
	for what, row := range map[string]struct {
		config RedisConfig
		want   string
	}{
		"no address": {RedisConfig{}, `cache.redis.address: "": want host:port, such as "redis:6379"`},
		"no port": {
			RedisConfig{Address: "redis"}, `cache.redis.address: "redis": want host:port, such as "redis:6379"`,
		},
		"a negative db": {RedisConfig{Address: "redis:1", DB: -1}, "cache.redis.db: -1: want a whole number, 0 or above"},
		"no time": {
			RedisConfig{Address: "redis:1", Timeout: "0s"},
			`cache.redis.timeout: "0s": want a duration above 0, such as "62s" or "15m"`,
		},
		"two passwords": {
			RedisConfig{Address: "redis:1", Password: "a", PasswordFile: "/b"},
			`cache.redis.passwordFile: "/b": not with password`,
		},
		"a name alone": {
			RedisConfig{Address: "redis:1", Username: "a"},
			`cache.redis.username: "a": want password or passwordFile with it`,
		},
		"a misspelling": {
			RedisConfig{Address: "redis:1", Unknown: map[string]any{"pasword": "a"}},
			"cache.redis.pasword: no such option: did you mean cache.redis.password?",
		},
	} {
		config := row.config
		_, err := parseRedis(&config)
		if err == nil || err.Error() != row.want {
			t.Errorf("%s: got %v, want %s", what, err, row.want)
		}
	}
}
