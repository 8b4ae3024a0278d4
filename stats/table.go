package stats

import (
	"math"
	"math/bits"
	"slices"

	"github.com/assayhq/assay/stats/special"
)

// ChiSquared is the outcome of a chi-square test.
type ChiSquared struct {
	Statistic float64
	DF        int
	P, LnP    float64
}

func chiSquared(statistic float64, df int) ChiSquared {
	return ChiSquared{
		Statistic: statistic, DF: df,
		P: math.Min(1, special.ChiSquareSurvival(statistic, float64(df))), LnP: math.Min(0, special.LogChiSquareSurvival(statistic, float64(df))),
	}
}

// Independence is Pearson's chi-square test of a table without continuity correction (K. Pearson, Philosophical Magazine 50, 1900), Σ(O-E)²/E
// with E = row·column/total and (rows-1)(columns-1) degrees of freedom: arms against converted or not, or the arms of one experiment against
// those of another. Rows and columns must not be empty. It assumes independent units, and expected counts of 5 and more.
func Independence(table [][]int64) (ChiSquared, error) {
	rows, columns, total, err := margins(table)
	if err != nil {
		return ChiSquared{}, err
	}
	statistic := 0.0
	for i, row := range table {
		for j, seen := range row {
			// (O - E)²/E with E = R·C/T is (O·T - R·C)²/(R·C·T), whose difference is exact in 128 bits
			d := difference(uint64(seen), uint64(total), uint64(rows[i]), uint64(columns[j])) //nolint:gosec // none is negative
			statistic += d / float64(rows[i]) / float64(columns[j]) * (d / float64(total))
		}
	}
	return chiSquared(statistic, (len(rows)-1)*(len(columns)-1)), nil
}

// margins are the sums of rows and columns.
func margins(table [][]int64) (rows, columns []int64, total int64, err error) {
	if len(table) < 2 || len(table[0]) < 2 {
		return nil, nil, 0, fail(InvalidInput, "a table needs two rows and two columns at least")
	}
	rows, columns = make([]int64, len(table)), make([]int64, len(table[0]))
	for i, row := range table {
		if len(row) != len(columns) {
			return nil, nil, 0, fail(InvalidInput, "the rows of a table must be equally long")
		}
		for j, n := range row {
			if n < 0 || n > math.MaxInt64-total {
				return nil, nil, 0, fail(InvalidInput, "the count %d cannot be", n)
			}
			rows[i], columns[j], total = rows[i]+n, columns[j]+n, total+n
		}
	}
	if slices.Contains(rows, 0) || slices.Contains(columns, 0) {
		return nil, nil, 0, fail(ZeroMargin, "a row or a column of the table is empty")
	}
	return rows, columns, total, nil
}

// difference is |a·b - c·d|.
func difference(a, b, c, d uint64) float64 {
	hi1, lo1 := bits.Mul64(a, b)
	hi2, lo2 := bits.Mul64(c, d)
	if hi1 < hi2 || hi1 == hi2 && lo1 < lo2 {
		hi1, lo1, hi2, lo2 = hi2, lo2, hi1, lo1
	}
	lo, borrow := bits.Sub64(lo1, lo2, 0)
	hi, _ := bits.Sub64(hi1, hi2, borrow)
	return float64(hi)*(1<<64) + float64(lo)
}
