package bracket

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/http/httputil"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestRoomsSeeTheHeadFromTheOriginOutwards(t *testing.T) {
	client := httptest.NewRecorder()
	w := Wrap(client)
	seen := ""
	w.OnHead(func(head *Head) { seen += "outer " + head.Header.Get("X-Room") })
	Wrap(w).OnHead(func(head *Head) {
		seen += "inner, "
		head.Header.Set("X-Room", "inner")
		head.Status = 201
	})
	_, _ = w.Write([]byte("body"))
	if want := "inner, outer inner"; seen != want {
		t.Errorf("got %q, want %q", seen, want)
	}
	if client.Code != 201 || w.Status() != 201 || client.Body.String() != "body" {
		t.Errorf("got %d %q, want 201 %q", client.Code, client.Body, "body")
	}
}

func TestReplacedBodies(t *testing.T) {
	client := httptest.NewRecorder()
	w := Wrap(client)
	teed := ""
	completed := false
	w.OnBody(func(piece []byte, complete bool) {
		teed += string(piece)
		completed = complete
	})
	w.OnHead(func(head *Head) { head.Replace([]byte("ours")) })
	_, err := w.Write([]byte("of the origin"))
	if length := client.Header().Get("Content-Length"); err != nil || client.Body.String() != "ours" || length != "4" {
		t.Errorf("got %v, %q, Content-Length %q, want %q and 4", err, client.Body, length, "ours")
	}
	if teed != "ours" || !completed {
		t.Errorf("got %q, complete %v to the tee, want %q, true", teed, completed, "ours")
	}
}

func TestResponsesOfUnknownLengthAreFlushed(t *testing.T) {
	for length, want := range map[string]bool{"": true, "4": false} {
		client := httptest.NewRecorder()
		w := Wrap(client)
		if length != "" {
			w.Header().Set("Content-Length", length)
		}
		_, _ = w.Write([]byte("abcd"))
		if client.Flushed != want {
			t.Errorf("Content-Length %q: got flushed %v, want %v", length, client.Flushed, want)
		}
	}
}

func TestSwitchedProtocolsPassTheRooms(t *testing.T) {
	client := httptest.NewRecorder()
	w := Wrap(client)
	asked := false
	w.OnHead(func(_ *Head) { asked = true })
	w.WriteHeader(http.StatusSwitchingProtocols)
	if asked {
		t.Error("got a room asked about 101, want none")
	}
	if _, _, err := w.Hijack(); err == nil || w.Hijacked() {
		t.Errorf("got %v, hijacked %v of a recorder, want an error", err, w.Hijacked())
	}
}

func TestRoomsFurtherInSeeTheBodyBeforeItIsReplaced(t *testing.T) {
	keep := func(seen *string, complete *bool) TeeFunc {
		return func(piece []byte, last bool) {
			*seen += string(piece)
			*complete = last
		}
	}
	replace := func(body string) HeadFunc {
		return func(head *Head) { head.Replace([]byte(body)) }
	}
	pass := func(_ *Head) {}
	cases := map[string]struct {
		outer, middle, inner HeadFunc
		client, teed         string // teed by the room in the middle
	}{
		"no room replaces":        {pass, pass, pass, "origin", "origin"},
		"the inner room replaces": {pass, pass, replace("inner"), "inner", "inner"},
		"the outer room replaces": {replace("outer"), pass, pass, "outer", "origin"},
		"both replace":            {replace("outer"), pass, replace("inner"), "outer", "inner"},
		"the room itself":         {pass, replace("middle"), pass, "middle", "middle"},
	}
	for name, tc := range cases {
		client := httptest.NewRecorder()
		w := Wrap(client)
		teed := ""
		complete := false
		w.OnHead(tc.outer)
		w.OnHead(tc.middle)
		w.OnBody(keep(&teed, &complete))
		w.OnHead(tc.inner)
		w.Header().Set("Content-Length", "6")
		_, _ = w.Write([]byte("ori"))
		_, _ = w.Write([]byte("gin"))
		if client.Body.String() != tc.client || teed != tc.teed || !complete {
			t.Errorf("%s: got %q, teed %q, complete %v, want %q, %q, true",
				name, client.Body, teed, complete, tc.client, tc.teed)
		}
	}
}

