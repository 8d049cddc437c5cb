package edge

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// changed is a request after its hook.
type changed struct {
	http      *http.Request
	origin    customOrigin // only with originRequest
	elsewhere bool         // the request goes to another origin than the router's
}

// onRequest runs a request hook. responded reports whether a response has been written, by the hook or because it
// failed. Otherwise it returns the changed request.
func (e *Edge) onRequest(w http.ResponseWriter, r *http.Request, c *call) (result changed, responded bool) {
	result, made, f := c.askRequest(r)
	switch {
	case f != nil:
		c.report(f)
		e.core.Fail(w, r, f.status)
		return result, true
	case made != nil:
		c.hook.observe(resultGenerated)
		if c.hook.atOrigin {
			c.notes.OriginStatus = made.status
		}
		made.write(w, r)
		return result, true
	default:
		c.hook.observe(resultOK)
		return result, false
	}
}

// askRequest calls a request hook, and reads its reply: a changed request, or a response.
func (c *call) askRequest(r *http.Request) (changed, *generated, *failure) {
	var shown *eventBody
	if c.hook.includeBody {
		whole, read, err := c.readBody(r)
		if err != nil {
			return changed{}, nil, unreadableBody()
		}
		r = whole
		shown = read
	}
	fields := requestFields(&c.hook.hookKind, r)
	asked, err := c.newEvent(r, fields)
	if err != nil {
		return changed{}, nil, badReply(err)
	}
	asked.Records[0].CF.Request.Body = shown
	reply, f := c.ask(r.Context(), asked)
	if f != nil {
		return changed{}, nil, f
	}
	if _, there := reply["status"]; there {
		made, err := c.parseGenerated(reply)
		if err != nil {
			return changed{}, nil, badReply(err)
		}
		return changed{}, made, nil
	}
	result, err := c.parseRequest(r, fields, reply)
	if err != nil {
		return changed{}, nil, badReply(err)
	}
	return result, nil, nil
}

// parseRequest makes the request from the hook's reply. Members that are missing in the reply stay unchanged.
func (c *call) parseRequest(r *http.Request, fields headerFields, reply object) (changed, error) {
	result := changed{http: r.WithContext(r.Context()), origin: c.origin, elsewhere: false}
	if err := c.checkFixed(r, reply); err != nil {
		return result, err
	}
	if err := changeURL(result.http, r.URL, reply); err != nil {
		return result, err
	}
	headers, err := c.changeRequestHeader(result.http, fields, reply)
	if err != nil {
		return result, err
	}
	if raw, there := reply["body"]; there && c.hook.includeBody {
		if err := c.changeBody(result.http, raw); err != nil {
			return result, err
		}
	}
	raw, there := reply["origin"]
	if !there {
		return result, nil
	}
	if !c.hook.atOrigin {
		return result, errors.New("invalid origin configuration: only an origin-request function may set one")
	}
	return c.changeOrigin(result, raw, headers)
}

// checkFixed refuses a reply that changes a member that no hook may change.
func (c *call) checkFixed(r *http.Request, reply object) error {
	fixed := map[string]string{"method": r.Method, "clientIp": c.edge.core.ClientIP(r)}
	for member, want := range fixed {
		value, set, err := reply.text(member)
		if err != nil {
			return err
		}
		if set && value != want {
			return fmt.Errorf("tried to change the %s, which is read-only", member)
		}
	}
	return nil
}

// maxURLLen bounds uri and querystring together.
const maxURLLen = 8192

// Characters that must not be in a uri, a querystring or the path of an origin.
const (
	notInQuery = controls + "\t #"
	notInPath  = notInQuery + "?"
)

// changeURL sets the URL of the hook's reply. If that is the event's own, the received bytes stay as they are.
func changeURL(r *http.Request, from *url.URL, reply object) error {
	path := asUTF8(rawPath(from))
	query := asUTF8(from.RawQuery)
	newPath, pathSet, err := reply.text("uri")
	if err != nil {
		return fmt.Errorf("the URI is in an invalid format: %w", err)
	}
	newQuery, querySet, err := reply.text("querystring")
	if err != nil {
		return err
	}
	pathChanges := pathSet && newPath != path
	queryChanges := querySet && newQuery != query
	if !pathChanges && !queryChanges {
		return nil
	}
	u := *from
	if queryChanges {
		if strings.ContainsAny(newQuery, notInQuery) {
			return errors.New("the querystring has characters that have to be encoded")
		}
		u.RawQuery = newQuery
		u.ForceQuery = false
	}
	if pathChanges {
		if err := setPath(&u, newPath); err != nil {
			return err
		}
	}
	if len(u.EscapedPath())+len(u.RawQuery) >= maxURLLen {
		return fmt.Errorf("the URI is in an invalid format: with the querystring it has %d characters or more", maxURLLen)
	}
	r.URL = &u
	r.RequestURI = rawPath(&u)
	if u.RawQuery != "" {
		r.RequestURI += "?" + u.RawQuery
	}
	return nil
}

