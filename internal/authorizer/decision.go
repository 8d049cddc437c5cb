package authorizer

import (
	"encoding/json"
	"fmt"
	"regexp"
	"time"
)

// decision is the authorizer's result for an identity, prepared once for all of its requests. It does not change.
type decision struct {
	simple     bool // allowed is the whole result
	allowed    bool
	policy     *policy // where not simple
	isJWT      bool
	hasContext bool
	context    map[string]any    // as the function gave it
	fields     map[string]string // context and principal, or claims, as texts
	scopes     []string          // of a JWT; nil if none are required

	headers   map[string]string // of option requestHeaders
	headerErr error             // why they cannot be set: then no request passes

	allowsAll bool // every request

	// plain means that a policy allows the requests whose ARN plainAllow matches and plainDeny does not.
	plain      bool
	plainAllow *regexp.Regexp
	plainDeny  *regexp.Regexp // nil where nothing is denied

	cachedNote json.RawMessage // requestContext.authorizer for cached results
	size       int             // in bytes, about
}

// conditional reports whether a policy depends on more of a request than its ARN.
func (d *decision) conditional() bool {
	for i := range d.policy.statements {
		if len(d.policy.statements[i].conditions) > 0 {
			return true
		}
	}
	return false
}

// decisionOverhead is about what a decision takes besides its texts.
const decisionOverhead = 1 << 10

// newDecision makes a decision from a function's reply.
func newDecision(a *Authorizer, payload []byte) (*decision, error) {
	r, err := decodeReply(payload, a.settings.format, a.arnPrefix)
	if err != nil {
		return nil, fmt.Errorf(badReply+"%w", err)
	}
	d := &decision{
		simple:     r.simple,
		allowed:    r.authorized,
		policy:     r.policy,
		hasContext: r.hasContext,
		context:    r.context,
		size:       len(payload)*4 + decisionOverhead,
	}
	d.fields, err = fieldsOf(r)
	if err != nil {
		return nil, err
	}
	return d, complete(a, d)
}

// complete adds the parts that every request needs.
func complete(a *Authorizer, d *decision) error {
	var err error
	if len(a.settings.headers) > 0 {
		d.headers, d.headerErr = renderHeaders(a.settings.headers, d.fields)
	}
	d.cachedNote, err = note(d, a.core.Shape, 0)
	switch {
	case d.headerErr != nil:
	case d.simple:
		d.allowsAll = d.allowed
	default:
		setPlain(d)
	}
	return err
}

// setPlain prepares a policy without conditions. Interpreted code then asks two regular expressions instead of each
// statement.
func setPlain(d *decision) {
	var allows, denies []string
	for i := range d.policy.statements {
		s := &d.policy.statements[i]
		if s.inverted || s.unknown || len(s.conditions) > 0 {
			return
		}
		for j := range s.resources {
			if s.resources[j].kind == matchUnknown {
				return
			}
			if s.deny {
				denies = append(denies, s.resources[j].expression)
			} else {
				allows = append(allows, s.resources[j].expression)
			}
		}
	}
	if len(allows) == 0 {
		return
	}
	d.allowsAll = len(denies) == 0 && contains(allows, "")
	d.plainAllow = compileAny(allows)
	d.plain = d.plainAllow != nil
	if len(denies) > 0 {
		d.plainDeny = compileAny(denies)
		d.plain = d.plain && d.plainDeny != nil
	}
}

func contains(list []string, wanted string) bool {
	for _, entry := range list {
		if entry == wanted {
			return true
		}
	}
	return false
}

// noteFor returns requestContext.authorizer of the function's event. Only REST APIs say how long the call took.
func noteFor(a *Authorizer, d *decision, latency time.Duration) (json.RawMessage, error) {
	if latency == 0 || a.core.Shape != ShapeRESTAPI {
		return d.cachedNote, nil
	}
	return note(d, a.core.Shape, latency)
}
