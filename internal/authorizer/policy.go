package authorizer

import (
	"errors"
	"fmt"
	"strings"
)

// Policies of Lambda authorizers: the grammar of IAM, and an evaluation of allow and deny.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html

// policy is a policy document, compiled once for all requests.
type policy struct {
	statements []statement // those whose actions include execute-api:Invoke
}

type statement struct {
	deny       bool
	inverted   bool // NotResource
	resources  []matcher
	conditions []condition

	// unknown reports that the statement cannot be evaluated: then it never allows and always denies.
	unknown bool
}

// verdict is the result of a policy for a request.
type verdict int

const (
	verdictImplicitDeny verdict = iota
	verdictAllow
	verdictExplicitDeny
)

// invokeAction is the action that every request asks for, in lower case: actions match in any case.
const invokeAction = "execute-api:invoke"

// evaluate returns the verdict of a policy: an explicit deny wins over an allow, in any order.
func evaluate(p *policy, t *target, f *facts) verdict {
	result := verdictImplicitDeny
	for i := range p.statements {
		s := &p.statements[i]
		if s.deny {
			if denies(s, t, f) {
				return verdictExplicitDeny
			}
		} else if result != verdictAllow && allows(s, t, f) {
			result = verdictAllow
		}
	}
	return result
}

// allows reports whether an Allow applies. A Resource has to match the path as sent. A NotResource must match neither
// reading of the path, so that no escape leads around it.
func allows(s *statement, t *target, f *facts) bool {
	if s.unknown {
		return false
	}
	if s.inverted {
		if matchesAny(s.resources, t.sent, true) || matchesAny(s.resources, t.decoded, true) {
			return false
		}
	} else if !matchesAny(s.resources, t.sent, false) {
		return false
	}
	return len(s.conditions) == 0 || holdAll(s.conditions, f)
}

// denies reports whether a Deny applies to either reading of the path.
func denies(s *statement, t *target, f *facts) bool {
	if s.inverted {
		if matchesAny(s.resources, t.sent, false) && matchesAny(s.resources, t.decoded, false) {
			return false
		}
	} else if !matchesAny(s.resources, t.sent, true) && !matchesAny(s.resources, t.decoded, true) {
		return false
	}
	return s.unknown || len(s.conditions) == 0 || holdAll(s.conditions, f)
}

// matchesAny reports whether one of the matchers matches s. unknown is the result for those that cannot be evaluated.
func matchesAny(matchers []matcher, s string, unknown bool) bool {
	for i := range matchers {
		m := &matchers[i]
		switch m.kind {
		case matchExact:
			if s == m.text {
				return true
			}
		case matchPrefix:
			if strings.HasPrefix(s, m.text) {
				return true
			}
		case matchPattern:
			if m.pattern.MatchString(s) {
				return true
			}
		case matchUnknown:
			if unknown {
				return true
			}
		}
	}
	return false
}

// parsePolicy reads a policy document. arnPrefix expands the short form of resources. Unknown elements are errors: a
// misspelt Conditions must not allow more than was meant. Errors begin with the element that they are about, as
// ".Statement: …".
func parsePolicy(document any, arnPrefix string) (*policy, error) {
	object, isObject := document.(map[string]any)
	if !isObject {
		return nil, errors.New(": want an object")
	}
	for name := range object {
		if name != "Version" && name != "Id" && name != "Statement" {
			return nil, fmt.Errorf(".%.64s: no such element", name)
		}
	}
	if v, given := object["Version"]; given {
		version, isText := v.(string)
		if !isText || (version != "2012-10-17" && version != "2008-10-17") {
			return nil, errors.New(".Version: want 2012-10-17")
		}
	}
	list, isList := object["Statement"].([]any)
	if !isList {
		list = []any{object["Statement"]}
	}
	p := &policy{}
	for _, element := range list {
		s, applies, err := parseStatement(element, arnPrefix)
		if err != nil {
			return nil, fmt.Errorf(".Statement%w", err)
		}
		if applies {
			p.statements = append(p.statements, *s)
		}
	}
	return p, nil
}

// statementElements are the elements that a statement may have. Principal is for policies of
// resources.
var statementElements = map[string]bool{
	"Sid": true, "Effect": true, "Condition": true,
	"Action": true, "NotAction": true, "Resource": true, "NotResource": true,
}

// parseStatement reads a statement. applies is false if its actions do not include execute-api:Invoke.
func parseStatement(element any, arnPrefix string) (s *statement, applies bool, err error) {
	object, isObject := element.(map[string]any)
	if !isObject {
		return nil, false, errors.New(": want an object")
	}
	for name := range object {
		if !statementElements[name] {
			return nil, false, fmt.Errorf(".%.64s: no such element", name)
		}
	}
	effect, isText := object["Effect"].(string)
	if !isText || (effect != "Allow" && effect != "Deny") {
		return nil, false, errors.New(".Effect: want Allow or Deny")
	}
	s = &statement{deny: effect == "Deny"}
	applies, err = parseActions(s, object)
	if err != nil {
		return nil, false, err
	}
	if err := parseResources(s, object, arnPrefix); err != nil {
		return nil, false, err
	}
	if conditions, given := object["Condition"]; given {
		if err := parseConditions(s, conditions); err != nil {
			return nil, false, err
		}
	}
	return s, applies, nil
}

// parseActions reads Action or NotAction, and reports whether execute-api:Invoke is among the actions.
func parseActions(s *statement, object map[string]any) (applies bool, err error) {
	actions, inverted, err := oneOfBoth(object, "Action")
	if err != nil {
		return false, err
	}
	matched := false
	for _, action := range actions {
		m := newMatcher(strings.ToLower(action))
		if m.kind == matchUnknown {
			s.unknown = true
			return true, nil
		}
		matched = matched || matchesAny([]matcher{m}, invokeAction, false)
	}
	return matched != inverted, nil
}

// parseResources reads Resource or NotResource.
func parseResources(s *statement, object map[string]any, arnPrefix string) error {
	resources, inverted, err := oneOfBoth(object, "Resource")
	if err != nil {
		return err
	}
	s.inverted = inverted
	for _, resource := range resources {
		if strings.HasPrefix(resource, "execute-api:/") { // of this API, in its account and region
			resource = strings.TrimSuffix(arnPrefix, "/") + resource[len("execute-api:"):]
		}
		s.resources = append(s.resources, newMatcher(resource))
	}
	return nil
}

// oneOfBoth returns the list of an element or of its negation. It refuses a missing element and the negation of an
// empty list, since both would mean everything.
func oneOfBoth(object map[string]any, name string) (list []string, negated bool, err error) {
	positive, given := object[name]
	negative, isNegated := object["Not"+name]
	if given == isNegated {
		return nil, false, fmt.Errorf(": want either %s or Not%s", name, name)
	}
	if given {
		list, err := stringList(name, positive)
		return list, false, err
	}
	list, err = stringList("Not"+name, negative)
	if err == nil && len(list) == 0 {
		err = fmt.Errorf(".Not%s: want at least one", name)
	}
	return list, true, err
}

// stringList reads a string or a list of strings.
func stringList(name string, v any) ([]string, error) {
	if text, isText := v.(string); isText {
		return []string{text}, nil
	}
	elements, isList := v.([]any)
	if !isList {
		return nil, fmt.Errorf(".%s: want a string or a list of strings", name)
	}
	list := make([]string, 0, len(elements))
	for _, element := range elements {
		text, isText := element.(string)
		if !isText {
			return nil, fmt.Errorf(".%s: want a string or a list of strings", name)
		}
		list = append(list, text)
	}
	return list, nil
}
