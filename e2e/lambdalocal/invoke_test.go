package lambdalocal_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/lambdalocal"
)

func TestNamesLeadToTheFunction(t *testing.T) {
	server := start(t, lambdalocal.Config{Functions: functions("hello")})
	const arn = "arn:aws:lambda:us-east-1:123456789012:function:hello"
	for name, tt := range map[string]struct {
		function, qualifier, invoked, version string
	}{
		"a bare name":                    {"hello", "", arn, "$LATEST"},
		"a bare name with a version":     {"hello:7", "", arn + ":7", "7"},
		"a name and a qualifier beside":  {"hello", "live", arn + ":live", "$LATEST"},
		"$LATEST in the query":           {"hello", "$LATEST", arn + ":$LATEST", "$LATEST"},
		"$LATEST in the name":            {"hello:$LATEST", "", arn + ":$LATEST", "$LATEST"},
		"a name with function: before":   {"function:hello", "", arn, "$LATEST"},
		"a partial ARN":                  {"210987654321:function:hello", "", "arn:aws:lambda:us-east-1:210987654321:function:hello", "$LATEST"},
		"a partial ARN with a qualifier": {"210987654321:function:hello:9", "", "arn:aws:lambda:us-east-1:210987654321:function:hello:9", "9"},
		"an ARN":                         {arn, "", arn, "$LATEST"},
		"an ARN with a qualifier":        {arn + ":live", "", arn + ":live", "$LATEST"},
		"the same qualifier twice":       {arn + ":live", "live", arn + ":live", "$LATEST"},
	} {
		t.Run(name, func(t *testing.T) {
			input := &lambda.InvokeInput{FunctionName: &tt.function, Payload: []byte(`{"rawPath":"/x"}`)}
			if tt.qualifier != "" {
				input.Qualifier = &tt.qualifier
			}
			out, err := client(server).Invoke(t.Context(), input)
			require.NoError(t, err)
			assert.Equal(t, tt.version, aws.ToString(out.ExecutedVersion))
			assert.Nil(t, out.FunctionError)
			assert.Contains(t, page(t, out.Payload), "<td>"+tt.invoked+"</td>", "the function sees the ARN as it was invoked")
		})
	}
}

func page(t *testing.T, payload []byte) string {
	t.Helper()
	var reply struct {
		Body string `json:"body"`
	}
	require.NoError(t, json.Unmarshal(payload, &reply))
	return reply.Body
}

func TestARNsOfOtherPartitions(t *testing.T) {
	server := start(t, lambdalocal.Config{Functions: functions("hello")})
	for region, partition := range map[string]string{
		"eu-central-1":  "aws",
		"cn-north-1":    "aws-cn",
		"us-gov-west-1": "aws-us-gov",
		"us-iso-east-1": "aws-iso",
	} {
		t.Run(region, func(t *testing.T) {
			c := client(server, func(o *lambda.Options) { o.Region = region })
			out, err := c.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("hello")})
			require.NoError(t, err)
			assert.Contains(t, page(t, out.Payload), "arn:"+partition+":lambda:"+region+":123456789012:function:hello")
		})
	}
}

