package lambda

import (
	"context"
	"errors"
	"hash"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// Workers are goroutines that stay in one function, so that Yaegi creates its frame only once. This
// saves half of a request's allocations. Encoders run prepare, decoders run conclude. No worker waits
// for Lambda.
//
// A request sends its exchange to whichever worker receives first, and waits for done. It never waits
// for a busy worker: one of each kind is always idle, since a worker that takes an exchange as the last
// idle one starts another first. idleEncoders and idleDecoders count the idle ones. A worker that has
// finished adds itself to the count again, or retires.

// worker holds what one worker reuses, because making it anew costs more.
type worker struct {
	exchange *exchange // in progress, or the last one

	second    *second   // of the last request
	unix      int64     // second.unix, which takes longer to read
	random    string    // digits for the next requests
	mac       hash.Hash // of the last signature
	macSigner *signer   // the owner of mac's key

	memory []byte // of the last body that prepare read, or of the last payload that conclude did
}

// spares are the workers of requests whose own goroutines run prepare or conclude: large ones, whose
// memory is worth reusing. The garbage collector takes those that are not used.
var spares sync.Pool

func takeSpare() *worker {
	if self := spares.Get(); self != nil {
		return self.(*worker)
	}
	return &worker{}
}

var (
	toEncode     = make(chan *exchange)
	toDecode     = make(chan *exchange)
	idleEncoders int32
	idleDecoders int32
)

// maxIdleWorkers limits the idle encoders, and the idle decoders. Each holds about 50 KB, plus
// leftovers of its last request.
const maxIdleWorkers = 32

// maxHeld limits the body, the event and the reply of a request that a worker takes. While it is idle,
// its variables hold on to them.
const maxHeld = 128 << 10

// maxIdleTime is how often idle workers are retired, so that none holds leftovers of a request for
// long.
const maxIdleTime = 10 * time.Second

// encode hands an exchange to an encoder and waits until it is prepared.
//
//lambda:inline
func encode(x *exchange) {
	toEncode <- x
	<-x.done
}

// decode hands an exchange to a decoder and waits until it is concluded.
//
//lambda:inline
func decode(x *exchange) {
	toDecode <- x
	<-x.done
}

// workerKind is one of the two kinds of workers.
type workerKind int

const (
	encoder workerKind = iota
	decoder
)

// starts asks startLoop for another worker. Its buffer spares a worker that asks the wait.
var starts = make(chan workerKind, 16)

func init() {
	go startLoop()
	startEncoder()
	startDecoder()
}

// startLoop starts all workers. In Yaegi a goroutine holds on to the variables of the function that
// started it, so that workers must not be started by a request, nor by another worker.
func startLoop() {
	for {
		kind, open := <-starts
		if !open {
			return
		}
		watchIdle()
		if kind == encoder {
			go encodeRequests()
		} else {
			go decodeReplies()
		}
	}
}

// startEncoder starts an idle encoder.
func startEncoder() {
	atomic.AddInt32(&idleEncoders, 1)
	starts <- encoder
}

// startDecoder starts an idle decoder.
func startDecoder() {
	atomic.AddInt32(&idleDecoders, 1)
	starts <- decoder
}

// encodeLoop is the source of encodeRequests.
//
//lambda:worker encodeRequests
func encodeLoop() {
	self := &worker{}
	defer endWorker(self)
	for {
		x, open := <-toEncode
		if !open || x == leave {
			return
		}
		if atomic.AddInt32(&idleEncoders, -1) <= 0 {
			startEncoder()
		}
		self.exchange = x
		x.alone = preparesAlone(x)
		if !x.alone {
			prepare(x, self)
			if x.err != nil || x.req.large { // this worker's variables may hold much memory
				x.done <- true
				return
			}
		}
		stays := staysIdle(&idleEncoders)
		x.done <- true
		if !stays {
			return
		}
	}
}

// decodeLoop is the source of decodeReplies.
//
//lambda:worker decodeReplies
func decodeLoop() {
	self := &worker{}
	defer endWorker(self)
	for {
		x, open := <-toDecode
		if !open || x == leave {
			return
		}
		if atomic.AddInt32(&idleDecoders, -1) <= 0 {
			startDecoder()
		}
		self.exchange = x
		x.alone = concludesAlone(x)
		if !x.alone {
			conclude(x, self)
		}
		stays := staysIdle(&idleDecoders)
		x.done <- true
		if !stays {
			return
		}
	}
}

// preparesAlone reports whether the request's goroutine has to run prepare itself. A worker would hold
// on to a large body until its next request; one that reads a large body of unknown length retires.
//
//lambda:inline
func preparesAlone(x *exchange) bool {
	return x.r.ContentLength >= maxHeld
}

// concludesAlone reports whether the request's goroutine has to run conclude itself: for large bodies,
// as in preparesAlone, and if writing the response may wait for a Lambda@Edge hook.
//
//lambda:inline
func concludesAlone(x *exchange) bool {
	length := x.resp.ContentLength
	return length >= maxHeld || length < 0 || x.req.large || x.lambda.brackets.writesWait
}

// leave tells the worker that receives it to retire. It is not an exchange.
var leave = &exchange{}

// staysIdle counts a worker as idle and reports whether it may stay. A worker counts itself before it
// releases its exchange, so that the client's next request finds it.
//
//lambda:inline
func staysIdle(idle *int32) bool {
	if atomic.AddInt32(idle, 1) <= maxIdleWorkers {
		return true
	}
	return !claim(idle)
}

// claim takes 1 off the idle workers, and reports whether one may retire: the last one stays.
func claim(idle *int32) bool {
	if atomic.AddInt32(idle, -1) > 0 {
		return true
	}
	atomic.AddInt32(idle, 1)
	return false
}

// endWorker passes a panic on to the request's goroutine. In the worker's own goroutine it would end
// Traefik.
func endWorker(self *worker) {
	if p := recover(); p != nil {
		x := self.exchange
		x.panicked = true
		x.panicOf = p
		x.done <- true
	}
}

// raise ends the call and repeats the panic of a worker. http.ErrAbortHandler must stay the genuine
// value, or Traefik reports a crash. Yaegi wraps what interpreted code panics with, so abort makes
// compiled code panic.
func raise(x *exchange) {
	if x.cancel != nil {
		x.cancel()
	}
	if x.resp != nil {
		_ = x.resp.Body.Close() // the exchange is over
	}
	if x.req != nil {
		releaseSlot(x.lambda, x.req)
	}
	if err, ok := x.panicOf.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		abort()
	}
	panic(x.panicOf)
}

