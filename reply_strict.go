package lambda

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// strictRules say how a front door of AWS checks a reply, and what it answers to one that fails.
type strictRules struct {
	fields  []string // the only fields that may be; nil for any
	headers []string // the fields of headers that count, in the order of a name's values
	cookies bool     // whether the field cookies counts

	// What the front door answers with; the zero value where it has no answer of its own.
	badReply, notJSON, functionFail, tooLarge, notFound strictFailure
}

// strictFailure is a status and a body, "" for that of the format's failureBody.
type strictFailure struct {
	status int
	body   string
}

// decodeStrictly reads a reply as the format's front door does.
func decodeStrictly(settings *replySettings, payload []byte, reply *reply) error {
	rules := settings.strict
	var object map[string]any
	err := json.Unmarshal(payload, &object)
	_, named := object["statusCode"]
	if settings.bare && object["statusCode"] == nil && (!named || !numberOutOfRange(err)) {
		setBody(reply, payload, "application/json")
		return nil
	}
	if err != nil {
		return notJSON(err)
	}
	if err := checkFields(object, rules.fields); err != nil {
		return err
	}
	number, ok := object["statusCode"].(float64)
	if !ok {
		return errors.New("statusCode: want a number")
	}
	status, err := replyStatus(number)
	if err != nil {
		return err
	}
	body, err := replyBody(object["body"], object["isBase64Encoded"])
	if err != nil {
		return err
	}
	if err := addStrictHeaders(reply.header, object, rules); err != nil {
		return err
	}
	completeReply(reply, status, body, settings.contentType)
	return nil
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

// addStrictHeaders adds the headers of the fields that count.
func addStrictHeaders(header http.Header, object map[string]any, rules *strictRules) error {
	lines := &replyLines{header: header}
	for _, field := range rules.headers {
		if err := addStrictField(lines, field, object[field]); err != nil {
			return err
		}
	}
	if rules.cookies {
		if err := addCookies(lines, object["cookies"]); err != nil {
			return err
		}
	}
	dropConnection(header)
	return nil
}

// addStrictField adds the headers of one map: strings in headers, lists of strings in
// multiValueHeaders.
func addStrictField(lines *replyLines, field string, v any) error {
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
	rules := l.replies.strict
	if rules == nil {
		return strictFailure{}
	}
	switch f.cause {
	case causeBadReply:
		if errors.Is(f.err, errNotJSON) {
			return rules.notJSON
		}
		return rules.badReply
	case causeFunctionError:
		if l.failures.functionErrorStatus == defaultFunctionErrorStatus {
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
