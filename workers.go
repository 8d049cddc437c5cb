package lambda

import (
	"context"
	"errors"
	"hash"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"sync/atomic"
	"time"
)

// Workers are goroutines that stay in one function, so that Yaegi makes its frame once: half of the
// allocations of a request are saved this way. There are encoders, which run prepare, and decoders,
// which run conclude. None of them waits for Lambda.
//
// A request finds a worker like this. The count of idle workers says how many of them wait, or are
// about to, and are not claimed. A request claims one by taking 1 off the count. Where that leaves
// less than 0 nobody is free, and it starts a worker of its own, which begins as an idle one. Then it
// hands its exchange to whichever worker receives first, and waits for done. A worker that is done
// adds itself to the count again, or retires.

// worker is what one worker has to itself: what costs less to use again than to make.
type worker struct {
	exchange *exchange // the one that it is busy with

	second    *second   // of its last request
	random    string    // random digits for its next requests
	mac       hash.Hash // of its last signature
	macSigner *signer   // whose key mac has
}

var (
	toEncode     = make(chan *exchange)
	toDecode     = make(chan *exchange)
	idleEncoders int32
	idleDecoders int32
)

// maxIdleWorkers is how many of either stay when there is less to do. Each holds some 50 KB, what is
// left of its last request among it.
const maxIdleWorkers = 64

// maxIdleTime is how long a worker holds what is left of a request when no other comes.
const maxIdleTime = 10 * time.Second

// encode hands an exchange to an encoder, and waits until it is prepared.
//
//lambda:inline
func encode(x *exchange) {
	if atomic.AddInt32(&idleEncoders, -1) < 0 {
		startEncoder()
	}
	toEncode <- x
	<-x.done
}

// decode hands an exchange to a decoder, and waits until it is concluded.
//
//lambda:inline
func decode(x *exchange) {
	if atomic.AddInt32(&idleDecoders, -1) < 0 {
		startDecoder()
	}
	toDecode <- x
	<-x.done
}

// startEncoder starts one for an exchange that has found none idle.
func startEncoder() {
	watchIdle()
	atomic.AddInt32(&idleEncoders, 1)
	go encodeRequests()
}

// startDecoder is startEncoder for decoders.
func startDecoder() {
	watchIdle()
	atomic.AddInt32(&idleDecoders, 1)
	go decodeReplies()
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
		self.exchange = x
		x.alone = preparesAlone(x)
		if !x.alone {
			prepare(x, self)
		}
		self.exchange = leave
		if x.err != nil || (!x.alone && len(x.req.event) >= minSplicedBody) { // nobody knows how much it holds
			x.done <- true
			return
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
		self.exchange = x
		x.alone = concludesAlone(x)
		if !x.alone {
			conclude(x)
		}
		self.exchange = leave
		stays := staysIdle(&idleDecoders)
		x.done <- true
		if !stays {
			return
		}
	}
}

// preparesAlone reports whether an exchange is left to its own goroutine: a worker would hold a large body
// until its next request.
//
//lambda:inline
func preparesAlone(x *exchange) bool {
	length := x.r.ContentLength
	return length >= minSplicedBody || length < 0
}

// concludesAlone reports the same of an exchange that comes back. A response hook may wait for Lambda where
// the response is written, and no worker waits.
//
//lambda:inline
func concludesAlone(x *exchange) bool {
	length := x.resp.ContentLength
	return length >= minSplicedBody || length < 0 || len(x.req.event) >= minSplicedBody || x.lambda.brackets.writesWait
}

// leave is no exchange: a worker that receives it retires.
var leave = &exchange{}

// staysIdle counts a worker as idle, and reports whether it may stay. It counts itself before its
// exchange goes on, so that the client's next request finds it.
//
//lambda:inline
func staysIdle(idle *int32) bool {
	if atomic.AddInt32(idle, 1) <= maxIdleWorkers {
		return true
	}
	return !claim(idle)
}

// claim takes one off the idle workers, and reports whether there was one.
func claim(idle *int32) bool {
	if atomic.AddInt32(idle, -1) >= 0 {
		return true
	}
	atomic.AddInt32(idle, 1)
	return false
}

// endWorker hands a panic on to the goroutine of the request: here it would end Traefik.
func endWorker(self *worker) {
	if p := recover(); p != nil && self.exchange != leave {
		x := self.exchange
		x.panicked = true
		x.panicOf = p
		x.done <- true
	}
}

// raise panics as the worker has, after it has ended the call. http.ErrAbortHandler, with which
// compiled code cuts a connection, has to stay the genuine value, or Traefik takes it for a crash:
// what interpreted code panics with is wrapped.
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

// abort panics with http.ErrAbortHandler, by way of compiled code: a ReverseProxy does so where the
// body that it copies breaks off in a server's handler.
func abort() {
	ctx := context.WithValue(context.Background(), http.ServerContextKey, &http.Server{ReadHeaderTimeout: time.Second})
	resp := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, ContentLength: -1}
	resp.Body = brokenBody{}
	proxy := &httputil.ReverseProxy{Rewrite: keepRequest}
	proxy.Transport = &receivedResponse{resp}
	proxy.ServeHTTP(httptest.NewRecorder(), blankRequest.WithContext(ctx))
}

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

// watchWorkers retires the workers that are idle, from time to time: idle, they hold what is left of
// their last request. It ends when there are none. A new worker costs less than a millisecond.
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

// retireIdle has the workers leave that are idle now, and returns how many.
func retireIdle(idle *int32, exchanges chan *exchange) int {
	retired := 0
	for retired < maxIdleWorkers && claim(idle) {
		exchanges <- leave
		retired++
	}
	return retired
}
