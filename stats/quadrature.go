package stats

import (
	"math"
	"slices"
)

// scale is where a distribution lies and how wide it is, for laying panels of quadrature.
type scale struct{ centre, width float64 }

// lnIntegral is ln ∫ exp(lnF(u)) du over the real line for a log-concave function that is smooth on the scales given: its peak by golden
// section, its ends where it has fallen by e^-45, and in between 16-point Gauss-Legendre panels no wider than 3.5 widths of each of the
// scales within 40 widths of its centre, and than widest. Deterministic, and right to about 1e-12 also where the integral underflows.
func lnIntegral(lnF func(u float64) float64, scales []scale, widest float64) float64 {
	low, high, narrow := math.Inf(1), math.Inf(-1), math.Inf(1)
	for _, s := range scales {
		low, high, narrow = math.Min(low, s.centre-12*s.width), math.Max(high, s.centre+12*s.width), math.Min(narrow, s.width)
	}
	peak := highest(lnF, low, high, 0.1*narrow)
	top := lnF(peak)
	if math.IsInf(top, -1) || math.IsNaN(top) {
		return math.Inf(-1)
	}
	low, high = edge(lnF, peak, top-45, -narrow), edge(lnF, peak, top-45, narrow)
	nodes, weights := legendre16()
	sum, cuts := 0.0, panelCuts(scales, low, high, widest)
	for i := 1; i < len(cuts); i++ {
		centre, half := 0.5*(cuts[i]+cuts[i-1]), 0.5*(cuts[i]-cuts[i-1])
		part := 0.0
		for k := range nodes {
			part += weights[k] * (math.Exp(lnF(centre-half*nodes[k])-top) + math.Exp(lnF(centre+half*nodes[k])-top))
		}
		sum += half * part
	}
	return top + math.Log(sum)
}

// highest is where a unimodal function is largest, by golden section: to the tolerance, and closer where the function is so steep that
// its value there is more than 1 off.
func highest(f func(float64) float64, low, high, tolerance float64) float64 {
	const golden = 0.6180339887498949
	a, b := high-golden*(high-low), low+golden*(high-low)
	fa, fb, fLow, fHigh := f(a), f(b), math.Inf(-1), math.Inf(-1)
	for range 200 {
		if high-low <= tolerance && math.Max(fa, fb)-math.Min(fLow, fHigh) < 1 {
			break
		}
		if fa < fb {
			low, fLow, a, fa = a, fa, b, fb
			b = low + golden*(high-low)
			fb = f(b)
		} else {
			high, fHigh, b, fb = b, fb, a, fa
			a = high - golden*(high-low)
			fa = f(a)
		}
	}
	if fa > fb {
		return a
	}
	return b
}

// edge walks from the peak until the function is below the level, in growing steps.
func edge(f func(float64) float64, peak, level, step float64) float64 {
	u := peak
	for range 200 {
		u += step
		if !(f(u) > level) {
			break
		}
		step *= 1.3
	}
	return u
}

// panelCuts are the ends of the panels, in growing order, from low to high.
func panelCuts(scales []scale, low, high, widest float64) []float64 {
	cuts, widest := []float64{low, high}, math.Min(widest, (high-low)/10) // 10: a panel falls by e^-10 at most
	for _, s := range scales {
		if widest <= 3.5*s.width {
			continue
		}
		for k := -12; k <= 12; k++ {
			if at := s.centre + 3.5*float64(k)*s.width; at > low && at < high {
				cuts = append(cuts, at)
			}
		}
	}
	if pieces := math.Ceil((high - low) / widest); pieces > 1 && pieces < 1e5 {
		for k := 1.0; k < pieces; k++ {
			cuts = append(cuts, low+(high-low)*k/pieces)
		}
	}
	slices.Sort(cuts)
	return slices.Compact(cuts)
}