func TestRefusals(t *testing.T) {
	server := start(t, lambdalocal.Config{Functions: functions("echo")})
	for name, tt := range map[string]struct {
		input   lambda.InvokeInput
		status  int
		code    string
		message string
	}{
		"a function that does not exist": {
			lambda.InvokeInput{FunctionName: aws.String("nope")}, 404, "ResourceNotFoundException",
			"Function not found: arn:aws:lambda:us-east-1:123456789012:function:nope"},
		"a function that does not exist, with a qualifier": {
			lambda.InvokeInput{FunctionName: aws.String("nope"), Qualifier: aws.String("live")}, 404, "ResourceNotFoundException",
			"Function not found: arn:aws:lambda:us-east-1:123456789012:function:nope:live"},
		"an ARN of another region": {
			lambda.InvokeInput{FunctionName: aws.String("arn:aws:lambda:eu-west-1:123456789012:function:echo")}, 404, "ResourceNotFoundException",
			"Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"},
		"two qualifiers": {
			lambda.InvokeInput{FunctionName: aws.String("echo:1"), Qualifier: aws.String("2")}, 400, "InvalidParameterValueException",
			"The derived qualifier from the function name does not match the specified qualifier."},
		"a name with a blank": {
			lambda.InvokeInput{FunctionName: aws.String("e cho")}, 400, "ValidationException", "Value 'e cho' at 'functionName'"},
		"a name of 65 characters": {
			lambda.InvokeInput{FunctionName: aws.String(strings.Repeat("n", 65))}, 400, "ValidationException", "at 'functionName'"},
		"a qualifier with a slash": {
			lambda.InvokeInput{FunctionName: aws.String("echo"), Qualifier: aws.String("a/b")}, 400, "ValidationException", "Value 'a/b' at 'qualifier'"},
		"an unknown invocation type": {
			lambda.InvokeInput{FunctionName: aws.String("echo"), InvocationType: "Later"}, 400, "ValidationException", "Value 'Later' at 'invocationType'"},
		"a payload that is not JSON": {
			lambda.InvokeInput{FunctionName: aws.String("echo"), Payload: []byte("{")}, 400, "InvalidRequestContentException", "Could not parse request body into json"},
		"a client context that is not base64": {
			lambda.InvokeInput{FunctionName: aws.String("echo"), ClientContext: aws.String("{}")}, 400, "InvalidRequestContentException", "Client context must be"},
		"a payload over 6 MB": {
			lambda.InvokeInput{FunctionName: aws.String("echo"), Payload: quoted(6<<20 + 1)}, 413, "RequestTooLargeException",
			"Request must be smaller than 6291456 bytes for the InvokeFunction operation"},
		"an event payload over 1 MB": {
			lambda.InvokeInput{FunctionName: aws.String("echo"), InvocationType: types.InvocationTypeEvent, Payload: quoted(1<<20 + 1)}, 413,
			"RequestTooLargeException", "Request must be smaller than 1048576 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client(server).Invoke(t.Context(), &tt.input)
			assertRefused(t, err, tt.status, tt.code, tt.message)
		})
	}
	assert.Empty(t, server.Processes(), "no refused call starts a process")
}

// quoted is a JSON string of n bytes.
func quoted(n int) []byte {
	return []byte(`"` + strings.Repeat("x", n-2) + `"`)
}

func assertRefused(t *testing.T, err error, status int, code, message string) {
	t.Helper()
	var response *smithyhttp.ResponseError
	require.ErrorAs(t, err, &response)
	assert.Equal(t, status, response.HTTPStatusCode())
	var api smithy.APIError
	require.ErrorAs(t, err, &api)
	assert.Equal(t, code, api.ErrorCode())
	assert.Contains(t, api.ErrorMessage(), message)
}

func TestTheErrorBodiesAreThoseOfAWS(t *testing.T) {
	server := start(t, lambdalocal.Config{Functions: functions("echo")})
	response, body := send(t, signed(t, server, "POST", "/2015-03-31/functions/nope/invocations", "{}"))
	assert.Equal(t, http.StatusNotFound, response.StatusCode)
	assert.Equal(t, "ResourceNotFoundException", response.Header.Get("X-Amzn-Errortype"))
	assert.NotEmpty(t, response.Header.Get("X-Amzn-Requestid"))
	assert.JSONEq(t, `{"Type":"User","Message":"Function not found: arn:aws:lambda:us-east-1:123456789012:function:nope"}`, body)
}

