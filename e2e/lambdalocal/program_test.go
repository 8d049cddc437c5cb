package lambdalocal_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/lambdalocal"
)

// write puts files, by their paths, into a new folder and returns it.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for name, content := range files {
		path := filepath.Join(folder, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o750))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	}
	return folder
}

// goModule is that of a program without aws-lambda-go, which a test cannot download: it speaks the Runtime API itself.
const goModule = "module hello\n\ngo 1.22\n"

const goProgram = `package main

import (
	"fmt"
	"net/http"
	"os"
	"strings"
)

func main() {
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	for {
		next, err := http.Get(api + "next")
		if err != nil {
			os.Exit(1)
		}
		next.Body.Close()
		id := next.Header.Get("Lambda-Runtime-Aws-Request-Id")
		fmt.Println("at work")
		http.Post(api+id+"/response", "application/json", strings.NewReader("\"one\""))
	}
}
`

const rawProgram = `#!/bin/sh
api=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation
headers=$(mktemp)
while curl -sS -D "$headers" -o /dev/null "$api/next"; do
  id=$(sed -n 's/^Lambda-Runtime-Aws-Request-Id: \(.*\)\r$/\1/Ip' "$headers")
  echo at work
  curl -sS -o /dev/null "$api/$id/response" -d '"one"'
done
`

// kinds are functions of every kind, which print "at work" and return "one".
var kinds = map[string]struct {
	files map[string]string
	// text is what a command line has for it, with $ for the folder of the files.
	text string
	// edited is the file that returns the text.
	edited string
}{
	"a Go program in a folder":              {map[string]string{"go.mod": goModule, "main.go": goProgram}, "$", "main.go"},
	"a program that speaks the Runtime API": {map[string]string{"bootstrap": rawProgram}, "$/bootstrap", "bootstrap"},
	"a program with an interpreter":         {map[string]string{"bootstrap": rawProgram}, "sh,$/bootstrap", "bootstrap"},
	"a module of Node": {map[string]string{
		"app.mjs": "export const handler = async () => { console.log('at work'); return 'one'; };",
	}, "$/app.handler", "app.mjs"},
	"a CommonJS module of Node, with a callback": {map[string]string{
		"app.js": "exports['handler'] = (event, context, callback) => { console.log('at work'); callback(null, 'one'); };",
	}, "$/app.handler", "app.js"},
	"a function in an object of Node": {map[string]string{
		"app.cjs": "module.exports = { api: { get: () => { console.log('at work'); return 'one'; } } };",
	}, "$/app.api.get", "app.cjs"},
	"a file that a handler of Node imports": {map[string]string{
		"app.mjs":      "import { text } from './lib/text.mjs'; export const handler = () => { console.log('at work'); return text; };",
		"lib/text.mjs": "export const text = 'one';",
	}, "$/app.handler", "lib/text.mjs"},
	"a module of Python": {map[string]string{
		"app.py": "def handler(event, context):\n    print('at work')\n    return 'one'\n",
	}, "$/app.handler", "app.py"},
	"a file that a handler of Python imports": {map[string]string{
		"app.py":      "from lib.text import text\n\ndef handler(event, context):\n    print('at work')\n    return text\n",
		"lib/text.py": "text = 'one'\n",
	}, "$/app.handler", "lib/text.py"},
}

func TestFunctionsOfEveryKindAnswerAndStartAnewWhenTheyChange(t *testing.T) {
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			folder := write(t, kind.files)
			edited := filepath.Join(folder, kind.edited)
			require.NoError(t, os.Chmod(edited, 0o700)) // Some are programs.
			function, err := lambdalocal.ParseFunction(strings.ReplaceAll(kind.text, "$", folder))
			require.NoError(t, err)
			function.Timeout = 20 * time.Second
			var log lockedBuffer
			server := start(t, lambdalocal.Config{Functions: map[string]lambdalocal.Function{"f": function}, Log: &log})
			out := invoke(t, server, "f", `{}`)
			require.JSONEq(t, `"one"`, string(out.Payload), log.String())
			id, _ := middleware.GetRequestIDMetadata(out.ResultMetadata)
			assert.Contains(t, log.String(), "f "+id+" | at work\n")
			before := server.Processes()
			invoke(t, server, "f", `{}`)
			assert.Equal(t, before, server.Processes(), "nothing has changed")

			require.NoError(t, os.WriteFile(edited, []byte(strings.Replace(kind.files[kind.edited], "one", "two, after a change", 1)), 0o600))
			assert.JSONEq(t, `"two, after a change"`, string(invoke(t, server, "f", `{}`).Payload), log.String())
			assert.NotEqual(t, before, server.Processes())
			assert.Contains(t, log.String(), "f: changed, starts anew\n")
		})
	}
}

