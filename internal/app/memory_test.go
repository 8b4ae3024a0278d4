package app

import (
	"context"
	"runtime/debug"
	"testing"
)

// The wanted figures follow from the rule: 64 MiB of garbage, yet never less than 20 % nor more than 100 % of what is in use.
func TestSparePercent(t *testing.T) {
	for inUse, want := range map[uint64]int{0: 100, 10 << 20: 100, 64 << 20: 100, 128 << 20: 50, 256 << 20: 25, 320 << 20: 20, 10 << 30: 20} {
		if got := sparePercent(inUse); got != want {
			t.Errorf("%d bytes in use may have %d %% of garbage, not %d %%", inUse, got, want)
		}
	}
}

func TestThriftLeavesTheRuntimeAsItWas(t *testing.T) {
	before := debug.SetGCPercent(73)
	defer debug.SetGCPercent(before)
	for _, name := range []string{"GOGC", "GOMEMLIMIT"} {
		_, stop := thrift(context.Background(), func(key string) string {
			if key == name {
				return "200"
			}
			return ""
		})
		if got := debug.SetGCPercent(73); got != 73 {
			t.Errorf("with %s set the percentage became %d", name, got)
		}
		stop()
	}
	trim, stop := thrift(context.Background(), func(string) string { return "" })
	if got := debug.SetGCPercent(spareMost); got != spareMost {
		t.Errorf("an empty server has %d %%", got)
	}
	trim()
	stop()
	if got := debug.SetGCPercent(73); got != 73 {
		t.Errorf("afterwards the percentage is %d", got)
	}
}
