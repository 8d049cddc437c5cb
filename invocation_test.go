package lambda

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// lastHeader returns the headers of the last invocation.
func (f *fakeLambda) lastHeader(t *testing.T) http.Header {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.requests) == 0 {
		t.Fatal("the function was not invoked")
	}
	return f.requests[len(f.requests)-1].Header
}

func TestInvocationTypesThatDoNotWait(t *testing.T) {
	for invocationType, status := range map[string]int{"Event": 202, "DryRun": 204} {
		t.Run(invocationType, func(t *testing.T) {
			f := newFakeLambda(t, func(w http.ResponseWriter, _ []byte) {
				w.Header().Set("X-Amzn-Requestid", "id-1")
				w.WriteHeader(status)
			})
			config := testConfig(f)
			config.InvocationType = invocationType
			resp := serve(newTestHandler(t, config), httptest.NewRequest(http.MethodPost, "http://example.com/", strings.NewReader("x")))
			if body := bodyOf(t, resp); resp.StatusCode != status || body != "" {
				t.Errorf("got %d %q, want %d without a body", resp.StatusCode, body, status)
			}
			if got := resp.Header.Get("X-Amzn-RequestId"); got != "id-1" {
				t.Errorf("got X-Amzn-RequestId %q, want id-1", got)
			}
			if got := f.lastHeader(t).Get("X-Amz-Invocation-Type"); got != invocationType {
				t.Errorf("got X-Amz-Invocation-Type %q, want %q", got, invocationType)
			}
		})
	}
}

func TestQueuedEventsHaveTheirOwnLimit(t *testing.T) {
	discardLog(t)
	f := newFakeLambda(t, func(w http.ResponseWriter, _ []byte) { w.WriteHeader(http.StatusAccepted) })
	config := testConfig(f)
	config.InvocationType = "Event"
	handler := newTestHandler(t, config)
	for size, status := range map[int]int{1 << 19: 202, 1 << 20: 413} {
		body := strings.NewReader(strings.Repeat("a", size))
		r := httptest.NewRequest(http.MethodPost, "http://example.com/", body)
		r.Header.Set("Content-Type", "text/plain")
		if got := serve(handler, r).StatusCode; got != status {
			t.Errorf("%d bytes: got %d, want %d", size, got, status)
		}
	}
	if f.invocations() != 1 {
		t.Errorf("got %d invocations, want 1", f.invocations())
	}
}

func TestClientsCannotSetInvocationHeaders(t *testing.T) {
	f := newFakeLambda(t, replies(`{"statusCode":200}`))
	config := testConfig(f)
	config.TenantID = `{{ .Header.Get "X-Tenant" }}`
	config.ClientContext = `{"custom":{"path":{{ json .Path }}}}`
	config.DurableExecutionName = `order-{{ .Query.Get "order" }}`
	config.LogType = "Tail"
	r := httptest.NewRequest(http.MethodGet, `http://example.com/a"b?order=7`, nil)
	for name, value := range map[string]string{
		"X-Tenant": "blue tenant/1", "X-Amz-Tenant-Id": "stolen", "X-Amz-Client-Context": "stolen",
		"X-Amz-Invocation-Type": "Event", "X-Amz-Log-Type": "None", "X-Amz-Security-Token": "stolen",
	} {
		r.Header.Set(name, value)
	}
	if resp := serve(newTestHandler(t, config), r); resp.StatusCode != http.StatusOK {
		t.Fatalf("got %d, want 200", resp.StatusCode)
	}
	got := f.lastHeader(t)
	for name, want := range map[string]string{
		"X-Amz-Tenant-Id":              "blue tenant/1",
		"X-Amz-Client-Context":         base64.StdEncoding.EncodeToString([]byte(`{"custom":{"path":"/a\"b"}}`)),
		"X-Amz-Durable-Execution-Name": "order-7",
		"X-Amz-Log-Type":               "Tail",
		"X-Amz-Invocation-Type":        "",
		"X-Amz-Security-Token":         "",
	} {
		if got.Get(name) != want {
			t.Errorf("%s: got %q, want %q", name, got.Get(name), want)
		}
	}
	if headers, ok := f.lastEvent(t)["headers"].(map[string]any); !ok || headers["x-amz-tenant-id"] != "stolen" {
		t.Error("got an event without the client's own headers, want them in it")
	}
}

