package lambdalocal_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/lambdalocal"
)

const integrationResponse = "application/vnd.awslambda.http-integration-response"

// streamed is what came out of a streaming call.
type streamed struct {
	contentType string
	chunks      []string
	end         types.InvokeWithResponseStreamCompleteEvent
}

func (s streamed) payload() string { return strings.Join(s.chunks, "") }

func openStream(ctx context.Context, server *lambdalocal.Server, name, payload string) (*lambda.InvokeWithResponseStreamOutput, error) {
	return client(server).InvokeWithResponseStream(ctx, &lambda.InvokeWithResponseStreamInput{
		FunctionName: &name, Payload: []byte(payload), LogType: types.LogTypeTail,
	})
}

// invokeStream reads a stream to its end, with AWS's own client.
func invokeStream(t *testing.T, server *lambdalocal.Server, name, payload string) streamed {
	t.Helper()
	out, err := openStream(t.Context(), server, name, payload)
	require.NoError(t, err)
	assert.Equal(t, "$LATEST", aws.ToString(out.ExecutedVersion))
	events := out.GetStream()
	defer func() { _ = events.Close() }()
	result := streamed{contentType: aws.ToString(out.ResponseStreamContentType)}
	ended := false
	for e := range events.Events() {
		require.False(t, ended, "nothing follows InvokeComplete")
		switch e := e.(type) {
		case *types.InvokeWithResponseStreamResponseEventMemberPayloadChunk:
			result.chunks = append(result.chunks, string(e.Value.Payload))
		case *types.InvokeWithResponseStreamResponseEventMemberInvokeComplete:
			result.end, ended = e.Value, true
		}
	}
	require.NoError(t, events.Err())
	require.True(t, ended, "the stream ends with InvokeComplete")
	return result
}

func TestStreams(t *testing.T) {
	server := start(t, lambdalocal.Config{Functions: functions("sse", "bigfile", "echo")})

	t.Run("a prelude and what follows it", func(t *testing.T) {
		got := invokeStream(t, server, "sse", `{"events":3,"ms":20}`)
		assert.Equal(t, integrationResponse, got.contentType)
		prelude, body, found := strings.Cut(got.payload(), strings.Repeat("\x00", 8))
		require.True(t, found)
		assert.JSONEq(t, `{"statusCode":200,"headers":{"cache-control":"no-cache","content-type":"text/event-stream"}}`, prelude)
		assert.Regexp(t, `^id: 1\ndata: \{"n":1,"at":\d{19}\}\n\nid: 2\ndata: \{.*\}\n\nid: 3\ndata: \{.*\}\n\n$`, body)
		assert.Nil(t, got.end.ErrorCode)
		assert.Nil(t, got.end.ErrorDetails)
		log, err := base64.StdEncoding.DecodeString(aws.ToString(got.end.LogResult))
		require.NoError(t, err)
		assert.Contains(t, string(log), "END RequestId: ")
	})
	t.Run("without a prelude", func(t *testing.T) {
		got := invokeStream(t, server, "bigfile", `{"size":1000,"prelude":"no"}`)
		assert.Equal(t, "application/octet-stream", got.contentType)
		want := make([]byte, 1000)
		for i := range want {
			want[i] = byte(i % 251)
		}
		assert.Equal(t, string(want), got.payload())
	})
	t.Run("nothing at all", func(t *testing.T) {
		got := invokeStream(t, server, "bigfile", `{"size":0,"prelude":"no"}`)
		assert.Empty(t, got.chunks)
		assert.Nil(t, got.end.ErrorCode)
	})
	t.Run("a function that does not stream", func(t *testing.T) {
		got := invokeStream(t, server, "echo", `{"a":1}`)
		assert.Equal(t, "application/json", got.contentType)
		require.Len(t, got.chunks, 1)
		assert.Equal(t, `{"a":1}`, page(t, []byte(got.chunks[0])))
	})
	t.Run("a streaming function that is called without streaming", func(t *testing.T) {
		out := invoke(t, server, "bigfile", `{"size":100000,"prelude":"no"}`)
		assert.Nil(t, out.FunctionError)
		assert.Len(t, out.Payload, 100000)
	})
}

func TestALargeStreamIsWholeAndTheNextIsTooLarge(t *testing.T) {
	server := start(t, lambdalocal.Config{Functions: map[string]lambdalocal.Function{
		"bigfile": {Command: binary("bigfile"), Timeout: time.Minute},
	}})
	read := func(payload string) (*patternChecker, lambdalocalEnd) {
		response := openRaw(t, server, "bigfile", payload)
		defer func() { _ = response.Body.Close() }()
		checker := &patternChecker{}
		return checker, readFrames(t, response.Body, checker)
	}
	file, end := read(`{"prelude":"no"}`)
	assert.Equal(t, 200<<20, file.size)
	assert.True(t, file.good())
	assert.Empty(t, end.ErrorCode)

	file, end = read(`{"size":220000000,"prelude":"no"}`)
	assert.LessOrEqual(t, file.size, 201<<20)
	assert.True(t, file.good())
	assert.Equal(t, "Function.ResponseSizeTooLarge", end.ErrorCode)
}

