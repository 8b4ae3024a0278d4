package stats

import "math"

// PostStratifySteady is PostStratifySums for strata in which an arm may have few units, as the periods of an experiment have whose weights
// change: an arm of a stratum has at least the variance within both arms of it together,
//
//	V = max(s², s_p²) / n, s_p² = (M2_control + M2_treatment) / (n_control + n_treatment - 2)
//
// Twenty units of which nobody converted have no variance of their own, and a stratum of them would count as if it were known exactly: with
// weights that follow the results that takes the false alarms of a confidence sequence from 0.3 to 5 % (CALIBRATION.md, the bandit).
// Where the arms' variances are alike nothing changes; else the interval is wider, never narrower. VarianceReduction may be below 0.
func PostStratifySteady(strata []StratumSums, t Test) (StratifiedEffect, error) {
	return postStratify(strata, t, Stratum.steady)
}

func (s Stratum) steady() Stratum {
	free := s.Control.N + s.Treatment.N - 2
	if free < 1 {
		return s
	}
	both := (s.Control.M2 + s.Treatment.M2) / float64(free)
	s.Control.M2 = math.Max(s.Control.M2, both*float64(s.Control.N-1))
	s.Treatment.M2 = math.Max(s.Treatment.M2, both*float64(s.Treatment.N-1))
	return s
}
