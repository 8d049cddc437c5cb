package credentials

import "strings"

// iniSections are the sections of a file, each with its properties; keys are in lower case.
type iniSections map[string]map[string]string

// parseINI reads the format of AWS's shared files. A property whose value is a group of indented ones ("s3 =") is
// read as empty, because nothing here needs such a group. Lines without a meaning are skipped, as in AWS's SDKs.
// https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
func parseINI(text string) iniSections {
	sections := iniSections{}
	var section map[string]string
	group := false // indented lines belong to the property before
	for _, line := range strings.Split(strings.TrimPrefix(text, "\ufeff"), "\n") {
		trimmed := strings.TrimSpace(line)
		if trimmed == "" || trimmed[0] == '#' || trimmed[0] == ';' {
			continue
		}
		if name, ok := iniSectionName(trimmed); ok {
			if sections[name] == nil {
				sections[name] = map[string]string{}
			}
			section = sections[name]
			group = false
			continue
		}
		indented := line[0] == ' ' || line[0] == '\t'
		key, value, ok := iniProperty(trimmed)
		if !ok || section == nil || (indented && group) {
			continue
		}
		section[key] = value
		group = value == ""
	}
	return sections
}

// iniSectionName returns the name in "[ name ] # comment", with runs of blanks folded to one.
func iniSectionName(line string) (string, bool) {
	line, _, _ = strings.Cut(line, "#")
	line, _, _ = strings.Cut(line, ";")
	line = strings.TrimSpace(line)
	if !strings.HasPrefix(line, "[") || !strings.HasSuffix(line, "]") {
		return "", false
	}
	return strings.Join(strings.Fields(strings.Trim(line, "[]")), " "), true
}

// iniProperty returns the key and the value in "key = value # comment".
func iniProperty(line string) (key, value string, ok bool) {
	key, value, ok = strings.Cut(line, "=")
	if !ok {
		return "", "", false
	}
	for _, mark := range []string{" #", " ;", "\t#", "\t;"} {
		value, _, _ = strings.Cut(value, mark)
	}
	value = strings.TrimSpace(value)
	for _, quote := range []string{`"`, `'`} {
		if len(value) >= 2 && strings.HasPrefix(value, quote) && strings.HasSuffix(value, quote) {
			value = value[1 : len(value)-1]
		}
	}
	return strings.ToLower(strings.TrimSpace(key)), value, true
}