func TestAProgramThatDoesNotCompileIsTheFunctionsErrorUntilItDoes(t *testing.T) {
	folder := write(t, map[string]string{"go.mod": goModule, "main.go": goProgram})
	main := filepath.Join(folder, "main.go")
	var log lockedBuffer
	server := start(t, lambdalocal.Config{Log: &log, Functions: map[string]lambdalocal.Function{"f": {Package: folder, Timeout: time.Minute}}})
	require.NoError(t, os.WriteFile(main, []byte("package main\n\nfunc main() { nothing() }\n"), 0o600))
	for range 2 {
		out := invoke(t, server, "f", `{}`)
		assert.Equal(t, "Unhandled", aws.ToString(out.FunctionError))
		assert.Contains(t, string(out.Payload), "undefined: nothing")
	}
	assert.Equal(t, 1, strings.Count(log.String(), "undefined: nothing\n"), "it is built once")
	require.NoError(t, os.WriteFile(main, []byte(goProgram), 0o600))
	assert.JSONEq(t, `"one"`, string(invoke(t, server, "f", `{}`).Payload))
}

func TestStartRefusesAProgramThatDoesNotCompile(t *testing.T) {
	folder := write(t, map[string]string{"go.mod": goModule, "main.go": "package main\n\nfunc main() { nothing() }\n"})
	_, err := lambdalocal.Start(t.Context(), lambdalocal.Config{Functions: map[string]lambdalocal.Function{"f": {Package: folder}}})
	assert.ErrorContains(t, err, "undefined: nothing")
}

// handlersOf has the same functions in both languages.
var handlersOf = map[string]map[string]string{
	"Node": {"app.mjs": `
		export const context = async (event, context) => ({
			event, id: context.awsRequestId, name: context.functionName, version: context.functionVersion,
			arn: context.invokedFunctionArn, tenant: context.tenantId, custom: context.clientContext.custom,
			left: context.getRemainingTimeInMillis(), cwd: process.cwd(), root: process.env.LAMBDA_TASK_ROOT,
			handler: process.env._HANDLER, trace: process.env._X_AMZN_TRACE_ID,
		});
		export const fail = async () => { throw new RangeError('on purpose'); };
		export const text = () => 'grüße \u{1F600}';
		export const nothing = async () => {};
		export const slow = () => new Promise((done) => { setTimeout(done, 60000); });
		export const never = (event, context, callback) => {};
		export const crash = () => new Promise(() => { setTimeout(() => { throw new TypeError('too late to catch'); }); });
		export const number = 7;`},
	"Python": {"app.py": `
import os, sys, time

def context(event, context):
    return dict(
        event=event, id=context.aws_request_id, name=context.function_name, version=context.function_version,
        arn=context.invoked_function_arn, tenant=context.tenant_id, custom=context.client_context.custom,
        left=context.get_remaining_time_in_millis(), cwd=os.getcwd(), root=os.environ["LAMBDA_TASK_ROOT"],
        handler=os.environ["_HANDLER"], trace=os.environ["_X_AMZN_TRACE_ID"])

def fail(event, context):
    raise ValueError("on purpose")

def text(event, context):
    return "grüße \U0001F600"

def nothing(event, context):
    pass

def never(event, context):
    return None

def slow(event, context):
    time.sleep(60)

def crash(event, context):
    sys.exit(3)

number = 7
`},
}

func TestHandlersSeeTheirContext(t *testing.T) {
	for language, files := range handlersOf {
		t.Run(language, func(t *testing.T) {
			folder := write(t, files)
			server := startHandlers(t, folder, "context")
			out, err := client(server).Invoke(t.Context(), &lambda.InvokeInput{
				FunctionName:  aws.String("context:live"),
				Payload:       []byte(`{"a":"ä"}`),
				ClientContext: aws.String("eyJjdXN0b20iOnsiYSI6MX19"), // {"custom":{"a":1}}
				TenantId:      aws.String("tenant 1"),
			})
			require.NoError(t, err)
			var seen map[string]any
			require.NoError(t, json.Unmarshal(out.Payload, &seen), string(out.Payload))
			assert.InDelta(t, 20_000, seen["left"], 10_000)
			assert.Regexp(t, "^Root=1-", seen["trace"])
			delete(seen, "left")
			delete(seen, "trace")
			id, _ := middleware.GetRequestIDMetadata(out.ResultMetadata)
			assert.Equal(t, map[string]any{
				"event": map[string]any{"a": "ä"}, "id": id, "name": "context", "version": "$LATEST",
				"arn": "arn:aws:lambda:us-east-1:123456789012:function:context:live", "tenant": "tenant 1",
				"custom": map[string]any{"a": 1.0}, "cwd": folder, "root": folder, "handler": folder + "/app.context",
			}, seen)
		})
	}
}

