// Package special holds the distribution functions that the estimators in stats stand on, right at every size. It is for stats
// alone.
//
// # The model
//
// Every distribution has its survival function P(X > x) and, where p values of experiments underflow, its logarithm; a tail is never
// 1 minus the other one. Quantiles take the small tail. gonum is used where it is right, which a test shows at the values that it is
// used for (the normal quantile, the incomplete gamma function); where it is not, the functions here replace it and say
// how. Arguments out of range give NaN.
package special
