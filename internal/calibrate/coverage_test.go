package main

import (
	"encoding/csv"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// rowOf names, for every exported function and method of stats that infers something, a method of the committed table whose row runs it.
var rowOf = map[string]string{
	"BetaBinomial": "beta-binomial", "Proportion.CredibleRate": "credible interval of a rate", "GaussianPosterior": "Gaussian",
	"BestOfRates": "best of four rates", "LossOfRates": "best of four rates", "BestOfGaussians": "best of four means", "LossOfGaussians": "best of four means",
	"TwoProportions": "unpooled z", "Pooled": "pooled z", "ScoreProportions": "score test", "RateDifference": "Newcombe", "Fisher": "Fisher exact",
	"Proportion.Intervals": "Wilson", "Proportion.RateSequence": "beta-binomial confidence sequence",
	"Welch": "two means, power at given units", "WelchTest": "Welch", "ZTest": "z", "Moments.Interval": "Student, one arm",
	"CUPED": "CUPED", "CUPEDBy": "CUPED, coefficients per arm", "WithMissing": "CUPED, coefficients of both arms together", "PostStratify": "post-stratified",
	"PostStratifySums": "post-stratified with CUPED", "PostStratifySteady": "confidence sequence within periods of the same weights", "Interacted": "regression with interactions, HC2", "CompareRanks": "probability of superiority", "RankComparison.Under": "Mann-Whitney, Lan-DeMets O'Brien-Fleming",
	"RankComparison.Interval": "probability of superiority", "RankComparison.Shift": "shift, Hodges-Lehmann",
	"CompareRatios": "one look at the planned end", "CoSums.Ratio": "one look at the planned end", "RelativeLift": "relative effect, Fieller",
	"CompareEvents": "Poisson, exact", "CompareNPS": "NPS", "NPS.Interval": "NPS, one arm", "MannWhitney": "Mann-Whitney",
	"Quantile": "median, order statistics", "OuterQuantileOf": "90 % quantiles compared, outer interval",
	"CompareQuantiles": "90 % quantiles compared, outer interval", "ClusteredQuantile": "median, outer interval of clusters",
	"Percentiles.Caps": "Welch, winsorized at 99 %", "Cap": "Welch, winsorized at 99 %",
	"NonInferiorMeans": "non-inferiority", "Effect.NonInferior": "CUPED, non-inferiority", "NonInferiorRates": "non-inferiority, Farrington-Manning",
	"AgainstMargin": "interval read against a margin", "AgainstTarget": "interval read against a target",
	"FixedHorizon": "fixed horizon at every look", "FixedHorizonOneSided": "fixed horizon, one-sided, one look", "Effect.Under": "mixture sequential test",
	"ConfidenceSequence": "asymptotic confidence sequence", "ConfidenceSequenceOneSided": "guardrail, one-sided confidence sequence",
	"Mixture": "mixture sequential test", "Rule.LnE": "e-BH", "Rule.P": "guardrail, one-sided confidence sequence", "NormalMixtureBound": "normal-mixture bound",
	"GroupSequentialPlan.Look":       "group-sequential, Lan-DeMets O'Brien-Fleming",
	"GroupSequentialPlan.LookInTime": "group-sequential, alpha spent by time, units early", "Look.Rule": "group-sequential, Lan-DeMets Pocock",
	"ClassicalLook.RuleAt": "classical Pocock", "ClassicalBoundary": "classical O'Brien-Fleming", "SpendingBoundary": "spending boundary, power spending with exponent 3",
	"Boundary.Inflation": "group-sequential, O'Brien-Fleming, five looks", "SequenceInflation": "confidence sequence, at its end",
	"TunedRho": "asymptotic confidence sequence", "Adjust": "holm", "EBH": "e-BH", "Levels": "bonferroni", "WeightedLevels": "weighted Bonferroni",
	"TwoSidedZ": "bonferroni", "SampleShares": "chi-square, one look", "SampleRatio": "chi-square of whole weights, one look",
	"SampleRatioByPart": "stratified by day", "SampleRatioSequence": "sequential, concentration 100", "SampleRatioSequenceFlat": "sequential, flat prior",
	"SampleRatioPeriods": "sequential, through a change of shares", "Uniform": "Kolmogorov-Smirnov, exact", "Heterogeneous": "Cochran's Q",
	"SegmentsAgainstRest": "segment against the rest, Holm", "Novelty": "novelty", "Interaction": "interaction of two experiments",
	"Independence": "chi-square of independence", "Imbalance": "pre-period imbalance", "CrossoverShare": "crossover share",
	"SizeForMeans": "two means, size by the noncentral t", "PowerOfMeans": "two means, power at given units", "DetectableMean": "two means, detectable effect",
	"SizeForRates": "two rates, size (Fleiss)", "PowerOfRates": "two rates, power at given units", "DetectableRate": "two rates, detectable rate",
	"Question.Size": "means with CUPED, size",
}

// exempt are those that have no row, by the reason.
var exempt = map[string][]string{
	"sums, means and merging: exact arithmetic, held to rational numbers by sums_test.go": {
		"CoSums.Add", "CoSums.Covariance", "CoSums.Len", "CoSums.Merge", "CoSums.Moments", "CoSums.N", "CoSums.Select", "CoSums.Sums", "CoSumsOf", "Events.Merge",
		"Events.Rate", "Moments.Merge", "Moments.Sample", "Moments.Variance", "MomentsFrom", "MomentsOf", "NPS.Merge", "NPS.N", "NPS.SE", "NPS.Sample", "NPS.Score",
		"NewCoSums", "OuterQuantile.Sample", "OuterQuantile.UnitVariance", "Proportion.Merge", "Proportion.Rate", "Proportion.Sample", "Ratio.Sample", "Sums.Add",
		"Sums.AddInt", "Sums.Clone", "Sums.Merge", "Sums.Moments", "Sums.N", "Sums.Remove", "Sums.Sum", "Sums.SumSquares", "SumsOf", "Caps.Of", "Uncapped",
	},
	"a short form of a method that has a row": {
		"Median", "Proportion.ClopperPearson", "Proportion.Wilson", "Look.RuleAt", "ClassicalBoundaryOneSided", "NewEffect", "Rule.LnP", "Effect.Significant", "OuterRanks",
	},
	"a part of a method that has a row, or the name of one": {
		"Boundary.Crossing", "Look.Critical", "Spending.Name", "Spending.Spent", "TunedRhoApproximate", "GaussianPrior.Scaled",
	},
	"the inverse of a design that has a row, held to it by question_test.go and design_test.go": {
		"DetectableRelativeMean", "Question.Detectable", "Question.PowerAt", "Design.RunTime",
	},
	"the smallest of p values that are valid together; every row with 30 looks is of it":                    {"RunningMinimum"},
	"a rule of thumb that asks somebody to look, with no error probability":                                 {"Twyman", "Small"},
	"shows what others compute; reports do not use it, and the table shows the delta method for comparison": {"Effect.RelativeSE", "CUPEDEffect.RelativeSE"},
	"a rule of allocation: no statement about the arms is made":                                             {"ThompsonWeights"},
	"an error's words": {"Error.Error", "Error.Is"},
}

// exported are the exported functions of stats and the methods of its exported types.
func exported(t *testing.T) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for _, file := range parsed(t, "../../stats") {
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || !f.Name.IsExported() {
				continue
			}
			if name := nameOf(f); ast.IsExported(name) {
				out[name] = true
			}
		}
	}
	return out
}

