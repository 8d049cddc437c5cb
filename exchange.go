package lambda

import (
	"context"
	"net/http"
)

// exchange is a request on its way to the function, and the reply on its way back. This file is the
// hot path as one reads it. What runs is workers_generated.go, which `make generate` makes of
// encodeLoop, decodeLoop and every function that they call and that is marked with lambda:inline: in
// Yaegi a call usually costs more than the body it runs (docs/contributing.md).
type exchange struct {
	lambda *Lambda
	w      http.ResponseWriter
	r      *http.Request
	done   chan bool // gets a value when a worker has done its part

	// What prepare leaves. prepared and invocation are of a plain call, which options need not
	// change: one attempt, no headers of its own.
	req        *request
	ctx        context.Context
	cancel     context.CancelFunc
	prepared   *preparedInvocation
	invocation *http.Request

	// What callFunction leaves: one of the two, or neither where prepare has failed.
	resp    *http.Response
	callErr error // the transport's

	// What conclude leaves.
	answered bool

	err error // what prepare, a call that is not plain, or conclude has failed with

	// What workers do not do: alone says that the goroutine of the request is to do it, panicked that
	// one of them has panicked, with panicOf.
	alone    bool
	panicked bool
	panicOf  any
}

// prepare takes a request up to its invocation: take in, resolve, read the body, encode, sign.
//
//lambda:inline
func prepare(x *exchange, self *worker) {
	l := x.lambda
	req := takeIn(l, x.r, self)
	x.req = req
	ctx, cancel := context.WithTimeout(x.r.Context(), l.limits.timeout)
	x.ctx = ctx
	x.cancel = cancel
	if !l.functions.fixed {
		if err := resolve(l, req); err != nil {
			x.err = err
			return
		}
	}
	if x.r.Header["Upgrade"] != nil || x.r.Method == methodConnect {
		if err := refuseSwitch(x.r); err != nil {
			x.err = err
			return
		}
	}
	if x.r.ContentLength != 0 { // most requests have no body
		if err := readBody(ctx, l, req); err != nil {
			x.err = err
			return
		}
	}
	if err := encodeEvent(l, req); err != nil {
		x.err = err
		return
	}
	if !l.calls.plain {
		return
	}
	p, err := preparedFor(ctx, l, req)
	if err != nil {
		x.err = err
		return
	}
	x.prepared = p
	x.invocation = newInvocation(ctx, l, req, p, self)
}

// callFunction calls the function, and waits for Lambda's answer. No worker does: few of them serve thousands
// of slow calls.
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

// callOtherwise is callFunction where prepare has left no plain call: an option asks for more, the
// exchange is left to its own goroutine, or prepare has failed.
func callOtherwise(x *exchange) {
	if x.alone {
		x.alone = false
		prepare(x, &worker{})
	}
	switch {
	case x.err != nil || x.panicked:
	case x.invocation != nil:
		x.resp, x.callErr = x.lambda.calls.transport.RoundTrip(x.invocation) //nolint:bodyclose // conclude does
	default:
		x.resp, x.err = callWithOptions(x.ctx, x.lambda, x.req) //nolint:bodyclose // as above
	}
}

// conclude takes an exchange from Lambda's answer to the client's response: accept, read the reply,
// decode, write. Nothing is written before the whole reply is known to be good, so that every failure
// can still be answered.
//
//lambda:inline
func conclude(x *exchange) {
	l := x.lambda
	req := x.req
	if x.prepared != nil {
		if err := accept(x.ctx, l, req, x.prepared, x.resp); err != nil {
			x.err = err
			return
		}
	}
	payload, err := readPayload(x.ctx, l, req, x.resp)
	if err != nil {
		x.err = err
		return
	}
	header := x.w.Header()
	reply := newReply(header, req.http.Method)
	err = decodeReply(l, payload, reply)
	if err != nil {
		dropReply(header, reply)
		x.err = badReply(err)
		return
	}
	writeReply(l, x.w, header, req, reply)
	x.answered = true
}

// decodeReply reads the function's reply as the format and option responseFormat say.
//
//lambda:inline
func decodeReply(l *Lambda, payload []byte, reply *reply) error {
	return l.replyFormat.decode(l.replies, payload, reply)
}

// finish answers what conclude has not. It does so in the request's own goroutine,
// since the next handler is called in no other.
func finish(x *exchange) {
	if x.panicked {
		raise(x)
	}
	if x.alone {
		conclude(x)
	}
	if x.answered {
		x.cancel()
		return
	}
	err := x.err
	if x.callErr != nil {
		err = noAnswer(x.ctx, x.req, x.callErr)
	}
	x.cancel()
	fail(x.lambda, x.w, x.req, err)
}
