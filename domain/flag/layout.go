package flag

import (
	"slices"

	"github.com/assayhq/assay/domain"
)

// maxLayout bounds into how many pieces weights that change again and again may cut the buckets.
const maxLayout = 500

// keepBuckets gives the splits whose weights change a layout in which every unit that can keep its variant does. The split
// before is that of the rule with the same id, or of the default, if it gives units the same buckets.
func keepBuckets(was, now Targeting) (Targeting, error) {
	before := map[string]*Split{}
	for _, r := range was.Rules {
		before[r.ID] = r.Serve.Split
	}
	now.Rules = slices.Clone(now.Rules)
	for i := range now.Rules {
		if err := layOut(before[now.Rules[i].ID], now.Rules[i].Serve.Split); err != nil {
			return now, err
		}
	}
	return now, layOut(was.Default.Split, now.Default.Split)
}

// layOut sets the layout of the split, which is a copy of the caller's own.
func layOut(was, now *Split) error {
	if now == nil || len(now.Layout) > 0 && sameSums(now.Weights, now.Layout) && (was == nil || !slices.Equal(now.Layout, was.Layout)) {
		return nil // whoever gives a layout means it
	}
	now.Layout = nil
	if was == nil || !sameBuckets(*was, *now) {
		return nil
	}
	layout := keep(was.Ranges(), now.Weights)
	if len(layout) > maxLayout {
		return domain.Invalid("", "the weights were changed so often that the buckets are cut into more than %d pieces; give the split another salt, which assigns everybody anew", maxLayout).WithCode("layout_too_fragmented")
	}
	plain := slices.DeleteFunc(slices.Clone(now.Weights), func(w VariantWeight) bool { return w.Weight == 0 })
	if moved(was.Ranges(), plain) > moved(was.Ranges(), layout) {
		now.Layout = layout
	}
	return nil
}

func sameBuckets(a, b Split) bool {
	return a.Algorithm == b.Algorithm && a.Salt == b.Salt && a.Total == b.Total && a.By == b.By && a.Strings == b.Strings
}

// sums is each variant's part of the total.
func sums(all []VariantWeight) map[domain.VariantKey]domain.Weight {
	out := map[domain.VariantKey]domain.Weight{}
	for _, w := range all {
		if w.Weight > 0 {
			out[w.Variant] += w.Weight
		}
	}
	return out
}

func sameSums(a, b []VariantWeight) bool {
	x, y := sums(a), sums(b)
	if len(x) != len(y) {
		return false
	}
	for variant, weight := range x {
		if y[variant] != weight {
			return false
		}
	}
	return true
}

// keep is a layout with the weights' sums in which each variant keeps the first of its ranges, as far as its new weight goes.
// What is left over goes, in order, to the variants that lack something. No layout moves fewer units: a variant that loses
// weight must give up exactly that.
func keep(was, weights []VariantWeight) []VariantWeight {
	left := sums(weights)
	var out []VariantWeight
	for _, r := range was {
		kept := min(r.Weight, left[r.Variant])
		left[r.Variant] -= kept
		out = extend(out, VariantWeight{Variant: r.Variant, Weight: kept})
		out = extend(out, VariantWeight{Weight: r.Weight - kept}) // nobody's yet
	}
	var filled []VariantWeight
	for _, r := range out {
		for r.Variant == "" && r.Weight > 0 {
			i := slices.IndexFunc(weights, func(w VariantWeight) bool { return left[w.Variant] > 0 })
			if i < 0 {
				break // the sums agree, so this does not happen
			}
			given := min(r.Weight, left[weights[i].Variant])
			left[weights[i].Variant] -= given
			filled = extend(filled, VariantWeight{Variant: weights[i].Variant, Weight: given})
			r.Weight -= given
		}
		filled = extend(filled, r)
	}
	return filled
}

// extend appends a range, to the last one if that is the same variant's.
func extend(out []VariantWeight, r VariantWeight) []VariantWeight {
	if last := len(out) - 1; last >= 0 && out[last].Variant == r.Variant {
		out[last].Weight += r.Weight
		return out
	}
	if r.Weight == 0 {
		return out
	}
	return append(out, r)
}

// moved is how many buckets have another variant in b than in a.
func moved(a, b []VariantWeight) (n domain.Weight) {
	a, b = slices.Clone(a), slices.Clone(b)
	for len(a) > 0 && len(b) > 0 {
		both := min(a[0].Weight, b[0].Weight)
		if a[0].Variant != b[0].Variant {
			n += both
		}
		a[0].Weight -= both
		b[0].Weight -= both
		if a[0].Weight == 0 {
			a = a[1:]
		}
		if len(b) > 0 && b[0].Weight == 0 {
			b = b[1:]
		}
	}
	return n
}
