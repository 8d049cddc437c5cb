package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream/eventstreamapi"

	"github.com/seed05e46011/lambda/e2e/bench/payload"
)

// function is what a name promises.
type function struct {
	status int
	header http.Header // of the response, without its length
	body   []byte
	reply  []byte   // the same in the shape of an HTTP API's reply, or in the shape that the kind has
	pieces [][]byte // of the body, where the function streams
	frames [][]byte // the reply of one that streams
	delay  time.Duration
}

// kinds make functions that answer size bytes.
var kinds = map[string]func(size int) *function{
	"json":       func(size int) *function { return jsonOf(size).replying() },
	"text":       func(size int) *function { return textOf("text/plain; charset=utf-8", payload.Text(size)).replying() },
	"httpjson":   httpJSON,
	"binary":     binary,
	"cookies":    cookies,
	"page":       page,
	"redirect":   redirect,
	"notfound":   notFound,
	"multivalue": multiValue,
	"loose":      loose,
	"stream":     stream,
	"allow":      allow,
}

var namePattern = regexp.MustCompile(`^([a-z]+)-([0-9]{1,7})(?:-([0-9]{1,5}ms))?$`)

// newFunction returns nil for a name that promises nothing.
func newFunction(name string) *function {
	parts := namePattern.FindStringSubmatch(name)
	if parts == nil || kinds[parts[1]] == nil {
		return nil
	}
	size, _ := strconv.Atoi(parts[2]) // The pattern lets digits pass alone,
	f := kinds[parts[1]](size)
	f.delay, _ = time.ParseDuration(parts[3]) // and here nothing or milliseconds.
	return f
}

func jsonOf(size int) *function { return textOf("application/json", payload.JSON(size)) }

func textOf(contentType string, body []byte) *function {
	return &function{status: http.StatusOK, header: http.Header{"Content-Type": {contentType}}, body: body}
}

// replying makes the reply of what the response is.
func (f *function) replying() *function {
	f.reply = encode(f.object())
	return f
}

// object is the response as a reply of an HTTP API, of format 2.0.
func (f *function) object() map[string]any {
	headers := map[string]string{}
	for name, values := range f.header {
		if name != "Set-Cookie" {
			headers[name] = values[0]
		}
	}
	object := map[string]any{"statusCode": f.status, "headers": headers, "body": string(f.body), "isBase64Encoded": false}
	if cookies := f.header["Set-Cookie"]; cookies != nil {
		object["cookies"] = cookies
	}
	return object
}

func binary(size int) *function {
	f := textOf("application/octet-stream", payload.Binary(size))
	object := f.object()
	object["body"] = base64.StdEncoding.EncodeToString(f.body)
	object["isBase64Encoded"] = true
	f.reply = encode(object)
	return f
}

func httpJSON(size int) *function {
	f := jsonOf(size)
	object := f.object()
	f.reply = encode(map[string]any{
		"type": "HTTPJSON-REP",
		"meta": map[string]any{"status": f.status, "headers": object["headers"]},
		"body": object["body"],
	})
	return f
}

// cookies are a session's.
func cookies(size int) *function {
	f := jsonOf(size)
	f.header["Set-Cookie"] = []string{
		"session=7f1c2a905a3e4d0c9d6b6f1a2b3c4d5e; Path=/; HttpOnly; Secure; SameSite=Lax",
		"theme=dark; Path=/; Max-Age=31536000",
	}
	return f.replying()
}

