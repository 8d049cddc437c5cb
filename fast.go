package lambda

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// To call a function takes interpreted code longer than most of what it does then: a frame is made
// with a place on the heap for each variable and each intermediate value of the function, used or
// not. So requests are served by workers: goroutines that stay in one function, whose frame is made
// once, and which calls few others. Half of the allocations of a request are saved this way.
//
// Encoders take a request up to its invocation, decoders take it from Lambda's answer to the client's.
// None of them waits for Lambda: few serve thousands of slow calls.

// exchange is a request on its way through the workers.
type exchange struct {
	lambda *Lambda
	w      http.ResponseWriter
	r      *http.Request
	done   chan bool // gets a value when a worker has done its part

	// What an encoder leaves.
	req        *request
	ctx        context.Context
	cancel     context.CancelFunc
	invocation *http.Request       // nil where options ask for more than one plain call, or err says why
	prepared   *preparedInvocation // what it is made of
	large      bool                // the event is, or the reply

	resp    *http.Response // Lambda's answer
	callErr error          // why the transport has none

	// What a decoder leaves.
	answered bool   // else finish has to
	payload  []byte // a reply that few functions make

	err      error // what either has failed with
	panicked any
}

// Workers receive exchanges. Those that do so, or are about to, and that no exchange counts on yet,
// are idle.
var (
	toEncode     = make(chan *exchange)
	toDecode     = make(chan *exchange)
	idleEncoders int32
	idleDecoders int32
)

// maxIdleWorkers is how many of either stay when there is less to do. Each holds some 30 KB, what is
// left of its last request among it.
const maxIdleWorkers = 64

// startEncoder starts one for an exchange that has counted on an idle one in vain.
func startEncoder() {
	atomic.AddInt32(&idleEncoders, 1)
	go encodeRequests()
}

// startDecoder is startEncoder for decoders.
func startDecoder() {
	atomic.AddInt32(&idleDecoders, 1)
	go decodeReplies()
}

// retires says whether one of too many idle workers may go: not where exchanges count on them all.
func retires(idle *int32) bool {
	if atomic.AddInt32(idle, -1) >= 0 {
		return true
	}
	atomic.AddInt32(idle, 1)
	return false
}

// callOtherwise calls the function where that takes more than one plain call, unless encoding has
// failed.
func callOtherwise(x *exchange) {
	if x.err == nil && x.panicked == nil {
		x.resp, x.err = callWithOptions(x.ctx, x.lambda, x.req) //nolint:bodyclose // a decoder does
	}
}

// finish answers what no decoder has answered. It does so where the request came: there the next
// handler may panic.
func finish(x *exchange) {
	if x.panicked != nil {
		if x.cancel != nil {
			x.cancel()
		}
		if x.req != nil {
			releaseSlot(x.lambda, x.req)
		}
		panic(x.panicked)
	}
	err := x.err
	if x.callErr != nil {
		err = noAnswer(x.ctx, x.req, x.callErr)
	}
	x.cancel()
	if err != nil {
		fail(x.lambda, x.w, x.req, err)
		return
	}
	reply, err := decodeReply(x.lambda, x.req.http.Method, x.payload)
	if err != nil {
		fail(x.lambda, x.w, x.req, badReply(err))
		return
	}
	writeReply(x.lambda, x.w, x.req, reply)
}

// worker is what a worker is busy with.
type worker struct{ exchange *exchange }

// endWorker hands a panic on to where the request came: here it would end Traefik.
func endWorker(k *worker) {
	if p := recover(); p != nil {
		k.exchange.panicked = p
		k.exchange.done <- true
	}
}

