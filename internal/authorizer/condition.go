package authorizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Conditions of policies:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
//
// The keys implemented are those that have a value without IAM's own identities:
// https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-resource-policies-aws-condition-keys.html
// No other key can be evaluated: a statement with one never allows and always denies.

// facts are the values of condition keys for one request.
type facts struct {
	now       time.Time
	sourceIP  string
	referer   string // "" for none
	userAgent string // "" for none
	secure    bool   // over TLS
}

// condition is one key under one operator.
type condition struct {
	key      string // in lower case
	operator string // without Not and IfExists; "Null" too
	negated  bool
	ifExists bool
	values   []conditionValue
}

// conditionValue is one value in the form that its operator compares.
type conditionValue struct {
	text   string
	like   matcher
	number float64 // dates in seconds since 1970
	prefix netip.Prefix
}

// operandKind is the kind of value that an operator compares.
type operandKind int

const (
	operandText operandKind = iota
	operandFolded
	operandLike
	operandNumber
	operandDate
	operandBool
	operandIP
	operandNull
)

// operators lists the known operators, without Not and IfExists.
var operators = map[string]operandKind{
	"StringEquals": operandText, "StringEqualsIgnoreCase": operandFolded, "StringLike": operandLike,
	"NumericEquals": operandNumber, "NumericLessThan": operandNumber, "NumericLessThanEquals": operandNumber,
	"NumericGreaterThan": operandNumber, "NumericGreaterThanEquals": operandNumber,
	"DateEquals": operandDate, "DateLessThan": operandDate, "DateLessThanEquals": operandDate,
	"DateGreaterThan": operandDate, "DateGreaterThanEquals": operandDate,
	"Bool": operandBool, "IpAddress": operandIP, "Null": operandNull,
	"ArnEquals": operandLike, "ArnLike": operandLike,
}

// negations lists the operators that negate another.
var negations = map[string]string{
	"StringNotEquals": "StringEquals", "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
	"StringNotLike":    "StringLike",
	"NumericNotEquals": "NumericEquals", "DateNotEquals": "DateEquals", "NotIpAddress": "IpAddress",
	"ArnNotEquals": "ArnEquals", "ArnNotLike": "ArnLike",
}

// The condition keys in lower case: their names match in any case.
const (
	keyCurrentTime = "aws:currenttime"
	keyEpochTime   = "aws:epochtime"
	keyReferer     = "aws:referer"
	keySecure      = "aws:securetransport"
	keySourceARN   = "aws:sourcearn" // of the AWS service that calls: clients have none
	keySourceIP    = "aws:sourceip"
	keyUserAgent   = "aws:useragent"
)

// operands lists which kinds of operators have a meaning for a key.
var operands = map[string]map[operandKind]bool{
	keyCurrentTime: {operandDate: true, operandNull: true},
	keyEpochTime:   {operandDate: true, operandNumber: true, operandNull: true},
	keyReferer:     {operandText: true, operandFolded: true, operandLike: true, operandNull: true},
	keySecure:      {operandBool: true, operandText: true, operandFolded: true, operandNull: true},
	keySourceARN:   {operandText: true, operandFolded: true, operandLike: true, operandNull: true},
	keySourceIP:    {operandIP: true, operandText: true, operandFolded: true, operandLike: true, operandNull: true},
	keyUserAgent:   {operandText: true, operandFolded: true, operandLike: true, operandNull: true},
}

// parseConditions reads the element Condition. A wrong shape is an error. A condition of the right shape that cannot
// be evaluated marks the statement.
func parseConditions(s *statement, v any) error {
	byOperator, isObject := v.(map[string]any)
	if !isObject {
		return errors.New(".Condition: want an object")
	}
	for name, keys := range byOperator {
		byKey, isObject := keys.(map[string]any)
		if !isObject {
			return fmt.Errorf(".Condition.%.64s: want an object", name)
		}
		for key, values := range byKey {
			texts, err := conditionTexts(values)
			if err != nil {
				return fmt.Errorf(".Condition.%.64s.%.64s: %w", name, key, err)
			}
			c, known := newCondition(name, key, texts)
			if !known {
				s.unknown = true
				continue
			}
			s.conditions = append(s.conditions, *c)
		}
	}
	return nil
}

// conditionTexts reads a scalar or a list of scalars as texts.
func conditionTexts(v any) ([]string, error) {
	list, isList := v.([]any)
	if !isList {
		list = []any{v}
	}
	texts := make([]string, 0, len(list))
	for _, element := range list {
		if text, isText := element.(string); isText {
			texts = append(texts, text)
			continue
		}
		if number, isNumber := element.(json.Number); isNumber {
			texts = append(texts, string(number))
			continue
		}
		truth, isBool := element.(bool)
		if !isBool {
			return nil, errors.New("want a string or a list of strings")
		}
		texts = append(texts, strconv.FormatBool(truth))
	}
	return texts, nil
}

