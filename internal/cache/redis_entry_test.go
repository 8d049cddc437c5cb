package cache

import (
	"hash/crc32"
	"strconv"
	"strings"
	"testing"
)

// valueOf makes a value with correct lengths and sums from any head.
func valueOf(head, body string) []byte {
	sum := strconv.FormatUint(uint64(crc32.ChecksumIEEE([]byte(head+body))), 10)
	return []byte(magic + strconv.Itoa(len(head)) + " " + strconv.Itoa(len(body)) + " " + sum + "\n" + head + body)
}

func decoded(c *Cache, value []byte, sum string) (*entry, error) {
	head, body, err := decodeValue(value, sum, now1994)
	if err != nil {
		return nil, err
	}
	return decodeEntry(c, head, body, false)
}

func TestPoisonedValues(t *testing.T) {
	c := &Cache{settings: &settings{}}
	sum := keySum("key")
	const (
		good    = `["Cache-Control","max-age=60"],["Content-Length","4"]`
		long    = `["Cache-Control","max-age=60"],["Content-Length","5"]`
		private = `["Cache-Control","private, max-age=60"],["Content-Length","4"]`
	)
	filler := `,["X-A","` + strings.Repeat("a", maxHeadBytes) + `"]`
	head := func(fields string, status string, stored int64, key string) string {
		return `{"k":"` + key + `","s":` + status + `,"o":200,"t":` + strconv.FormatInt(stored, 10) +
			`,"a":5000,"h":[` + fields + `]}`
	}
	e, err := decoded(c, valueOf(head(good, "200", now1994, sum), "body"), sum)
	if err != nil || string(e.body) != "body" || e.born != now1994-5000 {
		t.Errorf("got %+v, %v of a good value, want its entry", e, err)
	}
	whole := valueOf(head(good, "200", now1994, sum), "body")
	for what, value := range map[string][]byte{
		"nothing":             {},
		"no line":             []byte("TLC1 1 1 1"),
		"another magic":       append([]byte("TLC2"), whole[4:]...),
		"an end missing":      whole[:len(whole)-1],
		"an end too much":     append(append([]byte{}, whole...), 'x'),
		"another byte":        []byte(strings.Replace(string(whole), "body", "bodx", 1)),
		"a negative length":   []byte("TLC1 -1 5 0\nbody"),
		"a length of letters": []byte("TLC1 a 5 0\nbody"),
		"a fourth number":     []byte("TLC1 0 4 0 0\nbody"),
		"no JSON":             valueOf("{", "body"),
		"no body":             valueOf(head(good, "200", now1994, sum), ""),
		"another key":         valueOf(head(good, "200", now1994, keySum("other")), "body"),
		"a status of 100":     valueOf(head(good, "100", now1994, sum), "body"),
		"a status of 304":     valueOf(head(good, "304", now1994, sum), "body"),
		"a status of 600":     valueOf(head(good, "600", now1994, sum), "body"),
		"the future":          valueOf(head(good, "200", now1994+maxSkew+1, sum), "body"),
		"a cookie":            valueOf(head(good+`,["Set-Cookie","a=b"]`, "200", now1994, sum), "body"),
		"a hop-by-hop field":  valueOf(head(good+`,["Transfer-Encoding","chunked"]`, "200", now1994, sum), "body"),
		"a line feed":         valueOf(head(good+`,["X-A","a\nSet-Cookie: b"]`, "200", now1994, sum), "body"),
		"a carriage return":   valueOf(head(good+`,["X-A","a\rb"]`, "200", now1994, sum), "body"),
		"a NUL":               valueOf(head(good+`,["X-A","a\u0000"]`, "200", now1994, sum), "body"),
		"a name with a colon": valueOf(head(good+`,["X-A: b","a"]`, "200", now1994, sum), "body"),
		"a name of no form":   valueOf(head(good+`,["set-cookie","a=b"]`, "200", now1994, sum), "body"),
		"half a field":        valueOf(head(good+`,["X-A"]`, "200", now1994, sum), "body"),
		"another length":      valueOf(head(long, "200", now1994, sum), "body"),
		"private":             valueOf(head(private, "200", now1994, sum), "body"),
		"no lifetime":         valueOf(head(`["Content-Length","4"]`, "200", now1994, sum), "body"),
		"many fields":         valueOf(head(good+strings.Repeat(`,["X-A","a"]`, maxFields), "200", now1994, sum), "body"),
		"a long head":         valueOf(head(good+filler, "200", now1994, sum), "body"),
	} {
		if e, err := decoded(c, value, sum); err == nil {
			t.Errorf("%s: got %+v, want it refused", what, e)
		}
	}
}

