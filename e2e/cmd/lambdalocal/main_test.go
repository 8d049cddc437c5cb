package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed05e46011/lambda/e2e/lambdalocal"
)

func TestParse(t *testing.T) {
	o, err := parse([]string{"-function", "hello=sh", "-function", "app=node,index.mjs,a=b", "-function", "go=.", "-timeout", "5s", "-tls"}, io.Discard)
	require.NoError(t, err)
	assert.Equal(t, map[string]lambdalocal.Function{
		"hello": {Command: []string{"sh"}}, "app": {Command: []string{"node", "index.mjs", "a=b"}}, "go": {Package: "."},
	}, o.functions)
	assert.Equal(t, "127.0.0.1:9001", o.addr)
	assert.Equal(t, "5s", o.timeout.String())
	assert.True(t, o.tls)
}

func TestParseRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		args    []string
		message string
	}{
		"no function":                  {nil, "give at least one -function"},
		"a function without a program": {[]string{"-function", "hello"}, "want name=code"},
		"a function without a name":    {[]string{"-function", "=./hello"}, "want name=code"},
		"a function given twice":       {[]string{"-function", "a=sh", "-function", "a=sh"}, "function a is given twice"},
		"a function that is not there": {[]string{"-function", "a=./x"}, "./x: no such program, no folder with Go files, and no handler"},
		"an argument too many":         {[]string{"-function", "a=sh", "more"}, `unexpected argument "more"`},
		"an unknown flag":              {[]string{"-port", "1"}, "flag provided but not defined"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse(tt.args, io.Discard)
			require.ErrorContains(t, err, tt.message)
		})
	}
}

func TestRun(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAMINE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "my-secret")
	ca := filepath.Join(t.TempDir(), "ca.pem")
	var out bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	printed := writerFunc(func(p []byte) (int, error) {
		if strings.Contains(string(p), ca) { // The last line is out: as if Ctrl-C came now.
			cancel()
		}
		return out.Write(p)
	})
	require.NoError(t, run(ctx, []string{"-addr", "127.0.0.1:0", "-tls", "-ca-file", ca, "-function", "b=sh", "-function", "a=sh"}, printed, io.Discard))
	assert.Regexp(t, `^Lambda endpoint  https://127\.0\.0\.1:\d+\nfunctions        a, b\naccess key id    AKIAMINE\n`, out.String())
	assert.NotContains(t, out.String(), "my-secret")
	pem, err := os.ReadFile(ca)
	require.NoError(t, err)
	assert.Contains(t, string(pem), "BEGIN CERTIFICATE")
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestTheDefaultKeyIsShown(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	var out bytes.Buffer
	c, isDefault := credential()
	require.True(t, isDefault)
	printSummary(&out, "http://127.0.0.1:9001", options{functions: map[string]lambdalocal.Function{"hello": {}}}, c, isDefault)
	assert.Equal(t, "Lambda endpoint  http://127.0.0.1:9001\nfunctions        hello\naccess key id    test\nsecret key       test\n", out.String())
}
