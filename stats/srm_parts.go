package stats

import (
	"math"

	"github.com/assayhq/assay/stats/special"
)

// SRMPart is the units per arm of one part of an experiment (a day, a country, a period with its own shares) with the shares planned there.
type SRMPart struct {
	Observed []int64
	Shares   []float64
}

// SRMByPart is the sample ratio in every part and in all of them.
type SRMByPart struct {
	// Parts are the tests of each part; a part without units has P = 1 and DF = 0.
	Parts []SRM
	// Holm are their p values, corrected for the number of parts: which days or countries are off.
	Holm []float64
	// ChiSquare, DF and P are the stratified test: the sums over parts. It is the one to use when the planned shares changed, because units of
	// both periods pooled against either plan would be off without any fault.
	ChiSquare float64
	DF        int
	P         float64
	// Deviation is the largest |observed - expected| / expected of an arm over all parts together: how much it matters.
	Deviation float64
}

// SampleRatioByPart tests the sample ratio by day, by dimension or by period of planned shares: SampleShares in every part, corrected by Holm,
// and the sum of their statistics, which is chi-square with the sum of their degrees of freedom because parts have different units. Every part
// has the same arms.
func SampleRatioByPart(parts []SRMPart) (SRMByPart, error) {
	out := SRMByPart{Parts: make([]SRM, len(parts))}
	p := make([]float64, len(parts))
	sums := armSums{}
	for i, part := range parts {
		if len(part.Observed) != len(parts[0].Observed) {
			return SRMByPart{}, fail(InvalidInput, "part %d has %d arms, the first has %d", i+1, len(part.Observed), len(parts[0].Observed))
		}
		test, err := SampleShares(part.Observed, part.Shares)
		if failure, ok := err.(*Error); ok && failure.Kind == InsufficientData { //nolint:errorlint // made by this package, never wrapped
			p[i], out.Parts[i] = 1, SRM{P: 1}
			continue
		}
		if err != nil {
			return SRMByPart{}, err
		}
		p[i], out.Parts[i] = test.P, test
		out.ChiSquare, out.DF = out.ChiSquare+test.ChiSquare, out.DF+test.DF
		sums.add(part.Observed, test.Expected)
	}
	if out.DF == 0 {
		return SRMByPart{}, fail(InsufficientData, "there are no units yet")
	}
	out.Deviation = sums.deviation()
	out.P = math.Min(1, special.ChiSquareSurvival(out.ChiSquare, float64(out.DF)))
	adjusted, err := Adjust(Holm, p)
	out.Holm = adjusted
	return out, err
}

// armSums are observed and expected units per arm over all parts.
type armSums struct{ observed, expected []float64 }

func (s *armSums) add(observed []int64, expected []float64) {
	if s.observed == nil {
		s.observed, s.expected = make([]float64, len(observed)), make([]float64, len(observed))
	}
	for k := range observed {
		s.observed[k] += float64(observed[k])
		s.expected[k] += expected[k]
	}
}

func (s *armSums) deviation() float64 {
	most := 0.0
	for k, expected := range s.expected {
		if expected > 0 {
			most = math.Max(most, math.Abs(s.observed[k]-expected)/expected)
		}
	}
	return most
}

// SRMPeriod is a time with fixed planned shares: cumulative units per arm since its start, one list per look.
type SRMPeriod struct {
	Looks  [][]int64
	Shares []float64
}

// SampleRatioPeriods is SampleRatioSequence through changes of the planned shares: each period starts with a fresh prior, and the evidence of
// the periods adds up. The looks of all periods follow each other in the answer.
func SampleRatioPeriods(periods []SRMPeriod, concentration float64) (SequentialSRM, error) {
	out, before, least := SequentialSRM{}, 0.0, 1.0
	for _, period := range periods {
		s, err := SampleRatioSequence(period.Looks, period.Shares, concentration)
		if err != nil {
			return SequentialSRM{}, err
		}
		for _, ln := range s.LnBayesFactor {
			least = math.Min(least, math.Exp(-(before + ln)))
			out.LnBayesFactor, out.P = append(out.LnBayesFactor, before+ln), append(out.P, least)
		}
		if len(s.LnBayesFactor) > 0 {
			before += s.LnBayesFactor[len(s.LnBayesFactor)-1]
		}
	}
	return out, nil
}
