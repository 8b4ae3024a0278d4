package stats_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// ledger says of every number in the reference files which test compares it, by a pattern of its path without places in lists; the first that fits
// counts. An entry without a test has the reason why no method has to give it.
var ledger = []struct{ path, test, reason string }{
	{path: `/conventions/|/conventions$`, reason: "an input"},
	{path: `^ab_data/(rows|unique_users|overall_rate_rows|crosstab_rows|mismatched_rows|duplicate_user|users_with_more|country_counts|duration_days)`, test: "TestPagesByEveryPolicy"},
	{path: `^ab_data/policy_[CE][^/]*/(users|share)`, test: "TestPagesByEveryPolicy"},
	{path: `^ab_data/cumulative_by_utc_date`, test: "TestPagesByEveryPolicy"},
	{path: `^ab_data/policy.*/(control|treatment)/(n|x)$`, test: "TestPagesByEveryPolicy"},
	{path: `^ab_data/logit`, reason: "logistic regression is no method of the product"},
	{path: `/(chi2_yates|odds_ratio|student_t_equal_var|kolmogorov_smirnov|spend_3arm_kruskal|spend_3arm_anova|check_ols_womens)/`, reason: "a continuity correction, an odds ratio, equal variances, the difference of whole distributions or of three arms at once: no methods of the product"},
	{path: `/gbstats/(relative|absolute)/(sequential_n5000|bayes_flat|bayes_prior_N0_sd0_3)/`, test: "TestTheSharedRealDataAreReproduced"},
	{path: `/gbstats/(relative|absolute)/(effect|se)$`, reason: "what the figures beside them are made of; z_unpooled, welch and the delta method hold the same effects and errors, and are compared"},
	{path: `/gbstats(_cuped)?/`, reason: "what GrowthBook shows, for comparison: its degrees of freedom are those of another test"},
	{path: `/srm[^/]*/.*(observed|expected_weights|weights|chi2|df|p)$|^worked_tables/srm_`, test: "TestEveryTableOfRatesAndMeans"},
	{path: `/bayes_beta_1_1/(prior|posterior)`, reason: "an input, and the counts added to it"},
	{path: `/ols_ancova/(se|p)_`, reason: "errors of the regression with one slope; those of CUPED with slopes within the arms, which is the same estimate, are compared"},
	{path: `^cookie_cats/.*/removed/`, reason: "says which row was left out"},
	{path: `^hillstrom/.*/winsorized_p99/(n_capped|control_mean|treatment_mean|welch/)`, reason: "the cap is 0 and leaves nothing, which the product refuses to call a result"},
	{path: `/bayes_beta_1_1/`, test: "TestTheSharedRealDataAreReproduced"},
	{path: `^hillstrom/(visit|conversion)_3arm_chi2/`, test: "TestSpendOfHillstrom"},
	{path: `/(chi2|z_pooled|z_unpooled|welch_t|risk_ratio|rel_lift_delta_method)/`, test: "TestEveryTableOfRatesAndMeans"},
	{path: `^hillstrom/(comparisons/.*_cuped_history|segments_vs_no_email/.*/spend)/`, test: "TestSpendOfHillstrom"},
	{path: `^hillstrom/(comparisons|segments_vs_no_email)/.*/(visit|conversion)/(control|treatment)/(n|x)$`, test: "TestSpendOfHillstrom"},
	{path: `^cookie_cats/.*retention_[17]/(control|treatment)/(n|x)$`, test: "TestRoundsOfCookieCats"},
	{path: `/retention_[17]/|/(visit|conversion|converted)/|/by_country/|_conversion/|^free_trial/(click_through|retention)|/simpson_ramp/computed/|/computed_here/`, test: "TestEveryTableOfRatesAndMeans"},
	{path: `^cookie_cats/(sum_gamerounds[^/]*|players_with_zero_rounds)/|^cookie_cats/rows$`, test: "TestRoundsOfCookieCats"},
	{path: `^hillstrom/comparisons/.*/spend/`, test: "TestSpendOfHillstrom"},
	{path: `^(cookie_cats/multiple_metric_correction|hillstrom/corrections_spend_welch_vs_control)/`, test: "TestTheSharedCorrectionsAreReproduced"},
	{path: `^(cookie_cats/(unique_userid|missing)|hillstrom/rows)$`, reason: "says how the file was read"},
	{path: `^free_trial/(days|days_with_outcomes|totals)|^free_trial/invariants/.*/(control_share|se)$`, test: "TestTotalsOfFreeTrial"},
	{path: `^free_trial/invariants/|^free_trial/sign_test/`, reason: "the share under the hypothesis and the sign test of days: the sample ratio and the rates beside them are what the product gives"},
	{path: `^free_trial/sample_size_per_group/.*/n_null_baseline`, reason: "a formula with the baseline's variance under both hypotheses; ours is named in the answer of a design, and another one"},
	{path: `^free_trial/sample_size_per_group/`, test: "TestPublishedSizes"},
	{path: `^worked_tables/sequential_srm_dirichlet_1/`, test: "TestTheSharedSequentialSampleRatiosAreReproduced"},
	{path: `^worked_tables/sample_size_published/(published_n|computed$|computed_null|computed_minus)`, reason: "rules of thumb (16 s²/d²) and the formula with the baseline's variance"},
	{path: `^worked_tables/sample_size_published/`, test: "TestPublishedSizes"},
	{path: `^worked_tables/sample_size_proportions_computed_R/n_total_rpact$`, reason: "twice the size that power.prop.test gives per group"},
	{path: `^worked_tables/(sample_size|power)_(proportions|means)_computed_R/`, test: "TestSampleSizesAreThoseOfR"},
	{path: `^worked_tables/group_sequential_boundaries_computed_rpact/`, test: "TestBoundsAreThoseOfRpact"},
	{path: `^worked_tables/group_sequential_inflation_factors_computed_rpact/`, test: "TestInflationIsThatOfRpact"},
	{path: `^worked_tables/group_sequential_181_real_looks/(z_spotify_expected|grid_convergence)`, reason: "Spotify's own array, which is wrong at its first looks; the exact bounds beside it are compared"},
	{path: `^worked_tables/group_sequential_181_real_looks/`, test: "Test181RealLooks"},
	{path: `^worked_tables/false_positive_risk/`, reason: "the share of true ideas among many experiments is nothing one experiment tells"},
	{path: `^worked_tables/simpson_ramp/counts_implied/`, reason: "an input of the tables beside it"},
	{path: `^worked_tables/growthbook_gbstats_vectors/`, test: "TestVectorsOfGrowthBook"},
	{path: `^worked_tables/spotify_confidence_vectors/vectors/`, reason: "to six digits, and by drawing for the Bayesian one; the same counts are beside it in full and compared"},
}

