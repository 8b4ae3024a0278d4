package stats_test

import (
	"math"
	"testing"

	"github.com/assayhq/assay/stats"
)

// The bounds are those of Jennison and Turnbull, Group Sequential Methods (2000), tables 2.1 and 2.3, for five looks at 5 %: Pocock 2.413,
// O'Brien and Fleming 2.040·sqrt(5/k). A statistic on the bound has the repeated p value alpha, whatever the look.
func TestClassicalLooksAgreeWithTheirBounds(t *testing.T) {
	for rise, want := range map[float64][]float64{
		0:    {2.413, 2.413, 2.413, 2.413, 2.413},
		-0.5: {4.562, 3.226, 2.634, 2.281, 2.040},
	} {
		for k, bound := range want {
			rule, err := stats.ClassicalLook{Rise: rise, Look: k + 1, Looks: 5}.RuleAt(0.05)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(rule.Critical-bound) > 1e-3 {
				t.Errorf("rise %v, look %d: bound %v, want %v", rise, k+1, rule.Critical, bound)
			}
			if p := rule.P(rule.Critical); math.Abs(p-0.05) > 1e-9 {
				t.Errorf("rise %v, look %d: p at the bound is %v", rise, k+1, p)
			}
			if !(rule.P(rule.Critical+0.1) < 0.05) || !(rule.P(rule.Critical-0.1) > 0.05) || rule.P(0) != 1 || !(rule.P(60) < 1e-300) {
				t.Errorf("rise %v, look %d: p does not fall with the statistic", rise, k+1)
			}
		}
	}
	for _, l := range []stats.ClassicalLook{{Look: 0, Looks: 5}, {Look: 6, Looks: 5}, {Look: 1, Looks: 1, Rise: 3}} {
		if _, err := l.RuleAt(0.05); err == nil {
			t.Errorf("%+v is no look, but has a rule", l)
		}
	}
}
