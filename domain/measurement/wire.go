package measurement

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"sync"
)

// WireBatchRecorded is the wire name of a batch. It is written into the log and never changes.
const WireBatchRecorded = "BatchRecorded"

// maxDecoded bounds what a batch may unpack to.
const maxDecoded = 64 << 20

// packers are spare gzip writers: each one has tables of a megabyte, which most batches would need for a few items.
var packers = sync.Pool{New: func() any { //nolint:gochecknoglobals // spare memory; it holds nothing between two uses
	packed, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is valid
	return packed
}}

// Encode writes a batch down as gzipped JSON, which zcat reads.
func Encode(b Batch) ([]byte, error) {
	var out bytes.Buffer
	packed, _ := packers.Get().(*gzip.Writer)
	defer packers.Put(packed)
	packed.Reset(&out)
	items := json.NewEncoder(packed)
	items.SetEscapeHTML(false) // attributes are written as they came
	if err := items.Encode(b); err != nil {
		return nil, fmt.Errorf("encoding a batch: %w", err)
	}
	if err := packed.Close(); err != nil {
		return nil, fmt.Errorf("encoding a batch: %w", err)
	}
	return out.Bytes(), nil
}

// Decode is Encode's inverse. It refuses a batch that unpacks to more than 64 MiB.
func Decode(body []byte) (Batch, error) {
	unpacked, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return Batch{}, fmt.Errorf("decoding a batch: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(unpacked, maxDecoded+1))
	if err != nil {
		return Batch{}, fmt.Errorf("decoding a batch: %w", err)
	}
	if len(text) > maxDecoded {
		return Batch{}, fmt.Errorf("decoding a batch: it unpacks to more than %d bytes", maxDecoded)
	}
	var b Batch
	if err := json.Unmarshal(text, &b); err != nil {
		return Batch{}, fmt.Errorf("decoding a batch: %w", err)
	}
	return b, nil
}