func TestPayloads(t *testing.T) {
	server := start(t, lambdalocal.Config{Functions: functions("echo", "binary")})
	for name, tt := range map[string]struct{ payload, event string }{
		"an object":          {`{"a":1}`, `{"a":1}`},
		"no payload":         {"", "{}"},
		"a string":           {`"text <&>"`, `"text <&>"`},
		"null":               {"null", "null"},
		"a number":           {"3.5", "3.5"},
		"spaces inside":      {`{"a": [ ] }`, `{"a": [ ] }`},
		"an event of 3.8 MB": {string(quoted(29 << 17)), string(quoted(29 << 17))},
	} {
		t.Run(name, func(t *testing.T) {
			out := invoke(t, server, "echo", tt.payload)
			assert.EqualValues(t, 200, out.StatusCode)
			if got := page(t, out.Payload); got != tt.event {
				t.Errorf("the event arrived as %.80q, not as it was sent", got)
			}
		})
	}
	t.Run("a payload of 6 MB reaches the function", func(t *testing.T) {
		// The function repeats it, with escapes, in a reply over the limit.
		out := invoke(t, server, "echo", string(quoted(6<<20)))
		assert.Contains(t, string(out.Payload), "Function.ResponseSizeTooLarge")
	})
	t.Run("a reply of 4.5 MB, in base64", func(t *testing.T) {
		out := invoke(t, server, "binary", `{"size":4500000}`)
		assert.Nil(t, out.FunctionError)
		content, err := base64.StdEncoding.DecodeString(page(t, out.Payload))
		require.NoError(t, err)
		require.Len(t, content, 4500000)
		assert.Equal(t, byte(4499999%251), content[4499999])
	})
}

func TestFunctionErrors(t *testing.T) {
	server := start(t, lambdalocal.Config{Functions: map[string]lambdalocal.Function{
		"fail":    {Command: binary("fail")},
		"binary":  {Command: binary("binary")},
		"sleep":   {Command: binary("sleep"), Timeout: 200 * time.Millisecond},
		"ends":    {Command: []string{"sh", "-c", "exit 0"}},
		"crashes": {Command: []string{"sh", "-c", "exit 7"}},
		"killed":  {Command: []string{"sh", "-c", "kill -9 $$"}},
	}})
	for name, tt := range map[string]struct{ function, payload, errorType, message string }{
		"an error":                        {"fail", `{}`, "errorString", "failed on purpose"},
		"a panic":                         {"fail", `{"rawPath":"/panic"}`, "string", "panicked on purpose"},
		"the process exits":               {"fail", `{"rawPath":"/exit"}`, "Runtime.ExitError", "Error: Runtime exited with error: exit status 3"},
		"a timeout":                       {"sleep", `{"ms":60000}`, "Sandbox.Timedout", "Error: Task timed out after 0.20 seconds"},
		"a reply over 6 MB":               {"binary", `{"size":4800000}`, "Function.ResponseSizeTooLarge", "(6291556 bytes)"},
		"an exit before the first event":  {"ends", `{}`, "Runtime.ExitError", "Error: Runtime exited without providing a reason"},
		"a crash before the first event":  {"crashes", `{}`, "Runtime.ExitError", "Error: Runtime exited with error: exit status 7"},
		"a signal before the first event": {"killed", `{}`, "Runtime.ExitError", "Error: Runtime exited with error: signal: killed"},
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 { // The second call needs a new process.
				out := invoke(t, server, tt.function, tt.payload)
				assert.EqualValues(t, 200, out.StatusCode)
				assert.Equal(t, "Unhandled", aws.ToString(out.FunctionError))
				var failure struct{ ErrorType, ErrorMessage string }
				require.NoError(t, json.Unmarshal(out.Payload, &failure))
				assert.Equal(t, tt.errorType, failure.ErrorType)
				assert.Contains(t, failure.ErrorMessage, tt.message)
			}
		})
	}
	assert.JSONEq(t, `{"statusCode":200,"headers":{"content-type":"text/plain; charset=utf-8"},"multiValueHeaders":null,"body":"slept for 1 ms\n","cookies":null}`,
		string(invoke(t, server, "sleep", `{"ms":1}`).Payload), "after a timeout the function works again")
}