func TestHandlersReplyAndFail(t *testing.T) {
	for language, files := range handlersOf {
		t.Run(language, func(t *testing.T) {
			server := startHandlers(t, write(t, files), "fail", "text", "nothing", "never", "crash", "number")
			assert.Equal(t, `"grüße 😀"`, string(invoke(t, server, "text", `{}`).Payload))
			for range 2 {
				assert.Equal(t, `null`, string(invoke(t, server, "nothing", `{}`).Payload))
				assert.Equal(t, `null`, string(invoke(t, server, "never", `{}`).Payload))
				out := invoke(t, server, "fail", `{}`)
				assert.Equal(t, "Unhandled", aws.ToString(out.FunctionError))
				assert.Contains(t, string(out.Payload), `"on purpose"`)
				assert.Regexp(t, `"errorType": ?"(RangeError|ValueError)"`, string(out.Payload))
				assert.Contains(t, string(out.Payload), "stackTrace")
			}
			assert.Equal(t, "Unhandled", aws.ToString(invoke(t, server, "crash", `{}`).FunctionError))
			assert.Contains(t, string(invoke(t, server, "number", `{}`).Payload), "has no function number")
		})
	}
}

func TestASlowHandlerIsEndedAtItsTimeout(t *testing.T) {
	for language, files := range handlersOf {
		t.Run(language, func(t *testing.T) {
			server := start(t, lambdalocal.Config{Functions: map[string]lambdalocal.Function{
				"slow": {Handler: write(t, files) + "/app.slow", Timeout: 200 * time.Millisecond},
			}})
			assert.Contains(t, string(invoke(t, server, "slow", `{}`).Payload), "Task timed out after 0.20 seconds")
		})
	}
}

// startHandlers serves the named functions of the folder's module app.
func startHandlers(t *testing.T, folder string, names ...string) *lambdalocal.Server {
	t.Helper()
	functions := map[string]lambdalocal.Function{}
	for _, name := range names {
		functions[name] = lambdalocal.Function{Handler: folder + "/app." + name, Timeout: 20 * time.Second}
	}
	return start(t, lambdalocal.Config{Functions: functions})
}

func TestHandlersOfNodeStream(t *testing.T) {
	folder := write(t, map[string]string{"app.mjs": `
		export const handler = awslambda.streamifyResponse(async (event, stream) => {
			stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201 });
			stream.write('one ');
			stream.end('two');
		});`})
	server := startHandlers(t, folder, "handler")
	out, err := client(server).InvokeWithResponseStream(t.Context(), &lambda.InvokeWithResponseStreamInput{FunctionName: aws.String("handler")})
	require.NoError(t, err)
	defer func() { assert.NoError(t, out.GetStream().Close()) }()
	var text []byte
	for event := range out.GetStream().Events() {
		if chunk, is := event.(*types.InvokeWithResponseStreamResponseEventMemberPayloadChunk); is {
			text = append(text, chunk.Value.Payload...)
		}
	}
	assert.Equal(t, "{\"statusCode\":201}\x00\x00\x00\x00\x00\x00\x00\x00one two", string(text))
	assert.Equal(t, "application/vnd.awslambda.http-integration-response", aws.ToString(out.ResponseStreamContentType))
}

// As in Lambda, the task's root is the folder that src/app.handler is below.
func TestTheRootOfAHandlerBelowTheWorkingDirectoryIsThatDirectory(t *testing.T) {
	folder := write(t, map[string]string{
		"src/app.py":  "import os\nfrom src.lib import text\n\ndef handler(event, context):\n    return text + os.getcwd()\n",
		"src/lib.py":  "text = 'in '\n",
		"src/page.js": "exports.handler = async () => 'in ' + process.cwd();",
	})
	t.Chdir(folder)
	for _, text := range []string{"src/app.handler", "./src/app.handler", "src.app.handler", "src/page.handler"} {
		function, err := lambdalocal.ParseFunction(text)
		require.NoError(t, err, text)
		function.Timeout = 20 * time.Second
		server := start(t, lambdalocal.Config{Functions: map[string]lambdalocal.Function{"f": function}})
		assert.Equal(t, `"in `+folder+`"`, string(invoke(t, server, "f", `{}`).Payload), text)
	}
}

func TestParseFunctionRefuses(t *testing.T) {
	folder := write(t, map[string]string{"app.rb": "", "notes.txt": ""})
	for name, text := range map[string]string{
		"a handler of a language that is not there": folder + "/app.handler",
		"a folder without a program":                folder,
		"a file that is no program":                 folder + "/notes.txt",
		"a handler without a function":              folder + "/app.",
		"nothing":                                   "",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := lambdalocal.ParseFunction(text)
			assert.ErrorContains(t, err, "no such program, no folder with Go files, and no handler: want file.function")
		})
	}
}
