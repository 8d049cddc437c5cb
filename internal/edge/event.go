package edge

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"unicode/utf8"
)

// The event of a hook, with its members in AWS's own order:
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/lambda-event-structure.html
type event struct {
	Records []eventRecord `json:"Records"`
}

type eventRecord struct {
	CF eventCF `json:"cf"`
}

type eventCF struct {
	Config   eventConfig    `json:"config"`
	Request  eventRequest   `json:"request"`
	Response *eventResponse `json:"response,omitempty"`
}

type eventConfig struct {
	DistributionDomainName string `json:"distributionDomainName"`
	DistributionID         string `json:"distributionId"`
	EventType              string `json:"eventType"`
	RequestID              string `json:"requestId"`
}

type eventRequest struct {
	Body        *eventBody      `json:"body,omitempty"`
	ClientIP    string          `json:"clientIp"`
	Headers     json.RawMessage `json:"headers"`
	Method      string          `json:"method"`
	Origin      *eventOrigin    `json:"origin,omitempty"`
	QueryString string          `json:"querystring"`
	URI         string          `json:"uri"`
}

type eventBody struct {
	Action         string `json:"action"`
	Data           string `json:"data"`
	Encoding       string `json:"encoding"`
	InputTruncated bool   `json:"inputTruncated"`
}

type eventResponse struct {
	Headers           json.RawMessage `json:"headers"`
	Status            string          `json:"status"`
	StatusDescription string          `json:"statusDescription"`
}

// newEvent makes the event of a request. fields are its headers.
func (c *call) newEvent(r *http.Request, fields headerFields) (*event, error) {
	headers, err := encodeHeaders(fields)
	if err != nil {
		return nil, err
	}
	request := eventRequest{
		ClientIP:    c.edge.core.ClientIP(r),
		Headers:     headers,
		Method:      r.Method,
		QueryString: asUTF8(r.URL.RawQuery),
		URI:         asUTF8(rawPath(r.URL)),
	}
	if c.hook.atOrigin {
		block, err := encodeOrigin(c.origin)
		if err != nil {
			return nil, err
		}
		request.Origin = block
	}
	config := eventConfig{
		DistributionDomainName: c.domainName,
		DistributionID:         c.edge.distributionID,
		EventType:              c.hook.eventType,
		RequestID:              c.notes.EdgeRequestID,
	}
	return &event{Records: []eventRecord{{CF: eventCF{Config: config, Request: request}}}}, nil
}

// newResponse makes the part of an event that shows a response.
func newResponse(status int, fields headerFields) (*eventResponse, error) {
	headers, err := encodeHeaders(fields)
	if err != nil {
		return nil, err
	}
	return &eventResponse{
		Headers: headers, Status: strconv.Itoa(status), StatusDescription: http.StatusText(status),
	}, nil
}

// rawPath returns the path as it was received, in its own percent-encoding.
func rawPath(u *url.URL) string {
	if u.RawPath != "" {
		if path, err := url.PathUnescape(u.RawPath); err == nil && path == u.Path {
			return u.RawPath
		}
	}
	return u.EscapedPath()
}

// asUTF8 reads text that is not UTF-8 as ISO-8859-1, as CloudFront does.
func asUTF8(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	converted := make([]rune, len(text))
	for i, b := range []byte(text) {
		converted[i] = rune(b)
	}
	return string(converted)
}

// readBody reads as much of a request's body as the hook may see. It returns the request with its whole body.
func (c *call) readBody(r *http.Request) (*http.Request, *eventBody, error) {
	shown := &eventBody{Action: actionReadOnly, Data: "", Encoding: encodingBase64, InputTruncated: false}
	if r.Body == nil || r.Body == http.NoBody {
		return r, shown, nil
	}
	limit := c.hook.maxBody
	read, err := io.ReadAll(io.LimitReader(r.Body, int64(limit)+1))
	if err != nil {
		return r, nil, err
	}
	whole := r.WithContext(r.Context()) // a copy: the caller's must not change
	if len(read) > limit {
		shown.InputTruncated = true
		shown.Data = base64.StdEncoding.EncodeToString(read[:limit])
		whole.Body = joined(read, r.Body)
		return whole, shown, nil
	}
	shown.Data = base64.StdEncoding.EncodeToString(read)
	whole.Body = body(read)
	return whole, shown, nil
}
