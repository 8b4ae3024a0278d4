// Package stats is the statistics of experiments: pure functions from sufficient statistics to effects, intervals and checks. It
// is for internal/analysis, and for anybody who wants to recompute what a report says.
//
// # The model
//
// Units' values become sufficient statistics that merge: Proportion (units that converted), Sums (one value per unit), CoSums
// (several: a ratio's numerator and denominator, a metric and its covariates), Events (counts over an exposure), NPS (answers). Sums are
// exact, so any slice of time or segment is a sum of parts, in any order, to the bit.
//
// From these come estimates with a variance, each a Sample: a mean (Moments), a rate, a Ratio, a quantile (OuterQuantile), a
// score. A comparison takes control and treatment and returns an Effect, always treatment - control. One critical value drives its
// p, its interval and its relative interval, so the three never contradict each other; a Rule other than the fixed horizon's judges the same
// effect by Effect.Under. Exact tests of counts (Fisher, CompareEvents), rank tests (MannWhitney) and intervals of one arm (Proportion.Intervals,
// Quantile) stand beside it.
//
// Which method for which metric:
//
//	rate                TwoProportions; ScoreProportions or Fisher's mid-p when counts are Small; RateDifference for intervals others know
//	mean                WelchTest; CUPED with earlier data; PostStratify with strata; Cap before, for heavy tails
//	ratio, clusters     CoSums.Ratio and CompareRatios
//	quantile, median    Quantile of one arm; OuterQuantileOf and CompareQuantiles of two, also with clusters
//	events              CompareEvents
//	survey              CompareNPS; satisfaction is a rate
//	whole distribution  MannWhitney
//
// A Rule says how large a statistic has to be and what p value it has: at a fixed horizon, at a Look of a GroupSequentialPlan, in a
// ConfidenceSequence. Effect.Under judges any effect by any rule. Adjust, Levels and EBH are for many comparisons at once.
//
// Posteriors (BetaBinomial, GaussianPosterior, several arms) are integrated, never sampled. Question and Design are how large an
// experiment has to be. Whether a result can be trusted is asked of SampleRatioSequence, SampleRatioByPart, Heterogeneous, Novelty,
// Twyman, Uniform and their like. CALIBRATION.md shows how often each method is wrong when the truth is known.
//
// Input that cannot be judged is an *Error with a kind, never a number that looks like a result: NaN and infinities are refused where
// they come in, and no result has one, except the open end of a one-sided or unbounded interval.
package stats
