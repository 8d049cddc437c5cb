// Package logline writes the plugin's log, one line for each event: as text, whose parts a regular expression finds
// (Pattern), or as JSON with the same parts.
//
// Callers always make the text. JSON is derived from it with Pattern, so that the two cannot differ.
package logline

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/seed05e46011/lambda/internal/option"
)

// Pattern finds the parts of every line:
//
//	lambda@file: 504 Gateway Timeout: function=hello route="$default" cause=timeout: no complete reply within timeout
//	lambda: probe: orders:live went sick: 2 good of the last 8, 3 needed; last: timeout after 2s
//
// source is the middleware as Traefik names it, or "lambda" for what several middlewares share; status
// and reason are those of a response; topic says what else the line is about; fields are key=value in
// a fixed order, values with blanks and those of routes as Go quotes them, "-" for none; message is
// for people.
const Pattern = `^(?P<source>[^ ]+): ` +
	`(?:(?P<status>[1-5][0-9][0-9]) (?P<reason>[A-Za-z' -]*): )?` +
	`(?:(?P<topic>[a-z]+(?:[ -][a-z]+)*?)(?:: | of ))?` +
	`(?:(?P<fields>` + field + `(?: ` + field + `)*)(?:: |$))?` +
	`(?P<message>.*)$`

const field = `[a-zA-Z]+=(?:"(?:[^"\\]|\\.)*"|[^ "]*[^ ":])`

// fieldsGroup is the number of the group fields in Pattern.
const fieldsGroup = 5

var (
	linePattern  = regexp.MustCompile(Pattern)
	fieldPattern = regexp.MustCompile(field)
	plainPattern = regexp.MustCompile(`^[a-zA-Z0-9_.:/@$+,;()*-]*[a-zA-Z0-9_./@$+,;()*-]$`)
)

// The values of the option logFormat.
const (
	FormatText = "text"
	FormatJSON = "json"
)

// Logger writes the lines of one middleware. It is safe for concurrent use.
type Logger struct {
	json bool
}

// New returns the logger for the option logFormat: "text" or "json".
func New(format string) (*Logger, error) {
	if err := option.OneOf("logFormat", format, []string{FormatText, FormatJSON}); err != nil {
		return nil, err
	}
	return &Logger{json: format == FormatJSON}, nil
}

// Error writes a line for the operator to Traefik's log, at level ERROR: plugins have only this one and
// DEBUG, and ERROR is what Traefik shows unless it is told otherwise.
func (l *Logger) Error(line string) { log.Print(l.format(line)) }

// Debug writes a line to Traefik's log at level DEBUG, for what clients cause: they could fill the log.
func (l *Logger) Debug(line string) { fmt.Println(l.format(line)) }

// Access writes a line to Traefik's standard output, whatever the level of its log.
func (l *Logger) Access(line string) {
	_, _ = os.Stdout.WriteString(l.format(line) + "\n") // there is no other place to report an error
}

func (l *Logger) format(line string) string {
	line = OneLine(line)
	if l.json {
		return JSON(line)
	}
	return line
}

// OneLine makes foreign text safe for the log: it cannot start a line of its own, nor send commands to a terminal.
func OneLine(text string) string { return lineBreaks.Replace(text) }

var lineBreaks = strings.NewReplacer("\n", " ", "\r", " ", "\v", " ", "\f", " ", "\x00", " ", "\x1b", " ", "\u0085", " ", "\u2028", " ", "\u2029", " ")

// Field returns name=value. The value is quoted if need be, and "-" stands for an empty one.
func Field(name, text string) string { return name + "=" + value(text) }

func value(text string) string {
	switch {
	case text == "":
		return "-"
	case plainPattern.MatchString(text):
		return text
	default:
		return strconv.Quote(text)
	}
}

// JSON returns a line as one object: source, status (a number), reason and topic where the line has
// them, each field by its name, and message.
func JSON(line string) string {
	parts := linePattern.FindStringSubmatch(line)
	if parts == nil { // none of the plugin's lines fails to match
		parts = []string{line, "lambda", "", "", "", "", line}
	}
	pairs := []string{pair("source", parts[1])}
	if parts[2] != "" {
		pairs = append(pairs, `"status":`+parts[2], pair("reason", parts[3]))
	}
	if parts[4] != "" {
		pairs = append(pairs, pair("topic", parts[4]))
	}
	for _, text := range fieldPattern.FindAllString(parts[fieldsGroup], -1) {
		name, value, _ := strings.Cut(text, "=")
		pairs = append(pairs, fieldPair(name, value))
	}
	if parts[6] != "" {
		pairs = append(pairs, pair("message", parts[6]))
	}
	return "{" + strings.Join(pairs, ",") + "}"
}

// fieldPair returns a field as JSON: status, bytes and omitted are numbers, all others are strings.
func fieldPair(name, value string) string {
	if name == "status" || name == "bytes" || name == "omitted" {
		if _, err := strconv.Atoi(value); err == nil {
			return `"` + name + `":` + value
		}
	}
	if unquoted, err := strconv.Unquote(value); err == nil && strings.HasPrefix(value, `"`) {
		value = unquoted
	}
	return pair(name, value)
}

func pair(name, value string) string {
	encoded, _ := json.Marshal(value) // a string can always be encoded
	return `"` + name + `":` + string(encoded)
}
