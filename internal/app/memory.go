package app

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

// The read models live as long as the server, so a large heap is nearly all in use: letting it double before it is looked
// through, as the runtime does, would take twice the memory for nothing. Garbage may take spareBytes, or spareLeast percent of
// what is in use if that is more; a small heap may double as ever.
const (
	spareBytes = 64 << 20
	spareLeast = 20
	spareMost  = 100
)

// sparePercent is how much garbage may gather before the heap is looked through, in percent of what is in use.
func sparePercent(inUse uint64) int {
	if inUse == 0 {
		return spareMost
	}
	return int(min(max(spareBytes*100/inUse, spareLeast), spareMost))
}

// thrift keeps the memory of the process near what is in use, from when trim is called, which gives back what the start has
// left, until stop is. The start itself makes much garbage in a growing heap, so thrift would make it take several times as long. Whoever sets GOGC or GOMEMLIMIT decides himself, and nothing is done.
func thrift(ctx context.Context, getenv func(string) string) (trim, stop func()) {
	if getenv("GOGC") != "" || getenv("GOMEMLIMIT") != "" {
		return func() {}, func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	percent := spareMost
	before := debug.SetGCPercent(percent)
	started := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		select {
		case <-ctx.Done():
			return
		case <-started:
		}
		debug.FreeOSMemory()
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			metrics.Read(sample)
			if next := sparePercent(sample[0].Value.Uint64()); next != percent {
				percent = next
				debug.SetGCPercent(percent)
			}
		}
	})
	return sync.OnceFunc(func() { close(started) }), func() {
		cancel()
		done.Wait()
		debug.SetGCPercent(before)
	}
}
