package stats

import "math"

// MetricKind is how a metric of a design is measured. Its text is a stable name.
type MetricKind string

// The kinds.
const (
	RateMetric  MetricKind = "rate"  // a share of units; Baseline is the rate, SD is not used
	MeanMetric  MetricKind = "mean"  // a value per unit; Baseline is the mean, SD that of a unit
	RatioMetric MetricKind = "ratio" // Σx/Σy; Baseline is the ratio R, SD that of (x - R y)/ȳ over units (the delta method's residual)
)

// Question is what a design has to answer.
type Question struct {
	Kind         MetricKind
	Baseline, SD float64
	// Effect is the smallest effect that should be found: absolute, or a share of |Baseline| when Relative. With a Margin it is the true
	// effect assumed, usually 0.
	Effect   float64
	Relative bool
	// Margin, more than 0, asks for non-inferiority in place of a difference, one-sided: what the treatment may be worse by, on the scale of
	// Effect. LowerIsBetter says which side is worse.
	Margin        float64
	LowerIsBetter bool
	// Alpha and Power, for instance 0.05 and 0.8. Alpha is two-sided without a margin.
	Alpha, Power float64
	// Shares are the planned shares of the arms, control first. Each other arm is compared with control.
	Shares []float64
	// Comparisons is by how many comparisons Alpha is divided (metrics × treatment arms); 0 counts the treatment arms alone.
	Comparisons int
	// VarianceExplained is the squared correlation with a covariate of CUPED: the sample is multiplied by 1 - VarianceExplained.
	VarianceExplained float64
	// DesignEffect is 1 + (cluster size - 1)·ICC when units come in clusters; 0 is 1.
	DesignEffect float64
	// Inflation is the factor of a sequential design (Boundary.Inflation, SequenceInflation); 0 is 1.
	Inflation float64
}

// Design answers a Question.
type Design struct {
	// Formula names what the sample was computed by.
	Formula string
	// Arms are the whole units per arm, control first; Total is their sum.
	Arms  []int64
	Total int64
	// Alpha is the level of one comparison after the correction, Inflation the factor of the sequential design, Factor that of all
	// adjustments together.
	Alpha, Inflation, Factor float64
}

// mostUnits is the largest sample that is an answer.
const mostUnits = 1e15

// Size is how many units each arm needs, by the formula that Design names: SizeForRates, SizeForMeans' normal formula, or (z_{1-α} + z_power)² (σ_a²
// + σ_b²/κ)/(δ + margin)², times all factors. The arm that needs the largest experiment decides.
func (q Question) Size() (Design, error) {
	if err := q.check(); err != nil {
		return Design{}, err
	}
	out := Design{Formula: q.formula(), Alpha: q.alpha(), Inflation: orUnit(q.Inflation), Factor: q.factor()}
	total := 0.0
	for _, share := range q.Shares[1:] {
		n, err := q.controlUnits(share / q.Shares[0])
		if err != nil {
			return Design{}, err
		}
		total = math.Max(total, n/q.Shares[0])
	}
	total *= out.Factor
	if !(total < mostUnits) {
		return Design{}, fail(NotAttainable, "no sample is large enough to find so small an effect")
	}
	for _, share := range q.Shares {
		units := int64(math.Max(2, math.Ceil(total*share*(1-1e-14))))
		out.Arms = append(out.Arms, units)
		out.Total += units
	}
	return out, nil
}

// Detectable is the smallest effect that total units find with the power asked for, on the scale of Effect (the true effect at which
// non-inferiority is shown, when there is a margin), in the arm that finds least. Effect itself is not used.
func (q Question) Detectable(total int64) (float64, error) {
	q.Effect = q.unit()
	if q.Margin > 0 {
		q.Effect = 0
	}
	if err := q.check(); err != nil {
		return 0, err
	}
	if total < int64(2*len(q.Shares)) {
		return 0, fail(InsufficientData, "%d units are too few for %d arms", total, len(q.Shares))
	}
	sign := 1.0
	if q.Margin > 0 && q.LowerIsBetter {
		sign = -1
	}
	needs := func(effect float64) float64 { return q.excess(sign*effect, total) }
	low, high := q.searchRange()
	for range 200 { // needs falls with the effect, and is a staircase
		middle := 0.5 * (low + high)
		if q.Margin == 0 && high/low > 2 {
			middle = math.Sqrt(low * high)
		}
		if needs(middle) > 0 {
			low = middle
		} else {
			high = middle
		}
		if high-low <= 1e-12*math.Abs(high) {
			break
		}
	}
	if needs(high) > 0 {
		return 0, fail(NotAttainable, "%d units find no effect with the power %v", total, q.Power)
	}
	return sign * high, nil
}

// excess is ln(units needed to find the effect / total); +Inf when no sample finds it.
func (q Question) excess(effect float64, total int64) float64 {
	q.Effect = effect
	d, err := q.Size()
	if err != nil {
		return math.Inf(1)
	}
	return math.Log(float64(d.Total) / float64(total))
}

