package stats

import (
	"math"

	"github.com/assayhq/assay/stats/special"
)

// Alternative is what a test looks for.
type Alternative uint8

// The alternatives. The zero value is the default of every comparison.
const (
	TwoSided Alternative = iota // the treatment differs
	Greater                     // the treatment is above Null
	Less                        // the treatment is below Null
)

// directed turns a statistic so that large values speak against the null hypothesis.
func (a Alternative) directed(statistic float64) float64 {
	switch a {
	case Greater:
		return statistic
	case Less:
		return -statistic
	default:
		return math.Abs(statistic)
	}
}

// bounds opens the end of an interval that a one-sided test says nothing about.
func (a Alternative) bounds(low, high float64) (float64, float64) {
	switch a {
	case Greater:
		return low, math.Inf(1)
	case Less:
		return math.Inf(-1), high
	default:
		return low, high
	}
}

// Test is a fixed-horizon test: its error probability, what it looks for and the difference it tests against. The zero Alternative
// and Null ask whether there is a difference at all. Other rules judge what it made afterwards, by Effect.Under.
type Test struct {
	Alpha       float64
	Alternative Alternative
	Null        float64
}

func (t Test) check() error {
	if t.Alternative > Less || !finite(t.Null) {
		return fail(InvalidInput, "the test's alternative is not known or its null difference %v is no number", t.Null)
	}
	return checkLevel(t.Alpha)
}

// critical is the value that the directed statistic has to exceed, taken in the small tail so that it is right for any alpha: a
// quantile of Student's distribution with df degrees of freedom, of the normal when df is +Inf.
func (t Test) critical(df float64) float64 {
	tail := t.Alpha
	if t.Alternative == TwoSided {
		tail /= 2
	}
	if math.IsInf(df, 1) {
		return -special.NormalQuantile(tail)
	}
	return -special.StudentQuantile(tail, df)
}

// p of a directed statistic and its logarithm.
func (t Test) p(directed, df float64) (p, lnP float64) {
	if math.IsInf(df, 1) {
		p, lnP = special.NormalSurvival(directed), special.LogNormalSurvival(directed)
	} else {
		p, lnP = special.StudentSurvival(directed, df), special.LogStudentSurvival(directed, df)
	}
	if t.Alternative == TwoSided {
		p, lnP = 2*p, lnP+math.Ln2
	}
	return math.Min(1, p), math.Min(0, lnP)
}
