package lambda

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// serveFast is serveAny, and all that it calls, once more: in one piece, for the middlewares that
// servesFast names. A call of an interpreted function costs as much as some ten lines of it, and
// there would be twenty: a request takes a fifth less of the processor this way. It does what they
// do, in their order; a heading says whose lines follow, and it is there that they are explained.
// What few requests need is left to the functions themselves. fast_test.go compares the two ways.
//
//nolint:funlen // To be in one piece is what it is for.
func serveFast(l *Lambda, w http.ResponseWriter, r *http.Request) {
	// newRequest
	now := time.Now()
	millis := now.UnixMilli()
	s := lastSecond.Load().(*second)
	if s.unix != millis/1000 {
		s = secondOf(millis)
	}
	random := make([]byte, 20)
	_, _ = rand.Read(random) // never fails (crypto/rand)
	ids := hex.EncodeToString(random)
	peer := peerIP(r.RemoteAddr)
	req := &request{
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
	if req.path == "" {
		req.path = "/"
	}
	if !l.fixed {
		err := place(l, req)
		if err != nil {
			fail(l, w, req, err)
			return
		}
	}

	// answer
	ctx, cancel := context.WithTimeout(r.Context(), l.timeout)
	defer cancel()
	if r.ContentLength != 0 {
		err := readBody(ctx, l, req)
		if err != nil {
			fail(l, w, req, err)
			return
		}
	}

	// lowerHeaders
	headers := make(map[string]string, 14)
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
		headers["x-forwarded-for"] += ", " + peer
	}
	if headers["x-forwarded-proto"] == "" || headers["x-forwarded-port"] == "" {
		addScheme(headers, r)
	}
	if headers["x-amzn-trace-id"] == "" {
		headers["x-amzn-trace-id"] = req.traceID
	}

	// newHTTPAPIv2Event
	common := l.httpAPIv2.Load().(*httpAPIv2Common)
	if common.host != r.Host {
		common = setHTTPAPIv2Common(l, r.Host)
	}
	event := common.event
	event.RawPath = req.path
	event.RawQueryString = r.URL.RawQuery
	event.Headers = headers
	about := &event.RequestContext
	about.HTTP = httpAPIv2HTTP{r.Method, req.path, r.Proto, req.clientIP, headers["user-agent"]}
	about.RequestID = req.requestID
	about.Time = s.logTime
	about.TimeEpoch = millis
	if event.RawQueryString != "" {
		event.QueryStringParameters = joinedQuery(req)
	}
	if _, found := headers["cookie"]; found {
		setHTTPAPIv2Cookies(l, &event)
	}
	if req.body != nil {
		setHTTPAPIv2Body(l, req, &event)
	}
	if !l.fixed {
		setHTTPAPIv2Route(req, &event)
	}
	if l.format.adapt != nil {
		l.format.adapt(req, &event)
	}

	// encodeEvent
	encoded, err := json.Marshal(&event)
	req.event = encoded
	if bytes.Contains(encoded, unicodeEscape) {
		err = unescapeEvent(req, &event)
		encoded = req.event
	}
	if err != nil || len(encoded)+len(req.body) >= minSplicedBody {
		err = completeEvent(l, req, err)
		if err != nil {
			fail(l, w, req, err)
			return
		}
		encoded = req.event
	}

	// callOnce, newInvocation and sign
	p := req.target.prepared.Load().(*preparedInvocation)
	if p.second != req.signed {
		p, err = prepareInvocation(ctx, l, req)
		if err != nil {
			fail(l, w, req, err)
			return
		}
	}
	signer := p.signer
	hash := sha256.Sum256(encoded)
	hash = sha256.Sum256([]byte(signer.head + strconv.Itoa(len(encoded)) + signer.tail + hex.EncodeToString(hash[:])))
	mac := hmac.New(sha256.New, signer.key)
	mac.Write([]byte(signer.stringToSign + hex.EncodeToString(hash[:])))
	invocation, _ := http.NewRequestWithContext(ctx, methodPost, p.target.url, bytes.NewReader(encoded))
	if p.protoMajor != 1 {
		invocation.GetBody = nil // see http1Hosts
	}
	invocation.Header = http.Header{
		"X-Amz-Date":           p.date,
		"X-Amz-Security-Token": p.token,
		"Authorization":        {signer.authorization + hex.EncodeToString(mac.Sum(nil))},
		"User-Agent":           userAgent,
	}
	resp, err := l.transport.RoundTrip(invocation)
	if err != nil {
		fail(l, w, req, noAnswer(ctx, req, err))
		return
	}
	req.answer = resp.Header
	if resp.ProtoMajor != p.protoMajor {
		learnProtocol(p, resp)
	}
	if resp.StatusCode != statusOK {
		fail(l, w, req, refusedCall(ctx, l, req, resp, p))
		return
	}

	// readReply
	var payload []byte
	if resp.ContentLength < 0 || resp.ContentLength > maxReplyBytes {
		payload, err = readUnsizedReply(resp)
	} else {
		payload = make([]byte, resp.ContentLength)
		_, err = io.ReadFull(resp.Body, payload)
		_ = resp.Body.Close() // nothing is left to be lost
	}
	if err != nil || resp.Header["X-Amz-Function-Error"] != nil {
		fail(l, w, req, noReply(ctx, l, req, resp, payload, err))
		return
	}

	// decodeReply and decodePlainReply, into what the client gets if nothing comes up
	header := w.Header()
	contentType, typed := header["Content-Type"]
	if contentType == nil { // as Traefik leaves it, lest Go's server guess one
		delete(header, "Content-Type")
	}
	if len(header) == 0 && len(payload) < minSplicedBody {
		object := &proxyReply{}
		err = json.Unmarshal(payload, object)
		number, _ := object.StatusCode.(float64)
		replyHeaders, _ := object.Headers.(map[string]any)
		body, _ := object.Body.(string)
		status := statuses[number]
		values := ""
		for name, v := range replyHeaders {
			canonical := canonicalNames[name]
			if canonical == "" {
				canonical = canonicalName(name)
			}
			var value string
			value, _ = v.(string)
			if value == "" {
				canonical = ""
			}
			header[canonical] = []string{value}
			values += value
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
		case strings.ContainsAny(values, controlCharacters):
		case r.Method == methodHead:
		default:
			// writeReply
			if header["Content-Type"] == nil {
				header["Content-Type"] = []string{l.format.contentType}
			}
			if id := resp.Header[requestIDHeader]; id != nil {
				header[requestIDHeader] = id
			}
			header["Content-Length"] = []string{strconv.Itoa(len(body))}
			if status != statusOK {
				w.WriteHeader(status)
			}
			_, _ = w.Write([]byte(body)) // fails only where the client has gone
			return
		}
		for name := range header {
			delete(header, name)
		}
	}
	if typed {
		header["Content-Type"] = contentType
	}
	writeDecoded(l, w, req, payload)
}

// servesFast says whether serveFast has all that the options ask for: it makes events of format 2.0,
// and calls Lambda once, for a whole reply.
func servesFast(l *Lambda) bool {
	return l.format.encode == nil && l.decode == nil && l.eventHeaders == nil &&
		l.plainCall && !l.streamed && l.maxConcurrency == 0
}

// writeDecoded answers with a reply that few functions make.
func writeDecoded(l *Lambda, w http.ResponseWriter, req *request, payload []byte) {
	reply, err := decodeReply(l, payload)
	if err != nil {
		fail(l, w, req, badReply(err))
		return
	}
	writeReply(l, w, req, reply)
}
