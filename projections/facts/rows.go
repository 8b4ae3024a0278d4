package facts

import (
	"encoding/json"

	"github.com/assayhq/assay/domain/measurement"
	"github.com/assayhq/assay/eventlog"
)

// version is that of the rows and files. A change of either needs another one.
const version = 2

// exposureRow is a row of an exposures file. Times are nanoseconds since 1970 UTC.
type exposureRow struct {
	Position    uint64 `parquet:"position"`
	Project     string `parquet:"project,dict"`
	Environment string `parquet:"environment,dict"`
	Experiment  string `parquet:"experiment,dict"`
	Variant     string `parquet:"variant,dict"`
	UnitType    string `parquet:"unit_type,dict"`
	UnitID      string `parquet:"unit_id,zstd"`
	Unit        uint64 `parquet:"unit"`
	OccurredAt  int64  `parquet:"occurred_at,timestamp(nanosecond)"`
	ReceivedAt  int64  `parquet:"received_at,timestamp(nanosecond),zstd"`
	EventID     string `parquet:"event_id,zstd"`
	Flag        string `parquet:"flag,dict"`
	Reason      string `parquet:"reason,dict"`
	FlagVersion string `parquet:"flag_version,dict"`
	Attributes  string `parquet:"attributes,zstd"` // JSON object, empty for none
	Assumed     bool   `parquet:"assumed_time"`
}

// measurementRow is a row of a measurements file.
type measurementRow struct {
	Position    uint64  `parquet:"position"`
	Project     string  `parquet:"project,dict"`
	Environment string  `parquet:"environment,dict"`
	Event       string  `parquet:"event,dict"`
	UnitType    string  `parquet:"unit_type,dict"`
	UnitID      string  `parquet:"unit_id,zstd"`
	Unit        uint64  `parquet:"unit"`
	OccurredAt  int64   `parquet:"occurred_at,timestamp(nanosecond)"`
	ReceivedAt  int64   `parquet:"received_at,timestamp(nanosecond),zstd"`
	Value       float64 `parquet:"value"`
	Currency    string  `parquet:"currency,dict"`
	EventID     string  `parquet:"event_id,zstd"`
	Properties  string  `parquet:"properties,zstd"` // JSON object, empty for none
	Assumed     bool    `parquet:"assumed_time"`
}

func rowOfExposure(b *measurement.Batch, x *measurement.Exposure, at eventlog.Position) exposureRow {
	return exposureRow{
		Position: uint64(at), Project: string(b.Project), Environment: string(b.Environment),
		Experiment: string(x.Experiment), Variant: string(x.Variant),
		UnitType: string(x.UnitType), UnitID: x.Unit, Unit: unitOf(x.UnitType, x.Unit),
		OccurredAt: x.OccurredAt.UnixNano(), ReceivedAt: b.ReceivedAt.UnixNano(), EventID: x.EventID,
		Flag: string(x.Flag), Reason: x.Reason, FlagVersion: x.FlagVersion,
		Attributes: object(x.Attributes), Assumed: x.TS == measurement.AssumedTime,
	}
}

func rowOfMeasurement(b *measurement.Batch, m *measurement.Measurement, at eventlog.Position) measurementRow {
	return measurementRow{
		Position: uint64(at), Project: string(b.Project), Environment: string(b.Environment), Event: m.Event,
		UnitType: string(m.UnitType), UnitID: m.Unit, Unit: unitOf(m.UnitType, m.Unit),
		OccurredAt: m.OccurredAt.UnixNano(), ReceivedAt: b.ReceivedAt.UnixNano(), Value: m.Value, Currency: m.Currency,
		EventID: m.EventID, Properties: object(m.Properties), Assumed: m.TS == measurement.AssumedTime,
	}
}

func object(values map[string]json.RawMessage) string {
	if len(values) == 0 {
		return ""
	}
	text, err := json.Marshal(values)
	if err != nil {
		return "" // the values were decoded from JSON, so they encode
	}
	return string(text)
}
