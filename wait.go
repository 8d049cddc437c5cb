package lambda

import (
	"context"
	"time"
)

// These stand for select statements. Yaegi keeps the channels of a select in one place for all
// goroutines that run it: what one request waits for, another may get.

// ended waits until done or ctx ends, and says whether it was done.
func ended(ctx, done context.Context) bool {
	first := make(chan bool, 2) // room for both: neither waits to be received
	stopDone := context.AfterFunc(done, func() { first <- true })
	stopCtx := context.AfterFunc(ctx, func() { first <- true })
	<-first
	stopDone()
	stopCtx()
	return done.Err() != nil
}

// pause waits, and says whether ctx has time left.
func pause(ctx context.Context, d time.Duration) bool {
	waiting, cancel := context.WithTimeout(ctx, d)
	<-waiting.Done()
	cancel()
	return ctx.Err() == nil
}
