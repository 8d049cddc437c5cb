// Package app is an ordinary web application in Go, the same as those of ../../../node: it tells what it sees of a
// request, or, below /reply/, answers with what an adapter has to carry back.
package app

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// Handler is the application.
func Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", report)
	mux.HandleFunc("GET /reply/cookies", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Add("Set-Cookie", "a=1; Path=/")
		w.Header().Add("Set-Cookie", "b=2; HttpOnly")
		answer(w, http.StatusOK, "text/plain", "two cookies")
	})
	mux.HandleFunc("GET /reply/binary", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, "image/png", "\x89P\x00\xff\n")
	})
	mux.HandleFunc("GET /reply/redirect", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "https://example.org/next?a=b%20c")
		answer(w, http.StatusFound, "text/plain", "")
	})
	mux.HandleFunc("GET /reply/nothing", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /reply/teapot", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusTeapot, "text/html; charset=utf-8", "<p>kännchen</p>")
	})
	return mux
}

func answer(w http.ResponseWriter, status int, contentType, body string) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body) // fails only where the client has gone
}

// report answers with what the application sees.
func report(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	headers := map[string]string{"host": r.Host}
	for name, values := range r.Header {
		separator := ", "
		if name == "Cookie" {
			separator = "; "
		}
		headers[strings.ToLower(name)] = strings.Join(values, separator)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{ // fails only where the client has gone
		"method":  r.Method,
		"path":    r.URL.EscapedPath(),
		"query":   pairs(r.URL.RawQuery),
		"headers": headers,
		"body":    body,
	})
}

// pairs returns the decoded parameters of a query in their order.
func pairs(rawQuery string) [][2]string {
	list := [][2]string{}
	for pair := range strings.SplitSeq(rawQuery, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, nameErr := url.QueryUnescape(name)
		value, valueErr := url.QueryUnescape(value)
		if pair != "" && nameErr == nil && valueErr == nil {
			list = append(list, [2]string{name, value})
		}
	}
	return list
}

// ServePlain serves the application over plain HTTP if the program's argument is "plain", on a free port of the
// loopback interface, which it prints, until its input ends. Otherwise it returns at once.
func ServePlain() {
	if len(os.Args) != 2 || os.Args[1] != "plain" {
		return
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // lives as long as the program
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	server := &http.Server{Handler: Handler(), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // ends with the process that has started it
		os.Exit(0)
	}()
	fmt.Fprintln(os.Stderr, server.Serve(listener))
	os.Exit(1)
}