// lambdalocalEnd is the payload of InvokeComplete, as it is on the wire.
type lambdalocalEnd struct{ ErrorCode, ErrorDetails, LogResult string }

// openRaw opens a stream without AWS's client, which is slow with the race detector.
func openRaw(t *testing.T, server *lambdalocal.Server, name, payload string) *http.Response {
	t.Helper()
	r := signed(t, server, http.MethodPost, "/2021-11-15/functions/"+name+"/response-streaming-invocations", payload)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	response, err := transport.RoundTrip(r)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode)
	return response
}

// readFrames decodes with AWS's decoder until the stream ends.
func readFrames(t *testing.T, r io.Reader, payload io.Writer) (end lambdalocalEnd) {
	t.Helper()
	decoder := eventstream.NewDecoder()
	var buffer []byte
	for {
		message, err := decoder.Decode(r, buffer[:0])
		if errors.Is(err, io.EOF) {
			return end
		}
		require.NoError(t, err)
		buffer = message.Payload
		require.Equal(t, "event", message.Headers.Get(":message-type").String())
		if message.Headers.Get(":event-type").String() == "InvokeComplete" {
			require.Equal(t, "application/json", message.Headers.Get(":content-type").String())
			require.NoError(t, json.Unmarshal(message.Payload, &end))
			continue
		}
		require.Equal(t, "PayloadChunk", message.Headers.Get(":event-type").String())
		_, err = payload.Write(message.Payload)
		require.NoError(t, err)
	}
}

// patternChecker compares what bigfile streams with what it is to stream, a period at a time.
type patternChecker struct {
	size int
	bad  bool
}

var periods = func() []byte {
	b := make([]byte, 251*300)
	for i := range b {
		b[i] = byte(i % 251)
	}
	return b
}()

func (c *patternChecker) Write(p []byte) (int, error) {
	phase := c.size % 251
	c.bad = c.bad || !bytes.Equal(p, periods[phase:phase+len(p)])
	c.size += len(p)
	return len(p), nil
}

func (c *patternChecker) good() bool { return !c.bad }

func TestStreamsThatBreak(t *testing.T) {
	server := start(t, lambdalocal.Config{Functions: map[string]lambdalocal.Function{
		"breaks":  {Command: binary("breaks"), Timeout: 2 * time.Second},
		"fail":    {Command: binary("fail")},
		"crashes": {Command: []string{"sh", "-c", "exit 7"}},
	}})
	const lines = "line 1\nline 2\nline 3\n"
	for name, tt := range map[string]struct{ function, payload, body, errorCode, details string }{
		"by an error midway":            {"breaks", `{}`, lines, "errorString", `"errorMessage":"broke off on purpose"`},
		"by an error after the prelude": {"breaks", `{"chunks":0}`, "", "errorString", `"errorMessage":"broke off on purpose"`},
		"by the end of the process":     {"breaks", `{"mode":"exit"}`, lines, "Runtime.ExitError", "Error: Runtime exited with error: exit status 3"},
		"by the timeout":                {"breaks", `{"mode":"hang"}`, lines, "Sandbox.Timedout", "Error: Task timed out after 2.00 seconds"},
		"by an error before the stream": {"fail", `{}`, "", "errorString", `"errorMessage":"failed on purpose"`},
		"by a panic before the stream":  {"fail", `{"mode":"panic"}`, "", "string", `"errorMessage":"panicked on purpose"`},
		"by a process that never asks":  {"crashes", `{}`, "", "Runtime.ExitError", "exit status 7"},
	} {
		t.Run(name, func(t *testing.T) {
			got := invokeStream(t, server, tt.function, tt.payload)
			_, body, _ := strings.Cut(got.payload(), strings.Repeat("\x00", 8))
			assert.Equal(t, tt.body, body)
			assert.Equal(t, tt.errorCode, aws.ToString(got.end.ErrorCode))
			assert.Contains(t, aws.ToString(got.end.ErrorDetails), tt.details)
		})
	}
	t.Run("and is called without streaming", func(t *testing.T) {
		out := invoke(t, server, "breaks", `{}`)
		assert.Equal(t, "Unhandled", aws.ToString(out.FunctionError))
		assert.JSONEq(t, `{"errorMessage":"broke off on purpose","errorType":"errorString"}`, string(out.Payload))
	})
}

