package docs_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/internal/traefik"
)

// patience bounds what takes a second or two, with room for a busy machine.
const patience = time.Minute

// mistake is what a user gets wrong: Traefik's flags, or what is in the file dynamic.yml.
type mistake struct {
	flags []string
	// file is the text of dynamic.yml; $ENDPOINT in it is a Lambda API that knows one function, which it forbids to call.
	file string
	// asked reports whether the mistake shows only when a request comes.
	asked bool
}

const (
	fromSources = "--experimental.localplugins.lambda.modulename=github.com/seed05e46011/lambda"
	router      = "http:\n  routers:\n    all: {rule: PathPrefix(`/`), middlewares: [hello], service: noop@internal}\n"
	right       = router + "  middlewares: {hello: {plugin: {lambda: {function: hello, region: us-east-1}}}}\n"
)

// in returns a file with one middleware.
func in(middleware string) mistake {
	return mistake{flags: []string{fromSources}, file: router + "  middlewares:\n    hello: " + middleware + "\n"}
}

// calling returns a file with a middleware that calls Lambda at an endpoint.
func calling(function, endpoint, more string) mistake {
	m := in(`{plugin: {lambda: {region: us-east-1, function: ` + function + `, endpoint: "` + endpoint + `"` + more + `} } }`)
	m.asked = true
	return m
}

const aKey = ", credentials: {accessKeyId: a, secretAccessKey: b}"

var (
	noVersion = mistake{flags: []string{"--experimental.plugins.lambda.modulename=github.com/seed05e46011/lambda"}, file: right}
	noSources = mistake{flags: []string{"--experimental.localplugins.lambda.modulename=github.com/seed05e46011/else"}, file: right}
)

// mistakes has a row of the readme's table for each.
var mistakes = map[string]mistake{
	"Plugins are disabled because an error has occurred":   noVersion,
	"plugin version is missing":                            noVersion,
	"failed to open the plugin manifest":                   noSources,
	"invalid middleware type or middleware does not exist": noSources,
	"unknown plugin type: Lambda":                          in(`{plugin: {Lambda: {function: hello} } }`),
	`middleware "…" does not exist`:                        {flags: []string{fromSources}, file: router},
	"field not found, node: plugins":                       in(`{plugins: {lambda: {function: hello} } }`),
	"fuction: no such option: did you mean function?":      in(`{plugin: {lambda: {fuction: hello} } }`),
	"expected type 'string', got unconvertible type":       in(`{plugin: {lambda: {function: [hello, echo] } } }`),
	"expected a map, got 'string'":                         in(`{plugin: {lambda: {function: hello, retry: 3} } }`),
	"can't evaluate field ClientIP":                        in(`{plugin: {lambda: {function: hello, tenantId: "{{ .ClientIP }}" } } }`),
	`function "json" not defined`:                          in(`{plugin: {lambda: {function: hello, template: "{{ json .Body }}" } } }`),
	"function, routes, pathPrefix…: 0 of them set":         in(`{plugin: {lambda: {region: us-east-1} } }`),
	"cause=credentials":                                    calling("hello", "$ENDPOINT", ""),
	"cause=permission":                                     calling("hello", "$ENDPOINT", aKey),
	"cause=no-such-function":                               calling("other", "$ENDPOINT", aKey),
	"cause=connect":                                        calling("hello", "http://127.0.0.1:1", aKey),
}

var messageRow = regexp.MustCompile("^\\| `([^`]+)` \\|")

func TestTroubleshootingQuotesTraefik(t *testing.T) {
	endpoint := httptest.NewServer(http.HandlerFunc(refuse))
	t.Cleanup(endpoint.Close)
	logs := map[string]func() string{} // Of the Traefiks that run, by their flags and files.
	var rows []string
	for _, line := range readmeSection(t, "Troubleshooting") {
		if match := messageRow.FindStringSubmatch(line); match != nil {
			rows = append(rows, match[1])
		}
	}
	for message, m := range mistakes {
		assert.Contains(t, rows, message)
		key := strings.Join(m.flags, " ") + m.file
		if logs[key] == nil {
			m.file = strings.ReplaceAll(m.file, "$ENDPOINT", endpoint.URL)
			logs[key] = m.log(t)
		}
		assert.Eventually(t, func() bool { return quotes(message, logs[key]()) }, patience, 100*time.Millisecond, message)
	}
	assert.Len(t, rows, len(mistakes))
}

// refuse answers as Lambda does where a key may not call the function hello, which is the only one.
func refuse(w http.ResponseWriter, r *http.Request) {
	status, kind := http.StatusForbidden, "AccessDeniedException"
	if !strings.Contains(r.URL.Path, "/functions/hello/") {
		status, kind = http.StatusNotFound, "ResourceNotFoundException"
	}
	w.Header().Set("X-Amzn-ErrorType", kind)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(`{"Message":"no"}`))
}

// quotes reports whether a log has a message, in which … stands for anything. Traefik quotes texts.
func quotes(message, log string) bool {
	pattern := strings.ReplaceAll(regexp.QuoteMeta(message), "…", ".*")
	return regexp.MustCompile(pattern).MatchString(strings.ReplaceAll(log, `\"`, `"`))
}

// log runs Traefik with the mistake, and returns what reads its log; that asks for a page first where it takes one.
func (m mistake) log(t *testing.T) func() string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "dynamic.yml"), []byte(m.file), 0o600))
	instance, err := traefik.Run(t.Context(), traefik.Command{
		Args: append(m.flags, "--entrypoints.web.address=:80", "--log.nocolor=true", "--providers.file.filename=dynamic.yml"),
		Dir:  dir,
		Env:  []string{"AWS_EC2_METADATA_DISABLED=true"},
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, instance.Stop()) })
	return func() string {
		if m.asked {
			if response, err := instance.Client().Get(instance.URL); err == nil {
				_ = response.Body.Close()
			}
		}
		return instance.Logs()
	}
}