func TestInsteadLeavesNothingOfTheResponse(t *testing.T) {
	client := httptest.NewRecorder()
	client.Header().Set("X-Before", "1")
	w := Wrap(client)
	w.OnHead(func(head *Head) {
		head.Instead(func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(http.StatusBadGateway)
			_, _ = w.Write([]byte("Bad Gateway"))
		})
	})
	w.Header().Set("Set-Cookie", "secret=1")
	w.Header().Set("X-Before", "2")
	_, _ = w.Write([]byte("secret"))
	want := http.Header{"X-Before": {"1"}, "Content-Type": {"text/plain"}, "Content-Length": {"11"}}
	got := client.Header()
	if client.Code != 502 || client.Body.String() != "Bad Gateway" || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %d %q %v, want 502 %q %v", client.Code, client.Body, got, "Bad Gateway", want)
	}
}

func TestFinishWritesTheHeadOfAnEmptyResponse(t *testing.T) {
	asked := 0
	w := Wrap(httptest.NewRecorder())
	w.OnHead(func(_ *Head) { asked++ })
	w.Finish()
	w.Finish()
	if w.Status() != 200 || asked != 1 {
		t.Errorf("got status %d, asked %d times, want 200, 1", w.Status(), asked)
	}
}

func TestInterimResponsesPassTheRooms(t *testing.T) {
	server := httptest.NewServer(inRooms(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</a.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusNotFound)
	})))
	defer server.Close()
	hints := ""
	trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
		hints = fmt.Sprint(code, header.Get("X-Room"), header.Get("Link"))
		return nil
	}}
	ctx := httptrace.WithClientTrace(context.Background(), trace)
	request, err := http.NewRequestWithContext(ctx, "GET", server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	rooms := response.Header.Get("X-Room")
	if hints != "103</a.css>; rel=preload" || response.StatusCode != 404 || rooms != "inner outer" {
		t.Errorf("got %q, then %d %v, want 103 without a room, then 404", hints, response.StatusCode, response.Header)
	}
}

func TestCompiledHandlersBehindRooms(t *testing.T) {
	page := "<p>page</p>"
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "page.html"), []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(inRooms(http.FileServer(http.Dir(folder))))
	defer server.Close()
	response, err := http.Get(server.URL + "/page.html")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil || string(body) != page || response.ContentLength != int64(len(page)) {
		t.Errorf("got %q, length %d, %v, want %q", body, response.ContentLength, err, page)
	}
	if got := response.Header.Get("X-Room"); got != "inner outer" {
		t.Errorf("got X-Room %q, want both rooms in one Writer", got)
	}
}

func TestADeletedContentTypeStaysDeleted(t *testing.T) {
	room := func(w http.ResponseWriter, r *http.Request) {
		writer := Wrap(w)
		writer.OnHead(func(head *Head) { head.Header.Del("Content-Type") })
		page := strings.NewReader("<p>page</p>")
		http.ServeContent(writer, r, "page.html", time.Time{}, page) //yaegi:ok response-writer nothing flushes
	}
	server := httptest.NewServer(http.HandlerFunc(room))
	defer server.Close()
	response, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if got, there := response.Header["Content-Type"]; there {
		t.Errorf("got Content-Type %q, want none", got)
	}
}

// TestStreamsPassACompiledProxy puts a compiled proxy between the rooms and an origin that sends a piece only when
// the client has the one before.
func TestStreamsPassACompiledProxy(t *testing.T) {
	next := make(chan bool, 1)
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		for i := 0; i < 3; i++ {
			<-next
			_, _ = w.Write([]byte("data: piece\n\n"))
			w.(http.Flusher).Flush()
		}
	}))
	defer origin.Close()
	server := httptest.NewServer(inRooms(proxyTo(t, origin.URL)))
	defer server.Close()
	response, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	piece := make([]byte, len("data: piece\n\n"))
	for i := 0; i < 3; i++ {
		next <- true
		if _, err := io.ReadFull(response.Body, piece); err != nil {
			t.Fatal(err)
		}
	}
	if got := response.Header.Get("X-Room"); got != "inner outer" {
		t.Errorf("got X-Room %q, want both rooms", got)
	}
}

