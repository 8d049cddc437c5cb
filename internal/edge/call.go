package edge

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/seed05e46011/lambda/internal/bracket"
)

// call is one call of a hook for a request.
type call struct {
	edge       *Edge
	hook       *hook
	notes      *bracket.Notes
	domainName string // of the distribution
	origin     customOrigin
	began      time.Time
}

// newCall prepares a call. host is the client's Host. All calls for a request share one request id.
func newCall(e *Edge, h *hook, host string, notes *bracket.Notes) *call {
	if notes.EdgeRequestID == "" {
		notes.EdgeRequestID = newRequestID()
	}
	c := &call{edge: e, hook: h, notes: notes, domainName: e.domainName, began: time.Now()}
	if c.domainName == "" {
		c.domainName = withoutPort(host)
	}
	return c
}

// newRequestID returns an id of CloudFront's shape.
func newRequestID() string {
	random := make([]byte, 40)
	_, _ = rand.Read(random) // never fails
	return base64.URLEncoding.EncodeToString(random)
}

// CloudFront's names for failures of hooks.
const (
	validationError = "LambdaValidationError"
	executionError  = "LambdaExecutionError"
	limitExceeded   = "LambdaLimitExceeded"
)

// Results of calls, for metrics.
const (
	resultOK        = "ok"
	resultGenerated = "generated"
	resultBadReply  = "bad_reply"
	resultError     = "error"
)

// statusClientClosedRequest is the status that Traefik's own proxy logs if the client has gone.
const statusClientClosedRequest = 499

// failure is the reason why a hook's reply cannot be used. nil means no failure.
type failure struct {
	status  int
	name    string // CloudFront's, for the log
	result  string // for metrics; "" where no hook was called
	cause   string // as Core.Cause names it; "" where no call failed
	clients bool   // the client caused it: not for the operator's log
	reason  string
}

// badReply is the failure for a reply that AWS would refuse. err begins with CloudFront's own reason.
func badReply(err error) *failure {
	return &failure{status: http.StatusBadGateway, name: validationError, result: resultBadReply, reason: err.Error()}
}

// unreadableBody is the failure for a request whose body cannot be read.
func unreadableBody() *failure {
	return &failure{
		status: http.StatusBadRequest, name: "unreadable-body", result: "", clients: true,
		reason: "the client broke off its body",
	}
}

// clientGone is the failure for a request whose client has gone.
func clientGone() *failure {
	return &failure{
		status: statusClientClosedRequest, name: "client-gone", result: resultError, clients: true,
		reason: "the client went away",
	}
}

// noReply is the failure for a call that ended with err.
func (c *call) noReply(ctx context.Context, err error) *failure {
	if ctx.Err() != nil {
		return clientGone()
	}
	cause := c.edge.core.Cause(err)
	name := executionError
	if cause == "throttle" {
		name = limitExceeded
	}
	return &failure{
		status: http.StatusServiceUnavailable, name: name, result: resultError, cause: cause,
		reason: cause + ": " + err.Error(),
	}
}

// ask calls the hook with an event and returns the object in its reply.
func (c *call) ask(ctx context.Context, asked *event) (object, *failure) {
	encoded, err := encode(asked)
	if err != nil {
		return nil, badReply(err)
	}
	within, cancel := context.WithTimeout(ctx, c.hook.timeout)
	defer cancel()
	payload, err := c.hook.invoke(within, encoded)
	if err != nil {
		return nil, c.noReply(ctx, err)
	}
	reply, err := parseObject(payload)
	if err != nil {
		return nil, badReply(err)
	}
	return reply, nil
}

// report logs and counts the failure of a call.
func (c *call) report(f *failure) {
	c.log(f)
	if f.result != "" {
		c.hook.observe(f.result)
	}
}

// log writes one line about a failure and notes it for the rooms further out.
func (c *call) log(f *failure) {
	c.notes.Failure = f.name
	core := c.edge.core
	omitted := ""
	if f.cause != "" {
		field, admitted := core.Admit(c.hook.eventType, f.cause)
		if !admitted {
			return
		}
		omitted = field
	}
	line := fmt.Sprintf("%s: %d %s: hook=%s function=%s requestId=%s duration=%s cause=%s%s: %s",
		core.Name, f.status, statusText(f.status), c.hook.eventType, c.hook.function, c.notes.EdgeRequestID,
		time.Since(c.began).Round(time.Millisecond), f.name, omitted, f.reason)
	if f.clients {
		core.Debug(line)
	} else {
		core.Log(line)
	}
}

func statusText(status int) string {
	if status == statusClientClosedRequest {
		return "Client Closed Request"
	}
	return http.StatusText(status)
}

// object is a JSON object whose members are not decoded yet.
type object map[string]json.RawMessage

// parseObject reads a hook's reply.
func parseObject(payload []byte) (object, error) {
	var reply object
	if err := json.Unmarshal(payload, &reply); err != nil || reply == nil {
		if !json.Valid(payload) {
			return nil, errors.New("the JSON output is not parsable") // err would quote the function's reply
		}
		return nil, errors.New("the JSON output must be an object type")
	}
	for _, name := range []string{"Records", "statusCode"} {
		if _, there := reply[name]; there {
			return nil, fmt.Errorf("the JSON output is neither a request nor a response: it has %s", name)
		}
	}
	return reply, nil
}

// text reads a member that has to be a string. set is false if the member is missing.
func (o object) text(member string) (value string, set bool, err error) {
	raw, there := o[member]
	if !there {
		return "", false, nil
	}
	var decoded any
	if err := json.Unmarshal(raw, &decoded); err != nil {
		return "", false, err
	}
	value, isText := decoded.(string)
	if !isText {
		return "", false, fmt.Errorf("the %s is not a string", member)
	}
	return value, true, nil
}

// encode returns JSON. Like AWS it does not escape for HTML.
func encode(value any) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimRight(buffer.Bytes(), "\n"), nil
}