func TestEveryNumberOfTheReferenceIsComparedOrExplained(t *testing.T) {
	there := testsOfThisPackage(t)
	patterns, hits := make([]*regexp.Regexp, len(ledger)), make([]int, len(ledger))
	for i, entry := range ledger {
		patterns[i] = regexp.MustCompile(entry.path)
		if (entry.test == "") == (entry.reason == "") || entry.test != "" && !there[entry.test] {
			t.Errorf("%s has neither a test of this package nor a reason, or both: %q, %q", entry.path, entry.test, entry.reason)
		}
	}
	compared, explained := 0, 0
	for _, name := range []string{"ab_data.expected.json", "cookie_cats.expected.json", "hillstrom.expected.json", "free_trial.expected.json", "worked_tables.json"} {
		root, _, _ := strings.Cut(name, ".")
		everyNumber(root, map[string]any(readNode(t, name)), func(path string) {
			i := slices.IndexFunc(patterns, func(p *regexp.Regexp) bool { return p.MatchString(path) })
			switch {
			case i < 0:
				t.Errorf("nothing is said of %s", path)
				return
			case ledger[i].test != "":
				compared++
			default:
				explained++
			}
			hits[i]++
		})
	}
	for i, n := range hits {
		if n == 0 {
			t.Errorf("no number is at %s", ledger[i].path)
		}
	}
	t.Logf("%d numbers are compared, %d have a reason why not", compared, explained)
}

// everyNumber visits the paths of all numbers, without places in lists.
func everyNumber(path string, value any, visit func(path string)) {
	switch v := value.(type) {
	case map[string]any:
		for key, part := range v {
			everyNumber(path+"/"+key, part, visit)
		}
	case []any:
		for _, part := range v {
			everyNumber(path, part, visit)
		}
	case float64:
		visit(path)
	}
}

func testsOfThisPackage(t *testing.T) map[string]bool {
	t.Helper()
	names, err := filepath.Glob("*_test.go")
	if err != nil || len(names) == 0 {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") {
				out[f.Name.Name] = true
			}
		}
	}
	return out
}