// abort makes compiled code panic with http.ErrAbortHandler: a ReverseProxy in a server's handler does
// so when the body that it copies fails.
func abort() {
	ctx := context.WithValue(context.Background(), http.ServerContextKey, &http.Server{ReadHeaderTimeout: time.Second})
	resp := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, ContentLength: -1}
	resp.Body = brokenBody{}
	proxy := &httputil.ReverseProxy{Rewrite: keepRequest}
	proxy.Transport = &receivedResponse{resp}
	proxy.ServeHTTP(httptest.NewRecorder(), blankRequest.WithContext(ctx))
}

// blankRequest is the request that the ReverseProxy forwards. It contains nothing of the client's that
// a ReverseProxy could refuse or act on.
var blankRequest = &http.Request{Method: http.MethodGet, URL: &url.URL{}, Header: http.Header{}}

func keepRequest(_ *httputil.ProxyRequest) {}

// receivedResponse is a transport that returns a response received before.
type receivedResponse struct{ resp *http.Response }

// RoundTrip returns the response.
func (t *receivedResponse) RoundTrip(_ *http.Request) (*http.Response, error) { return t.resp, nil }

// brokenBody fails with the one error that a ReverseProxy does not log.
type brokenBody struct{}

func (brokenBody) Read(_ []byte) (int, error) { return 0, context.Canceled }

func (brokenBody) Close() error { return nil }

// watching is 1 while watchWorkers runs.
var watching int32

func watchIdle() {
	if atomic.CompareAndSwapInt32(&watching, 0, 1) {
		go watchWorkers()
	}
}

// watchWorkers retires idle workers every maxIdleTime, since they hold leftovers of their last request.
// It ends when only the last ones are idle. Starting a worker takes less than a millisecond.
func watchWorkers() {
	defer atomic.StoreInt32(&watching, 0)
	for {
		time.Sleep(maxIdleTime)
		retired := retireIdle(&idleEncoders, toEncode)
		if retireIdle(&idleDecoders, toDecode)+retired == 0 {
			return
		}
	}
}

// retireIdle makes the workers that are idle now retire, all but one, and returns their number.
func retireIdle(idle *int32, exchanges chan *exchange) int {
	retired := 0
	for retired < maxIdleWorkers && claim(idle) {
		exchanges <- leave
		retired++
	}
	return retired
}