// newCondition compiles a condition. known is false if the operator, the key, their combination or a value cannot be
// evaluated.
func newCondition(name, key string, texts []string) (c *condition, known bool) {
	c = &condition{key: strings.ToLower(key)}
	c.operator = strings.TrimSuffix(name, "IfExists")
	c.ifExists = c.operator != name
	if positive, negated := negations[c.operator]; negated {
		c.operator = positive
		c.negated = true
	}
	kind, isOperator := operators[c.operator]
	if !isOperator || !operands[c.key][kind] || (kind == operandNull && c.ifExists) {
		return nil, false
	}
	for _, text := range texts {
		value, valid := newConditionValue(kind, text)
		if !valid {
			return nil, false
		}
		c.values = append(c.values, *value)
	}
	return c, true
}

// newConditionValue reads a value as its operator compares it.
func newConditionValue(kind operandKind, text string) (value *conditionValue, valid bool) {
	v := &conditionValue{text: text}
	if strings.Contains(text, "${") {
		return v, false
	}
	switch kind {
	case operandText, operandFolded:
		return v, true
	case operandLike:
		v.like = newMatcher(text)
		return v, v.like.kind != matchUnknown
	case operandNumber:
		number, err := strconv.ParseFloat(text, 64)
		v.number = number
		return v, err == nil
	case operandDate:
		seconds, isDate := dateSeconds(text)
		v.number = seconds
		return v, isDate
	case operandIP:
		prefix, isPrefix := parsePrefix(text)
		v.prefix = prefix
		return v, isPrefix
	default: // operandBool, operandNull
		v.text = strings.ToLower(text)
		return v, v.text == "true" || v.text == "false"
	}
}

// dateLayouts are the forms of ISO 8601 that IAM takes.
var dateLayouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04Z07:00", "2006-01-02"}

// dateSeconds reads a date, or seconds since 1970.
func dateSeconds(text string) (seconds float64, valid bool) {
	if number, err := strconv.ParseFloat(text, 64); err == nil {
		return number, true
	}
	for _, layout := range dateLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			return float64(t.UnixMilli()) / 1000, true
		}
	}
	return 0, false
}

// parsePrefix reads an address range, or a single address.
func parsePrefix(text string) (prefix netip.Prefix, valid bool) {
	if prefix, err := netip.ParsePrefix(text); err == nil {
		return prefix, true
	}
	address, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(address, address.BitLen()), true
}

// holdAll reports whether all conditions hold.
func holdAll(conditions []condition, f *facts) bool {
	for i := range conditions {
		if !holds(&conditions[i], f) {
			return false
		}
	}
	return true
}

// holds reports whether one of the values fits or, if negated, none does. Without a value for the key only negations
// and …IfExists hold.
func holds(c *condition, f *facts) bool {
	text, exists := factOf(c.key, f)
	if c.operator == "Null" {
		absent := strconv.FormatBool(!exists)
		for i := range c.values {
			if c.values[i].text == absent {
				return true
			}
		}
		return false
	}
	if !exists {
		return c.ifExists || c.negated
	}
	for i := range c.values {
		if fits(c, &c.values[i], text) {
			return !c.negated
		}
	}
	return c.negated
}

// factOf returns the value of a key.
func factOf(key string, f *facts) (text string, exists bool) {
	switch key {
	case keyCurrentTime, keyEpochTime:
		return strconv.FormatFloat(float64(f.now.UnixMilli())/1000, 'f', -1, 64), true
	case keyReferer:
		return f.referer, f.referer != ""
	case keySecure:
		return strconv.FormatBool(f.secure), true
	case keySourceIP:
		return f.sourceIP, true
	case keyUserAgent:
		return f.userAgent, f.userAgent != ""
	default: // keySourceARN
		return "", false
	}
}

// fits compares the value of a key with one of a condition.
func fits(c *condition, value *conditionValue, text string) bool {
	switch operators[c.operator] {
	case operandFolded:
		return strings.EqualFold(text, value.text)
	case operandLike:
		return matchesAny([]matcher{value.like}, text, false)
	case operandIP:
		address, err := netip.ParseAddr(text)
		return err == nil && value.prefix.Contains(address.Unmap())
	case operandNumber, operandDate:
		number, err := strconv.ParseFloat(text, 64)
		return err == nil && compares(c.operator, number, value.number)
	default: // operandText, operandBool
		return text == value.text
	}
}

// compares orders two numbers, as the end of an operator's name says.
func compares(operator string, a, b float64) bool {
	operator = strings.TrimPrefix(strings.TrimPrefix(operator, "Numeric"), "Date")
	switch operator {
	case "LessThan":
		return a < b
	case "LessThanEquals":
		return a <= b
	case "GreaterThan":
		return a > b
	case "GreaterThanEquals":
		return a >= b
	default:
		return a == b
	}
}
