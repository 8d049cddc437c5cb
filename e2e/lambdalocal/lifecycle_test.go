package lambdalocal_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/lambdalocal"
)

func killGroup(t *testing.T, pid int) {
	t.Helper()
	require.NoError(t, syscall.Kill(-pid, syscall.SIGKILL))
}

func TestStartRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		config  lambdalocal.Config
		message string
	}{
		"a name with a slash": {lambdalocal.Config{Functions: map[string]lambdalocal.Function{"a/b": {Command: []string{"sh"}}}},
			`function "a/b": name must have 1 to 64 characters`},
		"no command": {lambdalocal.Config{Functions: map[string]lambdalocal.Function{"f": {}}}, `function "f": no command`},
		"a command that is not there": {lambdalocal.Config{Functions: map[string]lambdalocal.Function{"f": {Command: []string{"./not-there"}}}},
			`function "f": find command`},
		"a negative timeout": {lambdalocal.Config{Functions: map[string]lambdalocal.Function{"f": {Command: []string{"sh"}, Timeout: -1}}},
			`function "f": concurrency and timeout must not be negative`},
		"an address that is none": {lambdalocal.Config{Addr: "127.0.0.1:port"}, "listen on 127.0.0.1:port"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := lambdalocal.Start(t.Context(), tt.config)
			require.ErrorContains(t, err, tt.message)
		})
	}
}

// TestCloseLeavesNothingBehind has a process at work, an idle one, and a child that the function left behind.
func TestCloseLeavesNothingBehind(t *testing.T) {
	var log lockedBuffer
	childPID := filepath.Join(t.TempDir(), "pid")
	server := start(t, lambdalocal.Config{Log: &log, Functions: map[string]lambdalocal.Function{
		"sleep":  {Command: binary("sleep"), Timeout: time.Minute},
		"echo":   {Command: binary("echo")},
		"family": {Command: []string{"sh", "-c", `sleep 600 & echo $! > "$1"; exec "$0"`, binary("echo")[0], childPID}},
	}})
	invoke(t, server, "echo", `{}`)
	invoke(t, server, "family", `{}`)
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		_, _ = client(server).Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("sleep"), Payload: []byte(`{"ms":60000}`)})
	}()
	eventually(t, func() bool { return strings.Contains(log.String(), "sleep for 60000 ms") }, "a process at work")

	processes := server.Processes()
	require.Len(t, processes, 3, log.String())
	text, err := os.ReadFile(childPID)
	require.NoError(t, err)
	child, err := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(t, err)
	require.True(t, alive(child))

	require.NoError(t, server.Close())
	for _, pid := range processes {
		assert.False(t, alive(pid), "process %d", pid)
	}
	// It is init's to reap, in its own time.
	eventually(t, func() bool { return !alive(child) || isZombie(child) }, "the child is gone")
	<-answered // With a function error or with a broken connection.
	require.NoError(t, server.Close(), "twice does no harm")
	_, err = client(server).Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("echo")})
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
}

func isZombie(pid int) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	return err == nil && strings.Contains(string(stat), ") Z ")
}

func TestTheContextEndsTheServer(t *testing.T) {
	ctx, cancel := cancelled(t)
	server, err := lambdalocal.Start(ctx, lambdalocal.Config{Functions: functions("echo")})
	require.NoError(t, err)
	invoke(t, server, "echo", `{}`)
	pid := server.Processes()[0]
	cancel()
	eventually(t, func() bool { return !alive(pid) }, "the process ends with the context")
	require.NoError(t, server.Close())
}

func TestATimeoutEndsTheWholeProcessGroup(t *testing.T) {
	server := start(t, lambdalocal.Config{Functions: map[string]lambdalocal.Function{
		"sleep": {Command: binary("sleep"), Timeout: time.Second},
	}})
	invoke(t, server, "sleep", `{"ms":0}`)
	pid := server.Processes()[0]
	out := invoke(t, server, "sleep", `{"ms":60000}`)
	assert.Contains(t, string(out.Payload), "Task timed out after 1.00 seconds")
	assert.False(t, alive(pid))
	invoke(t, server, "sleep", `{"ms":0}`)
	assert.NotEqual(t, pid, server.Processes()[0])
}