// page is what a framework and its security middleware send: a cookie and twelve headers.
func page(size int) *function {
	f := textOf("text/html; charset=utf-8", payload.HTML(size))
	for name, value := range map[string]string{
		"Cache-Control":             "private, no-cache",
		"Content-Language":          "en",
		"Content-Security-Policy":   "default-src 'self'; img-src 'self' data:",
		"Etag":                      `"5d8c72a5edda8d6a"`,
		"Permissions-Policy":        "camera=(), microphone=()",
		"Referrer-Policy":           "same-origin",
		"Set-Cookie":                "session=7f1c2a905a3e4d0c9d6b6f1a2b3c4d5e; Path=/; HttpOnly; Secure",
		"Strict-Transport-Security": "max-age=31536000; includeSubDomains",
		"Vary":                      "Accept-Encoding, Cookie",
		"X-Content-Type-Options":    "nosniff",
		"X-Frame-Options":           "DENY",
		"X-Request-Id":              "7f1c2a90-5a3e-4d0c-9d6b-6f1a2b3c4d5e",
	} {
		f.header.Set(name, value)
	}
	return f.replying()
}

func redirect(size int) *function {
	f := jsonOf(max(size, smallest))
	f.body = f.body[:size]
	f.status = http.StatusFound
	f.header.Set("Location", "https://www.example.com/login?next=%2F")
	return f.replying()
}

// smallest is what payload.JSON can make.
const smallest = 32

func notFound(size int) *function {
	f := jsonOf(size)
	f.status = http.StatusNotFound
	return f.replying()
}

// multiValue is a reply as functions behind an ALB or a REST API send it.
func multiValue(size int) *function {
	f := jsonOf(size)
	f.header["Set-Cookie"] = []string{"a=1; Path=/", "b=2; Path=/"}
	object := f.object()
	delete(object, "headers")
	delete(object, "cookies")
	object["multiValueHeaders"] = f.header
	f.reply = encode(object)
	return f
}

// loose is a reply with numbers and null where AWS documents strings, as functions in JavaScript and Python send it.
func loose(size int) *function {
	f := jsonOf(size)
	object := f.object()
	object["headers"] = map[string]any{"content-type": "application/json", "x-count": 5, "x-page": 2.5, "x-none": nil, "x-last": true}
	object["cookies"] = nil
	object["isBase64Encoded"] = nil
	f.reply = encode(object)
	return f
}

// stream sends its body in eight pieces.
func stream(size int) *function {
	const pieces = 8
	f := textOf("text/plain; charset=utf-8", payload.Text(size))
	f.pieces = slices.Collect(slices.Chunk(f.body, max(1, size/pieces)))
	prelude := encode(map[string]any{"statusCode": f.status, "headers": map[string]string{"content-type": f.header.Get("Content-Type")}})
	f.frames = append(f.frames, frame("PayloadChunk", append(prelude, make([]byte, 8)...)))
	for _, piece := range f.pieces {
		f.frames = append(f.frames, frame("PayloadChunk", piece))
	}
	f.frames = append(f.frames, frame("InvokeComplete", []byte("{}")))
	return f
}

// frame is an event of an event stream.
func frame(event string, data []byte) []byte {
	var headers eventstream.Headers
	headers.Set(eventstreamapi.MessageTypeHeader, eventstream.StringValue(eventstreamapi.EventMessageType))
	headers.Set(eventstreamapi.EventTypeHeader, eventstream.StringValue(event))
	var encoded bytes.Buffer
	if err := eventstream.NewEncoder().Encode(&encoded, eventstream.Message{Headers: headers, Payload: data}); err != nil {
		panic(err) // These headers are valid, and the data is far below the limit.
	}
	return encoded.Bytes()
}

// allow is an authorizer.
func allow(_ int) *function {
	f := textOf("application/json", nil)
	f.reply = encode(map[string]any{"isAuthorized": true, "context": map[string]any{"user": "u1"}})
	return f
}

// encode leaves <, > and & as they are, as other languages' encoders do.
func encode(object map[string]any) []byte {
	var encoded bytes.Buffer
	encoder := json.NewEncoder(&encoded)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(object); err != nil {
		panic(err) // Strings, numbers and maps of them always have a JSON form.
	}
	return bytes.TrimSuffix(encoded.Bytes(), []byte("\n"))
}
