package credentials

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/seed05e46011/lambda/internal/wait"
)

// fileTimeout limits the wait for a file. A read from a mount that hangs never ends.
const fileTimeout = 5 * time.Second

// fileReads holds the reads under way, by path. At most one goroutine hangs for a path, over all instances of the
// plugin. The operator names the paths, so there are few.
var fileReads = struct {
	sync.Mutex
	byPath map[string]*fileRead
}{byPath: map[string]*fileRead{}}

// fileRead is one read of a file.
type fileRead struct {
	done    context.Context // done once content and err are set
	end     context.CancelFunc
	content []byte
	err     error
	givenUp bool // it hangs: later readers do not wait for it
}

// readBounded returns the content of a file of at most limit bytes. It gives up after fileTimeout.
func readBounded(path string, limit int64) (string, error) {
	return readWithin(fileTimeout, path, limit)
}

func readWithin(timeout time.Duration, path string, limit int64) (string, error) {
	read, err := joinFileRead(path)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if !wait.For(ctx, read.done) {
		return "", giveUp(read, path, timeout)
	}
	if read.err != nil {
		return "", read.err
	}
	if int64(len(read.content)) > limit {
		return "", fmt.Errorf("read %s: over %d bytes", path, limit)
	}
	return string(read.content), nil
}

// joinFileRead returns the read of a file that is under way, or starts one.
func joinFileRead(path string) (*fileRead, error) {
	fileReads.Lock()
	defer fileReads.Unlock()
	read := fileReads.byPath[path]
	if read != nil && read.givenUp {
		return nil, hangs(path)
	}
	if read == nil {
		done, end := context.WithCancel(context.Background())
		read = &fileRead{done: done, end: end}
		fileReads.byPath[path] = read
		go readWhole(read, path)
	}
	return read, nil
}

// giveUp marks a read as hanging. Later readers of the path get an error at once, until the read ends.
func giveUp(read *fileRead, path string, timeout time.Duration) error {
	fileReads.Lock()
	read.givenUp = true
	fileReads.Unlock()
	return fmt.Errorf("read %s: nothing came in %s, as on a mount that hangs: not tried again before that ends", path, timeout)
}

func hangs(path string) error { return fmt.Errorf("read %s: an earlier read of it hangs", path) }

// readWhole reads the file and ends the read. It runs in its own goroutine, where a panic would end Traefik.
func readWhole(read *fileRead, path string) {
	defer endFileRead(read, path)
	content, err := readFile(path)
	read.content = content
	read.err = err
}

func endFileRead(read *fileRead, path string) {
	if p := recover(); p != nil {
		read.err = fmt.Errorf("read %s: panic: %v", path, p)
	}
	fileReads.Lock()
	delete(fileReads.byPath, path)
	fileReads.Unlock()
	read.end()
}

// readFile returns the content of a file. Of a file over maxSharedFileBytes, the highest limit, it returns one byte
// more than that.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // the operator names it
	if err != nil {
		return nil, err // it names the file
	}
	content, err := io.ReadAll(io.LimitReader(f, maxSharedFileBytes+1))
	_ = f.Close() // it was only read
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return content, nil
}
