package experiment

import (
	"slices"
	"time"

	"github.com/assayhq/assay/domain"
)

// Reading is a look at the results that counts: what was seen, and by which boundary it was judged. Reports are not readings;
// anybody may open one at any time, and it shows what the last reading allows to conclude.
type Reading struct {
	// Look counts the readings of the experiment, from 1.
	Look int `json:"look"`
	// Planned is the number of the planned look, from 1; 0 for a reading that somebody asked for in between.
	Planned int `json:"planned,omitempty"`
	// Position is the log position of the facts that were looked at, At when.
	Position uint64    `json:"position,string"`
	At       time.Time `json:"at"`
	// Fraction is the part of the planned information (units, or time) there was; 1 for methods without a plan of looks.
	Fraction float64 `json:"fraction"`
	// Final: a group sequential design has spent all of its error probability with this look.
	Final bool `json:"final,omitempty"`
	// Method and AnalysisVersion say what computed it.
	Method          Method `json:"method,omitempty"`
	AnalysisVersion string `json:"analysis_version"`
	// Units are how many there were by arm, in the order of the plan.
	Units []int64 `json:"units"`
	// Comparisons are those of the primary metric.
	Comparisons []Compared `json:"comparisons"`
	// Verdict is the outcome the analysis came to, Variant the arm it is about, if any.
	Verdict string            `json:"verdict"`
	Variant domain.VariantKey `json:"variant,omitempty"`
	// Hash is the SHA-256 of the whole result in JSON, in hexadecimal.
	Hash string `json:"hash"`
}

// Compared is an arm against the control as a reading saw it.
type Compared struct {
	Metric  domain.MetricKey  `json:"metric"`
	Variant domain.VariantKey `json:"variant"`
	// Control and Treatment are the sufficient statistics.
	Control   Sums `json:"control"`
	Treatment Sums `json:"treatment"`
	// Difference is treatment - control and SE its standard error; Statistic is compared with Boundary.
	Difference float64 `json:"difference"`
	SE         float64 `json:"se"`
	Statistic  float64 `json:"statistic"`
	Boundary   float64 `json:"boundary"`
	P          float64 `json:"p_value"`
	// LnP is the natural logarithm of P. The interval of the difference runs from Low to High and was made at the error probability
	// Level. All are 0 in readings from before they were recorded.
	LnP   float64 `json:"ln_p_value,omitempty"`
	Level float64 `json:"level,omitempty"`
	Low   float64 `json:"low,omitempty"`
	High  float64 `json:"high,omitempty"`
	// Crossed: the comparison is beyond its boundary, after the correction for several comparisons.
	Crossed bool `json:"crossed,omitempty"`
}

// Sums are an arm's number of units and the sums of their values and of their squares.
type Sums struct {
	Units      int64   `json:"units"`
	Sum        float64 `json:"sum"`
	SumSquares float64 `json:"sum_squares"`
}

// take decides about a reading. One that adds nothing (the same look, or no more information than the last) records nothing, so
// it is safe to ask on every node.
func take(s State, r Reading) ([]Event, error) {
	switch s.Status {
	case StatusDraft:
		return nil, domain.WrongState("the experiment has not started; there is nothing to read").WithCode("not_running")
	case StatusDecided:
		return nil, domain.WrongState("the experiment is decided; its readings are closed").WithCode("decided")
	case StatusRunning, StatusStopped:
	}
	if r.Position == 0 || !(r.Fraction > 0 && r.Fraction <= 1) || len(r.Units) != len(s.Plan.Arms) || r.Hash == "" {
		return nil, domain.Invalid("", "a reading needs the position it was made at, a fraction between 0 and 1, the units of every arm and the hash of its result").WithCode("incomplete_reading")
	}
	if last := s.LastReading(); last != nil {
		if r.Position <= last.Position || r.Planned > 0 && r.Planned <= last.Planned {
			return nil, nil
		}
		if err := s.mayLookAgain(*last, r); err != nil {
			return nil, err
		}
		if s.Plan.Analysis.Method == GroupSequential && (r.Fraction <= last.Fraction || sum(r.Units) <= sum(last.Units)) {
			return nil, nil
		}
	}
	r.Look = len(s.Readings) + 1
	r.Method = s.Plan.Analysis.Method
	r.At = r.At.UTC().Truncate(time.Millisecond)
	return []Event{ReadingTaken{Reading: r}}, nil
}

func (s State) mayLookAgain(last, r Reading) error {
	a := s.Plan.Analysis
	switch {
	case a.Method != GroupSequential:
		return nil
	case last.Final && r.Planned == 0:
		return domain.WrongState("the last look was taken at position %d and has spent all of alpha; what came later cannot be tested again, read the results of that look", last.Position).WithCode("last_look_taken")
	case len(s.Readings) >= MaxLooks:
		return domain.WrongState("%d looks have been taken, and there can be no more; wait for the planned end of the experiment or stop it", MaxLooks).WithCode("too_many_looks")
	case a.Spending.Classic() && r.Planned == 0:
		return domain.WrongState("classic boundaries hold at the planned looks only; wait for the next one").WithCode("unplanned_look")
	}
	return nil
}

// LastReading returns the newest reading, nil when there is none.
func (s State) LastReading() *Reading {
	if len(s.Readings) == 0 {
		return nil
	}
	return &s.Readings[len(s.Readings)-1]
}

func (s State) withReading(r Reading) State {
	s.Readings = append(slices.Clip(s.Readings), r)
	return s
}

func sum(units []int64) (total int64) {
	for _, n := range units {
		total += n
	}
	return total
}