// nameOf is a function's name, after its type's where it is a method.
func nameOf(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return f.Name.Name
	}
	of := f.Recv.List[0].Type
	if star, ok := of.(*ast.StarExpr); ok {
		of = star.X
	}
	return of.(*ast.Ident).Name + "." + f.Name.Name
}

// used are the names after a dot in the studies.
func used(t *testing.T) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for _, file := range parsed(t, ".") {
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				out[s.Sel.Name] = true
			}
			return true
		})
	}
	return out
}

func parsed(t *testing.T, folder string) []*ast.File {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(names) == 0 {
		t.Fatal("no source in ", folder, err)
	}
	var out []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, file)
	}
	return out
}

// Calibration is shown for every method: a function that is new in stats has a row here or a reason why not.
func TestEveryMethodHasARowOrAReason(t *testing.T) {
	file, err := os.Open("../../stats/calibration.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	table, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bool{}
	for _, line := range table[1:] {
		rows[line[1]] = true
	}
	left, calls := exported(t), used(t)
	for name, method := range rowOf {
		if !left[name] {
			t.Errorf("stats has no %s; take it out of the list", name)
		}
		if !rows[method] {
			t.Errorf("%s: the committed table has no method %q", name, method)
		}
		if short := name[strings.LastIndex(name, ".")+1:]; !calls[short] {
			t.Errorf("%s: no study calls it", name)
		}
		delete(left, name)
	}
	for reason, names := range exempt {
		for _, name := range names {
			if !left[name] {
				t.Errorf("%s has a row, or stats does not have it; it needs no exemption (%s)", name, reason)
			}
			delete(left, name)
		}
	}
	for name := range left {
		t.Errorf("stats.%s has no row in the table of calibration: add one to a study, or the reason why it has none", name)
	}
}

// The documentation of every method that has a row tells by which formula or whose, or which other method or type says so, so that a reader can
// check it without the code.
func TestEveryMethodSaysItsFormulaOrItsSource(t *testing.T) {
	says := regexp.MustCompile(`\b(19|20)\d\d\b|[=√Σ∫∓²]|edition, section`)
	words := regexp.MustCompile(`\w+`)
	others := map[string]bool{}
	for name := range exported(t) {
		for part := range strings.SplitSeq(name, ".") {
			others[part] = true
		}
	}
	for _, file := range parsed(t, "../../stats") {
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || rowOf[nameOf(f)] == "" || says.MatchString(f.Doc.Text()) {
				continue
			}
			named := false
			for _, word := range words.FindAllString(f.Doc.Text(), -1) {
				named = named || others[word] && word != f.Name.Name
			}
			if !named {
				t.Errorf("the documentation of %s names neither formula nor source:\n%s", nameOf(f), f.Doc.Text())
			}
		}
	}
}
