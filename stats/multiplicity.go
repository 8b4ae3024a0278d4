package stats

import (
	"math"
	"slices"
)

// Correction names a correction of p values for the number of comparisons. Its text is a stable name.
type Correction string

// The corrections. All but BenjaminiHochberg and BenjaminiYekutieli hold the probability of any false alarm in the family.
const (
	NoCorrection       Correction = "none"
	Bonferroni         Correction = "bonferroni"          // m p
	Holm               Correction = "holm"                // S. Holm, Scand. J. Stat. 6, 1979: always better than Bonferroni, no assumption
	Hochberg           Correction = "hochberg"            // Y. Hochberg, Biometrika 75, 1988: for independent or positively dependent p
	Hommel             Correction = "hommel"              // G. Hommel, Biometrika 75, 1988: as Hochberg, slightly better
	BenjaminiHochberg  Correction = "benjamini_hochberg"  // JRSS B 57, 1995: holds the share of false alarms among the alarms
	BenjaminiYekutieli Correction = "benjamini_yekutieli" // Ann. Stat. 29, 2001: the same under any dependence
)

// Adjust is the adjusted p value of each, in the order given: compared with alpha, it decides as the correction does. With the k-th smallest p of m
// it is m·p (Bonferroni), the largest (m-j+1)·p_j of j <= k (Holm, Scand. J. Stat. 6, 1979), the smallest (m-j+1)·p_j of j >= k (Hochberg,
// Biometrika 75, 1988), or the smallest m·p_j/j of j >= k (Benjamini and Hochberg, JRSS B 57, 1995; times Σ1/i for Benjamini and Yekutieli, Ann.
// Stat. 29, 2001). Bonferroni, Holm and Benjamini-Yekutieli hold under any dependence, the others when the p values are independent or positively
// dependent. The family is what is passed in: a comparison that was made and has no p (no data) belongs to it as 1, so that it is counted. No p
// values give none.
func Adjust(c Correction, p []float64) ([]float64, error) {
	for i, v := range p {
		if !(v >= 0 && v <= 1) {
			return nil, fail(InvalidInput, "p value %d is %v; it must lie between 0 and 1", i+1, v)
		}
	}
	order, m := ascending(p), float64(len(p))
	switch c {
	case NoCorrection:
		return slices.Clone(p), nil
	case Bonferroni:
		return stepwise(p, order, false, func(int) float64 { return 0 }, func(int) float64 { return m }), nil
	case Holm:
		return stepwise(p, order, true, nil, func(k int) float64 { return m - float64(k) }), nil
	case Hochberg:
		return stepwise(p, order, false, nil, func(k int) float64 { return m - float64(k) }), nil
	case Hommel:
		return hommel(p, order), nil
	case BenjaminiHochberg:
		return stepwise(p, order, false, nil, func(k int) float64 { return m / float64(k+1) }), nil
	case BenjaminiYekutieli:
		harmonic := 0.0
		for k := range p {
			harmonic += 1 / float64(k+1)
		}
		return stepwise(p, order, false, nil, func(k int) float64 { return harmonic * m / float64(k+1) }), nil
	}
	return nil, fail(InvalidInput, "%q is no correction; there are none, bonferroni, holm, hochberg, hommel, benjamini_hochberg and benjamini_yekutieli", c)
}

// ascending is the order of the p values, ties by position.
func ascending(p []float64) []int {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case p[a] < p[b]:
			return -1
		case p[a] > p[b]:
			return 1
		}
		return 0
	})
	return order
}

// stepwise multiplies the k-th smallest p (k from 0) by a factor and keeps the order: upwards by the running maximum, downwards by the
// running minimum. alone is not nil where there is nothing to keep, because the factor is the same for all.
func stepwise(p []float64, order []int, upwards bool, alone, factor func(k int) float64) []float64 {
	out := make([]float64, len(p))
	if alone != nil {
		for k, i := range order {
			out[i] = math.Min(1, factor(k)*p[i])
		}
		return out
	}
	if upwards {
		most := 0.0
		for k, i := range order {
			most = math.Max(most, math.Min(1, factor(k)*p[i]))
			out[i] = most
		}
		return out
	}
	least := 1.0
	for k, i := range slices.Backward(order) {
		least = math.Min(least, factor(k)*p[i])
		out[i] = least
	}
	return out
}

