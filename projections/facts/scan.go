package facts

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
)

// scanExposures reads the columns it needs of a segment's exposures.
func (c *collector) scanExposures(ctx context.Context, g *segment) error {
	if g.First > c.query.At {
		return nil
	}
	columns := []string{"position", "project", "environment", "experiment", "unit_type", "variant", "unit", "occurred_at", "assumed_time"}
	q := c.query
	if len(q.Dimensions) > 0 {
		columns = append(columns, "attributes")
	}
	return scan(ctx, g.exposures, columns, func(v [][]parquet.Value, n int) {
		for i := range n {
			if v[0][i].Uint64() > uint64(q.At) || !is(v[3][i], string(q.Experiment)) || !is(v[1][i], string(q.Project)) ||
				!is(v[2][i], string(q.Environment)) || !is(v[4][i], string(q.UnitType)) {
				continue
			}
			arm, ok := c.variants[string(v[5][i].ByteArray())]
			if !ok {
				arm = c.armOf(string(v[5][i].ByteArray()))
			}
			says := int32(0)
			if len(q.Dimensions) > 0 {
				says = c.saying(string(v[9][i].ByteArray()))
			}
			c.exposure(v[6][i].Uint64(), arm, v[7][i].Int64(), v[8][i].Boolean(), says)
		}
	})
}

// scanMeasurements reads the columns it needs of a segment's measurements.
func (c *collector) scanMeasurements(ctx context.Context, g *segment) error {
	if g.First > c.query.At || len(c.events) == 0 {
		return nil
	}
	columns := []string{"position", "project", "environment", "event", "unit_type", "unit", "occurred_at", "value", "assumed_time"}
	q := c.query
	return scan(ctx, g.measurements, columns, func(v [][]parquet.Value, n int) {
		for i := range n {
			wanted := c.events[string(v[3][i].ByteArray())]
			if wanted == nil || v[0][i].Uint64() > uint64(q.At) || !is(v[1][i], string(q.Project)) || !is(v[2][i], string(q.Environment)) ||
				!is(v[4][i], string(q.UnitType)) {
				continue
			}
			c.measurement(wanted, v[5][i].Uint64(), v[6][i].Int64(), v[7][i].Double(), v[8][i].Boolean())
		}
	})
}

func is(v parquet.Value, text string) bool { return string(v.ByteArray()) == text }

const scanRows = 4_096

// scan hands the columns to visit, some thousand rows at a time.
func scan(ctx context.Context, file *parquet.File, columns []string, visit func(values [][]parquet.Value, rows int)) error {
	indexes := make([]int, len(columns))
	for i, name := range columns {
		leaf, ok := file.Schema().Lookup(name)
		if !ok {
			return fmt.Errorf("a facts file has no column %q", name)
		}
		indexes[i] = leaf.ColumnIndex
	}
	values := make([][]parquet.Value, len(columns))
	for i := range values {
		values[i] = make([]parquet.Value, scanRows)
	}
	for _, group := range file.RowGroups() {
		readers := make([]*columnReader, len(columns))
		for i, index := range indexes {
			readers[i] = &columnReader{pages: group.ColumnChunks()[index].Pages()}
		}
		err := scanGroup(ctx, readers, values, group.NumRows(), visit)
		for _, r := range readers {
			err = errors.Join(err, r.close())
		}
		if err != nil {
			return fmt.Errorf("reading facts: %w", err)
		}
	}
	return nil
}

func scanGroup(ctx context.Context, readers []*columnReader, values [][]parquet.Value, rows int64, visit func([][]parquet.Value, int)) error {
	for rows > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := int(min(rows, scanRows))
		for i, r := range readers {
			if err := r.fill(values[i][:n]); err != nil {
				return err
			}
		}
		visit(values, n)
		rows -= int64(n)
		for _, r := range readers {
			r.releaseRead()
		}
	}
	return nil
}

// columnReader reads a column's values across its pages. Texts point into their page, so pages are released only after the
// values read from them were visited.
type columnReader struct {
	pages parquet.Pages
	page  parquet.Page
	rest  parquet.ValueReader
	read  []parquet.Page
}

func (r *columnReader) fill(values []parquet.Value) error {
	for len(values) > 0 {
		if r.rest == nil {
			page, err := r.pages.ReadPage()
			if err != nil {
				return fmt.Errorf("the column ends too early: %w", err)
			}
			r.page, r.rest = page, page.Values()
		}
		n, err := r.rest.ReadValues(values)
		values = values[n:]
		if errors.Is(err, io.EOF) {
			r.read = append(r.read, r.page)
			r.page, r.rest = nil, nil
		} else if err != nil {
			return err
		}
	}
	return nil
}

func (r *columnReader) releaseRead() {
	for _, p := range r.read {
		parquet.Release(p)
	}
	r.read = r.read[:0]
}

func (r *columnReader) close() error {
	r.releaseRead()
	if r.page != nil {
		parquet.Release(r.page)
	}
	return r.pages.Close()
}
