package lambda

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/seed05e46011/lambda/internal/option"
)

// The values of option invocationType, as the Invoke API has them.
const (
	invokeSync   = "RequestResponse"
	invokeAsync  = "Event"
	invokeDryRun = "DryRun"
)

// The values of option logType.
const (
	logTypeNone = "None"
	logTypeTail = "Tail"
)

// maxAsyncEventBytes is the largest event that Lambda queues, from
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const maxAsyncEventBytes = 1 << 20

// eventLimit returns the largest event that Lambda takes.
func eventLimit(invocationType string) int {
	if invocationType == invokeAsync {
		return maxAsyncEventBytes
	}
	return maxEventBytes
}

// takenStatus is the status of Lambda's answer to a call that it has taken, and, where it does
// not wait for the function, of ours.
func takenStatus(invocationType string) int {
	switch invocationType {
	case invokeAsync:
		return http.StatusAccepted
	case invokeDryRun:
		return http.StatusNoContent
	default:
		return http.StatusOK
	}
}

// invocationHeader is a header of the Invoke API whose value may depend on the request.
type invocationHeader struct {
	option string
	name   string
	value  *valueTemplate
	check  func(value string) error
	encode func(value string) string // nil: as it is
}

// invocationOptions are the options that become headers of the Invoke API. They are the
// operator's: the client's own headers of these names are part of the event, like all others.
type invocationOptions struct {
	constant map[string]string
	rendered []invocationHeader
}

// newInvocationOptions returns nil where no option asks for a header.
func newInvocationOptions(c *Config) (*invocationOptions, error) {
	o := &invocationOptions{constant: map[string]string{}}
	if c.InvocationType != invokeSync {
		o.constant["X-Amz-Invocation-Type"] = c.InvocationType
	}
	if c.LogType != logTypeNone {
		o.constant["X-Amz-Log-Type"] = c.LogType
	}
	for _, h := range []invocationHeader{
		{option: "tenantId", name: "X-Amz-Tenant-Id", check: checkTenantID},
		{option: "clientContext", name: "X-Amz-Client-Context", check: checkClientContext, encode: encodeClientContext},
		{option: "durableExecutionName", name: "X-Amz-Durable-Execution-Name", check: checkDurableExecutionName},
	} {
		text := c.invocationText(h.option)
		if text == "" {
			continue
		}
		value, err := parseValueTemplate(h.option, text)
		if err != nil {
			return nil, err
		}
		if value.template == nil {
			if err := h.check(text); err != nil {
				return nil, fmt.Errorf("%s: %w", h.option, err)
			}
		}
		h.value = value
		o.rendered = append(o.rendered, h)
	}
	if len(o.constant) == 0 && len(o.rendered) == 0 {
		return nil, nil
	}
	return o, nil
}

func (c *Config) invocationText(option string) string {
	switch option {
	case "tenantId":
		return c.TenantID
	case "clientContext":
		return c.ClientContext
	default:
		return c.DurableExecutionName
	}
}

// The patterns of the Invoke API, from
// https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
var (
	tenantIDPattern             = regexp.MustCompile(`^[a-zA-Z0-9._:/=+\-@ ]{1,256}$`)
	durableExecutionNamePattern = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)
)

// maxClientContext is the longest client context, in Base64.
const maxClientContext = 3583

func checkTenantID(value string) error {
	if !tenantIDPattern.MatchString(value) {
		return fmt.Errorf("%.300q: want 1 to 256 letters, digits, blanks or any of ._:/=+-@", value)
	}
	return nil
}

func checkDurableExecutionName(value string) error {
	if !durableExecutionNamePattern.MatchString(value) {
		return fmt.Errorf("%.100q: want 1 to 64 letters, digits, - or _", value)
	}
	return nil
}

func checkClientContext(value string) error {
	if !json.Valid([]byte(value)) {
		return errors.New("want JSON")
	}
	if n := base64.StdEncoding.EncodedLen(len(value)); n > maxClientContext {
		return fmt.Errorf("%d bytes in Base64: want %d at most", n, maxClientContext)
	}
	return nil
}

func encodeClientContext(value string) string {
	return base64.StdEncoding.EncodeToString([]byte(value))
}

// renderInvocationHeaders returns the headers that the options ask for. A value that is rendered
// empty is no header; one that Lambda would refuse is an error, and is not sent.
func renderInvocationHeaders(l *Lambda, req *request) (http.Header, error) {
	headers := make(http.Header, len(l.calls.invocation.constant)+len(l.calls.invocation.rendered))
	for name, value := range l.calls.invocation.constant {
		headers[name] = []string{value}
	}
	if len(l.calls.invocation.rendered) == 0 {
		return headers, nil
	}
	data := templateDataOf(l.events, req)
	for _, h := range l.calls.invocation.rendered {
		value, err := renderValue(h.value, data)
		if err != nil {
			return nil, err
		}
		if value == "" {
			continue
		}
		if err := h.check(value); err != nil {
			return nil, fmt.Errorf("%s: %w", h.option, err)
		}
		if h.encode != nil {
			value = h.encode(value)
		}
		headers[h.name] = []string{value}
	}
	return headers, nil
}

// logTail logs what the function had logged last, for the operator alone: functions log secrets.
func logTail(l *Lambda, req *request, logResult string) {
	if l.calls.logType != logTypeTail || logResult == "" {
		return
	}
	tail, err := base64.StdEncoding.DecodeString(logResult)
	if err != nil {
		tail = []byte("(not Base64)")
	}
	l.log.Error(fmt.Sprintf("%s: log tail of function=%s requestId=%s: %q", l.name, req.target.function.Name, orDash(req.answer.Get(requestIDHeader)),
		strings.TrimSpace(string(tail))))
}

// validateInvocation checks the options of the Invoke API. Lambda takes some of them only where
// it waits for the function.
func (c *Config) validateInvocation() error {
	if err := option.OneOf("invocationType", c.InvocationType, []string{invokeSync, invokeAsync, invokeDryRun}); err != nil {
		return err
	}
	if err := option.OneOf("logType", c.LogType, []string{logTypeNone, logTypeTail}); err != nil {
		return err
	}
	if c.InvocationType != invokeSync {
		switch {
		case c.InvokeMode == invokeModeStream:
			return fmt.Errorf("invokeMode: %q: not with invocationType %s, which has no reply", c.InvokeMode, c.InvocationType)
		case c.LogType != logTypeNone:
			return fmt.Errorf("logType: %q: not with invocationType %s: want None", c.LogType, c.InvocationType)
		case c.ClientContext != "":
			return fmt.Errorf("clientContext: not with invocationType %s: want %s", c.InvocationType, invokeSync)
		}
	}
	_, err := newInvocationOptions(c)
	return err
}
