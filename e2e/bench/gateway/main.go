// Gateway is what the plugin is compared with: a compiled HTTP server that hands its requests to Lambda functions with
// AWS's own SDK and event types, as a team would write it in an afternoon. The first segment of the path names the
// function; region, credentials, endpoint and certificates come from the SDK's own environment variables.
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/google/uuid"

	"github.com/seed05e46011/lambda/e2e/bench/child"
)

func main() {
	l, err := child.Listener(0)
	if err != nil {
		log.Fatal(err)
	}
	g, err := newGateway(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Handler: g, ReadHeaderTimeout: time.Minute}
	go func() { log.Fatal(server.Serve(l)) }()
	child.Wait()
}

type gateway struct {
	client *lambda.Client
}

func newGateway(ctx context.Context) (*gateway, error) {
	// The SDK keeps ten connections to a host by default: with more calls than that at a time, most would pay for a new
	// connection each.
	client := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConns = 1000
		t.MaxIdleConnsPerHost = 1000
	})
	cfg, err := config.LoadDefaultConfig(ctx, config.WithHTTPClient(client))
	if err != nil {
		return nil, fmt.Errorf("load the SDK's configuration: %w", err)
	}
	return &gateway{client: lambda.NewFromConfig(cfg)}, nil
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	reply, err := g.invoke(r)
	if err != nil {
		log.Print(err)
		http.Error(w, http.StatusText(http.StatusBadGateway), http.StatusBadGateway)
		return
	}
	if err := write(w, reply); err != nil {
		log.Print(err)
	}
}

func (g *gateway) invoke(r *http.Request) (*events.APIGatewayV2HTTPResponse, error) {
	event, err := newEvent(r)
	if err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(event)
	if err != nil {
		return nil, fmt.Errorf("encode the event: %w", err)
	}
	function, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	out, err := g.client.Invoke(r.Context(), &lambda.InvokeInput{FunctionName: &function, Payload: encoded})
	if err != nil {
		return nil, fmt.Errorf("invoke %s: %w", function, err)
	}
	if out.FunctionError != nil {
		return nil, fmt.Errorf("invoke %s: the function failed: %s", function, *out.FunctionError)
	}
	reply := &events.APIGatewayV2HTTPResponse{}
	if err := json.Unmarshal(out.Payload, reply); err != nil {
		return nil, fmt.Errorf("decode the reply: %w", err)
	}
	return reply, nil
}

func newEvent(r *http.Request) (*events.APIGatewayV2HTTPRequest, error) {
	body, err := readBody(r)
	if err != nil {
		return nil, fmt.Errorf("read the body: %w", err)
	}
	now := time.Now().UTC()
	ip, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return nil, fmt.Errorf("read the client's address: %w", err)
	}
	event := &events.APIGatewayV2HTTPRequest{
		Version:               "2.0",
		RouteKey:              "$default",
		RawPath:               r.URL.Path,
		RawQueryString:        r.URL.RawQuery,
		Headers:               joined(r.Header, strings.ToLower),
		QueryStringParameters: joined(r.URL.Query(), strings.Clone),
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			RouteKey:   "$default",
			Stage:      "$default",
			RequestID:  uuid.NewString(),
			APIID:      "gateway",
			DomainName: r.Host,
			Time:       now.Format("02/Jan/2006:15:04:05 -0700"),
			TimeEpoch:  now.UnixMilli(),
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{
				Method:    r.Method,
				Path:      r.URL.Path,
				Protocol:  r.Proto,
				SourceIP:  ip,
				UserAgent: r.UserAgent(),
			},
		},
	}
	event.Headers["host"] = r.Host
	if cookie := r.Header.Get("Cookie"); cookie != "" {
		event.Cookies = strings.Split(cookie, "; ")
	}
	event.Body = string(body)
	if event.IsBase64Encoded = !utf8.Valid(body); event.IsBase64Encoded {
		event.Body = base64.StdEncoding.EncodeToString(body)
	}
	return event, nil
}

func readBody(r *http.Request) ([]byte, error) {
	if r.ContentLength < 0 {
		return io.ReadAll(r.Body)
	}
	body := make([]byte, r.ContentLength)
	_, err := io.ReadFull(r.Body, body)
	return body, err
}

func joined(values map[string][]string, name func(string) string) map[string]string {
	all := make(map[string]string, len(values)+1)
	for key, list := range values {
		all[name(key)] = strings.Join(list, ",")
	}
	return all
}

func write(w http.ResponseWriter, reply *events.APIGatewayV2HTTPResponse) error {
	body := []byte(reply.Body)
	if reply.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(reply.Body); err != nil {
			http.Error(w, http.StatusText(http.StatusBadGateway), http.StatusBadGateway)
			return fmt.Errorf("decode the reply's body: %w", err)
		}
	}
	for name, value := range reply.Headers {
		w.Header().Set(name, value)
	}
	for _, cookie := range reply.Cookies {
		w.Header().Add("Set-Cookie", cookie)
	}
	w.WriteHeader(reply.StatusCode)
	_, _ = w.Write(body) //nolint:gosec // The function's reply is the answer. It fails only where the client has gone.
	return nil
}
