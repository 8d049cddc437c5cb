// Package fixture is a plugin that answers every request with its own option.
package fixture

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
)

// Config holds the answer.
type Config struct{ Answer string }

// CreateConfig returns the empty configuration.
func CreateConfig() *Config { return &Config{} }

// New fails without an answer.
func New(_ context.Context, _ http.Handler, config *Config, _ string) (http.Handler, error) {
	if config.Answer == "" {
		return nil, errors.New("answer: must not be empty")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Environment", os.Getenv("FIXTURE")+os.Getenv("AWS_PROFILE"))
		_, _ = io.WriteString(w, config.Answer)
	}), nil
}
