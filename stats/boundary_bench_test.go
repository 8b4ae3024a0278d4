package stats_test

import (
	"testing"

	"github.com/assayhq/assay/stats"
)

func equalLooks(k int) []float64 {
	out := make([]float64, k)
	for i := range out {
		out[i] = float64(i+1) / float64(k)
	}
	return out
}

func BenchmarkSpendingBoundary30Looks(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := stats.SpendingBoundary(stats.Spending{Kind: stats.OBrienFlemingSpending}, equalLooks(30), 0.05, false); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSpendingBoundary5Looks(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := stats.SpendingBoundary(stats.Spending{Kind: stats.OBrienFlemingSpending}, equalLooks(5), 0.05, false); err != nil {
			b.Fatal(err)
		}
	}
}