// TestTheRuntimeAPI plays a runtime in a shell, to see what goes over the wire to other runtimes than Go's.
func TestTheRuntimeAPI(t *testing.T) {
	const runtime = `
api=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime
headers=$(mktemp)
while :; do
  event=$(curl -sS -D "$headers" "$api/invocation/next") || exit
  header() { sed -n "s/^$1: \(.*\)\r$/\1/Ip" "$headers"; }
  id=$(header Lambda-Runtime-Aws-Request-Id)
  curl -sS -o /dev/null "$api/invocation/not-$id/response" -d stray
  printf '{"event":%s,"context":%s,"tenant":"%s","arn":"%s","trace":"%s","deadline":%s,"function":"%s","region":"%s","mine":"%s"}' \
    "$event" "$(header Lambda-Runtime-Client-Context)" "$(header Lambda-Runtime-Aws-Tenant-Id)" \
    "$(header Lambda-Runtime-Invoked-Function-Arn)" "$(header Lambda-Runtime-Trace-Id)" \
    "$(header Lambda-Runtime-Deadline-Ms)" "$AWS_LAMBDA_FUNCTION_NAME" "$AWS_REGION" "$MINE" |
    curl -sS -o /dev/null "$api/invocation/$id/response" --data-binary @-
done`
	server := start(t, lambdalocal.Config{Region: "eu-west-3", Functions: map[string]lambdalocal.Function{
		"shell": {Command: []string{"sh", "-c", runtime}, Env: []string{"MINE=yes"}, Timeout: 20 * time.Second},
	}})
	for range 2 {
		before := time.Now()
		out, err := client(server).Invoke(t.Context(), &lambda.InvokeInput{
			FunctionName:  aws.String("shell"),
			Payload:       []byte(`{"a":"b"}`),
			ClientContext: aws.String("ewoiY3VzdG9tIjogMQp9"), // {"custom": 1}, on three lines.
			TenantId:      aws.String("tenant 1"),
		})
		require.NoError(t, err)
		var seen struct {
			Event, Context                             json.RawMessage
			Tenant, ARN, Trace, Function, Region, Mine string
			Deadline                                   int64
		}
		require.NoError(t, json.Unmarshal(out.Payload, &seen), "%s", out.Payload)
		assert.JSONEq(t, `{"a":"b"}`, string(seen.Event))
		assert.JSONEq(t, `{"custom":1}`, string(seen.Context))
		assert.Equal(t, "tenant 1", seen.Tenant)
		assert.Equal(t, "arn:aws:lambda:us-east-1:123456789012:function:shell", seen.ARN)
		assert.Regexp(t, `^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Sampled=0$`, seen.Trace)
		assert.Equal(t, "shell", seen.Function)
		assert.Equal(t, "eu-west-3", seen.Region)
		assert.Equal(t, "yes", seen.Mine)
		assert.WithinDuration(t, before.Add(20*time.Second), time.UnixMilli(seen.Deadline), 10*time.Second)
	}
}

func TestAnInitErrorIsTheFunctionsError(t *testing.T) {
	const runtime = `curl -sS -o /dev/null "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/init/error" \
  -d '{"errorType":"Import","errorMessage":"no such module"}'; exit 1`
	server := start(t, lambdalocal.Config{Functions: map[string]lambdalocal.Function{"broken": {Command: []string{"sh", "-c", runtime}}}})
	out := invoke(t, server, "broken", `{}`)
	assert.Equal(t, "Unhandled", aws.ToString(out.FunctionError))
	assert.JSONEq(t, `{"errorType":"Import","errorMessage":"no such module"}`, string(out.Payload))
}
