package lambda

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
)

// decodeHTTPMessage reads a payload that is an HTTP/1.1 response, with lines ended by CRLF or LF.
// Functions that can only return JSON put it into a JSON string. The body is everything after the head,
// with chunks joined.
func decodeHTTPMessage(_ *replySettings, payload []byte, reply *reply) error {
	payload = unquoted(payload)
	source := bytes.NewReader(payload)
	buffered := bufio.NewReader(source)
	resp, err := http.ReadResponse(buffered, &http.Request{Method: reply.method})
	if err != nil {
		return errors.New("read the HTTP response: malformed head") // err would repeat parts of it
	}
	_ = resp.Body.Close() // the body is taken from payload
	body, err := messageBody(payload, resp, reply.method)
	if err != nil {
		return fmt.Errorf("read the HTTP response: %w", err)
	}
	return buildHTTPReply(resp, connectionLines(payload), body, reply)
}

// messageBody returns everything after the head. A response to HEAD has no body, whatever length it
// declares; if one comes anyway, its length is declared to the client.
func messageBody(payload []byte, resp *http.Response, method string) ([]byte, error) {
	body := payload[headLength(payload):]
	isHead := method == methodHead
	if len(resp.TransferEncoding) > 0 && (!isHead || len(body) > 0) {
		return unchunked(body)
	}
	if isHead {
		return body, nil
	}
	if resp.ContentLength > int64(len(body)) {
		return nil, fmt.Errorf("%d of %d bytes", len(body), resp.ContentLength)
	}
	return body, nil
}

// headLength returns where the body begins: after the first empty line.
func headLength(payload []byte) int {
	end := len(payload)
	for _, empty := range []string{"\n\r\n", "\n\n"} {
		if i := bytes.Index(payload, []byte(empty)); i >= 0 && i+len(empty) < end {
			end = i + len(empty)
		}
	}
	return end
}

// connectionLines returns the Connection headers of a response. http.ReadResponse removes them if one
// of them contains close.
func connectionLines(payload []byte) []string {
	reader := textproto.NewReader(bufio.NewReader(bytes.NewReader(payload)))
	_, _ = reader.ReadLine()             // the status line
	header, _ := reader.ReadMIMEHeader() // http.ReadResponse read it without an error
	return header["Connection"]
}

// maxChunks limits a body's chunks: each takes interpreted code some microseconds.
const maxChunks = 100_000

// unchunked returns a body without chunk sizes and trailers. net/http refuses lines that end in LF
// only. They are harmless here, since no other proxy parses these bytes.
func unchunked(encoded []byte) ([]byte, error) {
	body := make([]byte, 0, len(encoded))
	for i := 0; i < maxChunks; i++ {
		line, rest, found := bytes.Cut(encoded, []byte{'\n'})
		digits, _, _ := bytes.Cut(line, []byte{';'}) // extensions follow
		size, err := strconv.ParseUint(string(bytes.TrimSpace(digits)), 16, 31)
		if !found || err != nil {
			return nil, errors.New("malformed chunk")
		}
		if size == 0 {
			return body, nil
		}
		if int(size) > len(rest) {
			return nil, io.ErrUnexpectedEOF
		}
		body = append(body, rest[:size]...)
		end, following, found := bytes.Cut(rest[size:], []byte{'\n'})
		if !found || len(bytes.TrimSuffix(end, []byte{'\r'})) != 0 {
			return nil, errors.New("malformed chunk")
		}
		encoded = following
	}
	return nil, fmt.Errorf("over %d chunks", maxChunks)
}

// buildHTTPReply makes the reply from a response, with the same checks as for every reply.
func buildHTTPReply(resp *http.Response, connection []string, body []byte, reply *reply) error {
	if resp.StatusCode < 200 || resp.StatusCode > 599 {
		return fmt.Errorf("status %d: want one from 200 to 599", resp.StatusCode)
	}
	if connection != nil {
		resp.Header["Connection"] = connection
	}
	lines := &replyLines{header: reply.header}
	for name, values := range resp.Header {
		for _, value := range values {
			if err := addReplyHeader(lines, name, value); err != nil {
				return err
			}
		}
	}
	dropConnection(reply.header)
	completeReply(reply, resp.StatusCode, body, "application/octet-stream")
	return nil
}
