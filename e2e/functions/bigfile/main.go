// Command bigfile is a Lambda function that streams `?size=` bytes (200 MB), of which the one at n is n modulo
// 251. `?length=` adds a Content-Length of that value, true or not; with `?prelude=no` the stream is the file
// alone, of type application/octet-stream.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/seed05e46011/lambda/e2e/functions/internal/event"
)

const defaultSize = 200 << 20

func main() {
	lambda.Start(func(raw json.RawMessage) (io.Reader, error) {
		e := event.Parse(raw)
		size := int64(defaultSize)
		if text := e.Parameter("size"); text != "" {
			var err error
			if size, err = strconv.ParseInt(text, 10, 64); err != nil {
				return nil, fmt.Errorf("parse size: %w", err)
			}
		}
		file := &pattern{left: size}
		if e.Parameter("prelude") == "no" {
			return file, nil
		}
		headers := map[string]string{"content-type": "application/octet-stream"}
		if length := e.Parameter("length"); length != "" {
			headers["content-length"] = length
		}
		return &events.LambdaFunctionURLStreamingResponse{StatusCode: http.StatusOK, Headers: headers, Body: file}, nil
	})
}

const period = 251

// block has the pattern often enough for a read of any phase.
var block = func() []byte {
	b := make([]byte, period*257)
	for i := range b {
		b[i] = byte(i % period)
	}
	return b
}()

// pattern is a file that no memory holds.
type pattern struct {
	phase int
	left  int64
}

func (p *pattern) Read(b []byte) (int, error) {
	if p.left == 0 {
		return 0, io.EOF
	}
	if int64(len(b)) > p.left {
		b = b[:p.left]
	}
	n := copy(b, block[p.phase:])
	p.phase = (p.phase + n) % period
	p.left -= int64(n)
	return n, nil
}