// encodeRequests is the first half of serveAny, and of all that it calls, once more, for one request
// after the other. It does what they do, in their order; a heading says whose lines follow, and it is
// there that they are explained. What few requests need is left to the functions themselves.
// fast_test.go compares the two ways.
//
// Each variable is declared once: to declare it again makes a new place for it. None is read before
// it is set for the request.
//
//nolint:funlen,ineffassign,wastedassign // To be in one piece is what it is for; nil is for the garbage collector.
func encodeRequests() {
	var (
		x    *exchange
		goes bool
		l    *Lambda
		r    *http.Request
		req  *request
		err  error

		now    time.Time
		millis int64
		s      = &second{}
		random = make([]byte, 20)
		ids    string
		colon  int
		peer   string

		ctx        context.Context
		server     *http.Server
		headers    map[string]string
		query      url.Values
		parameters map[string]string
		common     *httpAPIv2Common
		event      httpAPIv2Event
		about      = &event.RequestContext
		encoded    []byte

		p          *preparedInvocation
		signing    *signer
		sum        [sha256.Size]byte
		mac        hash.Hash
		macOf      *signer // whose key mac has
		invocation *http.Request
	)
	self := &worker{}
	defer endWorker(self)
	for {
		if x != nil {
			// After a failure, since nobody knows then how much the frame holds of the request.
			goes = x.large || x.err != nil ||
				(atomic.AddInt32(&idleEncoders, 1) > maxIdleWorkers && retires(&idleEncoders))
			x.done <- true
			if goes {
				return
			}
			// An idle worker holds nothing of its last request: ServeHTTP empties the exchange. (In Yaegi x
			// itself, received from a channel, cannot be set.)
			self.exchange = nil
			r = nil
			req = nil
			headers = nil
			if common != nil {
				event = common.event // not a literal, which would be another event than about is of
			}
			encoded = nil
			invocation = nil
		}
		x = <-toEncode
		self.exchange = x
		l = x.lambda
		r = x.r

		// newRequest
		now = time.Now()
		millis = now.UnixMilli()
		if s.unix != millis/1000 {
			s = secondOf(millis)
		}
		_, _ = rand.Read(random) // never fails (crypto/rand)
		ids = hex.EncodeToString(random)
		colon = strings.LastIndexByte(r.RemoteAddr, ':')
		if colon < 0 || r.RemoteAddr[0] == '[' {
			peer = peerIP(r.RemoteAddr)
		} else {
			peer = r.RemoteAddr[:colon]
		}
		req = &request{
			http:      r,
			time:      now,
			millis:    millis,
			second:    s,
			signed:    s,
			peerIP:    peer,
			clientIP:  peer,
			path:      r.URL.Path,
			traceID:   "Root=1-" + s.traceTime + "-" + ids[:24],
			requestID: ids[24:39] + "=",
			routeKey:  defaultRouteKey,
			target:    l.target,
		}
		x.req = req
		if req.path == "" {
			req.path = "/"
		}
		if l.authorized {
			adoptNotes(req)
		}

		// answer, after what serveAny does first
		ctx, x.cancel = context.WithTimeout(r.Context(), l.timeout)
		x.ctx = ctx
		if !l.fixed {
			err = place(l, req)
			if err != nil {
				x.err = err
				continue
			}
		}
		if r.Header["Upgrade"] != nil || r.Method == methodConnect {
			err = refuseSwitch(r)
			if err != nil {
				x.err = err
				continue
			}
		}
		if r.ContentLength != 0 {
			// readBody
			server = nil
			if value, ok := r.Context().Value(http.ServerContextKey).(*http.Server); ok {
				server = value
			}
			if server == nil || server.ReadTimeout <= 0 || server.ReadTimeout > l.timeout ||
				r.ContentLength < 0 || r.ContentLength > l.maxRequestBodyBytes || r.Body == nil ||
				r.ContentLength > firstBodyBytes {
				err = readBody(ctx, l, req)
			} else {
				x.large = r.ContentLength >= minSplicedBody
				req.bodyTouched = true
				req.body = make([]byte, r.ContentLength)
				_, err = io.ReadFull(r.Body, req.body)
				if err != nil {
					err = unreadable(ctx, req, fmt.Errorf("read the request body: %w", err))
				}
				req.bodyRead = err == nil
				if time.Since(now.Round(0)) > time.Second {
					redate(req)
				}
			}
			if err != nil {
				x.err = err
				continue
			}
		}

		if l.plainEvent {
			// lowerHeaders
			headers = make(map[string]string, 14)
			for name, values := range r.Header {
				if len(values) == 1 {
					headers[lowerNames[name]] = values[0]
				} else {
					headers[""] = ""
				}
			}
			if _, found := headers[""]; found {
				addRareHeaders(headers, r.Header)
			}
			delete(headers, dropped)
			headers["host"] = r.Host
			if headers["x-forwarded-for"] == "" {
				headers["x-forwarded-for"] = peer
			} else {
				headers["x-forwarded-for"] = withPeer(headers["x-forwarded-for"], peer)
			}
			if headers["x-forwarded-proto"] == "" || headers["x-forwarded-port"] == "" {
				addScheme(headers, r)
			}
			if headers["x-amzn-trace-id"] == "" {
				headers["x-amzn-trace-id"] = req.traceID
			}

			// newHTTPAPIv2Event
			common = l.httpAPIv2.Load().(*httpAPIv2Common)
			if common.host != r.Host {
				common = setHTTPAPIv2Common(l, r.Host)
			}
			event = common.event
			event.RawPath = req.path
			event.RawQueryString = r.URL.RawQuery
			event.Headers = headers
			about.HTTP = httpAPIv2HTTP{r.Method, req.path, r.Proto, req.clientIP, headers["user-agent"]}
			about.RequestID = req.requestID
			about.Time = req.second.logTime
			about.TimeEpoch = req.millis
			if l.authorized {
				about.Authorizer = req.authorizer
			}
			if event.RawQueryString != "" {
				// joinedQuery
				query, err = url.ParseQuery(r.URL.RawQuery)
				if err != nil {
					event.QueryStringParameters = joinedQuery(req)
				} else {
					parameters = make(map[string]string, len(query))
					for name, values := range query {
						if len(values) == 1 {
							parameters[name] = values[0]
						} else {
							parameters[name] = strings.Join(values, ",")
						}
					}
					event.QueryStringParameters = parameters
				}
			}
			if _, found := headers["cookie"]; found {
				setHTTPAPIv2Cookies(l, &event)
			}
			if req.body != nil {
				// setHTTPAPIv2Body
				if textTypes[headers["content-type"]] && len(req.body) < minSplicedText &&
					l.binaryMediaTypes == nil && utf8.Valid(req.body) {
					headers["content-length"] = strconv.Itoa(len(req.body))
					event.Body = string(req.body)
				} else {
					setHTTPAPIv2Body(l, req, &event)
				}
			}
			if !l.fixed {
				setHTTPAPIv2Route(req, &event)
			}
			if l.format.adapt != nil {
				l.format.adapt(req, &event)
			}

			// encodeEvent
			encoded, err = json.Marshal(&event)
			req.event = encoded
			if bytes.Contains(encoded, unicodeEscape) {
				// unescaped, of the & in a query
				if !bytes.Contains(encoded, escapedEscape) {
					encoded = bytes.ReplaceAll(encoded, ampersandEscape, ampersand)
					req.event = encoded
				}
				if bytes.Contains(encoded, unicodeEscape) {
					err = unescapeEvent(req, &event)
				}
			}
			if err != nil || len(encoded)+len(req.body) >= minSplicedBody {
				err = completeEvent(l, req, err)
				x.large = true
			}
		} else {
			err = encodeEvent(l, req)
			if len(req.event) >= minSplicedBody {
				x.large = true
			}
		}
		if err != nil {
			x.err = err
			continue
		}
		encoded = req.event
		if !l.plainCall {
			continue // callOtherwise
		}

		// callOnce, newInvocation and sign
		p = req.target.prepared.Load().(*preparedInvocation)
		if p.second != req.signed {
			p, err = prepareInvocation(ctx, l, req)
			if err != nil {
				x.err = err
				continue
			}
		}
		signing = p.signer
		sum = sha256.Sum256(encoded)
		sum = sha256.Sum256([]byte(signing.head + strconv.Itoa(len(encoded)) + signing.tail + hex.EncodeToString(sum[:])))
		if macOf != signing {
			mac = hmac.New(sha256.New, signing.key)
			macOf = signing
		} else {
			mac.Reset()
		}
		mac.Write([]byte(signing.stringToSign + hex.EncodeToString(sum[:])))
		invocation, _ = http.NewRequestWithContext(ctx, methodPost, "", bytes.NewReader(encoded))
		invocation.URL = p.target.url
		invocation.Header = http.Header{
			"X-Amz-Date":           p.date,
			"X-Amz-Security-Token": p.token,
			"Authorization":        {signing.authorization + hex.EncodeToString(mac.Sum(nil))},
			"User-Agent":           userAgent,
		}
		x.prepared = p
		x.invocation = invocation
	}
}

