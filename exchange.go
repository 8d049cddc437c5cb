package lambda

import (
	"context"
	"net/http"
)

// exchange is a request on its way to the function, and the reply on its way back.
//
// This file is the source of the hot path. What runs is workers_generated.go, which `make generate`
// writes from encodeLoop, decodeLoop and every function marked with lambda:inline that they call. In
// Yaegi a call usually costs more than the body it runs (docs/contributing.md).
type exchange struct {
	lambda *Lambda
	w      http.ResponseWriter
	r      *http.Request
	done   chan bool // receives a value when a worker has done its part

	// Set by prepare: prepared and invocation only if callSettings.single is set, ctx and cancel unless
	// they are set before, as for streams. With option retry, prepared is nil again once Lambda has
	// accepted the call.
	req        *request
	ctx        context.Context
	cancel     context.CancelFunc
	prepared   *preparedInvocation
	invocation *http.Request

	// Set by callFunction: one of the two, or neither if prepare failed.
	resp    *http.Response
	callErr error // from the transport

	// Set by conclude.
	answered bool // the response is written

	err error // from prepare, conclude or callOtherwise

	// alone is set if the request's goroutine has to run prepare or conclude itself. panicked is set if
	// a worker panicked, with the value panicOf.
	alone    bool
	panicked bool
	panicOf  any
}

// prepare turns a request into a signed call: it resolves the function, reads the body, encodes the
// event and signs it.
//
//lambda:inline
func prepare(x *exchange, self *worker) {
	l := x.lambda
	r := x.r
	req := takeIn(l, r, self)
	x.req = req
	ctx := x.ctx
	if ctx == nil {
		timed, cancel := context.WithTimeout(r.Context(), l.limits.timeout)
		ctx = timed
		x.ctx = ctx
		x.cancel = cancel
	}
	if !l.functions.fixed {
		if err := resolve(l, req); err != nil {
			x.err = err
			return
		}
	}
	if r.Header["Upgrade"] != nil || r.Method == methodConnect {
		if err := refuseSwitch(r); err != nil {
			x.err = err
			return
		}
	}
	if r.ContentLength != 0 { // most requests have no body
		if err := readBody(ctx, l, req, self); err != nil {
			x.err = err
			return
		}
	}
	if err := encodeEvent(l, req); err != nil {
		x.err = err
		return
	}
	if !l.calls.plain {
		if !l.calls.single {
			return
		}
		if err := startCall(l, req); err != nil {
			x.err = err
			return
		}
	}
	p, err := preparedFor(ctx, l, req)
	if err != nil {
		x.err = err
		return
	}
	x.prepared = p
	x.invocation = newInvocation(ctx, l, req, p, self)
}

// callFunction calls the function and waits for Lambda. It runs in the request's goroutine, so that a
// few workers are enough for thousands of slow calls.
//
//lambda:inline
func callFunction(x *exchange) {
	if x.invocation == nil {
		callOtherwise(x)
		return
	}
	resp, err := x.lambda.calls.transport.RoundTrip(x.invocation) //nolint:bodyclose // conclude does
	x.resp = resp
	x.callErr = err
}

// callOtherwise is callFunction if there is no invocation: options want what prepare cannot sign, prepare
// was left to this goroutine, or it failed.
func callOtherwise(x *exchange) {
	if x.alone {
		x.alone = false
		self := takeSpare()
		prepare(x, self)
		spares.Put(self)
	}
	switch {
	case x.err != nil || x.panicked:
	case x.invocation != nil:
		x.resp, x.callErr = x.lambda.calls.transport.RoundTrip(x.invocation) //nolint:bodyclose // conclude does
	default:
		x.resp, x.err = call(x.ctx, x.lambda, x.req) //nolint:bodyclose // conclude does
	}
}

// conclude turns Lambda's HTTP response into the client's: it checks the status, reads and decodes the
// reply, and writes. Nothing is written before the whole reply is decoded, so that every failure can
// still get its own status.
//
//lambda:inline
func conclude(x *exchange, self *worker) {
	l := x.lambda
	req := x.req
	ctx := x.ctx
	resp := x.resp
	if x.prepared != nil {
		if err := accept(ctx, l, req, x.prepared, resp); err != nil {
			x.err = err
			return
		}
		if l.calls.retry != nil {
			endRetries(x)
		}
	}
	payload, err := readPayload(ctx, l, req, resp, self.memory)
	self.memory = nil // an error may contain it
	if err != nil {
		x.err = err
		return
	}
	w := x.w
	header := w.Header()
	reply := newReply(header, req.http.Method)
	err = decodeReply(l, payload, reply)
	if err != nil {
		dropReply(header, reply)
		x.err = badReply(err)
		return
	}
	err = writeReply(l, w, header, req, reply)
	if err == nil { // else it may still be on its way, over HTTP/2
		self.memory = payload
	}
	x.answered = true
	x.cancel()
}

// decodeReply reads the function's reply in the way that eventFormat and responseFormat choose.
//
//lambda:inline
func decodeReply(l *Lambda, payload []byte, reply *reply) error {
	return l.replyFormat.decode(l.replies, payload, reply)
}

// finish responds if conclude has not. It runs in the request's goroutine, the only one in which the
// next handler may be called.
func finish(x *exchange) {
	if x.panicked {
		raise(x)
	}
	if x.alone {
		concludeAlone(x)
	}
	if !x.answered && retryExchange(x) {
		concludeAlone(x)
	}
	if x.answered {
		return
	}
	err := exchangeError(x)
	x.cancel()
	releaseSlot(x.lambda, x.req)
	fail(x.lambda, x.w, x.req, err)
}

// concludeAlone is conclude in the request's goroutine.
func concludeAlone(x *exchange) {
	self := takeSpare()
	conclude(x, self)
	spares.Put(self)
}

// exchangeError returns the error of an exchange; nil for none.
func exchangeError(x *exchange) error {
	if x.callErr != nil {
		return noAnswer(x.ctx, x.req, x.callErr)
	}
	return x.err
}