func TestValuesThatLambdaWouldRefuseAreNotSent(t *testing.T) {
	discardLog(t)
	f := newFakeLambda(t, replies(`{"statusCode":200}`))
	rows := map[string]struct {
		change      func(c *Config)
		status      int
		invocations int
	}{
		"a tenant with invalid characters": {func(c *Config) { c.TenantID = "{{ .Path }}?" }, 502, 0},
		"a tenant that is too long":        {func(c *Config) { c.TenantID = "{{ .Path }}" + strings.Repeat("a", 256) }, 502, 0},
		"a tenant rendered empty":          {func(c *Config) { c.TenantID = `{{ .Header.Get "X-None" }}` }, 200, 1},
		"a name with a slash":              {func(c *Config) { c.DurableExecutionName = "{{ .Path }}" }, 502, 0},
		"a context that is not JSON":       {func(c *Config) { c.ClientContext = "{{ .Path }}" }, 502, 0},
		"a context that is too long":       {func(c *Config) { c.ClientContext = `"{{ .Path }}` + strings.Repeat("a", 2700) + `"` }, 502, 0},
		"a template that fails":            {func(c *Config) { c.TenantID = "{{ index .Path 99 }}" }, 502, 0},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			config := testConfig(f)
			row.change(config)
			before := f.invocations()
			resp := get(newTestHandler(t, config))
			if got := f.invocations() - before; resp.StatusCode != row.status || got != row.invocations {
				t.Errorf("got %d after %d invocations, want %d after %d", resp.StatusCode, got, row.status, row.invocations)
			}
		})
	}
}

func TestTheLogTailIsNotSentToClients(t *testing.T) {
	tail := "START RequestId: id-1\nthe password is hunter2\nEND\n"
	answer := func(functionError bool) func(w http.ResponseWriter, event []byte) {
		return func(w http.ResponseWriter, _ []byte) {
			w.Header().Set("X-Amz-Log-Result", base64.StdEncoding.EncodeToString([]byte(tail)))
			if functionError {
				w.Header().Set("X-Amz-Function-Error", "Unhandled")
			}
			_, _ = io.WriteString(w, `{"statusCode":200,"errorType":"Oops"}`)
		}
	}
	for _, failed := range []bool{false, true} {
		logged := captureLog(t)
		config := testConfig(newFakeLambda(t, answer(failed)))
		config.LogType = "Tail"
		config.ExposeErrors = true
		resp := get(newTestHandler(t, config))
		if body := bodyOf(t, resp); strings.Contains(body, "hunter2") || resp.Header.Get("X-Amz-Log-Result") != "" {
			t.Errorf("got %q %v, want no log tail", body, resp.Header)
		}
		lines := strings.Count(logged.text(), "\n")
		if has := strings.Contains(logged.text(), `log tail of function=hello`) && strings.Contains(logged.text(), "hunter2"); has != failed {
			t.Errorf("got %q, want the log tail in it: %t", logged.text(), failed)
		}
		if failed && lines != 2 {
			t.Errorf("want one entry for the failure and one for the tail, got %q", logged.text())
		}
	}
}

func TestInvalidInvocationOptions(t *testing.T) {
	rows := map[string]struct {
		change func(c *Config)
		want   []string
	}{
		"invocationType":                    {func(c *Config) { c.InvocationType = "Async" }, []string{"invocationType", `"Async"`, "Event"}},
		"logType":                           {func(c *Config) { c.LogType = "tail" }, []string{"logType", `"tail"`, "Tail"}},
		"tenantId":                          {func(c *Config) { c.TenantID = "a#b" }, []string{"tenantId", `"a#b"`}},
		"tenantId as a template":            {func(c *Config) { c.TenantID = "{{ .Path" }, []string{"tenantId", "template"}},
		"clientContext":                     {func(c *Config) { c.ClientContext = "hello" }, []string{"clientContext", "JSON"}},
		"durableExecutionName":              {func(c *Config) { c.DurableExecutionName = "a/b" }, []string{"durableExecutionName", `"a/b"`}},
		"a stream that is queued":           {func(c *Config) { c.InvocationType = "Event"; c.InvokeMode = invokeModeStream }, []string{"invokeMode", "Event"}},
		"a log tail of queued events":       {func(c *Config) { c.InvocationType = "Event"; c.LogType = "Tail" }, []string{"logType", "Event"}},
		"a client context of queued events": {func(c *Config) { c.InvocationType = "Event"; c.ClientContext = "{}" }, []string{"clientContext", "Event"}},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			config := configFor("https://127.0.0.1:1")
			row.change(config)
			wantOptionError(t, config, row.want)
		})
	}
}
