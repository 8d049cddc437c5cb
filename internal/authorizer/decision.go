package authorizer

import (
	"encoding/json"
	"fmt"
	"time"
)

// decision is what is known of an identity, made once for all of its requests. It is not changed
// after that.
type decision struct {
	simple     bool // allowed says all
	allowed    bool
	policy     *policy // where not simple
	isJWT      bool
	hasContext bool
	context    map[string]any    // as the function gave it
	fields     map[string]string // context and principal, or claims, as texts
	scopes     []string          // of a JWT; nil where none were asked for

	headers   map[string]string // of option requestHeaders
	headerErr error             // why they cannot be set: then nobody passes

	// plain says that it allows, and that no more is to be known of a request than, where it is not
	// simple, that its ARN begins with one of plainPrefixes.
	plain         bool
	plainPrefixes []string

	cachedNote json.RawMessage // requestContext.authorizer for what costs no call
	size       int             // in bytes, about
}

// conditional reports whether a policy asks for more of a request than its ARN.
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

// newDecision makes a decision of a function's reply.
func newDecision(a *Authorizer, payload []byte) (*decision, error) {
	r, err := decodeReply(payload, a.settings.format, a.arnPrefix)
	if err != nil {
		return nil, fmt.Errorf("the authorizer's reply: %w", err)
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

// complete adds what requests will need of a decision.
func complete(a *Authorizer, d *decision) error {
	var err error
	if len(a.settings.headers) > 0 {
		d.headers, d.headerErr = renderHeaders(a.settings.headers, d.fields)
	}
	d.cachedNote, err = note(d, a.core.Shape, 0)
	if d.simple {
		d.plain = d.allowed
	} else {
		d.plainPrefixes, d.plain = prefixesOf(d.policy)
	}
	return err
}

// prefixesOf returns the beginnings of resources that a policy allows. plain is false where it says
// anything else.
func prefixesOf(p *policy) (prefixes []string, plain bool) {
	prefixes = make([]string, 0, len(p.statements))
	for i := range p.statements {
		s := &p.statements[i]
		if s.deny || s.inverted || s.unknown || len(s.conditions) > 0 {
			return nil, false
		}
		for j := range s.resources {
			if s.resources[j].kind == matchPrefix {
				prefixes = append(prefixes, s.resources[j].text)
			}
		}
	}
	return prefixes, true
}

// noteFor returns what the function's event says. Only REST APIs tell how long the call took.
func noteFor(a *Authorizer, d *decision, latency time.Duration) (json.RawMessage, error) {
	if latency == 0 || a.core.Shape != ShapeRESTAPI {
		return d.cachedNote, nil
	}
	return note(d, a.core.Shape, latency)
}
