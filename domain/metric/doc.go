// Package metric is the aggregate of metrics: how the events of a unit become one number per unit, and which way is good.
//
// # The model
//
// A metric looks at the measurements with one event name that a unit sends from its first exposure until the window
// after it ends, and makes one value per exposed unit of them: Binary 1 when there is any; Count their number; Mean the
// sum of their values (so the arm's figure is the mean per unit; a unit without measurements counts 0). Ratio divides
// two such totals over the whole arm; Quantile looks at the single values, the unit being a cluster of them; Rate divides
// the number of measurements by the days under observation; NPS and CSAT are answers to a survey, each unit's last one, and
// units that did not answer are left out.
//
// The definition never changes once the metric exists, or reports of the past would change under their readers; make
// a new metric instead. That holds for caps and covariates too: they are chosen before anybody has seen the data.
package metric
