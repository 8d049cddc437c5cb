// Package wait stands for select statements. Yaegi keeps the channels of a select in one place for
// all goroutines that run it: what one request waits for, another may get.
package wait

import (
	"context"
	"time"
)

// Ended waits until done or ctx ends, and reports whether it was done.
func Ended(ctx, done context.Context) bool {
	first := make(chan bool, 2) // room for both: neither waits to be received
	stopDone := context.AfterFunc(done, func() { first <- true })
	stopCtx := context.AfterFunc(ctx, func() { first <- true })
	<-first
	stopDone()
	stopCtx()
	return done.Err() != nil
}

// Pause waits for d, and reports whether ctx has time left.
func Pause(ctx context.Context, d time.Duration) bool {
	waiting, cancel := context.WithTimeout(ctx, d)
	<-waiting.Done()
	cancel()
	return ctx.Err() == nil
}