// decodeReplies is the second half, as encodeRequests is the first.
//
//nolint:funlen,ineffassign,wastedassign // as there
func decodeReplies() {
	var (
		x       *exchange
		goes    bool
		l       *Lambda
		w       http.ResponseWriter
		req     *request
		resp    *http.Response
		payload []byte
		err     error

		header           http.Header
		contentType      []string
		typed            bool
		object           *proxyReply
		status           int
		replyHeaders     map[string]any
		body             string
		canonical, value string
		joined           string
	)
	self := &worker{}
	defer endWorker(self)
	for {
		if x != nil {
			x.cancel()
			goes = x.large || (atomic.AddInt32(&idleDecoders, 1) > maxIdleWorkers && retires(&idleDecoders))
			x.done <- true
			if goes {
				return
			}
			self.exchange = nil
			w = nil
			req = nil
			resp = nil
			payload = nil
			object = nil
			replyHeaders = nil
			header = nil
		}
		x = <-toDecode
		self.exchange = x
		l = x.lambda
		w = x.w
		req = x.req
		resp = x.resp

		// callOnce
		if x.prepared != nil {
			req.answer = resp.Header
			if resp.StatusCode != statusOK {
				x.err = refusedCall(x.ctx, l, req, resp, x.prepared)
				continue
			}
		}

		// readReply
		if resp.ContentLength < 0 || resp.ContentLength > maxReplyBytes {
			payload, err = readUnsizedReply(resp)
		} else {
			payload = make([]byte, resp.ContentLength)
			_, err = io.ReadFull(resp.Body, payload)
			_ = resp.Body.Close() // nothing is left to be lost
		}
		if req.counts != nil {
			req.took = time.Since(req.began)
			req.replyBytes = len(payload)
		}
		if req.holdsSlot {
			releaseSlot(l, req)
		}
		if err != nil || resp.Header["X-Amz-Function-Error"] != nil {
			x.err = noReply(x.ctx, l, req, resp, payload, err)
			continue
		}

		if len(payload) >= minSplicedBody {
			x.large = true
		}

		// decodeReply and decodePlainReply, into what the client gets if nothing comes up
		header = w.Header()
		contentType = header["Content-Type"]
		_, typed = header["Content-Type"]
		if contentType == nil { // as Traefik leaves it, lest Go's server guess one
			delete(header, "Content-Type")
		}
		if len(header) == 0 && l.plainReply && !x.large {
			object = &proxyReply{}
			err = json.Unmarshal(payload, object)
			status = 0
			if number, ok := object.StatusCode.(float64); ok {
				status = statuses[number]
			}
			replyHeaders = nil
			if fields, ok := object.Headers.(map[string]any); ok && len(fields) <= maxPlainHeaders {
				replyHeaders = fields
			}
			body = ""
			if text, ok := object.Body.(string); ok {
				body = text
			}
			joined = ""
			for name, v := range replyHeaders {
				canonical = canonicalNames[name]
				if canonical == "" {
					canonical = canonicalName(name)
				}
				value = ""
				if text, ok := v.(string); ok {
					value = text
				}
				if value == "" {
					canonical = ""
				}
				header[canonical] = []string{value}
				joined += value
			}
			switch {
			case err != nil: // This, and each of the next, is for decodeReply and writeReply.
			case status == 0:
			case body == "":
			case object.MultiValueHeaders != nil:
			case object.Cookies != nil:
			case object.IsBase64Encoded != nil && object.IsBase64Encoded != false:
			case replyHeaders == nil && object.Headers != nil:
			case len(header) != len(replyHeaders):
			case header[""] != nil:
			case strings.ContainsAny(joined, controlCharacters):
			case req.http.Method == methodHead:
			default:
				// writeReply
				if header["Content-Type"] == nil {
					header["Content-Type"] = []string{l.format.contentType}
				}
				if id := resp.Header[requestIDHeader]; id != nil {
					header[requestIDHeader] = id
				}
				if l.noted {
					noteCall(req)
				}
				header["Content-Length"] = []string{strconv.Itoa(len(body))}
				if req.counts != nil {
					recordReply(l, req, status)
				}
				if status != statusOK {
					w.WriteHeader(status)
				}
				_, _ = w.Write([]byte(body)) // fails only where the client has gone
				x.answered = true
				continue
			}
			for name := range header {
				delete(header, name)
			}
		}
		if typed {
			header["Content-Type"] = contentType
		}
		x.payload = payload
	}
}