// TestChunksArriveWhileTheFunctionWrites has a function that never ends: what arrives cannot have waited for the end.
func TestChunksArriveWhileTheFunctionWrites(t *testing.T) {
	server := start(t, lambdalocal.Config{Functions: map[string]lambdalocal.Function{
		"breaks": {Command: binary("breaks"), Timeout: time.Minute, Concurrency: 1},
	}})
	ctx, leave := cancelled(t)
	out, err := openStream(ctx, server, "breaks", `{"mode":"hang"}`)
	require.NoError(t, err)
	var got strings.Builder
	for e := range out.GetStream().Events() {
		chunk, ok := e.(*types.InvokeWithResponseStreamResponseEventMemberPayloadChunk)
		require.True(t, ok)
		got.Write(chunk.Value.Payload)
		if strings.HasSuffix(got.String(), "line 3\n") {
			break
		}
	}
	require.Zero(t, server.Cancelled("breaks"))
	leave()
	_ = out.GetStream().Close()
	eventually(t, func() bool { return server.Cancelled("breaks") == 1 }, "the caller is seen to go")

	_, err = openStream(t.Context(), server, "breaks", `{}`)
	assertRefused(t, err, http.StatusTooManyRequests, "TooManyRequestsException", "Rate Exceeded.")
}

func TestAFunctionStreamsOnWhenTheCallerIsGone(t *testing.T) {
	server := start(t, lambdalocal.Config{Functions: map[string]lambdalocal.Function{
		"bigfile": {Command: binary("bigfile"), Timeout: time.Minute, Concurrency: 1},
	}})
	response := openRaw(t, server, "bigfile", `{"size":50000000,"prelude":"no"}`)
	_, err := io.ReadFull(response.Body, make([]byte, 1000))
	require.NoError(t, err)
	pid := server.Processes()[0]
	require.NoError(t, response.Body.Close())
	eventually(t, func() bool { return server.Cancelled("bigfile") == 1 }, "the caller is seen to go")
	eventually(t, func() bool {
		out, err := client(server).Invoke(t.Context(), &lambda.InvokeInput{
			FunctionName: aws.String("bigfile"), Payload: []byte(`{"size":10,"prelude":"no"}`)})
		return err == nil && string(out.Payload) == "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09"
	}, "the process comes to the end of its reply and takes the next event")
	assert.Equal(t, []int{pid}, server.Processes())
}

func TestStreamRefusals(t *testing.T) {
	server := start(t, lambdalocal.Config{Functions: functions("sse")})
	for name, tt := range map[string]struct {
		input   lambda.InvokeWithResponseStreamInput
		status  int
		code    string
		message string
	}{
		"a function that does not exist": {
			lambda.InvokeWithResponseStreamInput{FunctionName: aws.String("nope")}, 404, "ResourceNotFoundException",
			"Function not found: arn:aws:lambda:us-east-1:123456789012:function:nope"},
		"an invocation of type Event": {
			lambda.InvokeWithResponseStreamInput{FunctionName: aws.String("sse"), InvocationType: "Event"}, 400, "ValidationException",
			"Member must satisfy enum value set: [RequestResponse, DryRun]"},
		"a payload over 6 MB": {
			lambda.InvokeWithResponseStreamInput{FunctionName: aws.String("sse"), Payload: quoted(6<<20 + 1)}, 413, "RequestTooLargeException",
			"for the InvokeWithResponseStream operation"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client(server).InvokeWithResponseStream(t.Context(), &tt.input)
			assertRefused(t, err, tt.status, tt.code, tt.message)
		})
	}
	t.Run("a bad signature", func(t *testing.T) {
		r := signed(t, server, http.MethodPost, "/2021-11-15/functions/sse/response-streaming-invocations", "{}")
		flipLastDigit(r)
		response, _ := send(t, r)
		assert.Equal(t, http.StatusForbidden, response.StatusCode)
	})
	t.Run("a dry run", func(t *testing.T) {
		r := newRequest(t, server, http.MethodPost, "/2021-11-15/functions/sse/response-streaming-invocations", "{}")
		r.Header.Set("X-Amz-Invocation-Type", "DryRun")
		goodSigning().sign(t, r, "{}")
		response, body := send(t, r)
		assert.Equal(t, http.StatusNoContent, response.StatusCode)
		assert.Empty(t, body)
	})
	assert.Empty(t, server.Processes())
}

func TestGenericStreamType(t *testing.T) {
	server := start(t, lambdalocal.Config{Functions: functions("sse"), GenericStreamType: true})
	got := invokeStream(t, server, "sse", `{"events":1}`)
	assert.Equal(t, "application/vnd.amazon.eventstream", got.contentType)
	assert.Contains(t, got.payload(), `{"statusCode":200,`)
}
