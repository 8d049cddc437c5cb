package authorizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Replies of Lambda authorizers:
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html
//
// A simple one is {"isAuthorized": true, "context": {…}}. One of IAM has a policy:
// {"principalId": "…", "policyDocument": {…}, "context": {…}}.

// reply is a function's reply about a caller.
type reply struct {
	simple     bool
	authorized bool    // if simple
	policy     *policy // if not simple

	hasPrincipal bool // only with a policy
	principalID  string
	hasContext   bool
	context      map[string]any // numbers are json.Number
}

// decodeReply reads a reply. A reply that AWS would refuse, or read otherwise than meant, is an error: the client
// gets 500.
//
// Names are looked up in maps, since Go's decoder ignores the case of struct fields: "effect" must not count.
func decodeReply(payload []byte, f *format, arnPrefix string) (*reply, error) {
	object, err := decodeObject(payload)
	if err != nil {
		return nil, err
	}
	_, simple := object["isAuthorized"]
	document, iam := object["policyDocument"]
	r := &reply{simple: simple}
	switch {
	case simple && iam:
		return nil, errors.New("both isAuthorized and policyDocument: want one of them")
	case simple && !f.simple:
		return nil, fmt.Errorf("isAuthorized: not with eventFormat %s: want principalId and policyDocument", f.name)
	case simple:
		authorized, isBool := object["isAuthorized"].(bool)
		if !isBool {
			return nil, errors.New("isAuthorized: want true or false")
		}
		r.authorized = authorized
	case iam:
		if err := decodeIAM(r, object, document, arnPrefix); err != nil {
			return nil, err
		}
	default:
		return nil, errors.New("neither isAuthorized nor policyDocument")
	}
	return r, decodeContext(r, object["context"], f)
}

// decodeObject reads a JSON object, and keeps the digits of numbers.
func decodeObject(payload []byte) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		return nil, fmt.Errorf("want a JSON object: %w", err)
	}
	object, isObject := v.(map[string]any)
	if !isObject {
		return nil, errors.New("want a JSON object")
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("want one JSON object and nothing after it")
	}
	return object, nil
}

func decodeIAM(r *reply, object map[string]any, document any, arnPrefix string) error {
	r.hasPrincipal = true
	if id, given := object["principalId"]; given {
		text, isText := id.(string)
		if !isText {
			return errors.New("principalId: want a string")
		}
		r.principalID = text
	}
	parsed, err := parsePolicy(document, arnPrefix)
	if err != nil {
		return fmt.Errorf("policyDocument%w", err)
	}
	r.policy = parsed
	return nil
}

// decodeContext reads the context. Only format 2.0 allows nested values in it. Many runtimes write null for a context
// that was not set.
func decodeContext(r *reply, v any, f *format) error {
	if v == nil {
		return nil
	}
	object, isObject := v.(map[string]any)
	if !isObject {
		return errors.New("context: want an object")
	}
	if _, reserved := object["claims"]; reserved {
		return errors.New(`context: the key "claims" is reserved`)
	}
	if !f.simple {
		for name, value := range object {
			if isNested(value) {
				return fmt.Errorf("context: %.64q: want a string, a number or a boolean with eventFormat %s", name, f.name)
			}
		}
	}
	r.hasContext = true
	r.context = object
	return nil
}

func isNested(v any) bool {
	if _, isObject := v.(map[string]any); isObject {
		return true
	}
	_, isList := v.([]any)
	return isList
}