func TestUpgradesPassACompiledProxy(t *testing.T) {
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		_, _ = conn.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"))
		line, _ := buffered.ReadString('\n')
		_, _ = conn.Write([]byte("echo " + line))
		_ = conn.Close()
	}))
	defer origin.Close()
	server := httptest.NewServer(inRooms(proxyTo(t, origin.URL)))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_, _ = conn.Write([]byte("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"))
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = conn.Write([]byte("hello\n"))
	line, err := reader.ReadString('\n')
	_ = conn.Close()
	if response.StatusCode != 101 || line != "echo hello\n" || response.Header.Get("X-Room") != "" {
		t.Errorf("got %d %v, %q, %v, want 101 untouched, then an echo", response.StatusCode, response.Header, line, err)
	}
}

// inRooms puts two rooms around a handler, which the head of a response passes.
func inRooms(next http.Handler) http.Handler { return namedRoom("outer", namedRoom("inner", next)) }

// namedRoom adds the room's name to the header of responses.
func namedRoom(name string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		writer := Wrap(w)
		writer.OnHead(func(head *Head) {
			head.Header.Set("X-Room", strings.TrimSpace(head.Header.Get("X-Room")+" "+name))
		})
		next.ServeHTTP(writer, r) //yaegi:ok response-writer Writer flushes itself
		writer.Finish()
	})
}

// proxyTo returns a compiled proxy.
func proxyTo(t *testing.T, address string) http.Handler {
	t.Helper()
	origin, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return httputil.NewSingleHostReverseProxy(origin)
}

func TestResponsesApartReachTheClientWithTheirHead(t *testing.T) {
	client := httptest.NewRecorder()
	client.Header().Set("X-Outer", "kept")
	w := Apart(client)
	w.Header().Set("Link", "early")
	w.WriteHeader(http.StatusEarlyHints)
	w.Header().Del("Link")
	w.Header().Set("X-Inner", "sent")
	if got := client.Header(); got.Get("X-Inner") != "" || got.Get("Link") != "" || got.Get("X-Outer") != "kept" {
		t.Errorf("got %v before the head, want the client's own header", got)
	}
	_, _ = w.Write([]byte("body"))
	if got := client.Header().Get("X-Inner"); got != "sent" || client.Body.String() != "body" {
		t.Errorf("got %q and %q, want the header and the body", got, client.Body)
	}
}

func TestHeldResponsesReachTheRoomThatHoldsThemAlone(t *testing.T) {
	client := httptest.NewRecorder()
	w := Apart(client)
	teed := ""
	w.OnHead(func(head *Head) { head.Hold() })
	w.OnBody(func(piece []byte, _ bool) { teed += string(piece) })
	w.WriteHeader(http.StatusBadGateway)
	_, _ = w.Write([]byte("failed"))
	if teed != "failed" || w.Status() != http.StatusBadGateway {
		t.Errorf("got %q with %d, want the body and 502", teed, w.Status())
	}
	if client.Body.Len() > 0 || client.Code != http.StatusOK {
		t.Errorf("got %d %q at the client, want nothing", client.Code, client.Body)
	}
}

func TestTrailersOfResponsesApart(t *testing.T) {
	client := httptest.NewRecorder()
	w := Apart(client)
	w.Header().Set("Trailer", "X-Sum")
	_, _ = w.Write([]byte("body"))
	w.Header().Set("X-Sum", "1")
	w.Finish()
	if got := client.Result().Trailer.Get("X-Sum"); got != "1" {
		t.Errorf("got trailer %q, want 1", got)
	}
}

func TestSentCountsWhatTheClientGets(t *testing.T) {
	for name, test := range map[string]struct {
		room func(head *Head)
		want int
	}{
		"the origin's body":     {func(_ *Head) {}, 11},
		"a body in its place":   {func(head *Head) { head.Replace([]byte("other")) }, 5},
		"a response that waits": {func(head *Head) { head.Hold() }, 0},
	} {
		w := Wrap(httptest.NewRecorder())
		w.OnHead(test.room)
		_, _ = w.Write([]byte("hello "))
		_, _ = w.Write([]byte("world"))
		if got := w.Sent(); got != test.want {
			t.Errorf("%s: got %d bytes, want %d", name, got, test.want)
		}
	}
}
