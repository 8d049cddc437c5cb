package check

import (
	"regexp"
	"strconv"
	"strings"
)

// step is one element of an option's path: a name, or an index where name is empty.
type step struct {
	name  string
	index int
}

var stepPattern = regexp.MustCompile(`\[(\d+)\]|[^.\[\]]+`)

// steps takes a path such as routes[0].function apart.
func steps(option string) []step {
	var all []step
	for _, match := range stepPattern.FindAllStringSubmatch(option, -1) {
		if match[1] == "" {
			all = append(all, step{name: match[0]})
			continue
		}
		if index, err := strconv.Atoi(match[1]); err == nil {
			all = append(all, step{index: index})
		}
	}
	return all
}

// key returns the key of options that is the name, in any case.
func key(options map[string]any, name string) (string, bool) {
	for k := range options {
		if strings.EqualFold(k, name) {
			return k, true
		}
	}
	return "", false
}

// child returns what is one step below value.
func (s step) child(value any) (any, bool) {
	switch value := value.(type) {
	case map[string]any:
		k, found := key(value, s.name)
		return value[k], found
	case []any:
		if s.name == "" && s.index < len(value) {
			return value[s.index], true
		}
	}
	return nil, false
}

// has reports whether the options have the one at the path.
func has(options map[string]any, option string) bool {
	var value any = options
	for _, s := range steps(option) {
		below, found := s.child(value)
		if !found {
			return false
		}
		value = below
	}
	return option != ""
}

// remove takes out the option at the path, or the nearest around it that is there in a map. It reports whether there
// was any.
func remove(options map[string]any, option string) bool {
	var value any = options
	var parent map[string]any
	last := ""
	for _, s := range steps(option) {
		below, found := s.child(value)
		if !found {
			break
		}
		if within, isMap := value.(map[string]any); isMap {
			parent = within
			last, _ = key(within, s.name)
		}
		value = below
	}
	if parent == nil {
		return false
	}
	delete(parent, last)
	return true
}

// clone copies maps and lists, so that options can be taken out of the copy.
func clone(options map[string]any) map[string]any {
	all := make(map[string]any, len(options))
	for k, value := range options {
		all[k] = cloneValue(value)
	}
	return all
}

func cloneValue(value any) any {
	switch value := value.(type) {
	case map[string]any:
		return clone(value)
	case []any:
		all := make([]any, len(value))
		for i := range value {
			all[i] = cloneValue(value[i])
		}
		return all
	default:
		return value
	}
}