// setPath sets a percent-encoded path, so that its bytes stay as they are.
func setPath(u *url.URL, path string) error {
	if !strings.HasPrefix(path, "/") {
		return errors.New("the URI is in an invalid format: it does not begin with a slash")
	}
	if strings.ContainsAny(path, notInPath) {
		return errors.New("the URI is in an invalid format: it has characters that have to be encoded")
	}
	decoded, err := url.PathUnescape(path)
	if err != nil {
		return errors.New("the URI is in an invalid format: its percent-encoding is broken")
	}
	u.Path = decoded
	u.RawPath = path
	return nil
}

// hostPattern matches a Host with or without a port.
var hostPattern = regexp.MustCompile(`^(?:[0-9A-Za-z._~%!$&'()*+,;=-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?$`)

// changeRequestHeader sets the headers of the hook's reply, or leaves them unchanged if the reply has none. It
// returns the headers that the event shows.
func (c *call) changeRequestHeader(r *http.Request, fields headerFields, reply object) (replyHeaders, error) {
	raw, there := reply["headers"]
	if !there {
		unchanged := replyHeaders{}
		for name, field := range fields {
			unchanged[name] = field.shown
		}
		return unchanged, nil
	}
	headers, err := parseHeaders(raw)
	if err != nil {
		return nil, err
	}
	if err := check(&c.hook.hookKind, fields, headers); err != nil {
		return nil, err
	}
	header := r.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	changeHeader(header, fields, headers)
	delete(header, "Host")
	r.Header = header
	host := headers["host"]
	if len(host) == 0 || equal(host, fields["host"].shown) {
		return headers, nil // Host stays even if it was deleted, unless another origin is chosen
	}
	if len(host) > 1 || !hostPattern.MatchString(host[0]) {
		return nil, errors.New("invalid value of a header: header \"host\"")
	}
	r.Host = host[0]
	return headers, nil
}

// The values of body.action and of body.encoding.
const (
	actionReadOnly = "read-only"
	actionReplace  = "replace"
	encodingBase64 = "base64"
	encodingText   = "text"
)

// changeBody replaces a request's body if the reply asks for it.
func (c *call) changeBody(r *http.Request, raw json.RawMessage) error {
	var member object
	if err := json.Unmarshal(raw, &member); err != nil || member == nil {
		return errors.New("the body is not an object")
	}
	action, set, err := member.text("action")
	if err != nil {
		return err
	}
	if !set || action == actionReadOnly {
		return nil
	}
	if action != actionReplace {
		return errors.New("the action of the body is neither read-only nor replace")
	}
	data, set, err := member.text("data")
	if err != nil || !set {
		return errors.New("the body is not a string")
	}
	content, err := decodeBody(data, member, "encoding", encodingBase64)
	if err != nil {
		return err
	}
	if len(content) > c.hook.maxBody {
		return fmt.Errorf("the body exceeds the maximum size of %d bytes", c.hook.maxBody)
	}
	replaceBody(r, content)
	return nil
}

// decodeBody decodes a body by the encoding that the reply names.
func decodeBody(data string, reply object, member, standard string) ([]byte, error) {
	encoding, set, err := reply.text(member)
	if err != nil {
		return nil, err
	}
	if !set {
		encoding = standard
	}
	switch encoding {
	case encodingText:
		return []byte(data), nil
	case encodingBase64:
		content, err := base64.StdEncoding.DecodeString(data)
		if err != nil {
			return nil, errors.New("the body is not Base64")
		}
		return content, nil
	default:
		return nil, fmt.Errorf("the %s is neither text nor base64", member)
	}
}

// replaceBody gives a request another body, and sets its length wherever Go looks for it.
func replaceBody(r *http.Request, content []byte) {
	header := r.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	delete(header, "Transfer-Encoding")
	header["Content-Length"] = []string{strconv.Itoa(len(content))}
	r.Header = header
	r.TransferEncoding = nil
	r.ContentLength = int64(len(content))
	r.Body = body(content)
}

// body returns a body of bytes that have been read already.
func body(content []byte) io.ReadCloser {
	if len(content) == 0 {
		return http.NoBody
	}
	return io.NopCloser(bytes.NewReader(content))
}

// joined returns a body of the bytes that have been read and the rest behind them. Closing it does nothing: Go's
// server closes the rest.
func joined(read []byte, rest io.Reader) io.ReadCloser {
	return io.NopCloser(io.MultiReader(bytes.NewReader(read), rest))
}
