package e2e_test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// Replies are written from memory that the next reply is read into. A client that resets its streams while they are
// sent must not see those of other streams.
func TestStreamsThatAreResetCarryNoOtherReply(t *testing.T) {
	const streams, atOnce, size = 2000, 16, 60_000
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // replies with its path
		var event struct{ RawPath string }
		assert.NoError(t, json.NewDecoder(r.Body).Decode(&event))
		letter := strings.TrimPrefix(event.RawPath, "/")
		reply := `{"statusCode":200,"body":"` + strings.Repeat(letter, size) + `"}`
		w.Header().Set("Content-Length", strconv.Itoa(len(reply)))
		_, _ = io.WriteString(w, reply)
	}))
	defer endpoint.Close()
	s := newSite(t, m{"function": "letters", "endpoint": endpoint.URL})

	address, err := url.Parse(gateway.TLSURL)
	require.NoError(t, err)
	conn, err := tls.Dial("tcp", address.Host, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, http2.ClientPreface)
	require.NoError(t, err)
	framer := http2.NewFramer(conn, conn)
	require.NoError(t, framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: size / 2}))
	require.NoError(t, framer.WriteWindowUpdate(0, 1<<30))

	begun, ended := make(chan uint32, streams), make(chan received)
	go readLetters(framer, begun, ended)
	for n := range uint32(streams) {
		if n >= atOnce {
			require.NoError(t, framer.WriteRSTStream(<-begun, http2.ErrCodeCancel))
		}
		id := 2*n + 1
		require.NoError(t, framer.WriteHeaders(http2.HeadersFrameParam{
			StreamID: id, EndStream: true, EndHeaders: true, BlockFragment: getLetter(t, s.host, letterOf(id)),
		}))
	}
	require.NoError(t, conn.Close())
	r := <-ended
	assert.Empty(t, r.wrong)
	assert.Greater(t, r.bytes, streams*size/8)
}

func letterOf(id uint32) byte { return 'a' + byte(id/2%26) }

// getLetter returns the header block of a GET.
func getLetter(t *testing.T, host string, letter byte) []byte {
	t.Helper()
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, field := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", host}, {":path", "/" + string(letter)}} {
		require.NoError(t, encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1], Sensitive: true}))
	}
	return block.Bytes()
}

// received is what arrived on a connection.
type received struct {
	bytes int
	wrong string // the first piece with other letters than its stream's
}

// readLetters reads frames until the connection ends, and tells which streams have begun to arrive.
func readLetters(framer *http2.Framer, begun chan<- uint32, ended chan<- received) {
	var r received
	known := map[uint32]bool{}
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			close(begun)
			ended <- r
			return
		}
		data, ok := frame.(*http2.DataFrame)
		if !ok {
			continue
		}
		id, piece := data.StreamID, string(data.Data())
		r.bytes += len(piece)
		if own := letterOf(id); r.wrong == "" && strings.Trim(piece, string(own)) != "" {
			r.wrong = fmt.Sprintf("stream %d: %.100q, want %c", id, piece, own)
		}
		if !known[id] {
			known[id] = true
			begun <- id
		}
	}
}
