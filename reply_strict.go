package lambda

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// strictRules say how a front door of AWS checks a reply, and what it answers to one that fails.
type strictRules struct {
	fields   []string // the only fields that may be; nil for any
	inferred bool     // what has no statusCode is the body itself
	headers  []string // the fields of headers that count, in the order of a name's values
	cookies  bool     // whether the field cookies counts

	// What the front door answers with; the zero value where it has no answer of its own.
	badReply, notJSON, functionFail, tooLarge, notFound strictFailure
}

// strictFailure is a status and a body, "" for that of the format's failureBody.
type strictFailure struct {
	status int
	body   string
}

// decodeStrictly reads a reply as a front door does.
func decodeStrictly(payload []byte, contentType string, rules *strictRules) (*reply, error) {
	var object map[string]any
	err := json.Unmarshal(payload, &object)
	_, named := object["statusCode"]
	if rules.inferred && object["statusCode"] == nil && (!named || !numberOutOfRange(err)) {
		return rawReply(payload, "application/json"), nil
	}
	if err != nil {
		return nil, notJSON(err)
	}
	if err := checkFields(object, rules.fields); err != nil {
		return nil, err
	}
	status, ok := object["statusCode"].(float64)
	if !ok {
		return nil, errors.New("statusCode: want a number")
	}
	code, err := replyStatus(status)
	if err != nil {
		return nil, err
	}
	body, err := replyBody(object["body"], object["isBase64Encoded"])
	if err != nil {
		return nil, err
	}
	header, err := strictHeader(object, rules)
	if err != nil {
		return nil, err
	}
	return newReply(code, header, body, contentType), nil
}

// checkFields refuses a field that is not in allowed; nil allows all.
func checkFields(object map[string]any, allowed []string) error {
	if allowed == nil {
		return nil
	}
	for name := range object {
		if !contains(allowed, name) {
			return fmt.Errorf("field %.64q: want no others than %v", name, allowed)
		}
	}
	return nil
}

// strictHeader returns the headers of the fields that count.
func strictHeader(object map[string]any, rules *strictRules) (http.Header, error) {
	lines := newReplyLines()
	for _, field := range rules.headers {
		if err := addStrictHeaders(lines, field, object[field]); err != nil {
			return nil, err
		}
	}
	if rules.cookies {
		if err := addCookies(lines, object["cookies"]); err != nil {
			return nil, err
		}
	}
	dropConnection(lines.header)
	return lines.header, nil
}

// addStrictHeaders adds the headers of one map: strings in headers, lists of strings in
// multiValueHeaders.
func addStrictHeaders(lines *replyLines, field string, v any) error {
	object, names, err := headerObject(field, v)
	if err != nil {
		return err
	}
	for _, name := range names {
		values, ok := strictValues(field, object[name])
		if !ok {
			return fmt.Errorf("%s: %.64q: want strings", field, name)
		}
		for _, value := range values {
			if err := addReplyHeader(lines, name, value); err != nil {
				return err
			}
		}
	}
	return nil
}

// strictValues returns the values of one header.
func strictValues(field string, v any) ([]string, bool) {
	if field == "headers" {
		value, ok := v.(string)
		return []string{value}, ok
	}
	var values []string
	list, ok := v.([]any)
	for _, item := range list {
		value, isString := item.(string)
		if !isString {
			return nil, false
		}
		values = append(values, value)
	}
	return values, ok
}

// strictFailureOf returns the front door's own answer to a failure, the zero value for none.
// functionErrorStatus overrules it.
func strictFailureOf(l *Lambda, f *failure) strictFailure {
	rules := l.format.strict
	if l.responseFormat != responseStrict || rules == nil {
		return strictFailure{}
	}
	switch f.cause {
	case causeBadReply:
		if errors.Is(f.err, errNotJSON) {
			return rules.notJSON
		}
		return rules.badReply
	case causeFunctionError:
		if l.functionErrorStatus == defaultFunctionErrorStatus {
			return rules.functionFail
		}
	case causeTooLarge:
		return rules.tooLarge
	case causeNoRoute:
		return rules.notFound
	default: // the front door would say the same, or nobody knows what it says
	}
	return strictFailure{}
}