func TestEntriesComeBackFromRedisAsTheyWere(t *testing.T) {
	c := &Cache{settings: &settings{}}
	header := storedHeader(map[string][]string{
		"Cache-Control": {"max-age=60, stale-if-error=5"}, "Etag": {`"a"`}, "X-Two": {"b", "a"}, "X-Text": {"ü\"\\<"},
	}, now1994)
	v := judgeReply(c, 404, header, now1994, now1994)
	v.fresh.age = 3000
	e := newEntry(404, header, []byte("b\x00dy\r\n"), &v)
	e.originStatus = 500
	sum := keySum("key")
	value, ok := encodeEntry(sum, e)
	if !ok {
		t.Fatal("got no value of an entry")
	}
	back, err := decoded(c, value, sum)
	if err != nil {
		t.Fatal(err)
	}
	if back.status != 404 || back.originStatus != 500 || string(back.body) != "b\x00dy\r\n" || back.etag != `"a"` ||
		back.born != e.born || back.freshUntil != e.freshUntil || back.errorUntil != e.errorUntil ||
		back.received != e.received {
		t.Errorf("got %+v, want %+v", back, e)
	}
	got := headerOf(back)
	if len(got) != len(header) || strings.Join(got["X-Two"], ",") != "b,a" || got.Get("X-Text") != "ü\"\\<" {
		t.Errorf("got header %v, want %v", got, header)
	}
	header["X-Latin"] = []string{"\xfc"}
	if _, ok := encodeEntry(sum, newEntry(200, header, nil, &v)); ok {
		t.Error("got a value of a header that JSON cannot carry, want none")
	}
}

func TestLivesInRedis(t *testing.T) {
	for what, row := range map[string]struct {
		e    entry
		want int64
	}{
		"fresh":              {entry{freshUntil: 500, staleUntil: 500, errorUntil: 500}, 400},
		"with a validator":   {entry{freshUntil: 500, staleUntil: 500, errorUntil: 500, etag: "a"}, 400 + afterlife},
		"stale for a time":   {entry{freshUntil: 500, staleUntil: 700, errorUntil: 600}, 600},
		"over":               {entry{freshUntil: 50, staleUntil: 50, errorUntil: 50}, 0},
		"for a hundred days": {entry{freshUntil: maxLife * 3}, maxLife},
	} {
		e := row.e
		if got := lifeOf(&e, 100); got != row.want {
			t.Errorf("%s: got %d, want %d", what, got, row.want)
		}
	}
}

func FuzzValue(f *testing.F) {
	sum := keySum("key")
	f.Add([]byte("TLC1 2 0 0\n{}"))
	const fields = `["Cache-Control","max-age=60"],["Content-Length","4"]`
	f.Add(valueOf(`{"k":"`+sum+`","s":200,"o":200,"t":1,"a":0,"h":[`+fields+`]}`, "body"))
	c := &Cache{settings: &settings{}}
	f.Fuzz(func(t *testing.T, value []byte) {
		e, err := decoded(c, value, sum)
		if err == nil && (e.status < 200 || headerOf(e)["Set-Cookie"] != nil) {
			t.Errorf("got %+v", e)
		}
		head, body, err := decodeValue(value, sum, now1994)
		if err == nil && int64(len(body)) > int64(len(value)) {
			t.Errorf("got %+v", head)
		}
	})
}
