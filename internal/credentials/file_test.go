package credentials

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestReadBounded(t *testing.T) {
	path := writeTestFile(t, "token", "content")
	for name, tc := range map[string]struct {
		path, want, wantError string
		limit                 int64
	}{
		"a file":                   {path: path, limit: 7, want: "content"},
		"a file over its limit":    {path: path, limit: 6, wantError: "over 6 bytes"},
		"a file that is not there": {path: path + "x", limit: 7, wantError: "no such file"},
		"a folder":                 {path: "/", limit: 7, wantError: "read /: "},
	} {
		got, err := readBounded(tc.path, tc.limit)
		if got != tc.want || (err == nil) != (tc.wantError == "") || (err != nil && !strings.Contains(err.Error(), tc.wantError)) {
			t.Errorf("%s: got %q, %v, want %q, %q", name, got, err, tc.want, tc.wantError)
		}
	}
}

// A pipe without a writer hangs like a mount whose server is gone.
func TestReadOfAFileThatHangs(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	path := "/proc/self/fd/" + strconv.Itoa(int(r.Fd()))
	for _, want := range []string{"nothing came in 20ms", "an earlier read of it hangs", "an earlier read of it hangs"} {
		begin := time.Now()
		_, err := readWithin(20*time.Millisecond, path, 100)
		if err == nil || !strings.Contains(err.Error(), want) || time.Since(begin) > 4*time.Second {
			t.Errorf("got %v after %s, want %q", err, time.Since(begin), want)
		}
	}
	fileReads.Lock()
	read := fileReads.byPath[path]
	fileReads.Unlock()
	if _, err := w.WriteString("back"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	<-read.done.Done()
	if string(read.content) != "back" {
		t.Errorf("got %q, %v once it is back, want the content", read.content, read.err)
	}
	if _, err := readWithin(fileTimeout, path, 100); err != nil {
		t.Errorf("got %v once it is back, want it read again", err)
	}
}