func TestLogTail(t *testing.T) {
	server := start(t, lambdalocal.Config{Functions: map[string]lambdalocal.Function{
		"sleep": {Command: binary("sleep")},
		"fail":  {Command: binary("fail")},
		"loud":  {Command: []string{"sh", "-c", "head -c 9000 /dev/zero | tr '\\0' x; exit 1"}},
	}})
	tail := func(name, payload string) string {
		out, err := client(server).Invoke(t.Context(), &lambda.InvokeInput{
			FunctionName: &name, Payload: []byte(payload), LogType: types.LogTypeTail})
		require.NoError(t, err)
		log, err := base64.StdEncoding.DecodeString(aws.ToString(out.LogResult))
		require.NoError(t, err)
		return string(log)
	}
	for range 3 {
		assert.Regexp(t, `^START RequestId: \S{36} Version: \$LATEST\n.* sleep for 2 ms\nEND RequestId: \S{36}\n`+
			`REPORT RequestId: \S{36}\tDuration: [0-9.]+ ms\n$`, tail("sleep", `{"ms":2}`))
	}
	assert.Contains(t, tail("fail", `{"mode":"panic"}`), "panicked on purpose")
	loud := tail("loud", `{}`)
	assert.Len(t, loud, 4096)
	assert.True(t, strings.HasPrefix(loud, "xxx"), "the last 4 KB are kept")

	out := invoke(t, server, "sleep", `{"ms":0}`)
	assert.Nil(t, out.LogResult, "no log without X-Amz-Log-Type")
}

func TestWhatFunctionsPrintIsLogged(t *testing.T) {
	var log lockedBuffer
	server := start(t, lambdalocal.Config{Functions: functions("sleep"), Log: &log})
	invoke(t, server, "sleep", `{"ms":4}`)
	eventually(t, func() bool { return strings.Contains(log.String(), "sleep RequestResponse: 200 in ") }, "a line per invocation")
	assert.Regexp(t, `(?m)^\S+ sleep [0-9a-f-]{36} \| .* sleep for 4 ms$`, log.String())
	assert.NotContains(t, log.String(), "START RequestId")
}

func TestInvocationTypes(t *testing.T) {
	var log lockedBuffer
	server := start(t, lambdalocal.Config{Functions: functions("sleep"), Log: &log})
	name := aws.String("sleep")

	out, err := client(server).Invoke(t.Context(), &lambda.InvokeInput{FunctionName: name, InvocationType: types.InvocationTypeDryRun})
	require.NoError(t, err)
	assert.EqualValues(t, 204, out.StatusCode)
	assert.Empty(t, server.Processes(), "a dry run starts nothing")

	out, err = client(server).Invoke(t.Context(), &lambda.InvokeInput{
		FunctionName: name, InvocationType: types.InvocationTypeEvent, Payload: []byte(`{"ms":11}`)})
	require.NoError(t, err)
	assert.EqualValues(t, 202, out.StatusCode)
	assert.Empty(t, out.Payload)
	eventually(t, func() bool { return strings.Contains(log.String(), "sleep for 11 ms") }, "the event is worked on in the background")

	invoke(t, server, "sleep", `{"ms":0}`)
	assert.Equal(t, 3, server.Invocations("sleep"))
	assert.Equal(t, 0, server.Invocations("hello"))
}

func TestConcurrency(t *testing.T) {
	var log lockedBuffer
	server := start(t, lambdalocal.Config{Log: &log, Functions: map[string]lambdalocal.Function{
		"sleep": {Command: binary("sleep"), Concurrency: 2, Timeout: time.Minute},
	}})
	ctx, release := cancelled(t)
	var busy sync.WaitGroup
	for range 2 {
		busy.Go(func() {
			_, err := client(server).Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("sleep"), Payload: []byte(`{"ms":60000}`)})
			assert.Error(t, err)
		})
	}
	eventually(t, func() bool { return strings.Count(log.String(), "sleep for 60000 ms") == 2 }, "two processes work")
	assert.Len(t, server.Processes(), 2)

	_, err := client(server).Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("sleep")})
	assertRefused(t, err, 429, "TooManyRequestsException", "Rate Exceeded.")
	var throttled *types.TooManyRequestsException
	require.ErrorAs(t, err, &throttled)
	assert.Equal(t, types.ThrottleReasonReservedFunctionConcurrentInvocationLimitExceeded, throttled.Reason)
	assert.Equal(t, "1", aws.ToString(throttled.RetryAfterSeconds))

	release()
	busy.Wait()
	eventually(t, func() bool { return server.Cancelled("sleep") == 2 }, "both callers are seen to go")
	assert.Len(t, server.Processes(), 2, "their functions run on")
}

