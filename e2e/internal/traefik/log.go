package traefik

import (
	"bytes"
	"io"
	"strings"
	"sync"
)

// logBuffer keeps all that Traefik writes.
type logBuffer struct {
	copyTo io.Writer

	mu      sync.Mutex
	content bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.copyTo != nil {
		if _, err := b.copyTo.Write(p); err != nil {
			return 0, err
		}
	}
	return b.content.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.content.String()
}

func (b *logBuffer) lineWith(want string) (string, bool) {
	for line := range strings.Lines(b.String()) {
		if strings.Contains(line, want) {
			return line, true
		}
	}
	return "", false
}
