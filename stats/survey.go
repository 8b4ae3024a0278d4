package stats

import (
	"math"

	"github.com/assayhq/assay/stats/special"
)

// NPS are the answers to "would you recommend us?": promoters (9-10), passives and detractors (0-6).
type NPS struct{ Promoters, Passives, Detractors int64 }

// Merge adds the answers of another part of the same arm.
func (s NPS) Merge(o NPS) NPS {
	return NPS{s.Promoters + o.Promoters, s.Passives + o.Passives, s.Detractors + o.Detractors}
}

// N is the number of answers.
func (s NPS) N() int64 { return s.Promoters + s.Passives + s.Detractors }

// Score is 100 (p - d), the share of promoters less that of detractors, from -100 to 100; NaN without answers.
func (s NPS) Score() float64 { return 100 * float64(s.Promoters-s.Detractors) / float64(s.N()) }

// SE is 100·sqrt((p + d - (p - d)²)/n): an answer is worth -1, 0 or 1 (B. Rocks, American Statistician 70, 2016).
func (s NPS) SE() float64 {
	n := float64(s.N())
	p, d, neutral := float64(s.Promoters)/n, float64(s.Detractors)/n, float64(s.Passives)/n
	// p + d - (p - d)² = 4 p d + (p + d) passives, in which nothing cancels
	return 100 * math.Sqrt((4*p*d+(p+d)*neutral)/n)
}

// Sample is the score for a comparison under any rule. It takes one answer.
func (s NPS) Sample() (Sample, error) {
	switch {
	case s.Promoters < 0 || s.Passives < 0 || s.Detractors < 0 || s.N() < 0:
		return Sample{}, fail(InvalidInput, "the number of answers cannot be negative")
	case s.N() == 0:
		return Sample{}, fail(InsufficientData, "an arm has no answers yet")
	}
	return Sample{Mean: s.Score(), Variance: s.SE() * s.SE()}, nil
}

// Interval is the normal interval of the score at level 1 - alpha, S ∓ z SE (see CompareNPS). With fewer than some dozens of answers it is too
// short.
func (s NPS) Interval(alpha float64) (Range, error) {
	if err := checkLevel(alpha); err != nil {
		return Range{}, err
	}
	if _, err := s.Sample(); err != nil {
		return Range{}, err
	}
	half := -special.NormalQuantile(alpha/2) * s.SE()
	return Range{Low: s.Score() - half, High: s.Score() + half}, nil
}

// CompareNPS compares two scores by the z test of two means, an answer being worth 100, 0 or -100: z = (S_b - S_a)/√(SE_a² + SE_b²) with
// SE² = 100² (p + d - (p - d)²)/n and the shares p of promoters and d of detractors. It assumes independent answers, some dozens in each
// arm. (Satisfaction, CSAT, is a Proportion: satisfied of all answers.)
func CompareNPS(control, treatment NPS, t Test) (Effect, error) {
	a, errA := control.Sample()
	b, errB := treatment.Sample()
	if err := graver(errA, errB); err != nil {
		return Effect{}, err
	}
	return NewEffect("z test of net promoter scores", a, b, math.Inf(1), t)
}