// hommel is S. P. Wright's algorithm (Adjusted p-values for simultaneous inference, Biometrics 48, 1992).
func hommel(p []float64, order []int) []float64 {
	n := len(p)
	sorted := make([]float64, n)
	for k, i := range order {
		sorted[k] = p[i]
	}
	least := math.Inf(1)
	for k, v := range sorted {
		least = math.Min(least, float64(n)*v/float64(k+1))
	}
	q, adjusted := make([]float64, n), make([]float64, n)
	for k := range adjusted {
		adjusted[k] = least
	}
	for m := n - 1; m >= 2; m-- {
		first := n - m // the last index of those that get m·p
		c := math.Inf(1)
		for j := 2; j <= m; j++ {
			c = math.Min(c, float64(m)*sorted[first+j-1]/float64(j))
		}
		for k := range q {
			if k <= first {
				q[k] = math.Min(float64(m)*sorted[k], c)
			} else {
				q[k] = q[first]
			}
			adjusted[k] = math.Max(adjusted[k], q[k])
		}
	}
	out := make([]float64, n)
	for k, i := range order {
		out[i] = math.Min(1, math.Max(adjusted[k], sorted[k]))
	}
	return out
}

// Levels are the error probabilities at which each comparison's interval has to be made so that it leaves out 0 exactly when the
// correction rejects: alpha/m for Bonferroni, alpha/(m-k) for Holm (the level at which the k-th smallest p was tested, k from 0; what is not
// rejected shares the level of the first that was not), R·alpha/m for BenjaminiHochberg with R rejections (the false coverage rate of Y.
// Benjamini and D. Yekutieli, JASA 100, 2005). Only Bonferroni's intervals hold jointly with probability 1 - alpha; say so beside the
// others. Corrections that reject by more than one p value at once (Hochberg, Hommel) have no such levels.
func Levels(c Correction, p []float64, alpha float64) ([]float64, error) {
	if err := checkLevel(alpha); err != nil {
		return nil, err
	}
	adjusted, err := Adjust(c, p)
	if err != nil {
		return nil, err
	}
	out, m, rejected := make([]float64, len(p)), float64(len(p)), 0
	for _, v := range adjusted {
		if v < alpha {
			rejected++
		}
	}
	for k, i := range ascending(p) {
		switch c {
		case NoCorrection:
			out[i] = alpha
		case Bonferroni:
			out[i] = alpha / m
		case Holm:
			out[i] = alpha / (m - float64(min(k, rejected)))
		case BenjaminiHochberg:
			out[i] = alpha * math.Max(1, float64(rejected)) / m
		case BenjaminiYekutieli, Hochberg, Hommel:
			return nil, fail(InvalidInput, "intervals that agree with the correction %s do not exist; use bonferroni, holm or benjamini_hochberg", c)
		}
	}
	return out, nil
}

// WeightedLevels shares alpha among comparisons by weights, α w/Σw, so that the primary metric can be given most of it (a weighted Bonferroni
// correction, whose intervals hold jointly; Y. Hochberg and A. C. Tamhane, Multiple Comparison Procedures, 1987).
func WeightedLevels(weights []float64, alpha float64) ([]float64, error) {
	if err := checkLevel(alpha); err != nil {
		return nil, err
	}
	sum := 0.0
	for _, w := range weights {
		if !(w > 0) || math.IsInf(w, 1) {
			return nil, fail(InvalidInput, "the weight of a comparison must be more than 0, not %v", w)
		}
		sum += w
	}
	out := make([]float64, len(weights))
	for i, w := range weights {
		out[i] = alpha * (w / sum)
	}
	return out, nil
}

// EBH is the Benjamini-Hochberg procedure for e-values, which are given as logarithms (R. Wang and A. Ramdas, False discovery rate control
// with e-values, JRSS B 84, 2022). It holds the share of false alarms among the alarms under any dependence, and at any time when the
// e-values are those of always-valid rules (Rule.LnE). The answer is what has to be compared with alpha: the smallest m/(k·e) over the
// k-th largest e and those below it, at most 1.
func EBH(lnE []float64) ([]float64, error) {
	for i, v := range lnE {
		if math.IsNaN(v) {
			return nil, fail(InvalidInput, "e-value %d is no number", i+1)
		}
	}
	p := make([]float64, len(lnE))
	for i, v := range lnE {
		p[i] = math.Exp(-v)
	}
	order, m := ascending(p), float64(len(p))
	return stepwise(p, order, false, nil, func(k int) float64 { return m / float64(k+1) }), nil
}