// PowerAt is the power of an experiment with total units in all, in the arm that has least, by the normal formula of Size.
func (q Question) PowerAt(total int64) (float64, error) {
	if err := q.check(); err != nil {
		return 0, err
	}
	if total < int64(2*len(q.Shares)) {
		return 0, fail(InsufficientData, "%d units are too few for %d arms", total, len(q.Shares))
	}
	low, high := 1e-9, 1-1e-12
	for range 100 {
		middle := 0.5 * (low + high)
		asked := q
		asked.Power = middle
		d, err := asked.Size()
		if err == nil && d.Total <= total {
			low = middle
		} else {
			high = middle
		}
	}
	return low, nil
}

func (q Question) alpha() float64 {
	comparisons := q.Comparisons
	if comparisons == 0 {
		comparisons = len(q.Shares) - 1
	}
	return q.Alpha / float64(comparisons)
}

func (q Question) factor() float64 {
	return orUnit(q.Inflation) * orUnit(q.DesignEffect) * (1 - q.VarianceExplained)
}

func orUnit(x float64) float64 {
	if x == 0 {
		return 1
	}
	return x
}

// unit is an effect to begin a search with, on the scale of Effect.
func (q Question) unit() float64 {
	if q.Relative {
		return 0.01
	}
	return 0.01 * math.Max(math.Abs(q.Baseline), q.SD)
}

func (q Question) searchRange() (low, high float64) {
	scale := 1.0
	if q.Relative {
		scale = 1 / math.Abs(q.Baseline)
	}
	switch {
	case q.Margin > 0 && q.Kind == RateMetric && q.LowerIsBetter:
		return -q.Margin, q.Baseline * (1 - 1e-9) * scale
	case q.Margin > 0 && q.Kind == RateMetric:
		return -q.Margin, (1 - q.Baseline) * (1 - 1e-9) * scale
	case q.Margin > 0: // from just outside the margin, where no sample is large enough, to far on the good side
		return -q.Margin, 1e3 * q.Margin
	case q.Kind == RateMetric:
		return 1e-12 * scale, (1 - q.Baseline) * (1 - 1e-9) * scale
	default:
		return 1e-12 * q.SD * scale, 1e6 * q.SD * scale
	}
}

// controlUnits is how many units control needs when the arm has kappa times as many, before all factors.
func (q Question) controlUnits(kappa float64) (float64, error) {
	effect, margin := q.Effect, q.Margin
	if q.Relative {
		effect, margin = effect*math.Abs(q.Baseline), margin*math.Abs(q.Baseline)
	}
	if q.Margin > 0 {
		return q.nonInferiorityUnits(effect, margin, kappa)
	}
	if q.Kind == RateMetric {
		n, err := SizeForRates(q.Baseline, q.Baseline+effect, kappa, q.alpha(), q.Power)
		return n.Pooled, err
	}
	return normalUnits(effect, q.SD*q.SD, q.SD*q.SD, kappa, q.alpha()/2, q.Power), nil
}

// nonInferiorityUnits is (z_{1-α} + z_power)² (σ_a² + σ_b²/κ)/(effect + margin)², the effect counted as good.
func (q Question) nonInferiorityUnits(effect, margin, kappa float64) (float64, error) {
	other := q.Baseline + effect
	va, vb := q.SD*q.SD, q.SD*q.SD
	if q.Kind == RateMetric {
		if !(other > 0 && other < 1) {
			return 0, fail(InvalidInput, "the treatment's rate would be %v", other)
		}
		va, vb = q.Baseline*(1-q.Baseline), other*(1-other)
	}
	if q.LowerIsBetter {
		effect = -effect
	}
	if !(effect+margin > 0) {
		return 0, fail(NotAttainable, "a treatment that is worse by the margin is never shown to be not inferior")
	}
	return normalUnits(effect+margin, va, vb, kappa, q.alpha(), q.Power), nil
}

func (q Question) formula() string {
	name := map[MetricKind]string{
		RateMetric:  "two rates, z test with pooled variance (Fleiss, Levin and Paik 2003, eq. 4.14)",
		MeanMetric:  "two means, normal formula (z_{1-α/2} + z_power)² (σ_a² + σ_b²/κ)/δ²",
		RatioMetric: "two ratios, normal formula with the delta method's variance",
	}[q.Kind]
	if q.Margin > 0 {
		name = "non-inferiority, one-sided normal formula (z_{1-α} + z_power)² (σ_a² + σ_b²/κ)/(δ + margin)²"
	}
	if q.alpha() != q.Alpha {
		name += ", alpha divided by the comparisons"
	}
	if q.VarianceExplained > 0 {
		name += ", times 1 - ρ² (CUPED)"
	}
	if orUnit(q.DesignEffect) != 1 {
		name += ", times the design effect"
	}
	if orUnit(q.Inflation) != 1 {
		name += ", times the inflation of the sequential design"
	}
	return name
}
