// Package wait stands for select statements. Yaegi keeps the channels of a select in one place for all goroutines that
// run it: what one request waits for, another may get.
package wait

import (
	"context"
	"time"
)

// For waits until done or ctx ends, and reports whether done has ended.
func For(ctx, done context.Context) bool {
	first := make(chan bool, 2) // room for both, so that neither waits to be received
	stopDone := context.AfterFunc(done, func() { first <- true })
	stopCtx := context.AfterFunc(ctx, func() { first <- true })
	<-first
	stopDone()
	stopCtx()
	return done.Err() != nil
}

// Pause waits for d or until ctx ends, and reports whether ctx goes on.
func Pause(ctx context.Context, d time.Duration) bool {
	waiting, cancel := context.WithTimeout(ctx, d)
	<-waiting.Done()
	cancel()
	return ctx.Err() == nil
}