func TestProcessesAreReused(t *testing.T) {
	server := start(t, lambdalocal.Config{Functions: functions("echo")})
	invoke(t, server, "echo", `{}`)
	first := server.Processes()
	for n := range 50 {
		out := invoke(t, server, "echo", fmt.Sprintf(`{"n":%d}`, n))
		require.Equal(t, fmt.Sprintf(`{"n":%d}`, n), page(t, out.Payload))
	}
	assert.Len(t, first, 1)
	assert.Equal(t, first, server.Processes())
}

func TestManyCallersAtOnce(t *testing.T) {
	server := start(t, lambdalocal.Config{Functions: map[string]lambdalocal.Function{"echo": {Command: binary("echo"), Concurrency: 4}}})
	var callers sync.WaitGroup
	for n := range 4 {
		callers.Go(func() {
			for m := range 20 {
				payload := fmt.Sprintf(`{"n":%d,"m":%d}`, n, m)
				out, err := client(server).Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("echo"), Payload: []byte(payload)})
				if assert.NoError(t, err) {
					assert.Contains(t, string(out.Payload), fmt.Sprintf(`{\"n\":%d,\"m\":%d}`, n, m))
				}
			}
		})
	}
	callers.Wait()
	assert.LessOrEqual(t, len(server.Processes()), 4)
}

func TestADeadIdleProcessIsReplaced(t *testing.T) {
	server := start(t, lambdalocal.Config{Functions: functions("echo")})
	invoke(t, server, "echo", `{}`)
	pid := server.Processes()[0]
	killGroup(t, pid)
	eventually(t, func() bool { return len(server.Processes()) == 0 }, "the end of the process is noticed")
	out := invoke(t, server, "echo", `{"again":true}`)
	assert.Nil(t, out.FunctionError)
	assert.NotEqual(t, pid, server.Processes()[0])
}

func TestEventsWaitForAProcess(t *testing.T) {
	var log lockedBuffer
	server := start(t, lambdalocal.Config{Log: &log, Functions: map[string]lambdalocal.Function{
		"sleep": {Command: binary("sleep"), Concurrency: 1},
	}})
	for _, payload := range []string{`{"ms":20}`, `{"ms":21}`, `{"ms":22}`} {
		out, err := client(server).Invoke(t.Context(), &lambda.InvokeInput{
			FunctionName: aws.String("sleep"), InvocationType: types.InvocationTypeEvent, Payload: []byte(payload)})
		require.NoError(t, err)
		require.EqualValues(t, 202, out.StatusCode)
	}
	for _, line := range []string{"sleep for 20 ms", "sleep for 21 ms", "sleep for 22 ms"} {
		eventually(t, func() bool { return strings.Contains(log.String(), line) }, line)
	}
	assert.Len(t, server.Processes(), 1)
}

func TestRequestsShowWhatArrived(t *testing.T) {
	server := start(t, lambdalocal.Config{Functions: functions("echo")})
	invoke(t, server, "echo", `{"a":1}`)
	requests := server.Requests()
	require.Len(t, requests, 1)
	assert.Equal(t, "echo", requests[0].Function)
	assert.Equal(t, "POST", requests[0].Method)
	assert.Equal(t, "/2015-03-31/functions/echo/invocations", requests[0].Target)
	assert.Equal(t, strings.TrimPrefix(server.URL(), "http://"), requests[0].Host)
	assert.Equal(t, 7, requests[0].PayloadBytes)
	assert.Contains(t, requests[0].Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=test/")
}
