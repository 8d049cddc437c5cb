package lambda

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// decodeHTTPMessage reads a payload of the bytes of an HTTP/1.1 response, its lines ended by CRLF
// or LF. Functions that can answer nothing but JSON put them into a JSON string. The body is what
// follows the head, or what that is in chunks.
func decodeHTTPMessage(_ *replySettings, payload []byte, reply *reply) error {
	payload = unquoted(payload)
	source := bytes.NewReader(payload)
	buffered := bufio.NewReader(source)
	resp, err := http.ReadResponse(buffered, nil)
	if err != nil {
		return errors.New("read the HTTP response: malformed head") // err holds parts of it
	}
	body := payload[len(payload)-buffered.Buffered()-source.Len():]
	if len(resp.TransferEncoding) > 0 {
		body, err = io.ReadAll(resp.Body)
	}
	_ = resp.Body.Close() // nothing is left to be lost
	if err != nil {
		return fmt.Errorf("read the HTTP response: %w", err)
	}
	if resp.ContentLength > int64(len(body)) {
		return fmt.Errorf("read the HTTP response: %d of %d bytes", len(body), resp.ContentLength)
	}
	return buildHTTPReply(resp, body, reply)
}

// buildHTTPReply checks the response as every reply is checked.
func buildHTTPReply(resp *http.Response, body []byte, reply *reply) error {
	if resp.StatusCode < 200 || resp.StatusCode > 599 {
		return fmt.Errorf("status %d: want one from 200 to 599", resp.StatusCode)
	}
	for name, values := range resp.Header {
		for _, value := range values {
			if err := addReplyHeader(reply.header, name, value); err != nil {
				return err
			}
		}
	}
	dropConnection(reply.header)
	completeReply(reply, resp.StatusCode, body, "application/octet-stream")
	return nil
}
