package analysis_test

import (
	"testing"

	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/internal/analysis"
)

// One analysis of 100,000 units and two metrics from the units table to the verdict, by method.
func BenchmarkAnalyze(b *testing.B) {
	w := world{units: []int{50_000, 50_000}, primary: []float64{0.10, 0.104}, guardrail: []float64{0.02, 0.021}}
	for name, a := range map[string]experiment.Analysis{
		"fixed": {Method: experiment.Fixed}, "confidence sequence": {}, "group sequential": {Method: experiment.GroupSequential, PlannedUnits: 200_000, Looks: 14},
	} {
		b.Run(name, func(b *testing.B) {
			in := w.under(a)
			if a.Method == experiment.GroupSequential {
				for i := range 9 {
					in.Experiment.Readings = append(in.Experiment.Readings, experiment.Reading{Look: i + 1, Planned: i + 1, Fraction: float64(i+1) / 14, Position: 1, Units: []int64{1, 1}})
				}
				in.Look = &analysis.NewLook{Planned: 10, Fraction: 10.0 / 14}
			}
			b.ReportAllocs()
			for b.Loop() {
				analysis.Analyze(in)
			}
		})
	}
}
