package analysis

import (
	"math/rand/v2"
	"testing"

	"github.com/assayhq/assay/domain/experiment"
	"github.com/assayhq/assay/stats"
)

// A/A worlds of a binary metric with 30 looks: a relative size, which uses the mean of the data, still holds alpha. Binomial noise of 600 worlds
// at 5 % is 0.9 points; mixture tests are conservative (about 1.5 %, as the simulation of R. Johari et al. has it).
func TestARelativeSizeHoldsAlphaThroughThirtyLooks(t *testing.T) {
	const worlds, looks, step = 600, 30, 200
	j := mixtureJudge{mixture: experiment.Amount{By: experiment.Relative, Value: 0.2}, otherwise: alwaysJudge{tuned: 10_000, alpha: 0.05}}
	alarms := 0
	for seed := range uint64(worlds) {
		r := rand.New(rand.NewPCG(seed, 5))
		var x [2]int64
		for look := int64(1); look <= looks; look++ {
			for range step {
				for arm := range x {
					if r.Float64() < 0.1 {
						x[arm]++
					}
				}
			}
			if alarm(t, j, stats.Proportion{X: x[0], N: look * step}, stats.Proportion{X: x[1], N: look * step}) {
				alarms++
				break
			}
		}
	}
	if part := float64(alarms) / worlds; part > 0.05 || alarms == 0 {
		t.Errorf("%d of %d worlds without an effect were alarms", alarms, worlds)
	}
}

func alarm(t *testing.T, j judge, control, treatment stats.Proportion) bool {
	t.Helper()
	p := prepared{level: 0.05, primary: true}
	p.d.Kind = "binary"
	made, err := p.compare(summary{rate: control, units: control.N}, summary{rate: treatment, units: treatment.N})
	if err != nil {
		t.Fatal(err)
	}
	a := analyst{judge: j, rules: rules{Analysis: experiment.Analysis{Alpha: 0.05}}}
	e, _, err := a.judged(comparison{pair: made}, 0.05)
	if err != nil {
		t.Fatal(err)
	}
	return e.P < 0.05
}
