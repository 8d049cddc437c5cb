package attached

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// Context returns a context that ends when a user ends the program: with Ctrl-C, SIGTERM, or by closing the terminal,
// which is SIGHUP and ignored under nohup. stop gives the signals their usual meaning back.
func Context() (ctx context.Context, stop context.CancelFunc) {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	return signal.NotifyContext(context.Background(), signals...)
}
