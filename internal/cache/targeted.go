package cache

import (
	"regexp"
	"strings"
)

// The grammar of a structured field's dictionary (RFC 8941), as far as directives go: members
// without a value, or with an integer, a decimal, a string, a token, a byte sequence or a boolean,
// each with parameters. Inner lists void the field: no directive has one.
const (
	fieldKey  = `[a-z*][a-z0-9_.*-]*`
	fieldItem = `-?[0-9]{1,15}|-?[0-9]{1,12}\.[0-9]{1,3}|"(?:[ !#-\[\]-~]|\\["\\])*"|` +
		"[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*" + `|:[A-Za-z0-9+/=]*:|\?[01]`
)

var (
	fieldMember = `(` + fieldKey + `)(?:=(` + fieldItem + `))?(?:; *` + fieldKey + `(?:=(?:` + fieldItem + `))?)*`

	memberPattern     = regexp.MustCompile(`^` + fieldMember + `$`)
	dictionaryPattern = regexp.MustCompile(`^ *` + fieldMember + `(?:[ \t]*,[ \t]*` + fieldMember + `)* *$`)
)

// parseTargeted reads a CDN-Cache-Control. It is strict: a value that is not a structured field is ignored as a whole
// (RFC 9213 2.1). ok is false for such a value and for an empty one.
func parseTargeted(value string) (read control, ok bool) {
	c := control{targeted: true}
	if len(value) > maxControlBytes || !dictionaryPattern.MatchString(value) {
		return c, false
	}
	for _, part := range splitList(value) {
		member := memberPattern.FindStringSubmatch(strings.Trim(part, " \t"))
		if len(member) == 0 {
			return c, false
		}
		typed := setMember(&c, member[1], member[2])
		if !typed {
			return c, false
		}
	}
	return c, true
}

// setMember notes one member, the last of its name. It reports whether the value has the type of the directive.
func setMember(c *control, name, value string) bool {
	switch name {
	case "max-age", "s-maxage", "stale-while-revalidate", "stale-if-error":
		if value == "" || strings.Trim(strings.TrimPrefix(value, "-"), "0123456789") != "" {
			return false
		}
		clearDelta(c, name)
		setDirective(c, name, value)
	default:
		if value != "?0" {
			setFlag(c, name)
		}
	}
	return true
}

// clearDelta forgets the earlier member of a name: in a dictionary the last one counts.
func clearDelta(c *control, name string) {
	switch name {
	case "max-age":
		c.maxAge = delta{}
	case "s-maxage":
		c.sMaxAge = delta{}
	case "stale-while-revalidate":
		c.staleWhileRevalidate = delta{}
	default:
		c.staleIfError = delta{}
	}
}
