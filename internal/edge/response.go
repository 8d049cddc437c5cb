package edge

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/seed05e46011/lambda/internal/bracket"
)

// generated is a response that a request hook made.
type generated struct {
	status int
	header http.Header
	body   []byte
}

// parseGenerated reads a response in place of a request.
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/lambda-generating-http-responses.html
func (c *call) parseGenerated(reply object) (*generated, error) {
	status, err := parseStatus(reply["status"])
	if err != nil {
		return nil, err
	}
	made := &generated{status: status, header: http.Header{}}
	size := 0
	if raw, there := reply["headers"]; there {
		headers, err := parseHeaders(raw)
		if err != nil {
			return nil, err
		}
		size, err = c.setGenerated(made.header, headers)
		if err != nil {
			return nil, err
		}
	}
	if _, there := made.header["Content-Type"]; !there {
		made.header["Content-Type"] = nil // Go's server guesses one if this key is missing
	}
	content, _, err := parseBody(reply, status)
	if err != nil {
		return nil, err
	}
	if size+len(content) > c.hook.maxBody {
		return nil, fmt.Errorf("the body exceeds the maximum size of %d bytes with the headers", c.hook.maxBody)
	}
	made.body = content
	return made, nil
}

// setGenerated sets the headers of a generated response, and returns their size.
func (c *call) setGenerated(header http.Header, headers replyHeaders) (int, error) {
	size := 0
	for _, name := range []string{"content-length", "transfer-encoding", "via", "cdn-loop"} {
		if _, there := headers[name]; there {
			return 0, fmt.Errorf("tried to add, delete, or change a read-only header: header %q", name)
		}
	}
	for name, lines := range headers {
		if hides(&c.hook.hookKind, name) {
			return 0, fmt.Errorf("tried to add a blacklisted header: header %q", name)
		}
		header[http.CanonicalHeaderKey(name)] = lines
		for i := range lines {
			size += len(name) + len(lines[i])
		}
	}
	return size, nil
}

// write sends the response.
func (g *generated) write(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	for key, lines := range g.header {
		header[key] = lines
	}
	if bodyless(g.status) {
		w.WriteHeader(g.status)
		return
	}
	header["Content-Length"] = []string{strconv.Itoa(len(g.body))}
	w.WriteHeader(g.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(g.body) //nolint:gosec // the response is the function's, markup and all
	}
}

// statusPattern matches the statuses of final responses.
var statusPattern = regexp.MustCompile(`^"?([2-5][0-9][0-9])"?$`)

// parseStatus reads a status, which is a string in AWS's documentation and a number in its examples.
func parseStatus(raw json.RawMessage) (int, error) {
	match := statusPattern.FindStringSubmatch(strings.TrimSpace(string(raw)))
	if match == nil {
		return 0, errors.New("the status code is missing, or no whole number from 200 to 599")
	}
	return strconv.Atoi(match[1])
}

// bodyless reports whether a response of this status has no body (RFC 9110 6.4.1).
func bodyless(status int) bool {
	return status == http.StatusNoContent || status == http.StatusNotModified
}

// parseBody reads the body of a response. set is false if the reply has none.
func parseBody(reply object, status int) (content []byte, set bool, err error) {
	data, set, err := reply.text("body")
	if err != nil || !set {
		return nil, false, err
	}
	content, err = decodeBody(data, reply, "bodyEncoding", encodingText)
	if err != nil {
		return nil, false, err
	}
	if len(content) > 0 && bodyless(status) {
		return nil, false, fmt.Errorf("a response of status %d has no body", status)
	}
	return content, true, nil
}

// onResponse runs a response hook, which changes the head. If the hook fails, the origin's response is dropped.
func (e *Edge) onResponse(head *bracket.Head, r *http.Request, c *call) {
	f := c.askResponse(head, r)
	if f == nil {
		c.hook.observe(resultOK)
		return
	}
	c.report(f)
	head.Instead(func(w http.ResponseWriter) { e.core.Fail(w, r, f.status) })
}

// askResponse calls a response hook and applies its reply to the head.
func (c *call) askResponse(head *bracket.Head, r *http.Request) *failure {
	fields := shownFields(&c.hook.hookKind, head.Header)
	asked, err := c.newEvent(r, requestFields(&c.hook.hookKind, r))
	if err != nil {
		return badReply(err)
	}
	response, err := newResponse(head.Status, fields)
	if err != nil {
		return badReply(err)
	}
	asked.Records[0].CF.Response = response
	reply, f := c.ask(r.Context(), asked)
	if f != nil {
		return f
	}
	if err := c.changeResponse(head, r, fields, reply); err != nil {
		return badReply(err)
	}
	return nil
}

// changeResponse applies the hook's reply to the head. It changes nothing before it has checked the whole reply.
func (c *call) changeResponse(head *bracket.Head, r *http.Request, fields headerFields, reply object) error {
	status, err := parseStatus(reply["status"])
	if err != nil {
		return err
	}
	if !c.hook.atOrigin && status != head.Status {
		return errors.New("tried to change the status, which is read-only for a viewer-response function")
	}
	raw, headersSet := reply["headers"]
	var headers replyHeaders
	if headersSet {
		headers, err = parseHeaders(raw)
		if err != nil {
			return err
		}
		if err := check(&c.hook.hookKind, fields, headers); err != nil {
			return err
		}
	}
	content, bodySet, err := parseBody(reply, status)
	if err != nil {
		return err
	}
	if len(content) > 0 && head.Status == http.StatusNotModified {
		return errors.New("a response of status 304 has no body")
	}
	if len(content) > c.hook.maxBody {
		return fmt.Errorf("the body exceeds the maximum size of %d bytes", c.hook.maxBody)
	}
	head.Status = status
	if headersSet {
		length := head.Header["Content-Length"]
		changeHeader(head.Header, fields, headers)
		restore(head.Header, "Content-Length", length)
	}
	switch {
	case bodyless(status):
		dropBody(head)
	case bodySet:
		setBody(head, r, fields, content)
	}
	return nil
}

// restore sets a header to its former value: a hook that leaves the body alone cannot change its length.
func restore(header http.Header, key string, lines []string) {
	if lines == nil {
		delete(header, key)
		return
	}
	header[key] = lines
}

// dropBody drops the origin's body if the status allows none.
func dropBody(head *bracket.Head) {
	length := head.Header["Content-Length"]
	head.Replace(nil)
	if head.Status == http.StatusNoContent {
		length = nil // RFC 9110 8.6
	}
	restore(head.Header, "Content-Length", length)
}

// setBody replaces the body. It drops the headers that described the old one, unless the hook has changed them.
func setBody(head *bracket.Head, r *http.Request, fields headerFields, content []byte) {
	header := head.Header
	for _, key := range []string{"Content-Encoding", "Etag"} {
		if equal(header[key], fields[strings.ToLower(key)].lines) {
			delete(header, key)
		}
	}
	delete(header, "Transfer-Encoding")
	if r.Method != http.MethodHead {
		head.Replace(content)
		return
	}
	head.Replace(nil)
	header["Content-Length"] = []string{strconv.Itoa(len(content))}
}
