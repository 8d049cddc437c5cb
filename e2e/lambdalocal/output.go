package lambdalocal

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"log"
	"os"
	"sync"
	"time"
)

// maxLogTail is what X-Amz-Log-Result holds, before base64.
const maxLogTail = 4 << 10

// output reads what a process prints. The lines that mark the begin and the end of an invocation go through
// the same pipe: they are in order with the function's own, and when the last one comes out, all has been read.
type output struct {
	name string
	log  *log.Logger
	// writer is the process's standard output and error.
	writer *os.File
	reader *os.File
	// ended is closed when the pipe is.
	ended chan struct{}

	mu sync.Mutex
	// requestID is that of the invocation under way, and of the last one between two.
	requestID string
	tail      []byte
	// marker is the last line of the invocation under way, seen is closed when it was read.
	marker []byte
	seen   chan struct{}
}

func newOutput(name string, logger *log.Logger) (*output, error) {
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe for the function's output: %w", err)
	}
	o := &output{name: name, log: logger, writer: writer, reader: reader, ended: make(chan struct{})}
	go o.read()
	return o, nil
}

// finish is called when the process has ended, and returns when all that it printed is read.
func (o *output) finish() {
	_ = o.writer.Close()
	select {
	case <-o.ended:
	case <-time.After(time.Second):
		// A child in another process group holds the pipe. What it prints belongs to nobody.
	}
	_ = o.reader.Close()
	<-o.ended
}

func (o *output) read() {
	defer close(o.ended)
	lines := bufio.NewReaderSize(o.reader, 64<<10)
	for {
		line, err := lines.ReadSlice('\n')
		if len(line) > 0 {
			o.add(line)
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}

// add takes a line, or a part of a very long one.
func (o *output) add(line []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	// The function's last line may lack its end: the marker is then at the end of it.
	own, marked := line, false
	if o.marker != nil {
		own, marked = bytes.CutSuffix(line, o.marker)
	}
	if marked && len(own) > 0 {
		o.append(append(bytes.Clone(own), '\n'))
	}
	if !marked {
		o.append(own)
	}
	if text := bytes.TrimRight(own, "\r\n"); len(text) > 0 {
		o.log.Printf("%s %s | %s", o.name, o.requestID, text)
	}
	if marked {
		o.append(o.marker)
		o.marker = nil
		close(o.seen)
	}
}

func (o *output) append(b []byte) {
	o.tail = append(o.tail, b...)
	if excess := len(o.tail) - maxLogTail; excess > 0 {
		o.tail = append(o.tail[:0], o.tail[excess:]...)
	}
}

func (o *output) start(requestID string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.requestID = requestID
	o.tail = append(o.tail[:0], "START RequestId: "+requestID+" Version: "+latest+"\n"...)
	o.marker = []byte("END RequestId: " + requestID + "\n")
	o.seen = make(chan struct{})
}

// end returns the last 4 KB of the invocation's log. A process that has exited leaves no marker, but then
// everything is read.
func (o *output) end(requestID string, duration time.Duration, exited <-chan struct{}) []byte {
	o.mu.Lock()
	marker, seen := o.marker, o.seen
	o.mu.Unlock()
	_, err := o.writer.Write(marker)
	if err == nil {
		select {
		case <-seen:
		case <-exited:
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.marker != nil {
		o.append(o.marker)
		o.marker = nil
	}
	milliseconds := float64(duration) / float64(time.Millisecond)
	o.append(fmt.Appendf(nil, "REPORT RequestId: %s\tDuration: %.2f ms\n", requestID, milliseconds))
	return bytes.Clone(o.tail)
}
